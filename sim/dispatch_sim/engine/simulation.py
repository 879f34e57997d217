"""One replication as a loop over events: the second implementation of the model.

A process is a position in its program, from which an event resumes it: `_resume` leads to the function that
goes on. Modules have the names of those in `dispatch_sim.model`, with the exceptions that
`docs/architecture.md` lists.
"""

from dispatch_sim.engine import codes
from dispatch_sim.engine.attempt import give_back, leave_slot, resume_attempt, start_attempt, stop_work
from dispatch_sim.engine.backlog import arrive, next_arrives, wait_for_arrival
from dispatch_sim.engine.calendar import at_once, grant, later, next_event, note, release, request, withdraw
from dispatch_sim.engine.communication import resume_interim_brief
from dispatch_sim.engine.coordinator import interrupted_compaction
from dispatch_sim.engine.gateway import charge_output, leave_line, serve_line
from dispatch_sim.engine.merge import resume_merge
from dispatch_sim.engine.records import Control, State
from dispatch_sim.engine.recovery import accept_or_reject, begin_review, resume_review, settle, start_recovery
from dispatch_sim.engine.strategies import dispatch
from dispatch_sim.engine.variates import draw_batch
from dispatch_sim.model.closing import close
from dispatch_sim.model.events import Failure
from dispatch_sim.scenario.tasks import MAX_TASKS


def simulate_block(s: State, control: Control, first: int, count: int) -> int:
    """Simulate replications `first` to `first + count` into `State.rows`; return how many were simulated.

    It ends early where one does not fit the state's arrays, or where another thread has set `Control.stop`.
    Where the state has room for a log, it holds that of the last replication.
    """
    for i in range(count):
        if control.stop:
            return i
        s.replication = first + i
        _begin(s)
        if not _simulate(s):
            return i
        for number in range(s.valued):
            by, row = s.valuations[number], s.rows[i * s.valued + number]
            close(s.world.ledger, s.world.now_s, s.world.limiter, by.prices, by.values, row)
    return count


def _begin(s: State) -> None:
    """Set the state to the beginning of a replication."""
    s.world = s.new_world
    s.held.length = s.failed.length = s.refused.length = s.cascading.length = s.second_round.length = 0
    s.writing.length = s.returned.length = s.worktrees.length = 0
    s.awaiting_review.length = s.under_review.length = 0
    for resource in range(codes.FIRST_LOCK + s.plan.locks):
        of = s.resources[resource]
        of.users, of.first, of.last = 0, -1, -1
        of.capacity = max(1, s.plan.harness.cap) if resource == codes.PLACES else 1
    for pid in range(s.plan.first_interim + s.plan.groups):
        s.processes[pid] = s.new_process
    for g in range(s.plan.groups):
        group = s.groups[g]
        group.unfinished = group.first_round_unfinished = group.waits_for = 0
        group.awaiting_second = group.working = group.merges.begun = group.merges.over = 0
        group.next_arrival, group.is_briefing, group.common_done = codes.NONE, False, False
    for t in range(s.plan.tasks):
        s.tasks[t] = s.new_task
        s.tasks[t].group, s.tasks[t].index = s.batch[t].group, s.batch[t].index
        group = s.groups[s.batch[t].group]
        group.unfinished += 1
        group.first_round_unfinished += 1
    for g in range(s.plan.groups):
        group = s.groups[g]
        if group.unfinished:
            for i in range(group.first_follower, group.first_follower + group.followers):
                s.groups[s.links[i]].waits_for += 1


def _simulate(s: State) -> bool:
    """Simulate a replication; its ledger is in the state then. False where it does not fit, or never ends."""
    draw_batch(s)
    at_once(s, codes.EVENT_START_DISPATCHER, 0, 0)
    while not s.world.overflow:
        kind, who, token = next_event(s)
        if kind == codes.EVENT_RESUME:
            if s.processes[who].token == token:
                _resume(s, who)
        elif kind == codes.EVENT_RELEASED:
            grant(s, who)
        elif kind == codes.EVENT_END:
            return True
        elif kind == codes.EVENT_NONE:
            s.world.is_deadlocked = True
            return False
        else:
            _start_or_end(s, kind, who, token)
    return False


