"""One-at-a-time sensitivity (a tornado) of the difference between the recommended strategy and its rival.

It is the mean paired difference, the rival's cost above the recommended one's. Both strategies have the same
replications at every value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dispatch_sim.decide.grid import BATCH, make_grid_point
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.sampling import FIRST, Sampled, Sampler, try_sampled
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference

SPAN = 2.0
"""Keys are varied from half of their value to twice it, unless a range is given."""

LARGEST = 12
"""Number of the swings that a report shows, the largest ones: they have all replications, others fewer."""


@dataclass(frozen=True, slots=True)
class Swing:
    """The effect of one key, over the range that was simulated, on the difference.

    `low` and `high` are the difference at either end; None where the batch cannot be simulated there. `swing`
    is the range of its mean over both ends and the present value, in the same replications.
    """

    parameter: Parameter
    low: Estimate | None
    high: Estimate | None
    swing: float

    @property
    def is_preliminary(self) -> bool:
        """Whether an interval at its ends needs more replications to cover as often as stated."""
        return any(end.is_preliminary for end in (self.low, self.high) if end is not None)

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
    sampler: Sampler,
    replications: int,
    most: int,
) -> list[Swing]:
    """Vary each key from one end of its range to the other, all others at their values.

    The largest swing comes first; those that have no effect are left out.

    Parameters
    ----------
    source : as `without_factors` returns it.
    strategies : the recommended one and the rival.
    sampler : simulates, the last part of its work.
    replications : of the largest swings.
    most : replications of those of them whose intervals need more to be valid.
    """
    scenario = source.scenario()
    present = Sampled(make_grid_point(source, {}, strategies))

    def end(parameter: Parameter, value: float) -> Sampled | None:
        both: Sequence[Strategy] = strategies
        if parameter.path == BATCH:  # a queue of more than all tasks is the queue of all tasks
            both = [each.at(each.concurrency and min(each.concurrency, int(value))) for each in strategies]
        return try_sampled(source, {parameter.path: parameter.write(value)}, both)

    ends: list[tuple[Parameter, list[Sampled | None]]] = [
        (parameter, [end(parameter, value) for value in (parameter.low, parameter.high)])
        for parameter in parameters
    ]

    def simulate(some: Sequence[tuple[Parameter, list[Sampled | None]]], count: int, share: float) -> None:
        points = [present, *(end for _, both in some for end in both if end is not None)]
        sampler.extend([(point, point.everything, count) for point in points], share)

    def swing(parameter: Parameter, both: Sequence[Sampled | None]) -> Swing:
        there = [end for end in both if end is not None]
        common = min((int(end.counts.min()) for end in there), default=None)
        here, low, high = (
            None if each is None else _difference(each, scenario.study.confidence, common)
            for each in (present, *both)
        )
        means = [each.mean for each in (here, low, high) if each is not None]
        return Swing(parameter, low, high, max(means) - min(means))

    simulate(ends, min(FIRST, replications), (sampler.share + 1) / 2)
    ends.sort(key=lambda end: -swing(*end).swing)
    simulate(ends[:LARGEST], replications, (sampler.share + 1) / 2)
    if preliminary := [end for end in ends[:LARGEST] if swing(*end).is_preliminary]:
        simulate(preliminary, most, 1.0)
    swings = [swing(*end) for end in ends]
    return sorted((each for each in swings if each.swing > 0), key=lambda each: -each.swing)


def _difference(sampled: Sampled, confidence: float, replications: int | None) -> Estimate:
    recommended, rival = sampled.costs(sampled.everything)[:, :replications]
    return paired_difference(rival, recommended, confidence)


def around(parameter: Parameter) -> Parameter:
    """Return a key with a range of `SPAN` around its value, within the range that it has."""
    low, high = parameter.clipped(parameter.value / SPAN), parameter.clipped(parameter.value * SPAN)
    return replace(parameter, low=low, high=high)
