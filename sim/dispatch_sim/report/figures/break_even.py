"""The break-even of parallel and the best queue: by number of tasks, and by further factors."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.report.break_evens import break_even_cell, break_even_sentence, queue_name
from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.curves import draw_curve, mark_break_even, whole_numbers
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import (
    axis_point,
    clean,
    factors_text,
    named,
    short_factors,
    wrapped,
)
from dispatch_sim.report.sentences import sentence
from dispatch_sim.report.view import View, views

MOST_ROWS = 40
"""Combinations of factors that are drawn; a reader would not look through more."""


@styles.style()
def paired_difference(view: View) -> Picture | None:
    """Draw what parallel costs more than the best queue; None without a difference at two sizes."""
    found = view.break_even
    if found is None or len(found.values) < 2 or all(e.low == e.high == 0 for e in found.differences):
        return None
    differences = list(zip(found.values, found.differences, strict=True))
    ends = [crossing.high or found.range[1] for crossing in found.crossings]
    last = min(found.range[1], max(ends) * 1.5 + 1) if ends else found.range[1]
    shown = [pair for i, pair in enumerate(differences) if i < 3 or pair[0] <= last]
    unit = styles.unit_of(view.measure, max(abs(end) for _, e in shown for end in (e.low, e.high)))
    figure, axes = styles.new_axes(styles.WIDTH, styles.HEIGHT, 1.0, 0.12, 0.52, 0.14)
    axes.axhline(0, color=palette.INK, linewidth=1.2)
    draw_curve(axes, shown, unit, view.measure.difference, palette.BLUE, "o")
    whole_numbers(axes, [size for size, _ in shown])
    mark_break_even(axes, found)
    axes.yaxis.set_major_formatter(unit.signed_ticks)
    axes.set_xlabel("tasks in the batch")
    axes.set_ylabel(f"parallel minus best narrower queue,\n{unit.name}")
    axes.margins(y=0.12)
    # The names of the sides are where the curve rarely is.
    (low, high), across = axes.get_ylim(), ("axes fraction", "data")
    better, style = view.measure.better, {"color": palette.FAINT, "xycoords": across}
    if high > 0:
        styles.note(axes, f"↑ queue {better}", (0.01, 0), 0, 3, va="bottom", **style)
    if low < 0:
        styles.note(axes, f"↓ parallel {better}", (0.99, 0), 0, -3, va="top", ha="right", **style)
    parallel, queue = named(found.parallel), queue_name(found)
    unresolved = None if found.resolved else break_even_sentence(found)
    description = sentence(styles.TEXTS, "paired_difference", view, parallel, queue, unresolved)
    return Picture(figure, "break-even", f"{view.measure.title}: {parallel} minus {queue}", description)


@styles.style(**{"axes.grid.axis": "x"})
def break_even_by_factors(answer: Answer) -> Picture | None:
    """Draw the break-even of the first pair of strategies; None with fewer than two combinations."""
    found = [b for view in views(answer) for b in view.break_evens if b.factors and b.is_with_best]
    pairs = {(b.parallel, b.queue) for b in found[:1]}
    found = [b for b in found if (b.parallel, b.queue) in pairs and b.range[0] < b.range[1]]
    if len(found) < 2:
        return None
    shown = found[:MOST_ROWS]
    short = short_factors(shown[0].factors)
    names = [wrapped(factors_text({short[k]: v for k, v in b.factors.items()}, 24), 18, 3) for b in shown]
    figure, axes = styles.row_axes(names, 0.42, 0.2, 0.68, 0.1, size=9.5)
    axes.set_xlim(min(b.range[0] for b in shown) - 0.5, max(b.range[1] for b in shown) + 0.5)
    inches = (figure.subplotpars.right - figure.subplotpars.left) * styles.WIDTH
    columns = int(inches * 72 / (9.5 * 0.6))
    for row, each in enumerate(shown):
        _draw_row(axes, row, each, columns)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("break-even and its confidence\ninterval, tasks in the batch")
    factors = clean(" and ".join(found[0].factors), 120)
    return Picture(figure, "break-even-by-factors", f"Break-even by {factors}", _factors_text(found))


def _draw_row(axes: Axes, row: int, found: BreakEven, columns: int) -> None:
    """Draw the resolved break-evens of a combination, or write why there is none."""
    for crossing in found.resolved:
        low = found.range[0] if crossing.low is None else crossing.low
        high = found.range[1] if crossing.high is None else crossing.high
        marker = "o" if crossing.favours_above == "queue" else "D"
        axes.plot([low, high], [row, row], color=palette.BLUE, linewidth=3.5, alpha=0.45)
        axes.plot(crossing.at, row, marker, color=palette.BLUE, markersize=6)
    if not found.resolved:
        text = wrapped(break_even_cell(found), columns)
        styles.note(axes, text, (found.range[0], row), color=palette.FAINT)


def _factors_text(found: Sequence[BreakEven]) -> str:
    resolved = [(b, crossing) for b in found for crossing in b.resolved]
    points = [crossing.at for _, crossing in resolved]
    ends = (axis_point(min(points)), axis_point(max(points))) if points else None
    winners = {queue_name(b) if c.favours_above == "queue" else str(b.parallel) for b, c in resolved}
    return sentence(styles.TEXTS, "by_factors", found, ends, list(winners), MOST_ROWS)
