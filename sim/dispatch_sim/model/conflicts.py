"""Conflicts between outputs: lost updates, copies that must be merged, and locks."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import TYPE_CHECKING

import simpy

from dispatch_sim.model.events import Activity

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt
    from dispatch_sim.model.backlog import Task
    from dispatch_sim.model.simulation import Process, Simulation


class Write:
    """The write of one attempt, made when it returns.

    Attributes
    ----------
    names : what it writes.
    began_s, returned_s, merged_s : when its agent began, when it returned and when its output was merged;
        infinite before that.
    lost : whether a later write has taken its place.
    safe : happens when nobody is at work any more that can write over it.
    """

    __slots__ = ("began_s", "key", "lost", "merged_s", "names", "returned_s", "safe")

    def __init__(self, attempt: Attempt, names: frozenset[str]) -> None:
        self.names = names
        self.key = attempt.key
        self.began_s = attempt.sim.env.now
        self.returned_s = self.merged_s = math.inf
        self.lost = False
        self.safe = attempt.sim.env.event()


class Isolation:
    """How agents that write the same are kept apart: they share files, have copies, or take locks.

    With shared files, the later write wins, and the earlier output is lost. With copies nothing is lost, but
    merges conflict. With locks, each name has one writer at a time, from its agent's beginning to its return.
    """

    def __init__(self, sim: Simulation, kind: str) -> None:
        self._sim = sim
        self._kind = kind
        self._names = [frozenset(group.writes) for group in sim.scenario.tasks]
        self._locks = {
            name: simpy.Resource(sim.env, capacity=1)
            for name in frozenset().union(*self._names)
            if kind == "locks"
        }
        self._at_work: list[Write] = []
        self._at_risk: list[Write] = []
        """Outputs in shared files that somebody at work may still write over."""
        self._merging: list[Write] = []
        """Copies that are merged or being merged."""

    def lock(self, task: Task, held: ExitStack) -> Process[None]:
        """Wait until nobody else writes what a task writes; `held` gives it back.

        All take locks in one order, so that nobody waits in a circle.
        """
        if self._kind == "locks":
            for name in sorted(self._names[task.group]):
                task.enter(Activity.LOCK)
                yield held.enter_context(self._locks[name].request())

    def has_copy(self, group: int) -> bool:
        """Whether an agent has its own copy of what it works on."""
        return self._kind == "worktree" and bool(self._names[group])

    def begin(self, attempt: Attempt) -> Write:
        """Note that an attempt is at work."""
        write = Write(attempt, self._names[attempt.task.group])
        if self._kind == "shared" and write.names:
            self._at_work.append(write)
        return write

    def end(self, write: Write, *, returned: bool) -> None:
        """Let it overwrite what it conflicts with, if it has returned; what nobody can overwrite is safe."""
        if write not in self._at_work:
            return
        self._at_work.remove(write)
        if returned:
            write.returned_s = self._sim.env.now
            for other in self._at_risk:
                if other.returned_s > write.began_s and not other.lost and self._conflict(write, other):
                    other.lost = True
            self._at_risk.append(write)
        for other in list(self._at_risk):
            if not any(_could_overwrite(one, other) for one in self._at_work):
                self._at_risk.remove(other)
                other.safe.succeed()

    def begin_merge(self, write: Write) -> float:
        """Begin to merge a copy; returns a person's time for its conflicts with what it has not seen.

        It has seen what was merged when its agent began.
        """
        seconds = 0.0
        if self._kind == "worktree" and write.names:
            for other in self._merging:
                if other.merged_s > write.began_s and self._conflict(write, other):
                    self._sim.ledger.merge_conflicts += 1
                    seconds += self._sim.variates.resolve_s(write.key, other.key)
            self._merging.append(write)
        return seconds

    def end_merge(self, attempt: Attempt) -> Process[None]:
        """Note that an output is merged; it is done when nobody is at work any more who can write over it."""
        write = attempt.write
        write.merged_s = self._sim.env.now
        if write in self._at_risk:
            attempt.task.enter(Activity.EXPOSED)
            yield write.safe

    def _conflict(self, one: Write, other: Write) -> bool:
        if one.names.isdisjoint(other.names):
            return False
        return self._sim.variates.conflict(one.key, other.key) < self._sim.scenario.conflicts.probability


def _could_overwrite(one: Write, other: Write) -> bool:
    return one.began_s < other.returned_s and not one.names.isdisjoint(other.names)
