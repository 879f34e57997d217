"""Feasibility: how often a strategy meets a deadline and a budget, and whether that is often enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, share_estimate, to_end_early
from dispatch_sim.stats.paired_samples import present

Verdict = Literal["feasible", "infeasible", "undecided"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a batch, and the probability with which it must meet both.

    The deadline of the makespan is in seconds, the budget of API charges in dollars; None for none.
    """

    deadline: float | None
    budget: float | None
    probability: float

    @property
    def bounds(self) -> dict[str, float]:
        """The upper bounds of measures, by their names."""
        of_all = {"makespan_s": self.deadline, "money_usd": self.budget}
        return {measure: bound for measure, bound in of_all.items() if bound is not None}

    @classmethod
    def of(cls, objective: Mapping[str, Any]) -> Self | None:
        """Return the limits of a resolved scenario's objective; None where it has none."""
        deadline, budget = objective.get("deadline"), objective.get("budget")
        if deadline is None and budget is None:
            return None
        return cls(deadline, budget, objective["probability"])


@dataclass(frozen=True, slots=True)
class Feasibility:
    """How often a strategy meets the limits: the share of replications, with Clopper and Pearson's interval.

    It is feasible where the interval lies at or above the required probability, infeasible where it lies
    below, else undecided; beyond doubt where that holds with the confidence of `to_end_early` too.
    """

    share: Estimate
    verdict: Verdict
    beyond_doubt: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "probability": self.share.to_json(),
            "verdict": self.verdict,
            "beyond_doubt": self.beyond_doubt,
        }


def find_feasibility(
    samples: Mapping[str, Mapping[Strategy, NDArray[np.float64]]], limits: Limits | None, confidence: float
) -> dict[Strategy, Feasibility]:
    """Return how often each strategy meets the limits; empty without limits.

    Verdicts are simultaneous by Bonferroni's correction.

    Parameters
    ----------
    samples : of each measure that has a bound, by strategy, along the replications; NaN where one is missing.
    """
    if limits is None:
        return {}
    meets: dict[Strategy, Any] = {}
    for measure, bound in limits.bounds.items():
        for strategy, sample in samples[measure].items():
            meets[strategy] = meets.get(strategy, True) & (present(sample) <= bound)
    each = 1 - (1 - confidence) / max(len(meets), 1)
    found = {}
    for strategy, met in meets.items():
        share, wider = (share_estimate(int(met.sum()), met.size, c) for c in (each, to_end_early(each)))
        beyond_doubt = _verdict(wider, limits.probability) != "undecided"
        found[strategy] = Feasibility(share, _verdict(share, limits.probability), beyond_doubt)
    return found


def eligible(feasibility: Mapping[Strategy, Feasibility]) -> list[Strategy]:
    """Return the strategies to choose from: the feasible ones, or else the undecided ones.

    Where all are infeasible, those that meet the limits most often.
    """
    for verdict in ("feasible", "undecided"):
        found = [strategy for strategy, each in feasibility.items() if each.verdict == verdict]
        if found:
            return found
    most = max(each.share.mean for each in feasibility.values())
    return [strategy for strategy, each in feasibility.items() if each.share.mean == most]


def _verdict(share: Estimate, probability: float) -> Verdict:
    if share.low >= probability:
        return "feasible"
    return "infeasible" if share.high < probability else "undecided"
