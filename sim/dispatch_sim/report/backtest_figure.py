"""The picture of a backtest: what was forecast of each group, and what happened."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from dispatch_sim.logs.backtest.backtest import Backtest, Forecasted
from dispatch_sim.report import svg
from dispatch_sim.report.format import duration, percent

_NAME = "backtest"
_NAMED = 45
"""Groups up to which each has a row with its number of agents."""

_INSIDE = 0.45


def backtest_picture(found: Backtest) -> svg.Picture | None:
    """Draw the widened intervals of all forecasts, and the outcomes; None without forecasts."""
    if not found.forecasted:
        return None
    rows = sorted(found.forecasted, key=lambda each: (float(np.median(each.wall.sample)), each.group.name))
    replayed = {each.group.name: each.wall_s for each in found.replayed}
    height = 1.3 + 0.17 * min(len(rows), _NAMED)
    with svg.style(**{"axes.grid.axis": "x"}):
        figure = Figure(figsize=(6.6, height))
        figure.subplots_adjust(left=0.13, right=0.97, bottom=0.62 / height, top=1 - 0.42 / height)
        axes = figure.add_subplot()
        size = min(1.0, (_NAMED / len(rows)) ** 0.5)
        for place, row in enumerate(rows):
            _draw(axes, place, row, replayed[row.group.name], size)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([1, 10, 60, 600, 3600, 36_000, 360_000]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("wall-clock of a parallel group")
        axes.set_ylim(-1, len(rows))
        if len(rows) <= _NAMED:
            axes.set_yticks(range(len(rows)), [str(row.group.size) for row in rows])
            axes.tick_params(axis="y", labelsize=7, length=0)
            axes.set_ylabel("agents in the group")
        else:
            axes.set_yticks([])
            axes.set_ylabel(f"{len(rows)} groups")
        figure.legend(
            handles=_handles(), loc="upper center", ncols=4, frameon=False, fontsize=8.5, handlelength=1.4
        )
        inside = sum(_is_inside(row) for row in rows)
        says = (
            "Bars are forecasts by the other sessions' runs, widened: 90% and 50% intervals. "
            f"{inside} of {len(rows)} outcomes ({percent(inside / len(rows))}) lie in the 90% interval. "
            "A ring is the replay, with the durations known."
        )
        title = "What was forecast of each parallel group, and what happened"
        return svg.picture(figure, _NAME, title, says)


def _is_inside(row: Forecasted) -> bool:
    return abs(row.widened_wall.rank - 0.5) <= _INSIDE


def _draw(axes: Axes, place: int, row: Forecasted, replayed_s: float, size: float) -> None:
    low, lower, upper, high = np.quantile(
        row.widened_wall.sample, (0.05, 0.25, 0.75, 0.95), method="weibull"
    )  # as ranks are
    axes.plot(
        [low, high], [place, place], color=svg.SKY, linewidth=1.4 * size, solid_capstyle="butt", zorder=1
    )
    axes.plot(
        [lower, upper], [place, place], color=svg.BLUE, linewidth=4 * size, solid_capstyle="butt", zorder=2
    )
    colour = svg.GREEN if _is_inside(row) else svg.VERMILION
    axes.plot([replayed_s], [place], "o", markersize=6.5 * size, color=svg.INK, fillstyle="none", zorder=3)
    axes.plot([row.group.wall_s], [place], "o", markersize=3.6 * size, color=colour, zorder=4)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=svg.SKY, linewidth=1.4, label="90% forecast"),
        Line2D([], [], color=svg.BLUE, linewidth=4, label="50%"),
        Line2D(
            [], [], color=svg.GREEN, marker="o", markersize=3.6, linestyle="", label="observed (red: outside)"
        ),
        Line2D(
            [],
            [],
            color=svg.INK,
            marker="o",
            markersize=6.5,
            fillstyle="none",
            linestyle="",
            label="replayed",
        ),
    ]
