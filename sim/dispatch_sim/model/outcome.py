"""The outcome of a replication: one row of results."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple, get_type_hints


class Column(IntEnum):
    """Members are numbered from 0, and name columns of the results."""

    def __str__(self) -> str:
        return self.name.lower()

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


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
    rejected_requests: int
    backoff_s: float
    """Agents' time between request attempts, summed over tasks."""
    failed_attempts: int
    manual_completions: int
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
    """From arrival to done, summed over tasks: the sum of the times in the states of `events.TaskState`."""
    wait_s: float
    service_s: float
    blocked_s: float
    paced_s: float
    """In the line of the client's limiter."""
    merge_s: float
    recovery_s: float
    wasted_s: float
    """The part of service and backoff that went into failed attempts."""
    quota_requests: int
    """`quota_`: what the limiter counted."""
    quota_input_tokens: int
    quota_output_tokens: int
    crashed_attempts: int
    rate_limited_attempts: int
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
    """Slots held by silent agents."""
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
    input_tokens: int
    """All that was sent to the model, cache reads included, as vendors count it."""


MEASURES: tuple[str, ...] = Outcome._fields
"""The measures of a replication, in the order of the results' columns."""


WHOLE = frozenset(name for name, kind in get_type_hints(Outcome).items() if kind is int)
"""Those that are whole numbers."""


def outcome_of(row: Sequence[float]) -> Outcome:
    """Return a row of measures as an outcome, whole numbers as such."""
    values: list[Any] = [
        int(value) if name in WHOLE else value for name, value in zip(MEASURES, row, strict=True)
    ]
    return Outcome(*values)
