"""Counts outputs that were made without sight of each other."""

from __future__ import annotations

from dispatch_sim.engine import codes
from dispatch_sim.engine.jit import compiled
from dispatch_sim.engine.records import MAX_MERGES, State


@compiled
def join_merges(s: State, t: int) -> int:
    """Count an output among those that are merged; return how many of them its agent did not see."""
    task, world = s.tasks[t], s.world
    group = s.groups[task.group]
    seen = _merges_until(s, task.began_s)
    seen_of_group = _merges_of_group_until(s, task.group, task.began_s)
    pairs = world.merges_begun - seen
    unseen_of_group = group.merges_begun - seen_of_group
    task.counts_as_unseen = True
    world.merges_begun += 1
    group.merges_begun += 1
    if s.plan.communication != codes.SILENT:
        return pairs - unseen_of_group
    task.unseen = unseen_of_group
    return pairs


@compiled
def _merges_until(s: State, time_s: float) -> int:
    low, high = 0, s.world.merges
    while low < high:
        middle = (low + high) // 2
        if time_s < s.merges[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def _merges_of_group_until(s: State, group: int, time_s: float) -> int:
    first = s.groups[group].first_merge
    low, high = 0, s.groups[group].merges_done
    while low < high:
        middle = (low + high) // 2
        if time_s < s.group_merges[first + middle]:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def complete_merge(s: State, t: int) -> None:
    """Note that an output is merged."""
    task, world = s.tasks[t], s.world
    group = s.groups[task.group]
    if not task.counts_as_unseen:
        return
    task.counts_as_unseen = False
    if world.merges >= MAX_MERGES or group.merges_done >= group.merge_room:
        world.overflow = True
        return
    s.merges[world.merges] = s.group_merges[group.first_merge + group.merges_done] = world.now_s
    world.merges += 1
    group.merges_done += 1


@compiled
def drop_merge(s: State, t: int) -> None:
    """Count an output no longer that was to be merged, or was being merged."""
    if s.tasks[t].counts_as_unseen:
        s.tasks[t].counts_as_unseen = False
        s.world.merges_begun -= 1
        s.groups[s.tasks[t].group].merges_begun -= 1


@compiled
def unseen_share(s: State, t: int) -> float:
    """Return the part of its group that an agent did not see."""
    task = s.tasks[t]
    group = s.groups[task.group]
    others = max(1, group.size - 1)
    return group.coupling * min(task.unseen, others) / others
