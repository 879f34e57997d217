"""Judges cases about a ratio of measures, and about the best level of an axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from dispatch_sim.claims.statements import Best, Ratio, Term
from dispatch_sim.claims.verdicts import (
    Paired,
    State,
    Threshold,
    Verdict,
    find_thresholds,
    state_at,
    verdict_of_states,
)
from dispatch_sim.decide.units import axis_position
from dispatch_sim.scenario.indifference import IndifferenceThreshold
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.wording import unknown
from dispatch_sim.stats.estimates import Estimate, mean_estimate, paired_difference, ratio_of_means
from dispatch_sim.stats.paired_comparison import best_of, cross_fitted_best
from dispatch_sim.study.table import point_columns


class NotSimulatedError(UserError):
    """A case is about something that its scenario does not simulate."""


class Points:
    """The design points of a study.

    Attributes
    ----------
    results : one row a point and replication, the replications of a point one after the other.
    table : one row a point: `strategy`, and its level of each axis.
    """

    def __init__(self, results: pd.DataFrame) -> None:
        self.results = results
        self.table = results[point_columns(results)].drop_duplicates(ignore_index=True)

    def select(self, strategy: str, levels: Mapping[str, Any], over: str | None) -> pd.DataFrame:
        """Return the rows at levels, written as in the scenario; they differ along one axis at most."""
        found = self.table
        for column, level in {"strategy": strategy, **levels}.items():
            if column not in found.columns:
                raise NotSimulatedError(unknown("axis", column, list(found.columns)))
            found = found[equals(found[column], level)]
            if found.empty:
                choices = list(map(str, self.table[column].unique()))
                raise NotSimulatedError(f"not simulated: {unknown(column, str(level), choices)}")
        for axis in found.columns:
            if axis != over and found[axis].nunique() > 1:
                raise NotSimulatedError(f"several levels of {axis} are simulated; name one under at")
        return found

    def values(self, rows: pd.DataFrame, measures: Sequence[str]) -> NDArray[np.float64]:
        """Return a sum of measures, some with a minus sign, at rows: shape (rows, replications)."""
        total = np.zeros(len(self.results))
        for measure in measures:
            column = measure.removeprefix("-")
            if column not in self.results.columns:
                raise NotSimulatedError(unknown("measure", column, list(self.results.columns)))
            total += (-1 if measure.startswith("-") else 1) * self.results[column].to_numpy(np.float64)
        return np.asarray(total.reshape(len(self.table), -1)[rows.index.to_numpy()])


def equals(column: pd.Series, level: Any) -> pd.Series:
    """Return where a column of results is at a level."""
    return column == (level if is_numeric_dtype(column) else str(level))


_Pick = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Takes one of several points, shape (points, replications)."""


@dataclass(frozen=True, slots=True)
class RatioAt:
    """A ratio at a level of the axis (None without an axis), and whether the statement holds there."""

    at: Any
    ratio: Estimate
    state: State


@dataclass(frozen=True)
class RatioFinding:
    """The ratio along its axis, with intervals that hold together, and where the statement turns.

    `best` is the concurrency of the best queue at the last level, where the statement is about that.
    """

    points: tuple[RatioAt, ...]
    thresholds: tuple[Threshold, ...]
    best: int | None
    verdict: Verdict


def judge_ratio(ratio: Ratio, points: Points, confidence: float) -> RatioFinding:
    """Judge a statement about a ratio.

    A best queue is chosen both on all replications and by cross-fitting, and both have to agree.
    """
    terms = (*ratio.of, *(ratio.to or ()))
    levels = _levels(ratio.over, terms, points)
    together = 1 - (1 - confidence) / len(levels)
    picks = (best_of, cross_fitted_best) if any(map(_is_best, terms)) else (best_of,)
    estimators = [[_paired(ratio, points, rows, pick) for rows in levels.values()] for pick in picks]
    found = []
    for level, *pairs in zip(levels, *estimators, strict=True):
        states = {state_at(pair, ratio.at_least, ratio.at_most, together) for pair in pairs}
        state = states.pop() if len(states) == 1 else State.UNDECIDED
        of, to = pairs[0]
        found.append(RatioAt(level, ratio_of_means(of, to, together), state))
    levels_on_axis = [0.0 if level is None else axis_position(level) for level in levels]
    thresholds = find_thresholds(levels_on_axis, estimators, ratio.at_least, ratio.at_most, confidence)
    best = None
    for term, rows in zip(terms, levels[found[-1].at], strict=True):
        if _is_best(term):
            best = int(rows["concurrency"].iloc[points.values(rows, term.measure).mean(axis=1).argmin()])
    return RatioFinding(tuple(found), thresholds, best, verdict_of_states(each.state for each in found))


