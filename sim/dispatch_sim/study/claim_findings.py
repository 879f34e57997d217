"""What becomes of claims: scenarios are played, and each statement is judged by the rule of `verdicts`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.axes import axis_place, axis_unit
from dispatch_sim.study.claim_map import MapFinding, find_map
from dispatch_sim.study.claim_regret import RegretFinding, find_regret
from dispatch_sim.study.claim_widths import BestFinding, find_best
from dispatch_sim.study.claims import Best, BreakEvenMap, Case, Claim, Claims, Ratio, Regret, Term
from dispatch_sim.study.conduct import sweep
from dispatch_sim.study.contest import cross_fitted_best
from dispatch_sim.study.results import Results
from dispatch_sim.study.runner import OnProgress
from dispatch_sim.study.verdicts import (
    Paired,
    PointFinding,
    Threshold,
    Verdict,
    agreed,
    find_thresholds,
    ratio_estimate,
    state_at,
    verdict_of_cases,
    verdict_of_states,
)


@dataclass(frozen=True)
class RatioFinding:
    """What a ratio comes to.

    Attributes
    ----------
    points : one a value of the axis, or the only one.
    thresholds : where it turns.
    unit_of_axis : how values of the axis are written.
    best_width : of the best queue, where one is asked for, at the last point.
    verdict : by the rule.
    """

    points: tuple[PointFinding, ...]
    thresholds: tuple[Threshold, ...]
    unit_of_axis: str
    best_width: int | None
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "points": [point.to_json() for point in self.points],
            "thresholds": [threshold.to_json() for threshold in self.thresholds],
            "best_width": self.best_width,
        }


Found = RatioFinding | BestFinding | MapFinding | RegretFinding


@dataclass(frozen=True)
class CaseFinding:
    """What a case comes to.

    Attributes
    ----------
    case : what was asked.
    replications : that each point rests on; 0 where there is no single scenario.
    found : what came out.
    """

    case: Case
    replications: int
    found: Found

    @property
    def verdict(self) -> Verdict:
        """By the rule."""
        return self.found.verdict

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "where": self.case.where,
            "what": self.case.what,
            "beyond": self.case.beyond,
            "scenario": self.case.scenario,
            "statement": self.case.statement.model_dump(mode="json", exclude_none=True),
            "replications": self.replications,
            "verdict": self.verdict,
            **self.found.to_json(),
        }


@dataclass(frozen=True)
class ClaimFinding:
    """What a claim comes to: a verdict over the cases on its own terms, and one over those beyond."""

    claim: Claim
    cases: tuple[CaseFinding, ...]

    @property
    def own(self) -> tuple[CaseFinding, ...]:
        """The cases on the claim's own terms."""
        return tuple(case for case in self.cases if not case.case.beyond)

    @property
    def others(self) -> tuple[CaseFinding, ...]:
        """The cases beyond them."""
        return tuple(case for case in self.cases if case.case.beyond)

    @property
    def verdict(self) -> Verdict:
        """On the claim's own terms, by the rule."""
        return verdict_of_cases(case.verdict for case in self.own)

    @property
    def beyond(self) -> Verdict | None:
        """Beyond them, by the same rule; None where nothing beyond was asked."""
        return verdict_of_cases(case.verdict for case in self.others) if self.others else None

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "number": self.claim.number,
            "title": self.claim.title,
            "says": self.claim.says,
            "verdict": self.verdict,
            "beyond": self.beyond,
            "cases": [case.to_json() for case in self.cases],
        }


@dataclass(frozen=True)
class Findings:
    """What all claims come to.

    Attributes
    ----------
    claims : the claims that were asked for, in the order of the file.
    asked : the file.
    results : of each scenario, by the name of its file.
    """

    claims: tuple[ClaimFinding, ...]
    asked: Claims
    results: dict[str, Results]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "source": self.asked.file.source,
            "confidence": self.asked.file.confidence,
            "scenarios": {
                name: {
                    "sha256": results.manifest["scenario"]["sha256"],
                    "seed": results.manifest["seed"],
                    "replications": results.replications,
                    "design_points": results.manifest["design_points"],
                }
                for name, results in self.results.items()
            },
            "claims": [claim.to_json() for claim in self.claims],
        }


