"""The brief between two rounds of a group."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.coordinator import begin_turn, charge_writing
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.machine import after, enter, release, write_log
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.compiled.telling import tell
from dispatch_sim.dispatch.compiled.waiting import put


@routine
def go_on_briefing(s: State, replication: int, group: int) -> None:
    pid = s.pi[TASKS] + 2 + group
    s.qi[pid, ASKS] = 0
    if s.qi[pid, PC] == S_WAIT:
        s.qf[pid, TURN_STARTED] = s.f[NOW]
        s.qi[pid, PC] = S_BEGIN
    if s.qi[pid, PC] == S_BEGIN:
        if begin_turn(s, pid):
            s.qi[pid, PC] = S_WRITE
            after(s, pid, s.pf[INTERIM_TIME])
        return
    charge_writing(s, COORDINATION, -1, s.pf[INTERIM_WRITTEN])
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
            put(s, replication, t, 1)
        else:
            s.lists[SECOND_LIST, kept] = t
            kept += 1
    s.n[SECOND_COUNT] = kept
    s.group_state[group, G_SECOND] = 0
    tell(s)
