"""The picture of a map: a cell is coloured by who wins, and hatched where that is not shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.winner_map import Axis, StrategyMap
from dispatch_sim.decide.winners import Standing, Winner
from dispatch_sim.report import svg
from dispatch_sim.report.format import clean, way, wrapped
from dispatch_sim.report.svg import Picture, picture
from dispatch_sim.scenario.strategy import Kind, Strategy

_COLOURS = {"sequential": "#007a59", "parallel": "#c44f01", "waves": "#a8497e", "adaptive": "#b27a01"}
"""Those of all figures, a shade off: on a dark page a cell keeps its colour, as its sign does."""

_LIGHT = {"sequential": "#8fc9b5", "parallel": "#eda673"}
"""Of queues that are one by one, or all at once, by another name."""

_BLUES = ("#dcebf3", "#a9cfe2", "#6aa6c9", "#2f6f9f", "#1d3f63")
"""Of queues, the wider the darker: told apart without colour, and by the number in the cell."""

_BLACK, _WHITE = "#101418", "#fbfcfd"
"""Signs in cells. Not those of a page, which change places on a dark one: the cells do not."""

_HATCHES = {Standing.SHOWN: "", Standing.WIDTH_OPEN: "", Standing.EQUAL: "..", Standing.OPEN: "////"}
_MOST_SIGNS = 24
"""Cells in a row beyond which their signs would run into each other."""


def map_picture(
    found: StrategyMap,
    axis_words: Callable[[Parameter], str],
    sentences: Sequence[str],
    sign: Callable[[Winner, StrategyMap], str],
) -> Picture:
    """Draw a map.

    Parameters
    ----------
    found : the map.
    axis_words : what an axis is called.
    sentences : what to see.
    sign : what is written in a cell.
    """
    columns, rows = len(found.x.levels), len(found.y.levels)
    colours = _colours(found)
    with svg.style(**{"axes.grid": False, "hatch.linewidth": 0.8}):
        figure = Figure(figsize=(min(9.5, 2.9 + 0.42 * columns), min(7.5, 1.3 + 0.3 * rows)))
        axes = figure.add_subplot()
        figure.subplots_adjust(left=0.13, right=0.72, bottom=0.16, top=0.97)
        for number, cell in enumerate(found.cells):
            row, column = divmod(number, columns)
            if cell.winner is None:
                continue
            colour, standing = colours[cell.winner.kind, cell.winner.strategy], cell.winner.standing
            axes.add_patch(
                Rectangle(
                    (column - 0.5, row - 0.5),
                    1,
                    1,
                    facecolor=colour,
                    edgecolor=_ink(colour) if _HATCHES[standing] else svg.PAPER,
                    hatch=_HATCHES[standing],
                    linewidth=0.4,
                )
            )
            if columns <= _MOST_SIGNS and rows <= _MOST_SIGNS:
                text = sign(cell.winner, found)
                backed = {"facecolor": colour, "edgecolor": "none", "pad": 0.6}
                axes.text(
                    column,
                    row,
                    text,
                    ha="center",
                    va="center",
                    fontsize=7,
                    color=_ink(colour),
                    bbox=backed if _HATCHES[standing] else None,
                )
        axes.set_xlim(-0.5, columns - 0.5)
        axes.set_ylim(-0.5, rows - 0.5)
        axes.set_xticks(*_ticks(found.x), rotation=45 if columns > 9 else 0)
        axes.set_yticks(*_ticks(found.y))
        axes.set_xlabel(axis_words(found.x.parameter))
        axes.set_ylabel(axis_words(found.y.parameter))
        _mark_scenario(axes, found)
        handles = [
            Patch(
                facecolor=colour,
                edgecolor=svg.FAINT,
                linewidth=0.4,
                label=wrapped(_name(kind, strategy, colours), 22, 3),
            )
            for (kind, strategy), colour in sorted(
                colours.items(), key=lambda item: (item[0][0], item[0][1].label, item[0][1].concurrency or 0)
            )
        ]
        standings = {cell.winner.standing for cell in found.cells if cell.winner is not None}
        for standing, label in (
            (Standing.EQUAL, "another way is practically equal"),
            (Standing.OPEN, "another way may be as good"),
        ):
            if standing in standings:
                hatch = _HATCHES[standing]
                handles.append(
                    Patch(facecolor=svg.PAPER, edgecolor=svg.INK, hatch=hatch, label=wrapped(label, 22, 3))
                )
        if any(cell.winner is None for cell in found.cells):
            label = wrapped("the batch cannot be played", 22, 3)
            handles.append(Patch(facecolor=svg.PAPER, edgecolor=svg.GRID, label=label))
        axes.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(1.02, 1.0),
            frameon=False,
            fontsize=8.5,
            handlelength=1.4,
        )
    names = [axis_words(axis.parameter) for axis in (found.x, found.y)]
    title = f"{clean(found.name)}: who wins, by {' and '.join(names)}"
    return picture(figure, "map", title, " ".join(sentences))


def _name(kind: Kind, strategy: Strategy, others: Iterable[tuple[Kind, Strategy]]) -> str:
    """Return what a way is called, without options that tell it from no other of its kind."""
    alone = len({each.label for _, each in others if each.kind == strategy.kind}) == 1
    name = way(strategy.without(strategy.options) if alone else strategy)
    other = {"sequential": ", one by one", "parallel": ", all together"}.get(kind, "")
    return name + (other if kind != strategy.kind else "")


def _colours(found: StrategyMap) -> dict[tuple[Kind, Strategy], str]:
    winners = found.winners()
    widths = sorted({strategy.concurrency or 0 for kind, strategy in winners if kind == "queue"})
    colours = {}
    for kind, strategy in winners:
        colour = _COLOURS.get(kind, svg.GREY)
        if kind != strategy.kind:
            colour = _LIGHT[kind]
        if kind == "queue":
            rank = widths.index(strategy.concurrency or 0) / max(len(widths) - 1, 1)
            colour = _BLUES[round(rank * (len(_BLUES) - 1))]
        colours[kind, strategy] = colour
    return colours


def _ink(colour: str) -> str:
    """Return which of black and white is read more easily on a colour."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return _BLACK if luminance > 0.2 else _WHITE


