"""What agents write that others write too: locks, lost updates, conflicts between copies."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import simpy

from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.outcome import State
from dispatch_sim.dispatch.world import Process, Task, World


class Write:
    """What one attempt of a task writes, in one go, when it returns.

    Attributes
    ----------
    began_s, returned_s, merged_s : when it was launched, when it returned and when it was merged; infinite
        before that.
    lost : whether a later write has taken its place.
    """

    __slots__ = ("began_s", "lost", "merged_s", "number", "returned_s", "safe", "task")

    def __init__(self, task: Task, began_s: float, safe: simpy.Event) -> None:
        self.task = task
        self.number = task.luck_number
        self.began_s = began_s
        self.returned_s = self.merged_s = math.inf
        self.lost = False
        self.safe = safe
        """Happens when nobody is at work any more that can write over it."""

    @property
    def key(self) -> tuple[int, int, int]:
        """Of its draws."""
        return self.task.group, self.task.index, self.number


class SharedState:
    """Tells whose writes get in each other's way, under the isolation of the strategy."""

    def __init__(self, world: World) -> None:
        self._world = world
        groups = [frozenset(group.writes) for group in world.scenario.tasks]
        self._names = [sorted(names) for names in groups]
        self._meets = [[bool(one & other) for other in groups] for one in groups]
        self._locks = {name: simpy.Resource(world.env, capacity=1) for names in groups for name in names}
        self._at_work: list[Write] = []
        self._returned: list[Write] = []
        """Those that somebody at work may still write over."""
        self._merging: list[Write] = []
        """Outputs that are merged or being merged."""

    def lock(self, task: Task, held: ExitStack) -> Process:
        """Wait until nobody else writes what a task writes; `held` gives it back."""
        if self._world.isolation != "locks":
            return
        for name in self._names[task.group]:  # all in one order, so that nobody waits in a circle
            self._world.enter(task, State.BLOCKED, EventKind.LOCK)
            yield held.enter_context(self._locks[name].request())

    def begin(self, task: Task) -> Write | None:
        """Note that an attempt is at work; None where it writes nothing that could be lost."""
        if self._world.isolation == "locks" or not self._names[task.group]:
            return None
        write = Write(task, self._world.env.now, self._world.env.event())
        if self._world.isolation == "shared":
            self._at_work.append(write)
        return write

    def end(self, write: Write, returned: bool) -> None:
        """Note that an attempt is over; where it has returned, it writes over what it conflicts with."""
        if self._world.isolation != "shared":
            return
        self._at_work.remove(write)
        if returned:
            write.returned_s = self._world.env.now
            for other in self._returned:
                if other.returned_s > write.began_s and not other.lost and self._conflict(write, other):
                    other.lost = True
            self._returned.append(write)
        for other in list(self._returned):
            if not any(self._could_overwrite(one, other) for one in self._at_work):
                self._returned.remove(other)
                other.safe.succeed()

    def merge(self, write: Write) -> float:
        """Begin to merge an output; returns a person's time for its conflicts with what it has not seen."""
        seconds = 0.0
        if self._world.isolation == "worktree":
            for other in self._merging:
                if other.merged_s > write.began_s and self._conflict(write, other):
                    self._world.books.merge_conflicts += 1
                    seconds += self._world.luck.resolve(write.key, other.key)
            self._merging.append(write)
        return seconds

    def merged(self, write: Write) -> None:
        """Note that an output is merged."""
        write.merged_s = self._world.env.now

    def _could_overwrite(self, one: Write, other: Write) -> bool:
        meets = self._meets[one.task.group][other.task.group]
        return meets and one.began_s < other.returned_s

    def _conflict(self, one: Write, other: Write) -> bool:
        if not self._meets[one.task.group][other.task.group]:
            return False
        probability = self._world.scenario.conflicts.probability
        return self._world.luck.conflict(one.key, other.key) < probability


def until_safe(world: World, task: Task, write: Write) -> Generator[simpy.Event, Any, None]:
    """Wait until nobody is at work that can write over an output."""
    if not write.safe.triggered:
        world.enter(task, State.BLOCKED, EventKind.EXPOSED)
        yield write.safe