def judge_claims(
    claims: Claims,
    *,
    only: Collection[int] = (),
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Findings:
    """Play the scenarios of claims, and judge each claim.

    Parameters
    ----------
    claims : as read by `load_claims`.
    only : numbers of the claims to judge; none given is all.
    replications : in place of those in each scenario.
    jobs : worker processes; what comes out does not depend on it.
    on_progress : called with the scenarios done and all of them.

    Raises
    ------
    UserError
        Where there is no claim of a number asked for, or a scenario cannot be played.
    KeyboardInterrupt
        Where a study was interrupted: half of the claims is no report.
    """
    missing = sorted(set(only) - {claim.number for claim in claims.file.claims})
    if missing:
        last = max(claim.number for claim in claims.file.claims)
        raise UserError(f"there is no claim {missing[0]}; they are numbered up to {last}")
    asked = [claim for claim in claims.file.claims if not only or claim.number in only]
    # A rule of thumb is judged over the scenarios of all claims, asked for or not.
    everywhere = any(case.regret is not None for claim in asked for case in claim.cases)
    named = [case.scenario for claim in asked for case in claim.cases if case.scenario is not None]
    files = list(claims.sources) if everywhere else list(dict.fromkeys(named))
    results: dict[str, Results] = {}
    for number, file in enumerate(files):
        if on_progress is not None:
            on_progress(number, len(files))
        results[file] = sweep(claims.sources[file], replications=replications, jobs=jobs)
        if results[file].manifest["interrupted"]:
            raise KeyboardInterrupt
    found = tuple(
        ClaimFinding(
            claim,
            tuple(judge_case(case, claims, results) for case in claim.cases),
        )
        for claim in asked
    )
    return Findings(found, claims, results)


def judge_case(case: Case, claims: Claims, results: dict[str, Results]) -> CaseFinding:
    """Judge one case by the results of the scenarios."""
    statement, confidence = case.statement, claims.file.confidence
    if isinstance(statement, Regret):
        return CaseFinding(case, 0, find_regret(statement, claims.sources, results, confidence))
    assert case.scenario is not None
    played = results[case.scenario]
    found: Found
    if isinstance(statement, Ratio):
        found = find_ratio(statement, played.frame, confidence)
    elif isinstance(statement, Best):
        found = find_best(statement, played, confidence)
    else:
        assert isinstance(statement, BreakEvenMap)
        found = find_map(statement, played.frame, confidence)
    return CaseFinding(case, played.replications, found)


def find_ratio(ratio: Ratio, frame: pd.DataFrame, confidence: float) -> RatioFinding:
    """Judge a ratio at each point of its axis."""
    points = list(_axis(ratio, frame))
    together = 1 - (1 - confidence) / len(points)
    bounds = (ratio.at_least, ratio.at_most)
    ways: list[list[Paired]] = [
        [_pair(ratio, rows_of, best) for _, _, rows_of in points]
        for best in ((_least_mean, cross_fitted_best) if _has_best(ratio) else (_least_mean,))
    ]
    findings = tuple(
        PointFinding(
            level,
            ratio_estimate(ways[0][number], together),
            agreed(state_at(way[number], *bounds, together) for way in ways),
        )
        for number, (level, _, _) in enumerate(points)
    )
    verdict = verdict_of_states(point.state for point in findings)
    thresholds: tuple[Threshold, ...] = ()
    if len(points) > 1:
        thresholds = find_thresholds([place for _, place, _ in points], ways, *bounds, confidence)
    unit = axis_unit([level for level, _, _ in points]) if ratio.over is not None else ""
    return RatioFinding(findings, thresholds, unit, _best_width(ratio, points[-1][2]), verdict)


_Part = Callable[[Term], pd.DataFrame]
"""The rows of a term at one point of the axis."""


def _axis(ratio: Ratio, frame: pd.DataFrame) -> Iterator[tuple[Any, float, _Part]]:
    """Yield the points of a ratio's axis in order: the value as written, its place, and a term's rows."""
    if ratio.over is None:
        yield None, 0.0, partial(_rows, frame, {})
        return
    terms = (*ratio.of, *(ratio.to or ()))
    levels = [_plain(level) for level in frame[ratio.over].unique()]
    for level in sorted(levels, key=axis_place):
        held = {ratio.over: level}
        if any(_is_held_at(term, ratio.over, level) for term in terms):
            continue  # a series beside itself says nothing
        try:
            for term in terms:
                _rows(frame, held, term)
        except _NotPlayedError:  # a width beyond the batch, say
            continue
        yield level, axis_place(level), partial(_rows, frame, held)


def _is_held_at(term: Term, axis: str, level: Any) -> bool:
    """Whether a term has this very level of an axis that others go along."""
    if axis == "concurrency":
        return isinstance(term.width, int) and term.width == level
    return axis in term.at and axis_place(term.at[axis]) == axis_place(level)


class _NotPlayedError(UserError):
    """A series has no rows at a point."""


def _rows(frame: pd.DataFrame, held: dict[str, Any], term: Term) -> pd.DataFrame:
    rows = frame[frame["strategy"] == term.strategy]
    wanted = dict(held)
    wanted.update({path: _cell(level) for path, level in term.at.items()})
    if term.tasks is not None:
        wanted["tasks"] = term.tasks
    at = wanted.get("concurrency")
    if term.width is not None or term.strategy.partition(" ")[0] not in ("queue", "waves"):
        wanted.pop("concurrency", None)
    if term.width == "next":
        wider = rows.loc[rows["concurrency"] > at, "concurrency"]
        wanted["concurrency"] = wider.min() if len(wider) else -1
    if term.width == "best":
        rows = rows[rows["concurrency"] < rows["tasks"]]
    elif isinstance(term.width, int):
        wanted["concurrency"] = term.width
    for column, value in wanted.items():
        rows = rows[rows[column] == (str(value) if rows[column].dtype == object else value)]
    if rows.empty:
        place = ", ".join(f"{column} = {value}" for column, value in wanted.items())
        raise _NotPlayedError(f"{term.strategy} was not played at {place or 'any point'}")
    return rows


def _pair(ratio: Ratio, rows_of: _Part, best: _Pick) -> Paired:
    of = _sum(ratio.of, rows_of, best)
    return Paired(of, np.ones_like(of) if ratio.to is None else _sum(ratio.to, rows_of, best))


def _sum(terms: Sequence[Term], rows_of: _Part, best: _Pick) -> NDArray[np.float64]:
    """Return a weighted sum of measures, one value a replication."""
    total: NDArray[np.float64] = np.zeros(1)
    for term in terms:
        rows = rows_of(term)
        values = rows.assign(value=rows[list(term.measure)].sum(axis=1))
        by_point = values.pivot(index="replication", columns="concurrency", values="value").to_numpy(
            np.float64
        )
        total = total + term.times * best(by_point.T)
    return total


_Pick = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _least_mean(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(costs[costs.mean(axis=1).argmin()])


def _best_width(ratio: Ratio, rows_of: _Part) -> int | None:
    """Return the width of the queue with the least mean, where one is asked for."""
    for term in (*ratio.of, *(ratio.to or ())):
        if term.width == "best":
            rows = rows_of(term)
            means = rows[list(term.measure)].sum(axis=1).groupby(rows["concurrency"]).mean()
            return int(means.index[int(means.to_numpy().argmin())])
    return None


def _has_best(ratio: Ratio) -> bool:
    return any(term.width == "best" for term in (*ratio.of, *(ratio.to or ())))


def _cell(level: Any) -> Any:
    """Return a level as a results table holds it."""
    return (
        level if isinstance(level, int | float | str) and not isinstance(level, bool) else json.dumps(level)
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
