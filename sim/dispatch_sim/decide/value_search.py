"""The search along one numeric key for the value at which another strategy is recommended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.grid import try_grid_point
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.sampling import Numbers, Sampled
from dispatch_sim.scenario.indifference import IndifferenceThreshold
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import mean_and_deviations, mean_intervals, to_end_early
from dispatch_sim.stats.paired_comparison import PairedComparison, compare_best
from dispatch_sim.stats.student_t import t_critical


@dataclass(frozen=True)
class Incumbent:
    """The recommended strategy or, where a kind is given, the best strategy of that kind."""

    strategy: Strategy
    kind: str | None

    def sides(self, sampled: Sampled) -> tuple[Numbers, Numbers]:
        """Return which strategies that were simulated at a point it may be, and all others."""
        point, there = sampled.point, sampled.counts > 0
        tasks = point.tasks
        holds = np.array(
            [
                each == self.strategy if self.kind is None else each.kind_in(tasks) == self.kind
                for each in point.strategies
            ]
        )
        return np.flatnonzero(holds & there), np.flatnonzero(~holds & there)


@dataclass(frozen=True)
class _Excess:
    """What an incumbent costs above the best of the others, at a value.

    Attributes
    ----------
    holds, others : the strategies that the incumbent, and the best of the others, may be; the best first.
    mean : of the cost above the others, less the threshold.
    is_clear : whether the recommendation stands, or switches, beyond doubt.
    """

    holds: Numbers
    others: Numbers
    mean: float
    is_clear: bool


@dataclass
class ValueSearch:
    """The search along one key: the values that were tried, with the costs of each strategy there.

    Attributes
    ----------
    confidence, indifference : of all searches; a share is one of the best mean at each value.
    tried : the point at each value that was tried, the present one included.
    impossible : values at which the batch cannot be simulated.
    """

    parameter: Parameter
    confidence: float
    indifference: IndifferenceThreshold
    tried: dict[float, Sampled]
    impossible: set[float] = field(default_factory=set)
    _known: dict[Any, _Excess] = field(default_factory=dict)

    def add(self, source: Source, value: float) -> Sampled | None:
        """Return the point at a value. The range ends before a value that cannot be simulated."""
        if value not in self.tried and value not in self.impossible:
            point = try_grid_point(source, {self.parameter.path: self.parameter.write(value)})
            if point is None:
                self.impossible.add(value)
            else:
                self.tried[value] = Sampled(point)
        return self.tried.get(value)

    def values(self, incumbent: Incumbent) -> list[float]:
        """Return the values at which the incumbent was simulated, the nearest to the present first."""
        simulated = [value for value in self.tried if self.excess(value, incumbent).holds.size]
        return sorted(simulated, key=self.distance)

    def distance(self, value: float) -> float:
        """Return how far a value is from the present one, by ratio: zero is farther than any other."""
        return abs(math.log(value / self.parameter.value)) if value > 0 else math.inf

    def is_on_side_of(self, value: float, end: float) -> bool:
        """Whether a value is the present one, or on the same side of it as another."""
        present = self.parameter.value
        return value == present or (value < present) == (end < present)

    def excess(self, value: float, incumbent: Incumbent) -> _Excess:
        """Return what an incumbent costs above the best of the others."""
        sampled = self.tried[value]
        key = (value, int(sampled.counts.sum()), incumbent)
        if key not in self._known:
            self._known[key] = self._excess(sampled, incumbent)
        return self._known[key]

    def _excess(self, sampled: Sampled, incumbent: Incumbent) -> _Excess:
        holds, others = (
            sampled.contenders(side, self.confidence) if side.size else side
            for side in incumbent.sides(sampled)
        )
        if not (holds.size and others.size):
            return _Excess(holds, others, 0.0, is_clear=True)
        first = holds[0]
        least = min(sample.mean() for sample in sampled.samples(np.array([first, others[0]])))
        threshold = self.indifference.at(float(least))
        found, error = self._differences(sampled, np.concatenate([holds, others]), first)
        holds = holds[np.argsort(found[: holds.size], kind="stable")]
        if holds[0] != first:
            found, error = self._differences(sampled, np.concatenate([holds, others]), holds[0])
        order = np.argsort(found[holds.size :], kind="stable")
        others, below, error_below = others[order], found[holds.size :][order], error[holds.size :][order]
        above, error_above = -below[:1], error_below[:1]
        if holds.size > 1:
            above, error_above = self._differences(sampled, holds, others[0])
        stands = (below + threshold > error_below).all()
        switches = (above - threshold > error_above).all()
        is_exact = not error_below.any() and not error_above.any()
        is_clear = bool(stands or switches or is_exact)
        return _Excess(holds, others, float(above[0]) - threshold, is_clear)

    def _differences(
        self, sampled: Sampled, numbers: Numbers, reference: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean costs of strategies above that of another, and the half-widths of their intervals.

        At the present value there are more replications. Where the change since then varies less than the
        difference itself, it is estimated by what there was, and the change.
        """
        named = np.array([*numbers, reference])
        costs = sampled.costs(named)
        differences = costs[:-1] - costs[-1]
        strict = to_end_early(1 - (1 - self.confidence) / len(differences))
        mean, half_width = _intervals(differences, strict)
        present = self.tried[self.parameter.value]
        there = [present.point.numbers.get(sampled.point.strategies[number]) for number in named]
        if sampled is present or None in there:
            return mean, half_width
        costs = present.costs(np.array(there))
        before = costs[:-1] - costs[-1]
        common = min(differences.shape[1], before.shape[1])
        was, error_before = _intervals(before, strict)
        change, error = _intervals(differences[:, :common] - before[:, :common], strict)
        # Both rest on the common replications.
        _, deviations = mean_and_deviations(differences[:, :common] - before[:, :common])
        _, deviations_before = mean_and_deviations(before[:, :common])
        covariance = np.einsum("ij,ij->i", deviations, deviations_before) / max(common - 1, 1)
        shared = 2 * t_critical(strict, common) ** 2 * covariance / before.shape[1]
        by_change = np.sqrt(np.maximum(error_before**2 + error**2 + shared, 0.0))
        better = (by_change < half_width) & (before.shape[1] > common)
        return np.where(better, was + change, mean), np.where(better, by_change, half_width)

    def stands(self, value: float, incumbent: Incumbent) -> bool:
        """Whether the recommendation stands at a value that was tried, beyond doubt."""
        if value not in self.tried:
            return False
        found = self.excess(value, incumbent)
        return found.is_clear and found.mean <= 0

    def undecided(self, value: float, incumbent: Incumbent) -> Numbers:
        """Return the strategies that decide whether the recommendation switches; none if that is clear."""
        found = self.excess(value, incumbent)
        return np.concatenate([found.holds, found.others]) if not found.is_clear else found.holds[:0]

    @property
    def has_effect(self) -> bool:
        """Whether any value that was tried changes anything."""
        present = self.tried[self.parameter.value]
        for sampled in self.tried.values():
            if sampled.point.strategies != present.point.strategies:
                return True
            for one, other in zip(
                sampled.samples(sampled.everything), present.samples(present.everything), strict=True
            ):
                common = min(one.size, other.size)
                if not np.array_equal(one[:common], other[:common]):
                    return True
        return False

    def bracket(self, incumbent: Incumbent) -> tuple[float, float] | None:
        """Return the last value at which the recommendation stands, and the nearest at which it does not."""
        values = self.values(incumbent)
        switched = next((value for value in values if self.excess(value, incumbent).mean > 0), None)
        if switched is None or switched == self.parameter.value:
            return None
        nearer = [value for value in values if self.is_on_side_of(value, switched)]
        return nearer[nearer.index(switched) - 1], switched

    def middle(self, incumbent: Incumbent) -> float | None:
        """Return the value to try next, in the middle of a bracket; None where there is none.

        There is none either where an end of the bracket is not clear: noise is wider than the bracket.
        """
        bracket = self.bracket(incumbent)
        if bracket is None or not all(self.excess(end, incumbent).is_clear for end in bracket):
            return None
        one, other = bracket
        middle = math.sqrt(one * other) if one > 0 and other > 0 else (one + other) / 2
        middle = self.parameter.rounded(float(f"{middle:.12g}"))
        return None if middle in self.impossible or middle in self.tried else middle

    def around(self, incumbent: Incumbent, length: int) -> list[float]:
        """Return the values around a switch: its bracket, and more until both ends are significant."""
        bracket = self.bracket(incumbent)
        if bracket is None:
            return []
        values = [value for value in self.values(incumbent) if self.is_on_side_of(value, bracket[1])]
        first = last = values.index(bracket[0])
        last += 1
        while first > 0 and not self._is_significant(values[first], incumbent, length):
            first -= 1
        while last < len(values) - 1 and not self._is_significant(values[last], incumbent, length):
            last += 1
        return values[first : last + 1]

    def _is_significant(self, value: float, incumbent: Incumbent, length: int) -> bool:
        """Whether a comparison is significant, in both of its judgements, among all values tried."""
        if not self.excess(value, incumbent).others.size:
            return True
        found = self.compare(value, incumbent, length).estimate(
            1 - (1 - self.confidence) / (2 * len(self.tried))
        )
        return found.low > 0 or found.high < 0 or found.low == found.high

    def short(self, incumbent: Incumbent, replications: int, length: int) -> list[tuple[Sampled, Numbers]]:
        """Return what needs more replications for the interval of a switching value."""
        bracket, found = self.bracket(incumbent) or (), []
        for value in self.around(incumbent, length):
            excess, sampled = self.excess(value, incumbent), self.tried[value]
            numbers = np.concatenate([excess.holds, excess.others])
            if (sampled.counts[numbers] < replications).any() and (
                value in bracket or not self._is_significant(value, incumbent, length)
            ):
                found.append((sampled, numbers))
        return found

    def compare(self, value: float, incumbent: Incumbent, length: int) -> PairedComparison:
        """Compare the incumbent with all others at a value, less the threshold; padded to a length."""
        excess, sampled = self.excess(value, incumbent), self.tried[value]
        costs = sampled.costs(np.concatenate([excess.holds, excess.others]))[:, :length]
        found = compare_best(costs[: excess.holds.size], costs[excess.holds.size :])
        missing, threshold = (0, length - costs.shape[1]), self.indifference.at(found.scale)
        whole, halves = (
            np.pad(each - threshold, missing, constant_values=np.nan) for each in (found.whole, found.halves)
        )
        return replace(found, whole=whole, halves=halves)


def _intervals(
    values: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means of rows, and the half-widths of their intervals."""
    mean, low, _ = mean_intervals(values, confidence)
    return mean, mean - low
