"""Claims about the best place on an axis: how wide a queue, how long a timeout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dispatch_sim.scenario.indifference import zone_for
from dispatch_sim.study.axes import axis_place, axis_unit
from dispatch_sim.study.claims import Best
from dispatch_sim.study.estimates import (
    Estimate,
    mean_estimate,
    paired_difference,
    paired_samples,
)
from dispatch_sim.study.results import Results
from dispatch_sim.study.verdicts import Verdict


@dataclass(frozen=True)
class BestFinding:
    """Which places of an axis may be the best.

    Attributes
    ----------
    levels : of the axis, in its order, as written.
    means : of the measure, at each level, each interval by itself.
    more : what each costs more than the one with the least mean, paired, all intervals together.
    best : levels that cannot be told from the best, or that cost no more than the indifference more.
    unit_of_axis : how levels are written.
    verdict : confirmed where all of the best are as claimed, refuted where none is.
    """

    levels: tuple[Any, ...]
    means: tuple[Estimate, ...]
    more: tuple[Estimate, ...]
    best: tuple[Any, ...]
    unit_of_axis: str
    verdict: Verdict

    @property
    def least(self) -> Any:
        """The level with the least mean."""
        return min(zip(self.levels, self.means, strict=True), key=lambda pair: pair[1].mean)[0]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "best": list(self.best),
            "points": [
                {"at": level, "mean": mean.to_json(), "more": more.to_json()}
                for level, mean, more in zip(self.levels, self.means, self.more, strict=True)
            ],
        }


def find_best(claim: Best, results: Results, confidence: float) -> BestFinding:
    """Find the places of an axis that may be the best.

    Screened as in `choose`: the set holds the truly best place with at least `confidence`. A place is as good
    as the best, too, where the whole interval of the difference is within the scenario's indifference.
    """
    study = results.manifest["scenario"]["resolved"]["study"]
    frame = results.frame[results.frame["strategy"] == claim.strategy]
    for path, level in claim.at.items():
        column = frame[path]
        frame = frame[column == (str(level) if column.dtype == object else level)]
    samples = {
        level: sample for (level,), sample in paired_samples(frame, claim.measure, [claim.over]).items()
    }
    levels = tuple(sorted(samples, key=axis_place))
    least = min(levels, key=lambda level: float(samples[level].mean()))
    together = 1 - (1 - confidence) / max(len(levels) - 1, 1)
    more = tuple(paired_difference(samples[level], samples[least], together) for level in levels)
    zone = zone_for(study["indifference"], "cost").at(float(samples[least].mean()))
    indifference = zone if claim.measure.endswith("_usd") else 0.0
    best = tuple(
        level
        for level, difference in zip(levels, more, strict=True)
        if difference.low <= 0 or difference.high <= indifference
    )
    inside = [_within(axis_place(level), claim) for level in best]
    verdict = Verdict.NOT_SHOWN
    if all(inside):
        verdict = Verdict.CONFIRMED
    elif not any(inside):
        verdict = Verdict.REFUTED
    means = tuple(mean_estimate(samples[level], confidence) for level in levels)
    return BestFinding(levels, means, more, best, axis_unit(levels), verdict)


def _within(value: float, claim: Best) -> bool:
    low = -math.inf if claim.at_least is None else claim.at_least
    high = math.inf if claim.at_most is None else claim.at_most
    return low <= value <= high
