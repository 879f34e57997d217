"""Accounting: tokens and time of a replication by purpose.

The compiled engine compiles the functions of this module as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from dispatch_sim.model.cache import Prompt
from dispatch_sim.model.events import Failure, TaskState
from dispatch_sim.model.outcome import Column


class Purpose(Column):
    """What tokens and money were spent for."""

    WORK = 0
    SPAWN = 1
    RETURN = 2
    COORDINATION = 3
    MERGE = 4
    WASTED = 5
    CONTEXT = 6
    """Reading the coordinator's context again in every turn, and compacting it."""
    REWORK = 7
    """Doing again, in part, what was made without sight of others."""


ATTEMPT_PURPOSES = 5
"""The first members of `Purpose`, for which attempts spend tokens."""


@dataclass(slots=True)
class Usage:
    """Tokens counted once, and tokens billed by class, for one purpose."""

    tokens: int = 0
    input: int = 0
    cache_write: int = 0
    cache_read: int = 0
    output: int = 0


@dataclass(slots=True)
class AttemptUsage:
    """The usage of one attempt so far; its end shows whether it was work or waste.

    Attributes
    ----------
    by_purpose : if it is not wasted. Spawn tokens are those at the beginning of its prompt: of solo, the
        coordinator's context. Messages of other agents are coordination.
    time_s : service, backoff and hanging.
    """

    by_purpose: Annotated[list[Usage], ATTEMPT_PURPOSES] = field(
        default_factory=lambda: [Usage() for _ in range(ATTEMPT_PURPOSES)]
    )
    time_s: float = 0.0

    def copy(self) -> AttemptUsage:
        """Return the same usage."""
        copied = AttemptUsage()
        add_attempt(copied, self, 1)
        return copied


@dataclass(slots=True)
class Ledger:
    """The totals of a replication while it is simulated; lists are by purpose, state and failure.

    Attributes
    ----------
    begun_with : what the beginning of prompts is booked as: of solo, it is the coordinator's context.
    """

    begun_with: int = Purpose.SPAWN
    usage: Annotated[list[Usage], len(Purpose)] = field(default_factory=lambda: [Usage() for _ in Purpose])
    time_s: Annotated[list[float], len(TaskState)] = field(default_factory=lambda: [0.0] * len(TaskState))
    failures: Annotated[list[int], len(Failure)] = field(default_factory=lambda: [0] * len(Failure))
    killed: Usage = field(default_factory=Usage)
    flow_s: float = 0.0
    wasted_s: float = 0.0
    people_merge_s: float = 0.0
    people_recovery_s: float = 0.0
    people_conflicts_s: float = 0.0
    people_review_s: float = 0.0
    rejected_requests: int = 0
    manual_completions: int = 0
    refused_launches: int = 0
    merge_conflicts: int = 0
    reworked_tasks: int = 0
    reviews: int = 0
    compactions: int = 0


def add(usage: Usage, other: Usage, times: int) -> None:
    """Add another's counts to these, so many times; -1 takes them away."""
    usage.tokens += times * other.tokens
    usage.input += times * other.input
    usage.cache_write += times * other.cache_write
    usage.cache_read += times * other.cache_read
    usage.output += times * other.output


def add_attempt(usage: AttemptUsage, other: AttemptUsage, times: int) -> None:
    """Add another attempt's usage to this one's, so many times."""
    for purpose in range(ATTEMPT_PURPOSES):
        add(usage.by_purpose[purpose], other.by_purpose[purpose], times)
    usage.time_s += times * other.time_s


def add_call(usage: AttemptUsage, prompt: Prompt, cached: int, output: int, is_written: bool) -> None:
    """Count a call that was admitted: its own tokens once, and all that was sent by class.

    What is read from the cache is the beginning of the prompt: spawn tokens first.
    """
    work, spawn = usage.by_purpose[Purpose.WORK], usage.by_purpose[Purpose.SPAWN]
    messages = usage.by_purpose[Purpose.COORDINATION]
    if prompt.sent == 0:
        spawn.tokens = prompt.spawn - prompt.inherited
    work.tokens += prompt.new - prompt.messages + output
    work.output += output
    messages.tokens += prompt.messages
    spawn_read = min(cached, prompt.spawn)
    work_read = cached - spawn_read
    spawn.cache_read += spawn_read
    work.cache_read += work_read
    spawn_sent = prompt.spawn - spawn_read
    work_sent = prompt.context + prompt.new - work_read - prompt.messages
    if is_written:
        spawn.cache_write += spawn_sent
        work.cache_write += work_sent
        messages.cache_write += prompt.messages
    else:
        spawn.input += spawn_sent
        work.input += work_sent
        messages.input += prompt.messages


def book_output(ledger: Ledger, usage: AttemptUsage, is_rework: bool) -> None:
    """Book an attempt's usage by its purposes: its output is needed."""
    for purpose in range(ATTEMPT_PURPOSES):
        needed = ledger.begun_with if purpose == Purpose.SPAWN else purpose
        add(ledger.usage[Purpose.REWORK if is_rework else needed], usage.by_purpose[purpose], 1)


def book_waste(ledger: Ledger, usage: AttemptUsage, failure: int) -> None:
    """Book what an attempt has used as wasted."""
    ledger.wasted_s += usage.time_s
    for purpose in range(ATTEMPT_PURPOSES):
        add(ledger.usage[Purpose.WASTED], usage.by_purpose[purpose], 1)
        if failure == Failure.KILLED:
            add(ledger.killed, usage.by_purpose[purpose], 1)
