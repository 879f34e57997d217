"""The objective by number of tasks: a line for each kind of strategy, and the break-even."""

from __future__ import annotations

from collections.abc import Iterator

from dispatch_sim.report.figures import styles
from dispatch_sim.report.figures.break_even import mark_break_even
from dispatch_sim.report.figures.curves import (
    COLOURS,
    MARKERS,
    Curve,
    draw_curve,
    legend_below,
    scale_measure,
    whole_numbers,
)
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import listed, named, wrapped
from dispatch_sim.report.view import View


@styles.style()
def along_tasks(view: View) -> Picture | None:
    """Draw the objective by number of tasks; None with one size or one line, or if all is zero."""
    curves = list(_curves(view))
    largest = max((estimate.mean for _, _, curve in curves for _, estimate in curve), default=0.0)
    if len(view.sizes) < 2 or len(curves) < 2 or largest <= 0:
        return None
    unit = styles.unit_of(view.measure, largest)
    figure, axes = styles.new_axes(styles.WIDTH, styles.HEIGHT, 0.72, 0.12, 0.52, 0.14)
    scale_measure(axes, [curve for *_, curve in curves], view.measure, unit)
    found = view.break_even("tasks")
    for name, kind, curve in reversed(curves):
        style = (COLOURS[kind], MARKERS[kind])
        draw_curve(axes, curve, unit, view.measure.estimate, *style, label=wrapped(name, 20, 4))
    whole_numbers(axes, view.sizes)
    mark_break_even(axes, found)
    axes.set_xlabel("tasks in the batch")
    legend_below(axes)
    ends = [
        f"{view.measure.amount(curve[-1][1].mean)} with {name}"
        for name, _, curve in curves
        if curve[-1][0] == view.sizes[-1]
    ]
    description = (
        f"{view.measure.title} of a batch of {view.sizes[-1]:,} tasks: {listed(ends)}. "
        f"Bands are {view.confidence} confidence intervals."
    )
    if without := _sizes_without_queue(view):
        description += (
            f" At {listed([f'{size:,}' for size in without])} tasks no queue is compared, because every "
            "concurrency of the sweep reaches the batch size."
        )
    if found is not None and any(crossing.resolved for crossing in found.crossings):
        description += " The shaded columns are the confidence interval of the break-even."
    return Picture(figure, "cost-along-tasks", f"{view.measure.title} by number of tasks", description)


def _sizes_without_queue(view: View) -> list[int]:
    """Return the sizes of three and more tasks at which parallel has no queue to be compared with."""
    if not any(view.simulated("queue", size) for size in view.sizes):
        return []
    return [size for size in view.sizes if size > 2 and view.best("queue", size) is None]


def _curves(view: View) -> Iterator[tuple[str, str, Curve]]:
    """Yield the lines: name, kind of strategy, estimates by number of tasks."""
    column, found = view.measure.column, view.break_even("tasks")
    # If a break-even is marked, the best queue is that of the break-even.
    of = None if found is None else found.queue
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
        yield name, kind, [(size, view.estimate(column, point, size)) for size, point in points.items()]
