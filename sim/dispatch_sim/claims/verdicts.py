"""Verdicts on statements about results, by one rule.

A statement says that a ratio of means lies between two bounds, at one point or at every point of an axis.
At a point it *holds* where the whole interval of the ratio is within the bounds (these included), *fails*
where the whole interval is outside, and is *undecided* otherwise. The intervals are corrected for the number
of points (Bonferroni). A statement is *confirmed* where it holds at every point, *refuted* where it fails at
every point, *it depends* where it is shown to hold at some and to fail at others, and *not shown* otherwise.

A bound is judged by the paired difference numerator - bound x denominator, whose sign needs no division: for
a positive denominator its interval and that of `ratio_of_means` agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.stats.crossings import agreeing, sign_changes
from dispatch_sim.stats.estimates import cochran, mean_and_deviations, mean_estimate

ROUNDING = 1e-9
"""Relative tolerance of a bound: sums of seconds are not exact."""

Paired = tuple[NDArray[np.float64], NDArray[np.float64]]
"""The numerator and the denominator of a ratio at one point, shape (replications,) each."""


class Verdict(StrEnum):
    """The verdict on a claim or a case."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    DEPENDS = "it depends"
    NOT_SHOWN = "not shown"


class State(StrEnum):
    """Whether a statement holds at one point."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A point on an axis, with its confidence interval, where a statement starts or ceases to hold."""

    at: float
    low: float
    high: float
    bound: float
    holds_above: bool


def verdict_of_states(states: Iterable[State]) -> Verdict:
    """Return the verdict on a statement from its states at all points."""
    found = set(states)
    if found == {State.HOLDS}:
        return Verdict.CONFIRMED
    if found == {State.FAILS}:
        return Verdict.REFUTED
    return Verdict.DEPENDS if {State.HOLDS, State.FAILS} <= found else Verdict.NOT_SHOWN


def verdict_of_cases(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on a claim: that of all cases; where some confirm and some refute, it depends."""
    found = set(verdicts)
    if len(found) == 1:
        return found.pop()
    if Verdict.DEPENDS in found or {Verdict.CONFIRMED, Verdict.REFUTED} <= found:
        return Verdict.DEPENDS
    return Verdict.NOT_SHOWN


def state_at(pair: Paired, at_least: float | None, at_most: float | None, confidence: float) -> State:
    """Return whether a ratio is within its bounds, at a two-sided confidence."""
    of, to = pair
    state = State.HOLDS
    for bound, sign in _bounds(at_least, at_most):
        beyond = mean_estimate(sign * (of - bound * to), confidence)
        slack = ROUNDING * float(np.abs(of).max() + abs(bound) * np.abs(to).max())
        if beyond.low > slack:
            return State.FAILS
        if beyond.high > slack:
            state = State.UNDECIDED
    return state


def is_valid(sample: NDArray[np.float64]) -> bool:
    """Return whether there are enough values for a confidence interval, given how skewed they are."""
    deviations = mean_and_deviations(sample)[1]
    rounding = ROUNDING * float(np.abs(sample).max(initial=0.0))
    return bool(np.abs(deviations).max() <= rounding) or sample.size >= cochran(deviations)


def find_thresholds(
    levels: Sequence[float],
    estimators: Sequence[Sequence[Paired]],
    at_least: float | None,
    at_most: float | None,
    confidence: float,
) -> tuple[Threshold, ...]:
    """Return where a statement is shown to start or cease to hold; several estimators have to agree."""
    found: list[Threshold] = []
    for bound, sign in _bounds(at_least, at_most):
        beyond = [np.stack([sign * (of - bound * to) for of, to in pairs]) for pairs in estimators]
        changes = reduce(agreeing, [sign_changes(levels, each, confidence) for each in beyond])
        for crossing in changes.crossings:
            if crossing.resolved and crossing.low is not None and crossing.high is not None:
                holds_above = crossing.favours_above == "negative"
                found.append(Threshold(crossing.at, crossing.low, crossing.high, bound, holds_above))
    return tuple(sorted(found, key=lambda threshold: threshold.at))


def _bounds(at_least: float | None, at_most: float | None) -> Iterator[tuple[float, float]]:
    """Yield each bound, and the sign that makes what is beyond it positive."""
    if at_most is not None:
        yield at_most, 1.0
    if at_least is not None:
        yield at_least, -1.0
