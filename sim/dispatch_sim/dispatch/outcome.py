"""What a replication comes to: four ledgers, each split by cause, as one row."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, get_type_hints

from dispatch_sim.dispatch.rules import HOUR_S, MILLION
from dispatch_sim.scenario.model import Values
from dispatch_sim.scenario.provider import Prices


class Cause(StrEnum):
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


class State(StrEnum):
    """What a task is doing; the times in these states add up to its flow time."""

    WAIT = "wait"
    """For its arrival's turn: no slot, or the coordinator has not briefed its agent."""
    SERVICE = "service"
    """Spawning, in a model call, returning."""
    BACKOFF = "backoff"
    """Between a refused try and the next."""
    BLOCKED = "blocked"
    """Ready, but the gateway, the barrier, the coordinator or the person is not."""
    MERGE = "merge"
    RECOVERY = "recovery"
    """A person works on it."""
    HUNG = "hung"
    """Its agent is silent."""
    REVIEW = "review"
    """A person looks at it."""


class Failure(StrEnum):
    """Why an attempt failed."""

    CRASH = "crash"
    REFUSED = "refused"
    """The client's retries were spent."""
    TOO_LARGE = "too_large"
    """A call needed more than a bucket can ever hold."""
    BAD_OUTPUT = "bad_output"
    HUNG = "hung"
    """It went silent, and a timeout ended it."""
    KILLED = "killed"
    """A timeout ended honest work."""
    OVERWRITTEN = "overwritten"
    """Another agent's write has taken its place."""
    CANCELLED = "cancelled"
    """Another attempt of its round failed, and ended it."""
    WRONG_BRIEF = "wrong_brief"
    """The instructions were wrong."""


NOT_ITS_OWN = frozenset({Failure.CANCELLED, Failure.WRONG_BRIEF})
"""Failures that do not count towards a task's attempts: nothing was wrong with the task or its agent."""

RESUMABLE = frozenset({Failure.CRASH, Failure.REFUSED, Failure.HUNG, Failure.KILLED})
"""Failures that leave a context to go on from."""


@dataclass(slots=True)
class Usage:
    """Tokens counted once, and tokens billed by class, for one cause."""

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

    def less(self, other: Usage) -> Usage:
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


class Outcome(NamedTuple):
    """One row of results: times in seconds, tokens counted once, money in US dollars.

    `tokens`, `money_usd`, `people_s`, `cost_usd` and `flow_s` are the sums of their parts. Tokens and
    money of a failed attempt, its spawn, return and merge included, are `wasted`.
    """

    makespan_s: float
    tokens: int
    tokens_work: int
    tokens_spawn: int
    tokens_return: int
    tokens_coordination: int
    tokens_merge: int
    tokens_wasted: int
    money_usd: float
    people_s: float
    cost_usd: float
    rejected_tries: int
    backoff_s: float
    """Agents' time between tries, summed over tasks."""
    failed_attempts: int
    recovered_tasks: int
    cost_waiting_usd: float
    """The makespan at the value of waiting."""
    cost_people_usd: float
    money_work_usd: float
    money_spawn_usd: float
    money_return_usd: float
    money_coordination_usd: float
    money_merge_usd: float
    money_wasted_usd: float
    people_merge_s: float
    people_recovery_s: float
    flow_s: float
    """From arrival to done, summed over tasks; likewise the next five, and `backoff_s`."""
    wait_s: float
    service_s: float
    blocked_s: float
    merge_s: float
    recovery_s: float
    wasted_s: float
    """The part of service and backoff that went into failed attempts."""
    quota_requests: int
    """What the limiter counted; likewise the next two."""
    quota_input_tokens: int
    quota_output_tokens: int
    crashed_attempts: int
    refused_attempts: int
    too_large_attempts: int
    bad_outputs: int
    tokens_context: int
    """Summaries of the coordinator's context."""
    tokens_rework: int
    money_context_usd: float
    money_rework_usd: float
    money_killed_usd: float
    """The part of the wasted money that went into honest work which a timeout ended."""
    people_conflicts_s: float
    """Cleaning up after lost work, and resolving conflicts."""
    people_review_s: float
    hung_s: float
    """Slots held by silent agents: a part of the flow time, as the next."""
    review_s: float
    hung_attempts: int
    killed_attempts: int
    """Honest work that a timeout ended."""
    overwritten_attempts: int
    cancelled_attempts: int
    wrong_brief_attempts: int
    refused_launches: int
    merge_conflicts: int
    reworked_tasks: int
    reviews: int
    compactions: int


MEASURES: tuple[str, ...] = Outcome._fields
"""The measures of a replication, in the order of the results' columns."""

