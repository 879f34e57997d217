"""Accounting: what attempts use, booked as what it was for or as wasted."""

from typing import Any

from dispatch_sim.engine import codes
from dispatch_sim.engine.records import State
from dispatch_sim.engine.task_records import MAX_OUTPUTS, AttemptUsage, Usage
from dispatch_sim.model import closing
from dispatch_sim.model.accounting import ATTEMPT_PURPOSES

close: Any = closing.close
"""Untyped, as it is called with the records of this engine."""


def _add(usage: Usage, other: Usage, times: int) -> None:
    """Add counts, so many times."""
    usage.tokens += times * other.tokens
    usage.input += times * other.input
    usage.cache_write += times * other.cache_write
    usage.cache_read += times * other.cache_read
    usage.output += times * other.output


def keep_output(s: State, t: int) -> None:
    """Keep the usage of an attempt whose output its task still needs; it is booked when the task is done."""
    task = s.tasks[t]
    if task.outputs >= MAX_OUTPUTS:
        s.world.overflow = True
        return
    output = s.outputs[t * MAX_OUTPUTS + task.outputs]
    output.usage = task.usage
    output.is_rework = task.rework > 0.0
    task.outputs += 1


def book_outputs(s: State, t: int) -> None:
    """Book what attempts at a task have used as what it was for: their outputs are needed."""
    task, ledger = s.tasks[t], s.world.ledger
    for i in range(task.outputs):
        output = s.outputs[t * MAX_OUTPUTS + i]
        for purpose in range(ATTEMPT_PURPOSES):
            needed = purpose
            if output.is_rework:
                needed = codes.FOR_REWORK
            elif purpose == codes.FOR_SPAWN and s.plan.is_solo:  # it begins with the coordinator's context
                needed = codes.FOR_CONTEXT
            _add(ledger.usage[needed], output.usage.by_purpose[purpose], 1)
    task.outputs = 0


def waste(s: State, usage: AttemptUsage) -> None:
    """Book what an attempt has used as wasted."""
    ledger = s.world.ledger
    ledger.wasted_s += usage.time_s
    for purpose in range(ATTEMPT_PURPOSES):
        _add(ledger.usage[codes.FOR_WASTE], usage.by_purpose[purpose], 1)


def waste_outputs(s: State, t: int) -> None:
    """Book the outputs that a task has kept as wasted."""
    for i in range(s.tasks[t].outputs):
        waste(s, s.outputs[t * MAX_OUTPUTS + i].usage)
    s.tasks[t].outputs = 0


def waste_attempt(s: State, t: int, failure: int, continues: bool) -> None:
    """Book what a failed attempt has used as wasted, less its checkpoint if another continues from it."""
    usage, saved = s.tasks[t].usage, s.tasks[t].checkpoint.usage
    if continues:
        usage.time_s -= saved.time_s
        for purpose in range(ATTEMPT_PURPOSES):
            _add(usage.by_purpose[purpose], saved.by_purpose[purpose], -1)
    waste(s, usage)
    if failure == codes.FAILURE_KILLED:
        for purpose in range(ATTEMPT_PURPOSES):
            _add(s.world.ledger.killed, usage.by_purpose[purpose], 1)


def add_call(s: State, t: int, cached: int, output: int, is_written: bool) -> None:
    """Count a call that was admitted: its own tokens once, and all that was sent by class.

    What is read from the cache is the beginning of the prompt: spawn tokens first.
    """
    prompt, usage = s.tasks[t].prompt, s.tasks[t].usage.by_purpose
    work, spawn, coordination = usage[codes.FOR_WORK], usage[codes.FOR_SPAWN], usage[codes.FOR_COORDINATION]
    if prompt.sent == 0:
        spawn.tokens = prompt.spawn - prompt.inherited
    work.tokens += prompt.new - prompt.messages + output
    work.output += output
    coordination.tokens += prompt.messages
    spawn_read = min(cached, prompt.spawn)
    work_read = cached - spawn_read
    spawn.cache_read += spawn_read
    work.cache_read += work_read
    spawn_sent = prompt.spawn - spawn_read
    work_sent = prompt.context + prompt.new - work_read - prompt.messages
    if is_written:
        spawn.cache_write += spawn_sent
        work.cache_write += work_sent
        coordination.cache_write += prompt.messages
    else:
        spawn.input += spawn_sent
        work.input += work_sent
        coordination.input += prompt.messages