def _resume(s: State, pid: int) -> None:
    """Let a process go on from the position in its program where it waits."""
    plan, process = s.plan, s.processes[pid]
    process.asks = 0
    if pid < plan.tasks:
        if process.at < codes.AT_MERGE_REQUEST:
            resume_attempt(s, pid)
        else:
            resume_merge(s, pid)
    elif pid == plan.dispatcher:
        dispatch(s)
    elif pid == plan.reviewer:
        resume_review(s)
    else:
        resume_interim_brief(s, pid - plan.first_interim)


def _start_or_end(s: State, kind: int, who: int, token: int) -> None:
    """Start what has a process of its own, and see to timers, barriers and verdicts."""
    task = s.tasks[who]
    if kind == codes.EVENT_START_ATTEMPT:
        start_attempt(s, who)
    elif kind == codes.EVENT_START_TIMER:
        later(s, s.plan.timeouts.hard, codes.EVENT_TIMER, who, token)
    elif kind == codes.EVENT_TIMER:
        if task.at_work and task.attempts == token:
            at_once(s, codes.EVENT_TIME_OUT, who, token)
    elif kind == codes.EVENT_TIME_OUT or kind == codes.EVENT_CANCEL:
        if task.is_alive and task.attempts == token:
            _interrupt(s, who, kind == codes.EVENT_TIME_OUT)
    elif kind == codes.EVENT_START_RECOVERY:
        start_recovery(s, who)
    elif kind == codes.EVENT_BARRIER:
        _pass_barrier(s, who, token)
    elif kind == codes.EVENT_VERDICT:
        accept_or_reject(s, who, token == 1)
    elif kind == codes.EVENT_START_REVIEW:
        begin_review(s)
    elif kind == codes.EVENT_START_SERVER:
        serve_line(s)
    elif kind == codes.EVENT_SERVER:
        if token == s.world.gateway.server_token:
            serve_line(s)
    elif kind == codes.EVENT_INTERRUPT_SERVER:
        if token == s.world.gateway.servers and s.world.gateway.is_serving:
            s.world.gateway.server_token += 1
            serve_line(s)
    elif kind == codes.EVENT_START_ROUND:
        pid = s.plan.first_interim + who
        request(s, codes.COORDINATOR, pid, codes.AT_INTERIM_REQUEST)
    elif kind == codes.EVENT_START_ARRIVALS:
        wait_for_arrival(s, who)
    elif kind == codes.EVENT_ARRIVAL:
        next_arrives(s, who)
    else:  # EVENT_START_DISPATCHER
        arrive(s)
        s.processes[s.plan.dispatcher].at = codes.AT_REFILL if s.plan.refills else codes.AT_WAVE
        dispatch(s)


def _pass_barrier(s: State, low: int, high: int) -> None:
    """Let attempts go on that have waited at the barrier, unless they were cancelled meanwhile."""
    for i in range(low, high):
        entry = s.barrier[i % MAX_TASKS]
        s.world.barrier_low = i + 1
        if s.processes[entry.process].token == entry.token:
            _resume(s, entry.process)


def _interrupt(s: State, t: int, by_timeout: bool) -> None:
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
            leave_slot(s, t, Failure.HUNG if task.activity == codes.HANG else Failure.KILLED)
            return
        stop_work(s, t, False)
        give_back(s, t)
    elif at == codes.AT_PLACE or at == codes.AT_LOCK:
        withdraw(s, t)
        give_back(s, t)
    elif at == codes.AT_MERGE_REQUEST or at == codes.AT_PERSON_REQUEST:
        withdraw(s, t)
    task.failure = Failure.CANCELLED
    note(s, codes.CANCELLED, t, -1, 0)
    settle(s, t)