def _is_best(term: Term) -> bool:
    return term.at.get("concurrency") == "best"


def _levels(over: str | None, terms: Sequence[Term], points: Points) -> dict[Any, list[pd.DataFrame]]:
    """Return the rows of every term at each level of the axis, in order.

    Levels at which some term is not simulated are left out, and those at which a term is held anyway, so
    that nothing is compared with itself.
    """
    if over is None:
        return {None: [_rows(term, points, {}) for term in terms]}
    found: dict[Any, list[pd.DataFrame]] = {}
    failed = NotSimulatedError(unknown("axis", over, list(points.table.columns)))
    levels = points.table[over].unique().tolist() if over in points.table.columns else []
    for level in sorted(levels, key=axis_position):
        if not any(term.at.get(over) == level for term in terms):
            try:
                found[level] = [_rows(term, points, {over: level}) for term in terms]
            except NotSimulatedError as error:
                failed = error
    if not found:
        raise failed
    return found


def _rows(term: Term, points: Points, held: dict[str, Any]) -> pd.DataFrame:
    """Return the row of a term, or all rows of which the best is to be taken."""
    levels = held | term.at
    wanted = levels.pop("concurrency", None)
    rows = points.select(term.strategy, levels, over="concurrency")
    concurrency = rows["concurrency"]
    if wanted == "best":
        rows = rows[concurrency < rows["tasks"]]
        if rows.empty:
            raise NotSimulatedError(f"no concurrency of {term.strategy} below the batch size is simulated")
        return rows
    if wanted == "next":
        wanted = concurrency[concurrency > held["concurrency"]].min()
    # Over concurrency, sequential and parallel have no other than their own.
    if wanted is not None and ("concurrency" in term.at or len(rows) > 1):
        levels["concurrency"] = wanted
    return points.select(term.strategy, levels, over=None)


def _paired(ratio: Ratio, points: Points, rows: Sequence[pd.DataFrame], pick: _Pick) -> Paired:
    """Return both sums, one value a replication."""
    terms = (*ratio.of, *(ratio.to or ()))
    values = [pick(points.values(each, term.measure)) for term, each in zip(terms, rows, strict=True)]
    of = np.sum(values[: len(ratio.of)], axis=0)
    return of, np.ones_like(of) if ratio.to is None else np.sum(values[len(ratio.of) :], axis=0)


@dataclass(frozen=True)
class BestFinding:
    """The levels of an axis, and those that may be the best.

    Attributes
    ----------
    means : of the measure at each level, each interval by itself.
    more : difference of each level to the one with the least mean, paired; the intervals hold together.
    best : levels not significantly worse than that one, or worse by no more than the indifference threshold.
    """

    levels: tuple[Any, ...]
    means: tuple[Estimate, ...]
    more: tuple[Estimate, ...]
    best: tuple[Any, ...]
    verdict: Verdict


def judge_best(
    claim: Best, points: Points, indifference: IndifferenceThreshold, confidence: float
) -> BestFinding:
    """Judge a statement about the best levels: confirmed where all are within bounds, refuted where none is.

    They hold the truly best with at least `confidence`. `indifference` is the threshold of a cost.
    """
    rows = points.select(claim.strategy, claim.at, claim.over)
    rows = rows.sort_values(claim.over, key=lambda levels: levels.map(axis_position))
    levels, samples = tuple(rows[claim.over].tolist()), points.values(rows, [claim.measure])
    least = best_of(samples)
    together = 1 - (1 - confidence) / max(len(levels) - 1, 1)
    more = tuple(paired_difference(sample, least, together) for sample in samples)
    threshold = indifference.at(float(least.mean())) if claim.measure.endswith("_usd") else 0.0
    is_best = [each.low <= 0 or each.high <= threshold for each in more]
    best = tuple(level for level, is_among in zip(levels, is_best, strict=True) if is_among)
    low = -math.inf if claim.at_least is None else claim.at_least
    high = math.inf if claim.at_most is None else claim.at_most
    inside = {low <= axis_position(level) <= high for level in best}
    verdict = Verdict.NOT_SHOWN
    if len(inside) == 1:
        verdict = Verdict.CONFIRMED if True in inside else Verdict.REFUTED
    means = tuple(mean_estimate(sample, confidence) for sample in samples)
    return BestFinding(levels, means, more, best, verdict)
