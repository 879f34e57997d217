"""One replication as a loop over events: the same model as the SimPy engine, told a second time.

A process is a place in its program (`PC`) and goes on from there when an event resumes it; each module has the
program of one of them, as the module of that name has it for SimPy.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

from dispatch_sim.dispatch.compiled.agent import start_attempt
from dispatch_sim.dispatch.compiled.attempts import go_on_attempting, interrupt
from dispatch_sim.dispatch.compiled.dispatcher import dispatch
from dispatch_sim.dispatch.compiled.gate import go_on_looking, start_gate
from dispatch_sim.dispatch.compiled.gateway import serve_line
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import draw_batch, instructions_are_wrong, interarrival
from dispatch_sim.dispatch.compiled.machine import at_once, enter, grant, later, next_event, request
from dispatch_sim.dispatch.compiled.outcomes import approved
from dispatch_sim.dispatch.compiled.reference import state_at
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.compiled.second_round import go_on_briefing
from dispatch_sim.dispatch.compiled.telling import tell
from dispatch_sim.dispatch.compiled.waiting import receive
from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.dispatch.width import FIRST_ADAPTIVE_WIDTH

AT: Any = namedtuple("AT", MEASURES)(*range(len(MEASURES)))
"""The place of each measure in a row."""


@routine
def _arrive(s: State, replication: int) -> None:
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
            at_once(s, E_START_ARRIVALS, t, 0)


@routine
def _wait_for_arrival(s: State, t: int) -> None:
    later(s, s.tf[t, ARRIVED] - s.f[NOW], E_ARRIVAL, t, 0)


@routine
def play(s: State, replication: int) -> bool:
    """Play a replication; its books are in the state then. False where an array has become too small."""
    draw_batch(s, replication)
    s.n[WRONG] = instructions_are_wrong(s, replication)
    at_once(s, E_START_DISPATCHER, 0, 0)
    d = s.pi[TASKS]
    while not s.n[OVERFLOW]:
        kind, who, token = next_event(s)
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
            later(s, s.pf[HARD], E_TIMER, who, token)
        elif kind == E_TIMER:
            if s.ti[who, IN_SLOT] and s.ti[who, ATTEMPTS] == token:
                at_once(s, E_INTERRUPT, who, token * 16 + KILLED)
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
            approved(s, replication, who, token == 1)
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
            s.tf[who, SINCE] = s.tf[who, ARRIVED] = s.f[NOW]
            receive(s, replication, who)
            tell(s)
            if who + 1 < d and s.ti[who + 1, GROUP] == s.ti[who, GROUP]:
                _wait_for_arrival(s, who + 1)
        elif kind == E_START_DISPATCHER:
            _arrive(s, replication)
            s.qi[d, PC] = D_REFILL if s.pi[REFILLS] else D_ROUND
            dispatch(s, replication)
        else:  # E_END, or E_NONE, which would be an error in the engine
            return kind == E_END
    return False


@routine
def begin(s: State) -> None:
    """Set a replication's state to its beginning."""
    for i in range(s.fresh.shape[0]):
        s.fresh[i] = 0
    s.n[LOG] = s.log_times.shape[0] > 0
    for resource in range(s.ri.shape[0]):
        s.ri[resource, USERS] = 0
        s.ri[resource, CAPACITY] = s.pi[CAP] if resource == PLACES and s.pi[CAP] else 1
        s.ri[resource, FIRST] = s.ri[resource, LAST] = -1
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


@routine
def _priced(s: State, used: int, cache_write: int, cache_read: int, output: int) -> float:
    return (
        used * s.pf[PRICE_INPUT]
        + cache_write * s.pf[PRICE_WRITE]
        + cache_read * s.pf[PRICE_READ]
        + output * s.pf[PRICE_OUTPUT]
    ) / 1e6


@routine
def _usd(s: State, cause: int) -> float:
    """Return what a cause has cost, as `Usage.usd`."""
    return _priced(
        s,
        s.ledger[cause, INPUT],
        s.ledger[cause, CACHE_WRITE],
        s.ledger[cause, CACHE_READ],
        s.ledger[cause, OUTPUT],
    )


