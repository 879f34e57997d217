"""Judges cases about a ratio of measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.claims.simulation import NotSimulatedError, Points
from dispatch_sim.claims.statements import Ratio, Term
from dispatch_sim.claims.verdicts import (
    Paired,
    State,
    Threshold,
    Verdict,
    find_thresholds,
    is_valid,
    state_at,
    verdict_of_states,
)
from dispatch_sim.decide.units import axis_position
from dispatch_sim.scenario.wording import unknown
from dispatch_sim.stats.estimates import Estimate, ratio_of_means, to_end_early
from dispatch_sim.stats.paired_comparison import best_of, cross_fitted_best

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

    Attributes
    ----------
    best : the concurrency of the best queue at each level, where the statement is about that.
    valid : whether there are enough replications for the intervals.
    """

    points: tuple[RatioAt, ...]
    thresholds: tuple[Threshold, ...]
    best: tuple[int, ...]
    valid: bool
    verdict: Verdict


def judge_ratio(ratio: Ratio, points: Points, confidence: float) -> RatioFinding:
    """Judge a statement about a ratio.

    A best queue is chosen both on all replications and by cross-fitting, and both have to agree. The ends of
    the axis have more replications than those of the screening. Levels that it leaves undecided, and those
    next to another state, have more until their intervals are valid.
    """
    terms = ratio.terms
    levels = _levels(ratio.over, terms, points)
    points.extend(_all_rows(levels.values()), points.screening)
    for of_terms in levels.values():
        for at, term in enumerate(terms):
            if _is_best(term):
                of_terms[at] = points.contenders(of_terms[at], term.measure, confidence, points.screening)
    together = 1 - (1 - confidence) / len(levels)
    strict = to_end_early(together)
    picks = (best_of, cross_fitted_best) if any(map(_is_best, terms)) else (best_of,)
    pairs = {level: _pairs(ratio, points, rows, picks, points.screening) for level, rows in levels.items()}
    states = [_state(ratio, each, strict) for each in pairs.values()]
    around = zip([*states[:1], *states], states, [*states[1:], *states[-1:]], strict=False)
    near = [
        level
        for level, (before, state, after) in zip(levels, around, strict=True)
        if state is State.UNDECIDED or not before is state is after
    ]
    ends = [*levels][:1] + [*levels][-1:]
    valid = False
    for count in points.stages:
        refined = {*near, *ends} if count == points.stages[0] else near
        points.extend(_all_rows(levels[level] for level in refined), count)
        pairs |= {level: _pairs(ratio, points, levels[level], picks, count) for level in refined}
        valid = all(
            _state(ratio, each, strict) is not State.UNDECIDED or is_valid(_residual(each[0]))
            for each in pairs.values()
        )
        if valid:
            break
    found = [
        RatioAt(level, ratio_of_means(*each[0], together), _state(ratio, each, together))
        for level, each in pairs.items()
    ]
    axis = [0.0 if level is None else axis_position(level) for level in near]
    estimators = [[pairs[level][number] for level in near] for number in range(len(picks))]
    bounds = ratio.at_least, ratio.at_most
    thresholds = find_thresholds(axis, estimators, *bounds, confidence) if near else ()
    best = []
    for of_terms in levels.values():
        for term, rows in zip(terms, of_terms, strict=True):
            if _is_best(term):
                means = points.sums(rows, term.measure, points.screening).mean(axis=1)
                best.append(int(points.table["concurrency"][rows[int(means.argmin())]]))
    verdict = verdict_of_states(each.state for each in found)
    return RatioFinding(tuple(found), thresholds, tuple(best), valid, verdict)


def _all_rows(levels: Iterable[Sequence[Sequence[int]]]) -> list[int]:
    return [row for of_terms in levels for rows in of_terms for row in rows]


def _pairs(
    ratio: Ratio, points: Points, rows: Sequence[Sequence[int]], picks: Sequence[_Pick], count: int
) -> list[Paired]:
    """Return both sums, one value a replication, for each way to pick the best."""
    found = []
    for pick in picks:
        sums = (points.sums(each, term.measure, count) for term, each in zip(ratio.terms, rows, strict=True))
        values = list(map(pick, sums))
        of = np.sum(values[: len(ratio.of)], axis=0)
        to = np.ones_like(of) if ratio.to is None else np.sum(values[len(ratio.of) :], axis=0)
        found.append((of, to))
    return found


def _state(ratio: Ratio, pairs: Sequence[Paired], confidence: float) -> State:
    """Return the state at a level; undecided where the two ways to pick the best disagree."""
    states = {state_at(pair, ratio.at_least, ratio.at_most, confidence) for pair in pairs}
    return states.pop() if len(states) == 1 else State.UNDECIDED


def _residual(pair: Paired) -> NDArray[np.float64]:
    of, to = pair
    return np.asarray(of - of.mean() / (to.mean() or 1.0) * to)


def _is_best(term: Term) -> bool:
    return term.at.get("concurrency") == "best"


def _levels(over: str | None, terms: Sequence[Term], points: Points) -> dict[Any, list[list[int]]]:
    """Return the rows of every term at each level of the axis, in order.

    Levels at which some term is not simulated are left out, and those at which points are compared with
    themselves, as a term is held there.
    """
    if over is None:
        return {None: [_rows(term, points, {}) for term in terms]}
    found: dict[Any, list[list[int]]] = {}
    failed = NotSimulatedError(unknown("axis", over, list(points.table)))
    levels = dict.fromkeys(points.table[over].tolist()) if over in points.table else ()
    for level in sorted(levels, key=axis_position):
        try:
            rows = [_rows(term, points, {over: level}) for term in terms]
        except NotSimulatedError as error:
            failed = error
            continue
        compared = [(each, term.measure) for each, term in zip(rows, terms, strict=True)]
        if len(compared) == 1 or any(each != compared[0] for each in compared):
            found[level] = rows
    if not found:
        raise failed
    return found


def _rows(term: Term, points: Points, held: dict[str, Any]) -> list[int]:
    """Return the row of a term, or all rows of which the best is to be taken."""
    levels = held | term.at
    wanted = levels.pop("concurrency", None)
    rows = points.select(term.strategy, levels, over="concurrency")
    concurrency = points.table["concurrency"][rows].tolist()
    if wanted == "best":
        tasks = points.table["tasks"][rows].tolist()
        rows = [row for row, at_once, size in zip(rows, concurrency, tasks, strict=True) if at_once < size]
        if not rows:
            raise NotSimulatedError(f"no concurrency of {term.strategy} below the batch size is simulated")
        return rows
    if wanted == "next":
        wanted = min((each for each in concurrency if each > held["concurrency"]), default=math.nan)
    # Over concurrency, sequential and parallel have no other than their own.
    if wanted is not None and ("concurrency" in term.at or len(rows) > 1):
        levels["concurrency"] = wanted
    return points.select(term.strategy, levels, over=None)
