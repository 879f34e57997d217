"""One attempt of a sub-agent at a task: slot, spawn, model calls, return, merge, and what follows."""

from __future__ import annotations

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.accounting import add_call, save_usage
from dispatch_sim.engine.api import charge_input, charge_output, first_token_s, input_counted, latency_s
from dispatch_sim.engine.barrier import wait_at_barrier
from dispatch_sim.engine.cache import cached_tokens, is_written, prompt_length, record, shared_pending_s
from dispatch_sim.engine.calendar import after, at_once
from dispatch_sim.engine.client import send
from dispatch_sim.engine.communication import is_draft, messages, plan_calls, take_round
from dispatch_sim.engine.conditions import notify
from dispatch_sim.engine.conflicts import begin_write, end_write
from dispatch_sim.engine.events import enter, note
from dispatch_sim.engine.harness import requeue_refused
from dispatch_sim.engine.jit import compiled
from dispatch_sim.engine.merge import merge
from dispatch_sim.engine.own_context import keep_call, take_own_context
from dispatch_sim.engine.records import State
from dispatch_sim.engine.recovery import settle
from dispatch_sim.engine.resources import release, request
from dispatch_sim.engine.strategies import on_return
from dispatch_sim.engine.variates import attempt_number, draw_attempt, leave_out, share, take_part, tool_s


@compiled
def start(s: State, t: int) -> None:
    """Begin an attempt: wait for a place in the harness, then for locks."""
    task = s.tasks[t]
    if not task.has_checkpoint:
        task.origin = attempt_number(s, t)
    draw_attempt(s, t)
    group = s.groups[task.group]
    if group.common_done and group.common > 0.0:
        leave_out(s, t, group.common)
    if task.rework > 0.0:
        take_part(s, t, task.rework)
    else:
        take_round(s, t)
    task.locks_held, task.has_place = 0, False
    task.write = codes.NONE
    if s.plan.cap and not s.plan.refuses:
        s.processes[t].at = codes.AT_PLACE
        request(s, codes.PLACES, t)
        return
    lock(s, t)


@compiled
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


@compiled
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
    prompt.context = task.checkpoint_context
    plan_calls(s, t)
    if s.plan.warm_up == codes.STAGGER and prompt.shared:
        enter(s, t, codes.PREFIX, -1, 0)
        wait_for_prefix(s, t)
    else:
        next_call(s, t)


@compiled
def wait_for_prefix(s: State, t: int) -> None:
    """Wait while another agent's writing of the shared prefix is on its way."""
    pending_s = shared_pending_s(s)
    if pending_s != 0.0:
        s.processes[t].at = codes.AT_PREFIX
        after(s, t, pending_s)
    else:
        next_call(s, t)


@compiled
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


@compiled
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
    send_call(s, t)


@compiled
def send_call(s: State, t: int) -> None:
    """Have the client send the call, and see to what it says."""
    answered(s, t, send(s, t))


@compiled
def answered(s: State, t: int, answer: int) -> None:
    """Make a call that is admitted; end the attempt where the client has given up."""
    if answer == codes.NONE:
        make_call(s, t)
    elif answer != codes.WAITS:
        leave_slot(s, t, answer)


@compiled
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


@compiled
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
        enter(s, t, codes.HANG, call, 0)
        s.processes[t].at = codes.AT_SILENCE
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


@compiled
def save_checkpoint(s: State, t: int, call: int) -> None:
    """Keep what a resumed attempt begins with: the calls that are done, their usage, and their context."""
    task = s.tasks[t]
    enter(s, t, codes.CALL, call, 0)  # so that its usage is up to date
    save_usage(s, t)
    task.has_checkpoint, task.done_calls, task.checkpoint_context = True, call + 1, task.prompt.context


@compiled
def interrupted_call(s: State, t: int) -> None:
    """Charge a call that an interrupt has ended: nothing stops an admitted call.

    Whoever goes on from here had no answer, so the prompt was not sent.
    """
    task = s.tasks[t]
    charge_output(s, task.pending_output)
    task.prompt.sent, task.prompt.sent_s = task.sent_before, task.sent_before_s


@compiled
def returned(s: State, t: int) -> None:
    """Have the coordinator read the result."""
    tokens, usage = s.tasks[t].variates.return_tokens, s.tasks[t].usage[codes.FOR_RETURN]
    charge_input(s, tokens)
    usage.tokens = tokens
    if s.plan.has_context:
        usage.cache_write = tokens
        s.world.context.length += tokens
        s.world.context.sent += tokens
    else:
        usage.input = tokens
    leave_slot(s, t, codes.NONE)


@compiled
def leave_slot(s: State, t: int, failure: int) -> None:
    """End an agent's work, and free its slot: it has returned, failed, or its timeout has ended it.

    Its output, or in a wave its failure too, waits at a barrier, or goes to the merge.
    """
    task = s.tasks[t]
    stop_work(s, t, failure == codes.NONE)
    if failure == codes.FAILURE_HUNG or failure == codes.FAILURE_KILLED:
        note(s, codes.TIMEOUT, t, -1, 0)
    give_back(s, t)
    if failure == codes.NONE:
        on_return(s, t)
    notify(s)  # there may be more slots
    task.failure = failure
    if is_draft(s, t) and failure == codes.NONE:
        settle(s, t)
        return
    failures_wait = not s.plan.refills and s.plan.retry_policy != codes.ABORT
    if s.plan.merges_at_barrier and (failure == codes.NONE or failures_wait):
        wait_at_barrier(s, t)
        return
    merge(s, t)


@compiled
def stop_work(s: State, t: int, returned: bool) -> None:
    """Note that an agent is no longer at work."""
    s.tasks[t].at_work = False
    s.groups[s.tasks[t].group].working -= 1
    end_write(s, t, returned)


@compiled
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
