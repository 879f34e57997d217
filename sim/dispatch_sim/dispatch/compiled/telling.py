"""What the dispatcher waits for, and who wakes it."""

from __future__ import annotations

from numba import njit

from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.machine import URGENT, now, push


@njit(cache=True)
def _may_hand_out(s):
    return s.n[WAITING] > 0 and not s.n[CLOSED]


@njit(cache=True)
def slots(s):
    return int(s.f[ADAPTIVE_WIDTH])


@njit(cache=True)
def may_refill(s):
    return _may_hand_out(s) and s.n[RUNNING] < slots(s)


@njit(cache=True)
def holds_now(s, condition):
    if condition == MAY_REFILL_OR_IDLE:
        return may_refill(s) or s.n[RUNNING] == 0
    if condition == MAY_HAND_OUT_OR_DONE:
        return _may_hand_out(s) or s.n[NOT_DONE] == 0
    if condition == IDLE:
        return s.n[RUNNING] == 0
    return s.n[UNSETTLED] == 0 and not (s.pi[WAITS_FOR_RECOVERY] and s.n[RECOVERING] > 0)


@njit(cache=True)
def have_looked(s):
    """Have a person look at what waits for approval."""
    if s.n[GATE_WAITING] and not s.n[CLOSED]:
        s.n[CLOSED] = 1
        push(s, s.f[NOW], URGENT, E_START_GATE, 0, 0)


@njit(cache=True)
def look_if_due(s):
    every = s.pi[REVIEW_EVERY]
    if every > 0 and s.n[GATE_WAITING] >= every:
        have_looked(s)


@njit(cache=True)
def tell(s):
    """Wake the dispatcher if what it waits for has come, and have looked at what is left at the end."""
    if s.n[GATE_WAITING] and s.n[GATE_WAITING] + s.n[HELD] == s.n[NOT_DONE]:
        have_looked(s)
    condition = s.n[CONDITION]
    if condition != NOTHING and holds_now(s, condition):
        s.n[CONDITION] = NOTHING
        now(s, s.pi[TASKS])
