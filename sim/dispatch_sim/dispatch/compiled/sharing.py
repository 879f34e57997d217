"""What attempts write: who is written over, and whose copies conflict."""

from __future__ import annotations

import math

from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import conflict
from dispatch_sim.dispatch.compiled.machine import now
from dispatch_sim.dispatch.compiled.routine import routine


@routine
def attempt_number(s: State, t: int) -> int:
    return (s.ti[t, ATTEMPTS] - 1) % 256


@routine
def is_lost(s: State, t: int) -> bool:
    w = s.ti[t, WRITE]
    return w >= 0 and s.wi[w, W_LOST] == 1


@routine
def begin_write(s: State, t: int) -> None:
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
    s.wi[w, W_TASK], s.wi[w, W_NUMBER], s.wi[w, W_LOST], s.wi[w, W_SAFE] = t, attempt_number(s, t), 0, 0
    s.wf[w, W_BEGAN] = s.f[NOW]
    s.wf[w, W_RETURNED] = s.wf[w, W_MERGED] = math.inf
    if s.pi[ISOLATION] == SHARED:
        s.lists[WORKING_LIST, s.n[WORKING_COUNT]] = w
        s.n[WORKING_COUNT] += 1


@routine
def _meet(s: State, one: int, other: int) -> bool:
    return s.meets[s.ti[s.wi[one, W_TASK], GROUP], s.ti[s.wi[other, W_TASK], GROUP]]


@routine
def writes_conflict(s: State, replication: int, one: int, other: int) -> bool:
    return _meet(s, one, other) and conflict(
        s, replication, s.wi[one, W_TASK], s.wi[one, W_NUMBER], s.wi[other, W_TASK], s.wi[other, W_NUMBER]
    )


@routine
def end_write(s: State, replication: int, t: int, returned: bool) -> None:
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
                and writes_conflict(s, replication, w, other)
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
