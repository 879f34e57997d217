"""Accounting: tokens and time of a replication by purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dispatch_sim.model.events import Failure, TaskState
from dispatch_sim.model.outcome import Column

if TYPE_CHECKING:
    from dispatch_sim.model.cache import Prompt


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

    def add(self, other: Usage, times: int = 1) -> None:
        """Add another's counts to these, or (-1 times) take them away."""
        self.tokens += times * other.tokens
        self.input += times * other.input
        self.cache_write += times * other.cache_write
        self.cache_read += times * other.cache_read
        self.output += times * other.output


@dataclass(slots=True)
class AttemptUsage:
    """The usage of one attempt so far; its end shows whether it was work or waste.

    Attributes
    ----------
    by_purpose : if it is not wasted. Spawn tokens are those at the beginning of its prompt: of solo, the
        coordinator's context. Messages of other agents are coordination.
    time_s : service, backoff and hanging.
    """

    by_purpose: list[Usage] = field(default_factory=lambda: [Usage() for _ in range(ATTEMPT_PURPOSES)])
    time_s: float = 0.0

    def add_call(self, prompt: Prompt, cached: int, output: int, *, written: bool) -> None:
        """Count a call that was admitted: its own tokens once, and all that was sent by class.

        What is read from the cache is the beginning of the prompt: spawn tokens first.
        """
        work, spawn = self.by_purpose[Purpose.WORK], self.by_purpose[Purpose.SPAWN]
        messages = self.by_purpose[Purpose.COORDINATION]
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
        if written:
            spawn.cache_write += spawn_sent
            work.cache_write += work_sent
            messages.cache_write += prompt.messages
        else:
            spawn.input += spawn_sent
            work.input += work_sent
            messages.input += prompt.messages

    def add(self, other: AttemptUsage, times: int = 1) -> None:
        """Add another's usage to this, or (-1 times) take it away."""
        for used, more in zip(self.by_purpose, other.by_purpose, strict=True):
            used.add(more, times)
        self.time_s += times * other.time_s

    def copy(self) -> AttemptUsage:
        """Return the same usage."""
        copied = AttemptUsage()
        copied.add(self)
        return copied


@dataclass(slots=True)
class Ledger:
    """The totals of a replication while it is simulated; lists are by purpose, state and failure.

    Attributes
    ----------
    begun_with : what the beginning of prompts is booked as: of solo, it is the coordinator's context.
    """

    begun_with: Purpose = Purpose.SPAWN
    usage: list[Usage] = field(default_factory=lambda: [Usage() for _ in Purpose])
    time_s: list[float] = field(default_factory=lambda: [0.0] * len(TaskState))
    failures: list[int] = field(default_factory=lambda: [0] * len(Failure))
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

    def book_output(self, usage: AttemptUsage, *, rework: bool) -> None:
        """Book an attempt's usage by its purposes: its output is needed."""
        for purpose, used in enumerate(usage.by_purpose):
            needed = self.begun_with if purpose == Purpose.SPAWN else purpose
            self.usage[Purpose.REWORK if rework else needed].add(used)

    def book_waste(self, usage: AttemptUsage, failure: Failure) -> None:
        """Book what an attempt has used as wasted."""
        self.wasted_s += usage.time_s
        for used in usage.by_purpose:
            self.usage[Purpose.WASTED].add(used)
            if failure is Failure.KILLED:
                self.killed.add(used)
