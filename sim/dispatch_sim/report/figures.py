"""Figures of a study along an axis: cost by tasks and by concurrency, and the break-even.

Each returns None where what it would show was not played. Bands are confidence intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.report import svg
from dispatch_sim.report.format import Measure, about, dollars, kind_words, place, wrapped
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate

_LOG_FROM = 30
"""Ratio of the largest to the least value from which an axis is logarithmic."""

_COLOURS = {
    "sequential": svg.GREEN,
    "parallel": svg.VERMILION,
    "queue": svg.BLUE,
    "waves": svg.PURPLE,
    "adaptive": svg.AMBER,
}
_MARKERS = {"sequential": "s", "parallel": "^", "queue": "o", "waves": "D", "adaptive": "v"}
_DASHES = ("-", "--", ":")
"""Of the variants of a kind."""

SIZE = (6.0, 3.5)
"""Of a figure, in inches."""

END_COLUMNS = 16
"""Columns of text beside the end of a line; a longer name is on several lines."""

Curve = Sequence[tuple[float, Estimate]]


def _unit(measure: Measure, largest: float) -> tuple[float, str, Callable[[float], str]]:
    """Return by what to divide a measure, the unit that it is then in, and how its ticks are written."""
    if measure.column in ("makespan_s", "p95_makespan_s", "people_s"):
        for seconds, unit in ((3600.0, "hours"), (60.0, "minutes")):
            if largest >= 2 * seconds:
                return seconds, unit, about
        return 1.0, "seconds", about
    unit = "tokens" if measure.column == "tokens" else "US dollars"
    return 1.0, unit, round_dollars if unit == "US dollars" else measure.show


def round_dollars(value: float) -> str:
    """Write a tick of an axis in dollars."""
    return dollars(value).removesuffix(".00")


def _axes(figure: Figure, right: float = 0.8, left: float = 0.12) -> Axes:
    figure.subplots_adjust(left=left, right=right, bottom=0.15, top=0.96)
    return figure.add_subplot()


def _draw(axes: Axes, curve: Curve, divisor: float, colour: str, marker: str, dashes: str = "-") -> None:
    x = [place for place, _ in curve]
    low, mean, high = (
        [getattr(estimate, end) / divisor for _, estimate in curve] for end in ("low", "mean", "high")
    )
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, mean, color=colour, marker=marker if len(x) < 30 else "", markersize=4, linestyle=dashes)


def _scale(axes: Axes, curves: Iterable[Curve], divisor: float, ticks: Callable[[float], str]) -> bool:
    """Make the axis of values logarithmic where that is needed, and return whether it is."""
    means = [estimate.mean / divisor for curve in curves for _, estimate in curve]
    logarithmic = min(means) > 0 and max(means) > _LOG_FROM * min(means)
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(
            LogLocator(subs=(1.0, 2.0, 5.0) if max(means) < 1000 * min(means) else (1.0,))
        )
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(min(means) / 1.3, max(means) * 1.3)
    else:
        highs = [estimate.high / divisor for curve in curves for _, estimate in curve]
        axes.set_ylim(min(0.0, *means), 1.06 * max(*highs, *means) or 1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: ticks(value)))
    return logarithmic


def _whole_x(axes: Axes, values: Sequence[float]) -> None:
    margin = 0.02 * (values[-1] - values[0])
    axes.set_xlim(values[0] - margin, values[-1] + margin)
    if len(values) <= 12:
        axes.xaxis.set_major_locator(FixedLocator(list(values)))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=2))


def _name_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write names at the right ends of lines (x, y, name, colour), apart from each other."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    top, bottom = axes.transData.transform(axes.viewLim.p1)[1], axes.transData.transform(axes.viewLim.p0)[1]
    line = 12.0 * figure.dpi / 72
    placed = sorted(
        (axes.transData.transform((x, y))[1], x, y, wrapped(name, END_COLUMNS, 4), colour)
        for x, y, name, colour in ends
    )
    tall = [line * (1 + name.count("\n")) for _, _, _, name, _ in placed]
    heights = [min(max(height, bottom), top) for height, *_ in placed]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + (tall[i - 1] + tall[i]) / 2 + 1)
    over = max(0.0, heights[-1] - top) if heights else 0.0
    heights = [height - over for height in heights]
    for (height, x, y, name, colour), at in zip(placed, heights, strict=True):
        axes.annotate(
            name,
            (x, y),
            xytext=(9, (at - height) * 72 / figure.dpi),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=9,
            annotation_clip=False,
        )


def cost_along_tasks(view: View) -> Figure | None:
    """Draw the objective against the size of the batch, with the break-even as a shaded band."""
    curves = _along_tasks(view)
    if len(view.sizes) < 2 or len(curves) < 2:
        return None
    largest = max(estimate.mean for _, _, _, curve in curves for _, estimate in curve)
    if largest <= 0:
        return None
    divisor, unit, ticks = _unit(view.measure, largest)
    with svg.style():
        figure = Figure(figsize=SIZE)
        axes = _axes(figure, right=0.775)
        logarithmic = _scale(axes, [curve for *_, curve in curves], divisor, ticks)
        _mark_break_even(axes, view.break_even("tasks"))
        for _, colour, dashes, curve in reversed(curves):
            marker = "" if dashes == "--" else next(m for k, m in _MARKERS.items() if _COLOURS[k] == colour)
            _draw(axes, curve, divisor, colour, marker, dashes)
        _whole_x(axes, view.sizes)
        axes.set_xlabel("tasks in the batch")
        axes.set_ylabel(_label(view.measure, unit, logarithmic))
        _name_ends(axes, [(c[-1][0], c[-1][1].mean / divisor, name, colour) for name, colour, _, c in curves])
    return figure


def _label(measure: Measure, unit: str, logarithmic: bool) -> str:
    return f"{measure.title.lower()} of a batch, {unit}" + (" (log scale)" if logarithmic else "")


def _along_tasks(view: View) -> list[tuple[str, str, str, Curve]]:
    """Return the curves along tasks: name, colour, dashes, values."""
    column = view.measure.column
    curves: list[tuple[str, str, str, Curve]] = []
    for kind in ("parallel", "sequential", "adaptive"):
        points = {size: point for size in view.sizes if (point := view.first(kind, size)) is not None}
        if points:
            last = points[max(points)]
            name = kind_words("adaptive", view.short(last)) if kind == "adaptive" else view.way(last)
            curve = [(size, view.estimate(column, point, size)) for size, point in points.items()]
            curves.append((name, _COLOURS[kind], "-", curve))
    # Where a break-even is shaded, its own queue is drawn.
    found = view.break_even("tasks")
    of = None if found is None else found.queue
    best = {size: point for size in view.sizes if (point := view.best("queue", size, of)) is not None}
    if best:
        queue = next(iter(best.values()))
        curve = [(size, view.estimate(column, point, size)) for size, point in best.items()]
        curves.append(
            (kind_words("best queue", view.short(queue)) if of else "best queue", svg.BLUE, "-", curve)
        )
        width = (view.best("queue", of=of) or queue).concurrency or 0
        wider = sorted(
            {each.concurrency or 0 for size in view.sizes for each in view.played("queue", size)},
            key=lambda w: abs(w - 2 * width),
        )
        for fixed in [queue.at(w) for w in wider if w >= 2 * width or w > width][:1]:
            sizes = [
                size
                for size in view.sizes
                if fixed in view.played("queue", size) and fixed.concurrency_in(size) < size
            ]
            if len(sizes) > 1:
                curve = [(size, view.estimate(column, fixed, size)) for size in sizes]
                curves.append((view.way(fixed).removeprefix("a "), svg.SKY, "--", curve))
    return curves


def _mark_break_even(axes: Axes, found: BreakEven | None) -> None:
    for crossing in found.crossings if found is not None else ():
        assert found is not None
        if not crossing.resolved:
            continue
        low, high = crossing.low, crossing.high
        edge_low, edge_high = found.range
        axes.axvspan(
            edge_low if low is None else low, edge_high if high is None else high, color=svg.BAND, zorder=0
        )
        axes.axvline(crossing.at, color=svg.FAINT, linewidth=1, linestyle=":")
        axes.annotate(
            f"break-even {place(crossing.at)}",
            (crossing.at, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -2),
            textcoords="offset points",
            va="top",
            fontsize=8.5,
            color=svg.INK,
        )


def cost_along_concurrency(view: View) -> Figure | None:
    """Draw the objective against the width of the queue, beside one by one and all at once."""
    column = view.measure.column
    widening: dict[Strategy, list[tuple[float, Estimate]]] = {}
    for each in (*view.played("queue"), *view.played("waves")):
        at = (each.concurrency_in(view.tasks), view.estimate(column, each))
        widening.setdefault(each.at(None), []).append(at)
    curves: list[tuple[Strategy, Curve]] = [
        (strategy, curve) for strategy, curve in widening.items() if len(curve) > 1
    ]
    if not curves:
        return None
    flat = [
        (point, view.estimate(column, point))
        for point in (view.first("parallel"), view.first("sequential"), view.best_adaptive())
        if point is not None
    ]
    everything: list[Curve] = [curve for _, curve in curves]
    everything.append([(0.0, estimate) for _, estimate in flat])
    largest = max(estimate.mean for curve in everything for _, estimate in curve)
    if largest <= 0:
        return None
    divisor, unit, ticks = _unit(view.measure, largest)
    widths = sorted({width for _, curve in curves for width, _ in curve})
    with svg.style():
        figure = Figure(figsize=SIZE)
        axes = _axes(figure, right=0.775)
        logarithmic = _scale(axes, [curve for curve in everything if curve], divisor, ticks)
        ends = []
        for point, estimate in flat:
            across = [(widths[0], estimate), (widths[-1], estimate)]
            _draw(axes, across, divisor, _COLOURS[point.kind], "", "-.")
            ends.append(
                (
                    widths[-1],
                    estimate.mean / divisor,
                    view.way(point),
                    _COLOURS[point.kind],
                )
            )
        kinds = [strategy.kind for strategy, _ in curves]
        for number, (strategy, curve) in enumerate(curves):
            kind, variant = kinds[number], kinds[:number].count(kinds[number])
            colour = _COLOURS[kind] if variant == 0 or kind != "queue" else svg.SKY
            _draw(axes, curve, divisor, colour, _MARKERS[kind], _DASHES[variant % len(_DASHES)])
            name = kind_words(f"{kind} of N", view.short(strategy))
            ends.append((curve[-1][0], curve[-1][1].mean / divisor, name, colour))
        _whole_x(axes, widths)
        _mark_best(axes, view, divisor)
        axes.set_xlabel(f"N, tasks at once (batch of {view.tasks})")
        axes.set_ylabel(_label(view.measure, unit, logarithmic))
        _name_ends(axes, ends)
    return figure


def _mark_best(axes: Axes, view: View, divisor: float) -> None:
    if view.recommended.kind not in ("queue", "waves"):
        return
    width = view.recommended.concurrency_in(view.tasks)
    mean = view.choice.estimate.mean
    axes.plot(
        [width],
        [mean / divisor],
        "o",
        markersize=11,
        markerfacecolor="none",
        color=svg.INK,
        markeredgewidth=1.5,
    )
    # Not towards the names at the ends of the lines.
    beside = (8, -9) if width < sum(axes.get_xlim()) / 2 else (-8, -9)
    if axes.get_yscale() == "linear":
        # Room below the point, which is often close to zero.
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, mean / divisor - 0.16 * (high - low)), high)
    axes.annotate(
        f"best: N = {width}, {view.measure.show(mean)}",
        (width, mean / divisor),
        xytext=beside,
        textcoords="offset points",
        fontsize=9,
        color=svg.INK,
        ha="left" if beside[0] > 0 else "right",
        va="top",
        bbox={"facecolor": svg.PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 1},
    )


def paired_difference_along_tasks(view: View) -> Figure | None:
    """Draw what all at once costs more than the best queue, replication by replication, around its zero."""
    found = view.break_even("tasks")
    if found is None or len(found.values) < 2 or not view.ever_differ(found):
        return None
    differences = view.differences_along_tasks(found)
    ends = [crossing.high or found.range[1] for crossing in found.crossings]
    last = min(found.range[1], max(ends) * 1.5 + 1) if ends else found.range[1]
    shown = [pair for i, pair in enumerate(differences) if i < 3 or pair[0] <= last]
    largest = max(abs(end) for _, e in shown for end in (e.mean, e.low, e.high))
    divisor, unit, ticks = _unit(view.measure, largest)
    with svg.style():
        figure = Figure(figsize=SIZE)
        axes = _axes(figure, right=0.76, left=0.14)
        _mark_break_even(axes, found)
        axes.axhline(0, color=svg.INK, linewidth=1.2)
        _draw(axes, shown, divisor, svg.BLUE, "o")
        _whole_x(axes, [size for size, _ in shown])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: ("+" if v > 0 else "") + ticks(v)))
        axes.set_xlabel("tasks in the batch")
        axes.set_ylabel(f"all at once minus best queue, {unit}", fontsize=9)
        axes.margins(y=0.12)
        low, high = axes.get_ylim()
        for side, height, text in ((1, high, "queue"), (-1, low, "all at once")):
            if side * height > 0:
                axes.annotate(
                    f"{'↑' if side > 0 else '↓'} {text}\n{view.measure.better}",
                    (1.01, 0),
                    xycoords=("axes fraction", "data"),
                    xytext=(0, side * 4),
                    textcoords="offset points",
                    ha="left",
                    va="bottom" if side > 0 else "top",
                    fontsize=9,
                    color=svg.FAINT,
                )
    return figure
