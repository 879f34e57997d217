"""What the coordinator does in its own context: all tasks (solo), or what is common to a group (fork)."""

from __future__ import annotations

from dispatch_sim.engine import codes
from dispatch_sim.engine.api import latency_s
from dispatch_sim.engine.calendar import after
from dispatch_sim.engine.coordinator import compact, get_admitted, is_too_long, send_context, write_output
from dispatch_sim.engine.events import enter, write_log
from dispatch_sim.engine.records import State
from dispatch_sim.engine.variates import draw_first_attempt, take_part, tool_s
from dispatch_sim.model.arithmetic import share


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
