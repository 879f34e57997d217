"""One attempt of a sub-agent at a task: place, locks, spawn, model calls, return, and the end of its work.

`backlog.launch` schedules `start_attempt`. A function that lets the attempt wait sets its position
(`Process.at`), and `resume_attempt` goes on from there. The functions stand in the order in which an attempt
runs through them; from `next_call` to `called`, once for each call. `merge.merge` and `recovery.settle` come
after them.
"""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.backlog import count_call, notify, requeue_refused
from dispatch_sim.engine.calendar import after, at_once, enter, note, release, request
from dispatch_sim.engine.client import see_answer, send
from dispatch_sim.engine.communication import is_first_round, messages, plan_calls
from dispatch_sim.engine.conflicts import begin_write, end_write
from dispatch_sim.engine.coordinator import keep_call, read_result, take_own_context
from dispatch_sim.engine.gateway import ask_provider, charge_output, task_cached
from dispatch_sim.engine.merge import merge
from dispatch_sim.engine.records import State
from dispatch_sim.engine.recovery import settle
from dispatch_sim.engine.strategies import on_return
from dispatch_sim.engine.variates import attempt_number, draw_attempt, tool_s
from dispatch_sim.model.accounting import add_call
from dispatch_sim.model.api import call_s, first_token_s, input_counted
from dispatch_sim.model.arithmetic import calls_of_part
from dispatch_sim.model.cache import go_back_to, is_written, prompt_length, record, shared_pending_s
from dispatch_sim.model.events import Failure
from dispatch_sim.model.variates import input_of, output_of, reduce
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.tasks import MAX_TASKS


def start_attempt(s: State, t: int) -> None:
    """Begin an attempt: wait for a place in the harness, then for locks."""
    task = s.tasks[t]
    if not task.checkpoint.exists:
        task.origin = attempt_number(s, t)
    draw_attempt(s, t)
    group = s.groups[task.group]
    variates, common = task.variates, group.section.common
    if group.common_done and common > 0.0:
        reduce(variates, 1.0 - common, whole((1.0 - common) * variates.calls))
    if task.rework > 0.0:
        reduce(variates, task.rework, calls_of_part(variates.calls, task.rework))
    elif s.plan.communication.kind == codes.ROUNDS and variates.calls == 1:
        reduce(variates, 0.5, 1)  # a call of half the length in each round
    if s.plan.harness.cap and s.plan.harness.over == codes.WAIT_FOR_PLACE:
        request(s, codes.PLACES, t, codes.AT_PLACE)
        return
    lock(s, t)


def lock(s: State, t: int) -> None:
    """Take the next lock, or begin to work."""
    task, group = s.tasks[t], s.groups[s.tasks[t].group]
    if s.plan.conflicts.isolation == codes.BY_LOCKS and task.locks_held < group.locks:
        enter(s, t, codes.LOCK, -1, 0)
        request(s, codes.FIRST_LOCK + s.links[group.first_lock + task.locks_held], t, codes.AT_LOCK)
        return
    begin_write(s, t)
    task.began_s = s.world.now_s
    group.working += 1
    task.at_work = True
    if s.plan.timeouts.hard > 0.0:
        at_once(s, codes.EVENT_START_TIMER, t, task.attempts)
    if s.plan.is_solo:
        spawned(s, t)
        return
    enter(s, t, codes.SPAWN, -1, 0)
    has_own_copy = s.plan.conflicts.isolation == codes.WORKTREE and group.writes
    after(s, t, task.variates.spawn_s + (s.plan.conflicts.setup if has_own_copy else 0.0), codes.AT_SPAWN)


def spawned(s: State, t: int) -> None:
    """Begin the conversation, or go on with it from the checkpoint."""
    task = s.tasks[t]
    prompt, own_directory = task.prompt, s.groups[task.group].own_directory
    if task.checkpoint.exists:
        go_back_to(prompt, task.checkpoint.context)
    else:
        prompt.inherited = task.inherited
        prompt.reads_context = s.plan.forks and not own_directory
        prompt.spawn = task.inherited + task.variates.spawn_tokens
        prompt.shared = 0 if own_directory else min(s.plan.shared_prefix, prompt.spawn)
        prompt.context = prompt.new = prompt.messages = prompt.sent = 0
        prompt.sent_s = -math.inf
    plan_calls(s, t)
    if s.plan.strategy.warm_up == codes.STAGGER and prompt.shared:
        enter(s, t, codes.PREFIX, -1, 0)
        wait_for_prefix(s, t)
    else:
        next_call(s, t)


def wait_for_prefix(s: State, t: int) -> None:
    """Wait while another agent's writing of the shared prefix is on its way."""
    pending_s = shared_pending_s(s.world.cache, s.world.now_s)
    if pending_s != 0.0:
        after(s, t, pending_s, codes.AT_PREFIX)
    else:
        next_call(s, t)


def next_call(s: State, t: int) -> None:
    """Begin the next call, or return; an agent that obeys gives up after a soft timeout."""
    task, plan = s.tasks[t], s.plan
    if task.call > task.last_call:
        if plan.is_solo:
            leave_slot(s, t, codes.NONE)
            return
        enter(s, t, codes.RETURN, -1, 0)
        after(s, t, task.variates.return_s, codes.AT_RETURN)
        return
    elapsed_s = s.world.now_s - task.began_s
    if plan.timeouts.soft > 0.0 and task.variates.obeys and elapsed_s >= plan.timeouts.soft:
        leave_slot(s, t, Failure.KILLED)
        return
    prepare_call(s, t)


