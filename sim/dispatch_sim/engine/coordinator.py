"""The coordinator's own calls: turns, compaction, the shared prefix, and its work on tasks (solo, fork)."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import after, enter, write_log
from dispatch_sim.engine.gateway import charge_input, charge_output, coordinator_input, join_line, leave_line
from dispatch_sim.engine.records import State
from dispatch_sim.engine.variates import draw_first_attempt, tool_s
from dispatch_sim.model.accounting import Purpose, Usage
from dispatch_sim.model.api import admit, call_s, first_token_s
from dispatch_sim.model.arithmetic import calls_of_part
from dispatch_sim.model.cache import context_cached, is_cold, is_too_long, record_shared, summarise
from dispatch_sim.model.variates import input_of, output_of, reduce
from dispatch_sim.scenario.quantities import whole


def get_admitted(s: State, pid: int, need: int) -> bool:
    """Get a call of the coordinator admitted; False where the process has to wait, and to ask again then."""
    process = s.processes[pid]
    if process.turn_in_line:
        process.turn_in_line = False
        retry_after_s = process.retry_after_s
    elif s.plan.has_line and not process.turn_retries:
        if join_line(s, pid, need):
            process.turn_in_line = True
            return False
        retry_after_s = process.retry_after_s
    else:
        retry_after_s = admit(s.world.limiter, coordinator_input(s, need), s.world.now_s)
    process.turn_retries = retry_after_s != 0.0
    if retry_after_s == 0.0:
        return True
    s.world.ledger.rejected_requests += 1
    write_log(s, s.world.now_s, codes.LIMITED, codes.NONE, 0, -1, 0)
    after(s, pid, retry_after_s, process.at)
    return False


def send_context(s: State) -> int:
    """Book what of the coordinator's context is read and written by a call, and return what is read."""
    context, usage = s.world.context, s.world.ledger.usage[Purpose.CONTEXT]
    cached = context_cached(s.world.cache, context, s.world.now_s)
    usage.cache_read += cached
    usage.cache_write += context.length - cached
    context.length += s.world.context_new
    s.world.context_new = 0
    context.sent, context.sent_s = context.length, s.world.now_s
    return cached


def begin_turn(s: State, pid: int) -> bool:
    """Get a turn admitted, too long a context compacted before; False where it has to wait."""
    if not s.world.context.is_kept:
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
        process.turn = codes.TURN_COMPACT if is_too_long(s.world.context) else codes.TURN_SEND
    if process.turn == codes.TURN_COMPACT:
        if not get_admitted(s, pid, codes.NEEDS_CONTEXT):
            return False
        send_context(s)
        process.call_started_s = s.world.now_s
        process.compacted = context.length
        process.turn = codes.TURN_COMPACTING
        after(s, pid, s.plan.dispatch.context.compaction.time, process.at)
        return False
    if process.turn == codes.TURN_COMPACTING:
        _end_compaction(s, pid)
        process.turn = codes.TURN_SEND
    return True


def _end_compaction(s: State, pid: int) -> None:
    process, context = s.processes[pid], s.world.context
    write_output(s, s.world.ledger.usage[Purpose.CONTEXT], s.plan.dispatch.context.compaction.tokens)
    summarise(context, process.compacted)
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


def write_output(s: State, usage: Usage, tokens: float) -> None:
    """Charge and book what the coordinator has written."""
    written = whole(tokens)
    usage.tokens += written
    usage.output += written
    charge_output(s, written)
    if s.world.context.is_kept:
        s.world.context.length += written


def read_result(s: State, t: int) -> None:
    """Charge and book a task's result, which the coordinator has read and keeps in its context."""
    tokens, usage = s.tasks[t].variates.return_tokens, s.tasks[t].usage.by_purpose[Purpose.RETURN]
    charge_input(s, tokens)
    usage.tokens = tokens
    if s.world.context.is_kept:
        usage.cache_write = tokens
        s.world.context.length += tokens
        s.world.context.sent += tokens
    else:
        usage.input = tokens


def prewarm(s: State, pid: int) -> bool:
    """Write the agents' shared prefix to the cache where it is cold; False where the process has to wait."""
    process, prefix = s.processes[pid], s.plan.shared_prefix
    if process.prefix == 0:
        if not is_cold(s.world.cache, prefix, s.world.now_s):
            return True
        process.prefix = 1
    if process.prefix == 1:
        if not get_admitted(s, pid, prefix):
            return False
        s.world.ledger.usage[Purpose.COORDINATION].tokens += prefix
        s.world.ledger.usage[Purpose.COORDINATION].cache_write += prefix
        seconds = first_token_s(s.world.latency, prefix, 0)
        record_shared(s.world.cache, seconds, s.world.now_s)
        process.call_started_s = s.world.now_s
        process.prefix = 2
        after(s, pid, seconds, process.at)
        return False
    charge_output(s, 0)
    write_log(s, process.call_started_s, codes.PREWARM, codes.NONE, 0, -1, prefix)
    process.prefix = 0
    return True


def take_own_context(s: State, t: int) -> bool:
    """Begin the prompt of a task's next call with the context; False while that is compacted first."""
    process, prompt, context = s.processes[t], s.tasks[t].prompt, s.world.context
    if process.turn == codes.TURN_BEGIN and is_too_long(s.world.context):
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
    return s.plan.forks and group.section.common > 0.0 and not group.common_done


def do_common(s: State, pid: int, t: int) -> bool:
    """Do the common part of a task's group, by the variates of its first attempt; False while that lasts."""
    process, task, group = s.processes[pid], s.tasks[t], s.groups[s.tasks[t].group]
    variates, context, usage = task.variates, s.world.context, s.world.ledger.usage[Purpose.WORK]
    if process.common == codes.COMMON_BEGIN:
        if not has_to_do_common(s, t):
            return True
        group.common_done = True
        draw_first_attempt(s, t)
        reduce(variates, group.section.common, calls_of_part(variates.calls, group.section.common))
        task.call = 0
        process.common_started_s = s.world.now_s
        process.common = codes.COMMON_SEND
    if process.common == codes.COMMON_CALL:
        write_output(s, usage, float(output_of(variates, task.call)))
        task.call += 1
        process.common = codes.COMMON_SEND
        if group.section.tool_time and task.call < variates.calls:
            after(s, pid, tool_s(s, t, 0, task.call - 1), process.at)
            return False
    if task.call == variates.calls:
        write_log(s, process.common_started_s, codes.COMMON, codes.NONE, 0, -1, 0)
        process.common = codes.COMMON_BEGIN
        return True
    if not compact(s, pid):
        return False
    new = input_of(variates, task.call)
    s.world.context_new = new
    if not get_admitted(s, pid, codes.NEEDS_CONTEXT):
        return False
    process.turn = codes.TURN_BEGIN
    cached = send_context(s)
    usage.tokens += new
    usage.cache_write += new
    output = output_of(variates, task.call)
    process.common = codes.COMMON_CALL
    anew = context.length - cached
    after(s, pid, variates.call_s + call_s(s.world.latency, output, anew, cached), process.at)
    return False
