"""One attempt of a sub-agent at a task, until its work is over: place, locks, spawn, model calls, return.

`harness.launch` schedules `start_attempt`. A function that lets the attempt wait sets its position
(`Process.at`), and `resume_attempt` goes on from there. The functions stand in the order in which an attempt
runs through them; from `next_call` to `called`, once for each call. `slot.leave_slot` follows, then
`merge.merge` and `recovery.settle`.
"""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.accounting import add_call
from dispatch_sim.engine.api import charge_output, first_token_s, input_counted, latency_s
from dispatch_sim.engine.cache import cached_tokens, is_written, prompt_length, record, shared_pending_s
from dispatch_sim.engine.calendar import after, at_once
from dispatch_sim.engine.client import see_answer, send, send_request
from dispatch_sim.engine.communication import messages, plan_calls
from dispatch_sim.engine.conflicts import begin_write
from dispatch_sim.engine.coordinator import keep_call, read_result, take_own_context
from dispatch_sim.engine.events import enter, note
from dispatch_sim.engine.harness import count_call
from dispatch_sim.engine.merge import merge
from dispatch_sim.engine.records import State
from dispatch_sim.engine.resources import request
from dispatch_sim.engine.slot import after_barrier, leave_slot
from dispatch_sim.engine.variates import attempt_number, draw_attempt, leave_out, take_part, tool_s
from dispatch_sim.model.arithmetic import share


def start_attempt(s: State, t: int) -> None:
    """Begin an attempt: wait for a place in the harness, then for locks."""
    task = s.tasks[t]
    if not task.checkpoint.exists:
        task.origin = attempt_number(s, t)
    draw_attempt(s, t)
    group = s.groups[task.group]
    if group.common_done and group.common > 0.0:
        leave_out(s, t, group.common)
    if task.rework > 0.0:
        take_part(s, t, task.rework)
    elif s.plan.communication == codes.ROUNDS and task.variates.calls == 1:
        take_part(s, t, 0.5)  # a call of half the length in each round
    if s.plan.cap and not s.plan.refuses:
        s.processes[t].at = codes.AT_PLACE
        request(s, codes.PLACES, t)
        return
    lock(s, t)


def lock(s: State, t: int) -> None:
    """Take the next lock, or begin to work."""
    task, group = s.tasks[t], s.groups[s.tasks[t].group]
    if s.plan.isolation == codes.BY_LOCKS and task.locks_held < group.locks:
        enter(s, t, codes.LOCK, -1, 0)
        s.processes[t].at = codes.AT_LOCK
        request(s, codes.FIRST_LOCK + s.links[group.first_lock + task.locks_held], t)
        return
    begin_write(s, t)
    task.began_s = s.world.now_s
    group.working += 1
    task.at_work = True
    if s.plan.has_hard_timeout:
        at_once(s, codes.EVENT_START_TIMER, t, task.attempts)
    if s.plan.is_solo:
        spawned(s, t)
        return
    enter(s, t, codes.SPAWN, -1, 0)
    has_own_copy = s.plan.isolation == codes.WORKTREE and group.writes
    s.processes[t].at = codes.AT_SPAWN
    after(s, t, task.variates.spawn_s + (s.plan.setup_s if has_own_copy else 0.0))


def spawned(s: State, t: int) -> None:
    """Begin the conversation, or go on with it from the checkpoint."""
    task = s.tasks[t]
    prompt = task.prompt
    if not prompt.exists:
        prompt.exists = True
        prompt.inherited = task.inherited
        prompt.spawn = task.inherited + task.variates.spawn_tokens
        shared = 0 if s.groups[task.group].own_directory else s.plan.shared_prefix
        prompt.shared = min(shared, prompt.spawn)
        prompt.new = prompt.messages = prompt.sent = 0
        prompt.sent_s = -math.inf
    prompt.context = task.checkpoint.context
    # The failed call's own new input is sent again and can be read; its messages are replaced by others.
    prompt.sent = min(prompt.sent, prompt_length(s, t) - prompt.messages)
    plan_calls(s, t)
    if s.plan.warm_up == codes.STAGGER and prompt.shared:
        enter(s, t, codes.PREFIX, -1, 0)
        wait_for_prefix(s, t)
    else:
        next_call(s, t)


