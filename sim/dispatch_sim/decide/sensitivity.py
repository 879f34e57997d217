"""One-at-a-time sensitivity (a tornado) of the difference between the recommended strategy and its rival.

It is the mean paired difference, the rival's cost above the recommended one's. Both strategies have the same
replications at every value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dispatch_sim.decide.grid import GridPoint, make_grid_point, simulate_points, try_grid_point
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.study.runner import OnProgress

SPAN = 2.0
"""Keys are varied from half of their value to twice it, unless a range is given."""


@dataclass(frozen=True, slots=True)
class Swing:
    """The effect of one key on the difference.

    Attributes
    ----------
    parameter : the key, with the range that was simulated.
    low, high : the difference at either end; None where the batch cannot be simulated there.
    swing : the range of the mean difference over both ends and the present value.
    """

    parameter: Parameter
    low: Estimate | None
    high: Estimate | None
    swing: float

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            **self.parameter.to_json(),
            "difference_at_low": self.low and self.low.to_json(),
            "difference_at_high": self.high and self.high.to_json(),
            "swing": self.swing,
        }


def find_swings(
    source: Source,
    parameters: Sequence[Parameter],
    strategies: tuple[Strategy, Strategy],
    *,
    replications: int,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> list[Swing]:
    """Vary each key from one end of its range to the other, all others at their values.

    Parameters
    ----------
    source : as `without_factors` returns it.
    parameters : the keys, each with its range.
    strategies : the recommended one and the rival.
    replications, jobs, on_progress : as `simulate_points`.

    Returns
    -------
    The largest swing first, without those that have no effect.
    """
    confidence = source.scenario().study.confidence
    points: list[tuple[int, GridPoint]] = [(-1, make_grid_point(source, {}, strategies))]
    for number, parameter in enumerate(parameters):
        for end, value in enumerate((parameter.low, parameter.high)):
            point = try_grid_point(source, {parameter.path: parameter.write(value)}, strategies)
            if point and len(point.strategies) == 2:  # a smaller batch may have no room for both
                points.append((2 * number + end, point))
    costs = simulate_points([point for _, point in points], replications, jobs, on_progress)
    differences = {
        number: paired_difference(rival, recommended, confidence)
        for (number, _), (recommended, rival) in zip(points, costs, strict=True)
    }
    swings = []
    for number, parameter in enumerate(parameters):
        low, high = differences.get(2 * number), differences.get(2 * number + 1)
        means = [each.mean for each in (differences[-1], low, high) if each is not None]
        swings.append(Swing(parameter, low, high, max(means) - min(means)))
    return sorted((swing for swing in swings if swing.swing > 0), key=lambda swing: -swing.swing)


def around(parameter: Parameter, span: float = SPAN) -> Parameter:
    """Return a key with a range around its value, within the range that it has."""
    low, high = parameter.clipped(parameter.value / span), parameter.clipped(parameter.value * span)
    return replace(parameter, low=low, high=high)
