"""Who is handed out when: the strategies."""

from __future__ import annotations

from collections.abc import Callable

from dispatch_sim.dispatch.attempts import Attempts
from dispatch_sim.dispatch.batch import Batch
from dispatch_sim.dispatch.coordinator import begin_turn, charge_writing, prefix_is_cold, warm_prefix
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.outcome import Cause
from dispatch_sim.dispatch.review import Gate
from dispatch_sim.dispatch.width import Width
from dispatch_sim.dispatch.world import COORDINATOR, Process, World


class Dispatcher:
    """Hands out a batch as its strategy says, until every task is done."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._strategy = world.plan.strategy
        self._width = Width(world)
        self._batch = Batch(world, self._tell)
        self._gate = Gate(world, self._tell, lambda: self._attempts.spoil())
        self._attempts = Attempts(world, self._batch, self._width, self._gate, self._tell)
        self._waits_for: Callable[[], bool] | None = None
        """What the dispatcher waits for, while it waits."""
        self._wake = world.env.event()

    def dispatch(self) -> Process:
        """Dispatch the batch; ends when every task is done."""
        self._batch.arrive()
        yield from self._refill() if self._strategy.refills else self._rounds()

    def _refill(self) -> Process:
        """Queue: hand out whenever a task waits and a slot is free."""
        while self._batch.not_done:
            if self._attempts.running:
                yield from self._until(lambda: self._may_refill() or not self._attempts.running)
            else:
                if not self._batch:
                    self._attempts.lift_barrier()
                yield from self._until(lambda: self._may_hand_out() or not self._batch.not_done)
            if self._may_refill():
                yield from self._hand_out()

    def _rounds(self) -> Process:
        """Sequential, parallel and waves: hand out up to the width, and wait until all of it is settled."""
        while self._batch.not_done:
            yield from self._until(lambda: self._may_hand_out() or not self._batch.not_done)
            if not self._batch:
                break
            yield from self._hand_out()
            yield from self._until(lambda: not self._attempts.running)
            self._attempts.lift_barrier()
            yield from self._until(self._round_is_over)
            self._gate.look_after_round()
            self._batch.put_back(self._attempts.failed_in_round)
            self._attempts.failed_in_round.clear()

    def _may_hand_out(self) -> bool:
        return bool(self._batch) and not self._gate.closed

    def _may_refill(self) -> bool:
        return self._may_hand_out() and self._attempts.running < self._width.slots

    def _round_is_over(self) -> bool:
        attempts = self._attempts
        return not attempts.unsettled and not (self._strategy.waits_for_recovery and attempts.recovering)

    def _until(self, condition: Callable[[], bool]) -> Process:
        """Wait until a condition holds, which `_tell` looks at when something has happened."""
        if not condition():
            self._waits_for, self._wake = condition, self._world.env.event()
            yield self._wake

    def _tell(self) -> None:
        """Wake the dispatcher if what it waits for has come, and have looked at what is left at the end."""
        if self._gate.waiting and self._gate.waiting + self._batch.held == self._batch.not_done:
            self._gate.look()
        if self._waits_for is not None and self._waits_for():
            self._waits_for = None
            self._wake.succeed()

    def _hand_out(self) -> Process:
        """Launch as many of the waiting tasks as there are free slots.

        An agent that coordinates does it in one turn, and writes the briefs one after another; a script
        does it at once.
        """
        world = self._world
        if self._strategy.manager == "script":
            if self._strategy.warm_up == "prewarm" and prefix_is_cold(world):
                # By the coordinator, one call after another: of two that never give up, each could have the
                # other refused for ever.
                with world.coordinator.request() as turn:
                    yield turn
                    yield from warm_prefix(world)
            for task in self._batch.take(self._width.slots - self._attempts.running):
                self._attempts.launch(task)
            return
        dispatch = world.scenario.dispatch
        with world.coordinator.request() as turn:
            yield turn
            batch = [] if self._gate.closed else self._batch.take(self._width.slots - self._attempts.running)
            if not batch:
                return  # a gate has closed meanwhile, or adaptive dispatch has become narrower
            start_s = world.env.now
            yield from begin_turn(world)
            yield world.env.timeout(dispatch.turn.time)
            if self._strategy.warm_up == "prewarm":
                yield from warm_prefix(world)
            for task in batch:
                yield world.env.timeout(dispatch.brief.time)
                self._attempts.launch(task)
            tokens = dispatch.turn.tokens + len(batch) * dispatch.brief.tokens
            charge_writing(world, world.books.usage[Cause.COORDINATION], tokens)
            world.note(start_s, EventKind.TURN, COORDINATOR)