def wait_for_prefix(s: State, t: int) -> None:
    """Wait while another agent's writing of the shared prefix is on its way."""
    pending_s = shared_pending_s(s)
    if pending_s != 0.0:
        s.processes[t].at = codes.AT_PREFIX
        after(s, t, pending_s)
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
        s.processes[t].at = codes.AT_RETURN
        after(s, t, task.variates.return_s)
        return
    elapsed_s = s.world.now_s - task.began_s
    if plan.has_soft_timeout and task.variates.obeys and elapsed_s >= plan.soft_timeout_s:
        leave_slot(s, t, codes.FAILURE_KILLED)
        return
    prepare_call(s, t)


def prepare_call(s: State, t: int) -> None:
    """Make up the prompt of the next call, and have it sent."""
    task, plan = s.tasks[t], s.plan
    if plan.is_solo and not take_own_context(s, t):
        return
    task.prompt.messages = messages(s, t)
    own = share(task.variates.new_input, task.call, task.variates.calls)
    task.prompt.new = own + task.prompt.messages
    task.retry = 0
    if plan.calls_per_window:
        enter(s, t, codes.PACE, task.call, 0)
        s.processes[t].at = codes.AT_CALL_WINDOW
        request(s, codes.CALL_WINDOW, t)
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
    cached = cached_tokens(s, t)
    length = prompt_length(s, t)
    uncached = length - cached
    output = share(task.variates.output, call, task.variates.calls)
    add_call(s, t, cached, output, is_written(s, t, call == task.variates.calls - 1))
    task.sent_before, task.sent_before_s = prompt.sent, prompt.sent_s
    record(s, t, first_token_s(s, uncached, cached))
    enter(s, t, codes.CALL, call, input_counted(s, t, cached))
    seconds = task.variates.call_s + latency_s(s, output, uncached, cached)
    if s.plan.communication == codes.BLACKBOARD:
        seconds += s.plan.post_s
    task.pending_output = output
    s.processes[t].at = codes.AT_CALL
    after(s, t, seconds)


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
        leave_slot(s, t, codes.FAILURE_CRASH)
        return
    if call == task.variates.hang_call:
        # Nothing but the hard timeout ends it, by EVENT_TIMER (`simulation`) and `slot.interrupt`.
        enter(s, t, codes.HANG, call, 0)
        s.processes[t].at = codes.AT_HANG
        return
    if s.plan.retry_policy == codes.RESUME:
        save_checkpoint(s, t, call)
    task.call = call + 1
    if call != task.last_call and s.groups[task.group].has_tools:
        enter(s, t, codes.TOOLS, call, 0)
        s.processes[t].at = codes.AT_TOOLS
        after(s, t, tool_s(s, t, task.origin, call))
        return
    next_call(s, t)


def save_checkpoint(s: State, t: int, call: int) -> None:
    """Keep the calls that are done, their usage and context; the prompt and `origin` stay in `Task`."""
    task, checkpoint = s.tasks[t], s.tasks[t].checkpoint
    enter(s, t, codes.CALL, call, 0)  # so that its usage is up to date
    checkpoint.exists, checkpoint.done_calls, checkpoint.context = True, call + 1, task.prompt.context
    checkpoint.usage = task.usage


def returned(s: State, t: int) -> None:
    """Have the coordinator read the result."""
    read_result(s, t)
    leave_slot(s, t, codes.NONE)


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
        answered(s, t, send_request(s, t))
    elif at == codes.AT_CALL:
        called(s, t)
    elif at == codes.AT_TOOLS:
        next_call(s, t)
    elif at == codes.AT_RETURN:
        returned(s, t)
    elif at == codes.AT_BARRIER:
        after_barrier(s, t)
    else:  # AT_FAILURES_SEEN; nothing resumes an attempt AT_HANG
        merge(s, t)
