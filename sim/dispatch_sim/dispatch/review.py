"""Review gates: a person looks at what is merged, and nothing is handed out meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy

from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.outcome import State
from dispatch_sim.dispatch.world import Process, Task, World


class Gate:
    """Holds merged outputs until a person has approved them; shows whether the instructions were wrong.

    Without a review, wrong instructions are found out when all is merged.
    """

    def __init__(self, world: World, on_change: Callable[[], None], on_wrong: Callable[[], None]) -> None:
        self._world = world
        self._review = world.scenario.review
        self._on_change = on_change
        self._on_wrong = on_wrong
        self._waiting: list[tuple[Task, simpy.Event]] = []
        """Outputs, each with the event that tells it whether its instructions were wrong."""
        self._gates = 0
        self.instructions_are_wrong = world.luck.bad_brief()
        self.instructions = 0
        """Their version: wrong ones are put right once."""
        self.closed = False
        """Whether a person is looking, or about to."""

    @property
    def waiting(self) -> int:
        """Outputs that wait to be looked at."""
        return len(self._waiting)

    def holds(self) -> bool:
        """Whether merged outputs have to wait for a person."""
        return self._review is not None or self.instructions_are_wrong

    def approve(self, task: Task) -> Generator[simpy.Event, Any, bool]:
        """Wait until an output is approved; ends with whether it was made by wrong instructions."""
        self._world.enter(task, State.BLOCKED, EventKind.GATE)
        verdict = self._world.env.event()
        self._waiting.append((task, verdict))
        self._look_if_due()
        self._on_change()
        return bool((yield verdict))

    def look(self) -> None:
        """Have a person look at what waits."""
        if self._waiting and not self.closed:
            self.closed = True
            self._world.env.process(self._look())

    def look_after_round(self) -> None:
        """Have a person look if that is asked for after each round."""
        if self._review is not None and self._review.every == "round":
            self.look()

    def _look_if_due(self) -> None:
        every = None if self._review is None else self._review.every
        if isinstance(every, int) and len(self._waiting) >= every:
            self.look()

    def _look(self) -> Process:
        world, review = self._world, self._review
        if review is not None:
            with world.person.request() as turn:
                yield turn
                # Whatever has come meanwhile is reviewed as well, unless each output is reviewed by itself.
                reviewed = self._take(1 if review.every == 1 else len(self._waiting))
                for task, _ in reviewed:
                    world.enter(task, State.REVIEW, EventKind.REVIEW)
                seconds = world.luck.review(self._gates) + len(reviewed) * review.each
                self._gates += 1
                yield world.env.timeout(seconds)
                world.books.people_review_s += seconds
                world.books.reviews += 1
        else:
            reviewed = self._take(len(self._waiting))
        wrong = self.instructions_are_wrong
        if wrong:
            self.instructions_are_wrong = False
            self.instructions += 1
            # The outputs that still wait were made by the same instructions.
            reviewed = self._take(len(self._waiting)) + reviewed
        self.closed = False
        for _, verdict in reviewed:
            verdict.succeed(wrong)
        if wrong:
            self._on_wrong()
        self._look_if_due()
        self._on_change()

    def _take(self, most: int) -> list[tuple[Task, simpy.Event]]:
        taken, self._waiting = self._waiting[:most], self._waiting[most:]
        return taken