WHOLE = frozenset(name for name, kind in get_type_hints(Outcome).items() if kind is int)
"""Those that are whole numbers."""


@dataclass(slots=True)
class Ledger:
    """The books of a replication while it is played."""

    usage: dict[Cause, Usage] = field(default_factory=lambda: {cause: Usage() for cause in Cause})
    time_s: dict[State, float] = field(default_factory=lambda: dict.fromkeys(State, 0.0))
    failures: dict[Failure, int] = field(default_factory=lambda: dict.fromkeys(Failure, 0))
    flow_s: float = 0.0
    wasted_s: float = 0.0
    people_merge_s: float = 0.0
    people_recovery_s: float = 0.0
    people_conflicts_s: float = 0.0
    people_review_s: float = 0.0
    rejected_tries: int = 0
    recovered_tasks: int = 0
    killed: Usage = field(default_factory=Usage)
    refused_launches: int = 0
    merge_conflicts: int = 0
    reworked_tasks: int = 0
    reviews: int = 0
    compactions: int = 0

    def close(
        self, makespan_s: float, quota: tuple[int, int, int], prices: Prices, values: Values
    ) -> Outcome:
        """Return the row that the books come to."""
        tokens = {cause: usage.tokens for cause, usage in self.usage.items()}
        money = {cause: usage.usd(prices) for cause, usage in self.usage.items()}
        money_usd = 0.0  # added one by one: `sum` rounds differently from one version of Python to the next
        for part in money.values():
            money_usd += part
        people_s = (
            self.people_merge_s + self.people_recovery_s + self.people_conflicts_s + self.people_review_s
        )
        waiting_usd = makespan_s / HOUR_S * values.waiting
        people_usd = people_s / HOUR_S * values.people
        return Outcome(
            makespan_s=makespan_s,
            tokens=sum(tokens.values()),
            tokens_work=tokens[Cause.WORK],
            tokens_spawn=tokens[Cause.SPAWN],
            tokens_return=tokens[Cause.RETURN],
            tokens_coordination=tokens[Cause.COORDINATION],
            tokens_merge=tokens[Cause.MERGE],
            tokens_wasted=tokens[Cause.WASTED],
            money_usd=money_usd,
            people_s=people_s,
            cost_usd=money_usd + waiting_usd + people_usd,
            rejected_tries=self.rejected_tries,
            backoff_s=self.time_s[State.BACKOFF],
            failed_attempts=sum(self.failures.values()),
            recovered_tasks=self.recovered_tasks,
            cost_waiting_usd=waiting_usd,
            cost_people_usd=people_usd,
            money_work_usd=money[Cause.WORK],
            money_spawn_usd=money[Cause.SPAWN],
            money_return_usd=money[Cause.RETURN],
            money_coordination_usd=money[Cause.COORDINATION],
            money_merge_usd=money[Cause.MERGE],
            money_wasted_usd=money[Cause.WASTED],
            people_merge_s=self.people_merge_s,
            people_recovery_s=self.people_recovery_s,
            flow_s=self.flow_s,
            wait_s=self.time_s[State.WAIT],
            service_s=self.time_s[State.SERVICE],
            blocked_s=self.time_s[State.BLOCKED],
            merge_s=self.time_s[State.MERGE],
            recovery_s=self.time_s[State.RECOVERY],
            wasted_s=self.wasted_s,
            quota_requests=quota[0],
            quota_input_tokens=quota[1],
            quota_output_tokens=quota[2],
            crashed_attempts=self.failures[Failure.CRASH],
            refused_attempts=self.failures[Failure.REFUSED],
            too_large_attempts=self.failures[Failure.TOO_LARGE],
            bad_outputs=self.failures[Failure.BAD_OUTPUT],
            tokens_context=tokens[Cause.CONTEXT],
            tokens_rework=tokens[Cause.REWORK],
            money_context_usd=money[Cause.CONTEXT],
            money_rework_usd=money[Cause.REWORK],
            money_killed_usd=self.killed.usd(prices),
            people_conflicts_s=self.people_conflicts_s,
            people_review_s=self.people_review_s,
            hung_s=self.time_s[State.HUNG],
            review_s=self.time_s[State.REVIEW],
            hung_attempts=self.failures[Failure.HUNG],
            killed_attempts=self.failures[Failure.KILLED],
            overwritten_attempts=self.failures[Failure.OVERWRITTEN],
            cancelled_attempts=self.failures[Failure.CANCELLED],
            wrong_brief_attempts=self.failures[Failure.WRONG_BRIEF],
            refused_launches=self.refused_launches,
            merge_conflicts=self.merge_conflicts,
            reworked_tasks=self.reworked_tasks,
            reviews=self.reviews,
            compactions=self.compactions,
        )
