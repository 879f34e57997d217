"""Backtest: forecast intervals of parallel groups, their outcomes, and the replays."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator

from dispatch_sim.logs.backtest.backtest import Backtest, Forecasted
from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import duration
from dispatch_sim.report.sentences import sentence

_MOST_ROWS = 45
"""Groups up to which each row has its number of agents."""


@styles.style(**{"axes.grid.axis": "x"})
def backtest_picture(found: Backtest) -> Picture | None:
    """Draw the widened intervals of all forecasts and the outcomes; None without forecasts."""
    if not found.forecasted:
        return None
    groups = sorted(found.forecasted, key=lambda each: (float(np.median(each.wall.sample)), each.group.name))
    replayed_s = {each.group.name: each.wall_s for each in found.replayed}
    height = 1.3 + 0.17 * min(len(groups), _MOST_ROWS)
    figure, axes = styles.new_axes(6.6, height, 0.86, 0.2, 0.62, 0.42)
    size = min(1.0, (_MOST_ROWS / len(groups)) ** 0.5)
    rows = range(len(groups))
    # The quantile method is that of the ranks.
    ends = [
        np.quantile(each.widened_wall.sample, (0.05, 0.25, 0.75, 0.95), method="weibull") for each in groups
    ]
    low, lower, upper, high = np.array(ends).T
    axes.hlines(rows, low, high, color=palette.SKY, linewidth=1.4 * size, label="90% forecast")
    axes.hlines(rows, lower, upper, color=palette.BLUE, linewidth=4 * size, label="50%")
    replays = [replayed_s[each.group.name] for each in groups]
    axes.plot(
        replays, rows, "o", color=palette.INK, markersize=6.5 * size, fillstyle="none", label="replayed"
    )
    inside = [row for row, each in enumerate(groups) if _is_inside(each)]
    for label, colour, of in (
        ("observed inside", palette.GREEN, inside),
        ("observed outside", palette.VERMILION, [row for row in rows if row not in inside]),
    ):
        observed = [groups[row].group.wall_s for row in of]
        axes.plot(observed, of, "o", color=colour, markersize=3.6 * size, label=label)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([1, 10, 60, 600, 3600, 36_000, 360_000]))
    axes.xaxis.set_major_formatter(lambda value, _: duration(value))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("wall-clock time of a parallel group")
    axes.set_ylim(-1, len(groups))
    if len(groups) <= _MOST_ROWS:
        axes.set_yticks(rows, [str(each.group.size) for each in groups])
        axes.tick_params(axis="y", labelsize=7, length=0)
        axes.set_ylabel("agents in the group")
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(groups)} groups")
    figure.legend(loc="upper center", ncols=5, columnspacing=1.2)
    description = sentence(styles.TEXTS, "backtest", found, len(inside))
    return Picture(figure, "backtest", "Forecast and outcome of each parallel group", description)


def _is_inside(row: Forecasted) -> bool:
    return abs(row.widened_wall.rank - 0.5) <= 0.45
