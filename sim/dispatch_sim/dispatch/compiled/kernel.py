"""One replication as a loop over events: the same model as the SimPy engine, told a second time.

A process is a place in its program (`PC`) and goes on from there when an event resumes it; each module has the
program of one of them, as the module of that name has it for SimPy.
"""

from __future__ import annotations

import math

from numba import literal_unroll, njit

from dispatch_sim.dispatch.compiled.agent import start_attempt
from dispatch_sim.dispatch.compiled.attempts import go_on_attempting, interrupt
from dispatch_sim.dispatch.compiled.dispatcher import dispatch
from dispatch_sim.dispatch.compiled.gate import go_on_looking, start_gate
from dispatch_sim.dispatch.compiled.gateway import serve_line
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import instructions_are_wrong, interarrival
from dispatch_sim.dispatch.compiled.machine import NORMAL, URGENT, enter, grant, pop, push, request
from dispatch_sim.dispatch.compiled.outcomes import approved
from dispatch_sim.dispatch.compiled.reference import state_at
from dispatch_sim.dispatch.compiled.second_round import go_on_briefing
from dispatch_sim.dispatch.compiled.telling import tell
from dispatch_sim.dispatch.compiled.waiting import receive
from dispatch_sim.dispatch.width import FIRST_ADAPTIVE_WIDTH


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
            receive(s, replication, t)
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
                go_on_attempting(s, replication, who)
            elif who == d:
                dispatch(s, replication)
            elif who == d + 1:
                go_on_looking(s, replication)
            else:
                go_on_briefing(s, replication, who - d - 2)
        elif kind == E_RELEASED:
            grant(s, who)
        elif kind == E_START_ATTEMPT:
            start_attempt(s, replication, who)
        elif kind == E_START_TIMER:
            push(s, time + s.pf[HARD], NORMAL, E_TIMER, who, token)
        elif kind == E_TIMER:
            if s.ti[who, IN_SLOT] and s.ti[who, ATTEMPTS] == token:
                push(s, time, URGENT, E_INTERRUPT, who, token * 16 + KILLED)
        elif kind == E_INTERRUPT:
            if s.ti[who, ALIVE] and s.ti[who, ATTEMPTS] == token // 16:
                interrupt(s, replication, who, token % 16)
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
                    go_on_attempting(s, replication, t)
        elif kind == E_VERDICT:
            for i in range(token // 2):
                approved(s, replication, s.lists[who, i], token % 2 == 1)
        elif kind == E_START_GATE:
            start_gate(s, replication)
        elif kind == E_START_SERVER:
            serve_line(s)
        elif kind == E_SERVER:
            if token == s.n[SERVER_TOKEN]:
                serve_line(s)
        elif kind == E_INTERRUPT_SERVER:
            if token == s.n[SERVERS] and s.n[SERVER]:
                s.n[SERVER_TOKEN] += 1
                serve_line(s)
        elif kind == E_START_ROUND:
            pid = d + 2 + who
            s.qi[pid, PC] = S_WAIT
            request(s, COORDINATOR, pid)
        elif kind == E_START_ARRIVALS:
            _wait_for_arrival(s, who)
        elif kind == E_ARRIVAL:
            s.tf[who, SINCE] = s.tf[who, ARRIVED] = time
            receive(s, replication, who)
            tell(s)
            if who + 1 < d and s.ti[who + 1, GROUP] == s.ti[who, GROUP]:
                _wait_for_arrival(s, who + 1)
        elif kind == E_START_DISPATCHER:
            _arrive(s, replication)
            s.qi[d, PC] = D_REFILL if s.pi[REFILLS] else D_ROUND
            dispatch(s, replication)
        else:  # E_END
            return True
    return False


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
