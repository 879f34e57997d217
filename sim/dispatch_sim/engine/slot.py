"""The end of an agent's work: it returns, fails, or is ended by its timeout, and its slot is free."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.api import charge_output, leave_line
from dispatch_sim.engine.calendar import after
from dispatch_sim.engine.communication import is_first_round
from dispatch_sim.engine.conditions import notify
from dispatch_sim.engine.conflicts import end_write
from dispatch_sim.engine.coordinator import interrupted_compaction
from dispatch_sim.engine.events import enter, note
from dispatch_sim.engine.harness import requeue_refused
from dispatch_sim.engine.merge import merge
from dispatch_sim.engine.records import State
from dispatch_sim.engine.recovery import settle
from dispatch_sim.engine.resources import release, withdraw
from dispatch_sim.engine.strategies import on_return
from dispatch_sim.scenario.tasks import MAX_TASKS


def leave_slot(s: State, t: int, failure: int) -> None:
    """End an agent's work, and free its slot: it has returned, failed, or its timeout has ended it.

    Where the strategy has a barrier, its output waits there, and without refills its failure too (not under
    `abort`).
    """
    task = s.tasks[t]
    _stop_work(s, t, failure == codes.NONE)
    if failure == codes.FAILURE_HUNG or failure == codes.FAILURE_KILLED:
        note(s, codes.TIMEOUT, t, -1, 0)
    if failure == codes.NONE:
        on_return(s, t)
    _give_back(s, t)
    task.failure = failure
    has_output = failure == codes.NONE and not is_first_round(s, t)
    failure_waits = failure != codes.NONE and not s.plan.refills and s.plan.retry_policy != codes.ABORT
    if s.plan.merges_at_barrier and (has_output or failure_waits):
        _wait_at_barrier(s, t)
    elif has_output:
        merge(s, t)
    else:
        settle(s, t)


def _wait_at_barrier(s: State, t: int) -> None:
    """Let an output or a failure wait until all agents are back."""
    enter(s, t, codes.BARRIER, -1, 0)
    s.processes[t].at = codes.AT_BARRIER
    if s.world.barrier_high - s.world.barrier_low >= MAX_TASKS:
        s.world.overflow = True
        return
    entry = s.barrier[s.world.barrier_high % MAX_TASKS]
    entry.process, entry.token = t, s.processes[t].token
    s.world.barrier_high += 1


def after_barrier(s: State, t: int) -> None:
    """Merge, or settle a failure; where one cancels others, merge after those of this moment are seen."""
    if s.tasks[t].failure != codes.NONE:
        settle(s, t)
    elif s.plan.cancels_others:
        s.processes[t].at = codes.AT_FAILURES_SEEN
        after(s, t, 0.0)
    else:
        merge(s, t)


def _stop_work(s: State, t: int, returned: bool) -> None:
    """Note that an agent is no longer at work."""
    s.tasks[t].at_work = False
    s.groups[s.tasks[t].group].working -= 1
    end_write(s, t, returned)


def _give_back(s: State, t: int) -> None:
    """Give back locks, the place in the harness, and the slot."""
    task = s.tasks[t]
    for i in range(task.locks_held - 1, -1, -1):
        release(s, codes.FIRST_LOCK + s.links[s.groups[task.group].first_lock + i])
    task.locks_held = 0
    if task.has_place:
        task.has_place = False
        release(s, codes.PLACES)
    s.world.slots.count -= 1
    requeue_refused(s)
    notify(s)


def interrupt(s: State, t: int, by_timeout: bool) -> None:
    """End what an attempt is doing: by its hard timeout, or because another's failure cancels it.

    A hung agent loses its slot here and nowhere else.
    """
    task, process, at = s.tasks[t], s.processes[t], s.processes[t].at
    process.token += 1  # what it waits for does not resume it any more
    if task.at_work:
        if at == codes.AT_CALL_WINDOW:
            withdraw(s, t)
        elif at == codes.AT_NEXT_WINDOW:
            release(s, codes.CALL_WINDOW)
        elif at == codes.AT_GATEWAY and process.in_line:
            leave_line(s, t)
        elif at == codes.AT_CALL:
            # Nothing stops an admitted call: it is charged in full. It had no answer, so an attempt that
            # resumes cannot read its prompt from the cache.
            charge_output(s, task.pending_output)
            task.prompt.sent, task.prompt.sent_s = task.sent_before, task.sent_before_s
        elif at == codes.AT_COMPACTION:
            interrupted_compaction(s, t)
        if by_timeout:
            leave_slot(s, t, codes.FAILURE_HUNG if task.activity == codes.HANG else codes.FAILURE_KILLED)
            return
        _stop_work(s, t, False)
        _give_back(s, t)
    elif at == codes.AT_PLACE or at == codes.AT_LOCK:
        withdraw(s, t)
        _give_back(s, t)
    elif at == codes.AT_MERGE_REQUEST or at == codes.AT_PERSON_REQUEST:
        withdraw(s, t)
    task.failure = codes.FAILURE_CANCELLED
    note(s, codes.CANCELLED, t, -1, 0)
    settle(s, t)