@routine
def close(s: State, i: int) -> None:
    """Write the measures of a replication."""
    tokens, money_usd = 0, 0.0
    for cause in range(CAUSES):
        tokens += s.ledger[cause, COUNTED]
        money_usd += _usd(s, cause)
    people_s = s.f[PEOPLE_MERGE] + s.f[PEOPLE_RECOVERY] + s.f[PEOPLE_CONFLICTS] + s.f[PEOPLE_REVIEW]
    waiting_usd = s.f[NOW] / 3600.0 * s.pf[VALUE_WAITING]
    people_usd = people_s / 3600.0 * s.pf[VALUE_PEOPLE]
    failed = 0
    for failure in range(FAILURE_KINDS):
        failed += s.failures[failure]
    s.rows[i, AT.makespan_s] = s.f[NOW]
    s.rows[i, AT.tokens] = tokens
    s.rows[i, AT.tokens_work] = s.ledger[WORK, COUNTED]
    s.rows[i, AT.tokens_spawn] = s.ledger[SPAWN, COUNTED]
    s.rows[i, AT.tokens_return] = s.ledger[RETURN, COUNTED]
    s.rows[i, AT.tokens_coordination] = s.ledger[COORDINATION, COUNTED]
    s.rows[i, AT.tokens_merge] = s.ledger[MERGE, COUNTED]
    s.rows[i, AT.tokens_wasted] = s.ledger[WASTED, COUNTED]
    s.rows[i, AT.money_usd] = money_usd
    s.rows[i, AT.people_s] = people_s
    s.rows[i, AT.cost_usd] = money_usd + waiting_usd + people_usd
    s.rows[i, AT.rejected_tries] = s.n[REJECTED_TRIES]
    s.rows[i, AT.backoff_s] = s.times[BACKOFF]
    s.rows[i, AT.failed_attempts] = failed
    s.rows[i, AT.recovered_tasks] = s.n[RECOVERED]
    s.rows[i, AT.cost_waiting_usd] = waiting_usd
    s.rows[i, AT.cost_people_usd] = people_usd
    s.rows[i, AT.money_work_usd] = _usd(s, WORK)
    s.rows[i, AT.money_spawn_usd] = _usd(s, SPAWN)
    s.rows[i, AT.money_return_usd] = _usd(s, RETURN)
    s.rows[i, AT.money_coordination_usd] = _usd(s, COORDINATION)
    s.rows[i, AT.money_merge_usd] = _usd(s, MERGE)
    s.rows[i, AT.money_wasted_usd] = _usd(s, WASTED)
    s.rows[i, AT.people_merge_s] = s.f[PEOPLE_MERGE]
    s.rows[i, AT.people_recovery_s] = s.f[PEOPLE_RECOVERY]
    s.rows[i, AT.flow_s] = s.f[FLOW]
    s.rows[i, AT.wait_s] = s.times[WAIT]
    s.rows[i, AT.service_s] = s.times[SERVICE]
    s.rows[i, AT.blocked_s] = s.times[BLOCKED]
    s.rows[i, AT.merge_s] = s.times[MERGES]
    s.rows[i, AT.recovery_s] = s.times[RECOVERY]
    s.rows[i, AT.wasted_s] = s.f[WASTED_TIME]
    s.rows[i, AT.quota_requests] = s.n[QUOTA_REQUESTS]
    s.rows[i, AT.quota_input_tokens] = s.n[QUOTA_INPUT]
    s.rows[i, AT.quota_output_tokens] = s.n[QUOTA_OUTPUT]
    s.rows[i, AT.crashed_attempts] = s.failures[CRASHED]
    s.rows[i, AT.refused_attempts] = s.failures[REFUSED]
    s.rows[i, AT.too_large_attempts] = s.failures[TOO_LARGE]
    s.rows[i, AT.bad_outputs] = s.failures[BAD]
    s.rows[i, AT.tokens_context] = s.ledger[CONTEXT, COUNTED]
    s.rows[i, AT.tokens_rework] = s.ledger[REWORKING, COUNTED]
    s.rows[i, AT.money_context_usd] = _usd(s, CONTEXT)
    s.rows[i, AT.money_rework_usd] = _usd(s, REWORKING)
    s.rows[i, AT.money_killed_usd] = _priced(
        s, s.killed[INPUT], s.killed[CACHE_WRITE], s.killed[CACHE_READ], s.killed[OUTPUT]
    )
    s.rows[i, AT.people_conflicts_s] = s.f[PEOPLE_CONFLICTS]
    s.rows[i, AT.people_review_s] = s.f[PEOPLE_REVIEW]
    s.rows[i, AT.hung_s] = s.times[HUNG]
    s.rows[i, AT.review_s] = s.times[REVIEW]
    s.rows[i, AT.hung_attempts] = s.failures[HANGING]
    s.rows[i, AT.killed_attempts] = s.failures[KILLED]
    s.rows[i, AT.overwritten_attempts] = s.failures[OVERWRITTEN]
    s.rows[i, AT.cancelled_attempts] = s.failures[CANCELLED]
    s.rows[i, AT.wrong_brief_attempts] = s.failures[WRONG_BRIEF]
    s.rows[i, AT.refused_launches] = s.n[REFUSED_LAUNCHES]
    s.rows[i, AT.merge_conflicts] = s.n[MERGE_CONFLICTS]
    s.rows[i, AT.reworked_tasks] = s.n[REWORKED]
    s.rows[i, AT.reviews] = s.n[REVIEWS]
    s.rows[i, AT.compactions] = s.n[COMPACTIONS]


def play_block(header: int, first: int, count: int) -> int:
    """Play `count` replications from `first` on, each into a row; returns how many were played.

    It stops where an array has become too small for a replication, or where another thread has asked for it. `header`
    is an address. Where the state has room for a log, it holds that of the last replication.
    """
    s = state_at(header)
    for i in range(count):
        if s.stop[0]:
            return i
        begin(s)
        if s.drawn.shape[0] > 0:
            groups = s.pi[GROUPS]
            s.n[DRAWN_AT] = (first + i - s.drawn_first[groups + 1]) * s.drawn_first[groups]
        if not play(s, first + i):
            return i
        close(s, i)
    return count
