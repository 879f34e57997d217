"""Diminishing returns: what each further slot of a queue gains, and the last one that is worth having."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise, takewhile
from typing import Any, Literal

import pandas as pd

from dispatch_sim.scenario.indifference import IndifferenceThreshold
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from dispatch_sim.stats.estimates import Estimate, complete_part, paired_difference, paired_samples
from dispatch_sim.study.objectives import as_means, column_of

Gain = Literal["gains", "loses", "practically_equal", "undecided"]


@dataclass(frozen=True, slots=True)
class Step:
    """From one width to the next that was played.

    Attributes
    ----------
    width, to : slots before and after.
    gain : of the objective, paired; simultaneous over all steps. Negative where the further slots cost more.
    verdict : `gains` or `loses` where the whole interval is beyond the indifference zone, `practically_equal`
        where it lies within, else `undecided`.
    """

    width: int
    to: int
    gain: Estimate
    verdict: Gain

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self) | {"gain": self.gain.to_json()}


@dataclass(frozen=True, slots=True)
class Returns:
    """What further slots bring, of one strategy at one batch size.

    Attributes
    ----------
    strategy, tasks, factors : what widens, without a concurrency, and where.
    objective, confidence : what is gained, and how surely all gains hold together.
    steps : in the order of widths.
    """

    strategy: Strategy
    tasks: int
    factors: dict[str, Any]
    objective: str
    confidence: float
    steps: tuple[Step, ...]

    @property
    def turns_at(self) -> int:
        """The widest queue up to which slots are shown to gain: the last whose gain is beyond the zone."""
        gaining = [step.to for step in self.steps if step.verdict == "gains"]
        return max(gaining, default=self.steps[0].width)

    @property
    def may_turn_at(self) -> tuple[int, ...]:
        """Wider queues up to which slots may gain as far as these replications tell."""
        beyond = takewhile(
            lambda step: step.verdict != "loses", (s for s in self.steps if s.to > self.turns_at)
        )
        return tuple(step.to for step in beyond if step.verdict == "undecided")

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self) | {
            "strategy": self.strategy.label,
            "steps": [step.to_json() for step in self.steps],
            "turns_at": self.turns_at,
            "may_turn_at": list(self.may_turn_at),
        }


def slot_returns(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    zone: float | IndifferenceThreshold = 0.0,
    factors: dict[str, Any] | None = None,
) -> tuple[Returns, ...]:
    """Return what each further slot gains, for each queue and waves with several widths.

    Parameters
    ----------
    results : rows of one combination of further factors.
    tasks : size of the batch.
    objective : a column, or `p95_makespan_s`.
    confidence : with which all gains of a strategy hold together (Bonferroni).
    zone : the difference that nobody would act on; a share is one of what the better width comes to.
    factors : of the combination, to be told.
    """
    part = results[results["tasks"] == tasks]
    samples = paired_samples(part, column_of(objective), ["strategy", "concurrency"])
    found = []
    for label in dict.fromkeys(label for label, _ in samples):
        strategy = parse_strategy(label)
        own = complete_part({width: sample for (of, width), sample in samples.items() if of == label})
        if strategy.kind not in ("queue", "waves") or len(own) < 2:
            continue
        costs = {width: as_means(objective, own[width]) for width in sorted(own)}
        together = 1 - (1 - confidence) / (len(costs) - 1)
        steps = []
        for width, to in pairwise(costs):
            gain = paired_difference(costs[width], costs[to], together)
            better = float(min(costs[width].mean(), costs[to].mean()))
            within = zone.at(better) if isinstance(zone, IndifferenceThreshold) else zone
            steps.append(Step(width, to, gain, _verdict(gain, within)))
        found.append(Returns(strategy, tasks, dict(factors or {}), objective, confidence, tuple(steps)))
    return tuple(found)


def _verdict(gain: Estimate, zone: float) -> Gain:
    if gain.low > zone:
        return "gains"
    if gain.high < -zone:
        return "loses"
    return "practically_equal" if -zone <= gain.low and gain.high <= zone else "undecided"
