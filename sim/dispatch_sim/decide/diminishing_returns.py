"""Diminishing returns: the gain of each step of concurrency."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import pandas as pd

from dispatch_sim.scenario.indifference import IndifferenceThreshold, parse_indifference
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.stats.paired_samples import in_common, paired_samples
from dispatch_sim.study.objectives import as_means, column_of

Gain = Literal["gains", "loses", "practically_equal", "undecided"]


@dataclass(frozen=True, slots=True)
class Step:
    """The step from one concurrency to the next that was simulated.

    Attributes
    ----------
    concurrency, to : before and after.
    gain : of the objective, paired; simultaneous over all steps. Negative where the step costs more.
    verdict : `gains` or `loses` where the whole interval is beyond the indifference threshold,
        `practically_equal` where it lies within, else `undecided`.
    """

    concurrency: int
    to: int
    gain: Estimate
    verdict: Gain

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self) | {"gain": self.gain.to_json()}


@dataclass(frozen=True, slots=True)
class DiminishingReturns:
    """The gains of further concurrency, of one strategy at one batch size.

    Attributes
    ----------
    strategy : without a concurrency.
    tasks, factors : the size of the batch, and the values of the further factors.
    objective : the measure that is minimised.
    confidence : of all gains simultaneously.
    steps : in the order of concurrency.
    """

    strategy: Strategy
    tasks: int
    factors: dict[str, Any]
    objective: str
    confidence: float
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self) | {
            "strategy": self.strategy.label,
            "steps": [step.to_json() for step in self.steps],
        }


def diminishing_returns(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    indifference: float | str | IndifferenceThreshold = 0.0,
    factors: dict[str, Any] | None = None,
) -> tuple[DiminishingReturns, ...]:
    """Return the gain of each step of concurrency, for each queue and waves with several concurrencies.

    Parameters
    ----------
    results : rows of one combination of further factors.
    tasks : size of the batch.
    objective : a column, or `p95_makespan_s`.
    confidence : of all gains of a strategy simultaneously (Bonferroni).
    indifference : the indifference threshold; a share is one of the better mean.
    factors : of the combination.
    """
    part = results[results["tasks"] == tasks]
    samples = paired_samples(part, column_of(objective), ["strategy", "concurrency"])
    threshold = parse_indifference(indifference)
    found = []
    for label in dict.fromkeys(label for label, _ in samples):
        strategy = parse_strategy(label)
        own = {number: sample for (of, number), sample in samples.items() if of == label}
        if strategy.kind not in ("queue", "waves") or len(own) < 2:
            continue
        together = 1 - (1 - confidence) / (len(own) - 1)
        steps = []
        for before, to in pairwise(sorted(own)):
            one, two = (as_means(objective, sample) for sample in in_common(own[before], own[to]))
            gain = paired_difference(one, two, together)
            better = float(min(one.mean(), two.mean()))
            steps.append(Step(before, to, gain, _verdict(gain, threshold.at(better))))
        found.append(DiminishingReturns(strategy, tasks, factors or {}, objective, confidence, tuple(steps)))
    return tuple(found)


def _verdict(gain: Estimate, threshold: float) -> Gain:
    if gain.low > threshold:
        return "gains"
    if gain.high < -threshold:
        return "loses"
    return "practically_equal" if -threshold <= gain.low and gain.high <= threshold else "undecided"
