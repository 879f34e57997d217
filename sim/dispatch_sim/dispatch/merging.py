"""Putting outputs together, by the coordinator and by a person, and the coordinator's own model calls."""

from __future__ import annotations

from bisect import bisect_right

from dispatch_sim.dispatch.luck import AttemptLuck
from dispatch_sim.dispatch.outcome import Failure, State, Usage
from dispatch_sim.dispatch.world import COORDINATOR, AttemptBooks, Process, Steps, Task, World


def get_admitted(world: World) -> Process:
    """Get a call of the coordinator admitted. It never gives up: it comes back when it is told to."""
    if world.api.waits:
        yield from world.api.acquire(0)
        return
    while retry_after_s := world.api.admit(0):
        world.books.rejected_tries += 1
        world.note(world.env.now, "429", COORDINATOR)
        yield world.env.timeout(retry_after_s)


def write(world: World, usage: Usage, tokens: float) -> None:
    """Charge and book what the coordinator has written in a call, at its end."""
    whole = int(tokens + 0.5)
    usage.tokens += whole
    usage.output += whole
    world.api.charge_output(whole)


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
                world.book_time(task, State.BLOCKED, "coordinator busy")
                yield from get_admitted(world)
                yield world.env.timeout(time_s)
                write(world, books.merge, tokens)
                world.book_time(task, State.MERGE, "merge")
        if people_s:
            with world.person.request() as turn:
                yield turn
                world.book_time(task, State.BLOCKED, "person busy")
                yield world.env.timeout(people_s)
                world.books.people_merge_s += people_s
                world.book_time(task, State.MERGE, "merge by person")
        if luck.bad_output:
            world.note(world.env.now, "bad output", task.number, task.attempts)
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
