"""Tornado diagram: the difference between two strategies at both ends of each parameter's range."""

from __future__ import annotations

from dispatch_sim.decide.explanation import Explanation
from dispatch_sim.decide.sensitivity import LARGEST
from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import MEASURES, clean, wrapped
from dispatch_sim.report.sentences import sentence


@styles.style(**{"axes.grid.axis": "x"})
def tornado(found: Explanation, rival: str, best: str) -> Picture | None:
    """Draw a bar for each parameter, with the names of the two strategies; None without a parameter."""
    swings = found.swings[:LARGEST]
    if not swings:
        return None
    measure = MEASURES[found.objective]
    ends = [found.difference, *(e for swing in swings for e in (swing.low, swing.high) if e is not None)]
    unit = styles.unit_of(measure, max(abs(value) for e in ends for value in (e.low, e.high)))
    present = found.difference.mean / unit.size
    names = [wrapped(clean(swing.parameter.path), 34) for swing in swings]
    figure, axes = styles.row_axes(names, 0.34, 0.2, 0.62, 0.12, width=7.2)
    for row, swing in enumerate(swings):
        bars = [
            (estimate, value, colour)
            for estimate, value, colour in (
                (swing.low, swing.parameter.low, palette.SKY),
                (swing.high, swing.parameter.high, palette.BLUE),
            )
            if estimate is not None
        ]
        # The longer bar first, so that a shorter one on the same side stays visible.
        bars.sort(key=lambda bar: -abs(bar[0].mean / unit.size - present))
        labelled: set[bool] = set()
        for estimate, value, colour in bars:
            low, at, high = (each / unit.size for each in (estimate.low, estimate.mean, estimate.high))
            axes.barh(row, at - present, left=present, height=0.62, color=colour)
            axes.plot([low, high], [row, row], color=palette.INK, linewidth=1)
            right = at >= present
            if right not in labelled:
                at_end = (high if right else low, row)
                styles.note(axes, swing.parameter.show(value), at_end, 4 if right else -4, fontsize=9)
            labelled.add(right)
    axes.axvline(0, color=palette.INK, linewidth=1.2)
    axes.axvline(present, color=palette.FAINT, linewidth=1, linestyle=":")
    axes.xaxis.set_major_formatter(unit.signed_ticks)
    axes.margins(x=0.14)
    axes.set_xlabel(wrapped(f"{rival} minus {best}, {unit.name}", 70))
    description = sentence(styles.TEXTS, "tornado", rival, measure)
    return Picture(figure, "tornado", f"{clean(found.name)}: sensitivity of the difference", description)
