"""Going on with an attempt where it was, and ending it from outside."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.agent import (
    called,
    give_back,
    leave_slot,
    lock,
    make_call,
    next_call,
    pace_over,
    paced,
    returned,
    spawned,
    try_call,
    wait_for_prefix,
)  # fmt: skip
from dispatch_sim.dispatch.compiled.api import charge_output
from dispatch_sim.dispatch.compiled.coordinator import charge_writing
from dispatch_sim.dispatch.compiled.gateway import leave_line
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import recovery_time
from dispatch_sim.dispatch.compiled.machine import after, enter, note, release, withdraw
from dispatch_sim.dispatch.compiled.merging import (
    behind_barrier,
    by_person,
    clean_up,
    merge_is_over,
    merge_turn,
    merged,
    resolved,
    seen,
    to_person,
)  # fmt: skip
from dispatch_sim.dispatch.compiled.outcomes import recovered, settle
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.compiled.sharing import end_write, is_lost


@routine
def interrupt(s: State, replication: int, t: int, cause: int) -> None:
    """End what an attempt is doing."""
    pc = s.qi[t, PC]
    s.qi[t, TOKEN] += 1  # what it waits for does not resume it any more
    if s.ti[t, IN_SLOT]:
        if pc == A_PACER:
            withdraw(s, t)
        elif pc == A_PACE:
            release(s, PACER)
        elif pc == A_LINE and s.qi[t, IN_LINE]:
            leave_line(s, t)
        elif pc == A_CALL:
            charge_output(s, s.ti[t, PENDING_OUTPUT])
            s.ti[t, P_SENT], s.tf[t, SENT_S] = s.ti[t, SENT_BEFORE], s.tf[t, SENT_S_BEFORE]
        if cause == KILLED:
            leave_slot(s, replication, t, HANGING if s.ti[t, STATE] == HUNG else KILLED)
            return
        s.ti[t, IN_SLOT] = 0
        s.group_state[s.ti[t, GROUP], G_AT_WORK] -= 1
        end_write(s, replication, t, False)
        give_back(s, replication, t)
    elif pc == A_PLACE or pc == A_LOCK:
        withdraw(s, t)
        give_back(s, replication, t)
    elif pc == M_WAIT or pc == M_PERSON:
        withdraw(s, t)
    s.ti[t, FAILURE] = CANCELLED
    note(s, K_CANCELLED, t, -1, 0)
    settle(s, replication, t)


@routine
def go_on_attempting(s: State, replication: int, t: int) -> None:
    """Go on with an attempt, or with a person's work on a task."""
    pc = s.qi[t, PC]
    s.qi[t, ASKS] = 0
    if pc == A_CALL:
        called(s, replication, t)
    elif pc == A_BACKOFF:
        try_call(s, replication, t)
    elif pc == A_SPAWN:
        spawned(s, replication, t)
    elif pc == A_TOOLS:
        next_call(s, replication, t)
    elif pc == A_RETURN:
        returned(s, replication, t)
    elif pc == A_PLACE:
        s.ti[t, HAS_PLACE] = 1
        lock(s, replication, t)
    elif pc == A_LOCK:
        s.ti[t, LOCKS_HELD] += 1
        lock(s, replication, t)
    elif pc == A_PREFIX:
        wait_for_prefix(s, replication, t)
    elif pc == A_PACER:
        paced(s, replication, t)
    elif pc == A_PACE:
        s.n[PACE_WINDOWS] = int(s.f[NOW] // s.pf[PACE_WINDOW])
        s.n[PACE_TAKEN] = 0
        pace_over(s, replication, t)
    elif pc == A_LINE:
        if s.qi[t, ADMITTED]:
            make_call(s, replication, t)
        else:
            leave_slot(s, replication, t, TOO_LARGE)
    elif pc == B_BARRIER:
        behind_barrier(s, replication, t)
    elif pc == B_SEEN:
        seen(s, replication, t)
    elif pc == M_WAIT:
        s.ti[t, MERGING] = 1
        if is_lost(s, t):
            release(s, COORDINATOR)
            to_person(s, replication, t)
        else:
            s.qi[t, PC] = M_TURN
            merge_turn(s, t)
    elif pc == M_TURN:
        merge_turn(s, t)
    elif pc == M_MERGE:
        charge_writing(s, MERGE, t, s.tf[t, MERGE_TOKENS])
        release(s, COORDINATOR)
        to_person(s, replication, t)
    elif pc == M_PERSON:
        s.ti[t, MERGING] = 1
        if is_lost(s, t):
            release(s, PERSON)
            merged(s, replication, t)
        else:
            by_person(s, t, M_BY_PERSON, K_MERGE_BY_PERSON)
    elif pc == M_BY_PERSON:
        release(s, PERSON)
        s.f[PEOPLE_MERGE] += s.tf[t, PERSON_TIME]
        merged(s, replication, t)
    elif pc == M_RESOLVE_WAIT:
        by_person(s, t, M_RESOLVE, K_RESOLVE)
    elif pc == M_RESOLVE:
        release(s, PERSON)
        s.f[PEOPLE_CONFLICTS] += s.tf[t, PERSON_TIME]
        resolved(s, replication, t)
    elif pc == M_EXPOSED:
        if is_lost(s, t):
            clean_up(s, replication, t)
        else:
            merge_is_over(s, replication, t)
    elif pc == M_CLEAN_WAIT:
        by_person(s, t, M_CLEAN, K_CLEAN_UP)
    elif pc == M_CLEAN:
        release(s, PERSON)
        s.f[PEOPLE_CONFLICTS] += s.tf[t, PERSON_TIME]
        settle(s, replication, t)
    elif pc == R_WAIT:
        s.tf[t, PERSON_TIME] = recovery_time(s, replication, t)
        enter(s, t, RECOVERY, K_RECOVERY)
        s.qi[t, PC] = R_WORK
        after(s, t, s.tf[t, PERSON_TIME])
    elif pc == R_WORK:
        release(s, PERSON)
        recovered(s, replication, t)
