"""The tasks that wait for an attempt, for other groups, or for a second round."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import length
from dispatch_sim.dispatch.compiled.machine import at_once, enter
from dispatch_sim.dispatch.compiled.routine import routine


@routine
def _before(s: State, i: int, j: int) -> bool:
    if s.pending[i, 0] != s.pending[j, 0]:
        return s.pending[i, 0] < s.pending[j, 0]
    if s.pending_first[i] != s.pending_first[j]:
        return s.pending_first[i] < s.pending_first[j]
    return s.pending[i, 1] < s.pending[j, 1]


@routine
def _swap(s: State, i: int, j: int) -> None:
    for k in range(3):
        s.pending[i, k], s.pending[j, k] = s.pending[j, k], s.pending[i, k]
    s.pending_first[i], s.pending_first[j] = s.pending_first[j], s.pending_first[i]


@routine
def leave_to_person(s: State, t: int) -> None:
    s.n[RECOVERING] += 1
    at_once(s, E_START_RECOVERY, t, 0)


@routine
def put(s: State, replication: int, t: int, turn: int) -> None:
    """Let a task wait for an attempt; a person does it if the run is aborted."""
    if s.n[ABORTED]:
        leave_to_person(s, t)
        return
    key = 0.0
    if s.pi[ORDER] != AS_GIVEN:
        key = length(s, replication, t)
        if s.pi[ORDER] == LONGEST_FIRST:
            key = -key
    at = s.n[WAITING]
    s.n[WAITING] = at + 1
    s.pending[at, 0], s.pending[at, 1], s.pending[at, 2] = turn, s.n[CAME], t
    s.pending_first[at] = key
    s.n[CAME] += 1
    while at > 0:
        parent = (at - 1) >> 1
        if _before(s, parent, at):
            break
        _swap(s, parent, at)
        at = parent


@routine
def take_next(s: State) -> int:
    """Take the first of the waiting tasks."""
    t = s.pending[0, 2]
    last = s.n[WAITING] - 1
    s.n[WAITING] = last
    _swap(s, 0, last)
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and _before(s, child + 1, child):
            child += 1
        if _before(s, at, child):
            break
        _swap(s, at, child)
        at = child
    return t


@routine
def abort(s: State) -> None:
    """Leave every task that waits, now or later, to a person."""
    s.n[ABORTED] = 1
    while s.n[WAITING]:
        leave_to_person(s, take_next(s))
    for group in range(s.pi[GROUPS]):
        for i in range(s.n[SECOND_COUNT]):
            t = s.lists[SECOND_LIST, i]
            if s.ti[t, GROUP] == group:
                leave_to_person(s, t)
        s.group_state[group, G_SECOND] = 0
    s.n[SECOND_COUNT] = 0


@routine
def receive(s: State, replication: int, t: int) -> None:
    """Let a task that has arrived wait for an attempt, or for the groups that its own is after."""
    group = s.ti[t, GROUP]
    if s.group_state[group, G_WAITS_FOR]:
        s.ti[t, STATE], s.ti[t, KIND] = BLOCKED, K_DEPENDENCY
        s.lists[HELD_LIST, s.n[HELD]] = t
        s.n[HELD] += 1
    else:
        put(s, replication, t, 1)


@routine
def _release_held(s: State, replication: int, group: int) -> None:
    """Let the tasks of a group go that have waited for others."""
    kept = 0
    for i in range(s.n[HELD]):
        t = s.lists[HELD_LIST, i]
        if s.ti[t, GROUP] == group:
            enter(s, t, WAIT, K_WAIT)
            put(s, replication, t, 1)
        else:
            s.lists[HELD_LIST, kept] = t
            kept += 1
    s.n[HELD] = kept


@routine
def finish(s: State, replication: int, t: int) -> None:
    """Note that a task is done, and let the groups go that have waited for its group."""
    enter(s, t, WAIT, K_WAIT)
    s.n[NOT_DONE] -= 1
    s.f[FLOW] += s.f[NOW] - s.tf[t, ARRIVED]
    group = s.ti[t, GROUP]
    s.group_state[group, G_NOT_DONE] -= 1
    if s.group_state[group, G_NOT_DONE] == 0:
        first = s.gi[group, FIRST_FOLLOWER]
        for i in range(s.gi[group, FOLLOWERS]):
            follower = s.locks[first + i]
            s.group_state[follower, G_WAITS_FOR] -= 1
            if s.group_state[follower, G_WAITS_FOR] == 0:
                _release_held(s, replication, follower)


@routine
def through_first_round(s: State, t: int, by_agent: bool) -> None:
    group = s.ti[t, GROUP]
    if by_agent:
        s.ti[t, SECOND_ROUND] = 1
        enter(s, t, BLOCKED, K_ROUND)
        s.lists[SECOND_LIST, s.n[SECOND_COUNT]] = t
        s.n[SECOND_COUNT] += 1
        s.group_state[group, G_SECOND] += 1
    s.group_state[group, G_NOT_THROUGH] -= 1
    waits = s.group_state[group, G_SECOND] > 0 and not s.group_state[group, G_BRIEFING]
    if s.group_state[group, G_NOT_THROUGH] == 0 and waits:
        s.group_state[group, G_BRIEFING] = 1
        at_once(s, E_START_ROUND, group, 0)
