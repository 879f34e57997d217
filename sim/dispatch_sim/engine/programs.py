"""Resumes and interrupts attempts: each goes on from the place in its program where it waits."""

from __future__ import annotations

from dispatch_sim.engine import codes
from dispatch_sim.engine.attempt import (
    answered,
    called,
    give_back,
    interrupted_call,
    leave_slot,
    lock,
    next_call,
    prepare_call,
    returned,
    send_call,
    spawned,
    stop_work,
    wait_for_prefix,
)
from dispatch_sim.engine.barrier import after_barrier
from dispatch_sim.engine.calendar import after
from dispatch_sim.engine.client import see_answer, send_request
from dispatch_sim.engine.coordinator import interrupted_compaction
from dispatch_sim.engine.events import enter, note
from dispatch_sim.engine.gateway import leave_line
from dispatch_sim.engine.harness import count_call, enter_next_window
from dispatch_sim.engine.jit import compiled
from dispatch_sim.engine.merge import (
    cleaned_up,
    conflicts_resolved,
    merge,
    merged_by_coordinator,
    merged_by_person,
    no_longer_exposed,
    resume_by_person,
    resume_merge,
    resume_merge_by_person,
    take_merge_turn,
)
from dispatch_sim.engine.records import State
from dispatch_sim.engine.recovery import recovered, settle
from dispatch_sim.engine.resources import release, withdraw
from dispatch_sim.engine.variates import recovery_s


@compiled
def interrupt(s: State, t: int, failure: int) -> None:
    """End what an attempt is doing: by its hard timeout, or because another's failure cancels it.

    Only so does an agent that hangs lose its slot.
    """
    task, at = s.tasks[t], s.processes[t].at
    s.processes[t].token += 1  # what it waits for does not resume it any more
    if task.at_work:
        if at == codes.AT_CALL_WINDOW:
            withdraw(s, t)
        elif at == codes.AT_NEXT_WINDOW:
            release(s, codes.CALL_WINDOW)
        elif at == codes.AT_GATEWAY and s.processes[t].in_line:
            leave_line(s, t)
        elif at == codes.AT_CALL:
            interrupted_call(s, t)
        elif at == codes.AT_COMPACTION:
            interrupted_compaction(s, t)
        if failure == codes.FAILURE_KILLED:
            leave_slot(s, t, codes.FAILURE_HUNG if task.activity == codes.HANG else codes.FAILURE_KILLED)
            return
        stop_work(s, t, False)
        give_back(s, t)
    elif at == codes.AT_PLACE or at == codes.AT_LOCK:
        withdraw(s, t)
        give_back(s, t)
    elif at == codes.AT_MERGE_REQUEST or at == codes.AT_PERSON_REQUEST:
        withdraw(s, t)
    task.failure = codes.FAILURE_CANCELLED
    note(s, codes.CANCELLED, t, -1, 0)
    settle(s, t)


@compiled
def resume(s: State, t: int) -> None:
    """Go on with an attempt, or with a person's recovery of its task."""
    at = s.processes[t].at
    s.processes[t].asks = 0
    if at <= codes.AT_SILENCE:
        _resume_agent(s, t, at)
    elif at >= codes.AT_RECOVERY_REQUEST:
        _resume_recovery(s, t, at)
    else:
        _resume_merge(s, t, at)


@compiled
def _resume_agent(s: State, t: int, at: int) -> None:
    if at == codes.AT_CALL:
        called(s, t)
    elif at == codes.AT_BACKOFF:
        answered(s, t, send_request(s, t))
    elif at == codes.AT_SPAWN:
        spawned(s, t)
    elif at == codes.AT_TOOLS:
        next_call(s, t)
    elif at == codes.AT_RETURN:
        returned(s, t)
    elif at == codes.AT_PLACE:
        s.tasks[t].has_place = True
        lock(s, t)
    elif at == codes.AT_LOCK:
        s.tasks[t].locks_held += 1
        lock(s, t)
    elif at == codes.AT_PREFIX:
        wait_for_prefix(s, t)
    elif at == codes.AT_COMPACTION:
        prepare_call(s, t)
    elif at == codes.AT_CALL_WINDOW:
        if count_call(s, t):
            send_call(s, t)
    elif at == codes.AT_NEXT_WINDOW:
        enter_next_window(s)
        send_call(s, t)
    elif at == codes.AT_GATEWAY:
        answered(s, t, see_answer(s, t, s.processes[t].answer_s))


@compiled
def _resume_merge(s: State, t: int, at: int) -> None:
    if at == codes.AT_BARRIER:
        after_barrier(s, t)
    elif at == codes.AT_FAILURES_SEEN:
        merge(s, t)
    elif at == codes.AT_MERGE_REQUEST:
        resume_merge(s, t)
    elif at == codes.AT_MERGE_TURN:
        take_merge_turn(s, t)
    elif at == codes.AT_MERGE:
        merged_by_coordinator(s, t)
    elif at == codes.AT_PERSON_REQUEST:
        resume_merge_by_person(s, t)
    elif at == codes.AT_MERGE_BY_PERSON:
        merged_by_person(s, t)
    elif at == codes.AT_RESOLVE_REQUEST or at == codes.AT_CLEAN_UP_REQUEST:
        resume_by_person(s, t, at)
    elif at == codes.AT_RESOLVE:
        conflicts_resolved(s, t)
    elif at == codes.AT_EXPOSED:
        no_longer_exposed(s, t)
    elif at == codes.AT_CLEAN_UP:
        cleaned_up(s, t)


@compiled
def _resume_recovery(s: State, t: int, at: int) -> None:
    if at == codes.AT_RECOVERY:
        release(s, codes.PERSON)
        recovered(s, t)
        return
    s.tasks[t].person_s = recovery_s(s, t)
    enter(s, t, codes.RECOVERY, -1, 0)
    s.processes[t].at = codes.AT_RECOVERY
    after(s, t, s.tasks[t].person_s)
