"""The coordinator's own calls: turns, compaction, the shared prefix, and its work on tasks (solo, fork)."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.api import (
    admit,
    charge_input,
    charge_output,
    coordinator_input,
    first_token_s,
    join_line,
    latency_s,
    leave_line,
)
from dispatch_sim.engine.cache import context_cached, is_cold, record_shared
from dispatch_sim.engine.calendar import after
from dispatch_sim.engine.events import enter, write_log
from dispatch_sim.engine.records import State
from dispatch_sim.engine.variates import draw_first_attempt, take_part, tool_s
from dispatch_sim.model.arithmetic import share
from dispatch_sim.scenario.quantities import whole


def get_admitted(s: State, pid: int, need: int) -> bool:
    """Get a call of the coordinator admitted; False where the process has to wait, and to ask again then."""
    process = s.processes[pid]
    if process.turn_in_line:
        process.turn_in_line = False
        retry_after_s = process.retry_after_s
    elif (s.plan.queues or s.plan.is_paced) and not process.turn_retries:
        if join_line(s, pid, need):
            process.turn_in_line = True
            return False
        retry_after_s = process.retry_after_s
    else:
        retry_after_s = admit(s, s.world.limiter, coordinator_input(s, need), False)
    process.turn_retries = retry_after_s != 0.0
    if retry_after_s == 0.0:
        return True
    s.world.ledger.rejected_requests += 1
    write_log(s, s.world.now_s, codes.LIMITED, codes.NONE, 0, -1, 0)
    after(s, pid, retry_after_s)
    return False


def send_context(s: State) -> int:
    """Book what of the coordinator's context is read and written by a call, and return what is read."""
    context, usage = s.world.context, s.world.ledger.usage[codes.FOR_CONTEXT]
    cached = context_cached(s)
    usage.cache_read += cached
    usage.cache_write += context.length - cached
    context.length += context.new
    context.new = 0
    context.sent, context.sent_s = context.length, s.world.now_s
    return cached


def begin_turn(s: State, pid: int) -> bool:
    """Get a turn admitted, too long a context compacted before; False where it has to wait."""
    if not s.plan.has_context:
        return get_admitted(s, pid, 0)
    if not compact(s, pid) or not get_admitted(s, pid, codes.NEEDS_CONTEXT):
        return False
    send_context(s)
    s.processes[pid].turn = codes.TURN_BEGIN
    return True


def compact(s: State, pid: int) -> bool:
    """Compact the context where it is too long before a turn; False where the process has to wait."""
    process, context = s.processes[pid], s.world.context
    if process.turn == codes.TURN_BEGIN:
        process.turn = codes.TURN_COMPACT if is_too_long(s) else codes.TURN_SEND
    if process.turn == codes.TURN_COMPACT:
        if not get_admitted(s, pid, codes.NEEDS_CONTEXT):
            return False
        send_context(s)
        process.call_started_s = s.world.now_s
        process.compacted = context.length
        process.turn = codes.TURN_COMPACTING
        after(s, pid, s.plan.compaction_s)
        return False
    if process.turn == codes.TURN_COMPACTING:
        _end_compaction(s, pid)
        process.turn = codes.TURN_SEND
    return True


def is_too_long(s: State) -> bool:
    """Whether the context has to be compacted before the next turn."""
    return s.world.context.length > s.plan.context_window


def _end_compaction(s: State, pid: int) -> None:
    process, context = s.processes[pid], s.world.context
    write_output(s, codes.FOR_CONTEXT, codes.NONE, s.plan.compaction_tokens)
    context.length += s.plan.context_start - process.compacted
    context.sent = s.plan.context_start
    s.world.ledger.compactions += 1
    write_log(s, process.call_started_s, codes.COMPACTION, codes.NONE, 0, -1, 0)


def interrupted_compaction(s: State, t: int) -> None:
    """Stop waiting for a compaction; one that is admitted is made all the same, as nothing stops it."""
    process = s.processes[t]
    if process.in_line:
        leave_line(s, t)
    if process.turn == codes.TURN_COMPACTING:
        _end_compaction(s, t)
    process.turn, process.turn_in_line, process.turn_retries = codes.TURN_BEGIN, False, False


def write_output(s: State, purpose: int, t: int, tokens: float) -> None:
    """Charge and book what the coordinator has written: for a task's attempt, or (`NONE`) in the ledger."""
    written = whole(tokens)
    if t == codes.NONE:
        s.world.ledger.usage[purpose].tokens += written
        s.world.ledger.usage[purpose].output += written
    else:
        s.tasks[t].usage.by_purpose[purpose].tokens += written
        s.tasks[t].usage.by_purpose[purpose].output += written
    charge_output(s, written)
    if s.plan.has_context:
        s.world.context.length += written


