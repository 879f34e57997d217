"""One replication as a single loop over events: the same model as the SimPy engine, told a second time.

A process is a place in its program (`PC`) and goes on from there when an event resumes it. The programs are the
dispatcher's (`_dispatch`), an attempt's (`_attempt`), the gate's, and that of a group's second round.
"""

from __future__ import annotations

import math

from numba import literal_unroll, njit

from dispatch_sim.dispatch import rules
from dispatch_sim.dispatch.compiled.api import (
    admit,
    charge_input,
    charge_output,
    context_read,
    coordinator_need,
    counted,
    first_token_time,
    is_written,
    latency,
    prompt_length,
    quota_need,
    send,
    send_shared,
    shared_is_readable,
    shared_pending,
    tokens_read,
)
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import (
    clean_up_time,
    conflict,
    draw_attempt,
    instructions_are_wrong,
    interarrival,
    jitter,
    length,
    overload,
    recovery_time,
    resolve_time,
    review_time,
    take_part,
    tool_time,
    whole,
    whole_share,
)
from dispatch_sim.dispatch.compiled.machine import (
    NORMAL,
    URGENT,
    after,
    enter,
    grant,
    note,
    now,
    pop,
    push,
    release,
    request,
    withdraw,
    write_log,
)
from dispatch_sim.dispatch.compiled.reference import state_at

_backoff = njit(cache=True)(rules.backoff)
_grown = njit(cache=True)(rules.grown)
_shrunk = njit(cache=True)(rules.shrunk)

# ---- places in the programs
(
    A_PLACE,
    A_LOCK,
    A_SPAWN,
    A_PREFIX,
    A_PACER,
    A_PACE,
    A_LINE,
    A_BACKOFF,
    A_CALL,
    A_TOOLS,
    A_RETURN,
    A_SILENT,
    B_BARRIER,
    B_SEEN,
    M_WAIT,
    M_TURN,
    M_MERGE,
    M_PERSON,
    M_BY_PERSON,
    M_RESOLVE_WAIT,
    M_RESOLVE,
    M_EXPOSED,
    M_CLEAN_WAIT,
    M_CLEAN,
    G_APPROVAL,
    R_WAIT,
    R_WORK,
) = range(27)
(
    D_REFILL,
    D_REFILL_WOKEN,
    D_ROUND,
    D_ROUND_WOKEN,
    D_IDLE,
    D_IDLE_WOKEN,
    D_OVER_WOKEN,
    D_SCRIPT_PREFIX,
    D_WAIT,
    D_BEGIN,
    D_TURN,
    D_PREFIX,
    D_BRIEF,
    D_DONE,
) = range(14)
G_WAIT, G_LOOK = range(2)
S_WAIT, S_BEGIN, S_WRITE = range(3)

# ---- what the dispatcher waits for
NOTHING, MAY_REFILL_OR_IDLE, MAY_HAND_OUT_OR_DONE, IDLE, ROUND_IS_OVER = range(5)

# ---- stages of a coordinator's turn
T_BEGIN, T_COMPACT, T_COMPACTING, T_SEND = range(4)

FIRST_ADAPTIVE_WIDTH = 4


@njit(cache=True)
def _may_hand_out(s):
    return s.n[WAITING] > 0 and not s.n[CLOSED]


@njit(cache=True)
def _slots(s):
    return int(s.f[ADAPTIVE_WIDTH])


@njit(cache=True)
def _may_refill(s):
    return _may_hand_out(s) and s.n[RUNNING] < _slots(s)


@njit(cache=True)
def _holds_now(s, condition):
    if condition == MAY_REFILL_OR_IDLE:
        return _may_refill(s) or s.n[RUNNING] == 0
    if condition == MAY_HAND_OUT_OR_DONE:
        return _may_hand_out(s) or s.n[NOT_DONE] == 0
    if condition == IDLE:
        return s.n[RUNNING] == 0
    return s.n[UNSETTLED] == 0 and not (s.pi[WAITS_FOR_RECOVERY] and s.n[RECOVERING] > 0)


@njit(cache=True)
def _look(s):
    """Have a person look at what waits for approval."""
    if s.n[GATE_WAITING] and not s.n[CLOSED]:
        s.n[CLOSED] = 1
        push(s, s.f[NOW], URGENT, E_START_GATE, 0, 0)


@njit(cache=True)
def _look_if_due(s):
    every = s.pi[REVIEW_EVERY]
    if every > 0 and s.n[GATE_WAITING] >= every:
        _look(s)


@njit(cache=True)
def _tell(s):
    """Wake the dispatcher if what it waits for has come, and have looked at what is left at the end."""
    if s.n[GATE_WAITING] and s.n[GATE_WAITING] + s.n[HELD] == s.n[NOT_DONE]:
        _look(s)
    condition = s.n[CONDITION]
    if condition != NOTHING and _holds_now(s, condition):
        s.n[CONDITION] = NOTHING
        now(s, s.pi[TASKS])


# ---- the tasks that wait for an attempt


@njit(cache=True)
def _before(s, i, j):
    if s.pending[i, 0] != s.pending[j, 0]:
        return s.pending[i, 0] < s.pending[j, 0]
    if s.pending_first[i] != s.pending_first[j]:
        return s.pending_first[i] < s.pending_first[j]
    return s.pending[i, 1] < s.pending[j, 1]


@njit(cache=True)
def _swap(s, i, j):
    for k in range(3):
        s.pending[i, k], s.pending[j, k] = s.pending[j, k], s.pending[i, k]
    s.pending_first[i], s.pending_first[j] = s.pending_first[j], s.pending_first[i]


@njit(cache=True)
def _put(s, replication, t, turn):
    """Let a task wait for an attempt."""
    key = 0.0
    if s.pi[ORDER] != AS_GIVEN:
        key = length(s, replication, t)
        if s.pi[ORDER] == LONGEST_FIRST:
            key = -key
    at = s.n[WAITING]
    s.n[WAITING] = at + 1
    s.pending[at, 0], s.pending[at, 1], s.pending[at, 2] = turn, s.n[CAME], t
    s.pending_first[at] = key
    s.n[CAME] += 1
    while at > 0:
        parent = (at - 1) >> 1
        if _before(s, parent, at):
            break
        _swap(s, parent, at)
        at = parent


@njit(cache=True)
def _take(s):
    """Take the first of the waiting tasks."""
    t = s.pending[0, 2]
    last = s.n[WAITING] - 1
    s.n[WAITING] = last
    _swap(s, 0, last)
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and _before(s, child + 1, child):
            child += 1
        if _before(s, at, child):
            break
        _swap(s, at, child)
        at = child
    return t


@njit(cache=True)
def _receive(s, replication, t):
    """Let a task that has arrived wait for an attempt, or for the groups that its own is after."""
    group = s.ti[t, GROUP]
    if s.group_state[group, G_WAITS_FOR]:
        s.ti[t, STATE], s.ti[t, KIND] = BLOCKED, K_DEPENDENCY
        s.lists[HELD_LIST, s.n[HELD]] = t
        s.n[HELD] += 1
    else:
        _put(s, replication, t, 1)


@njit(cache=True)
def _release_held(s, replication, group):
    """Let the tasks of a group go that have waited for others."""
    kept = 0
    for i in range(s.n[HELD]):
        t = s.lists[HELD_LIST, i]
        if s.ti[t, GROUP] == group:
            enter(s, t, WAIT, K_WAIT)
            _put(s, replication, t, 1)
        else:
            s.lists[HELD_LIST, kept] = t
            kept += 1
    s.n[HELD] = kept


@njit(cache=True)
def _finish(s, replication, t):
    """Note that a task is done, and let the groups go that have waited for its group."""
    enter(s, t, WAIT, K_WAIT)
    s.n[NOT_DONE] -= 1
    s.f[FLOW] += s.f[NOW] - s.tf[t, ARRIVED]
    group = s.ti[t, GROUP]
    s.group_state[group, G_NOT_DONE] -= 1
    if s.group_state[group, G_NOT_DONE] == 0:
        first = s.gi[group, FIRST_FOLLOWER]
        for i in range(s.gi[group, FOLLOWERS]):
            follower = s.locks[first + i]
            s.group_state[follower, G_WAITS_FOR] -= 1
            if s.group_state[follower, G_WAITS_FOR] == 0:
                _release_held(s, replication, follower)


@njit(cache=True)
def _through_first_round(s, t, by_agent):
    group = s.ti[t, GROUP]
    if by_agent:
        s.ti[t, SECOND_ROUND] = 1
        enter(s, t, BLOCKED, K_ROUND)
        s.lists[SECOND_LIST, s.n[SECOND_COUNT]] = t
        s.n[SECOND_COUNT] += 1
        s.group_state[group, G_SECOND] += 1
    s.group_state[group, G_NOT_THROUGH] -= 1
    waits = s.group_state[group, G_SECOND] > 0 and not s.group_state[group, G_BRIEFING]
    if s.group_state[group, G_NOT_THROUGH] == 0 and waits:
        s.group_state[group, G_BRIEFING] = 1
        push(s, s.f[NOW], URGENT, E_START_ROUND, group, 0)


