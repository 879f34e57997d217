"""What the dispatcher waits for, and who wakes it."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.machine import at_once, now
from dispatch_sim.dispatch.compiled.routine import routine


@routine
def _may_hand_out(s: State) -> bool:
    return s.n[WAITING] > 0 and not s.n[CLOSED]


@routine
def slots(s: State) -> int:
    return int(s.f[ADAPTIVE_WIDTH])


@routine
def may_refill(s: State) -> bool:
    return _may_hand_out(s) and s.n[RUNNING] < slots(s)


@routine
def holds_now(s: State, condition: int) -> bool:
    if condition == MAY_REFILL_OR_IDLE:
        return may_refill(s) or s.n[RUNNING] == 0
    if condition == MAY_HAND_OUT_OR_DONE:
        return _may_hand_out(s) or s.n[NOT_DONE] == 0
    if condition == IDLE:
        return s.n[RUNNING] == 0
    return s.n[UNSETTLED] == 0 and not (s.pi[WAITS_FOR_RECOVERY] and s.n[RECOVERING] > 0)


@routine
def have_looked(s: State) -> None:
    """Have a person look at what waits for approval."""
    if s.n[GATE_WAITING] and not s.n[CLOSED]:
        s.n[CLOSED] = 1
        at_once(s, E_START_GATE, 0, 0)


@routine
def look_if_due(s: State) -> None:
    every = s.pi[REVIEW_EVERY]
    if every > 0 and s.n[GATE_WAITING] >= every:
        have_looked(s)


@routine
def tell(s: State) -> None:
    """Wake the dispatcher if what it waits for has come, and have looked at what is left at the end."""
    if s.n[GATE_WAITING] and s.n[GATE_WAITING] + s.n[HELD] == s.n[NOT_DONE]:
        have_looked(s)
    condition = s.n[CONDITION]
    if condition != NOTHING and holds_now(s, condition):
        s.n[CONDITION] = NOTHING
        now(s, s.pi[TASKS])
