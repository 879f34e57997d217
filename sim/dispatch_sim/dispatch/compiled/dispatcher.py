"""Who is handed out when."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.agent import launch, lift_barrier
from dispatch_sim.dispatch.compiled.coordinator import begin_turn, charge_writing, prefix_is_cold, warm_prefix
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.machine import after, release, request, soon, write_log
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.compiled.telling import have_looked, holds_now, may_refill, slots
from dispatch_sim.dispatch.compiled.waiting import put, take_next


@routine
def _wait_until(s: State, condition: int, pc: int) -> bool:
    """Let the dispatcher wait for a condition; True where it holds."""
    s.qi[s.pi[TASKS], PC] = pc
    if holds_now(s, condition):
        return True
    s.n[CONDITION] = condition
    return False


@routine
def dispatch(s: State, replication: int) -> None:
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
                    lift_barrier(s)
                if not _wait_until(s, MAY_HAND_OUT_OR_DONE, D_REFILL_WOKEN):
                    return
        elif pc == D_REFILL_WOKEN:
            s.qi[d, PC] = D_REFILL
            if may_refill(s) and not _hand_out(s, replication):
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
            lift_barrier(s)
            if not _wait_until(s, ROUND_IS_OVER, D_OVER_WOKEN):
                return
        elif pc == D_OVER_WOKEN:
            if s.pi[REVIEW_EVERY] == AFTER_ROUND:
                have_looked(s)
            for i in range(s.n[FAILED_IN_ROUND]):
                put(s, replication, s.lists[FAILED_LIST, i], 0)
            s.n[FAILED_IN_ROUND] = 0
            s.qi[d, PC] = D_ROUND
        elif pc == D_DONE:
            soon(s, E_END, 0, 0)
            return
        elif not _go_on_handing_out(s, replication):
            return


@routine
def _hand_out(s: State, replication: int) -> bool:
    """Begin to hand out; False where the dispatcher has to wait. It then goes on where it was."""
    d = s.pi[TASKS]
    s.qi[d, BACK_TO] = s.qi[d, PC]
    if s.pi[BY_SCRIPT]:
        if s.pi[WARM_UP] == PREWARM and prefix_is_cold(s):
            s.qi[d, PC] = D_SCRIPT_PREFIX
            request(s, COORDINATOR, d)
            return False
        s.qi[d, PC] = D_SCRIPT
        return _go_on_handing_out(s, replication)
    s.qi[d, PC] = D_WAIT
    request(s, COORDINATOR, d)
    return False


@routine
def _go_on_handing_out(s: State, replication: int) -> bool:
    d = s.pi[TASKS]
    pc = s.qi[d, PC]
    if pc == D_SCRIPT_PREFIX:
        if not warm_prefix(s, d):
            return False
        release(s, COORDINATOR)
        pc = s.qi[d, PC] = D_SCRIPT
    if pc == D_SCRIPT:
        taken = min(slots(s) - s.n[RUNNING], s.n[WAITING])
        for i in range(taken):
            s.lists[HAND_LIST, i] = take_next(s)
        for i in range(taken):
            launch(s, s.lists[HAND_LIST, i])
        s.qi[d, PC] = s.qi[d, BACK_TO]
        return True
    if pc == D_WAIT:
        taken = 0 if s.n[CLOSED] else min(slots(s) - s.n[RUNNING], s.n[WAITING])
        if taken <= 0:
            release(s, COORDINATOR)
            s.qi[d, PC] = s.qi[d, BACK_TO]
            return True
        for i in range(taken):
            s.lists[HAND_LIST, i] = take_next(s)
        s.n[HAND_COUNT], s.n[HAND_AT] = taken, 0
        s.qf[d, TURN_STARTED] = s.f[NOW]
        pc = s.qi[d, PC] = D_BEGIN
    if pc == D_BEGIN:
        if not begin_turn(s, d):
            return False
        s.qi[d, PC] = D_TURN
        after(s, d, s.pf[TURN_TIME])
        return False
    if pc == D_TURN:
        pc = s.qi[d, PC] = D_PREFIX
    if pc == D_PREFIX:
        if s.pi[WARM_UP] == PREWARM and not warm_prefix(s, d):
            return False
        s.qi[d, PC] = D_BRIEF
        after(s, d, s.pf[BRIEF_TIME])
        return False
    launch(s, s.lists[HAND_LIST, s.n[HAND_AT]])
    s.n[HAND_AT] += 1
    if s.n[HAND_AT] < s.n[HAND_COUNT]:
        after(s, d, s.pf[BRIEF_TIME])
        return False
    tokens = s.pf[TURN_TOKENS] + s.n[HAND_COUNT] * s.pf[BRIEF_TOKENS]
    charge_writing(s, COORDINATION, -1, tokens)
    write_log(s, s.qf[d, TURN_STARTED], s.f[NOW], K_TURN, -1, 0, -1, 0)
    release(s, COORDINATOR)
    s.qi[d, PC] = s.qi[d, BACK_TO]
    return True