# ---- the gateway's line


@njit(cache=True)
def _line_need(s, at):
    pid, need = s.lists[LINE_LIST, at], s.lists[LINE_NEEDS, at]
    return quota_need(s, pid) if need == -2 else coordinator_need(s, need)


@njit(cache=True)
def _line_at(s, i):
    return (s.n[LINE_HEAD] + i) % s.lists.shape[1]


@njit(cache=True)
def _join_line(s, pid, need):
    """Get a try admitted, or let it wait in line; returns 1 where it is, 0 where it never can be, -1 to wait.

    `need` is -2 for a task's prompt, -1 for the coordinator's context, or a number of tokens.
    """
    at = _line_at(s, s.n[LINE_COUNT])
    s.lists[LINE_LIST, at], s.lists[LINE_TOKENS, at], s.lists[LINE_NEEDS, at] = pid, s.qi[pid, TOKEN], need
    s.n[LINE_COUNT] += 1
    s.qi[pid, IN_LINE] = 1
    if s.n[LINE_COUNT] == 1 and not s.n[SERVER]:
        wait_s = admit(s, _line_need(s, at))
        if wait_s == 0.0 or wait_s == math.inf:
            s.n[LINE_COUNT] = 0
            s.qi[pid, IN_LINE] = 0
            return 1 if wait_s == 0.0 else 0
        s.n[SERVER] = 1
        push(s, s.f[NOW], URGENT, E_START_SERVER, 0, 0)
    return -1


@njit(cache=True)
def _leave_line(s, pid):
    """Take an ended agent's try out of the line."""
    s.qi[pid, IN_LINE] = 0
    found = -1
    for i in range(s.n[LINE_COUNT]):
        if s.lists[LINE_LIST, _line_at(s, i)] == pid:
            found = i
            break
    for i in range(found, s.n[LINE_COUNT] - 1):
        to, of = _line_at(s, i), _line_at(s, i + 1)
        for row in (LINE_LIST, LINE_TOKENS, LINE_NEEDS):
            s.lists[row, to] = s.lists[row, of]
    s.n[LINE_COUNT] -= 1
    if found == 0 and s.n[SERVER]:
        push(s, s.f[NOW], URGENT, E_INTERRUPT_SERVER, 0, s.n[SERVERS])


@njit(cache=True)
def _serve_line(s):
    """Admit those in line as long as there is enough, and wait for the first for whom there is not."""
    while s.n[LINE_COUNT]:
        at = s.n[LINE_HEAD]
        wait_s = admit(s, _line_need(s, at))
        if wait_s != 0.0 and wait_s != math.inf:
            s.n[SERVER_TOKEN] += 1
            push(s, s.f[NOW] + wait_s, NORMAL, E_SERVER, 0, s.n[SERVER_TOKEN])
            return
        s.n[LINE_HEAD] = _line_at(s, 1)
        s.n[LINE_COUNT] -= 1
        pid = s.lists[LINE_LIST, at]
        s.qi[pid, IN_LINE] = 0
        s.qi[pid, ADMITTED] = wait_s == 0.0
        push(s, s.f[NOW], NORMAL, E_RESUME, pid, s.lists[LINE_TOKENS, at])
    s.n[SERVER] = 0
    s.n[SERVERS] += 1
    s.n[SERVER_TOKEN] += 1


# ---- the coordinator's calls


@njit(cache=True)
def _coordinator_admitted(s, pid, need):
    """Get a call of the coordinator admitted; False where the process has to wait, and to ask again then."""
    if s.pi[WAITS]:
        if s.qi[pid, STAGE_IN_LINE]:
            s.qi[pid, STAGE_IN_LINE] = 0
            return True
        if _join_line(s, pid, need) >= 0:
            return True
        s.qi[pid, STAGE_IN_LINE] = 1
        return False
    retry_after_s = admit(s, coordinator_need(s, need))
    if retry_after_s == 0.0:
        return True
    s.n[REJECTED_TRIES] += 1
    write_log(s, s.f[NOW], s.f[NOW], K_LIMITED, -1, 0, -1, 0)
    after(s, pid, retry_after_s)
    return False


@njit(cache=True)
def _book_context(s):
    """Book what of the coordinator's context is read and written."""
    read = context_read(s)
    s.ledger[CONTEXT, CACHE_READ] += read
    s.ledger[CONTEXT, CACHE_WRITE] += s.n[CONTEXT_LENGTH] - read
    s.n[CONTEXT_SENT], s.f[CONTEXT_SENT_S] = s.n[CONTEXT_LENGTH], s.f[NOW]


@njit(cache=True)
def _begin_turn(s, pid):
    """Get a turn admitted, and the context compacted before; False where the process has to wait."""
    stage = s.qi[pid, STAGE]
    if stage == T_BEGIN:
        if not s.pi[HAS_CONTEXT]:
            return _coordinator_admitted(s, pid, 0)
        stage = T_COMPACT if s.n[CONTEXT_LENGTH] > s.pf[CONTEXT_WINDOW] else T_SEND
        s.qi[pid, STAGE] = stage
    if stage == T_COMPACT:
        if not _coordinator_admitted(s, pid, -1):
            return False
        _book_context(s)
        s.qf[pid, COMPACTION_STARTED] = s.f[NOW]
        s.qi[pid, NEED] = s.n[CONTEXT_LENGTH]
        s.qi[pid, STAGE] = T_COMPACTING
        after(s, pid, s.pf[COMPACTION_TIME])
        return False
    if stage == T_COMPACTING:
        _charge_writing(s, CONTEXT, -1, s.pf[COMPACTION_TOKENS])
        s.n[CONTEXT_LENGTH] += s.pi[CONTEXT_START] - s.qi[pid, NEED]
        s.n[CONTEXT_SENT] = s.pi[CONTEXT_START]
        s.n[COMPACTIONS] += 1
        write_log(s, s.qf[pid, COMPACTION_STARTED], s.f[NOW], K_COMPACTION, -1, 0, -1, 0)
        s.qi[pid, STAGE] = T_SEND
    if not _coordinator_admitted(s, pid, -1):
        return False
    _book_context(s)
    s.qi[pid, STAGE] = T_BEGIN
    return True


@njit(cache=True)
def _charge_writing(s, cause, t, tokens):
    """Charge and book what the coordinator has written, of a task's books or (-1) of the ledger."""
    written = whole(tokens)
    if t >= 0:
        s.books[t, cause, COUNTED] += written
        s.books[t, cause, OUTPUT] += written
    else:
        s.ledger[cause, COUNTED] += written
        s.ledger[cause, OUTPUT] += written
    charge_output(s, written)
    if s.pi[HAS_CONTEXT]:
        s.n[CONTEXT_LENGTH] += written


@njit(cache=True)
def _warm_prefix(s, pid):
    """Write the agents' shared prefix to the cache where it is cold; False where the process has to wait."""
    prefix = s.pi[SHARED_TOKENS]
    if s.qi[pid, PREFIX_STAGE] == 0:
        if not s.pi[HAS_CACHE] or prefix < max(1.0, s.pf[CACHE_MINIMUM]) or shared_is_readable(s):
            return True
        s.qi[pid, PREFIX_STAGE] = 1
    if s.qi[pid, PREFIX_STAGE] == 1:
        if not _coordinator_admitted(s, pid, prefix):
            return False
        s.ledger[COORDINATION, COUNTED] += prefix
        s.ledger[COORDINATION, CACHE_WRITE] += prefix
        first_token_s = first_token_time(s, prefix, 0)
        send_shared(s, first_token_s)
        s.qf[pid, COMPACTION_STARTED] = s.f[NOW]
        s.qi[pid, PREFIX_STAGE] = 2
        after(s, pid, first_token_s)
        return False
    charge_output(s, 0)
    write_log(s, s.qf[pid, COMPACTION_STARTED], s.f[NOW], K_PREWARM, -1, 0, -1, prefix)
    s.qi[pid, PREFIX_STAGE] = 0
    return True


# ---- writes


@njit(cache=True)
def _number(s, t):
    return (s.ti[t, ATTEMPTS] - 1) % 256


@njit(cache=True)
def _is_lost(s, t):
    w = s.ti[t, WRITE]
    return w >= 0 and s.wi[w, W_LOST] == 1


