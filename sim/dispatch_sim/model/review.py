"""Review: a person checks merged outputs; unless `blocking` is false, nothing is dispatched meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

from dispatch_sim.model import recovery
from dispatch_sim.model.events import Activity, Failure

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt
    from dispatch_sim.model.backlog import Task
    from dispatch_sim.model.simulation import Process, Simulation


class Review:
    """Holds merged outputs until a person has approved them; shows whether the instructions were wrong.

    Without a review, wrong instructions show when all is merged.

    Attributes
    ----------
    instructions : their version; wrong ones are put right once.
    under_way : whether a review has begun or waits for the person.
    """

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._review = sim.scenario.review
        self._waiting: list[tuple[Task, simpy.Event]] = []
        """Outputs, each with the event of its verdict: whether its instructions were wrong."""
        self._wrong = sim.variates.bad_brief()
        self._number = 0
        self.instructions = 0
        self.under_way = False

    @property
    def blocks(self) -> bool:
        """Whether nothing is dispatched now."""
        return self.under_way and (self._review is None or self._review.blocking)

    def approve(self, attempt: Attempt) -> Process[None]:
        """Have a merged output approved where that is asked for; its task is done then."""
        sim, task = self._sim, attempt.task
        if self._review is not None or self._wrong:
            task.enter(Activity.AWAITS_REVIEW)
            verdict = sim.env.event()
            self._waiting.append((task, verdict))
            self._start_if_due()
            sim.notify()
            if (yield verdict):
                recovery.fail(attempt, Failure.WRONG_BRIEF, hold_back=False)
                return
        task.outputs.append((attempt.usage, task.rework > 0.0))
        task.checkpoint = None
        sim.backlog.finish(task)

    def after_wave(self) -> None:
        """Start a review if one is due after each wave."""
        if self._review is not None and self._review.every == "round":
            self._start()

    def start_if_nothing_else_is_left(self) -> None:
        """Start a review if all unfinished tasks wait for approval or for other groups."""
        backlog = self._sim.backlog
        if self._waiting and len(self._waiting) + backlog.blocked == backlog.unfinished:
            self._start()

    def _start_if_due(self) -> None:
        every = None if self._review is None else self._review.every
        if isinstance(every, int) and len(self._waiting) >= every:
            self._start()

    def _start(self) -> None:
        if self._waiting and not self.under_way:
            self.under_way = True
            self._sim.env.process(self._run())

    def _run(self) -> Process[None]:
        """Have a person check outputs that wait, and give the verdict on them."""
        sim, review = self._sim, self._review
        if review is not None:
            with sim.person.request() as turn:
                yield turn
                # Whatever has come meanwhile is reviewed as well, unless each output is reviewed by itself.
                reviewed = self._take(1 if review.every == 1 else len(self._waiting))
                for task, _ in reviewed:
                    task.enter(Activity.REVIEW)
                seconds = sim.variates.review_s(self._number) + len(reviewed) * review.each
                self._number += 1
                yield sim.env.timeout(seconds)
                sim.ledger.people_review_s += seconds
                sim.ledger.reviews += 1
        else:
            reviewed = self._take(len(self._waiting))
        wrong = self._wrong
        if wrong:
            self._wrong = False
            self.instructions += 1
            # The outputs that still wait were made by the same instructions.
            reviewed = self._take(len(self._waiting)) + reviewed
        self.under_way = False
        for _, verdict in reviewed:
            verdict.succeed(wrong)
        if wrong:
            recovery.redo_all_by_wrong_brief(sim)
        self._start_if_due()
        sim.notify()

    def _take(self, most: int) -> list[tuple[Task, simpy.Event]]:
        taken, self._waiting = self._waiting[:most], self._waiting[most:]
        return taken
