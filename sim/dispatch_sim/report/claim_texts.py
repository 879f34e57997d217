"""Fills the texts of a file of claims with computed figures, and checks the relations that they rely on."""

from __future__ import annotations

import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dispatch_sim.claims.break_even_map import Cell, MapFinding, queue_from
from dispatch_sim.claims.cases import RatioFinding
from dispatch_sim.claims.judge import Findings, Found
from dispatch_sim.claims.statements import Case, Sentence
from dispatch_sim.claims.verdicts import State
from dispatch_sim.decide.units import axis_position, axis_unit
from dispatch_sim.scenario.formats import format_dollars, format_duration, format_tokens
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.wording import listed, unknown

_PLACEHOLDER = re.compile(r"\{([^{}|]+?)\s*(?:\|\s*(\S+?)\s*)?\}")
_RELATION = re.compile(r"\s+(<=|<|>=|>|==)\s+")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}

_ALIKE = 0.1
"""Difference up to which parallel and the queue are called alike."""

Show = Callable[[float], str]


class Figure(NamedTuple):
    """A computed figure as text; one that is a number can have other forms."""

    text: str
    value: float | None = None


def digits(value: float) -> str:
    """Return a number to two significant digits."""
    return f"{value:,.0f}" if abs(value) >= 9.95 or float(value).is_integer() else f"{value:.2g}"


def percent(share: float) -> str:
    """Return a share in percent, to two significant digits."""
    return f"{digits(100 * share)}%"


_FORMS: Mapping[str, tuple[Callable[[float], bool], Show]] = {
    "%": (math.isfinite, percent),
    "less": (lambda ratio: 0 <= ratio < 1, lambda ratio: percent(1 - ratio)),
    "more": (lambda ratio: 1 < ratio < math.inf, lambda ratio: percent(ratio - 1)),
    "times": (math.isfinite, lambda ratio: f"{digits(ratio)} times"),
}


def level_text(level: object) -> str:
    """Return a level of an axis as texts refer to it."""
    return f"{level:g}" if isinstance(level, float) else str(level)


def _written(values: Mapping[str, float], show: Show) -> dict[str, Figure]:
    return {name: Figure(show(value), value) for name, value in values.items()}


def figures_of(case: Case, found: Found) -> dict[str, Figure]:
    """Return the figures of a case by the names that `claims.yaml` lists."""
    if isinstance(found, RatioFinding):
        return _ratio_figures(case, found)
    if isinstance(found, MapFinding):
        states = Counter(cell.state for cell in found.cells)
        counts = {state.value: states[state] for state in State} | {"cells": len(found.cells)}
        figures = _written(counts, digits)
        for cell in found.cells:
            where = ", ".join(map(level_text, cell.factors.values()))
            ratios = {f"{where}.at {size}": ratio for size, ratio in cell.ratios.items()}
            figures[where] = Figure(cell_text(cell))
            figures |= _written({f"{where}.from": queue_from(cell.favours) or math.inf} | ratios, digits)
        return figures
    regrets = {"mean": found.mean.mean} | {name: each.mean for name, each in found.always.items()}
    return _written({"right": found.right, "settings": found.settings}, digits) | _written(regrets, percent)


def _ratio_figures(case: Case, found: RatioFinding) -> dict[str, Figure]:
    measure = case.ratio.of[0].measure[0] if case.ratio is not None and case.ratio.to is None else ""
    units = {"_s": format_duration, "_usd": format_dollars, "tokens": format_tokens}
    show = next((show for end, show in units.items() if measure.endswith(end)), digits)
    figures: dict[str, Figure] = {}
    for point in found.points:
        name = "ratio" if point.at is None else f"at {level_text(point.at)}"
        ends = {name: point.ratio.mean, f"{name}.low": point.ratio.low, f"{name}.high": point.ratio.high}
        figures |= _written(ends, show)
    for turn in found.thresholds[:1]:
        is_whole = case.ratio is not None and case.ratio.over in ("tasks", "concurrency")
        at = math.floor(turn.at) + turn.holds_above if is_whole else turn.at
        ends = {"turn": at, "turn.low": turn.low, "turn.high": turn.high}
        figures |= _written(ends, _axis([point.at for point in found.points]))
    best = zip(found.points, found.best, strict=False)
    return figures | _written({f"best at {level_text(point.at)}": each for point, each in best}, digits)


