"""Break-even between parallel and the best queue at each combination of further factors."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.report.break_evens import break_even_cell, winner_above
from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import axis_point, clean, confidence, factors_text, short_factors, wrapped
from dispatch_sim.report.view import views

MOST_ROWS = 40
"""Rows that are drawn; a reader would not look through more."""


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
        _draw(axes, row, each, columns)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("break-even and its confidence\ninterval, tasks in the batch")
    factors = clean(" and ".join(found[0].factors), 120)
    return Picture(figure, "break-even-by-factors", f"Break-even by {factors}", _description(found))


def _draw(axes: Axes, row: int, found: BreakEven, columns: int) -> None:
    """Draw the resolved break-evens of a row, or write why there is none."""
    resolved = [crossing for crossing in found.crossings if crossing.resolved]
    for crossing in resolved:
        low = found.range[0] if crossing.low is None else crossing.low
        high = found.range[1] if crossing.high is None else crossing.high
        marker = "o" if crossing.favours_above == "queue" else "D"
        axes.plot([low, high], [row, row], color=palette.BLUE, linewidth=3.5, alpha=0.45)
        axes.plot(crossing.at, row, marker, color=palette.BLUE, markersize=6)
    if not resolved:
        text = wrapped(break_even_cell(found), columns)
        axes.annotate(text, (found.range[0], row), va="center", fontsize=9.5, color=palette.FAINT)


def _description(found: Sequence[BreakEven]) -> str:
    resolved = [(b, crossing) for b in found for crossing in b.crossings if crossing.resolved]
    if not resolved:
        return "The replications resolve no break-even in the range of tasks."
    at = [crossing.at for _, crossing in resolved]
    low, high = axis_point(min(at)), axis_point(max(at))
    winners = {winner_above(*each) for each in resolved}
    where = f"at {low} tasks" if low == high else f"between {low} and {high} tasks"
    winner = f"{winners.pop()} wins" if len(winners) == 1 else "the queue wins (a diamond: parallel wins)"
    description = f"The break-even (dot) is {where}; above it {winner}. "
    if none := sum(not any(c.resolved for c in b.crossings) for b in found):
        description += f"{none} of {len(found)} rows have no break-even in the range, or an unresolved one. "
    description += f"Lines are {confidence(found[0].confidence)} confidence intervals."
    if len(found) > MOST_ROWS:
        description += f" The first {MOST_ROWS} of {len(found)} rows are drawn."
    return description
