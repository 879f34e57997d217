"""Curves of estimates along an axis: the objective by number of tasks, and by concurrency."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.styles import Picture, Unit
from dispatch_sim.report.format import axis_point, count, named, wrapped
from dispatch_sim.report.sentences import sentence
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate

_COLOURS = {
    "solo": palette.INK,
    "sequential": palette.GREEN,
    "parallel": palette.VERMILION,
    "queue": palette.BLUE,
    "waves": palette.PURPLE,
    "adaptive": palette.AMBER,
}
_MARKERS = {"solo": "x", "sequential": "s", "parallel": "^", "queue": "o", "waves": "D", "adaptive": "v"}

_DASHES = ("-", "--", ":")
"""Line styles of the variants of a kind."""

_LOG_FROM = 30
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""

_MOST_HOVERS = 100
"""Points of a curve up to which each has its value."""

Curve = Sequence[tuple[float, Estimate]]


@dataclass(frozen=True, slots=True)
class _Line:
    """A strategy's estimates along an axis, and how they are drawn."""

    name: str
    kind: str
    curve: Curve
    marker: str = ""
    dashes: str = "-"


@styles.style()
def along_tasks(view: View) -> Picture | None:
    """Draw the objective by number of tasks; None with one size or one line, or if all is zero."""
    lines = list(_lines_along_tasks(view))
    if len(view.sizes) < 2 or len(lines) < 2 or _largest(lines) <= 0:
        return None
    figure, axes, _ = _draw(view, lines[::-1], view.sizes, "tasks in the batch")
    mark_break_even(axes, view.break_even)
    ends = [
        f"{view.measure.amount(line.curve[-1][1].mean)} with {line.name}"
        for line in lines
        if line.curve[-1][0] == view.sizes[-1]
    ]
    # Parallel has no queue to be compared with there.
    without = [size for size in view.sizes if size > 2 and view.best("queue", size) is None]
    if not any(view.simulated("queue", size) for size in view.sizes):
        without = []
    description = sentence(styles.TEXTS, "along_tasks", view, ends, without)
    return Picture(figure, "cost-along-tasks", f"{view.measure.title} by number of tasks", description)


def _lines_along_tasks(view: View) -> Iterator[_Line]:
    # If a break-even is marked, the best queue is that of the break-even.
    of = None if view.break_even is None else view.break_even.queue
    for kind in ("parallel", "sequential", "solo", "adaptive", "queue"):
        points = {
            size: point
            for size in view.sizes
            if (point := view.best(kind, size, of) if kind == "queue" else view.first(kind, size)) is not None
        }
        if not points:
            continue
        last = points[max(points)]
        name = named(last)
        if kind in ("adaptive", "queue"):
            name = f"the best narrower {last.label}" if kind == "queue" else last.label
        curve = [(size, view.estimate(view.measure.column, point, size)) for size, point in points.items()]
        yield _Line(name, kind, curve, _MARKERS[kind])


@styles.style()
def along_concurrency(view: View) -> Picture | None:
    """Draw the objective by concurrency; None without two concurrencies, or if all is zero."""
    column = view.measure.column
    variants: dict[Strategy, list[tuple[float, Estimate]]] = {}
    for each in (*view.simulated("queue"), *view.simulated("waves")):
        at = (each.concurrency_in(view.tasks), view.estimate(column, each))
        variants.setdefault(each.at(None), []).append(at)
    variants = {strategy: curve for strategy, curve in variants.items() if len(curve) > 1}
    levels = sorted({level for curve in variants.values() for level, _ in curve})
    others = [view.first("parallel"), view.first("sequential"), view.first("solo"), view.best_adaptive()]
    lines = [
        _Line(named(each), each.kind, [(level, view.estimate(column, each)) for level in levels], "", "-.")
        for each in others
        if each is not None
    ]
    drawn: Counter[str] = Counter()
    for strategy, curve in variants.items():
        kind, dashes = strategy.kind, _DASHES[drawn[strategy.kind] % len(_DASHES)]
        name = strategy.label.replace(kind, f"{kind} of N", 1)
        lines.append(_Line(name, kind, curve, _MARKERS[kind], dashes))
        drawn[kind] += 1
    if not variants or _largest(lines) <= 0:
        return None
    label = f"concurrency N (batch of {count(view.tasks, 'task')})"
    figure, axes, unit = _draw(view, lines, levels, label)
    if view.choice.feasible and view.recommended.kind in ("queue", "waves"):
        _mark_best(axes, view, unit)
    title = f"{view.measure.title} by concurrency"
    return Picture(figure, "cost-along-concurrency", title, _concurrency_text(view))


