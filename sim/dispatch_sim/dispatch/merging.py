"""Putting outputs together, by the coordinator and by a person."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator
from typing import Any

import simpy

from dispatch_sim.dispatch.coordinator import begin_turn, charge_writing
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.luck import AttemptLuck
from dispatch_sim.dispatch.outcome import Failure, State
from dispatch_sim.dispatch.sharing import SharedState, Write, until_safe
from dispatch_sim.dispatch.world import Steps, Task, World


class _Merges:
    """When the merges of outputs began and were over, so that one can tell what an agent did not see."""

    def __init__(self) -> None:
        self.begun = 0
        self.over_s: list[float] = []

    def unseen(self, since_s: float) -> int:
        """Count the merges that have begun and were not over at a time."""
        return self.begun - bisect_right(self.over_s, since_s)


class Merging:
    """Merges outputs, and knows which of them were made without sight of each other."""

    def __init__(self, world: World, shared: SharedState) -> None:
        self._world = world
        self._shared = shared
        self._all = _Merges()
        self._of_group = [_Merges() for _ in world.scenario.tasks]
        self._group_sizes = [0] * len(world.scenario.tasks)
        for task in world.plan.tasks:
            self._group_sizes[task.group] += 1

    def merge(self, task: Task, luck: AttemptLuck, write: Write | None) -> Steps:
        """Merge an output; a bad one is found out when the work of merging it is done.

        One that has been written over is found out before, or as long as somebody is at work that can do so.
        """
        world = self._world
        if write is not None and write.lost:
            return (yield from self._clean_up(task))
        kind = world.scenario.tasks[task.group]
        costs = world.scenario.merge
        cost = costs.structured if kind.output == "structured" else costs.prose
        pairs, blind = (0, 0) if luck.bad_output or task.rework else self._unseen(task)
        tokens = cost.tokens + pairs * costs.pair.tokens
        time_s = cost.time + pairs * costs.pair.time
        people_s = cost.people + pairs * costs.pair.people
        if tokens or time_s:
            world.enter(task, State.BLOCKED, EventKind.COORDINATOR_BUSY)
            with world.coordinator.request() as turn:
                yield turn
                task.merging = True
                if write is None or not write.lost:
                    yield from begin_turn(world)
                    world.enter(task, State.MERGE, EventKind.MERGE)
                    yield world.env.timeout(time_s)
                    charge_writing(world, task.books.merge, tokens)
        if people_s and (write is None or not write.lost):
            done = yield from self._by_person(task, EventKind.MERGE_BY_PERSON, people_s, write)
            world.books.people_merge_s += people_s if done else 0.0
        if write is not None and write.lost:  # written over while it was in line, or being merged
            self.drop(task)
            return (yield from self._clean_up(task))
        task.merging = True
        if luck.bad_output:
            world.note(world.env.now, EventKind.BAD_OUTPUT, task.number, task.attempts)
            return Failure.BAD_OUTPUT
        if write is not None:
            resolving_s = self._shared.merge(write)
            if resolving_s:
                yield from self._by_person(task, EventKind.RESOLVE, resolving_s)
                world.books.people_conflicts_s += resolving_s
            self._shared.merged(write)
        if task.unseen_counted:
            task.unseen_counted = False
            for merges in (self._all, self._of_group[task.group]):
                merges.over_s.append(world.env.now)
        if write is not None and world.isolation == "shared":
            yield from until_safe(world, task, write)
            if write.lost:
                return (yield from self._clean_up(task))
        # Outputs of a task that was done again count as well, but no more than all others can be missed.
        others = max(1, self._group_sizes[task.group] - 1)
        task.blind_share = kind.coupling * min(blind, others) / others
        return None

    def _unseen(self, task: Task) -> tuple[int, int]:
        """Count the outputs whose merge has begun and which this task's agent could not see; begin its own.

        It sees what was merged when it was launched, and what the others of its group do if they communicate.

        Returns
        -------
        The outputs of which it saw nothing, and those of its own group among them.
        """
        everything, own = self._all, self._of_group[task.group]
        pairs, blind = everything.unseen(task.launched_s), own.unseen(task.launched_s)
        task.unseen_counted = True
        everything.begun += 1
        own.begun += 1
        return (pairs, blind) if self._world.communication == "none" else (pairs - blind, 0)

    def drop(self, task: Task) -> None:
        """Count an output no longer that was to be merged, or was being merged."""
        if task.unseen_counted:
            task.unseen_counted = False
            self._all.begun -= 1
            self._of_group[task.group].begun -= 1

    def _by_person(
        self, task: Task, kind: EventKind, seconds: float, write: Write | None = None
    ) -> Generator[simpy.Event, Any, bool]:
        """Have a person work on an output, when there is time, unless it has been lost by then."""
        world = self._world
        world.enter(task, State.BLOCKED, EventKind.PERSON_BUSY)
        with world.person.request() as turn:
            yield turn
            task.merging = True
            if write is not None and write.lost:
                return False
            world.enter(task, State.MERGE, kind)
            yield world.env.timeout(seconds)
        return True

    def _clean_up(self, task: Task) -> Steps:
        """Have a person see to the loss of an attempt's work."""
        world = self._world
        task.merging = True
        world.note(world.env.now, EventKind.OVERWRITTEN, task.number, task.attempts)
        seconds = world.luck.clean_up(*task.luck_key)
        if seconds:
            yield from self._by_person(task, EventKind.CLEAN_UP, seconds)
            world.books.people_conflicts_s += seconds
        return Failure.OVERWRITTEN
