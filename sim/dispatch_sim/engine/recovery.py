"""Handling of an attempt's outcome: retry, rework, manual recovery, or review."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.backlog import abort, add, finish, leave_to_person, notify, start_review_if_due
from dispatch_sim.engine.calendar import after, append, at_once, enter, note, release, remove, request, soon
from dispatch_sim.engine.communication import end_first_round, is_first_round, stop_waiting_for_brief
from dispatch_sim.engine.records import State
from dispatch_sim.engine.task_records import MAX_OUTPUTS
from dispatch_sim.engine.variates import recovery_s, review_s
from dispatch_sim.model.accounting import add_attempt, book_output, book_waste
from dispatch_sim.model.events import Failure


def settle(s: State, t: int) -> None:
    """Handle the outcome: retry or recover, enter the second round, redo a part, or be approved."""
    task = s.tasks[t]
    enter(s, t, codes.WAIT, -1, 0)
    s.world.active -= 1
    if s.plan.cancels_others:
        remove(s.cascading, t)
    failure = task.failure
    if failure == codes.NONE and task.instructions != s.world.instructions:
        failure = Failure.WRONG_BRIEF
    if failure == codes.NONE and s.plan.is_solo:
        s.groups[task.group].common_done = True
    if failure != codes.NONE:
        task.is_alive = False
        fail(s, t, failure, True)
    elif is_first_round(s, t):
        task.is_alive = False
        _keep_output(s, t)
        _clear_checkpoint(s, t)
        end_first_round(s, t, True)
    elif task.unseen_share != 0.0:
        task.is_alive = False
        _redo_in_part(s, t)
    elif s.plan.review.every != codes.NO_REVIEW or s.world.bad_brief:
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
        fail(s, t, Failure.WRONG_BRIEF, False)
    else:
        _keep_output(s, t)
        _book_outputs(s, t)
        _clear_checkpoint(s, t)
        finish(s, t)
    notify(s)


def fail(s: State, t: int, failure: int, hold_back: bool) -> None:
    """Book a failed attempt, and have its task dispatched again or leave it to a person."""
    task = s.tasks[t]
    is_own = codes.IS_OWN[failure]
    if is_own:
        task.failures += 1
    retry = s.plan.retry
    most = 1 if retry.policy == codes.NO_RETRY else retry.max_attempts
    again = not s.world.aborted and (not is_own or task.failures < most)
    resumes = again and retry.policy == codes.RESUME
    if resumes and codes.LEAVES_CHECKPOINT[failure] and task.checkpoint.exists:
        add_attempt(task.usage, task.checkpoint.usage, -1)  # that much is not lost
    else:
        _clear_checkpoint(s, t)
    s.world.ledger.failures[failure] += 1
    book_waste(s.world.ledger, task.usage, failure)
    if failure == Failure.CANCELLED:
        drop_merge(s, t)
    if failure == Failure.WRONG_BRIEF:
        _waste_outputs(s, t)
        _start_over(s, t)
    if not again:
        leave_to_person(s, t)
        if retry.policy == codes.ABORT and not s.world.aborted:
            _cancel_the_rest(s)
            abort(s)
        return
    if retry.policy == codes.CASCADE and is_own:
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
    if hold_back and (not s.plan.refills or s.plan.strategy.retry_when == codes.AFTER_DRAIN):
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
    _keep_output(s, t)
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
            s.world.ledger.failures[Failure.WRONG_BRIEF] += 1
        _waste_outputs(s, t)
        if task.checkpoint.exists:
            book_waste(s.world.ledger, task.checkpoint.usage, Failure.WRONG_BRIEF)
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
    """Drop what a resumed attempt would begin with."""
    s.tasks[t].checkpoint = s.new_task.checkpoint


def _keep_output(s: State, t: int) -> None:
    """Keep the usage of an attempt whose output its task still needs; it is booked when the task is done."""
    task = s.tasks[t]
    if task.outputs >= MAX_OUTPUTS:
        s.world.overflow = True
        return
    output = s.outputs[t * MAX_OUTPUTS + task.outputs]
    output.usage = task.usage
    output.is_rework = task.rework > 0.0
    task.outputs += 1


def _book_outputs(s: State, t: int) -> None:
    """Book what attempts at a task have used as what it was for: their outputs are needed."""
    for i in range(t * MAX_OUTPUTS, t * MAX_OUTPUTS + s.tasks[t].outputs):
        book_output(s.world.ledger, s.outputs[i].usage, s.outputs[i].is_rework)
    s.tasks[t].outputs = 0


def _waste_outputs(s: State, t: int) -> None:
    """Book the outputs that a task has kept as wasted."""
    for i in range(t * MAX_OUTPUTS, t * MAX_OUTPUTS + s.tasks[t].outputs):
        book_waste(s.world.ledger, s.outputs[i].usage, Failure.WRONG_BRIEF)
    s.tasks[t].outputs = 0


def ask_person(s: State, t: int, activity: int, seconds: float) -> None:
    """Have a task wait for a person; `merge.resume_merge` goes on."""
    s.tasks[t].for_person, s.tasks[t].person_s = activity, seconds
    enter(s, t, codes.PERSON_BUSY, -1, 0)
    request(s, codes.PERSON, t, codes.AT_PERSON_REQUEST)


def start_recovery(s: State, t: int) -> None:
    """Have a person finish what the agents could not; the result needs no merge."""
    s.processes[t].token += 1
    ask_person(s, t, codes.RECOVERY, recovery_s(s, t))


def end_recovery(s: State, t: int) -> None:
    """Note that a person has finished a task."""
    enter(s, t, codes.WAIT, -1, 0)
    s.world.ledger.manual_completions += 1
    s.world.recovering -= 1
    if is_first_round(s, t):
        end_first_round(s, t, False)
    _book_outputs(s, t)
    finish(s, t)
    notify(s)


def begin_review(s: State) -> None:
    """Begin a review by a person; without reviews, give the verdict on wrong instructions at once."""
    if s.plan.review.every == codes.NO_REVIEW:
        _take_outputs(s)
        _verdict(s)
        return
    pid = s.plan.reviewer
    request(s, codes.PERSON, pid, codes.AT_REVIEW_REQUEST)


def _take_outputs(s: State) -> None:
    waiting = s.awaiting_review.length
    taken = 1 if s.plan.review.every == 1 else waiting
    for i in range(taken):
        s.under_review.numbers[i] = s.awaiting_review.numbers[i]
    for i in range(taken, waiting):
        s.awaiting_review.numbers[i - taken] = s.awaiting_review.numbers[i]
    s.under_review.length = taken
    s.awaiting_review.length = waiting - taken


def resume_review(s: State) -> None:
    """Go on with a review, a person at hand or the time over."""
    pid, world = s.plan.reviewer, s.world
    process = s.processes[pid]
    if process.at == codes.AT_REVIEW_REQUEST:
        _take_outputs(s)
        for i in range(s.under_review.length):
            enter(s, s.under_review.numbers[i], codes.REVIEW, -1, 0)
        seconds = review_s(s, world.reviews_begun) + s.under_review.length * s.plan.review.each
        world.reviews_begun += 1
        world.review_s = seconds
        after(s, pid, seconds, codes.AT_REVIEW)
        return
    world.ledger.people_review_s += world.review_s
    world.ledger.reviews += 1
    release(s, codes.PERSON)
    _verdict(s)


def _verdict(s: State) -> None:
    """Approve what was reviewed, or reject all that was made by wrong instructions."""
    world = s.world
    wrong = world.bad_brief
    if wrong:
        world.bad_brief = False
        world.instructions += 1
        # The outputs that still wait were made by the same instructions.
        for i in range(s.awaiting_review.length):
            soon(s, codes.EVENT_VERDICT, s.awaiting_review.numbers[i], 1)
        s.awaiting_review.length = 0
    world.review_under_way = False
    for i in range(s.under_review.length):
        soon(s, codes.EVENT_VERDICT, s.under_review.numbers[i], int(wrong))
    if wrong:
        redo_all_by_wrong_brief(s)
    start_review_if_due(s)
    notify(s)
