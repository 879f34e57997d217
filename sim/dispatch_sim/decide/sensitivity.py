"""A tornado: how the difference between the recommended strategy and its best rival depends on each key.

It is the mean paired difference, what the rival costs more. Both strategies meet the same replications at
every value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dispatch_sim.decide.grid import Place, find_place, play_places
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.runner import OnProgress

SPAN = 2.0
"""Keys are varied from half of their value to twice it, unless a range is given."""


@dataclass(frozen=True, slots=True)
class Swing:
    """What one key does to the difference by itself.

    Attributes
    ----------
    parameter : the key; its range is what was tried.
    low, high : the difference at either end; None where the batch cannot be played there.
    swing : how far the mean difference moves over what was tried, the present value included.
    """

    parameter: Parameter
    low: Estimate | None
    high: Estimate | None
    swing: float

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "path": self.parameter.path,
            "unit": self.parameter.unit,
            "value": self.parameter.value,
            "range": [self.parameter.low, self.parameter.high],
            "difference_at_low": None if self.low is None else self.low.to_json(),
            "difference_at_high": None if self.high is None else self.high.to_json(),
            "swing": self.swing,
        }


def find_swings(
    source: Source,
    parameters: Sequence[Parameter],
    ways: tuple[Strategy, Strategy],
    *,
    replications: int,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> list[Swing]:
    """Find what each key does to the difference by itself, from one end of its range to the other.

    Parameters
    ----------
    source : as `places.without_factors` returns it.
    parameters : the keys, each with the range to try.
    ways : the recommended one and the rival.
    replications, jobs, on_progress : as `play_places`.

    Returns
    -------
    The largest swing first, without those that have no effect.
    """
    confidence = source.scenario().study.confidence
    here = find_place(source, {}, ways)
    asked: list[tuple[int, Place]] = []
    for number, parameter in enumerate(parameters):
        for end, value in enumerate((parameter.low, parameter.high)):
            try:
                place = find_place(source, {parameter.path: parameter.written(value)}, ways)
            except (ScenarioError, DesignError):
                continue
            if len(place.strategies) == 2:  # a queue may be wider than a smaller batch
                asked.append((2 * number + end, place))
    played = play_places([here, *(place for _, place in asked)], replications, jobs, on_progress)
    present, *others = (paired_difference(costs[1], costs[0], confidence) for costs in played)
    at = {number: estimate for (number, _), estimate in zip(asked, others, strict=True)}
    swings = []
    for number, parameter in enumerate(parameters):
        low, high = at.get(2 * number), at.get(2 * number + 1)
        means = [present.mean, *(estimate.mean for estimate in (low, high) if estimate is not None)]
        swings.append(Swing(parameter, low, high, max(means) - min(means)))
    return sorted((swing for swing in swings if swing.swing > 0), key=lambda swing: -swing.swing)


def around(parameter: Parameter, span: float = SPAN) -> Parameter:
    """Return a key in a range around its value, within the range that it has."""
    low, high = parameter.clipped(parameter.value / span), parameter.clipped(parameter.value * span)
    return replace(parameter, low=low, high=high)
