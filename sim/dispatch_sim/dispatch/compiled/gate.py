"""Review gates, and what they show."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import review_time
from dispatch_sim.dispatch.compiled.machine import after, enter, release, request, soon
from dispatch_sim.dispatch.compiled.outcomes import spoil
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.compiled.telling import look_if_due, tell


@routine
def start_gate(s: State, replication: int) -> None:
    if s.pi[REVIEW_EVERY] != NO_REVIEW:
        pid = s.pi[TASKS] + 1
        s.qi[pid, PC] = G_WAIT
        request(s, PERSON, pid)
        return
    _take_outputs(s)
    _verdict(s, replication)


@routine
def _take_outputs(s: State) -> None:
    waiting = s.n[GATE_WAITING]
    taken = 1 if s.pi[REVIEW_EVERY] == 1 else waiting
    for i in range(taken):
        s.lists[VERDICT_LIST, i] = s.lists[GATE_LIST, i]
    for i in range(taken, waiting):
        s.lists[GATE_LIST, i - taken] = s.lists[GATE_LIST, i]
    s.n[TAKEN] = taken
    s.n[GATE_WAITING] = waiting - taken


@routine
def go_on_looking(s: State, replication: int) -> None:
    pid = s.pi[TASKS] + 1
    s.qi[pid, ASKS] = 0
    if s.qi[pid, PC] == G_WAIT:
        _take_outputs(s)
        for i in range(s.n[TAKEN]):
            enter(s, s.lists[VERDICT_LIST, i], REVIEW, K_REVIEW)
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


@routine
def _verdict(s: State, replication: int) -> None:
    wrong = s.n[WRONG]
    if wrong:
        s.n[WRONG] = 0
        s.n[INSTRUCTIONS_NOW] += 1
        # The outputs that still wait were made by the same instructions.
        for i in range(s.n[GATE_WAITING]):
            soon(s, E_VERDICT, s.lists[GATE_LIST, i], 1)
        s.n[GATE_WAITING] = 0
    s.n[CLOSED] = 0
    for i in range(s.n[TAKEN]):
        soon(s, E_VERDICT, s.lists[VERDICT_LIST, i], wrong)
    if wrong:
        spoil(s, replication)
    look_if_due(s)
    tell(s)
