"""Counts outputs that were made without sight of each other."""

from __future__ import annotations

from dispatch_sim.engine import codes
from dispatch_sim.engine.parameters import MergeCount
from dispatch_sim.engine.records import State


def join_merges(s: State, t: int) -> int:
    """Count an output among those that are merged; return how many of them its agent did not see."""
    task, everything = s.tasks[t], s.world.merges
    own = s.groups[task.group].merges
    unseen, of_group = _unseen(s, everything, task.began_s), _unseen(s, own, task.began_s)
    everything.begun += 1
    own.begun += 1
    task.counts_as_unseen = True
    if s.plan.communication != codes.SILENT:
        return unseen - of_group
    task.unseen = of_group
    return unseen


def _unseen(s: State, count: MergeCount, since_s: float) -> int:
    """Count the merges that have begun and were not over at a time."""
    low, high = 0, count.over
    while low < high:
        middle = (low + high) // 2
        if since_s < s.merges_over[count.first + middle]:
            high = middle
        else:
            low = middle + 1
    return count.begun - low


def complete_merge(s: State, t: int) -> None:
    """Note that an output is merged."""
    if s.tasks[t].counts_as_unseen:
        s.tasks[t].counts_as_unseen = False
        _complete(s, s.world.merges)
        _complete(s, s.groups[s.tasks[t].group].merges)


def _complete(s: State, count: MergeCount) -> None:
    if count.over >= count.room:
        s.world.overflow = True
        return
    s.merges_over[count.first + count.over] = s.world.now_s
    count.over += 1


def drop_merge(s: State, t: int) -> None:
    """Count an output no longer that was to be merged, or was being merged."""
    if s.tasks[t].counts_as_unseen:
        s.tasks[t].counts_as_unseen = False
        s.world.merges.begun -= 1
        s.groups[s.tasks[t].group].merges.begun -= 1


def unseen_share(s: State, t: int) -> float:
    """Return the part of its group that an agent did not see."""
    task = s.tasks[t]
    group = s.groups[task.group]
    others = max(1, group.size - 1)
    return group.coupling * min(task.unseen, others) / others
