"""A deadline and a budget: how often a way of dispatching keeps them, and whether that is often enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import pandas as pd

from dispatch_sim.decide.ranking import strategy_samples
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Share, share_estimate, to_end_early

Verdict = Literal["kept", "missed", "undecided"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch must not pass.

    Attributes
    ----------
    deadline : of the makespan, in seconds; None for none.
    budget : of what is billed, in dollars; None for none.
    probability : with which both are to be kept.
    """

    deadline: float | None
    budget: float | None
    probability: float

    @property
    def bounds(self) -> dict[str, float]:
        """What measures must not pass, by their names."""
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
class Kept:
    """How often the limits are kept.

    Attributes
    ----------
    share : of replications that keep all limits, with Clopper and Pearson's interval.
    verdict : `kept` where the interval lies at or above the probability asked for, `missed` where it lies
        below, else `undecided`.
    beyond_doubt : whether it is, or is missed, with what `to_end_early` asks for.
    """

    share: Share
    verdict: Verdict
    beyond_doubt: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "probability": self.share.to_json(),
            "verdict": self.verdict,
            "beyond_doubt": self.beyond_doubt,
        }


def keeping(results: pd.DataFrame, limits: Limits, confidence: float = 0.95) -> dict[Strategy, Kept]:
    """Return how often each strategy keeps the limits.

    Parameters
    ----------
    results : rows of one batch size and one combination of factors.
    limits : see `Limits`.
    confidence : with which all verdicts hold together (Bonferroni).
    """
    keeps: dict[Strategy, Any] = {}
    for column, bound in limits.bounds.items():
        for strategy, sample in strategy_samples(results, column).items():
            keeps[strategy] = keeps.get(strategy, True) & (sample <= bound)
    each = 1 - (1 - confidence) / max(len(keeps), 1)
    return {
        strategy: _kept(int(kept.sum()), kept.size, limits.probability, each)
        for strategy, kept in keeps.items()
    }


def _kept(count: int, n: int, probability: float, confidence: float) -> Kept:
    share, wider = (share_estimate(count, n, each) for each in (confidence, to_end_early(confidence)))
    return Kept(share, _verdict(share, probability), _verdict(wider, probability) != "undecided")


def _verdict(share: Share, probability: float) -> Verdict:
    return "kept" if share.low >= probability else "missed" if share.high < probability else "undecided"
