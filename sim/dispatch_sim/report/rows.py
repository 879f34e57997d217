"""Figures of a study in rows: what a cost is made of, and the break-even by further factors."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.report import svg
from dispatch_sim.report.break_evens import break_even_short
from dispatch_sim.report.figures import SIZE, round_dollars
from dispatch_sim.report.format import capital, dollars, factors_words, short_factors, wrapped
from dispatch_sim.report.view import View, views
from dispatch_sim.scenario.strategy import Strategy

MOST_ROWS = 40
"""Rows of the break-even figure; more would not be read."""

NAME_COLUMNS = 32
"""Columns of text for the name of a row; a longer one is on two lines."""


def cost_parts(view: View) -> Figure | None:
    """Draw what the cost is made of: waiting, people, money; one bar for each of the main alternatives."""
    parts = (
        ("waiting", "cost_waiting_usd", svg.AMBER),
        ("people's time", "cost_people_usd", svg.PURPLE),
        ("API money", "money_usd", svg.SKY),
    )
    points: list[Strategy] = view.main_points()
    totals = np.array([view.mean("cost_usd", point) for point in points])
    if not totals.max() > 0:
        return None
    with svg.style(**{"axes.grid.axis": "x"}):
        figure = Figure(figsize=(SIZE[0], 1.15 + 0.42 * len(points)))
        height = figure.get_figheight()
        names = [wrapped(capital(view.way(point)), NAME_COLUMNS) for point in points]
        margin = svg.margin(names, 9, SIZE[0])
        figure.subplots_adjust(left=margin, right=0.9, bottom=0.52 / height, top=1 - 0.36 / height)
        axes = figure.add_subplot()
        rows = np.arange(len(points))[::-1]
        left = np.zeros(len(points))
        for name, column, colour in parts:
            widths = np.array([view.mean(column, point) for point in points])
            axes.barh(rows, widths, left=left, height=0.62, color=colour, label=name, linewidth=0)
            left += widths
        for row, point in zip(rows, points, strict=True):
            total = view.estimate("cost_usd", point)
            axes.plot([total.low, total.high], [row, row], color=svg.INK, linewidth=1.2)
            axes.annotate(
                dollars(total.mean),
                (total.high, row),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
        axes.set_yticks(rows, names, fontsize=9)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: round_dollars(value)))
        axes.set_xlabel("mean cost of a batch, US dollars")
        figure.legend(
            loc="upper left",
            bbox_to_anchor=(min(margin - 0.015, 0.25), 1.0),
            ncols=3,
            frameon=False,
            fontsize=9,
            handlelength=1.4,
        )
    return figure


def factor_rows(answer: Answer) -> list[BreakEven]:
    """Return the break-even with the best queue at each combination of further factors, of the first pair."""
    rows = [b for view in views(answer) for b in view.break_evens if b.factors and b.is_with_best]
    pairs = {(b.parallel, b.queue) for b in rows[:1]}
    return [b for b in rows if (b.parallel, b.queue) in pairs and b.range[0] < b.range[1]]


def break_even_by_factors(answer: Answer) -> Figure | None:
    """Draw the break-even with the best queue at each combination of the further factors."""
    rows = factor_rows(answer)
    if len(rows) < 2:
        return None
    shown = rows[:MOST_ROWS]
    short = short_factors(shown[0].factors)
    names = [
        wrapped(factors_words({short[k]: v for k, v in b.factors.items()}, 24), NAME_COLUMNS) for b in shown
    ]
    with svg.style(**{"axes.grid.axis": "x"}):
        figure = Figure(figsize=(SIZE[0], 0.9 + 0.34 * len(shown)))
        height = figure.get_figheight()
        left = svg.margin(names, 9, SIZE[0])
        figure.subplots_adjust(left=left, right=0.97, bottom=0.55 / height, top=1 - 0.1 / height)
        axes = figure.add_subplot()
        first, last = min(b.range[0] for b in shown), max(b.range[1] for b in shown)
        axes.set_xlim(first - 0.5, last + 0.5)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        columns = int((0.95 - left) * SIZE[0] * 72 / (8.5 * 0.6))
        for row, found in enumerate(shown):
            _dots(axes, row, found, columns)
        axes.set_yticks(range(len(shown)), names, fontsize=9)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
        axes.set_xlabel("break-even and its confidence set, tasks in the batch")
    return figure


def _dots(axes: Axes, row: int, found: BreakEven, columns: int) -> None:
    resolved = [crossing for crossing in found.crossings if crossing.resolved]
    for crossing in resolved:
        low = found.range[0] if crossing.low is None else crossing.low
        high = found.range[1] if crossing.high is None else crossing.high
        queue_above = crossing.direction == "queue_wins_above"
        axes.plot([low, high], [row, row], color=svg.BLUE, linewidth=3.5, alpha=0.45, solid_capstyle="butt")
        axes.plot([crossing.at], [row], "o" if queue_above else "D", color=svg.BLUE, markersize=6)
    if not resolved:
        text = wrapped(break_even_short(found), columns)
        axes.annotate(text, (found.range[0], row), va="center", fontsize=8.5, color=svg.FAINT)