def read_result(s: State, t: int) -> None:
    """Charge and book a task's result, which the coordinator has read and keeps in its context."""
    tokens, usage = s.tasks[t].variates.return_tokens, s.tasks[t].usage.by_purpose[codes.FOR_RETURN]
    charge_input(s, tokens)
    usage.tokens = tokens
    if s.plan.has_context:
        usage.cache_write = tokens
        s.world.context.length += tokens
        s.world.context.sent += tokens
    else:
        usage.input = tokens


def prewarm(s: State, pid: int) -> bool:
    """Write the agents' shared prefix to the cache where it is cold; False where the process has to wait."""
    process, prefix = s.processes[pid], s.plan.shared_prefix
    if process.prefix == 0:
        if not is_cold(s):
            return True
        process.prefix = 1
    if process.prefix == 1:
        if not get_admitted(s, pid, prefix):
            return False
        s.world.ledger.usage[codes.FOR_COORDINATION].tokens += prefix
        s.world.ledger.usage[codes.FOR_COORDINATION].cache_write += prefix
        seconds = first_token_s(s, prefix, 0)
        record_shared(s, seconds)
        process.call_started_s = s.world.now_s
        process.prefix = 2
        after(s, pid, seconds)
        return False
    charge_output(s, 0)
    write_log(s, process.call_started_s, codes.PREWARM, codes.NONE, 0, -1, prefix)
    process.prefix = 0
    return True


def take_own_context(s: State, t: int) -> bool:
    """Begin the prompt of a task's next call with the context; False while that is compacted first."""
    process, prompt, context = s.processes[t], s.tasks[t].prompt, s.world.context
    if process.turn == codes.TURN_BEGIN and is_too_long(s):
        enter(s, t, codes.COORDINATOR_BUSY, -1, 0)
        process.at = codes.AT_COMPACTION
    if not compact(s, t):
        return False
    process.turn = codes.TURN_BEGIN
    prompt.spawn = prompt.inherited = context.length
    prompt.shared = prompt.context = 0
    prompt.sent, prompt.sent_s = context.sent, context.sent_s
    return True


def keep_call(s: State, t: int) -> None:
    """Keep a task's call that was answered in the context."""
    prompt, context = s.tasks[t].prompt, s.world.context
    context.length = prompt.spawn + prompt.context
    context.sent, context.sent_s = prompt.sent, prompt.sent_s


def has_to_do_common(s: State, t: int) -> bool:
    """Whether the coordinator has to do the common part of a task's group before it launches an agent."""
    group = s.groups[s.tasks[t].group]
    return s.plan.forks and group.common > 0.0 and not group.common_done


def do_common(s: State, pid: int, t: int) -> bool:
    """Do the common part of a task's group, by the variates of its first attempt; False while that lasts."""
    process, task, group = s.processes[pid], s.tasks[t], s.groups[s.tasks[t].group]
    variates, context = task.variates, s.world.context
    if process.common == codes.COMMON_BEGIN:
        if not has_to_do_common(s, t):
            return True
        group.common_done = True
        draw_first_attempt(s, t)
        take_part(s, t, group.common)
        task.call = 0
        process.common_started_s = s.world.now_s
        process.common = codes.COMMON_SEND
    if process.common == codes.COMMON_CALL:
        write_output(s, codes.FOR_WORK, codes.NONE, float(share(variates.output, task.call, variates.calls)))
        task.call += 1
        process.common = codes.COMMON_SEND
        if group.has_tools and task.call < variates.calls:
            after(s, pid, tool_s(s, t, 0, task.call - 1))
            return False
    if task.call == variates.calls:
        write_log(s, process.common_started_s, codes.COMMON, codes.NONE, 0, -1, 0)
        process.common = codes.COMMON_BEGIN
        return True
    if not compact(s, pid):
        return False
    new = share(variates.new_input, task.call, variates.calls)
    context.new = new
    if not get_admitted(s, pid, codes.NEEDS_CONTEXT):
        return False
    process.turn = codes.TURN_BEGIN
    cached = send_context(s)
    usage = s.world.ledger.usage[codes.FOR_WORK]
    usage.tokens += new
    usage.cache_write += new
    output = share(variates.output, task.call, variates.calls)
    process.common = codes.COMMON_CALL
    after(s, pid, variates.call_s + latency_s(s, output, context.length - cached, cached))
    return False
