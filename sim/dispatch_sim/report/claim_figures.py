"""Figures of claims: a ratio along its axis, and the map of the break-even."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from dispatch_sim.report import svg
from dispatch_sim.report.claim_maps import cell_kind, cell_size, cell_words
from dispatch_sim.report.claim_words import axis_words, claimed, show_axis, show_value
from dispatch_sim.report.figures import _name_ends
from dispatch_sim.report.svg import Picture, picture
from dispatch_sim.report.words import capital, clean, listed, wrapped
from dispatch_sim.study.axes import axis_place, axis_unit
from dispatch_sim.study.claim_findings import CaseFinding, ClaimFinding, RatioFinding
from dispatch_sim.study.claim_map import Cell, MapFinding
from dispatch_sim.study.claims import BreakEvenMap, Ratio
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

_MOST = 4
"""Lines of a figure, beyond which each kind of case has its own."""

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
    for group in groups.values():
        for cases in _by_kind(group):
            name = f"claim-{claim.claim.number:02}-{len(pictures) + 1}"
            pictures.append(_curves_picture(cases, name))
    return pictures


def _by_kind(cases: list[CaseFinding]) -> list[list[CaseFinding]]:
    """Return cases by figure: of many each kind has its own, and none has more than can be told apart."""
    kinds: dict[str, list[CaseFinding]] = {}
    for case in cases:
        kinds.setdefault(_kind(case) if len(cases) > _MOST else "", []).append(case)
    return [each[i : i + len(_LINES)] for each in kinds.values() for i in range(0, len(each), len(_LINES))]


def _kind(case: CaseFinding) -> str:
    """Return what stands after the comma of a case."""
    return clean(case.case.where, 120).partition(", ")[2]


def _curves_picture(cases: Sequence[CaseFinding], name: str) -> Picture:
    first = cases[0].case.statement
    assert isinstance(first, Ratio)
    show = _tick if first.unit == "times" else show_value(first.unit)
    bounds = sorted({b for case in cases for b in _bounds_of(case) if b is not None})
    with svg.style():
        figure = Figure(figsize=(6.8, 3.3))
        figure.subplots_adjust(left=0.15, right=0.74, bottom=0.16, top=0.95)
        axes = figure.add_subplot()
        ends, values, places = [], [], set()
        kinds = {_kind(case) for case in cases}
        for case, (colour, marker, dashes) in zip(cases, _LINES, strict=False):
            found = case.found
            assert isinstance(found, RatioFinding)
            x = [axis_place(point.at) for point in found.points]
            y = [point.ratio.mean for point in found.points]
            low = [max(point.ratio.low, -10 * abs(v)) for point, v in zip(found.points, y, strict=True)]
            high = [min(point.ratio.high, 10 * abs(v)) for point, v in zip(found.points, y, strict=True)]
            axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
            axes.plot(x, y, color=colour, marker=marker, markersize=4, linestyle=dashes)
            label = clean(case.case.where, 60)
            label = label.partition(", ")[0] if len(kinds) == 1 else label
            ends.append((x[-1], y[-1], label, colour))
            values += y
            places |= set(x)
        for bound in bounds:
            axes.axhline(bound, color=svg.INK, linewidth=1, linestyle=":")
        _name_claim(axes, first, cases)
        _scale_x(axes, sorted(places), cases)
        _scale_y(axes, [*values, *bounds], show)
        axes.set_xlabel(capital(axis_words(first)))
        axes.set_ylabel(wrapped(capital(_title(cases)), 32, 3), fontsize=8.5)
        _name_ends(axes, ends)
    says = (
        f"Dotted: what is claimed, {listed(list(dict.fromkeys(claimed(case) for case in cases)), 'or')}. "
        "Bands are intervals, together over the points of a line."
    )
    kind = kinds.pop() if len(kinds) == 1 else ""
    named = clean(cases[0].case.where, 120) if len(cases) == 1 else kind
    where = f" ({named})" if named else ""
    return picture(figure, name, capital(_title(cases)) + where, says)


def _name_claim(axes: Axes, statement: Ratio, cases: Sequence[CaseFinding]) -> None:
    """Say on which side of the dotted line the claim lies, at the end where the lines leave more room."""
    low, high = statement.at_least, statement.at_most
    bound = low if low is not None else high
    if bound is None:
        return
    side = "between" if low is not None and high is not None else "above" if low is not None else "below"
    room = [
        min(
            abs(case.found.points[end].ratio.mean - bound)
            for case in cases
            if isinstance(case.found, RatioFinding)
        )
        for end in (0, -1)
    ]
    right = room[1] >= room[0]
    axes.annotate(
        f"claimed: {side}",
        (0.99 if right else 0.01, bound),
        xycoords=("axes fraction", "data"),
        xytext=(0, -2 if side == "below" else 2),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top" if side == "below" else "bottom",
        fontsize=7.5,
        color=svg.FAINT,
    )


def _tick(value: float) -> str:
    """Write a ratio at an axis: `50%`, `100%`, and from ten times on `20 times`."""
    return f"{value:g} times" if value >= 9.99 else f"{100 * value:.0f}%"


def _title(cases: Sequence[CaseFinding]) -> str:
    """Return what cases compare; of several, what they have in common."""
    titles = [clean(case.case.what, 200) for case in cases]
    heads = [title.partition(",")[0] for title in titles]
    return titles[0] if len(set(titles)) == 1 or len(set(heads)) > 1 else heads[0]


def _bounds_of(case: CaseFinding) -> tuple[float | None, float | None]:
    statement = case.case.statement
    assert isinstance(statement, Ratio)
    return statement.at_least, statement.at_most


def _scale_x(axes: Axes, places: Sequence[float], cases: Sequence[CaseFinding]) -> None:
    found = cases[0].found
    assert isinstance(found, RatioFinding)
    show = show_axis(found.unit_of_axis)
    if places[0] > 0 and places[-1] >= 20 * places[0]:
        axes.set_xscale("log")
    elif places[0] == 0 and places[-1] >= 20 * places[1]:
        axes.set_xscale("symlog", linthresh=places[1])
        axes.set_xlim(-0.2 * places[1], 1.1 * places[-1])
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
        figure = Figure(figsize=(7.4, (0.5 * len(rows) + 0.5) * len(cases) + 0.4))
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
        panels[-1].set_xlabel(capital(_names(cases[-1])[1]))
    within = claimed(cases[0])
    says = (
        "In each place: from how many tasks on the queue costs less than all at once, with the 95% set of "
        "the break-even (together over the places of a panel), or who wins at every size. Dark: the queue "
        "wins early. White: all at once wins at every size. Grey: open in part or whole. A thick frame: "
        f"shown to lie within {within}."
    )
    title = f"The break-even, by {_names(cases[0])[0]} and by {_names(cases[0])[1]}"
    return picture(figure, f"claim-{claim.claim.number:02}-map", title, says)


def _factors(case: CaseFinding) -> list[str]:
    assert isinstance(case.found, MapFinding)
    return list(case.found.cells[0].factors) if case.found.cells else []


def _names(case: CaseFinding) -> tuple[str, str]:
    """Return what the rows and the columns of a map are."""
    statement = case.case.statement
    assert isinstance(statement, BreakEvenMap)
    row, column = _factors(case)
    return clean(statement.rows or row, 60), clean(statement.columns or column, 60)


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
            fontsize=7.5,
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
    axes.set_ylabel(capital(_names(case)[0]), fontsize=9)
    axes.set_title(capital(clean(case.case.where, 80)), loc="left", fontsize=9.5)


def _look(cell: Cell) -> tuple[str, str, str | None]:
    """Return the colour of a cell, that of its text, and its hatching."""
    kind, size = cell_kind(cell), cell_size(cell)
    if kind in ("from", "between", "at last") and size is not None:
        number, colour = next((i, c) for i, (below, c) in enumerate(_SHADES) if size <= below)
        return colour, svg.PAPER if number < 2 else svg.INK, None
    if kind == "queue":
        return "#10253c", svg.PAPER, None
    return svg.PAPER if kind == "parallel" else svg.GRID, svg.INK, None
