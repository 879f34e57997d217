"""Handling of failed attempts: book the waste, then retry the task or leave it to manual recovery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch_sim.model.accounting import add_attempt, book_waste
from dispatch_sim.model.events import Activity, Failure

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt
    from dispatch_sim.model.backlog import Task
    from dispatch_sim.model.simulation import Process, Simulation


def fail(attempt: Attempt, failure: Failure, *, hold_back: bool = True) -> None:
    """Book a failed attempt, and have its task dispatched again or leave it to a person."""
    sim, task = attempt.sim, attempt.task
    retry = sim.scenario.retry
    task.failures += failure.is_own
    most = 1 if retry.policy == "none" else retry.max_attempts
    again = not sim.backlog.aborted and (not failure.is_own or task.failures < most)
    if again and retry.policy == "resume" and failure.leaves_checkpoint and task.checkpoint is not None:
        add_attempt(attempt.usage, task.checkpoint.usage, -1)  # that much is not lost
    else:
        task.checkpoint = None
    sim.ledger.failures[failure] += 1
    book_waste(sim.ledger, attempt.usage, failure)
    if failure is Failure.CANCELLED:
        sim.merges.drop(attempt)
    if failure is Failure.WRONG_BRIEF:
        waste_outputs(task)
        start_over(task)
    if not again:
        leave_to_person(task)
        if retry.policy == "abort" and not sim.backlog.aborted:
            cancel_the_rest(sim)
            sim.backlog.abort()
        return
    if retry.policy == "cascade" and failure.is_own:
        cancel_the_rest(sim)
    wait_again(task, hold_back=hold_back)


def wait_again(task: Task, *, hold_back: bool) -> None:
    """Let a task wait for another attempt; if held back, until the wave is over or all has drained."""
    task.enter(Activity.WAIT)
    strategy = task.sim.strategy
    if hold_back and (not strategy.refills or strategy.retry_when == "after_drain"):
        task.sim.failed.append(task)
    else:
        task.sim.backlog.add(task)


def leave_to_person(task: Task) -> None:
    """Leave a task to manual recovery."""
    task.sim.recovering += 1
    task.sim.env.process(recover(task.sim, task))


def recover(sim: Simulation, task: Task) -> Process[None]:
    """Have a person finish what the agents could not; the result needs no merge."""
    task.enter(Activity.PERSON_BUSY)
    with sim.person.request() as turn:
        yield turn
        seconds = sim.variates.recovery_s(task.group, task.index)
        task.enter(Activity.RECOVERY)
        yield sim.env.timeout(seconds)
    sim.ledger.people_recovery_s += seconds
    sim.ledger.manual_completions += 1
    sim.recovering -= 1
    task.enter(Activity.WAIT)
    if sim.communication.is_first_round(task):
        sim.communication.leave_first(task)
    sim.backlog.finish(task)
    sim.notify()


def cancel_the_rest(sim: Simulation) -> None:
    """Cancel every other attempt whose output is not being merged."""
    for other in list(sim.active):
        if not other.merging:
            other.process.interrupt(Failure.CANCELLED)


def redo_in_part(attempt: Attempt) -> None:
    """Have a task done again for the part of it that was made without sight of others."""
    sim, task = attempt.sim, attempt.task
    task.outputs.append((attempt.usage, False))
    sim.ledger.reworked_tasks += 1
    task.log(Activity.REWORK)
    task.checkpoint = None
    task.rework = attempt.unseen_share
    wait_again(task, hold_back=True)


def redo_all_by_wrong_brief(sim: Simulation) -> None:
    """Have everything done again that was made by instructions which have been found wrong.

    Here it is tasks that wait with outputs or a checkpoint. `Review` rejects outputs that await approval, and
    attempts that are under way fail when they return.
    """
    sim.common_done.clear()
    for task in sim.backlog.tasks:
        waits = task.activity in (Activity.WAIT, Activity.ROUND)
        made = task.outputs or task.checkpoint
        if waits and made and task.instructions != sim.review.instructions:
            # What left only a checkpoint is of an attempt that has failed already.
            sim.ledger.failures[Failure.WRONG_BRIEF] += bool(task.outputs)
            waste_outputs(task)
            if task.checkpoint is not None:
                book_waste(sim.ledger, task.checkpoint.usage, Failure.WRONG_BRIEF)
            if task.activity is Activity.ROUND:
                sim.communication.stop_waiting_for_brief(task)
            start_over(task)


def waste_outputs(task: Task) -> None:
    """Book all that attempts have made of a task as wasted."""
    for usage, _ in task.outputs:
        book_waste(task.sim.ledger, usage, Failure.WRONG_BRIEF)
    task.outputs.clear()


def start_over(task: Task) -> None:
    """Have a task done again as though nothing had been made of it."""
    task.log(Activity.WRONG_BRIEF)
    task.checkpoint = None
    task.rework = 0.0
    task.sim.communication.back_to_first(task)
