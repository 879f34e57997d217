"""The search along one numeric key for the value at which another strategy is recommended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.sampling import Numbers, Sampled, try_sampled
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import mean_and_deviations, mean_intervals, to_end_early
from dispatch_sim.stats.paired_comparison import PairedComparison, compare_best
from dispatch_sim.stats.student_t import t_critical


def sides_of(sampled: Sampled, recommended: Strategy, kind: str | None) -> tuple[Numbers, Numbers]:
    """Return which strategies that were simulated at a point the incumbent may be, and all others.

    It is the recommended strategy or, where a kind is given, the best strategy of that kind.
    """
    holds = [
        each == recommended if kind is None else each.kind_in(sampled.tasks) == kind
        for each in sampled.strategies
    ]
    there = sampled.counts > 0
    return np.flatnonzero(np.array(holds) & there), np.flatnonzero(~np.array(holds) & there)


@dataclass(frozen=True)
class _Excess:
    """What an incumbent costs above the best of the others, at a value, less the threshold.

    `holds` are the strategies that the incumbent may be, the best first, and `others` those that the best of
    the others may be. It is clear where the recommendation stands, or switches, beyond doubt.
    """

    holds: Numbers
    others: Numbers
    mean: float
    is_clear: bool


@dataclass
class ValueSearch:
    """The search along one key of a scenario without factors; for the incumbent, see `sides_of`.

    `tried` has the point at each value that was tried, the present one included; `impossible` the values at
    which the batch cannot be simulated. Around a switching value there are at `most` so many replications.
    """

    source: Source
    parameter: Parameter
    recommended: Strategy
    most: int
    tried: dict[float, Sampled]
    impossible: set[float] = field(default_factory=set)
    _known: dict[Any, _Excess] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """The confidence of all differences at a value simultaneously, and of each switching value."""
        return self.source.scenario().study.confidence

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the range."""
        return self.parameter.low, self.parameter.high

    def add(self, value: float) -> Sampled | None:
        """Return the point at a value. The range ends before a value that cannot be simulated."""
        if value not in self.tried and value not in self.impossible:
            sampled = try_sampled(self.source, {self.parameter.path: self.parameter.write(value)})
            if sampled is None:
                self.impossible.add(value)
            else:
                self.tried[value] = sampled
        return self.tried.get(value)

    def values(self, kind: str | None, towards: float | None = None) -> list[float]:
        """Return the values at which the incumbent was simulated, the nearest to the present first.

        With `towards`, only those that are not on the other side of the present value.
        """
        present = self.parameter.value
        simulated = [value for value in self.tried if self.excess(value, kind).holds.size]
        if towards is not None:
            simulated = [v for v in simulated if v == present or (v < present) == (towards < present)]
        return sorted(simulated, key=self.distance)

    def distance(self, value: float) -> float:
        """Return how far a value is from the present one, by ratio: zero is farther than any other."""
        return abs(math.log(value / self.parameter.value)) if value > 0 else math.inf

    def excess(self, value: float, kind: str | None) -> _Excess:
        """Return what an incumbent costs above the best of the others."""
        sampled = self.tried[value]
        key = (value, int(sampled.counts.sum()), kind)
        if key not in self._known:
            self._known[key] = self._excess(sampled, kind)
        return self._known[key]

    def _excess(self, sampled: Sampled, kind: str | None) -> _Excess:
        holds, others = (
            sampled.contenders(side) if side.size else side
            for side in sides_of(sampled, self.recommended, kind)
        )
        if not (holds.size and others.size):
            return _Excess(holds, others, 0.0, is_clear=True)
        first = holds[0]
        least = min(sample.mean() for sample in (sampled.samples[first], sampled.samples[others[0]]))
        threshold = self.source.scenario().threshold.at(float(least))
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
        strategies = [sampled.strategies[number] for number in named]
        if sampled is present or not set(strategies) <= set(present.strategies):
            return mean, half_width
        costs = present.costs(np.array([present.strategies.index(each) for each in strategies]))
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

    def stands(self, value: float, kind: str | None) -> bool:
        """Whether the recommendation stands at a value that was tried, beyond doubt."""
        if value not in self.tried:
            return False
        found = self.excess(value, kind)
        return found.is_clear and found.mean <= 0

    def undecided(self, value: float, kind: str | None) -> Numbers:
        """Return the strategies that decide whether the recommendation switches; none if that is clear."""
        found = self.excess(value, kind)
        return np.concatenate([found.holds, found.others]) if not found.is_clear else found.holds[:0]

    @property
    def has_effect(self) -> bool:
        """Whether any value that was tried changes anything."""
        present = self.tried[self.parameter.value]
        for sampled in self.tried.values():
            if sampled.strategies != present.strategies:
                return True
            pairs = zip(sampled.samples, present.samples, strict=True)
            if any((one[: other.size] != other[: one.size]).any() for one, other in pairs):
                return True
        return False

    def bracket(self, kind: str | None) -> tuple[float, float] | None:
        """Return the last value at which the recommendation stands, and the nearest at which it does not."""
        values = self.values(kind)
        switched = next((value for value in values if self.excess(value, kind).mean > 0), None)
        if switched is None or switched == self.parameter.value:
            return None
        nearer = self.values(kind, switched)
        return nearer[nearer.index(switched) - 1], switched

    def middle(self, kind: str | None) -> float | None:
        """Return the value to try next, in the middle of a bracket; None where there is none.

        There is none either where an end of the bracket is not clear: noise is wider than the bracket.
        """
        bracket = self.bracket(kind)
        if bracket is None or not all(self.excess(end, kind).is_clear for end in bracket):
            return None
        one, other = bracket
        middle = math.sqrt(one * other) if one > 0 and other > 0 else (one + other) / 2
        middle = self.parameter.rounded(float(f"{middle:.12g}"))
        return None if middle in self.impossible or middle in self.tried else middle

    def around(self, kind: str | None) -> list[float]:
        """Return the values around a switch: its bracket, and more until both ends are significant."""
        bracket = self.bracket(kind)
        if bracket is None:
            return []
        values = self.values(kind, bracket[1])
        first = values.index(bracket[0])
        last = first + 1
        while first > 0 and not self._is_significant(values[first], kind):
            first -= 1
        while last < len(values) - 1 and not self._is_significant(values[last], kind):
            last += 1
        return values[first : last + 1]

    def _is_significant(self, value: float, kind: str | None) -> bool:
        """Whether a comparison is significant, in both of its judgements, among all values tried."""
        if not self.excess(value, kind).others.size:
            return True
        together = 1 - (1 - self.confidence) / (2 * len(self.tried))
        found = self.compare(value, kind).estimate(together)
        return found.low > 0 or found.high < 0 or found.low == found.high

    def short(self, kind: str | None, replications: int) -> list[tuple[Sampled, Numbers, int]]:
        """Return what needs a number of replications for the interval of a switching value."""
        bracket, found = self.bracket(kind) or (), []
        for value in self.around(kind):
            excess, sampled = self.excess(value, kind), self.tried[value]
            numbers = np.concatenate([excess.holds, excess.others])
            if (sampled.counts[numbers] < replications).any() and (
                value in bracket or not self._is_significant(value, kind)
            ):
                found.append((sampled, numbers, replications))
        return found

    def compare(self, value: float, kind: str | None) -> PairedComparison:
        """Compare the incumbent with all others at a value, less the threshold; NaN up to `most`."""
        excess, sampled = self.excess(value, kind), self.tried[value]
        costs = sampled.costs(np.concatenate([excess.holds, excess.others]))[:, : self.most]
        found = compare_best(costs[: excess.holds.size], costs[excess.holds.size :])
        threshold = self.source.scenario().threshold.at(found.scale)
        missing = np.full(self.most - costs.shape[1], np.nan)
        whole, halves = (np.append(each - threshold, missing) for each in (found.whole, found.halves))
        return replace(found, whole=whole, halves=halves)


def _intervals(
    values: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means of rows, and the half-widths of their intervals."""
    mean, low, _ = mean_intervals(values, confidence)
    return mean, mean - low
