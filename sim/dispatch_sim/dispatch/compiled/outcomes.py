"""What becomes of an attempt that is over: books, retries, recovery, rework, approval."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.machine import at_once, enter, note
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.compiled.telling import look_if_due, tell
from dispatch_sim.dispatch.compiled.waiting import abort, finish, leave_to_person, put, through_first_round


@routine
def first_of_two(s: State, t: int) -> bool:
    return s.pi[COMMUNICATION] == ROUNDS and not s.ti[t, SECOND_ROUND]


@routine
def cancels_others(s: State) -> bool:
    """Whether a failure cancels the other attempts of its round."""
    return s.pi[POLICY] == CASCADE or s.pi[POLICY] == ABORT


@routine
def drop(s: State, t: int) -> None:
    """Count an output no longer that was to be merged, or was being merged."""
    if s.ti[t, UNSEEN_COUNTED]:
        s.ti[t, UNSEEN_COUNTED] = 0
        s.n[BEGUN] -= 1
        s.group_state[s.ti[t, GROUP], G_BEGUN] -= 1


@routine
def _forget(s: State, t: int) -> None:
    s.ti[t, HAS_PROMPT] = s.ti[t, HAS_SAVED] = s.ti[t, DONE_CALLS] = s.ti[t, SAVED_CONTEXT] = 0


@routine
def _keep(s: State, t: int) -> None:
    """Keep the books of what an attempt has made; they are booked when its task is done."""
    made = 1 if s.tf[t, REWORK] > 0.0 else 0
    at = s.ti[t, MADE_COUNT]
    for cause in range(CAUSES):
        for kind in range(CLASSES):
            s.made[t, made, cause, kind] += s.books[t, cause, kind]
    if at < s.made_time.shape[1]:
        s.made_time[t, at] = s.tf[t, BOOKS_TIME]
    else:
        s.n[OVERFLOW] = 1
    s.ti[t, MADE_COUNT] = at + 1


@routine
def _book_made(s: State, t: int) -> None:
    for cause in range(CAUSES):
        for kind in range(CLASSES):
            s.ledger[cause, kind] += s.made[t, 0, cause, kind]
            s.ledger[REWORKING, kind] += s.made[t, 1, cause, kind]
    _clear_made(s, t)


@routine
def _clear_made(s: State, t: int) -> None:
    for made in range(2):
        for cause in range(CAUSES):
            for kind in range(CLASSES):
                s.made[t, made, cause, kind] = 0
    s.ti[t, MADE_COUNT] = 0


@routine
def settle(s: State, replication: int, t: int) -> None:
    """See to what the outcome of an attempt asks for."""
    enter(s, t, WAIT, K_WAIT)
    s.n[UNSETTLED] -= 1
    if cancels_others(s):
        kept = 0
        for i in range(s.n[ACTIVE_COUNT]):
            other = s.lists[ACTIVE_LIST, i]
            if other != t:
                s.lists[ACTIVE_LIST, kept] = other
                kept += 1
        s.n[ACTIVE_COUNT] = kept
    failure = s.ti[t, FAILURE]
    if failure == NONE and s.ti[t, INSTRUCTIONS] != s.n[INSTRUCTIONS_NOW]:
        failure = WRONG_BRIEF
    if failure != NONE:
        s.ti[t, ALIVE] = 0
        _fail(s, replication, t, failure, True)
    elif first_of_two(s, t):
        s.ti[t, ALIVE] = 0
        _keep(s, t)
        _forget(s, t)
        through_first_round(s, t, True)
    elif s.tf[t, BLIND_SHARE] != 0.0:
        s.ti[t, ALIVE] = 0
        _keep(s, t)
        s.n[REWORKED] += 1
        note(s, K_REWORK, t, -1, 0)
        _forget(s, t)
        s.tf[t, REWORK] = s.tf[t, BLIND_SHARE]
        _wait_again(s, replication, t, True)
    elif s.pi[REVIEW_EVERY] != NO_REVIEW or s.n[WRONG]:
        enter(s, t, BLOCKED, K_GATE)
        s.qi[t, PC] = G_APPROVAL
        s.lists[GATE_LIST, s.n[GATE_WAITING]] = t
        s.n[GATE_WAITING] += 1
        look_if_due(s)
        tell(s)
        return
    else:
        approved(s, replication, t, False)
        return
    tell(s)


@routine
def approved(s: State, replication: int, t: int, wrong: bool) -> None:
    """Finish a task, or have it done again where its instructions were wrong."""
    s.ti[t, ALIVE] = 0
    if wrong:
        _fail(s, replication, t, WRONG_BRIEF, False)
    else:
        _keep(s, t)
        _book_made(s, t)
        _forget(s, t)
        finish(s, replication, t)
    tell(s)


@routine
def _waste(s: State, cause: int, kind: int, tokens: int, failure: int) -> None:
    s.ledger[WASTED, kind] += tokens
    if failure == KILLED:
        s.killed[kind] += tokens


@routine
def _begin_anew(s: State, t: int) -> None:
    """Have a task done again as though nothing had been made of it."""
    note(s, K_WRONG_BRIEF, t, -1, 0)
    _forget(s, t)
    s.tf[t, REWORK] = s.tf[t, BLIND_SHARE] = 0.0
    if s.ti[t, SECOND_ROUND]:
        s.ti[t, SECOND_ROUND] = 0
        s.group_state[s.ti[t, GROUP], G_NOT_THROUGH] += 1


@routine
def spoil(s: State, replication: int) -> None:
    """Have everything done again that was made by wrong instructions and waits."""
    for t in range(s.pi[TASKS]):
        waits = s.ti[t, STATE] == WAIT or s.ti[t, KIND] == K_ROUND
        made = s.ti[t, MADE_COUNT] > 0 or s.ti[t, HAS_SAVED] == 1
        if not (waits and made) or s.ti[t, INSTRUCTIONS] == s.n[INSTRUCTIONS_NOW]:
            continue
        if s.ti[t, MADE_COUNT] > 0:
            s.failures[WRONG_BRIEF] += 1
        for cause in range(CAUSES):
            for kind in range(CLASSES):
                tokens = s.made[t, 0, cause, kind] + s.made[t, 1, cause, kind]
                if s.ti[t, HAS_SAVED]:
                    tokens += s.saved[t, cause, kind]
                s.ledger[WASTED, kind] += tokens
        for i in range(s.ti[t, MADE_COUNT]):
            s.f[WASTED_TIME] += s.made_time[t, i]
        if s.ti[t, HAS_SAVED]:
            s.f[WASTED_TIME] += s.tf[t, SAVED_TIME]
        _clear_made(s, t)
        if s.ti[t, KIND] == K_ROUND:
            kept = 0
            for i in range(s.n[SECOND_COUNT]):
                other = s.lists[SECOND_LIST, i]
                if other != t:
                    s.lists[SECOND_LIST, kept] = other
                    kept += 1
            s.n[SECOND_COUNT] = kept
            s.group_state[s.ti[t, GROUP], G_SECOND] -= 1
            enter(s, t, WAIT, K_WAIT)
            put(s, replication, t, 1)
        _begin_anew(s, t)


@routine
def _fail(s: State, replication: int, t: int, failure: int, in_round: bool) -> None:
    """Book an attempt that has failed, and dispatch its task again or leave it to a person."""
    by_itself = failure != CANCELLED and failure != WRONG_BRIEF
    if by_itself:
        s.ti[t, FAILURES] += 1
    again = not s.n[ABORTED] and (not by_itself or s.ti[t, FAILURES] < s.pi[MOST_FAILURES])
    resumable = failure == CRASHED or failure == REFUSED or failure == HANGING or failure == KILLED
    goes_on = again and s.pi[POLICY] == RESUME and resumable and s.ti[t, HAS_SAVED] == 1
    s.failures[failure] += 1
    lost_s = s.tf[t, BOOKS_TIME]
    if goes_on:
        lost_s = lost_s - s.tf[t, SAVED_TIME]
    s.f[WASTED_TIME] += lost_s
    for cause in range(CAUSES):
        for kind in range(CLASSES):
            tokens = s.books[t, cause, kind] - (s.saved[t, cause, kind] if goes_on else 0)
            if failure == WRONG_BRIEF:
                tokens += s.made[t, 0, cause, kind] + s.made[t, 1, cause, kind]
            _waste(s, cause, kind, tokens, failure)
    if failure == WRONG_BRIEF:
        for i in range(s.ti[t, MADE_COUNT]):
            s.f[WASTED_TIME] += s.made_time[t, i]
        _clear_made(s, t)
    if not goes_on:
        _forget(s, t)
    if failure == CANCELLED:
        drop(s, t)
    if failure == WRONG_BRIEF:
        _begin_anew(s, t)
    if not again:
        leave_to_person(s, t)
        if s.pi[POLICY] == ABORT and not s.n[ABORTED]:
            _cancel_the_rest(s)
            abort(s)
        return
    if s.pi[POLICY] == CASCADE and by_itself:
        _cancel_the_rest(s)
    _wait_again(s, replication, t, in_round)


@routine
def _cancel_the_rest(s: State) -> None:
    """Cancel every other attempt whose output is not being merged."""
    for i in range(s.n[ACTIVE_COUNT]):
        other = s.lists[ACTIVE_LIST, i]
        if not s.ti[other, MERGING] and s.ti[other, ALIVE]:
            at_once(s, E_INTERRUPT, other, s.ti[other, ATTEMPTS] * 16 + CANCELLED)


@routine
def _wait_again(s: State, replication: int, t: int, in_round: bool) -> None:
    enter(s, t, WAIT, K_WAIT)
    if s.pi[REFILLS] or not in_round:
        put(s, replication, t, 1)
    else:
        s.lists[FAILED_LIST, s.n[FAILED_IN_ROUND]] = t
        s.n[FAILED_IN_ROUND] += 1


@routine
def recovered(s: State, replication: int, t: int) -> None:
    enter(s, t, WAIT, K_WAIT)
    s.f[PEOPLE_RECOVERY] += s.tf[t, PERSON_TIME]
    s.n[RECOVERED] += 1
    s.n[RECOVERING] -= 1
    if first_of_two(s, t):
        through_first_round(s, t, False)
    _book_made(s, t)
    finish(s, replication, t)
    tell(s)
