"""Map of the best strategy: colour shows which it is, a hatch that the difference is not resolved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle

from dispatch_sim.decide.map_axes import Axis
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.winner_map import StrategyMap
from dispatch_sim.decide.winners import Standing, Winner
from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import MEASURES, clean, named, wrapped
from dispatch_sim.scenario.strategy import Kind, Strategy
from dispatch_sim.stats.estimates import Estimate

SIGNS = {"solo": "solo", "sequential": "seq", "parallel": "par", "queue": "", "waves": "w", "adaptive": "ad"}
"""Signs of the kinds of strategies; that of a queue is its concurrency alone."""

_MARKS = {Standing.EQUAL: "=", Standing.OPEN: "?"}
_HATCHES = {Standing.EQUAL: "..", Standing.OPEN: "////"}
STANDINGS = {
    Standing.EQUAL: "another strategy is practically equal",
    Standing.OPEN: "the best strategy is not resolved",
}

# Colours of cells differ slightly from those of a page, which change on a dark page: cells keep theirs.
_COLOURS = {
    "solo": "#4a5560",
    "sequential": "#007a59",
    "parallel": "#c44f01",
    "waves": "#a8497e",
    "adaptive": "#b27a01",
}
_LIGHT = {"sequential": "#8fc9b5", "parallel": "#eda673"}
"""Of queues that are equivalent to sequential, or to parallel, at the number of tasks."""
_BLUES = ("#dcebf3", "#a9cfe2", "#6aa6c9", "#2f6f9f", "#1d3f63")
"""Of queues; higher concurrency is darker."""
_BLACK, _WHITE = "#101418", "#fbfcfd"

_MOST_SIGNS = 24
"""Cells in a row up to which signs fit into them."""


def axis_name(parameter: Parameter) -> str:
    """Return the name of an axis: its path; of a distribution, the mean is meant."""
    if parameter.path == "tasks":
        return "tasks in the batch"
    return clean(parameter.path) + (" (mean)" if parameter.distribution is not None else "")


def cell_sign(winner: Winner | None, found: StrategyMap) -> str:
    """Return the sign of a cell: `par`, `3`, `2-4` for an open concurrency, `3?` for an open strategy."""
    if winner is None:
        return "-"
    strategy = winner.strategy
    sign = SIGNS[strategy.kind]
    if strategy.has_number:
        alike = sorted(each.concurrency or 0 for each in winner.best_subset if each.label == strategy.label)
        if winner.standing is Standing.CONCURRENCY_OPEN and len(alike) > 1:
            sign += f"{alike[0]}-{alike[-1]}"
        elif strategy.concurrency:
            sign += f"{strategy.concurrency}"
    labels = found.labels[strategy.kind]
    letter = "abcdefghijklmnop"[labels.index(strategy.label) % 16] if len(labels) > 1 else ""
    return f"{sign}{letter}{_MARKS.get(winner.standing, '')}"


@styles.style(**{"axes.grid": False, "hatch.linewidth": 0.8})
def winner_map(found: StrategyMap, sentences: Sequence[str]) -> Picture:
    """Draw a map; `sentences` describe it."""
    columns, rows = len(found.x.levels), len(found.y.levels)
    width, height = min(9.5, 2.9 + 0.46 * columns), min(7.5, 1.3 + 0.3 * rows)
    figure, axes = styles.new_axes(width, height, 0.13 * width, 0.28 * width, 0.16 * height, 0.03 * height)
    colours = _colours(found)
    for number, cell in enumerate(found.cells):
        row, column = divmod(number, columns)
        if cell.winner is None:
            continue
        colour, hatch = colours[cell.winner.kind, cell.winner.strategy], _HATCHES.get(cell.winner.standing)
        edge = _ink(colour) if hatch else palette.PAPER
        corner = (column - 0.5, row - 0.5)
        patch = Rectangle(corner, 1, 1, facecolor=colour, edgecolor=edge, hatch=hatch, linewidth=0.4)
        styles.hover(axes.add_patch(patch), _cell_text(found, row, column, cell.winner))
        if columns <= _MOST_SIGNS and rows <= _MOST_SIGNS:
            box = {"facecolor": colour, "edgecolor": "none", "pad": 0.6} if hatch else None
            text = cell_sign(cell.winner, found)
            axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color=_ink(colour), bbox=box)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(-0.5, rows - 0.5)
    axes.set_xticks(*_ticks(found.x), rotation=45 if columns > 9 else 0)
    axes.set_yticks(*_ticks(found.y))
    names = [axis_name(axis.parameter) for axis in (found.x, found.y)]
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    _mark_scenario(axes, found)
    axes.legend(handles=_legend(found, colours), loc="upper left", bbox_to_anchor=(1.02, 1.0))
    title = f"{clean(found.name)}: best strategy by {' and '.join(names)}"
    return Picture(figure, "map", title, " ".join(sentences))


def _cell_text(found: StrategyMap, row: int, column: int, winner: Winner) -> str:
    """Return where a cell is, its best strategy, and the difference from the best of another kind.

    That has an interval if there are enough replications for one.
    """
    measure = MEASURES[found.objective]
    where = f"{axis_name(found.x.parameter)} {found.x.labels[column]}, "
    where += f"{axis_name(found.y.parameter)} {found.y.labels[row]}"
    best = f"{where}: {named(winner.strategy)}, {measure.show(winner.mean)}"
    if winner.rival is None:
        return best
    margin = Estimate(winner.margin, winner.low, winner.high, found.replications)
    stated = measure.signed(winner.margin) if winner.is_preliminary else measure.difference(margin)
    return f"{best}; {named(winner.rival)}: {stated}"


def _colours(found: StrategyMap) -> dict[tuple[Kind, Strategy], str]:
    """Return the colours of the winners, in the order of the legend."""
    order = {(k, s): (k, s.label, s.concurrency or 0) for k, s in found.winners()}
    winners = sorted(order, key=lambda winner: order[winner])
    levels = sorted({strategy.concurrency or 0 for kind, strategy in winners if kind == "queue"})
    colours = {}
    for kind, strategy in winners:
        colours[kind, strategy] = (_COLOURS if kind == strategy.kind else _LIGHT).get(kind, palette.GREY)
        if kind == "queue":
            rank = levels.index(strategy.concurrency or 0) / max(len(levels) - 1, 1)
            colours[kind, strategy] = _BLUES[round(rank * (len(_BLUES) - 1))]
    return colours


def _legend(found: StrategyMap, colours: dict[tuple[Kind, Strategy], str]) -> list[Patch]:
    entries: list[tuple[str, str, str]] = [
        (_name(kind, strategy, colours), colour, "") for (kind, strategy), colour in colours.items()
    ]
    standings = {None if cell.winner is None else cell.winner.standing for cell in found.cells}
    entries += [
        (text, palette.PAPER, _HATCHES[each]) for each, text in STANDINGS.items() if each in standings
    ]
    if None in standings:
        entries.append(("cannot be simulated", palette.PAPER, ""))
    return [
        Patch(facecolor=colour, edgecolor=palette.INK, linewidth=0.4, hatch=hatch, label=wrapped(name, 22, 3))
        for name, colour, hatch in entries
    ]


def _name(kind: Kind, strategy: Strategy, others: Iterable[tuple[Kind, Strategy]]) -> str:
    """Return the name of a winner, without options if no other of its kind wins with others."""
    alone = len({each.label for _, each in others if each.kind == strategy.kind}) == 1
    name = str(strategy.without(strategy.options) if alone else strategy)
    return name if kind == strategy.kind else f"{name} (here {kind})"


def _ink(colour: str) -> str:
    """Return black or white, whichever has more contrast with a colour."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return _BLACK if luminance > 0.2 else _WHITE


def _ticks(axis: Axis) -> tuple[list[int], list[str]]:
    at = list(range(0, len(axis.levels), math.ceil(len(axis.levels) / 16)))
    return at, [axis.labels[i] for i in at]


def _mark_scenario(axes: Axes, found: StrategyMap) -> None:
    """Mark the values of the scenario itself, if they are in the range of the map."""
    x, y = (_position(axis.levels, axis.parameter.value) for axis in (found.x, found.y))
    if x is None or y is None:
        return
    frame = Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=_BLACK, linewidth=1.6, zorder=3)
    axes.add_patch(frame)
    box = {"facecolor": _WHITE, "edgecolor": "none", "pad": 0.4}
    style = {"fontsize": 9, "va": "baseline", "color": _BLACK, "bbox": box, "zorder": 4}
    styles.note(axes, "here", (x + 0.5, y + 0.5), 1, 1, **style)


def _position(levels: Sequence[float], value: float) -> float | None:
    """Return the position of a value among the levels, interpolated between logarithms."""
    for number, (low, high) in enumerate(pairwise(levels)):
        if low <= value <= high:
            if low > 0:
                return number + math.log(value / low) / math.log(high / low)
            return number + (value - low) / (high - low)
    return 0.0 if value == levels[0] else None
