"""An agent at work, from its launch until it leaves its slot."""

from __future__ import annotations

import math

from dispatch_sim.dispatch import rules
from dispatch_sim.dispatch.compiled.api import (
    admit,
    charge_input,
    charge_output,
    counted,
    first_token_time,
    is_written,
    latency,
    prompt_length,
    quota_need,
    send,
    shared_pending,
    tokens_read,
)  # fmt: skip
from dispatch_sim.dispatch.compiled.gateway import join_line
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import (
    draw_attempt,
    of_request,
    take_part,
    tool_time,
    whole_share,
)  # fmt: skip
from dispatch_sim.dispatch.compiled.machine import after, at_once, enter, note, release, request, soon
from dispatch_sim.dispatch.compiled.merging import seen
from dispatch_sim.dispatch.compiled.outcomes import cancels_others, first_of_two, settle
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.compiled.sharing import attempt_number, begin_write, end_write
from dispatch_sim.dispatch.compiled.telling import tell
from dispatch_sim.dispatch.compiled.waiting import leave_to_person, put
from dispatch_sim.dispatch.draws import Activity

_backoff = routine(rules.backoff)
_obeyed_pause = routine(rules.obeyed_pause)
_grown = routine(rules.grown)
_shrunk = routine(rules.shrunk)
_JITTER, _OVERLOAD = int(Activity.JITTER), int(Activity.OVERLOAD)
_RETRY_AFTER_JITTER, _EXTRA_DELAY = int(Activity.RETRY_AFTER_JITTER), int(Activity.EXTRA_DELAY)


@routine
def launch(s: State, t: int) -> None:
    """Begin an attempt of a task in a free slot, unless the harness refuses it or the run is aborted."""
    if s.n[ABORTED]:
        leave_to_person(s, t)
        return
    if s.pi[REFUSES] and s.pi[CAP] and s.n[RUNNING] >= s.pi[CAP]:
        s.n[REFUSED_LAUNCHES] += 1
        note(s, K_REFUSED_LAUNCH, t, -1, 0)
        s.n[MOST] = min(s.n[MOST], s.pi[CAP])
        s.f[ADAPTIVE_WIDTH] = min(s.f[ADAPTIVE_WIDTH], float(s.n[MOST]))
        s.lists[REFUSED_LIST, s.n[REFUSED_WAITING]] = t
        s.n[REFUSED_WAITING] += 1
        return
    s.n[RUNNING] += 1
    s.n[UNSETTLED] += 1
    s.ti[t, ATTEMPTS] += 1
    begins_anew = not s.ti[t, HAS_SAVED]
    for cause in range(CAUSES):
        for kind in range(CLASSES):
            s.books[t, cause, kind] = 0 if begins_anew else s.saved[t, cause, kind]
    s.tf[t, BOOKS_TIME] = 0.0 if begins_anew else s.tf[t, SAVED_TIME]
    enter(s, t, BLOCKED, K_HARNESS)
    note(s, K_LAUNCH, t, -1, 0)
    s.tf[t, LAUNCHED] = s.f[NOW]
    s.ti[t, INSTRUCTIONS] = s.n[INSTRUCTIONS_NOW]
    s.ti[t, MERGING] = 0
    s.ti[t, ALIVE] = 1
    s.qi[t, TOKEN] += 1
    if cancels_others(s):
        s.lists[ACTIVE_LIST, s.n[ACTIVE_COUNT]] = t
        s.n[ACTIVE_COUNT] += 1
    at_once(s, E_START_ATTEMPT, t, 0)


@routine
def start_attempt(s: State, replication: int, t: int) -> None:
    if not s.ti[t, HAS_SAVED]:
        s.ti[t, ORIGIN] = attempt_number(s, t)
    draw_attempt(s, replication, t, attempt_number(s, t))
    if s.tf[t, REWORK] > 0.0:
        take_part(s, t, s.tf[t, REWORK])
    elif s.pi[COMMUNICATION] == ROUNDS and s.ti[t, L_CALLS] == 1:
        take_part(s, t, 0.5)
    s.ti[t, LOCKS_HELD] = s.ti[t, HAS_PLACE] = 0
    s.ti[t, WRITE] = -1
    if s.pi[CAP] and not s.pi[REFUSES]:
        s.qi[t, PC] = A_PLACE
        request(s, PLACES, t)
        return
    lock(s, replication, t)


