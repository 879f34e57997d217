"""Closes the ledger of a replication as a row of measures; the compiled engine compiles this as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from dispatch_sim.model.accounting import Ledger, Purpose, Usage
from dispatch_sim.model.api import RateLimiter
from dispatch_sim.model.arithmetic import HOUR_S, MILLION
from dispatch_sim.model.events import Failure, TaskState
from dispatch_sim.model.outcome import MEASURES, Outcome
from dispatch_sim.scenario.model import Values
from dispatch_sim.scenario.provider import Prices


@dataclass(slots=True)
class Row:
    """A row of results, in the order of `MEASURES`."""

    measures: Annotated[list[float], len(MEASURES)] = field(default_factory=lambda: [0.0] * len(MEASURES))


COLUMN: Any = Outcome(*range(len(MEASURES)))
"""The column of each measure in a row."""

_TOKENS = np.array([MEASURES.index(f"tokens_{purpose}") for purpose in Purpose])
_MONEY = np.array([MEASURES.index(f"money_{purpose}_usd") for purpose in Purpose])
_TIMES = np.array([MEASURES.index(f"{state}_s") for state in TaskState])
_NAMES = {Failure.CRASH: "crashed_attempts", Failure.BAD_OUTPUT: "bad_outputs"}
_FAILURES = np.array([MEASURES.index(_NAMES.get(failure, f"{failure}_attempts")) for failure in Failure])


def bill(usage: Usage, prices: Prices) -> float:
    """Return what billed tokens cost, in dollars."""
    return (
        usage.input * prices.input
        + usage.cache_write * prices.cache_write
        + usage.cache_read * prices.cache_read
        + usage.output * prices.output
    ) / MILLION


def close(
    ledger: Ledger, makespan_s: float, limiter: RateLimiter, prices: Prices, values: Values, row: Row
) -> None:
    """Write the outcome of a replication into a row."""
    measures = row.measures
    money_usd, tokens, sent, failed = 0.0, 0, 0, 0
    for purpose in range(len(_MONEY)):
        usage = ledger.usage[purpose]
        usd = bill(usage, prices)
        measures[_MONEY[purpose]] = usd
        measures[_TOKENS[purpose]] = usage.tokens
        money_usd += usd
        tokens += usage.tokens
        sent += usage.input + usage.cache_write + usage.cache_read
    for state in range(len(_TIMES)):
        measures[_TIMES[state]] = ledger.time_s[state]
    for failure in range(len(_FAILURES)):
        measures[_FAILURES[failure]] = ledger.failures[failure]
        failed += ledger.failures[failure]
    people_s = (
        ledger.people_merge_s + ledger.people_recovery_s + ledger.people_conflicts_s + ledger.people_review_s
    )
    waiting_usd = makespan_s / HOUR_S * values.waiting
    people_usd = people_s / HOUR_S * values.people
    measures[COLUMN.makespan_s] = makespan_s
    measures[COLUMN.tokens] = tokens
    measures[COLUMN.input_tokens] = sent
    measures[COLUMN.money_usd] = money_usd
    measures[COLUMN.money_killed_usd] = bill(ledger.killed, prices)
    measures[COLUMN.people_s] = people_s
    measures[COLUMN.cost_waiting_usd] = waiting_usd
    measures[COLUMN.cost_people_usd] = people_usd
    measures[COLUMN.cost_usd] = money_usd + waiting_usd + people_usd
    measures[COLUMN.failed_attempts] = failed
    measures[COLUMN.quota_requests] = limiter.requests
    measures[COLUMN.quota_input_tokens] = limiter.input_tokens
    measures[COLUMN.quota_output_tokens] = limiter.output_tokens
    measures[COLUMN.flow_s] = ledger.flow_s
    measures[COLUMN.wasted_s] = ledger.wasted_s
    measures[COLUMN.people_merge_s] = ledger.people_merge_s
    measures[COLUMN.people_recovery_s] = ledger.people_recovery_s
    measures[COLUMN.people_conflicts_s] = ledger.people_conflicts_s
    measures[COLUMN.people_review_s] = ledger.people_review_s
    measures[COLUMN.rejected_requests] = ledger.rejected_requests
    measures[COLUMN.manual_completions] = ledger.manual_completions
    measures[COLUMN.refused_launches] = ledger.refused_launches
    measures[COLUMN.merge_conflicts] = ledger.merge_conflicts
    measures[COLUMN.reworked_tasks] = ledger.reworked_tasks
    measures[COLUMN.reviews] = ledger.reviews
    measures[COLUMN.compactions] = ledger.compactions
