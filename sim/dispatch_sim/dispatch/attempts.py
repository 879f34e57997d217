"""Attempts: each from its launch to what becomes of its outcome."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import simpy

from dispatch_sim.dispatch.agent import work
from dispatch_sim.dispatch.batch import Batch
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.luck import AttemptLuck
from dispatch_sim.dispatch.merging import Merging
from dispatch_sim.dispatch.outcome import NOT_ITS_OWN, RESUMABLE, Cause, Failure, State
from dispatch_sim.dispatch.review import Gate
from dispatch_sim.dispatch.sharing import SharedState, Write
from dispatch_sim.dispatch.width import Width
from dispatch_sim.dispatch.world import AttemptBooks, Process, Steps, Task, World


class Attempts:
    """Launches attempts, and sees to what their outcomes ask for.

    Attributes
    ----------
    running : attempts that hold a slot.
    unsettled : attempts begun whose outcome is not known and dealt with yet.
    recovering : tasks left to a person and not finished yet.
    failed_in_round : tasks that wait for the next round.
    """

    def __init__(
        self, world: World, batch: Batch, width: Width, gate: Gate, on_change: Callable[[], None]
    ) -> None:
        self._world = world
        self._batch = batch
        self._width = width
        self._gate = gate
        self._on_change = on_change
        self._strategy = world.plan.strategy
        retry = world.scenario.retry
        self._most_failures = 1 if retry.policy == "none" else retry.max_attempts
        self._policy = retry.policy
        self._cancels = retry.policy in ("cascade", "abort")
        """Whether a failure cancels the other attempts of its round."""
        self._shared = SharedState(world)
        self._merging = Merging(world, self._shared)
        harness = world.scenario.harness
        self._cap = harness.cap
        self._refuses = harness.over == "refuse"
        self._places = None if harness.cap is None else simpy.Resource(world.env, capacity=harness.cap)
        self._refused: list[Task] = []
        """Launches that the harness had no place for."""
        self._active: dict[int, Task] = {}
        """Tasks with an attempt that is not merged, in the order of their launches."""
        self._barrier = world.env.event()
        """Happens, and is replaced, when all that was handed out has come back."""
        self.running = 0
        self.unsettled = 0
        self.recovering = 0
        self.failed_in_round: list[Task] = []

    def launch(self, task: Task) -> None:
        """Begin an attempt of a task in a free slot, unless the harness refuses it or the run is aborted."""
        world = self._world
        if self._batch.aborted:
            self._leave_to_person(task)
            return
        if self._refuses and self._cap is not None and self.running >= self._cap:
            world.books.refused_launches += 1
            world.note(world.env.now, EventKind.REFUSED_LAUNCH, task.number, task.attempts)
            self._width.learn_cap(self._cap)
            self._refused.append(task)
            return
        self.running += 1
        self.unsettled += 1
        task.attempts += 1
        task.books = AttemptBooks() if task.saved is None else task.saved.copy()
        world.enter(task, State.BLOCKED, EventKind.HARNESS)
        world.note(world.env.now, EventKind.LAUNCH, task.number, task.attempts)
        task.launched_s = world.env.now
        task.instructions = self._gate.instructions
        task.merging = False
        self._active[task.number] = task
        task.process = world.env.process(self._attempt(task))

    def lift_barrier(self) -> None:
        """Let what waits for the end of the round go on."""
        barrier, self._barrier = self._barrier, self._world.env.event()
        barrier.succeed()

    def _attempt(self, task: Task) -> Process:
        """Play one attempt of a task, its merge included, and see to what its outcome asks for."""
        world, luck = self._world, self._luck(task)
        try:
            failure = yield from self._until_merged(task, luck)
        except simpy.Interrupt as interrupt:
            failure = interrupt.cause
            world.note(world.env.now, EventKind.CANCELLED, task.number, task.attempts)
        world.enter(task, State.WAIT, EventKind.WAIT)
        self.unsettled -= 1
        self._active.pop(task.number, None)
        if failure is None and task.instructions != self._gate.instructions:
            failure = Failure.WRONG_BRIEF
        if failure is not None:
            self._fail(task, failure)
        elif self._first_of_two_rounds(task):
            task.made.append((task.books, False))
            task.forget()
            self._batch.through_first_round(task, by_agent=True)
        elif task.blind_share:
            self._do_again_in_part(task)
        else:
            yield from self._approve(task)
        self._on_change()

    def _approve(self, task: Task) -> Process:
        """Have an output approved where that is asked for; the task is done then."""
        if self._gate.holds() and (yield from self._gate.approve(task)):
            self._fail(task, Failure.WRONG_BRIEF, in_round=False)
            return
        task.made.append((task.books, task.rework > 0.0))
        self._book_made(task)
        task.forget()
        self._batch.finish(task)

    def spoil(self) -> None:
        """Have everything done again that was made by instructions which have been found wrong.

        What waits for approval has been told, and what runs is told when it comes back.
        """
        for task in self._batch.tasks:
            waits = task.state is State.WAIT or task.kind is EventKind.ROUND
            if waits and (task.made or task.saved) and task.instructions != self._gate.instructions:
                # What is only saved is of an attempt that has failed already.
                self._world.books.failures[Failure.WRONG_BRIEF] += bool(task.made)
                self._waste_all(task)
                if task.saved is not None:
                    self._waste(task.saved, Failure.WRONG_BRIEF)
                if task.kind is EventKind.ROUND:
                    self._batch.leave_second_round(task)
                self._begin_anew(task)

    def _begin_anew(self, task: Task) -> None:
        """Have a task done again as though nothing had been made of it."""
        self._world.note(self._world.env.now, EventKind.WRONG_BRIEF, task.number, task.attempts)
        task.forget()
        task.rework = task.blind_share = 0.0
        self._batch.back_to_first_round(task)

    def _until_merged(self, task: Task, luck: AttemptLuck) -> Steps:
        """Play an attempt up to its merge; ends with why it failed, or None."""
        world = self._world
        write = None
        try:
            with ExitStack() as held:
                if self._places is not None and not self._refuses:
                    yield held.enter_context(self._places.request())
                yield from self._shared.lock(task, held)
                write = self._shared.begin(task)
                failure = yield from self._at_work(task, luck, write)
        finally:
            self.running -= 1
            self._batch.put_back(self._refused)
            self._refused.clear()
            self._on_change()
        self._width.on_end(task, returned=failure is None)
        self._on_change()  # it may have become wider
        if self._first_of_two_rounds(task) and failure is None:
            return None
        # Outputs, and in a round failures too, are seen when all is back. A queue, and a harness that aborts,
        # see a failure at once.
        at_once = self._strategy.refills or self._policy == "abort"
        if self._strategy.merge == "barrier" and (failure is None or not at_once):
            world.enter(task, State.BLOCKED, EventKind.BARRIER)
            yield self._barrier
            if self._cancels and failure is None:
                yield world.env.timeout(0)  # failures are seen before anything is merged
        if failure is None and task.instructions != self._gate.instructions:
            failure = Failure.WRONG_BRIEF
        if failure is None:
            failure = yield from self._merging.merge(task, luck, write)
        return failure

    def _at_work(self, task: Task, luck: AttemptLuck, write: Write | None) -> Steps:
        """Play what an agent does, under a hard timeout."""
        world = self._world
        task.launched_s = world.env.now
        world.at_work[task.group] += 1
        task.in_slot = True
        hard_s = world.scenario.timeouts.hard
        if hard_s is not None:
            world.env.process(self._end_after(task, task.attempts, hard_s))
        failure: Failure | None = Failure.CANCELLED
        try:
            failure = yield from work(world, task, luck)
        except simpy.Interrupt as interrupt:
            if interrupt.cause is not Failure.KILLED:
                raise
            failure = Failure.HUNG if task.state is State.HUNG else Failure.KILLED
        finally:
            task.in_slot = False
            world.at_work[task.group] -= 1
            if write is not None:
                self._shared.end(write, returned=failure is None)
        if failure in (Failure.HUNG, Failure.KILLED):
            world.note(world.env.now, EventKind.TIMEOUT, task.number, task.attempts)
        return failure

    def _end_after(self, task: Task, attempt: int, seconds: float) -> Process:
        """End an attempt after its hard timeout, if it is still at work."""
        yield self._world.env.timeout(seconds)
        if task.in_slot and task.attempts == attempt and task.process is not None:
            task.process.interrupt(Failure.KILLED)

    def _luck(self, task: Task) -> AttemptLuck:
        """Return what the attempt of a task meets."""
        luck = self._world.luck
        if task.saved is not None:
            all_of_it = luck.resumed(task.group, task.index, task.origin, task.luck_number)
        else:
            task.origin = task.luck_number
            all_of_it = luck.attempt(*task.luck_key)
        if task.rework:
            return all_of_it.part(task.rework)
        if self._world.communication == "rounds" and all_of_it.calls == 1:
            return all_of_it.part(0.5)  # each round makes a call of half the length
        return all_of_it

    def _first_of_two_rounds(self, task: Task) -> bool:
        return self._world.communication == "rounds" and not task.second_round

    def _fail(self, task: Task, failure: Failure, *, in_round: bool = True) -> None:
        """Book an attempt that has failed, and dispatch its task again or leave it to a person."""
        by_itself = failure not in NOT_ITS_OWN
        task.failures += by_itself
        again = not self._batch.aborted and (not by_itself or task.failures < self._most_failures)
        goes_on = again and self._policy == "resume" and failure in RESUMABLE and task.saved is not None
        self._book_waste(task, failure, goes_on=goes_on)
        if not goes_on:
            task.forget()
        if failure is Failure.CANCELLED:
            self._merging.drop(task)
        if failure is Failure.WRONG_BRIEF:
            self._begin_anew(task)
        if not again:
            self._leave_to_person(task)
            if self._policy == "abort" and not self._batch.aborted:
                self._cancel_the_rest()
                self._batch.abort(self._leave_to_person)
            return
        if self._policy == "cascade" and by_itself:
            self._cancel_the_rest()
        self._wait_again(task, in_round=in_round)

    def _do_again_in_part(self, task: Task) -> None:
        """Dispatch a task again for the part of it that was made without sight of others."""
        task.made.append((task.books, False))
        self._world.books.reworked_tasks += 1
        self._world.note(self._world.env.now, EventKind.REWORK, task.number, task.attempts)
        task.forget()
        task.rework = task.blind_share
        self._wait_again(task, in_round=True)

    def _wait_again(self, task: Task, *, in_round: bool) -> None:
        """Let a task wait for another attempt; in a round, until that is over."""
        self._world.enter(task, State.WAIT, EventKind.WAIT)
        if self._strategy.refills or not in_round:
            self._batch.add(task)
        else:
            self.failed_in_round.append(task)

    def _cancel_the_rest(self) -> None:
        """Cancel every other attempt whose output is not being merged."""
        for other in list(self._active.values()):
            if not other.merging and other.process is not None and other.process.is_alive:
                other.process.interrupt(Failure.CANCELLED)

    def _leave_to_person(self, task: Task) -> None:
        self.recovering += 1
        self._world.env.process(self._recover(task))

    def _recover(self, task: Task) -> Process:
        """Have a person finish what the agents could not; the result needs no merge."""
        world = self._world
        world.enter(task, State.BLOCKED, EventKind.PERSON_BUSY)
        with world.person.request() as turn:
            yield turn
            people_s = world.luck.recovery(task.group, task.index)
            world.enter(task, State.RECOVERY, EventKind.RECOVERY)
            yield world.env.timeout(people_s)
        world.enter(task, State.WAIT, EventKind.WAIT)
        world.books.people_recovery_s += people_s
        world.books.recovered_tasks += 1
        self.recovering -= 1
        if self._first_of_two_rounds(task):
            self._batch.through_first_round(task, by_agent=False)
        self._book_made(task)
        self._batch.finish(task)
        self._on_change()

    def _book_made(self, task: Task) -> None:
        """Book what attempts have made of a task as what it was for."""
        for books, rework in task.made:
            for cause, used in books.by_cause():
                self._world.books.usage[Cause.REWORK if rework else cause].add(used)
        task.made.clear()

    def _book_waste(self, task: Task, failure: Failure, *, goes_on: bool) -> None:
        """Book what a failed attempt has used as wasted, but for what another goes on from."""
        lost = task.books
        if goes_on and task.saved is not None:
            lost = lost.less(task.saved)
        self._world.books.failures[failure] += 1
        self._waste(lost, failure)
        if failure is Failure.WRONG_BRIEF:
            self._waste_all(task)

    def _waste_all(self, task: Task) -> None:
        """Book all that wrong instructions have made of a task as wasted."""
        for books, _ in task.made:
            self._waste(books, Failure.WRONG_BRIEF)
        task.made.clear()

    def _waste(self, lost: AttemptBooks, failure: Failure) -> None:
        ledger = self._world.books
        ledger.wasted_s += lost.time_s
        for _, used in lost.by_cause():
            ledger.usage[Cause.WASTED].add(used)
            if failure is Failure.KILLED:
                ledger.killed.add(used)
