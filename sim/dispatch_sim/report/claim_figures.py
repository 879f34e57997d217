"""Figures of claims: a ratio along its axis, and the map of the break-even."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from dispatch_sim.report import svg
from dispatch_sim.report.claim_words import (
    axis_words,
    cell_kind,
    cell_words,
    claimed,
    show_axis,
    show_value,
)
from dispatch_sim.report.figures import _name_ends
from dispatch_sim.report.svg import Picture, picture
from dispatch_sim.report.words import capital, clean, listed
from dispatch_sim.study.advice import Cell, MapFinding
from dispatch_sim.study.axes import axis_place, axis_unit
from dispatch_sim.study.claim_findings import CaseFinding, ClaimFinding, RatioFinding
from dispatch_sim.study.claims import Ratio
from dispatch_sim.study.verdicts import State

_LINES = (
    (svg.BLUE, "o", "-"),
    (svg.VERMILION, "^", "-"),
    (svg.GREEN, "s", "-"),
    (svg.SKY, "o", "--"),
    (svg.AMBER, "^", "--"),
    (svg.PURPLE, "D", "--"),
)
"""Colour, marker and dashes: each tells a line by itself."""

_SHADES = ((3.5, "#1d3f63"), (5.5, "#2f6f9f"), (7.5, "#6aa6c9"), (10.5, "#a9cfe2"), (1e9, "#dcebf3"))
"""Colour of a cell whose break-even is below so many tasks: dark is early, and so it is without colour."""

_FEWEST = 4
"""Points of an axis that make a figure."""

_ALIKE = 20
"""Letters at the beginning of what is compared by which cases belong into one figure."""


def curves(claim: ClaimFinding) -> list[Picture]:
    """Return the figures of a claim's ratios along their axes, one for each axis and unit."""
    groups: dict[tuple[str | None, str, str], list[CaseFinding]] = {}
    for case in claim.cases:
        statement, found = case.case.statement, case.found
        if isinstance(statement, Ratio) and isinstance(found, RatioFinding) and len(found.points) >= _FEWEST:
            same = case.case.what[:_ALIKE]
            groups.setdefault((statement.over, statement.unit, same), []).append(case)
    pictures: list[Picture] = []
    for cases in groups.values():
        for start in range(0, len(cases), len(_LINES)):
            name = f"claim-{claim.claim.number:02}-{len(pictures) + 1}"
            pictures.append(_curves_picture(cases[start : start + len(_LINES)], name))
    return pictures


def _curves_picture(cases: Sequence[CaseFinding], name: str) -> Picture:
    first = cases[0].case.statement
    assert isinstance(first, Ratio)
    show = show_value(first.unit)
    bounds = sorted({b for case in cases for b in _bounds_of(case) if b is not None})
    with svg.style():
        figure = Figure(figsize=(6.4, 3.3))
        figure.subplots_adjust(left=0.11, right=0.72, bottom=0.16, top=0.95)
        axes = figure.add_subplot()
        ends, values, places = [], [], set()
        for case, (colour, marker, dashes) in zip(cases, _LINES, strict=False):
            found = case.found
            assert isinstance(found, RatioFinding)
            x = [axis_place(point.at) for point in found.points]
            y = [point.ratio.mean for point in found.points]
            low = [max(point.ratio.low, -10 * abs(v)) for point, v in zip(found.points, y, strict=True)]
            high = [min(point.ratio.high, 10 * abs(v)) for point, v in zip(found.points, y, strict=True)]
            axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
            axes.plot(x, y, color=colour, marker=marker, markersize=4, linestyle=dashes)
            ends.append((x[-1], y[-1], clean(case.case.where, 60), colour))
            values += y
            places |= set(x)
        for bound in bounds:
            axes.axhline(bound, color=svg.INK, linewidth=1, linestyle=":")
        _scale_x(axes, sorted(places), cases)
        _scale_y(axes, [*values, *bounds], show)
        axes.set_xlabel(capital(axis_words(first)))
        axes.set_ylabel(_ylabel(cases), fontsize=8.5)
        _name_ends(axes, ends)
    says = (
        f"Dotted: what is claimed, {listed(list(dict.fromkeys(claimed(case) for case in cases)), 'or')}. "
        "Bands are intervals, together over the points of a line."
    )
    where = f" ({clean(cases[0].case.where, 120)})" if len(cases) == 1 else ""
    return picture(figure, name, capital(_title(cases)) + where, says)


def _title(cases: Sequence[CaseFinding]) -> str:
    """Return what cases compare; of several, what they have in common."""
    titles = [clean(case.case.what, 200) for case in cases]
    heads = [title.partition(",")[0] for title in titles]
    return titles[0] if len(set(titles)) == 1 or len(set(heads)) > 1 else heads[0]


def _bounds_of(case: CaseFinding) -> tuple[float | None, float | None]:
    statement = case.case.statement
    assert isinstance(statement, Ratio)
    return statement.at_least, statement.at_most


def _ylabel(cases: Sequence[CaseFinding]) -> str:
    statement = cases[0].case.statement
    assert isinstance(statement, Ratio)
    return {"times": "ratio", "percent": "share"}.get(statement.unit, statement.unit)