@routine
def lock(s: State, replication: int, t: int) -> None:
    """Take the next lock, or begin to work."""
    group = s.ti[t, GROUP]
    if s.pi[ISOLATION] == BY_LOCKS and s.ti[t, LOCKS_HELD] < s.gi[group, LOCK_COUNT]:
        enter(s, t, BLOCKED, K_LOCK)
        s.qi[t, PC] = A_LOCK
        request(s, FIRST_OF_LOCKS + s.locks[s.gi[group, FIRST_LOCK] + s.ti[t, LOCKS_HELD]], t)
        return
    begin_write(s, t)
    s.tf[t, LAUNCHED] = s.f[NOW]
    s.group_state[group, G_AT_WORK] += 1
    s.ti[t, IN_SLOT] = 1
    if s.pi[HAS_HARD]:
        at_once(s, E_START_TIMER, t, s.ti[t, ATTEMPTS])
    s.tf[t, STARTED] = s.f[NOW]
    enter(s, t, SERVICE, K_SPAWN)
    apart = s.pi[ISOLATION] == WORKTREE and s.gi[group, WRITES]
    s.qi[t, PC] = A_SPAWN
    after(s, t, s.tf[t, L_SPAWN_TIME] + (s.pf[SETUP_TIME] if apart else 0.0))


