"""Figure of a claim: ratios along an axis, or a map of break-evens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dispatch_sim.claims.break_even_map import MapFinding
from dispatch_sim.claims.cases import RatioFinding
from dispatch_sim.claims.judge import ClaimFinding
from dispatch_sim.claims.statements import Case, Ratio
from dispatch_sim.claims.verdicts import State
from dispatch_sim.decide.units import axis_position
from dispatch_sim.report.break_evens import break_even_cell
from dispatch_sim.report.figures import styles
from dispatch_sim.report.figures.styles import Picture, Unit
from dispatch_sim.report.format import capital, clean, wrapped

_LINES = (
    (styles.BLUE, "o", "-"),
    (styles.VERMILION, "^", "-"),
    (styles.GREEN, "s", "-"),
    (styles.SKY, "o", "--"),
    (styles.AMBER, "^", "--"),
    (styles.PURPLE, "D", "--"),
)
"""Colour, marker and dashes: each distinguishes a line by itself."""

_DARK_BELOW = 7
"""Break-even in tasks below which a cell is dark and its text light."""

_FEWEST_POINTS = 4


def claim_figure(claim: ClaimFinding) -> Picture | None:
    """Draw the maps of a claim, or its first ratio along an axis and those of the same measure."""
    name = f"claim-{claim.claim.number:02}"
    cases = list(zip(claim.claim.cases, claim.cases, strict=True))
    maps = [
        (case, found) for case, found in cases if isinstance(found, MapFinding) and len(_factors(found)) == 2
    ]
    if maps:
        return _map(name, maps)
    curves = [
        (case, case.ratio, found)
        for case, found in cases
        if isinstance(found, RatioFinding) and case.ratio is not None and len(found.points) >= _FEWEST_POINTS
    ]
    alike = [each for each in curves if _axes_of(each[1]) == _axes_of(curves[0][1])]
    return _curves(name, claim.claim.title, alike[: len(_LINES)]) if alike else None


def _axes_of(ratio: Ratio) -> tuple[str | None, set[str]]:
    return ratio.over, {measure for term in (*ratio.of, *(ratio.to or ())) for measure in term.measure}


@styles.style()
def _curves(name: str, title: str, curves: Sequence[tuple[Case, Ratio, RatioFinding]]) -> Picture:
    levels = [point.at for point in curves[0][2].points]
    ends = {bound for _, ratio, _ in curves for bound in (ratio.at_least, ratio.at_most)}
    bounds = sorted(bound for bound in ends if bound is not None)
    figure, axes = styles.new_axes(6.8, 3.3, 0.68, 2.04, 0.5, 0.17)
    for (case, _, found), (colour, marker, dashes) in zip(curves, _LINES, strict=False):
        x = [levels.index(point.at) for point in found.points]
        mean = np.array([point.ratio.mean for point in found.points])
        low = np.maximum([point.ratio.low for point in found.points], -10 * np.abs(mean))
        high = np.minimum([point.ratio.high for point in found.points], 10 * np.abs(mean))
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
        label = wrapped(clean(case.where, 120), 26, 3)
        axes.plot(x, mean, color=colour, marker=marker, linestyle=dashes, label=label)
    for bound in bounds:
        axes.axhline(bound, color=styles.INK, linewidth=1, linestyle=":")
    means = [point.ratio.mean for _, _, found in curves for point in found.points]
    values = [*means, *bounds]
    styles.scale_values(axes, values, max(values), Unit("", 1.0, "{:g}".format), 12)
    axes.set_xticks(range(len(levels)), [level_text(level) for level in levels])
    axes.set_xlabel(clean(curves[0][1].over))
    axes.set_ylabel("ratio")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), labelspacing=0.9)
    compared = {clean(case.what, 120) for case, _, _ in curves}
    title = capital(compared.pop()) if len(compared) == 1 else clean(title, 120)
    description = "Dotted lines are the claimed bounds. Bands are simultaneous confidence intervals."
    return Picture(figure, name, title, description)


def level_text(level: Any) -> str:
    """Return a level of an axis, short."""
    return f"{level:g}" if isinstance(level, float) else clean(level, 20)


def _factors(found: MapFinding) -> dict[str, list[Any]]:
    """Return the levels of each factor, in order."""
    levels: dict[str, list[Any]] = {}
    for cell in found.cells:
        for path, level in cell.break_even.factors.items():
            levels.setdefault(path, []).append(level)
    return {path: sorted(set(each), key=axis_position) for path, each in levels.items()}


@styles.style(**{"axes.grid": False})
def _map(name: str, maps: Sequence[tuple[Case, MapFinding]]) -> Picture:
    (row, rows), (column, columns) = _factors(maps[0][1]).items()
    figure = Figure(figsize=(7.4, 0.6 + len(maps) * (0.42 * len(rows) + 0.4)), layout="constrained")
    panels = figure.subplots(len(maps), 1, squeeze=False, sharex=True)[:, 0]
    grid = range(len(columns)), range(len(rows))
    for axes, (case, found) in zip(panels, maps, strict=True):
        break_evens = np.full((len(rows), len(columns)), np.nan)
        for cell in found.cells:
            factors = cell.break_even.factors
            y, x = rows.index(factors[row]), columns.index(factors[column])
            crossing = next((each for each in cell.break_even.crossings if each.resolved), None)
            break_evens[y, x] = np.nan if crossing is None else crossing.at
            text = wrapped(break_even_cell(cell.break_even), 22)
            weight = "bold" if cell.state is State.HOLDS else "normal"
            colour = styles.PAPER if break_evens[y, x] < _DARK_BELOW else styles.INK
            axes.text(x, y, text, ha="center", va="center", fontsize=7, color=colour, fontweight=weight)
        axes.pcolormesh(*grid, break_evens, cmap="Blues_r", vmin=2, vmax=15, edgecolor=styles.GRID)
        axes.set_yticks(grid[1], [level_text(level) for level in rows])
        axes.set_title(capital(clean(case.where, 80)), loc="left", fontsize=9)
        axes.set_ylabel(clean(row.partition(".")[2], 40), fontsize=8)
    panels[-1].set_xticks(grid[0], [level_text(level) for level in columns])
    panels[-1].set_xlabel(clean(column))
    title = f"Break-even between parallel and a queue, by {clean(row)} and {clean(column)}"
    description = (
        "A cell has the number of tasks above which the queue costs less, and its confidence interval. "
        "The intervals of a panel hold simultaneously. Bold: as claimed. White: parallel costs less, or the "
        "break-even is not resolved."
    )
    return Picture(figure, name, title, description)