def _scale_x(axes: Axes, places: Sequence[float], cases: Sequence[CaseFinding]) -> None:
    found = cases[0].found
    assert isinstance(found, RatioFinding)
    show = show_axis(found.unit_of_axis)
    if places[0] > 0 and places[-1] >= 20 * places[0]:
        axes.set_xscale("log")
    elif places[0] == 0 and places[-1] >= 20 * places[1]:
        axes.set_xscale("symlog", linthresh=places[1])
    axes.xaxis.set_major_locator(FixedLocator(_apart(places, axes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))


def _apart(places: Sequence[float], axes: Axes) -> list[float]:
    """Return the places whose labels do not run into each other."""
    transform = axes.xaxis.get_transform()
    at = [float(transform.transform([place])[0]) for place in places]
    kept: list[int] = []
    for number, x in enumerate(at):
        if not kept or x - at[kept[-1]] >= 0.11 * (at[-1] - at[0]):
            kept.append(number)
    return [places[number] for number in kept]


def _scale_y(axes: Axes, values: Sequence[float], show: object) -> None:
    write = show if callable(show) else str
    positive = min(values) > 0
    if positive and max(values) > 12 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(min(values) / 1.3, max(values) * 1.4)
    else:
        spread = max(values) - min(values) or 1.0
        axes.set_ylim(
            min(0.0, min(values)) if min(values) < 0.5 * max(values) else min(values) - 0.15 * spread,
            max(values) + 0.12 * spread,
        )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))


def break_even_map(claim: ClaimFinding) -> Picture | None:
    """Return the map of a claim's break-evens, a panel for each case; None where it has none."""
    cases = [case for case in claim.cases if isinstance(case.found, MapFinding)]
    cases = [case for case in cases if len(_factors(case)) == 2]
    if not cases:
        return None
    rows, _ = _levels(cases[0])
    with svg.style(**{"axes.grid": False}):
        figure = Figure(figsize=(6.6, (0.5 * len(rows) + 0.5) * len(cases) + 0.4))
        panels = figure.subplots(len(cases), 1, squeeze=False)[:, 0]
        figure.subplots_adjust(
            left=0.13,
            right=0.985,
            top=1 - 0.3 / figure.get_size_inches()[1],
            bottom=0.55 / figure.get_size_inches()[1],
            hspace=0.36,
        )
        for case, axes in zip(cases, panels, strict=True):
            _panel(axes, case)
        panels[-1].set_xlabel("Rate limit, times a small account's")
    within = claimed(cases[0])
    says = (
        "In each place: from how many tasks on the queue costs less than all at once (95% set), or "
        f"who wins at every size. Dark is early; a thick frame is a break-even shown to lie within {within}."
    )
    title = "The break-even, by the tokens of a task and the rate limit"
    return picture(figure, f"claim-{claim.claim.number:02}-map", title, says)


def _factors(case: CaseFinding) -> list[str]:
    assert isinstance(case.found, MapFinding)
    return list(case.found.cells[0].factors) if case.found.cells else []


def _levels(case: CaseFinding) -> tuple[list[object], list[object]]:
    assert isinstance(case.found, MapFinding)
    row, column = _factors(case)
    rows = sorted({cell.factors[row] for cell in case.found.cells}, key=axis_place)
    columns = sorted({cell.factors[column] for cell in case.found.cells}, key=axis_place)
    return rows, columns


def _panel(axes: Axes, case: CaseFinding) -> None:
    assert isinstance(case.found, MapFinding)
    row, column = _factors(case)
    rows, columns = _levels(case)
    for cell in case.found.cells:
        x, y = columns.index(cell.factors[column]), rows.index(cell.factors[row])
        colour, ink, hatch = _look(cell)
        axes.add_patch(
            Rectangle((x, y), 1, 1, facecolor=colour, edgecolor=svg.PAPER, linewidth=1.5, hatch=hatch)
        )
        axes.text(
            x + 0.5,
            y + 0.5,
            cell_words(cell),
            ha="center",
            va="center",
            fontsize=8,
            color=ink,
            linespacing=1.25,
        )
    for cell in case.found.cells:
        if cell.state is State.HOLDS:
            x, y = columns.index(cell.factors[column]), rows.index(cell.factors[row])
            axes.add_patch(
                Rectangle((x + 0.03, y + 0.04), 0.94, 0.92, fill=False, edgecolor=svg.INK, linewidth=2.2)
            )
    show_row, show_column = show_axis(axis_unit(rows)), show_axis(axis_unit(columns))
    axes.set_xlim(0, len(columns))
    axes.set_ylim(0, len(rows))
    axes.set_xticks([i + 0.5 for i in range(len(columns))], [show_column(axis_place(v)) for v in columns])
    axes.set_yticks([i + 0.5 for i in range(len(rows))], [show_row(axis_place(v)) for v in rows])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_ylabel("Tokens of a task", fontsize=9)
    axes.set_title(capital(clean(case.case.where, 80)), loc="left", fontsize=9.5)


def _look(cell: Cell) -> tuple[str, str, str | None]:
    """Return the colour of a cell, that of its text, and its hatching."""
    kind = cell_kind(cell)
    if kind == "crossing":
        crossing = next(crossing for crossing in cell.break_even.crossings if crossing.resolved)
        number, colour = next((i, c) for i, (below, c) in enumerate(_SHADES) if crossing.at < below)
        return colour, svg.PAPER if number < 2 else svg.INK, None
    if kind == "queue":
        return "#10253c", svg.PAPER, None
    return (svg.PAPER if kind == "parallel" else svg.GRID), svg.INK, None