@njit(cache=True)
def _begin_write(s, t):
    """Note that a writing attempt is at work."""
    s.ti[t, WRITE] = -1
    if s.pi[ISOLATION] == BY_LOCKS or not s.gi[s.ti[t, GROUP], WRITES]:
        return
    w = s.n[WRITES_BEGUN]
    if w >= s.wi.shape[0]:
        s.n[OVERFLOW] = 1
        return
    s.n[WRITES_BEGUN] = w + 1
    s.ti[t, WRITE] = w
    s.wi[w, W_TASK], s.wi[w, W_NUMBER], s.wi[w, W_LOST], s.wi[w, W_SAFE] = t, _number(s, t), 0, 0
    s.wf[w, W_BEGAN] = s.f[NOW]
    s.wf[w, W_RETURNED] = s.wf[w, W_MERGED] = math.inf
    if s.pi[ISOLATION] == SHARED:
        s.lists[WORKING_LIST, s.n[WORKING_COUNT]] = w
        s.n[WORKING_COUNT] += 1


@njit(cache=True)
def _meet(s, one, other):
    return s.meets[s.ti[s.wi[one, W_TASK], GROUP], s.ti[s.wi[other, W_TASK], GROUP]]


@njit(cache=True)
def _conflict(s, replication, one, other):
    return _meet(s, one, other) and conflict(
        s, replication, s.wi[one, W_TASK], s.wi[one, W_NUMBER], s.wi[other, W_TASK], s.wi[other, W_NUMBER]
    )


@njit(cache=True)
def _end_write(s, replication, t, returned):
    """Note that a writing attempt is over, and what it has written over."""
    w = s.ti[t, WRITE]
    if w < 0 or s.pi[ISOLATION] != SHARED:
        return
    kept = 0
    for i in range(s.n[WORKING_COUNT]):
        other = s.lists[WORKING_LIST, i]
        if other != w:
            s.lists[WORKING_LIST, kept] = other
            kept += 1
    s.n[WORKING_COUNT] = kept
    if returned:
        s.wf[w, W_RETURNED] = s.f[NOW]
        for i in range(s.n[RETURNED_COUNT]):
            other = s.lists[RETURNED_LIST, i]
            if (
                s.wf[other, W_RETURNED] > s.wf[w, W_BEGAN]
                and not s.wi[other, W_LOST]
                and _conflict(s, replication, w, other)
            ):
                s.wi[other, W_LOST] = 1
        s.lists[RETURNED_LIST, s.n[RETURNED_COUNT]] = w
        s.n[RETURNED_COUNT] += 1
    kept = 0
    for i in range(s.n[RETURNED_COUNT]):
        other = s.lists[RETURNED_LIST, i]
        threatened = False
        for j in range(s.n[WORKING_COUNT]):
            one = s.lists[WORKING_LIST, j]
            if _meet(s, one, other) and s.wf[one, W_BEGAN] < s.wf[other, W_RETURNED]:
                threatened = True
                break
        if threatened:
            s.lists[RETURNED_LIST, kept] = other
            kept += 1
        else:
            s.wi[other, W_SAFE] = 1
            waiting = s.wi[other, W_TASK]
            if s.qi[waiting, PC] == M_EXPOSED and s.ti[waiting, ALIVE] and s.ti[waiting, WRITE] == other:
                now(s, waiting)
    s.n[RETURNED_COUNT] = kept


# ---- attempts


@njit(cache=True)
def _launch(s, t):
    """Begin an attempt of a task in a free slot, unless the harness refuses it."""
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
    if s.ti[t, HAS_SAVED]:
        s.books[t] = s.saved[t]
        s.tf[t, BOOKS_TIME] = s.tf[t, SAVED_TIME]
    else:
        s.books[t] = 0
        s.tf[t, BOOKS_TIME] = 0.0
    enter(s, t, BLOCKED, K_HARNESS)
    note(s, K_LAUNCH, t, -1, 0)
    s.tf[t, LAUNCHED] = s.f[NOW]
    s.ti[t, INSTRUCTIONS] = s.n[INSTRUCTIONS_NOW]
    s.ti[t, MERGING] = 0
    s.ti[t, ALIVE] = 1
    s.qi[t, TOKEN] += 1
    if s.pi[POLICY] == CASCADE:
        s.lists[ACTIVE_LIST, s.n[ACTIVE_COUNT]] = t
        s.n[ACTIVE_COUNT] += 1
    push(s, s.f[NOW], URGENT, E_START_ATTEMPT, t, 0)


@njit(cache=True)
def _first_of_two(s, t):
    return s.pi[COMMUNICATION] == ROUNDS and not s.ti[t, SECOND_ROUND]


@njit(cache=True)
def _start_attempt(s, replication, t):
    if not s.ti[t, HAS_SAVED]:
        s.ti[t, ORIGIN] = _number(s, t)
    draw_attempt(s, replication, t, _number(s, t))
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
    _lock(s, replication, t)


@njit(cache=True)
def _lock(s, replication, t):
    """Take the next lock, or begin to work."""
    group = s.ti[t, GROUP]
    if s.pi[ISOLATION] == BY_LOCKS and s.ti[t, LOCKS_HELD] < s.gi[group, LOCK_COUNT]:
        enter(s, t, BLOCKED, K_LOCK)
        s.qi[t, PC] = A_LOCK
        request(s, FIRST_OF_LOCKS + s.locks[s.gi[group, FIRST_LOCK] + s.ti[t, LOCKS_HELD]], t)
        return
    _begin_write(s, t)
    s.tf[t, LAUNCHED] = s.f[NOW]
    s.group_state[group, G_AT_WORK] += 1
    s.ti[t, IN_SLOT] = 1
    if s.pi[HAS_HARD]:
        push(s, s.f[NOW], URGENT, E_START_TIMER, t, s.ti[t, ATTEMPTS])
    s.tf[t, STARTED] = s.f[NOW]
    enter(s, t, SERVICE, K_SPAWN)
    apart = s.pi[ISOLATION] == WORKTREE and s.gi[group, WRITES]
    s.qi[t, PC] = A_SPAWN
    after(s, t, s.tf[t, L_SPAWN_TIME] + (s.pf[SETUP_TIME] if apart else 0.0))


@njit(cache=True)
def _spawned(s, replication, t):
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
        _wait_for_prefix(s, replication, t)
    else:
        _next_call(s, replication, t)


@njit(cache=True)
def _wait_for_prefix(s, replication, t):
    wait_s = shared_pending(s)
    if wait_s != 0.0:
        s.qi[t, PC] = A_PREFIX
        after(s, t, wait_s)
    else:
        _next_call(s, replication, t)


@njit(cache=True)
def _next_call(s, replication, t):
    """Begin the next call, or return."""
    call = s.ti[t, AT_CALL]
    if call > s.ti[t, LAST_CALL]:
        enter(s, t, SERVICE, K_RETURN)
        s.qi[t, PC] = A_RETURN
        after(s, t, s.tf[t, L_RETURN_TIME])
        return
    if s.pi[HAS_SOFT] and s.ti[t, L_OBEYS] and s.f[NOW] - s.tf[t, STARTED] >= s.pf[SOFT]:
        _leave_slot(s, replication, t, KILLED)
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