def _concurrency_text(view: View) -> str:
    """Return the description of the figure, with what the next wider strategy of the same kind costs more."""
    best, least = view.recommended, view.choice.estimate.mean
    variants = [each for each in view.simulated(best.kind) if each.at(None) == best.at(None)]
    wider = next((each for each in variants if (each.concurrency or 0) > (best.concurrency or 0)), None)
    is_compared = view.choice.feasible and best.kind in ("queue", "waves") and least != 0
    more = view.mean(view.measure.column, wider) / least - 1 if wider and is_compared else None
    return sentence(styles.TEXTS, "along_concurrency", view, wider, more)


def _mark_best(axes: Axes, view: View, unit: Unit) -> None:
    level, mean = view.recommended.concurrency_in(view.tasks), view.choice.estimate.mean
    at = (level, mean / unit.size)
    axes.plot(*at, "o", markersize=11, markerfacecolor="none", color=palette.INK, markeredgewidth=1.5)
    if axes.get_yscale() == "linear":
        # Make room for the text below a point that is close to zero.
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, at[1] - 0.16 * (high - low)), high)
    right = 8 if level < sum(axes.get_xlim()) / 2 else -8
    box = {"facecolor": palette.PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 1}
    styles.note(axes, f"best: N = {level}, {view.measure.show(mean)}", at, right, -9, va="top", bbox=box)


def mark_break_even(axes: Axes, found: BreakEven | None) -> None:
    """Mark the break-evens that the replications resolve, with their confidence intervals."""
    if found is None:
        return
    for crossing in found.resolved:
        low = found.range[0] if crossing.low is None else crossing.low
        high = found.range[1] if crossing.high is None else crossing.high
        right = 4 if crossing.at < sum(axes.get_xlim()) / 2 else -4
        axes.axvspan(low, high, color=palette.BAND, zorder=0)
        axes.axvline(crossing.at, color=palette.FAINT, linewidth=1, linestyle=":")
        text, over = f"break-even {axis_point(crossing.at)}", ("data", "axes fraction")
        styles.note(axes, text, (crossing.at, 1), right, -2, va="top", xycoords=over)


def _largest(lines: Sequence[_Line]) -> float:
    return max((estimate.mean for line in lines for _, estimate in line.curve), default=0.0)


def _draw(
    view: View, lines: Sequence[_Line], values: Sequence[float], label: str
) -> tuple[Figure, Axes, Unit]:
    """Draw lines along an axis of whole numbers, and a legend."""
    unit = styles.unit_of(view.measure, _largest(lines))
    figure, axes = styles.new_axes(styles.WIDTH, styles.HEIGHT, 0.72, 0.12, 0.52, 0.14)
    _scale_measure(axes, [estimate for line in lines for _, estimate in line.curve], view, unit)
    for line in lines:
        style = (_COLOURS[line.kind], line.marker, line.dashes, wrapped(line.name, 20, 4))
        draw_curve(axes, line.curve, unit, view.measure.estimate, *style)
    whole_numbers(axes, values)
    axes.set_xlabel(label)
    _legend_below(axes)
    return figure, axes, unit


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
            styles.hover(point, f"{' '.join(label.split())} at {at:g}: {show(estimate)}".strip())


def _scale_measure(axes: Axes, estimates: Sequence[Estimate], view: View, unit: Unit) -> None:
    """Scale and label the axis of the objective."""
    means = [estimate.mean / unit.size for estimate in estimates]
    low, high = min(means), max(means)
    is_log = 0 < low * _LOG_FROM < high
    if is_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(low / 1.3, high * 1.3)
    else:
        # The interval of a percentile may have an open end.
        ends = [estimate.high / unit.size for estimate in estimates if math.isfinite(estimate.high)]
        axes.set_ylim(min(0.0, low), 1.06 * max([high, *ends]) or 1.0)
    axes.yaxis.set_major_formatter(unit.ticks)
    axes.set_ylabel(f"{view.measure.title}, {unit.name}{' (log scale)' if is_log else ''}")


def whole_numbers(axes: Axes, values: Sequence[float]) -> None:
    """Scale the horizontal axis to whole numbers, and mark each of them if they are few."""
    margin = 0.02 * (values[-1] - values[0])
    axes.set_xlim(values[0] - margin, values[-1] + margin)
    few = len(values) <= 12
    axes.xaxis.set_major_locator(
        FixedLocator(list(values)) if few else MaxNLocator(nbins=10, integer=True, min_n_ticks=2)
    )


def _legend_below(axes: Axes) -> None:
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
