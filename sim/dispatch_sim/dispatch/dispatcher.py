"""Who is handed out when, and what becomes of each attempt: the strategies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from dispatch_sim.dispatch.agent import work
from dispatch_sim.dispatch.coordinator import charge_writing, get_admitted, warm_prefix
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.merging import Merging
from dispatch_sim.dispatch.outcome import Cause, Failure, State
from dispatch_sim.dispatch.world import COORDINATOR, AttemptBooks, Process, Task, World


class Dispatcher:
    """Hands out a batch as its strategy says, until every task is done."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._strategy = world.plan.strategy
        retry = world.scenario.retry
        self._max_attempts = retry.max_attempts if retry.policy == "failed-only" else 1
        self._merging = Merging(world)
        self._pending: deque[Task] = deque()
        """Tasks that wait for an attempt."""
        self._failed_in_round: list[Task] = []
        """Tasks that wait for the next round."""
        self._running = 0
        """Attempts that hold a slot."""
        self._unsettled = 0
        """Attempts begun whose outcome is not known and dealt with yet."""
        self._recovering = 0
        """Tasks left to a person and not finished yet."""
        self._not_done = len(world.plan.tasks)
        self._waits_for: Callable[[], bool] | None = None
        """What the dispatcher waits for, while it waits."""
        self._wake = world.env.event()
        self._barrier = world.env.event()
        """Happens, and is replaced, when all that was handed out has come back."""

    def dispatch(self) -> Process:
        """Dispatch the batch; ends when every task is done."""
        world = self._world
        late: dict[int, list[Task]] = {}
        for number, key in enumerate(world.plan.tasks):
            task = Task(number, key.group, key.index, world.luck.arrival(key.group, key.index))
            if task.arrived_s > 0.0:
                late.setdefault(key.group, []).append(task)
            else:
                self._pending.append(task)
        for group in late.values():
            world.env.process(self._arrive(group))
        yield from self._refill() if self._strategy.refills else self._rounds()

    def _arrive(self, tasks: list[Task]) -> Process:
        """Let the tasks of a group arrive one after another."""
        for task in tasks:
            yield self._world.env.timeout(task.arrived_s - self._world.env.now)
            task.since_s = task.arrived_s = self._world.env.now
            self._pending.append(task)
            self._tell()

    def _refill(self) -> Process:
        """Queue: hand out whenever a task waits and a slot is free."""
        while self._not_done:
            if self._running:
                yield from self._until(lambda: self._may_refill() or not self._running)
            else:
                if not self._pending:
                    self._lift_barrier()
                yield from self._until(lambda: bool(self._pending) or not self._not_done)
            if self._may_refill():
                yield from self._hand_out()

    def _may_refill(self) -> bool:
        return bool(self._pending) and self._running < self._world.plan.width

    def _rounds(self) -> Process:
        """Sequential, parallel and waves: hand out up to the width, and wait until all of it is settled."""
        while self._not_done:
            yield from self._until(lambda: bool(self._pending) or not self._not_done)
            if not self._pending:
                break
            yield from self._hand_out()
            yield from self._until(lambda: not self._running)
            self._lift_barrier()
            yield from self._until(self._round_is_over)
            self._pending.extendleft(reversed(self._failed_in_round))
            self._failed_in_round.clear()

    def _round_is_over(self) -> bool:
        return not self._unsettled and not (self._strategy.waits_for_recovery and self._recovering)

    def _until(self, condition: Callable[[], bool]) -> Process:
        """Wait until a condition holds, which `_tell` looks at when something has happened."""
        if not condition():
            self._waits_for, self._wake = condition, self._world.env.event()
            yield self._wake

    def _hand_out(self) -> Process:
        """Launch as many of the waiting tasks as there are free slots.

        An agent that coordinates does it in one turn, and writes the briefs one after another; a script
        does it at once.
        """
        world = self._world
        if self._strategy.manager == "script":
            if self._strategy.warm_up == "prewarm":
                yield from warm_prefix(world)
            for task in self._take():
                self._launch(task)
            return
        dispatch = world.scenario.dispatch
        with world.coordinator.request() as turn:
            yield turn
            batch = self._take()
            start_s = world.env.now
            yield from get_admitted(world)
            yield world.env.timeout(dispatch.turn.time)
            if self._strategy.warm_up == "prewarm":
                yield from warm_prefix(world)
            for task in batch:
                yield world.env.timeout(dispatch.brief.time)
                self._launch(task)
            tokens = dispatch.turn.tokens + len(batch) * dispatch.brief.tokens
            charge_writing(world, world.books.usage[Cause.COORDINATION], tokens)
            world.note(start_s, EventKind.TURN, COORDINATOR)

    def _take(self) -> list[Task]:
        """Take from the waiting tasks, in their order, one for each free slot."""
        free = self._world.plan.width - self._running
        return [self._pending.popleft() for _ in range(min(len(self._pending), free))]

    def _launch(self, task: Task) -> None:
        """Begin an attempt of a task in a free slot."""
        self._running += 1
        self._unsettled += 1
        task.attempts += 1
        self._world.book_time(task, State.WAIT, EventKind.WAIT)
        self._world.note(self._world.env.now, EventKind.LAUNCH, task.number, task.attempts)
        task.launched_s = self._world.env.now
        self._world.env.process(self._attempt(task))

    def _attempt(self, task: Task) -> Process:
        """Play one attempt of a task, its merge included, and see to what its outcome asks for."""
        luck = self._world.luck.attempt(task.group, task.index, task.attempts - 1)
        books = AttemptBooks()
        failure = yield from work(self._world, task, luck, books)
        self._running -= 1
        self._tell()
        # Outputs, and in a round failures too, are seen when all is back. A queue sees a failure at once.
        if self._strategy.merge == "barrier" and (failure is None or not self._strategy.refills):
            yield self._barrier
            self._world.book_time(task, State.BLOCKED, EventKind.BARRIER)
        if failure is None:
            failure = yield from self._merging.merge(task, luck, books)
        self._book(books, failure)
        self._unsettled -= 1
        if failure is None:
            self._finish(task)
        elif task.attempts == self._max_attempts:
            self._recovering += 1
            self._world.env.process(self._recover(task))
        elif self._strategy.refills:
            self._pending.append(task)
        else:
            self._failed_in_round.append(task)
        self._tell()

    def _recover(self, task: Task) -> Process:
        """Have a person finish what the agents could not; the result needs no merge."""
        world = self._world
        with world.person.request() as turn:
            yield turn
            world.book_time(task, State.BLOCKED, EventKind.PERSON_BUSY)
            people_s = world.luck.recovery(task.group, task.index)
            yield world.env.timeout(people_s)
            world.book_time(task, State.RECOVERY, EventKind.RECOVERY)
        world.books.people_recovery_s += people_s
        world.books.recovered_tasks += 1
        self._recovering -= 1
        self._finish(task)
        self._tell()

    def _finish(self, task: Task) -> None:
        self._not_done -= 1
        self._world.books.flow_s += self._world.env.now - task.arrived_s

    def _book(self, books: AttemptBooks, failure: Failure | None) -> None:
        """Book what an attempt has used, as what it was for or as wasted."""
        ledger = self._world.books
        for cause, used in (
            (Cause.WORK, books.work),
            (Cause.SPAWN, books.spawn),
            (Cause.RETURN, books.return_),
            (Cause.MERGE, books.merge),
        ):
            ledger.usage[cause if failure is None else Cause.WASTED].add(used)
        if failure is not None:
            ledger.failures[failure] += 1
            ledger.wasted_s += books.time_s

    def _tell(self) -> None:
        """Wake the dispatcher if what it waits for has come."""
        if self._waits_for is not None and self._waits_for():
            self._waits_for = None
            self._wake.succeed()

    def _lift_barrier(self) -> None:
        """Let what waits for the end of the round go on."""
        barrier, self._barrier = self._barrier, self._world.env.event()
        barrier.succeed()