@routine
def spawned(s: State, replication: int, t: int) -> None:
    if not s.ti[t, HAS_PROMPT]:
        group = s.ti[t, GROUP]
        s.ti[t, HAS_PROMPT] = 1
        s.ti[t, P_SPAWN] = s.ti[t, L_SPAWN]
        shared = 0 if s.gi[group, APART] else s.pi[SHARED_TOKENS]
        s.ti[t, P_SHARED] = min(shared, s.ti[t, L_SPAWN])
        s.ti[t, P_NEW] = s.ti[t, P_HEARD] = s.ti[t, P_SENT] = 0
        s.tf[t, SENT_S] = -math.inf
    s.ti[t, P_CONTEXT] = s.ti[t, SAVED_CONTEXT]
    calls = s.ti[t, L_CALLS]
    first, end = 0, calls
    if s.pi[COMMUNICATION] == ROUNDS and s.tf[t, REWORK] == 0.0:
        half = min((calls + 1) // 2, calls)
        if s.ti[t, SECOND_ROUND]:
            first = min(half, calls - 1)
        else:
            end = half
    s.ti[t, AT_CALL] = max(first, s.ti[t, DONE_CALLS])
    s.ti[t, LAST_CALL] = end - 1
    if s.pi[WARM_UP] == STAGGER and s.ti[t, P_SHARED]:
        enter(s, t, BLOCKED, K_PREFIX)
        wait_for_prefix(s, replication, t)
    else:
        next_call(s, replication, t)


@routine
def wait_for_prefix(s: State, replication: int, t: int) -> None:
    wait_s = shared_pending(s)
    if wait_s != 0.0:
        s.qi[t, PC] = A_PREFIX
        after(s, t, wait_s)
    else:
        next_call(s, replication, t)


@routine
def next_call(s: State, replication: int, t: int) -> None:
    """Begin the next call, or return."""
    call = s.ti[t, AT_CALL]
    if call > s.ti[t, LAST_CALL]:
        enter(s, t, SERVICE, K_RETURN)
        s.qi[t, PC] = A_RETURN
        after(s, t, s.tf[t, L_RETURN_TIME])
        return
    if s.pi[HAS_SOFT] and s.ti[t, L_OBEYS] and s.f[NOW] - s.tf[t, STARTED] >= s.pf[SOFT]:
        leave_slot(s, replication, t, KILLED)
        return
    heard = 0
    if s.pi[COMMUNICATION] == BLACKBOARD:
        heard = s.pi[POST_TOKENS] * (s.group_state[s.ti[t, GROUP], G_AT_WORK] - 1)
    elif s.pi[COMMUNICATION] == ROUNDS and s.ti[t, SECOND_ROUND] and not s.ti[t, P_SENT]:
        heard = s.pi[INTERIM_TOKENS]
    s.ti[t, P_HEARD] = heard
    s.ti[t, P_NEW] = whole_share(s.ti[t, L_READ], call, s.ti[t, L_CALLS]) + heard
    s.ti[t, TRY] = 0
    if s.pi[PACE_CALLS]:
        enter(s, t, BLOCKED, K_PACE, call)
        s.qi[t, PC] = A_PACER
        request(s, PACER, t)
        return
    _ask(s, replication, t)


@routine
def paced(s: State, replication: int, t: int) -> None:
    """Count a call, and wait a window before that if it is one too many."""
    windows = int(s.f[NOW] // s.pf[PACE_WINDOW])
    if windows > s.n[PACE_WINDOWS]:
        s.n[PACE_WINDOWS], s.n[PACE_TAKEN] = windows, 0
    if s.n[PACE_TAKEN] >= s.pi[PACE_CALLS]:
        s.qi[t, PC] = A_PACE
        after(s, t, s.pf[PACE_WINDOW])
        return
    pace_over(s, replication, t)


@routine
def pace_over(s: State, replication: int, t: int) -> None:
    s.n[PACE_TAKEN] += 1
    release(s, PACER)
    _ask(s, replication, t)


@routine
def _ask(s: State, replication: int, t: int) -> None:
    """Get a call admitted: in a gateway's line, or by trying."""
    if s.pi[WAITS]:
        enter(s, t, BLOCKED, K_GATEWAY, s.ti[t, AT_CALL])
        s.qi[t, PC] = A_LINE
        admitted = join_line(s, t, -2)
        if admitted == 1:
            make_call(s, replication, t)
        elif admitted == 0:
            leave_slot(s, replication, t, TOO_LARGE)
        return
    try_call(s, replication, t)


@routine
def try_call(s: State, replication: int, t: int) -> None:
    call, try_ = s.ti[t, AT_CALL], s.ti[t, TRY]
    limited = True
    answer_s = 0.0
    if (
        s.pf[OVERLOADED] > 0.0
        and of_request(s, replication, _OVERLOAD, t, attempt_number(s, t), call, try_) < s.pf[OVERLOADED]
    ):
        limited = False
    else:
        answer_s = admit(s, quota_need(s, t))
        if answer_s == 0.0:
            make_call(s, replication, t)
            return
        if answer_s == math.inf:
            leave_slot(s, replication, t, TOO_LARGE)
            return
        if s.pi[HAS_RETRY_AFTER]:
            answer_s = s.pf[RETRY_AFTER]
    s.n[REJECTED_TRIES] += 1
    note(s, K_LIMITED if limited else K_OVERLOADED, t, call, quota_need(s, t))
    if limited and s.pi[ADAPTIVE] and s.tf[t, LAUNCHED] > s.f[SHRUNK]:
        s.f[ADAPTIVE_WIDTH] = _shrunk(s.f[ADAPTIVE_WIDTH])
        s.f[SHRUNK] = s.f[NOW]
    if try_ == s.pi[RETRIES]:
        leave_slot(s, replication, t, REFUSED)
        return
    obeys = limited and answer_s <= s.pf[OBEYED_UP_TO] * (1 + 1e-9)
    if limited and not obeys and s.pi[GIVES_UP_ABOVE]:
        leave_slot(s, replication, t, REFUSED)
        return
    s.ti[t, TRY] += 1
    enter(s, t, BACKOFF, K_BACKOFF, call)
    s.qi[t, PC] = A_BACKOFF
    after(s, t, _pause(s, replication, t, call, try_, obeys, answer_s))


@routine
def _pause(
    s: State, replication: int, t: int, call: int, try_: int, obeys: bool, retry_after_s: float
) -> float:
    """Return the seconds until the next request attempt."""
    number = attempt_number(s, t)
    pause_s = 0.0
    if not obeys or s.pi[BACKOFF_IS_FLOOR]:
        pause_s = _backoff(
            try_,
            s.pf[BACKOFF_INITIAL],
            s.pf[BACKOFF_FACTOR],
            s.pf[BACKOFF_CAP],
            s.pf[JITTER_SHARE],
            of_request(s, replication, _JITTER, t, number, call, try_),
        )
    if obeys:
        drawn = 0.0
        if s.pf[RETRY_AFTER_JITTER] > 0.0:
            drawn = of_request(s, replication, _RETRY_AFTER_JITTER, t, number, call, try_)
        pause_s = _obeyed_pause(retry_after_s, s.pf[RETRY_AFTER_JITTER], drawn, pause_s)
    if s.pf[EXTRA_DELAY] > 0.0:
        pause_s += s.pf[EXTRA_DELAY] * of_request(s, replication, _EXTRA_DELAY, t, number, call, try_)
    return pause_s


@routine
def make_call(s: State, replication: int, t: int) -> None:
    """Make a call that was admitted, and book it."""
    call = s.ti[t, AT_CALL]
    read = tokens_read(s, t)
    anew = prompt_length(s, t) - read
    output = whole_share(s.ti[t, L_WRITTEN], call, s.ti[t, L_CALLS])
    kept = CACHE_WRITE if is_written(s, t, call == s.ti[t, L_CALLS] - 1) else INPUT
    heard = s.ti[t, P_HEARD]
    if s.ti[t, P_SENT] == 0:
        s.books[t, SPAWN, COUNTED] = s.ti[t, P_SPAWN]
    s.books[t, WORK, COUNTED] += s.ti[t, P_NEW] - heard + output
    s.books[t, WORK, OUTPUT] += output
    s.books[t, COORDINATION, COUNTED] += heard
    spawn_read = min(read, s.ti[t, P_SPAWN])
    work_read = read - spawn_read
    s.books[t, SPAWN, CACHE_READ] += spawn_read
    s.books[t, WORK, CACHE_READ] += work_read
    s.books[t, SPAWN, kept] += s.ti[t, P_SPAWN] - spawn_read
    s.books[t, WORK, kept] += s.ti[t, P_CONTEXT] + s.ti[t, P_NEW] - work_read - heard
    s.books[t, COORDINATION, kept] += heard
    s.ti[t, SENT_BEFORE], s.tf[t, SENT_S_BEFORE] = s.ti[t, P_SENT], s.tf[t, SENT_S]
    send(s, t, first_token_time(s, anew, read))
    enter(s, t, SERVICE, K_CALL, call, counted(s, prompt_length(s, t), read))
    seconds = s.tf[t, L_CALL_TIME] + latency(s, output, anew, read)
    if s.pi[COMMUNICATION] == BLACKBOARD:
        seconds += s.pf[POST_TIME]
    s.ti[t, PENDING_OUTPUT] = output
    s.qi[t, PC] = A_CALL
    after(s, t, seconds)


@routine
def called(s: State, replication: int, t: int) -> None:
    """See to what follows a call."""
    call = s.ti[t, AT_CALL]
    charge_output(s, s.ti[t, PENDING_OUTPUT])
    s.ti[t, P_CONTEXT] += s.ti[t, P_NEW] + s.ti[t, PENDING_OUTPUT]
    if call == s.ti[t, L_CRASH]:
        note(s, K_CRASH, t, call, 0)
        leave_slot(s, replication, t, CRASHED)
        return
    if call == s.ti[t, L_HANG]:
        enter(s, t, HUNG, K_HANG, call)
        s.qi[t, PC] = A_SILENT
        return
    if s.pi[POLICY] == RESUME:
        enter(s, t, SERVICE, K_CALL, call)
        for cause in range(CAUSES):
            for kind in range(CLASSES):
                s.saved[t, cause, kind] = s.books[t, cause, kind]
        s.tf[t, SAVED_TIME] = s.tf[t, BOOKS_TIME]
        s.ti[t, HAS_SAVED], s.ti[t, DONE_CALLS], s.ti[t, SAVED_CONTEXT] = 1, call + 1, s.ti[t, P_CONTEXT]
    s.ti[t, AT_CALL] = call + 1
    if call != s.ti[t, LAST_CALL] and s.gi[s.ti[t, GROUP], HAS_TOOLS]:
        enter(s, t, SERVICE, K_TOOLS, call)
        s.qi[t, PC] = A_TOOLS
        after(s, t, tool_time(s, replication, t, call))
        return
    next_call(s, replication, t)


@routine
def returned(s: State, replication: int, t: int) -> None:
    tokens = s.ti[t, L_RETURN]
    charge_input(s, tokens)
    s.books[t, RETURN, COUNTED] = tokens
    if s.pi[HAS_CONTEXT]:
        s.books[t, RETURN, CACHE_WRITE] = tokens
        s.n[CONTEXT_LENGTH] += tokens
        s.n[CONTEXT_SENT] += tokens
    else:
        s.books[t, RETURN, INPUT] = tokens
    leave_slot(s, replication, t, NONE)


@routine
def give_back(s: State, replication: int, t: int) -> None:
    """Give back locks and place, and the slot."""
    group = s.ti[t, GROUP]
    for i in range(s.ti[t, LOCKS_HELD] - 1, -1, -1):
        release(s, FIRST_OF_LOCKS + s.locks[s.gi[group, FIRST_LOCK] + i])
    s.ti[t, LOCKS_HELD] = 0
    if s.ti[t, HAS_PLACE]:
        s.ti[t, HAS_PLACE] = 0
        release(s, PLACES)
    s.n[RUNNING] -= 1
    for i in range(s.n[REFUSED_WAITING]):
        put(s, replication, s.lists[REFUSED_LIST, i], 0)
    s.n[REFUSED_WAITING] = 0
    tell(s)


@routine
def leave_slot(s: State, replication: int, t: int, failure: int) -> None:
    """End an agent's work; what it has made goes to the barrier or the merge."""
    s.ti[t, IN_SLOT] = 0
    s.group_state[s.ti[t, GROUP], G_AT_WORK] -= 1
    end_write(s, replication, t, failure == NONE)
    if failure == HANGING or failure == KILLED:
        note(s, K_TIMEOUT, t, -1, 0)
    give_back(s, replication, t)
    if s.pi[ADAPTIVE] and failure == NONE and s.tf[t, LAUNCHED] > s.f[SHRUNK]:
        s.f[ADAPTIVE_WIDTH] = _grown(s.f[ADAPTIVE_WIDTH], s.n[MOST])
    tell(s)
    s.ti[t, FAILURE] = failure
    if first_of_two(s, t) and failure == NONE:
        settle(s, replication, t)
        return
    if s.pi[BARRIER_MERGE] and (failure == NONE or not (s.pi[REFILLS] or s.pi[POLICY] == ABORT)):
        enter(s, t, BLOCKED, K_BARRIER)
        s.qi[t, PC] = B_BARRIER
        at = s.n[BARRIER_HIGH] % s.lists.shape[1]
        if s.n[BARRIER_HIGH] - s.n[BARRIER_LOW] >= s.lists.shape[1]:
            s.n[OVERFLOW] = 1
        s.lists[BARRIER_LIST, at], s.lists[BARRIER_TOKENS, at] = t, s.qi[t, TOKEN]
        s.n[BARRIER_HIGH] += 1
        return
    seen(s, replication, t)


@routine
def lift_barrier(s: State) -> None:
    low, high = s.n[BARRIER_LIFTED], s.n[BARRIER_HIGH]
    s.n[BARRIER_LIFTED] = high
    if high > low:
        soon(s, E_BARRIER, low, high)
