"""Verdicts on statements about results, by one rule.

A statement says that a ratio of means lies between two bounds, at one point or at every point of an axis.
At each point it *holds* where the whole interval of the ratio is within the bounds (these included), *fails*
where the whole interval is outside, and is *undecided* otherwise. The intervals are corrected for the number
of points (Bonferroni). Then

- *confirmed*: it holds at every point;
- *refuted*: it fails at every point;
- *it depends*: it is shown to hold at some points and to fail at others; where it turns is a threshold;
- *not shown*: anything else.

A claim is judged so over its cases: by the cases on its own terms, with its own figures and conditions. Cases
beyond them, with other figures, opponents or limits, are judged by the same rule, apart.

A bound is judged by the paired difference numerator - bound x denominator, whose sign needs no division: for
a positive denominator that is Fieller's interval of the ratio (Fieller, J. R. Stat. Soc. B 16, 1954).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.study.estimates import Estimate, mean_and_deviations, t_critical
from dispatch_sim.study.sign_changes import SignChanges, agreeing, sign_changes

ROUNDING = 1e-9
"""Part of what is compared by which a bound may be missed: sums of seconds are not exact."""


class Verdict(StrEnum):
    """What becomes of a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    DEPENDS = "it depends"
    NOT_SHOWN = "not shown"


class State(StrEnum):
    """What becomes of a statement at one point."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Paired:
    """What a statement compares at one point, one value a replication.

    Attributes
    ----------
    of, to : numerator and denominator, shape (replications,).
    """

    of: NDArray[np.float64]
    to: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PointFinding:
    """A statement at one point of its axis.

    Attributes
    ----------
    at : the value on the axis as written; None where there is no axis.
    ratio : of the means, with its interval; the ends are infinite where the denominator may be zero.
    state : whether the statement holds.
    """

    at: Any
    ratio: Estimate
    state: State

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {"at": self.at, "state": self.state, **self.ratio.to_json()}


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a statement begins or ceases to hold along its axis.

    Attributes
    ----------
    at : the place.
    low, high : its confidence set.
    bound : the bound that the ratio crosses there.
    holds_above : whether the statement holds above it; it fails on the other side.
    """

    at: float
    low: float
    high: float
    bound: float
    holds_above: bool

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)


def verdict_of_states(states: Iterable[State]) -> Verdict:
    """Return what a statement comes to, from what it comes to at each point."""
    found = set(states)
    if found == {State.HOLDS}:
        return Verdict.CONFIRMED
    if found == {State.FAILS}:
        return Verdict.REFUTED
    return Verdict.DEPENDS if {State.HOLDS, State.FAILS} <= found else Verdict.NOT_SHOWN


def verdict_of_cases(verdicts: Iterable[Verdict]) -> Verdict:
    """Return what a claim comes to: what all its cases do; where some confirm and some refute, it depends."""
    found = set(verdicts)
    if len(found) == 1:
        return found.pop()
    if Verdict.DEPENDS in found or {Verdict.CONFIRMED, Verdict.REFUTED} <= found:
        return Verdict.DEPENDS
    return Verdict.NOT_SHOWN


def ratio_estimate(pair: Paired, confidence: float) -> Estimate:
    """Estimate the ratio of two means by Fieller's theorem.

    Returns
    -------
    The interval is exact where nothing varies, and unbounded on both sides where the denominator is not shown
    to differ from zero.
    """
    n = pair.of.size
    of_mean, of = _moments(pair.of)
    to_mean, to = _moments(pair.to)
    if to_mean == 0:
        return Estimate(math.nan, -math.inf, math.inf, n)
    ratio = of_mean / to_mean
    if not of.any() and not to.any():
        return Estimate(ratio, ratio, ratio, n)
    factor = t_critical(confidence, n) ** 2 / (n * (n - 1))
    # The ends solve (of_mean - r to_mean)^2 = factor |of - r to|^2; shifted by the ratio, little cancels.
    rest = of - ratio * to
    a = to_mean**2 - factor * float(to @ to)
    b = -factor * float(rest @ to)
    c = -factor * float(rest @ rest)
    if a <= 0:
        return Estimate(ratio, -math.inf, math.inf, n)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Estimate(ratio, ratio + (b - root) / a, ratio + (b + root) / a, n)


def state_at(pair: Paired, at_least: float | None, at_most: float | None, confidence: float) -> State:
    """Return whether a ratio is within its bounds, at a two-sided confidence."""
    states = []
    for bound, sign in ((at_most, 1.0), (at_least, -1.0)):
        if bound is not None:
            scale = float(np.abs(pair.of).max() + abs(bound) * np.abs(pair.to).max())
            states.append(_at_most_zero(sign * (pair.of - bound * pair.to), scale, confidence))
    if State.FAILS in states:
        return State.FAILS
    return State.HOLDS if set(states) == {State.HOLDS} else State.UNDECIDED


def agreed(states: Iterable[State]) -> State:
    """Return what several ways of judging agree on."""
    found = set(states)
    return found.pop() if len(found) == 1 else State.UNDECIDED


def find_thresholds(
    places: Sequence[float],
    ways: Sequence[Sequence[Paired]],
    at_least: float | None,
    at_most: float | None,
    confidence: float,
) -> tuple[Threshold, ...]:
    """Return where a statement turns along its axis, beyond doubt.

    Parameters
    ----------
    places : values of the axis, increasing.
    ways : what is compared at each of them; several ways of judging have to agree.
    at_least, at_most : the bounds, None where there is none.
    confidence : of each confidence set.
    """
    found: list[Threshold] = []
    for bound, sign in ((at_most, 1.0), (at_least, -1.0)):
        if bound is None:
            continue
        # In the words of `sign_changes`: where the bound is passed "queue" wins, where it is kept "parallel".
        changes: SignChanges | None = None
        for pairs in ways:
            passed = np.stack([sign * (pair.of - bound * pair.to) for pair in pairs])
            way = sign_changes(places, passed, confidence)
            changes = way if changes is None else agreeing(changes, way)
        for crossing in changes.crossings if changes is not None else ():
            if crossing.resolved and crossing.low is not None and crossing.high is not None:
                kept_above = crossing.direction == "parallel_wins_above"
                found.append(Threshold(crossing.at, crossing.low, crossing.high, bound, kept_above))
    return tuple(sorted(found, key=lambda threshold: threshold.at))


def _at_most_zero(differences: NDArray[np.float64], scale: float, confidence: float) -> State:
    """Return whether a mean is at most zero: holds, fails, or undecided."""
    mean, deviations = _moments(differences)
    n = differences.size
    half = t_critical(confidence, n) * math.sqrt(float(deviations @ deviations) / (n - 1) / n)
    slack = ROUNDING * scale
    if mean + half <= slack:
        return State.HOLDS
    return State.FAILS if mean - half > slack else State.UNDECIDED


def _moments(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    mean, deviations = mean_and_deviations(values)
    return float(mean), deviations