@njit(cache=True)
def _paced(s, replication, t):
    """Count a call, and wait a window before that if it is one too many."""
    windows = int(s.f[NOW] // s.pf[PACE_WINDOW])
    if windows > s.n[PACE_WINDOWS]:
        s.n[PACE_WINDOWS], s.n[PACE_TAKEN] = windows, 0
    if s.n[PACE_TAKEN] >= s.pi[PACE_CALLS]:
        s.qi[t, PC] = A_PACE
        after(s, t, s.pf[PACE_WINDOW])
        return
    _pace_over(s, replication, t)


@njit(cache=True)
def _pace_over(s, replication, t):
    s.n[PACE_TAKEN] += 1
    release(s, PACER)
    _ask(s, replication, t)


@njit(cache=True)
def _ask(s, replication, t):
    """Get a call admitted: in a gateway's line, or by trying."""
    if s.pi[WAITS]:
        enter(s, t, BLOCKED, K_GATEWAY, s.ti[t, AT_CALL])
        s.qi[t, PC] = A_LINE
        admitted = _join_line(s, t, -2)
        if admitted == 1:
            _make_call(s, replication, t)
        elif admitted == 0:
            _leave_slot(s, replication, t, TOO_LARGE)
        return
    _try(s, replication, t)


@njit(cache=True)
def _try(s, replication, t):
    call, try_ = s.ti[t, AT_CALL], s.ti[t, TRY]
    limited = True
    answer_s = 0.0
    if s.pf[OVERLOADED] > 0.0 and overload(s, replication, t, _number(s, t), call, try_) < s.pf[OVERLOADED]:
        limited = False
    else:
        answer_s = admit(s, quota_need(s, t))
        if answer_s == 0.0:
            _make_call(s, replication, t)
            return
        if answer_s == math.inf:
            _leave_slot(s, replication, t, TOO_LARGE)
            return
        if s.pi[HAS_RETRY_AFTER]:
            answer_s = s.pf[RETRY_AFTER]
    s.n[REJECTED_TRIES] += 1
    note(s, K_LIMITED if limited else K_OVERLOADED, t, call, quota_need(s, t))
    if limited and s.pi[ADAPTIVE] and s.tf[t, LAUNCHED] > s.f[SHRUNK]:
        s.f[ADAPTIVE_WIDTH] = _shrunk(s.f[ADAPTIVE_WIDTH])
        s.f[SHRUNK] = s.f[NOW]
    if try_ == s.pi[RETRIES]:
        _leave_slot(s, replication, t, REFUSED)
        return
    if limited and answer_s <= s.pf[OBEYED_UP_TO] * (1 + 1e-9):
        pause_s = answer_s
    elif limited and s.pi[GIVES_UP_ABOVE]:
        _leave_slot(s, replication, t, REFUSED)
        return
    else:
        pause_s = _backoff(
            try_,
            s.pf[BACKOFF_INITIAL],
            s.pf[BACKOFF_FACTOR],
            s.pf[BACKOFF_CAP],
            s.pf[JITTER_SHARE],
            jitter(s, replication, t, _number(s, t), call, try_),
        )
    s.ti[t, TRY] += 1
    enter(s, t, BACKOFF, K_BACKOFF, call)
    s.qi[t, PC] = A_BACKOFF
    after(s, t, pause_s)


@njit(cache=True)
def _make_call(s, replication, t):
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


@njit(cache=True)
def _called(s, replication, t):
    """See to what follows a call."""
    call = s.ti[t, AT_CALL]
    charge_output(s, s.ti[t, PENDING_OUTPUT])
    s.ti[t, P_CONTEXT] += s.ti[t, P_NEW] + s.ti[t, PENDING_OUTPUT]
    if call == s.ti[t, L_CRASH]:
        note(s, K_CRASH, t, call, 0)
        _leave_slot(s, replication, t, CRASHED)
        return
    if call == s.ti[t, L_HANG]:
        enter(s, t, HUNG, K_HANG, call)
        s.qi[t, PC] = A_SILENT
        return
    if s.pi[POLICY] == RESUME:
        enter(s, t, SERVICE, K_CALL, call)
        s.saved[t] = s.books[t]
        s.tf[t, SAVED_TIME] = s.tf[t, BOOKS_TIME]
        s.ti[t, HAS_SAVED], s.ti[t, DONE_CALLS], s.ti[t, SAVED_CONTEXT] = 1, call + 1, s.ti[t, P_CONTEXT]
    s.ti[t, AT_CALL] = call + 1
    if call != s.ti[t, LAST_CALL] and s.gi[s.ti[t, GROUP], HAS_TOOLS]:
        enter(s, t, SERVICE, K_TOOLS, call)
        s.qi[t, PC] = A_TOOLS
        after(s, t, tool_time(s, replication, t, call))
        return
    _next_call(s, replication, t)


@njit(cache=True)
def _returned(s, replication, t):
    tokens = s.ti[t, L_RETURN]
    charge_input(s, tokens)
    s.books[t, RETURN, COUNTED] = tokens
    if s.pi[HAS_CONTEXT]:
        s.books[t, RETURN, CACHE_WRITE] = tokens
        s.n[CONTEXT_LENGTH] += tokens
        s.n[CONTEXT_SENT] += tokens
    else:
        s.books[t, RETURN, INPUT] = tokens
    _leave_slot(s, replication, t, NONE)


@njit(cache=True)
def _give_back(s, replication, t):
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
        _put(s, replication, s.lists[REFUSED_LIST, i], 0)
    s.n[REFUSED_WAITING] = 0
    _tell(s)


@njit(cache=True)
def _leave_slot(s, replication, t, failure):
    """End an agent's work; what it has made goes to the barrier or the merge."""
    s.ti[t, IN_SLOT] = 0
    s.group_state[s.ti[t, GROUP], G_AT_WORK] -= 1
    _end_write(s, replication, t, failure == NONE)
    if failure in (HANGING, KILLED):
        note(s, K_TIMEOUT, t, -1, 0)
    _give_back(s, replication, t)
    if s.pi[ADAPTIVE] and failure == NONE and s.tf[t, LAUNCHED] > s.f[SHRUNK]:
        s.f[ADAPTIVE_WIDTH] = _grown(s.f[ADAPTIVE_WIDTH], s.n[MOST])
    _tell(s)
    s.ti[t, FAILURE] = failure
    if _first_of_two(s, t) and failure == NONE:
        _settle(s, replication, t)
        return
    if s.pi[BARRIER_MERGE] and (failure == NONE or not s.pi[REFILLS]):
        enter(s, t, BLOCKED, K_BARRIER)
        s.qi[t, PC] = B_BARRIER
        at = s.n[BARRIER_HIGH] % s.lists.shape[1]
        if s.n[BARRIER_HIGH] - s.n[BARRIER_LOW] >= s.lists.shape[1]:
            s.n[OVERFLOW] = 1
        s.lists[BARRIER_LIST, at], s.lists[BARRIER_TOKENS, at] = t, s.qi[t, TOKEN]
        s.n[BARRIER_HIGH] += 1
        return
    _seen(s, replication, t)


@njit(cache=True)
def _lift_barrier(s):
    low, high = s.n[BARRIER_LIFTED], s.n[BARRIER_HIGH]
    s.n[BARRIER_LIFTED] = high
    if high > low:
        push(s, s.f[NOW], NORMAL, E_BARRIER, low, high)


@njit(cache=True)
def _behind_barrier(s, replication, t):
    if s.pi[POLICY] == CASCADE and s.ti[t, FAILURE] == NONE:
        s.qi[t, PC] = B_SEEN
        after(s, t, 0.0)
        return
    _seen(s, replication, t)


@njit(cache=True)
def _seen(s, replication, t):
    """Merge an output, unless the attempt has failed."""
    if s.ti[t, FAILURE] == NONE and s.ti[t, INSTRUCTIONS] != s.n[INSTRUCTIONS_NOW]:
        s.ti[t, FAILURE] = WRONG_BRIEF
    if s.ti[t, FAILURE] != NONE:
        _settle(s, replication, t)
        return
    if _is_lost(s, t):
        _clean_up(s, replication, t)
        return
    pairs, blind = 0, 0
    if not s.ti[t, L_BAD] and s.tf[t, REWORK] == 0.0:
        pairs, blind = _unseen(s, t)
    s.ti[t, BLIND] = blind
    if s.gi[s.ti[t, GROUP], PROSE]:
        tokens, time_s, people_s = s.pf[PROSE_TOKENS], s.pf[PROSE_TIME], s.pf[PROSE_PEOPLE]
    else:
        tokens, time_s, people_s = s.pf[STRUCTURED_TOKENS], s.pf[STRUCTURED_TIME], s.pf[STRUCTURED_PEOPLE]
    s.tf[t, MERGE_TOKENS] = tokens + pairs * s.pf[PAIR_TOKENS]
    s.tf[t, MERGE_TIME] = time_s + pairs * s.pf[PAIR_TIME]
    s.tf[t, PERSON_TIME] = people_s + pairs * s.pf[PAIR_PEOPLE]
    if s.tf[t, MERGE_TOKENS] != 0.0 or s.tf[t, MERGE_TIME] != 0.0:
        enter(s, t, BLOCKED, K_COORDINATOR_BUSY)
        s.qi[t, PC] = M_WAIT
        request(s, COORDINATOR, t)
        return
    _to_person(s, replication, t)


@njit(cache=True)
def _unseen_of(times, over, begun, since):
    low, high = 0, over
    while low < high:
        middle = (low + high) // 2
        if since < times[middle]:
            high = middle
        else:
            low = middle + 1
    return begun - low


@njit(cache=True)
def _unseen(s, t):
    """Count the outputs whose merge has begun and which a task's agent could not see; begin its own."""
    group = s.ti[t, GROUP]
    pairs = _unseen_of(s.merged_all, s.n[MERGED_COUNT], s.n[BEGUN], s.tf[t, LAUNCHED])
    blind = _unseen_of(
        s.merged_of[group], s.group_state[group, G_OVER], s.group_state[group, G_BEGUN], s.tf[t, LAUNCHED]
    )
    s.ti[t, UNSEEN_COUNTED] = 1
    s.n[BEGUN] += 1
    s.group_state[group, G_BEGUN] += 1
    if s.pi[COMMUNICATION] != SILENT:
        return pairs - blind, 0
    return pairs, blind


@njit(cache=True)
def _drop(s, t):
    """Count an output no longer that was to be merged, or was being merged."""
    if s.ti[t, UNSEEN_COUNTED]:
        s.ti[t, UNSEEN_COUNTED] = 0
        s.n[BEGUN] -= 1
        s.group_state[s.ti[t, GROUP], G_BEGUN] -= 1


@njit(cache=True)
def _to_person(s, replication, t):
    """Have a person merge an output, where that is asked for."""
    if s.tf[t, PERSON_TIME] != 0.0 and not _is_lost(s, t):
        enter(s, t, BLOCKED, K_PERSON_BUSY)
        s.qi[t, PC] = M_PERSON
        request(s, PERSON, t)
        return
    _merged(s, replication, t)


@njit(cache=True)
def _merged(s, replication, t):
    """See to what a merge has shown."""
    if _is_lost(s, t):
        _drop(s, t)
        _clean_up(s, replication, t)
        return
    s.ti[t, MERGING] = 1
    if s.ti[t, L_BAD]:
        note(s, K_BAD_OUTPUT, t, -1, 0)
        s.ti[t, FAILURE] = BAD
        _settle(s, replication, t)
        return
    w = s.ti[t, WRITE]
    if w >= 0 and s.pi[ISOLATION] == WORKTREE:
        seconds = 0.0
        for i in range(s.n[MERGING_COUNT]):
            other = s.lists[MERGING_LIST, i]
            if s.wf[other, W_MERGED] > s.wf[w, W_BEGAN] and _conflict(s, replication, w, other):
                s.n[MERGE_CONFLICTS] += 1
                seconds += resolve_time(
                    s, replication, t, s.wi[w, W_NUMBER], s.wi[other, W_TASK], s.wi[other, W_NUMBER]
                )
        if s.n[MERGING_COUNT] >= s.lists.shape[1]:
            s.n[OVERFLOW] = 1
            return
        s.lists[MERGING_LIST, s.n[MERGING_COUNT]] = w
        s.n[MERGING_COUNT] += 1
        if seconds != 0.0:
            s.tf[t, PERSON_TIME] = seconds
            enter(s, t, BLOCKED, K_PERSON_BUSY)
            s.qi[t, PC] = M_RESOLVE_WAIT
            request(s, PERSON, t)
            return
    _resolved(s, replication, t)


@njit(cache=True)
def _resolved(s, replication, t):
    w = s.ti[t, WRITE]
    if w >= 0:
        s.wf[w, W_MERGED] = s.f[NOW]
    group = s.ti[t, GROUP]
    if s.ti[t, UNSEEN_COUNTED]:
        s.ti[t, UNSEEN_COUNTED] = 0
        if s.n[MERGED_COUNT] >= s.merged_all.shape[0]:
            s.n[OVERFLOW] = 1
            return
        s.merged_all[s.n[MERGED_COUNT]] = s.f[NOW]
        s.n[MERGED_COUNT] += 1
        s.merged_of[group, s.group_state[group, G_OVER]] = s.f[NOW]
        s.group_state[group, G_OVER] += 1
    if w >= 0 and s.pi[ISOLATION] == SHARED:
        if not s.wi[w, W_SAFE]:
            enter(s, t, BLOCKED, K_EXPOSED)
            s.qi[t, PC] = M_EXPOSED
            return
        if s.wi[w, W_LOST]:
            _clean_up(s, replication, t)
            return
    _merge_is_over(s, replication, t)


@njit(cache=True)
def _merge_is_over(s, replication, t):
    group = s.ti[t, GROUP]
    others = max(1, s.gi[group, SIZE] - 1)
    s.tf[t, BLIND_SHARE] = s.gf[group, COUPLING] * min(s.ti[t, BLIND], others) / others
    _settle(s, replication, t)


@njit(cache=True)
def _clean_up(s, replication, t):
    """Have a person see to the loss of an attempt's work."""
    s.ti[t, MERGING] = 1
    s.ti[t, FAILURE] = OVERWRITTEN
    note(s, K_OVERWRITTEN, t, -1, 0)
    seconds = clean_up_time(s, replication, t, _number(s, t))
    if seconds != 0.0:
        s.tf[t, PERSON_TIME] = seconds
        enter(s, t, BLOCKED, K_PERSON_BUSY)
        s.qi[t, PC] = M_CLEAN_WAIT
        request(s, PERSON, t)
        return
    _settle(s, replication, t)


@njit(cache=True)
def _forget(s, t):
    s.ti[t, HAS_PROMPT] = s.ti[t, HAS_SAVED] = s.ti[t, DONE_CALLS] = s.ti[t, SAVED_CONTEXT] = 0


@njit(cache=True)
def _keep(s, t):
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


@njit(cache=True)
def _book_made(s, t):
    for cause in range(CAUSES):
        for kind in range(CLASSES):
            s.ledger[cause, kind] += s.made[t, 0, cause, kind]
            s.ledger[REWORKING, kind] += s.made[t, 1, cause, kind]
    s.made[t] = 0
    s.ti[t, MADE_COUNT] = 0


@njit(cache=True)
def _settle(s, replication, t):
    """See to what the outcome of an attempt asks for."""
    enter(s, t, WAIT, K_WAIT)
    s.n[UNSETTLED] -= 1
    if s.pi[POLICY] == CASCADE:
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
    elif _first_of_two(s, t):
        s.ti[t, ALIVE] = 0
        _keep(s, t)
        _forget(s, t)
        _through_first_round(s, t, True)
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
        _look_if_due(s)
        _tell(s)
        return
    else:
        _approved(s, replication, t, False)
        return
    _tell(s)


@njit(cache=True)
def _approved(s, replication, t, wrong):
    """Finish a task, or have it done again where its instructions were wrong."""
    s.ti[t, ALIVE] = 0
    if wrong:
        _fail(s, replication, t, WRONG_BRIEF, False)
    else:
        _keep(s, t)
        _book_made(s, t)
        _forget(s, t)
        _finish(s, replication, t)
    _tell(s)


@njit(cache=True)
def _waste(s, cause, kind, tokens, failure):
    s.ledger[WASTED, kind] += tokens
    if failure == KILLED:
        s.killed[kind] += tokens


@njit(cache=True)
def _begin_anew(s, t):
    """Have a task done again as though nothing had been made of it."""
    note(s, K_WRONG_BRIEF, t, -1, 0)
    _forget(s, t)
    s.tf[t, REWORK] = s.tf[t, BLIND_SHARE] = 0.0
    if s.ti[t, SECOND_ROUND]:
        s.ti[t, SECOND_ROUND] = 0
        s.group_state[s.ti[t, GROUP], G_NOT_THROUGH] += 1


@njit(cache=True)
def _spoil(s, replication):
    """Have everything done again that was made by wrong instructions and waits."""
    for t in range(s.pi[TASKS]):
        waits = s.ti[t, STATE] == WAIT or s.ti[t, KIND] == K_ROUND
        made = s.ti[t, MADE_COUNT] > 0 or s.ti[t, HAS_SAVED] == 1
        if not (waits and made) or s.ti[t, INSTRUCTIONS] == s.n[INSTRUCTIONS_NOW]:
            continue
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
        s.made[t] = 0
        s.ti[t, MADE_COUNT] = 0
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
            _put(s, replication, t, 1)
        _begin_anew(s, t)


@njit(cache=True)
def _fail(s, replication, t, failure, in_round):
    """Book an attempt that has failed, and dispatch its task again or leave it to a person."""
    by_itself = failure != CANCELLED and failure != WRONG_BRIEF
    if by_itself:
        s.ti[t, FAILURES] += 1
    again = not by_itself or s.ti[t, FAILURES] < s.pi[MOST_FAILURES]
    resumable = failure in (CRASHED, REFUSED, HANGING, KILLED)
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
        s.made[t] = 0
        s.ti[t, MADE_COUNT] = 0
    if not goes_on:
        _forget(s, t)
    if failure == CANCELLED:
        _drop(s, t)
    if failure == WRONG_BRIEF:
        _begin_anew(s, t)
    if not again:
        s.n[RECOVERING] += 1
        push(s, s.f[NOW], URGENT, E_START_RECOVERY, t, 0)
        return
    if s.pi[POLICY] == CASCADE and by_itself:
        for i in range(s.n[ACTIVE_COUNT]):
            other = s.lists[ACTIVE_LIST, i]
            if not s.ti[other, MERGING] and s.ti[other, ALIVE]:
                push(s, s.f[NOW], URGENT, E_INTERRUPT, other, s.ti[other, ATTEMPTS] * 16 + CANCELLED)
    _wait_again(s, replication, t, in_round)


@njit(cache=True)
def _wait_again(s, replication, t, in_round):
    enter(s, t, WAIT, K_WAIT)
    if s.pi[REFILLS] or not in_round:
        _put(s, replication, t, 1)
    else:
        s.lists[FAILED_LIST, s.n[FAILED_IN_ROUND]] = t
        s.n[FAILED_IN_ROUND] += 1


@njit(cache=True)
def _interrupt(s, replication, t, cause):
    """End what an attempt is doing."""
    pc = s.qi[t, PC]
    s.qi[t, TOKEN] += 1  # what it waits for does not resume it any more
    if s.ti[t, IN_SLOT]:
        if pc == A_PACER:
            withdraw(s, t)
        elif pc == A_PACE:
            release(s, PACER)
        elif pc == A_LINE and s.qi[t, IN_LINE]:
            _leave_line(s, t)
        elif pc == A_CALL:
            charge_output(s, s.ti[t, PENDING_OUTPUT])
            s.ti[t, P_SENT], s.tf[t, SENT_S] = s.ti[t, SENT_BEFORE], s.tf[t, SENT_S_BEFORE]
        if cause == KILLED:
            _leave_slot(s, replication, t, HANGING if s.ti[t, STATE] == HUNG else KILLED)
            return
        s.ti[t, IN_SLOT] = 0
        s.group_state[s.ti[t, GROUP], G_AT_WORK] -= 1
        _end_write(s, replication, t, False)
        _give_back(s, replication, t)
    elif pc in (A_PLACE, A_LOCK):
        withdraw(s, t)
        _give_back(s, replication, t)
    elif pc in (M_WAIT, M_PERSON):
        withdraw(s, t)
    s.ti[t, FAILURE] = CANCELLED
    note(s, K_CANCELLED, t, -1, 0)
    _settle(s, replication, t)


@njit(cache=True)
def _attempt(s, replication, t):
    """Go on with an attempt, or with a person's work on a task."""
    pc = s.qi[t, PC]
    s.qi[t, ASKS] = 0
    if pc == A_CALL:
        _called(s, replication, t)
    elif pc == A_BACKOFF:
        _try(s, replication, t)
    elif pc == A_SPAWN:
        _spawned(s, replication, t)
    elif pc == A_TOOLS:
        _next_call(s, replication, t)
    elif pc == A_RETURN:
        _returned(s, replication, t)
    elif pc == A_PLACE:
        s.ti[t, HAS_PLACE] = 1
        _lock(s, replication, t)
    elif pc == A_LOCK:
        s.ti[t, LOCKS_HELD] += 1
        _lock(s, replication, t)
    elif pc == A_PREFIX:
        _wait_for_prefix(s, replication, t)
    elif pc == A_PACER:
        _paced(s, replication, t)
    elif pc == A_PACE:
        s.n[PACE_WINDOWS] = int(s.f[NOW] // s.pf[PACE_WINDOW])
        s.n[PACE_TAKEN] = 0
        _pace_over(s, replication, t)
    elif pc == A_LINE:
        if s.qi[t, ADMITTED]:
            _make_call(s, replication, t)
        else:
            _leave_slot(s, replication, t, TOO_LARGE)
    elif pc == B_BARRIER:
        _behind_barrier(s, replication, t)
    elif pc == B_SEEN:
        _seen(s, replication, t)
    elif pc == M_WAIT:
        s.ti[t, MERGING] = 1
        if _is_lost(s, t):
            release(s, COORDINATOR)
            _to_person(s, replication, t)
        else:
            s.qi[t, PC] = M_TURN
            _merge_turn(s, t)
    elif pc == M_TURN:
        _merge_turn(s, t)
    elif pc == M_MERGE:
        _charge_writing(s, MERGE, t, s.tf[t, MERGE_TOKENS])
        release(s, COORDINATOR)
        _to_person(s, replication, t)
    elif pc == M_PERSON:
        s.ti[t, MERGING] = 1
        if _is_lost(s, t):
            release(s, PERSON)
            _merged(s, replication, t)
        else:
            _by_person(s, t, M_BY_PERSON, K_MERGE_BY_PERSON)
    elif pc == M_BY_PERSON:
        release(s, PERSON)
        s.f[PEOPLE_MERGE] += s.tf[t, PERSON_TIME]
        _merged(s, replication, t)
    elif pc == M_RESOLVE_WAIT:
        _by_person(s, t, M_RESOLVE, K_RESOLVE)
    elif pc == M_RESOLVE:
        release(s, PERSON)
        s.f[PEOPLE_CONFLICTS] += s.tf[t, PERSON_TIME]
        _resolved(s, replication, t)
    elif pc == M_EXPOSED:
        if _is_lost(s, t):
            _clean_up(s, replication, t)
        else:
            _merge_is_over(s, replication, t)
    elif pc == M_CLEAN_WAIT:
        _by_person(s, t, M_CLEAN, K_CLEAN_UP)
    elif pc == M_CLEAN:
        release(s, PERSON)
        s.f[PEOPLE_CONFLICTS] += s.tf[t, PERSON_TIME]
        _settle(s, replication, t)
    elif pc == R_WAIT:
        s.tf[t, PERSON_TIME] = recovery_time(s, replication, t)
        enter(s, t, RECOVERY, K_RECOVERY)
        s.qi[t, PC] = R_WORK
        after(s, t, s.tf[t, PERSON_TIME])
    elif pc == R_WORK:
        release(s, PERSON)
        _recovered(s, replication, t)


@njit(cache=True)
def _merge_turn(s, t):
    if _begin_turn(s, t):
        enter(s, t, MERGES, K_MERGE)
        s.qi[t, PC] = M_MERGE
        after(s, t, s.tf[t, MERGE_TIME])


@njit(cache=True)
def _by_person(s, t, pc, kind):
    s.ti[t, MERGING] = 1
    enter(s, t, MERGES, kind)
    s.qi[t, PC] = pc
    after(s, t, s.tf[t, PERSON_TIME])


@njit(cache=True)
def _recovered(s, replication, t):
    enter(s, t, WAIT, K_WAIT)
    s.f[PEOPLE_RECOVERY] += s.tf[t, PERSON_TIME]
    s.n[RECOVERED] += 1
    s.n[RECOVERING] -= 1
    if _first_of_two(s, t):
        _through_first_round(s, t, False)
    _book_made(s, t)
    _finish(s, replication, t)
    _tell(s)


# ---- the gate


@njit(cache=True)
def _start_gate(s, replication):
    if s.pi[REVIEW_EVERY] != NO_REVIEW:
        pid = s.pi[TASKS] + 1
        s.qi[pid, PC] = G_WAIT
        request(s, PERSON, pid)
        return
    _take_outputs(s)
    _verdict(s, replication)


@njit(cache=True)
def _take_outputs(s):
    row = VERDICT_LIST + s.n[VERDICTS] % 2
    for i in range(s.n[GATE_WAITING]):
        s.lists[row, i] = s.lists[GATE_LIST, i]
    s.n[TAKEN] = s.n[GATE_WAITING]
    s.n[GATE_WAITING] = 0


@njit(cache=True)
def _gate(s, replication):
    pid = s.pi[TASKS] + 1
    s.qi[pid, ASKS] = 0
    if s.qi[pid, PC] == G_WAIT:
        _take_outputs(s)
        row = VERDICT_LIST + s.n[VERDICTS] % 2
        for i in range(s.n[TAKEN]):
            enter(s, s.lists[row, i], REVIEW, K_REVIEW)
        seconds = review_time(s, replication, s.n[GATES]) + s.n[TAKEN] * s.pf[REVIEW_EACH]
        s.n[GATES] += 1
        s.qf[pid, TURN_STARTED] = seconds
        s.qi[pid, PC] = G_LOOK
        after(s, pid, seconds)
        return
    s.f[PEOPLE_REVIEW] += s.qf[pid, TURN_STARTED]
    s.n[REVIEWS] += 1
    release(s, PERSON)
    _verdict(s, replication)


@njit(cache=True)
def _verdict(s, replication):
    wrong = s.n[WRONG]
    if wrong:
        s.n[WRONG] = 0
        s.n[INSTRUCTIONS_NOW] += 1
        # What has come meanwhile is told first.
        for i in range(s.n[GATE_WAITING]):
            s.lists[LATE_LIST, i] = s.lists[GATE_LIST, i]
        push(s, s.f[NOW], NORMAL, E_VERDICT, LATE_LIST, s.n[GATE_WAITING] * 2 + 1)
        s.n[GATE_WAITING] = 0
    s.n[CLOSED] = 0
    push(s, s.f[NOW], NORMAL, E_VERDICT, VERDICT_LIST + s.n[VERDICTS] % 2, s.n[TAKEN] * 2 + wrong)
    s.n[VERDICTS] += 1
    if wrong:
        _spoil(s, replication)
    _look_if_due(s)
    _tell(s)


# ---- a group's second round


@njit(cache=True)
def _second_round(s, replication, group):
    pid = s.pi[TASKS] + 2 + group
    s.qi[pid, ASKS] = 0
    if s.qi[pid, PC] == S_WAIT:
        s.qf[pid, TURN_STARTED] = s.f[NOW]
        s.qi[pid, PC] = S_BEGIN
    if s.qi[pid, PC] == S_BEGIN:
        if _begin_turn(s, pid):
            s.qi[pid, PC] = S_WRITE
            after(s, pid, s.pf[INTERIM_TIME])
        return
    _charge_writing(s, COORDINATION, -1, s.pf[INTERIM_WRITTEN])
    write_log(s, s.qf[pid, TURN_STARTED], s.f[NOW], K_INTERIM, -1, 0, -1, 0)
    release(s, COORDINATOR)
    s.group_state[group, G_BRIEFING] = 0
    if s.group_state[group, G_NOT_THROUGH]:
        return
    kept = 0
    for i in range(s.n[SECOND_COUNT]):
        t = s.lists[SECOND_LIST, i]
        if s.ti[t, GROUP] == group:
            enter(s, t, WAIT, K_WAIT)
            _put(s, replication, t, 1)
        else:
            s.lists[SECOND_LIST, kept] = t
            kept += 1
    s.n[SECOND_COUNT] = kept
    s.group_state[group, G_SECOND] = 0
    _tell(s)


# ---- the dispatcher


@njit(cache=True)
def _wait_until(s, condition, pc):
    """Let the dispatcher wait for a condition; True where it holds."""
    s.qi[s.pi[TASKS], PC] = pc
    if _holds_now(s, condition):
        return True
    s.n[CONDITION] = condition
    return False


@njit(cache=True)
def _dispatch(s, replication):
    """Go on with the dispatcher until it waits."""
    d = s.pi[TASKS]
    s.qi[d, ASKS] = 0
    while True:
        pc = s.qi[d, PC]
        if pc == D_REFILL:
            if s.n[NOT_DONE] == 0:
                s.qi[d, PC] = D_DONE
                continue
            if s.n[RUNNING]:
                if not _wait_until(s, MAY_REFILL_OR_IDLE, D_REFILL_WOKEN):
                    return
            else:
                if s.n[WAITING] == 0:
                    _lift_barrier(s)
                if not _wait_until(s, MAY_HAND_OUT_OR_DONE, D_REFILL_WOKEN):
                    return
        elif pc == D_REFILL_WOKEN:
            s.qi[d, PC] = D_REFILL
            if _may_refill(s) and not _hand_out(s, replication):
                return
        elif pc == D_ROUND:
            if s.n[NOT_DONE] == 0:
                s.qi[d, PC] = D_DONE
                continue
            if not _wait_until(s, MAY_HAND_OUT_OR_DONE, D_ROUND_WOKEN):
                return
        elif pc == D_ROUND_WOKEN:
            if s.n[WAITING] == 0:
                s.qi[d, PC] = D_DONE
                continue
            s.qi[d, PC] = D_IDLE
            if not _hand_out(s, replication):
                return
        elif pc == D_IDLE:
            if not _wait_until(s, IDLE, D_IDLE_WOKEN):
                return
        elif pc == D_IDLE_WOKEN:
            _lift_barrier(s)
            if not _wait_until(s, ROUND_IS_OVER, D_OVER_WOKEN):
                return
        elif pc == D_OVER_WOKEN:
            if s.pi[REVIEW_EVERY] == AFTER_ROUND:
                _look(s)
            for i in range(s.n[FAILED_IN_ROUND]):
                _put(s, replication, s.lists[FAILED_LIST, i], 0)
            s.n[FAILED_IN_ROUND] = 0
            s.qi[d, PC] = D_ROUND
        elif pc == D_DONE:
            push(s, s.f[NOW], NORMAL, E_END, 0, 0)
            return
        elif not _go_on_handing_out(s, replication):
            return


@njit(cache=True)
def _hand_out(s, replication):
    """Begin to hand out; False where the dispatcher has to wait. It then goes on where it was."""
    d = s.pi[TASKS]
    s.qi[d, BACK_TO] = s.qi[d, PC]
    if s.pi[BY_SCRIPT]:
        s.qi[d, PC] = D_SCRIPT_PREFIX
        return _go_on_handing_out(s, replication)
    s.qi[d, PC] = D_WAIT
    request(s, COORDINATOR, d)
    return False


@njit(cache=True)
def _go_on_handing_out(s, replication):
    d = s.pi[TASKS]
    pc = s.qi[d, PC]
    if pc == D_SCRIPT_PREFIX:
        if s.pi[WARM_UP] == PREWARM and not _warm_prefix(s, d):
            return False
        taken = min(_slots(s) - s.n[RUNNING], s.n[WAITING])
        for i in range(taken):
            s.lists[HAND_LIST, i] = _take(s)
        for i in range(taken):
            _launch(s, s.lists[HAND_LIST, i])
        s.qi[d, PC] = s.qi[d, BACK_TO]
        return True
    if pc == D_WAIT:
        taken = 0 if s.n[CLOSED] else min(_slots(s) - s.n[RUNNING], s.n[WAITING])
        if taken <= 0:
            release(s, COORDINATOR)
            s.qi[d, PC] = s.qi[d, BACK_TO]
            return True
        for i in range(taken):
            s.lists[HAND_LIST, i] = _take(s)
        s.n[HAND_COUNT], s.n[HAND_AT] = taken, 0
        s.qf[d, TURN_STARTED] = s.f[NOW]
        pc = s.qi[d, PC] = D_BEGIN
    if pc == D_BEGIN:
        if not _begin_turn(s, d):
            return False
        s.qi[d, PC] = D_TURN
        after(s, d, s.pf[TURN_TIME])
        return False
    if pc == D_TURN:
        pc = s.qi[d, PC] = D_PREFIX
    if pc == D_PREFIX:
        if s.pi[WARM_UP] == PREWARM and not _warm_prefix(s, d):
            return False
        s.qi[d, PC] = D_BRIEF
        after(s, d, s.pf[BRIEF_TIME])
        return False
    _launch(s, s.lists[HAND_LIST, s.n[HAND_AT]])
    s.n[HAND_AT] += 1
    if s.n[HAND_AT] < s.n[HAND_COUNT]:
        after(s, d, s.pf[BRIEF_TIME])
        return False
    tokens = s.pf[TURN_TOKENS] + s.n[HAND_COUNT] * s.pf[BRIEF_TOKENS]
    _charge_writing(s, COORDINATION, -1, tokens)
    write_log(s, s.qf[d, TURN_STARTED], s.f[NOW], K_TURN, -1, 0, -1, 0)
    release(s, COORDINATOR)
    s.qi[d, PC] = s.qi[d, BACK_TO]
    return True


# ---- arrivals, and the loop


@njit(cache=True)
def _arrive(s, replication):
    """Let the tasks come that are there from the beginning, and the others be waited for."""
    for group in range(s.pi[GROUPS]):
        s.group_state[group, G_ARRIVED] = -1
    for t in range(s.pi[TASKS]):
        group = s.ti[t, GROUP]
        row = s.gi[group, ARRIVAL_DIST]
        at_s = interarrival(s, replication, row, group, s.ti[t, INDEX])
        if s.ti[t, INDEX] > 0:
            at_s = s.tf[t - 1, ARRIVED] + at_s
        s.tf[t, ARRIVED] = s.tf[t, SINCE] = at_s
        if at_s > 0.0:
            if s.group_state[group, G_ARRIVED] < 0:
                s.group_state[group, G_ARRIVED] = t
        else:
            _receive(s, replication, t)
    for t in range(s.pi[TASKS]):
        if s.group_state[s.ti[t, GROUP], G_ARRIVED] == t:
            push(s, s.f[NOW], URGENT, E_START_ARRIVALS, t, 0)


@njit(cache=True)
def _wait_for_arrival(s, t):
    push(s, s.f[NOW] + (s.tf[t, ARRIVED] - s.f[NOW]), NORMAL, E_ARRIVAL, t, 0)


@njit(cache=True)
def play(s, replication):
    """Play a replication; its books are in the state then. False where an array has become too small."""
    s.n[WRONG] = instructions_are_wrong(s, replication)
    push(s, 0.0, URGENT, E_START_DISPATCHER, 0, 0)
    d = s.pi[TASKS]
    while s.n[HEAP] and not s.n[OVERFLOW]:
        time, kind, who, token = pop(s)
        s.f[NOW] = time
        if kind == E_RESUME:
            if s.qi[who, TOKEN] != token:
                continue
            if who < d:
                _attempt(s, replication, who)
            elif who == d:
                _dispatch(s, replication)
            elif who == d + 1:
                _gate(s, replication)
            else:
                _second_round(s, replication, who - d - 2)
        elif kind == E_RELEASED:
            grant(s, who)
        elif kind == E_START_ATTEMPT:
            _start_attempt(s, replication, who)
        elif kind == E_START_TIMER:
            push(s, time + s.pf[HARD], NORMAL, E_TIMER, who, token)
        elif kind == E_TIMER:
            if s.ti[who, IN_SLOT] and s.ti[who, ATTEMPTS] == token:
                push(s, time, URGENT, E_INTERRUPT, who, token * 16 + KILLED)
        elif kind == E_INTERRUPT:
            if s.ti[who, ALIVE] and s.ti[who, ATTEMPTS] == token // 16:
                _interrupt(s, replication, who, token % 16)
        elif kind == E_START_RECOVERY:
            enter(s, who, BLOCKED, K_PERSON_BUSY)
            s.qi[who, TOKEN] += 1
            s.qi[who, PC] = R_WAIT
            request(s, PERSON, who)
        elif kind == E_BARRIER:
            for i in range(who, token):
                at = i % s.lists.shape[1]
                t = s.lists[BARRIER_LIST, at]
                s.n[BARRIER_LOW] = i + 1
                if s.qi[t, TOKEN] == s.lists[BARRIER_TOKENS, at]:
                    _attempt(s, replication, t)
        elif kind == E_VERDICT:
            for i in range(token // 2):
                _approved(s, replication, s.lists[who, i], token % 2 == 1)
        elif kind == E_START_GATE:
            _start_gate(s, replication)
        elif kind == E_START_SERVER:
            _serve_line(s)
        elif kind == E_SERVER:
            if token == s.n[SERVER_TOKEN]:
                _serve_line(s)
        elif kind == E_INTERRUPT_SERVER:
            if token == s.n[SERVERS] and s.n[SERVER]:
                s.n[SERVER_TOKEN] += 1
                _serve_line(s)
        elif kind == E_START_ROUND:
            pid = d + 2 + who
            s.qi[pid, PC] = S_WAIT
            request(s, COORDINATOR, pid)
        elif kind == E_START_ARRIVALS:
            _wait_for_arrival(s, who)
        elif kind == E_ARRIVAL:
            s.tf[who, SINCE] = s.tf[who, ARRIVED] = time
            _receive(s, replication, who)
            _tell(s)
            if who + 1 < d and s.ti[who + 1, GROUP] == s.ti[who, GROUP]:
                _wait_for_arrival(s, who + 1)
        elif kind == E_START_DISPATCHER:
            _arrive(s, replication)
            s.qi[d, PC] = D_REFILL if s.pi[REFILLS] else D_ROUND
            _dispatch(s, replication)
        else:  # E_END
            return True
    return False


# ---- beginning and end


@njit(cache=True)
def begin(s):
    """Set a replication's state to its beginning."""
    s.n[:] = 0
    s.f[:] = 0.0
    s.ti[:] = 0
    s.tf[:] = 0.0
    s.qi[:] = 0
    s.qf[:] = 0.0
    s.books[:] = 0
    s.saved[:] = 0
    s.made[:] = 0
    s.ledger[:] = 0
    s.killed[:] = 0
    s.failures[:] = 0
    s.times[:] = 0.0
    s.group_state[:] = 0
    s.ri[:, USERS] = 0
    s.ri[:, FIRST] = s.ri[:, LAST] = -1
    tasks = s.pi[TASKS]
    for t in range(tasks):
        s.ti[t, GROUP], s.ti[t, INDEX] = s.batch[t, 0], s.batch[t, 1]
        s.ti[t, STATE], s.ti[t, KIND], s.ti[t, CALL], s.ti[t, FAILURE] = WAIT, K_WAIT, -1, NONE
        group = s.batch[t, 0]
        s.group_state[group, G_NOT_DONE] += 1
        s.group_state[group, G_NOT_THROUGH] += 1
    for group in range(s.pi[GROUPS]):
        if s.group_state[group, G_NOT_DONE]:
            first = s.gi[group, FIRST_FOLLOWER]
            for i in range(s.gi[group, FOLLOWERS]):
                s.group_state[s.locks[first + i], G_WAITS_FOR] += 1
    s.n[NOT_DONE] = tasks
    s.n[MOST] = s.pi[WIDTH]
    s.f[ADAPTIVE_WIDTH] = float(min(FIRST_ADAPTIVE_WIDTH, s.pi[WIDTH]) if s.pi[ADAPTIVE] else s.pi[WIDTH])
    s.f[SHRUNK] = -1.0
    s.f[REQUEST_LEVEL], s.f[INPUT_LEVEL], s.f[OUTPUT_LEVEL] = (
        s.pf[REQUEST_CAPACITY], s.pf[INPUT_CAPACITY], s.pf[OUTPUT_CAPACITY],
    )  # fmt: skip
    s.f[REQUEST_UPDATED] = s.f[INPUT_UPDATED] = s.f[OUTPUT_UPDATED] = -1.0
    s.f[SHARED_READABLE], s.f[SHARED_USED] = math.inf, -math.inf
    s.n[CONTEXT_LENGTH] = s.n[CONTEXT_SENT] = s.pi[CONTEXT_START]


@njit(cache=True)
def _usd(s, used):
    return (
        used[INPUT] * s.pf[PRICE_INPUT]
        + used[CACHE_WRITE] * s.pf[PRICE_WRITE]
        + used[CACHE_READ] * s.pf[PRICE_READ]
        + used[OUTPUT] * s.pf[PRICE_OUTPUT]
    ) / 1e6


@njit(cache=True)
def close(s, row):
    """Write the measures of a replication, in the order of `Outcome`."""
    makespan_s = s.f[NOW]
    tokens, money_usd = 0, 0.0
    for cause in range(CAUSES):
        tokens += s.ledger[cause, COUNTED]
        money_usd += _usd(s, s.ledger[cause])
    people_s = s.f[PEOPLE_MERGE] + s.f[PEOPLE_RECOVERY] + s.f[PEOPLE_CONFLICTS] + s.f[PEOPLE_REVIEW]
    waiting_usd = makespan_s / 3600.0 * s.pf[VALUE_WAITING]
    people_usd = people_s / 3600.0 * s.pf[VALUE_PEOPLE]
    failed = 0
    for failure in range(FAILURE_KINDS):
        failed += s.failures[failure]
    values = (
        makespan_s, tokens, s.ledger[WORK, COUNTED], s.ledger[SPAWN, COUNTED], s.ledger[RETURN, COUNTED],
        s.ledger[COORDINATION, COUNTED], s.ledger[MERGE, COUNTED], s.ledger[WASTED, COUNTED], money_usd, people_s,
        money_usd + waiting_usd + people_usd, s.n[REJECTED_TRIES], s.times[BACKOFF], failed, s.n[RECOVERED],
        waiting_usd, people_usd, _usd(s, s.ledger[WORK]), _usd(s, s.ledger[SPAWN]), _usd(s, s.ledger[RETURN]),
        _usd(s, s.ledger[COORDINATION]), _usd(s, s.ledger[MERGE]), _usd(s, s.ledger[WASTED]), s.f[PEOPLE_MERGE],
        s.f[PEOPLE_RECOVERY], s.f[FLOW], s.times[WAIT], s.times[SERVICE], s.times[BLOCKED], s.times[MERGES],
        s.times[RECOVERY], s.f[WASTED_TIME], s.n[QUOTA_REQUESTS], s.n[QUOTA_INPUT], s.n[QUOTA_OUTPUT],
        s.failures[CRASHED], s.failures[REFUSED], s.failures[TOO_LARGE], s.failures[BAD],
        s.ledger[CONTEXT, COUNTED], s.ledger[REWORKING, COUNTED], _usd(s, s.ledger[CONTEXT]),
        _usd(s, s.ledger[REWORKING]), _usd(s, s.killed), s.f[PEOPLE_CONFLICTS], s.f[PEOPLE_REVIEW], s.times[HUNG],
        s.times[REVIEW], s.failures[HANGING], s.failures[KILLED], s.failures[OVERWRITTEN], s.failures[CANCELLED],
        s.failures[WRONG_BRIEF], s.n[REFUSED_LAUNCHES], s.n[MERGE_CONFLICTS], s.n[REWORKED], s.n[REVIEWS],
        s.n[COMPACTIONS],
    )  # fmt: skip
    i = 0
    for value in literal_unroll(values):
        row[i] = value
        i += 1


@njit(cache=True, nogil=True)
def play_block(header, first, count, rows):
    """Play `count` replications from `first` on, a row of `rows` each; returns how many were played.

    It stops where an array has become too small for a replication. `header` is an address.
    """
    s = state_at(header)
    for i in range(count):
        begin(s)
        if not play(s, first + i):
            return i
        close(s, rows[i])
    return count


@njit(cache=True)
def play_logged(header, replication, row):
    """Play a replication and keep its log; False where an array has become too small."""
    s = state_at(header)
    begin(s)
    s.n[LOG] = 1
    if not play(s, replication):
        return False
    close(s, row)
    return True