def cell_text(cell: Cell) -> str:
    """Return what a cell of a map says: from how many tasks on the queue costs less."""
    start = queue_from(cell.favours)
    if start is not None:
        return f"queue from {start}"
    if set(cell.favours.values()) == {"parallel"}:
        return "parallel"
    most = max(abs(ratio - 1) for ratio in cell.ratios.values())
    return f"alike: within {percent(most)}" if most <= _ALIKE else "unclear"


def _axis(levels: Sequence[Any]) -> Show:
    """Return how positions on an axis with these levels are written."""
    unit = axis_unit(levels)
    return {"seconds": format_duration, "tokens": format_tokens, "percent": percent}.get(unit, digits)


class Texts:
    """Fills the sentences of a report.

    Attributes
    ----------
    problems : of the sentences filled so far; a report with any is not to be written.
    """

    def __init__(self, findings: Findings) -> None:
        self.problems: list[str] = []
        self._figures = {
            case.name: figures_of(case, found)
            for each in findings.claims
            for case, found in zip(each.claim.cases, each.cases, strict=True)
        }

    def fill(self, sentence: Sentence) -> str:
        """Return a sentence with its figures: `{prose.at 5}`, `{prose.at 5 | times}`, `{=10}` for a setting.

        What does not fit is added to the problems: a figure that is not there, a form that its value does not
        have, and each relation that does not hold.
        """
        for guard in sentence.when:
            try:
                self._check(guard)
            except UserError as error:
                self.problems.append(f'"{sentence.say}" relies on {guard}: {error}')
        try:
            return _PLACEHOLDER.sub(self._inserted, sentence.say)
        except UserError as error:
            self.problems.append(f'"{sentence.say}": {error}')
            return ""

    def _inserted(self, match: re.Match[str]) -> str:
        reference, form = match.groups()
        if reference.startswith("="):
            return reference[1:]
        found = self._figure(reference)
        if form is None:
            return found.text
        if form not in _FORMS or found.value is None:
            raise UserError(f"{reference} cannot be written as {form}; write one of {listed(list(_FORMS))}")
        fits, show = _FORMS[form]
        if not fits(found.value):
            raise UserError(f"{reference} is {found.value:.6g}, which cannot be written as {form}")
        return show(found.value)

    def _figure(self, reference: str) -> Figure:
        case, _, name = reference.partition(".")
        figures = self._figures.get(case)
        if figures is None:
            raise UserError(unknown("case", case, [name for name in self._figures if name]))
        if name not in figures:
            raise UserError(unknown(f"figure of {case}", name, list(figures)))
        return figures[name]

    def _check(self, guard: str) -> None:
        """Check a relation such as `alone.at 40% < cascade.at 40% < 1`."""
        parts = _RELATION.split(guard)
        values: list[float] = []
        said = []
        for operand in parts[::2]:
            if operand.partition(".")[0] in self._figures:
                found = self._figure(operand)
                if found.value is None:
                    raise UserError(f"{operand} is a text; compare numbers")
                values.append(found.value)
                said.append(f"{operand} is {found.value:.6g}")
            else:
                values.append(axis_position(operand))
        if not said or len(parts) < 3:
            raise UserError("it is no relation of figures; write one such as: case.turn < 5%")
        pairs = zip(parts[1::2], values, values[1:], strict=False)
        if not all(_OPERATORS[sign](one, other) for sign, one, other in pairs):
            raise UserError(f"it does not hold, as {listed(said)}")
