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
    began_s, returned_s, merged_s : when its agent began, when it returned and when its output was merged;
        infinite before that.
    lost : whether a later write has taken its place.
    safe : happens when nobody is at work any more that can write over it.
    """

    __slots__ = ("began_s", "group", "key", "lost", "merged_s", "returned_s", "safe")

    def __init__(self, attempt: Attempt) -> None:
        self.group = attempt.task.group
        self.key = attempt.key
        self.began_s = attempt.sim.env.now
        self.returned_s = self.merged_s = math.inf
        self.lost = False
        self.safe = attempt.sim.env.event()


class Isolation:
    """Isolation of agents; the base class has none, for groups that write nothing."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._names = [frozenset(group.writes) for group in sim.scenario.tasks]

    def lock(self, task: Task, held: ExitStack) -> Process[None]:
        """Wait until nobody else writes what a task writes; `held` gives it back."""
        yield from ()

    def setup_s(self, group: int) -> float:
        """Return the time to make an agent its own copy of what it works on."""
        return 0.0

    def names_directory(self, group: int) -> bool:
        """Whether an agent's prompt names a directory of its own, so that it has no prefix in common."""
        return False

    def begin(self, attempt: Attempt) -> Write:
        """Note that an attempt is at work."""
        return Write(attempt)

    def end(self, write: Write, *, returned: bool) -> None:
        """Note that an attempt is over."""

    def begin_merge(self, write: Write) -> float:
        """Begin to merge an output; returns a person's time for its conflicts with what it has not seen."""
        return 0.0

    def end_merge(self, write: Write) -> None:
        """Note that an output is merged."""

    def wait_until_safe(self, attempt: Attempt) -> Process[None]:
        """Wait until nobody is at work that can write over an output."""
        yield from ()

    def _conflict(self, one: Write, other: Write) -> bool:
        if self._names[one.group].isdisjoint(self._names[other.group]):
            return False
        return self._sim.variates.conflict(one.key, other.key) < self._sim.scenario.conflicts.probability


class Locks(Isolation):
    """One writer of each name at a time, from its agent's beginning to its return."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim)
        names = frozenset().union(*self._names)
        self._locks = {name: simpy.Resource(sim.env, capacity=1) for name in names}

    def lock(self, task: Task, held: ExitStack) -> Process[None]:
        """Take all locks in one order, so that nobody waits in a circle."""
        for name in sorted(self._names[task.group]):
            task.enter(Activity.LOCK)
            yield held.enter_context(self._locks[name].request())


class SharedFiles(Isolation):
    """No isolation: the later write wins, and the earlier output is lost."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim)
        self._at_work: list[Write] = []
        self._at_risk: list[Write] = []
        """Outputs that somebody at work may still write over."""

    def begin(self, attempt: Attempt) -> Write:
        """Note that an attempt is at work."""
        write = super().begin(attempt)
        self._at_work.append(write)
        return write

    def end(self, write: Write, *, returned: bool) -> None:
        """Let it overwrite what it conflicts with, if it has returned; what nobody can overwrite is safe."""
        self._at_work.remove(write)
        if returned:
            write.returned_s = self._sim.env.now
            for other in self._at_risk:
                if other.returned_s > write.began_s and not other.lost and self._conflict(write, other):
                    other.lost = True
            self._at_risk.append(write)
        for other in list(self._at_risk):
            if not any(self._could_overwrite(one, other) for one in self._at_work):
                self._at_risk.remove(other)
                other.safe.succeed()

    def wait_until_safe(self, attempt: Attempt) -> Process[None]:
        """An output is done only when nobody is at work any more who can write over it."""
        if not attempt.write.safe.triggered:
            attempt.task.enter(Activity.EXPOSED)
            yield attempt.write.safe

    def _could_overwrite(self, one: Write, other: Write) -> bool:
        meets = not self._names[one.group].isdisjoint(self._names[other.group])
        return meets and one.began_s < other.returned_s


class Worktrees(Isolation):
    """A copy for each agent that writes: nothing is lost, but merges conflict."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim)
        self._merging: list[Write] = []
        """Outputs that are merged or being merged."""

    def setup_s(self, group: int) -> float:
        """Return the time to make a copy."""
        return self._sim.scenario.conflicts.setup if self._names[group] else 0.0

    def names_directory(self, group: int) -> bool:
        """Whether the prompt names the agent's copy."""
        return bool(self._names[group]) and self._sim.scenario.harness.directory_in_prompt

    def begin_merge(self, write: Write) -> float:
        """Return a person's time for its conflicts with outputs that were not merged when it began."""
        seconds = 0.0
        for other in self._merging:
            if other.merged_s > write.began_s and self._conflict(write, other):
                self._sim.ledger.merge_conflicts += 1
                seconds += self._sim.variates.resolve_s(write.key, other.key)
        self._merging.append(write)
        return seconds

    def end_merge(self, write: Write) -> None:
        """Note when an output is merged."""
        write.merged_s = self._sim.env.now


def make_isolation(sim: Simulation, name: str) -> Isolation:
    """Return the isolation of a name; none is needed where agents write nothing that others write too."""
    if not any(group.writes for group in sim.scenario.tasks):
        return Isolation(sim)
    return {"shared": SharedFiles, "worktree": Worktrees, "locks": Locks}[name](sim)
