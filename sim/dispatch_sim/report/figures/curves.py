"""Curves of estimates along an axis, the scales of their axes, and their legend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

from dispatch_sim.report.figures.palette import AMBER, BLUE, GREEN, INK, PURPLE, VERMILION
from dispatch_sim.report.figures.styles import Unit, hover
from dispatch_sim.report.format import Measure
from dispatch_sim.stats.estimates import Estimate

COLOURS = {
    "solo": INK,
    "sequential": GREEN,
    "parallel": VERMILION,
    "queue": BLUE,
    "waves": PURPLE,
    "adaptive": AMBER,
}
MARKERS = {"solo": "x", "sequential": "s", "parallel": "^", "queue": "o", "waves": "D", "adaptive": "v"}

_LOG_FROM = 30
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""

_MOST_HOVERS = 100
"""Points of a curve up to which each has its value."""

Curve = Sequence[tuple[float, Estimate]]


def draw_curve(
    axes: Axes,
    curve: Curve,
    unit: Unit,
    show: Callable[[Estimate], str],
    colour: str,
    marker: str = "",
    dashes: str = "-",
    label: str = "",
) -> None:
    """Draw estimates along an axis as a line with a band of their confidence intervals.

    A browser shows each estimate, as `show` writes it, where its pointer is over the point.
    """
    x = [at for at, _ in curve]
    low, mean, high = (
        [getattr(estimate, end) / unit.size for _, estimate in curve] for end in ("low", "mean", "high")
    )
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, mean, color=colour, marker=marker if len(x) < 30 else "", linestyle=dashes, label=label)
    if len(x) <= _MOST_HOVERS:
        for (at, estimate), height in zip(curve, mean, strict=True):
            (point,) = axes.plot(at, height, "o", color=colour, alpha=0, markersize=12, label="_")
            hover(point, f"{' '.join(label.split())} at {at:g}: {show(estimate)}".strip())


def scale_measure(axes: Axes, curves: Iterable[Curve], measure: Measure, unit: Unit) -> None:
    """Scale and label the axis of a measure."""
    estimates = [estimate for curve in curves for _, estimate in curve]
    means = [estimate.mean / unit.size for estimate in estimates]
    low, high = min(means), max(means)
    is_log = 0 < low * _LOG_FROM < high
    if is_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(low / 1.3, high * 1.3)
    else:
        highest = max(estimate.high for estimate in estimates) / unit.size
        axes.set_ylim(min(0.0, low), 1.06 * max(highest, high) or 1.0)
    axes.yaxis.set_major_formatter(unit.ticks)
    axes.set_ylabel(f"{measure.title}, {unit.name}{' (log scale)' if is_log else ''}")


def whole_numbers(axes: Axes, values: Sequence[float]) -> None:
    """Scale the horizontal axis to whole numbers, and mark each of them if they are few."""
    margin = 0.02 * (values[-1] - values[0])
    axes.set_xlim(values[0] - margin, values[-1] + margin)
    few = len(values) <= 12
    axes.xaxis.set_major_locator(
        FixedLocator(list(values)) if few else MaxNLocator(nbins=10, integer=True, min_n_ticks=2)
    )


def legend_below(axes: Axes) -> None:
    """Put the legend below the axes, in the order in which the lines end on the right."""
    figure: Any = axes.figure
    lines = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    lines.sort(key=lambda line: -np.asarray(line.get_ydata())[-1])
    rows = math.ceil(len(lines) / 2)
    # A legend fills its columns one after the other.
    heights = [max(str(each.get_label()).count("\n") + 1 for each in lines[i::rows]) for i in range(rows)]
    added, (width, height) = 0.1 + sum(0.06 + 0.16 * lines for lines in heights), figure.get_size_inches()
    margins = figure.subplotpars.bottom * height, (1 - figure.subplotpars.top) * height
    figure.set_size_inches(width, height + added)
    figure.subplots_adjust(
        bottom=(margins[0] + added) / (height + added), top=1 - margins[1] / (height + added)
    )
    figure.legend(
        handles=lines, loc="lower left", ncols=2, labelspacing=0.4, handlelength=2.4, columnspacing=1.0
    )
