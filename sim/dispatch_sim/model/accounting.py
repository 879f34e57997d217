"""Accounting: tokens, money and time of a replication by purpose, closed as one row."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dispatch_sim.model.arithmetic import HOUR_S, MILLION
from dispatch_sim.model.events import State
from dispatch_sim.model.failures import Failure
from dispatch_sim.model.outcome import MEASURES, Outcome
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.provider import Prices
from dispatch_sim.scenario.strategy import Strategy

if TYPE_CHECKING:
    from dispatch_sim.model.cache import Prompt


class Purpose(StrEnum):
    """What tokens and money were spent for."""

    WORK = "work"
    SPAWN = "spawn"
    RETURN = "return"
    COORDINATION = "coordination"
    MERGE = "merge"
    WASTED = "wasted"
    CONTEXT = "context"
    """Reading the coordinator's context again in every turn, and compacting it."""
    REWORK = "rework"
    """Doing again, in part, what was made without sight of others."""


@dataclass(slots=True)
class Usage:
    """Tokens counted once, and tokens billed by class, for one purpose."""

    tokens: int = 0
    input: int = 0
    cache_write: int = 0
    cache_read: int = 0
    output: int = 0

    def add(self, other: Usage) -> None:
        """Add another's counts to these."""
        self.tokens += other.tokens
        self.input += other.input
        self.cache_write += other.cache_write
        self.cache_read += other.cache_read
        self.output += other.output

    def __sub__(self, other: Usage) -> Usage:
        """Return these counts without another's."""
        return Usage(
            self.tokens - other.tokens,
            self.input - other.input,
            self.cache_write - other.cache_write,
            self.cache_read - other.cache_read,
            self.output - other.output,
        )

    def usd(self, prices: Prices) -> float:
        """Return what the billed tokens cost, in dollars."""
        return (
            self.input * prices.input
            + self.cache_write * prices.cache_write
            + self.cache_read * prices.cache_read
            + self.output * prices.output
        ) / MILLION


@dataclass(slots=True)
class AttemptUsage:
    """The usage of one attempt so far; its end shows whether it was work or waste.

    Attributes
    ----------
    spawn : what is spent for the beginning of its prompt: of solo, the coordinator's context.
    messages : usage for other agents' messages.
    time_s : service, backoff and silence.
    """

    work: Usage = field(default_factory=Usage)
    spawn: Usage = field(default_factory=Usage)
    return_: Usage = field(default_factory=Usage)
    merge: Usage = field(default_factory=Usage)
    messages: Usage = field(default_factory=Usage)
    time_s: float = 0.0

    def add_call(self, prompt: Prompt, cached: int, output: int, *, written: bool) -> None:
        """Count a call that was admitted: its own tokens once, and all that was sent by class.

        What is read from the cache is the beginning of the prompt: spawn tokens first. Output counts although
        it is yet to come, as nothing stops an admitted call.
        """
        work, spawn, messages = self.work, self.spawn, self.messages
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

    def by_purpose(self) -> tuple[tuple[Purpose, Usage], ...]:
        """Return the usage by purpose, if the attempt is not wasted."""
        return (
            (Purpose.WORK, self.work),
            (Purpose.SPAWN, self.spawn),
            (Purpose.RETURN, self.return_),
            (Purpose.MERGE, self.merge),
            (Purpose.COORDINATION, self.messages),
        )

    def copy(self) -> AttemptUsage:
        """Return the same counts."""
        return self - AttemptUsage()

    def __sub__(self, other: AttemptUsage) -> AttemptUsage:
        """Return these counts without another's."""
        return AttemptUsage(
            self.work - other.work,
            self.spawn - other.spawn,
            self.return_ - other.return_,
            self.merge - other.merge,
            self.messages - other.messages,
            self.time_s - other.time_s,
        )


@dataclass(slots=True)
class Ledger:
    """The totals of a replication while it is simulated."""

    usage: dict[Purpose, Usage] = field(default_factory=lambda: {purpose: Usage() for purpose in Purpose})
    time_s: dict[State, float] = field(default_factory=lambda: dict.fromkeys(State, 0.0))
    failures: dict[Failure, int] = field(default_factory=lambda: dict.fromkeys(Failure, 0))
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
        for purpose, used in usage.by_purpose():
            self.usage[Purpose.REWORK if rework else purpose].add(used)

    def book_waste(self, usage: AttemptUsage, failure: Failure) -> None:
        """Book what an attempt has used as wasted."""
        self.wasted_s += usage.time_s
        for _, used in usage.by_purpose():
            self.usage[Purpose.WASTED].add(used)
            if failure is Failure.KILLED:
                self.killed.add(used)

    def close(
        self, makespan_s: float, quota: tuple[int, int, int], scenario: Scenario, strategy: Strategy
    ) -> Outcome:
        """Return the ledger as one row."""
        prices, values = scenario.provider.prices, scenario.values
        if strategy.kind == "solo":
            begun_with = self.usage[Purpose.SPAWN]
            self.usage[Purpose.CONTEXT].add(begun_with)
            self.usage[Purpose.SPAWN] = begun_with - begun_with
        money = {purpose: usage.usd(prices) for purpose, usage in self.usage.items()}
        money_usd = 0.0  # added in turn: `sum` rounds differently from one version of Python to the next
        for part in money.values():
            money_usd += part
        people_s = (
            self.people_merge_s + self.people_recovery_s + self.people_conflicts_s + self.people_review_s
        )
        waiting_usd = makespan_s / HOUR_S * values.waiting
        people_usd = people_s / HOUR_S * values.people
        counts: dict[str, Any] = {name: getattr(self, name) for name in _COUNTED}
        attempts: dict[str, Any] = {f"{failure}_attempts": count for failure, count in self.failures.items()}
        attempts["crashed_attempts"] = attempts.pop("crash_attempts")
        attempts["bad_outputs"] = attempts.pop("bad_output_attempts")
        dollars: dict[str, Any] = {f"money_{purpose}_usd": usd for purpose, usd in money.items()}
        times: dict[str, Any] = {f"{state}_s": seconds for state, seconds in self.time_s.items()}
        return Outcome(
            makespan_s=makespan_s,
            tokens=sum(usage.tokens for usage in self.usage.values()),
            money_usd=money_usd,
            people_s=people_s,
            cost_usd=money_usd + waiting_usd + people_usd,
            cost_waiting_usd=waiting_usd,
            cost_people_usd=people_usd,
            money_killed_usd=self.killed.usd(prices),
            failed_attempts=sum(self.failures.values()),
            quota_requests=quota[0],
            quota_input_tokens=quota[1],
            quota_output_tokens=quota[2],
            input_tokens=sum(
                usage.input + usage.cache_write + usage.cache_read for usage in self.usage.values()
            ),
            **{f"tokens_{purpose}": usage.tokens for purpose, usage in self.usage.items()},
            **dollars,
            **times,
            **attempts,
            **counts,
        )


_COUNTED = [name for name in Ledger.__slots__ if name in MEASURES]
"""Fields of the ledger that are columns of the results."""
