"""The objective by concurrency of queues and waves, next to the strategies without a concurrency."""

from __future__ import annotations

from collections import Counter

from matplotlib.axes import Axes

from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.curves import (
    COLOURS,
    MARKERS,
    draw_curve,
    legend_below,
    scale_measure,
    whole_numbers,
)
from dispatch_sim.report.figures.styles import Picture, Unit
from dispatch_sim.report.format import count, factors_text, named, percent, wrapped
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate

_DASHES = ("-", "--", ":")
"""Line styles of the variants of a kind."""


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
    flat = {
        point: [(level, view.estimate(column, point)) for level in levels]
        for point in others
        if point is not None
    }
    curves = [*variants.values(), *flat.values()]
    largest = max((estimate.mean for curve in curves for _, estimate in curve), default=0.0)
    if not variants or largest <= 0:
        return None
    unit = styles.unit_of(view.measure, largest)
    figure, axes = styles.new_axes(styles.WIDTH, styles.HEIGHT, 0.72, 0.12, 0.52, 0.14)
    scale_measure(axes, curves, view.measure, unit)
    for point, curve in flat.items():
        name = wrapped(named(point), 20, 4)
        style = (COLOURS[point.kind], "", "-.")
        draw_curve(axes, curve, unit, view.measure.estimate, *style, label=name)
    drawn: Counter[str] = Counter()
    for strategy, curve in variants.items():
        kind, dashes = strategy.kind, _DASHES[drawn[strategy.kind] % len(_DASHES)]
        name = wrapped(strategy.label.replace(kind, f"{kind} of N", 1), 20, 4)
        style = (COLOURS[kind], MARKERS[kind], dashes)
        draw_curve(axes, curve, unit, view.measure.estimate, *style, label=name)
        drawn[kind] += 1
    whole_numbers(axes, levels)
    axes.set_xlabel(f"concurrency N (batch of {count(view.tasks, 'task')})")
    legend_below(axes)
    if view.choice.feasible and view.recommended.kind in ("queue", "waves"):
        _mark_best(axes, view, unit)
    title = f"{view.measure.title} by concurrency"
    return Picture(figure, "cost-along-concurrency", title, _description(view))


def _description(view: View) -> str:
    best, least, factors = view.recommended, view.choice.estimate.mean, view.choice.factors
    where = f" with {factors_text(factors)}" if factors else ""
    bands = f"Bands are {view.confidence} confidence intervals."
    if not view.choice.feasible:
        return f"No strategy meets the limits{where}. {bands}"
    description = (
        f"Best strategy for {count(view.tasks, 'task')}{where}: {named(best)}, with "
        f"{view.measure.amount(least)}. {bands}"
    )
    wider = [
        each
        for each in view.simulated(best.kind)
        if each.at(None) == best.at(None) and (each.concurrency or 0) > (best.concurrency or 0)
    ]
    if best.kind in ("queue", "waves") and wider and least:
        more = view.mean(view.measure.column, wider[0]) / least - 1
        description += f" With {named(wider[0])} it is {percent(more)} more." if more >= 0.005 else ""
    return description


def _mark_best(axes: Axes, view: View, unit: Unit) -> None:
    level, mean = view.recommended.concurrency_in(view.tasks), view.choice.estimate.mean
    at = (level, mean / unit.size)
    axes.plot(*at, "o", markersize=11, markerfacecolor="none", color=palette.INK, markeredgewidth=1.5)
    if axes.get_yscale() == "linear":
        # Make room for the text below a point that is close to zero.
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, at[1] - 0.16 * (high - low)), high)
    left = level < sum(axes.get_xlim()) / 2
    axes.annotate(
        f"best: N = {level}, {view.measure.show(mean)}",
        at,
        xytext=(8 if left else -8, -9),
        textcoords="offset points",
        fontsize=9.5,
        ha="left" if left else "right",
        va="top",
        bbox={"facecolor": palette.PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 1},
    )
