"""Closes the ledger of a replication as a row of measures; the compiled engine compiles this as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dispatch_sim.model.accounting import Ledger, Purpose, Usage
from dispatch_sim.model.api import RateLimiter
from dispatch_sim.model.arithmetic import HOUR_S, MILLION
from dispatch_sim.model.events import Failure, State
from dispatch_sim.model.outcome import MEASURES, Outcome
from dispatch_sim.scenario.model import Values
from dispatch_sim.scenario.provider import Prices


@dataclass(slots=True)
class Row:
    """A row of results, in the order of `MEASURES`."""

    measures: list[float] = field(default_factory=lambda: [0.0] * len(MEASURES))


AT: Any = Outcome(*range(len(MEASURES)))
"""The place of each measure in a row."""

_TOKENS = np.array([MEASURES.index(f"tokens_{purpose}") for purpose in Purpose])
_MONEY = np.array([MEASURES.index(f"money_{purpose}_usd") for purpose in Purpose])
_TIMES = np.array([MEASURES.index(f"{state}_s") for state in State])
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
    measures[AT.makespan_s] = makespan_s
    measures[AT.tokens] = tokens
    measures[AT.input_tokens] = sent
    measures[AT.money_usd] = money_usd
    measures[AT.money_killed_usd] = bill(ledger.killed, prices)
    measures[AT.people_s] = people_s
    measures[AT.cost_waiting_usd] = waiting_usd
    measures[AT.cost_people_usd] = people_usd
    measures[AT.cost_usd] = money_usd + waiting_usd + people_usd
    measures[AT.failed_attempts] = failed
    measures[AT.quota_requests] = limiter.requests
    measures[AT.quota_input_tokens] = limiter.input_tokens
    measures[AT.quota_output_tokens] = limiter.output_tokens
    measures[AT.flow_s] = ledger.flow_s
    measures[AT.wasted_s] = ledger.wasted_s
    measures[AT.people_merge_s] = ledger.people_merge_s
    measures[AT.people_recovery_s] = ledger.people_recovery_s
    measures[AT.people_conflicts_s] = ledger.people_conflicts_s
    measures[AT.people_review_s] = ledger.people_review_s
    measures[AT.rejected_requests] = ledger.rejected_requests
    measures[AT.manual_completions] = ledger.manual_completions
    measures[AT.refused_launches] = ledger.refused_launches
    measures[AT.merge_conflicts] = ledger.merge_conflicts
    measures[AT.reworked_tasks] = ledger.reworked_tasks
    measures[AT.reviews] = ledger.reviews
    measures[AT.compactions] = ledger.compactions