def prepare_call(s: State, t: int) -> None:
    """Make up the prompt of the next call, and have it sent."""
    task, plan = s.tasks[t], s.plan
    if plan.is_solo and not take_own_context(s, t):
        return
    task.prompt.messages = messages(s, t)
    task.prompt.new = input_of(task.variates, task.call) + task.prompt.messages
    task.retry = 0
    if plan.harness.pace.calls:
        enter(s, t, codes.PACE, task.call, 0)
        request(s, codes.CALL_WINDOW, t, codes.AT_CALL_WINDOW)
        return
    answered(s, t, send(s, t))


def answered(s: State, t: int, outcome: int) -> None:
    """Make a call that is admitted; end the attempt where the client has given up."""
    if outcome == codes.NONE:
        make_call(s, t)
    elif outcome != codes.WAITS:
        leave_slot(s, t, outcome)


def make_call(s: State, t: int) -> None:
    """Make a call that was admitted, and count its tokens."""
    task = s.tasks[t]
    call, prompt = task.call, task.prompt
    world, cached = s.world, task_cached(s, t)
    anew = prompt_length(prompt) - cached
    output = output_of(task.variates, call)
    writes = is_written(world.cache, prompt, call == task.variates.calls - 1)
    add_call(task.usage, prompt, cached, output, writes)
    task.sent_before, task.sent_before_s = prompt.sent, prompt.sent_s
    record(world.cache, prompt, first_token_s(world.latency, anew, cached), world.now_s)
    enter(s, t, codes.CALL, call, input_counted(world.limiter, prompt, cached, s.plan.is_solo))
    seconds = task.variates.call_s + call_s(world.latency, output, anew, cached)
    if s.plan.communication.kind == codes.BLACKBOARD:
        seconds += s.plan.communication.post.time
    task.pending_output = output
    after(s, t, seconds, codes.AT_CALL)


def called(s: State, t: int) -> None:
    """End a call: charge its output, crash or hang where that is drawn, save a checkpoint."""
    task = s.tasks[t]
    call = task.call
    charge_output(s, task.pending_output)
    task.prompt.context += task.prompt.new + task.pending_output
    if s.plan.is_solo:
        keep_call(s, t)
    if call == task.variates.crash_call:
        note(s, codes.CRASH, t, call, 0)
        leave_slot(s, t, Failure.CRASH)
        return
    if call == task.variates.hang_call:
        # `simulation._interrupt` ends it: by EVENT_TIMER of the hard timeout, a cascade or an abort.
        enter(s, t, codes.HANG, call, 0)
        s.processes[t].at = codes.AT_HANG
        return
    if s.plan.retry.policy == codes.RESUME:
        enter(s, t, codes.CALL, call, 0)  # so that its usage is up to date
        checkpoint = task.checkpoint
        checkpoint.exists, checkpoint.done_calls, checkpoint.context = True, call + 1, task.prompt.context
        checkpoint.usage = task.usage
    task.call = call + 1
    if call != task.last_call and s.groups[task.group].section.tool_time:
        enter(s, t, codes.TOOLS, call, 0)
        after(s, t, tool_s(s, t, task.origin, call), codes.AT_TOOLS)
        return
    next_call(s, t)


def leave_slot(s: State, t: int, failure: int) -> None:
    """End an agent's work, and free its slot: it has returned, failed, or its timeout has ended it."""
    task = s.tasks[t]
    stop_work(s, t, failure == codes.NONE)
    if failure == Failure.HUNG or failure == Failure.KILLED:
        note(s, codes.TIMEOUT, t, -1, 0)
    if failure == codes.NONE:
        on_return(s, t)
    give_back(s, t)
    task.failure = failure
    has_output = failure == codes.NONE and not is_first_round(s, t)
    failure_waits = failure != codes.NONE and not s.plan.refills and s.plan.retry.policy != codes.ABORT
    if s.plan.strategy.merge == codes.MERGE_AT_BARRIER and (has_output or failure_waits):
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
        after(s, t, 0.0, codes.AT_FAILURES_SEEN)
    else:
        merge(s, t)


def stop_work(s: State, t: int, returned: bool) -> None:
    """Note that an agent is no longer at work."""
    s.tasks[t].at_work = False
    s.groups[s.tasks[t].group].working -= 1
    end_write(s, t, returned)


def give_back(s: State, t: int) -> None:
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


def resume_attempt(s: State, t: int) -> None:
    """Go on with an attempt from the position where it waits, up to its merge; in the order of an attempt."""
    at = s.processes[t].at
    if at == codes.AT_PLACE:
        s.tasks[t].has_place = True
        lock(s, t)
    elif at == codes.AT_LOCK:
        s.tasks[t].locks_held += 1
        lock(s, t)
    elif at == codes.AT_SPAWN:
        spawned(s, t)
    elif at == codes.AT_PREFIX:
        wait_for_prefix(s, t)
    elif at == codes.AT_COMPACTION:
        prepare_call(s, t)
    elif at == codes.AT_CALL_WINDOW or at == codes.AT_NEXT_WINDOW:
        if count_call(s, t):
            answered(s, t, send(s, t))
    elif at == codes.AT_GATEWAY:
        answered(s, t, see_answer(s, t, s.processes[t].retry_after_s))
    elif at == codes.AT_BACKOFF:
        answered(s, t, see_answer(s, t, ask_provider(s, t)))
    elif at == codes.AT_CALL:
        called(s, t)
    elif at == codes.AT_TOOLS:
        next_call(s, t)
    elif at == codes.AT_RETURN:
        read_result(s, t)
        leave_slot(s, t, codes.NONE)
    elif at == codes.AT_BARRIER:
        after_barrier(s, t)
    else:  # AT_FAILURES_SEEN; nothing resumes an attempt AT_HANG
        merge(s, t)
