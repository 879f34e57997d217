"""Putting outputs together, behind the barrier, by the coordinator and by a person."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.coordinator import begin_turn
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import clean_up_time, resolve_time
from dispatch_sim.dispatch.compiled.machine import after, enter, note, request
from dispatch_sim.dispatch.compiled.outcomes import cancels_others, drop, settle
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.compiled.sharing import attempt_number, is_lost, writes_conflict


@routine
def behind_barrier(s: State, replication: int, t: int) -> None:
    if cancels_others(s) and s.ti[t, FAILURE] == NONE:
        s.qi[t, PC] = B_SEEN
        after(s, t, 0.0)
        return
    seen(s, replication, t)


@routine
def seen(s: State, replication: int, t: int) -> None:
    """Merge an output, unless the attempt has failed."""
    if s.ti[t, FAILURE] == NONE and s.ti[t, INSTRUCTIONS] != s.n[INSTRUCTIONS_NOW]:
        s.ti[t, FAILURE] = WRONG_BRIEF
    if s.ti[t, FAILURE] != NONE:
        settle(s, replication, t)
        return
    if is_lost(s, t):
        clean_up(s, replication, t)
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
    to_person(s, replication, t)


@routine
def _unseen_of(s: State, row: int, over: int, begun: int, since: float) -> int:
    low, high = 0, over
    while low < high:
        middle = (low + high) // 2
        if since < s.merged[row, middle]:
            high = middle
        else:
            low = middle + 1
    return begun - low


@routine
def _unseen(s: State, t: int) -> tuple[int, int]:
    """Count the outputs whose merge has begun and which a task's agent could not see; begin its own."""
    group = s.ti[t, GROUP]
    pairs = _unseen_of(s, s.pi[GROUPS], s.n[MERGED_COUNT], s.n[BEGUN], s.tf[t, LAUNCHED])
    blind = _unseen_of(
        s, group, s.group_state[group, G_OVER], s.group_state[group, G_BEGUN], s.tf[t, LAUNCHED]
    )
    s.ti[t, UNSEEN_COUNTED] = 1
    s.n[BEGUN] += 1
    s.group_state[group, G_BEGUN] += 1
    if s.pi[COMMUNICATION] != SILENT:
        return pairs - blind, 0
    return pairs, blind


@routine
def to_person(s: State, replication: int, t: int) -> None:
    """Have a person merge an output, where that is asked for."""
    if s.tf[t, PERSON_TIME] != 0.0 and not is_lost(s, t):
        enter(s, t, BLOCKED, K_PERSON_BUSY)
        s.qi[t, PC] = M_PERSON
        request(s, PERSON, t)
        return
    merged(s, replication, t)


@routine
def merged(s: State, replication: int, t: int) -> None:
    """See to what a merge has shown."""
    if is_lost(s, t):
        drop(s, t)
        clean_up(s, replication, t)
        return
    s.ti[t, MERGING] = 1
    if s.ti[t, L_BAD]:
        note(s, K_BAD_OUTPUT, t, -1, 0)
        s.ti[t, FAILURE] = BAD
        settle(s, replication, t)
        return
    w = s.ti[t, WRITE]
    if w >= 0 and s.pi[ISOLATION] == WORKTREE:
        seconds = 0.0
        for i in range(s.n[MERGING_COUNT]):
            other = s.lists[MERGING_LIST, i]
            if s.wf[other, W_MERGED] > s.wf[w, W_BEGAN] and writes_conflict(s, replication, w, other):
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
    resolved(s, replication, t)


@routine
def resolved(s: State, replication: int, t: int) -> None:
    w = s.ti[t, WRITE]
    if w >= 0:
        s.wf[w, W_MERGED] = s.f[NOW]
    group = s.ti[t, GROUP]
    if s.ti[t, UNSEEN_COUNTED]:
        s.ti[t, UNSEEN_COUNTED] = 0
        if s.n[MERGED_COUNT] >= s.merged.shape[1]:
            s.n[OVERFLOW] = 1
            return
        s.merged[s.pi[GROUPS], s.n[MERGED_COUNT]] = s.f[NOW]
        s.n[MERGED_COUNT] += 1
        s.merged[group, s.group_state[group, G_OVER]] = s.f[NOW]
        s.group_state[group, G_OVER] += 1
    if w >= 0 and s.pi[ISOLATION] == SHARED:
        if not s.wi[w, W_SAFE]:
            enter(s, t, BLOCKED, K_EXPOSED)
            s.qi[t, PC] = M_EXPOSED
            return
        if s.wi[w, W_LOST]:
            clean_up(s, replication, t)
            return
    merge_is_over(s, replication, t)


@routine
def merge_is_over(s: State, replication: int, t: int) -> None:
    group = s.ti[t, GROUP]
    others = max(1, s.gi[group, SIZE] - 1)
    s.tf[t, BLIND_SHARE] = s.gf[group, COUPLING] * min(s.ti[t, BLIND], others) / others
    settle(s, replication, t)


@routine
def clean_up(s: State, replication: int, t: int) -> None:
    """Have a person see to the loss of an attempt's work."""
    s.ti[t, MERGING] = 1
    s.ti[t, FAILURE] = OVERWRITTEN
    note(s, K_OVERWRITTEN, t, -1, 0)
    seconds = clean_up_time(s, replication, t, attempt_number(s, t))
    if seconds != 0.0:
        s.tf[t, PERSON_TIME] = seconds
        enter(s, t, BLOCKED, K_PERSON_BUSY)
        s.qi[t, PC] = M_CLEAN_WAIT
        request(s, PERSON, t)
        return
    settle(s, replication, t)


@routine
def merge_turn(s: State, t: int) -> None:
    if begin_turn(s, t):
        enter(s, t, MERGES, K_MERGE)
        s.qi[t, PC] = M_MERGE
        after(s, t, s.tf[t, MERGE_TIME])


@routine
def by_person(s: State, t: int, pc: int, kind: int) -> None:
    s.ti[t, MERGING] = 1
    enter(s, t, MERGES, kind)
    s.qi[t, PC] = pc
    after(s, t, s.tf[t, PERSON_TIME])