def _ticks(axis: Axis) -> tuple[list[int], list[str]]:
    step = math.ceil(len(axis.levels) / 16)
    at = list(range(0, len(axis.levels), step))
    return at, [axis.labels[i] for i in at]


def _mark_scenario(axes: Axes, found: StrategyMap) -> None:
    """Mark where the scenario itself lies, if that is on the map."""
    at = [_position(axis, axis.parameter.value) for axis in (found.x, found.y)]
    if at[0] is None or at[1] is None:
        return
    axes.add_patch(
        Rectangle(
            (at[0] - 0.5, at[1] - 0.5), 1, 1, facecolor="none", edgecolor=_BLACK, linewidth=1.6, zorder=3
        )
    )
    axes.annotate(
        "here",
        (at[0] + 0.5, at[1] + 0.5),
        xytext=(1, 1),
        textcoords="offset points",
        fontsize=7.5,
        color=_BLACK,
        bbox={"facecolor": _WHITE, "edgecolor": "none", "pad": 0.4},
        zorder=4,
    )


def _position(axis: Axis, value: float) -> float | None:
    """Return where a value lies among the levels, between two in proportion to the logarithms."""
    levels = axis.levels
    if not levels[0] <= value <= levels[-1]:
        return None
    for number, (low, high) in enumerate(pairwise(levels)):
        if low <= value <= high:
            if low > 0:
                return number + math.log(value / low) / math.log(high / low)
            return number + (value - low) / (high - low)
    return 0.0
