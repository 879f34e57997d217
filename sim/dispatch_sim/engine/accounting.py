"""Accounting: what attempts use, booked as what it was for or as wasted."""

from __future__ import annotations

from dispatch_sim.engine import codes
from dispatch_sim.engine.jit import compiled
from dispatch_sim.engine.records import State
from dispatch_sim.engine.task_records import ATTEMPT_PURPOSES, MAX_OUTPUTS, Usage


@compiled
def clear(usage: Usage) -> None:
    """Set counts to zero."""
    usage.tokens, usage.input, usage.cache_write, usage.cache_read, usage.output = 0, 0, 0, 0, 0


@compiled
def copy(usage: Usage, of: Usage) -> None:
    """Set counts to others."""
    clear(usage)
    add(usage, of)


@compiled
def add(usage: Usage, other: Usage) -> None:
    """Add counts."""
    usage.tokens += other.tokens
    usage.input += other.input
    usage.cache_write += other.cache_write
    usage.cache_read += other.cache_read
    usage.output += other.output


@compiled
def subtract(usage: Usage, other: Usage) -> None:
    """Subtract counts."""
    usage.tokens -= other.tokens
    usage.input -= other.input
    usage.cache_write -= other.cache_write
    usage.cache_read -= other.cache_read
    usage.output -= other.output


@compiled
def restore_usage(s: State, t: int) -> None:
    """Begin an attempt's usage at its task's checkpoint, or at zero."""
    task = s.tasks[t]
    for purpose in range(ATTEMPT_PURPOSES):
        clear(task.usage[purpose])
        if task.has_checkpoint:
            add(task.usage[purpose], task.checkpoint_usage[purpose])
    task.usage_s = task.checkpoint_s if task.has_checkpoint else 0.0


@compiled
def save_usage(s: State, t: int) -> None:
    """Save an attempt's usage in its task's checkpoint."""
    task = s.tasks[t]
    for purpose in range(ATTEMPT_PURPOSES):
        copy(task.checkpoint_usage[purpose], task.usage[purpose])
    task.checkpoint_s = task.usage_s


@compiled
def keep_output(s: State, t: int) -> None:
    """Keep the usage of an attempt whose output its task still needs; it is booked when the task is done."""
    task = s.tasks[t]
    for purpose in range(ATTEMPT_PURPOSES):
        if task.rework > 0.0:
            add(task.needed_rework[purpose], task.usage[purpose])
        else:
            add(task.needed[purpose], task.usage[purpose])
    if task.outputs < MAX_OUTPUTS:
        task.needed_s[task.outputs] = task.usage_s
    else:
        s.world.overflow = True
    task.outputs += 1


@compiled
def _clear_outputs(s: State, t: int) -> None:
    for purpose in range(ATTEMPT_PURPOSES):
        clear(s.tasks[t].needed[purpose])
        clear(s.tasks[t].needed_rework[purpose])
    s.tasks[t].outputs = 0


@compiled
def book_outputs(s: State, t: int) -> None:
    """Book what attempts at a task have used as what it was for: their outputs are needed."""
    ledger = s.world.ledger
    for purpose in range(ATTEMPT_PURPOSES):
        add(ledger.usage[purpose], s.tasks[t].needed[purpose])
        add(ledger.usage[codes.FOR_REWORK], s.tasks[t].needed_rework[purpose])
    _clear_outputs(s, t)


@compiled
def waste_outputs(s: State, t: int) -> None:
    """Book the outputs that a task has kept as wasted."""
    task, ledger = s.tasks[t], s.world.ledger
    for purpose in range(ATTEMPT_PURPOSES):
        add(ledger.usage[codes.FOR_WASTE], task.needed[purpose])
        add(ledger.usage[codes.FOR_WASTE], task.needed_rework[purpose])
    for i in range(task.outputs):
        ledger.wasted_s += task.needed_s[i]
    _clear_outputs(s, t)


@compiled
def waste_checkpoint(s: State, t: int) -> None:
    """Book what a task's checkpoint rests on as wasted."""
    task, ledger = s.tasks[t], s.world.ledger
    for purpose in range(ATTEMPT_PURPOSES):
        add(ledger.usage[codes.FOR_WASTE], task.checkpoint_usage[purpose])
    ledger.wasted_s += task.checkpoint_s


@compiled
def waste_attempt(s: State, t: int, failure: int, continues: bool) -> None:
    """Book what a failed attempt has used as wasted, but for its checkpoint where another continues from it."""
    task, ledger = s.tasks[t], s.world.ledger
    lost_s = task.usage_s
    if continues:
        lost_s = lost_s - task.checkpoint_s
    ledger.wasted_s += lost_s
    for purpose in range(ATTEMPT_PURPOSES):
        if continues:
            subtract(task.usage[purpose], task.checkpoint_usage[purpose])
        add(ledger.usage[codes.FOR_WASTE], task.usage[purpose])
        if failure == codes.FAILURE_KILLED:
            add(ledger.killed, task.usage[purpose])


@compiled
def add_call(s: State, t: int, cached: int, output: int, is_written: bool) -> None:
    """Count a call that was admitted: its own tokens once, and all that was sent by class.

    What is read from the cache is the beginning of the prompt: spawn tokens first. Output counts although it is
    yet to come, as nothing stops an admitted call.
    """
    task = s.tasks[t]
    prompt = task.prompt
    work, spawn, coordination = (
        task.usage[codes.FOR_WORK],
        task.usage[codes.FOR_SPAWN],
        task.usage[codes.FOR_COORDINATION],
    )
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
