"""Paired difference between parallel and the best queue by number of tasks, with the break-even."""

from __future__ import annotations

from matplotlib.axes import Axes

from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.report.break_evens import break_even_sentence, queue_name
from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.curves import draw_curve, whole_numbers
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import axis_point, named
from dispatch_sim.report.view import View


@styles.style()
def paired_difference(view: View) -> Picture | None:
    """Draw what parallel costs more than the best queue; None without a difference at two sizes."""
    found = view.break_even("tasks")
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
    _name_sides(axes, view.measure.better)
    parallel, queue = named(found.parallel), queue_name(found)
    description = f"Above zero {queue} is {view.measure.better}; below zero {parallel} is. "
    if any(crossing.resolved for crossing in found.crossings):
        description += (
            f"The band is the {view.confidence} confidence interval of the difference; the shaded columns "
            "are that of the break-even."
        )
    else:
        description += (
            f"Where the band, the {view.confidence} confidence interval, contains zero, the difference is "
            f"not statistically significant. {break_even_sentence(found)}"
        )
    return Picture(figure, "break-even", f"{view.measure.title}: {parallel} minus {queue}", description)


def mark_break_even(axes: Axes, found: BreakEven | None) -> None:
    """Mark the break-evens that the replications resolve, with their confidence intervals."""
    for crossing in found.crossings if found is not None else ():
        if found is None or not crossing.resolved:
            continue
        low = found.range[0] if crossing.low is None else crossing.low
        high = found.range[1] if crossing.high is None else crossing.high
        left = crossing.at < sum(axes.get_xlim()) / 2
        axes.axvspan(low, high, color=palette.BAND, zorder=0)
        axes.axvline(crossing.at, color=palette.FAINT, linewidth=1, linestyle=":")
        axes.annotate(
            f"break-even {axis_point(crossing.at)}",
            (crossing.at, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4 if left else -4, -2),
            textcoords="offset points",
            ha="left" if left else "right",
            va="top",
            fontsize=9.5,
        )


def _name_sides(axes: Axes, better: str) -> None:
    """Write which strategy is better above zero, and which below, where the curve rarely is."""
    low, high = axes.get_ylim()
    for drawn, name, at, ha, height, va in (
        (high > 0, f"↑ queue {better}", 0.01, "left", 3, "bottom"),
        (low < 0, f"↓ parallel {better}", 0.99, "right", -3, "top"),
    ):
        if drawn:
            axes.annotate(
                name,
                (at, 0),
                xycoords=("axes fraction", "data"),
                xytext=(0, height),
                textcoords="offset points",
                ha=ha,
                va=va,
                fontsize=9.5,
                color=palette.FAINT,
            )
