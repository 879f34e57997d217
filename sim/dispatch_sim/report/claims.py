"""The report on claims in Markdown: a table of verdicts, and a section on each claim with its figures."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dispatch_sim.claims.break_even_map import MapFinding
from dispatch_sim.claims.cases import BestFinding, RatioFinding
from dispatch_sim.claims.judge import ClaimFinding, Findings, Found
from dispatch_sim.claims.rule_of_thumb import RegretFinding, Setting
from dispatch_sim.claims.statements import Case
from dispatch_sim.claims.verdicts import State, Threshold, Verdict
from dispatch_sim.decide.units import axis_position, axis_unit
from dispatch_sim.report.break_evens import break_even_cell
from dispatch_sim.report.figures.claim import claim_figure, level_text
from dispatch_sim.report.format import capital, clean, dollars, duration, listed, short_factors, tokens
from dispatch_sim.report.render import document
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.study.files import write_texts

Show = Callable[[float], str]

_PLACEHOLDER = re.compile(r"\{(\d+)\.([^{}]+?)( %)?\}")


def write_claims_report(findings: Findings, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `report.md`, its figures as SVG, and `results.json`; the same findings give the same bytes.

    The folder is created if it is missing; files of the same names are replaced. Returns the files, the
    report first. Raises `ResultsError` if the folder cannot be written to.
    """
    pictures = {each.claim.number: claim_figure(each) for each in findings.claims}
    page = document(
        "claims.md",
        list(pictures.values()),
        findings=findings,
        tally=tally(findings),
        figures=pictures,
        text=filled,
        claimed=claimed,
        result=result,
        cells=_cells,
        by_scenario=_by_scenario,
    )
    text = json.dumps(findings.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    return write_texts(page.files("report") | {"results.json": f"{text}\n"}, Path(folder))


def verdicts_text(findings: Findings) -> str:
    """Return the verdicts for a terminal, a line each: on a claim's own terms, and beyond them."""
    lines = [
        f"{each.claim.number:>3}  {each.verdict:<11}  {f'beyond: {each.beyond}' if each.beyond else '':<20}  "
        f"{clean(each.claim.title, 90)}"
        for each in findings.claims
    ]
    return "\n".join([*lines, tally(findings)]) + "\n"


def tally(findings: Findings) -> str:
    """Return how many claims have each verdict."""
    counts = Counter(each.verdict for each in findings.claims)
    shown = [f"{verdict} {counts[verdict]}" for verdict in Verdict if counts[verdict]]
    return f"Of {len(findings.claims)} claims: {', '.join(shown)}."


def filled(claim: ClaimFinding) -> str:
    """Return the text that the file has for the verdict, with the figures of the cases in it."""
    of_cases = [figures(case, found) for case, found in zip(claim.claim.cases, claim.cases, strict=True)]

    def figure(match: re.Match[str]) -> str:
        number, name, as_percent = match.groups()
        value = of_cases[int(number) - 1].get(name) if 1 <= int(number) <= len(of_cases) else None
        if isinstance(value, float):
            return _percent(value) if as_percent else _digits(value)
        return value or "(no such figure)"

    return _PLACEHOLDER.sub(figure, claim.claim.text.get(claim.verdict, ""))


def figures(case: Case, found: Found) -> dict[str, float | str]:
    """Return the figures of a case that a text can refer to, by the names that `claims.yaml` lists."""
    if isinstance(found, RatioFinding):
        show, axis = _value(case), _axis([each.at for each in found.points])
        values = {f"at {level_text(each.at)}": each.ratio.mean for each in found.points}
        values["ratio"] = found.points[0].ratio.mean
        exact = case.ratio is not None and case.ratio.to is not None
        shown: dict[str, float | str] = {
            name: value if exact else show(value) for name, value in values.items()
        }
        for each in found.thresholds[:1]:
            shown |= {"turn": _turn(each, case, axis), "low": axis(each.low), "high": axis(each.high)}
        return shown | {"best": f"{found.best}"}
    if isinstance(found, BestFinding):
        axis = _axis(found.levels)
        return {"best": listed([axis(axis_position(level)) for level in found.best])}
    if isinstance(found, MapFinding):
        states = Counter(cell.state for cell in found.cells)
        cells = {tuple(cell.break_even.factors.values()): cell.break_even for cell in found.cells}
        return {
            "cells": f"{len(cells)}",
            **{state.value: f"{states[state]}" for state in State},
            **{", ".join(map(level_text, levels)): break_even_cell(each) for levels, each in cells.items()},
        }
    right = sum(each.picked == each.best for each in found.settings)
    return {
        "right": f"{right}",
        "settings": f"{len(found.settings)}",
        "mean": _percent(found.mean.mean),
        **{name: _percent(estimate.mean) for name, estimate in found.always.items()},
    }


def claimed(case: Case, found: Found) -> str:
    """Return the bounds that a case claims: `at most 0.2`, `3.5 to 7.5`."""
    if case.regret is not None:
        return f"at most {_percent(case.regret.at_most)}"
    statement = case.ratio or case.best or case.break_even
    assert statement is not None
    show = _axis(found.levels) if isinstance(found, BestFinding) else _value(case)
    low, high = (None if end is None else show(end) for end in (statement.at_least, statement.at_most))
    if low is None or high is None:
        return f"at least {low}" if high is None else f"at most {high}"
    return low if low == high else f"{low} to {high}"


def result(case: Case, found: Found) -> str:
    """Return the result of a case in a line."""
    if isinstance(found, RatioFinding):
        return "; ".join(_ratio_parts(case, found))
    if isinstance(found, BestFinding):
        show, axis = _value(case), _axis(found.levels)
        least = min(range(len(found.levels)), key=lambda number: found.means[number].mean)
        ends = dict.fromkeys((0, least, len(found.levels) - 1))
        means = [f"{show(found.means[i].mean)} at {axis(axis_position(found.levels[i]))}" for i in ends]
        return f"{figures(case, found)['best']}; {', '.join(means)}"
    if isinstance(found, MapFinding):
        states = Counter(cell.state for cell in found.cells)
        counted = listed([f"{state} at {states[state]}" for state in State])
        return f"{counted} of {len(found.cells)} grid points"
    return f"{_estimate(found.mean, _percent)} over {found.mean.n} scenarios"


def _ratio_parts(case: Case, found: RatioFinding) -> Iterator[str]:
    show, axis = _value(case), _axis([each.at for each in found.points])
    for each in found.points[:: max(len(found.points) - 1, 1)]:
        where = "" if each.at is None else f" at {axis(axis_position(each.at))}"
        yield _estimate(each.ratio, show) + where
    for threshold in found.thresholds:
        where = f"holds {'from' if threshold.holds_above else 'up to'} {_turn(threshold, case, axis)}"
        yield where + _interval(threshold.low, threshold.high, axis)
    if not found.thresholds and found.verdict in (Verdict.DEPENDS, Verdict.NOT_SHOWN):
        for state in State:
            at = [level_text(each.at) for each in found.points if each.state is state]
            if at:
                yield f"{state} at {listed(at)}"
    if found.best is not None:
        yield f"best queue: {found.best}"


def _value(case: Case) -> Show:
    """Return how the numbers of a case are written: in the unit of its measure, or as a ratio."""
    measure = case.best.measure if case.best is not None else ""
    if case.ratio is not None and case.ratio.to is None:
        measure = case.ratio.of[0].measure[0]
    units = {"_s": duration, "_usd": dollars, "tokens": tokens}
    return next((show for end, show in units.items() if measure.endswith(end)), _digits)


def _axis(levels: Sequence[Any]) -> Show:
    """Return how positions on an axis with these levels are written."""
    unit = "number" if levels[0] is None else axis_unit(levels)
    return {"seconds": duration, "tokens": tokens, "percent": _percent}.get(unit, _digits)


def _turn(threshold: Threshold, case: Case, axis: Show) -> str:
    """Return a threshold; on an axis of whole numbers the first, or last, at which the statement holds."""
    if case.ratio is not None and case.ratio.over in ("tasks", "concurrency"):
        return f"{math.floor(threshold.at) + threshold.holds_above}"
    return axis(threshold.at)


def _digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{_digits(100 * value)}%"


def _interval(low: float, high: float, show: Show) -> str:
    return "" if show(low) == show(high) else f" ({show(low)} to {show(high)})"


def _estimate(estimate: Estimate, show: Show) -> str:
    return show(estimate.mean) + _interval(estimate.low, estimate.high, show)


def _cells(found: MapFinding) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table of a map."""
    for cell in found.cells:
        names = short_factors(cell.break_even.factors)
        factors = [f"{names[path]} {level_text(level)}" for path, level in cell.break_even.factors.items()]
        ratios = [_digits(ratio) for ratio in cell.ratios.values()]
        yield (
            capital(", ".join(factors)),
            break_even_cell(cell.break_even),
            *ratios,
            f"{cell.best}",
            f"{cell.state}",
        )


def _by_scenario(found: RegretFinding) -> list[tuple[str, ...]]:
    """Return the rows of the table of a rule of thumb, a scenario each, the greatest mean regret first."""
    by_scenario: dict[str, list[Setting]] = {}
    for setting in found.settings:
        by_scenario.setdefault(setting.scenario, []).append(setting)
    mean = {
        name: sum(each.regret.mean for each in settings) / len(settings)
        for name, settings in by_scenario.items()
    }
    return [
        (
            name,
            f"{len(of := by_scenario[name])}",
            *(f"{sum(each.conditions[number] for each in of)}" for number in range(3)),
            _most_frequent([each.picked for each in of]),
            _most_frequent([each.best for each in of]),
            _percent(mean[name]),
            _percent(max(each.regret.mean for each in of)),
        )
        for name in sorted(by_scenario, key=lambda name: (-mean[name], name))
    ]


def _most_frequent(strategies: Sequence[Strategy]) -> str:
    (strategy, times), *others = Counter(strategies).most_common()
    return f"{strategy}" + (f" ({times})" if others else "")
