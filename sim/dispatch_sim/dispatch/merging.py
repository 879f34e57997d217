"""Putting outputs together, by the coordinator and by a person."""

from __future__ import annotations

from bisect import bisect_right

from dispatch_sim.dispatch.coordinator import charge_writing, get_admitted
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.luck import AttemptLuck
from dispatch_sim.dispatch.outcome import Failure, State
from dispatch_sim.dispatch.world import AttemptBooks, Steps, Task, World


class Merging:
    """Merges outputs, and knows which of them were made without sight of each other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._begun = 0
        self._merged_s: list[float] = []
        """When outputs were merged, in order."""

    def merge(self, task: Task, luck: AttemptLuck, books: AttemptBooks) -> Steps:
        """Merge an output; a bad one is found out when the work of merging it is done."""
        world = self._world
        costs = world.scenario.merge
        structured = world.scenario.tasks[task.group].output == "structured"
        cost = costs.structured if structured else costs.prose
        pairs = 0 if luck.bad_output else self._unseen(task)
        tokens = cost.tokens + pairs * costs.pair.tokens
        time_s = cost.time + pairs * costs.pair.time
        people_s = cost.people + pairs * costs.pair.people
        if tokens or time_s:
            with world.coordinator.request() as turn:
                yield turn
                yield from get_admitted(world)
                world.book_time(task, State.BLOCKED, EventKind.COORDINATOR_BUSY)
                yield world.env.timeout(time_s)
                charge_writing(world, books.merge, tokens)
                world.book_time(task, State.MERGE, EventKind.MERGE)
        if people_s:
            with world.person.request() as turn:
                yield turn
                world.book_time(task, State.BLOCKED, EventKind.PERSON_BUSY)
                yield world.env.timeout(people_s)
                world.books.people_merge_s += people_s
                world.book_time(task, State.MERGE, EventKind.MERGE_BY_PERSON)
        if luck.bad_output:
            world.note(world.env.now, EventKind.BAD_OUTPUT, task.number, task.attempts)
            return Failure.BAD_OUTPUT
        self._merged_s.append(world.env.now)
        return None

    def _unseen(self, task: Task) -> int:
        """Count the outputs whose merge has begun and which this task's agent could not see.

        It sees what was merged when it was launched.
        """
        unseen = self._begun - bisect_right(self._merged_s, task.launched_s)
        self._begun += 1
        return unseen
