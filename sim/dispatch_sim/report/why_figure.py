"""The tornado: what each key does to the difference by itself."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dispatch_sim.decide.explanation import Explanation
from dispatch_sim.report import svg
from dispatch_sim.report.figures import _unit
from dispatch_sim.report.format import MEASURES, capital, clean, wrapped
from dispatch_sim.report.svg import Picture, margin, picture
from dispatch_sim.stats.estimates import Estimate

_MOST = 12
_LINE = 0.34
"""Height of a bar with what is around it, in inches."""


def tornado_picture(found: Explanation, rival: str, best: str) -> Picture:
    """Draw a bar for each key from the difference at one end of its range to that at the other.

    Parameters
    ----------
    found : with at least one swing.
    rival, best : what the two ways are called.
    """
    swings = found.swings[:_MOST]
    measure = MEASURES[found.objective]
    ends: list[Estimate] = [e for swing in swings for e in (swing.low, swing.high) if e is not None]
    largest = max(abs(value) for e in [*ends, found.difference] for value in (e.low, e.high))
    divisor, unit, ticks = _unit(measure, largest)
    present = found.difference.mean / divisor
    width, height = 7.2, 1.1 + _LINE * len(swings)
    labels = [wrapped(clean(swing.parameter.path), 34, 2) for swing in swings]
    with svg.style(**{"axes.grid.axis": "x"}):
        figure = Figure(figsize=(width, height))
        axes = figure.add_subplot()
        figure.subplots_adjust(
            left=margin(labels, 9, width), right=0.97, bottom=0.62 / height, top=1 - 0.12 / height
        )
        for row, swing in enumerate(reversed(swings)):
            bars = [
                (estimate, value, colour)
                for estimate, value, colour in (
                    (swing.low, swing.parameter.low, svg.SKY),
                    (swing.high, swing.parameter.high, svg.BLUE),
                )
                if estimate is not None
            ]
            # The longer first, so that a shorter one on the same side is seen.
            bars.sort(key=lambda bar: -abs(bar[0].mean / divisor - present))
            sides: set[bool] = set()
            for estimate, value, colour in bars:
                at, right = estimate.mean / divisor, estimate.mean / divisor >= present
                axes.barh(row, at - present, left=present, height=0.62, color=colour)
                axes.plot(
                    [estimate.low / divisor, estimate.high / divisor], [row, row], color=svg.INK, linewidth=1
                )
                if right not in sides:
                    axes.annotate(
                        swing.parameter.show(value),
                        ((estimate.high if right else estimate.low) / divisor, row),
                        xytext=(4 if right else -4, 0),
                        textcoords="offset points",
                        ha="left" if right else "right",
                        va="center",
                        fontsize=7.5,
                        color=svg.INK,
                    )
                sides.add(right)
        axes.axvline(0, color=svg.INK, linewidth=1.2)
        axes.axvline(present, color=svg.FAINT, linewidth=1, linestyle=":")
        axes.set_yticks(range(len(swings)), reversed(labels))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: ("+" if v > 0 else "") + ticks(v)))
        axes.margins(x=0.14)
        axes.set_xlabel(wrapped(f"what {rival} has more than {best}, {unit}", 70, 2))
    says = (
        "Dotted: the difference as it is. Light bars lead to the lower end of a key's range, dark ones to "
        f"the upper end; left of zero {rival} is {measure.better}. Thin lines are intervals."
    )
    return picture(figure, "tornado", capital(f"{clean(found.name)}: what the difference hangs on"), says)
