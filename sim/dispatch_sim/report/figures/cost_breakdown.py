"""Cost breakdown: waiting, people's time and API cost of the main strategies, a bar each."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator

from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import MEASURES, capital, dollars, named, percent, wrapped
from dispatch_sim.report.sentences import sentence
from dispatch_sim.report.view import View

_COMPONENTS = {
    "cost_waiting_usd": ("waiting", palette.AMBER),
    "cost_people_usd": ("people's time", palette.PURPLE),
    "money_usd": ("API cost", palette.SKY),
}


@styles.style(**{"axes.grid.axis": "x"})
def cost_breakdown(view: View) -> Picture | None:
    """Draw what the cost of each strategy consists of; None if there is no cost."""
    points = view.main_points()
    totals = [view.estimate("cost_usd", point) for point in points]
    if max(total.mean for total in totals) <= 0:
        return None
    names = [wrapped(capital(named(point)), 18, 3) for point in points]
    figure, axes = styles.row_axes(names, 0.46, 0.6, 0.52, 0.36, size=9.5)
    left = np.zeros(len(points))
    for column, (name, colour) in _COMPONENTS.items():
        amounts = np.array([view.mean(column, point) for point in points])
        axes.barh(range(len(points)), amounts, left=left, height=0.62, color=colour, label=name)
        left += amounts
    for row, total in enumerate(totals):
        axes.plot([total.low, total.high], [row, row], color=palette.INK, linewidth=1.2)
        styles.note(axes, dollars(total.mean), (total.high, row), 5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.xaxis.set_major_formatter(styles.unit_of(MEASURES["cost_usd"], left.max()).ticks)
    axes.set_xlabel("mean cost of a batch, US dollars")
    figure.legend(loc="upper left", ncols=3, columnspacing=1.0)
    largest = []
    for point in dict.fromkeys([view.recommended, view.first("parallel") or view.recommended]):
        if total_usd := view.mean("cost_usd", point):
            column = max(_COMPONENTS, key=lambda column: view.mean(column, point))
            share = percent(view.mean(column, point) / total_usd)
            largest.append(f"with {named(point)}, {_COMPONENTS[column][0]} ({share})")
    description = sentence(styles.TEXTS, "cost_breakdown", view, largest)
    return Picture(figure, "cost-parts", "Cost breakdown", description)
