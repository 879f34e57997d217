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

    The gain of the objective is paired, and simultaneous over all steps; negative where the step costs more.
    The verdict is `gains` or `loses` where the whole interval is beyond the indifference threshold,
    `practically_equal` where it lies within, else `undecided`.
    """

    concurrency: int
    to: int
    gain: Estimate
    verdict: Gain


@dataclass(frozen=True, slots=True)
class DiminishingReturns:
    """The gains of further concurrency, of one strategy (without a concurrency) at one batch size.

    All gains hold with the confidence simultaneously; the steps are in the order of concurrency.
    """

    strategy: Strategy
    tasks: int
    factors: dict[str, Any]
    objective: str
    confidence: float
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        steps = [asdict(step) | {"gain": step.gain.to_json()} for step in self.steps]
        return asdict(self) | {"strategy": self.strategy.label, "steps": steps}


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
    results, factors : rows of one combination of further factors, and its values.
    tasks : size of the batch.
    objective : a column, or `p95_makespan_s`.
    confidence : of all gains of a strategy simultaneously (Bonferroni).
    indifference : the indifference threshold; a share is one of the better mean.
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
