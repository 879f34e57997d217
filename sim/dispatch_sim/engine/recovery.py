"""Handling of an attempt's outcome: retry, rework, approval, or manual recovery."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.accounting import book_outputs, keep_output, waste, waste_attempt, waste_outputs
from dispatch_sim.engine.backlog import abort, add, finish, leave_to_person
from dispatch_sim.engine.calendar import after, at_once
from dispatch_sim.engine.communication import end_first_round, is_first_round, stop_waiting_for_brief
from dispatch_sim.engine.conditions import notify, start_review_if_due
from dispatch_sim.engine.events import enter, note
from dispatch_sim.engine.lists import append, remove
from dispatch_sim.engine.records import State
from dispatch_sim.engine.resources import release, request
from dispatch_sim.engine.variates import recovery_s


def settle(s: State, t: int) -> None:
    """Handle the outcome: retry or recover, enter the second round, redo a part, or be approved."""
    task = s.tasks[t]
    enter(s, t, codes.WAIT, -1, 0)
    s.world.active -= 1
    if s.plan.cancels_others:
        remove(s.cascading, t)
    failure = task.failure
    if failure == codes.NONE and task.instructions != s.world.instructions:
        failure = codes.FAILURE_WRONG_BRIEF
    if failure == codes.NONE and s.plan.is_solo:
        s.groups[task.group].common_done = True
    if failure != codes.NONE:
        task.is_alive = False
        fail(s, t, failure, True)
    elif is_first_round(s, t):
        task.is_alive = False
        keep_output(s, t)
        _clear_checkpoint(s, t)
        end_first_round(s, t, True)
    elif task.unseen_share != 0.0:
        task.is_alive = False
        _redo_in_part(s, t)
    elif s.plan.review_every != codes.NO_REVIEW or s.world.bad_brief:
        enter(s, t, codes.AWAITS_REVIEW, -1, 0)
        s.processes[t].at = codes.AT_APPROVAL
        append(s.awaiting_review, t)
        start_review_if_due(s)
    else:
        accept_or_reject(s, t, False)
        return
    notify(s)


def accept_or_reject(s: State, t: int, wrong: bool) -> None:
    """Finish a task, or have it done again where its instructions were wrong."""
    s.tasks[t].is_alive = False
    if wrong:
        fail(s, t, codes.FAILURE_WRONG_BRIEF, False)
    else:
        keep_output(s, t)
        book_outputs(s, t)
        _clear_checkpoint(s, t)
        finish(s, t)
    notify(s)


def fail(s: State, t: int, failure: int, hold_back: bool) -> None:
    """Book a failed attempt, and have its task dispatched again or leave it to a person."""
    task = s.tasks[t]
    is_own = codes.IS_OWN[failure]
    if is_own:
        task.failures += 1
    again = not s.world.aborted and (not is_own or task.failures < s.plan.max_failures)
    resumes = again and s.plan.retry_policy == codes.RESUME
    continues = resumes and codes.LEAVES_CHECKPOINT[failure] and task.checkpoint.exists != 0
    s.world.ledger.failures[failure] += 1
    waste_attempt(s, t, failure, continues)
    if not continues:
        _clear_checkpoint(s, t)
    if failure == codes.FAILURE_CANCELLED:
        drop_merge(s, t)
    if failure == codes.FAILURE_WRONG_BRIEF:
        waste_outputs(s, t)
        _start_over(s, t)
    if not again:
        leave_to_person(s, t)
        if s.plan.retry_policy == codes.ABORT and not s.world.aborted:
            _cancel_the_rest(s)
            abort(s)
        return
    if s.plan.retry_policy == codes.CASCADE and is_own:
        _cancel_the_rest(s)
    _wait_again(s, t, hold_back)


def drop_merge(s: State, t: int) -> None:
    """Count an output no longer that was to be merged, or was being merged."""
    if s.tasks[t].counts_as_unseen:
        s.tasks[t].counts_as_unseen = False
        s.world.merges.begun -= 1
        s.groups[s.tasks[t].group].merges.begun -= 1


def _wait_again(s: State, t: int, hold_back: bool) -> None:
    """Let a task wait for another attempt; if held back, until the wave is over or all has drained."""
    enter(s, t, codes.WAIT, -1, 0)
    if hold_back and (not s.plan.refills or s.plan.retries_after_drain):
        append(s.failed, t)
    else:
        add(s, t, codes.LAST)


def _cancel_the_rest(s: State) -> None:
    """Cancel every other attempt whose output is not being merged."""
    for i in range(s.cascading.length):
        other = s.cascading.numbers[i]
        if not s.tasks[other].merging:
            at_once(s, codes.EVENT_CANCEL, other, s.tasks[other].attempts)


def _redo_in_part(s: State, t: int) -> None:
    """Have a task done again for the part of it that was made without sight of others."""
    keep_output(s, t)
    s.world.ledger.reworked_tasks += 1
    note(s, codes.REWORK, t, -1, 0)
    _clear_checkpoint(s, t)
    s.tasks[t].rework = s.tasks[t].unseen_share
    _wait_again(s, t, True)


def redo_all_by_wrong_brief(s: State) -> None:
    """Have everything done again that waits and was made by instructions which have been found wrong."""
    for g in range(s.plan.groups):
        s.groups[g].common_done = False
    for t in range(s.plan.tasks):
        task = s.tasks[t]
        waits = task.activity == codes.WAIT or task.activity == codes.ROUND
        made = task.outputs > 0 or task.checkpoint.exists != 0
        if not (waits and made) or task.instructions == s.world.instructions:
            continue
        if task.outputs > 0:
            s.world.ledger.failures[codes.FAILURE_WRONG_BRIEF] += 1
        waste_outputs(s, t)
        if task.checkpoint.exists:
            waste(s, task.checkpoint.usage)
        if task.activity == codes.ROUND:
            stop_waiting_for_brief(s, t)
        _start_over(s, t)


def _start_over(s: State, t: int) -> None:
    """Have a task done again as though nothing had been made of it."""
    task = s.tasks[t]
    note(s, codes.WRONG_BRIEF, t, -1, 0)
    _clear_checkpoint(s, t)
    task.rework = task.unseen_share = 0.0
    if task.second_round:
        task.second_round = False
        s.groups[task.group].first_round_unfinished += 1


def _clear_checkpoint(s: State, t: int) -> None:
    """Drop what a resumed attempt would begin with, the prompt included."""
    s.tasks[t].prompt.exists = False
    s.tasks[t].checkpoint = s.new_task.checkpoint


def start_recovery(s: State, t: int) -> None:
    """Have a person finish what the agents could not; the result needs no merge."""
    enter(s, t, codes.PERSON_BUSY, -1, 0)
    s.processes[t].token += 1
    s.processes[t].at = codes.AT_RECOVERY_REQUEST
    request(s, codes.PERSON, t)


def resume_recovery(s: State, t: int) -> None:
    """Go on with a recovery: a person is at hand, or has finished the task."""
    task, process, world = s.tasks[t], s.processes[t], s.world
    if process.at == codes.AT_RECOVERY_REQUEST:
        task.person_s = recovery_s(s, t)
        enter(s, t, codes.RECOVERY, -1, 0)
        process.at = codes.AT_RECOVERY
        after(s, t, task.person_s)
        return
    release(s, codes.PERSON)
    enter(s, t, codes.WAIT, -1, 0)
    world.ledger.people_recovery_s += task.person_s
    world.ledger.manual_completions += 1
    world.recovering -= 1
    if is_first_round(s, t):
        end_first_round(s, t, False)
    book_outputs(s, t)
    finish(s, t)
    notify(s)
