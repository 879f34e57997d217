"""What the difference between the recommended way and its best rival hangs on, key by key.

One at a time (a tornado) it says how much a key can do by itself; Sobol's indices say how much of the
variance is a key's when all of them are uncertain together. Both are of the mean paired difference, what
the rival costs more; both ways meet the same replications at every value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.estimates import Estimate, t_critical
from dispatch_sim.study.parameter import Parameter
from dispatch_sim.study.places import Place, find_place, play_places
from dispatch_sim.study.runner import OnProgress
from dispatch_sim.study.winners import paired_intervals

SPAN = 2.0
"""Keys are varied from half of their value to twice it, unless a range is given."""

MOST_IN_SOBOL = 6
"""Keys that are varied together: those that do most by themselves."""

SAMPLES = 64
"""Points of one Sobol sequence, a power of two."""

SCRAMBLES = 4
"""Independent scramblings of the sequence; their spread is how far the indices may be off."""


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


@dataclass(frozen=True, slots=True)
class Index:
    """A key's part of the variance of the difference.

    Attributes
    ----------
    parameter : the key, log-uniform over its range.
    first, total : by itself, and with all that it does together with others; means over the scramblings.
    first_error, total_error : half-widths of their 95% intervals.
    """

    parameter: Parameter
    first: float
    total: float
    first_error: float
    total_error: float

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "path": self.parameter.path,
            "range": [self.parameter.low, self.parameter.high],
            "first_order": self.first,
            "total_order": self.total,
            "first_order_half_width": self.first_error,
            "total_order_half_width": self.total_error,
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
            if len(place.points) == 2:  # a queue may be wider than a smaller batch
                asked.append((2 * number + end, place))
    played = play_places([here, *(place for _, place in asked)], replications, jobs, on_progress)
    present, *others = (_difference(costs, confidence) for costs in played)
    at = {number: estimate for (number, _), estimate in zip(asked, others, strict=True)}
    swings = []
    for number, parameter in enumerate(parameters):
        low, high = at.get(2 * number), at.get(2 * number + 1)
        means = [present.mean, *(estimate.mean for estimate in (low, high) if estimate is not None)]
        swings.append(Swing(parameter, low, high, max(means) - min(means)))
    return sorted((swing for swing in swings if swing.swing > 0), key=lambda swing: -swing.swing)


def find_indices(
    source: Source,
    parameters: Sequence[Parameter],
    ways: tuple[Strategy, Strategy],
    *,
    replications: int,
    samples: int = SAMPLES,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> list[Index]:
    """Find each key's part of the variance of the difference, all of them varied together.

    Parameters
    ----------
    source : as `places.without_factors` returns it.
    parameters : the keys; each is independent of the others, and log-uniform over its range. Where some
        combination cannot be played, all ranges are narrowed by the square root, until all can.
    ways : the recommended one and the rival.
    replications : of both ways at each combination; the same for all, so the difference is a function.
    samples : points of one Sobol sequence, a power of two.
    jobs, on_progress : as `play_places`.

    Returns
    -------
    The largest total index first; nothing with fewer than two keys, or where the difference is constant.
    """
    while True:
        try:
            _check_corners(source, parameters, ways)
            break
        except ScenarioError:
            if all(parameter.high < 1.05 * parameter.value for parameter in parameters):
                return []
            parameters = [_narrower(parameter) for parameter in parameters]

    def difference(values: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = values.reshape(len(parameters), -1).T
        places = [_place(source, parameters, column, ways) for column in columns]
        found = play_places(places, replications, jobs, on_progress)
        return np.array([float((costs[1] - costs[0]).mean()) for costs in found])

    return sobol(difference, parameters, samples, source.scenario().study.seed) if len(parameters) > 1 else []


def sobol(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    parameters: Sequence[Parameter],
    samples: int = SAMPLES,
    seed: int = 1,
) -> list[Index]:
    """Return Sobol's indices of a function of keys, log-uniform over their ranges (uniform from zero on).

    Parameters
    ----------
    function : of values of shape (keys, n); returns n numbers, and the same for the same values.
    parameters : the keys.
    samples : points of one sequence.
    seed : of the scramblings.

    Returns
    -------
    The largest total index first; nothing where the function is constant, or not always a number.

    Notes
    -----
    `scipy.stats.sobol_indices` (Saltelli et al., Computer Physics Communications 181, 2010). The error is the
    t interval over independent scramblings of the sequence (Owen, SIAM J. Numer. Anal. 34, 1997).
    """
    from scipy import stats

    spreads: list[Any] = [
        stats.loguniform(p.low, p.high) if p.low > 0 else stats.uniform(p.low, p.high - p.low)
        for p in parameters
    ]

    def checked(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.atleast_2d(function(values))

    found = []
    for scramble in range(SCRAMBLES):
        rng = np.random.default_rng((seed, scramble))
        result = stats.sobol_indices(func=checked, n=samples, dists=spreads, rng=rng)
        found.append((np.ravel(result.first_order), np.ravel(result.total_order)))
    indices = np.array(found)  # scramblings, kinds, keys
    # Where nothing varies, all of them are zero.
    if not np.isfinite(indices).all() or not indices.any():
        return []
    mean = indices.mean(axis=0)
    error = t_critical(0.95, SCRAMBLES) * indices.std(axis=0, ddof=1) / math.sqrt(SCRAMBLES)
    rows = [
        Index(parameter, float(mean[0, i]), float(mean[1, i]), float(error[0, i]), float(error[1, i]))
        for i, parameter in enumerate(parameters)
    ]
    return sorted(rows, key=lambda index: -index.total)


def around(parameter: Parameter, span: float = SPAN) -> Parameter:
    """Return a key in a range around its value, within the range that it has."""
    low, high = parameter.clipped(parameter.value / span), parameter.clipped(parameter.value * span)
    return replace(parameter, low=low, high=high)


def _narrower(parameter: Parameter) -> Parameter:
    value = parameter.value
    low, high = math.sqrt(parameter.low * value), math.sqrt(parameter.high * value)
    return replace(parameter, low=low, high=high)


def _check_corners(source: Source, parameters: Sequence[Parameter], ways: tuple[Strategy, Strategy]) -> None:
    """Raise a `ScenarioError` where the batch cannot be played at some corner of the ranges."""
    for corner in range(2 ** len(parameters)):
        values = [(p.high if corner >> i & 1 else p.low) for i, p in enumerate(parameters)]
        _place(source, parameters, values, ways)


def _place(
    source: Source,
    parameters: Sequence[Parameter],
    values: Sequence[float] | NDArray[np.float64],
    ways: tuple[Strategy, Strategy],
) -> Place:
    put = {
        parameter.path: parameter.written(parameter.clipped(float(value)))
        for parameter, value in zip(parameters, values, strict=True)
    }
    return find_place(source, put, ways)


def _difference(costs: NDArray[np.float64], confidence: float) -> Estimate:
    """Return what the second of two ways costs more than the first."""
    mean, half = paired_intervals(costs[1:], costs[0], confidence)
    return Estimate(float(mean[0]), float(mean[0] - half[0]), float(mean[0] + half[0]), costs.shape[1])
