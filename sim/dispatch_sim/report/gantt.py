"""One replication as a picture: a row a task, what it does over time, and where it met trouble."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dispatch_sim.model.events import Activity, Event
from dispatch_sim.model.plan import Plan
from dispatch_sim.report import svg
from dispatch_sim.report.format import about, capital, count, numbered, way
from dispatch_sim.report.looks import LOOKS, MARKS, STRETCHES, Look

MOST_TASKS = 40

_SIZES = {"|": 8, "*": 8, "D": 4.5}
"""Of markers, in points, where not 6."""

LEGEND_COLUMNS, LEGEND_LETTERS = 3, 30
"""Entries beside each other in the legend, and the longest that one may be."""


def timeline_figure(plan: Plan, log: Sequence[Event]) -> svg.Picture | None:
    """Return a replication's picture, ready for a file; None where nothing happened."""
    figure = gantt(plan, log)
    if figure is None:
        return None
    says = (
        f"{capital(count(len(plan.tasks)))} tasks over time, {way(plan.strategy)}: "
        "one row a task, the coordinator on top."
    )
    return svg.picture(figure, "timeline", "One replication of a batch", says)


def gantt(plan: Plan, log: Sequence[Event], end_s: float = 0.0) -> Figure | None:
    """Draw a replication's event log; a batch of more than 40 tasks is cut, which a note says.

    The axis of time reaches to the last event, or to `end_s` where that is later.
    """
    if not log:
        return None
    rows = min(len(plan.tasks), MOST_TASKS)
    end_s = max(end_s, *(event.end_s for event in log))
    divisor, unit = next(
        (d, u)
        for d, u in ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
        if end_s >= 2 * d or d == 1
    )
    shown = [event for event in log if event.task < rows and event.kind != Activity.LAUNCH]
    entries = _legend({event.kind for event in shown})
    legend_inches = 0.12 + 0.17 * -(-len(entries) // LEGEND_COLUMNS)
    with svg.style(**{"axes.grid": False}):
        figure = Figure(figsize=(6.4, 0.75 + legend_inches + 0.24 * (rows + 1)))
        height = figure.get_figheight()
        names = ["coordinator", *(numbered(plan.name_of(task), 24) for task in range(rows))]
        left = svg.margin(names, 8.5, 6.4)
        figure.subplots_adjust(
            left=left, right=0.97, top=1 - (legend_inches + 0.1) / height, bottom=0.5 / height
        )
        axes = figure.add_subplot()
        marks: dict[str, list[tuple[float, int]]] = {}
        stretches: dict[tuple[int, str, str], list[tuple[float, float]]] = {}
        for event in shown:
            look = LOOKS[event.kind]
            if look.marker:
                marks.setdefault(look.marker, []).append((event.start_s / divisor, event.task + 1))
            else:
                span = (event.start_s / divisor, (event.end_s - event.start_s) / divisor)
                stretches.setdefault((event.task + 1, look.colour, look.hatch), []).append(span)
        for (row, colour, hatch), spans in stretches.items():
            axes.broken_barh(spans, (row - 0.36, 0.72), linewidth=0.4, **_fill(colour, hatch))
        handles: list[object] = []
        for name, look in entries:
            if look.marker:
                x, y = zip(*marks[look.marker], strict=True)
                size = _SIZES.get(look.marker, 6)
                handles += axes.plot(x, y, look.marker, color=look.colour, markersize=size, label=name)
            else:
                handles.append(Patch(label=name, linewidth=0.4, **_fill(look.colour, look.hatch)))
        axes.set_ylim(rows + 0.6, -0.6)
        axes.set_xlim(0, end_s / divisor)
        axes.set_yticks(range(rows + 1), names, fontsize=8.5)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: about(value)))
        more = len(plan.tasks) - rows
        note = f"; the first {rows} of {len(plan.tasks):,} tasks" if more else ""
        axes.set_xlabel(f"{unit} from the start{note}")
        figure.legend(
            handles=handles,
            loc="upper left",
            ncols=LEGEND_COLUMNS,
            frameon=False,
            fontsize=8,
            handlelength=1.2,
            columnspacing=1.2,
        )
    return figure


def _fill(colour: str, hatch: str) -> dict[str, Any]:
    """Return how a bar is filled: what is hatched is told apart without its colour."""
    if hatch:
        return {"facecolor": svg.PAPER, "edgecolor": colour, "hatch": hatch}
    return {"facecolor": colour, "edgecolor": svg.PAPER}


def _legend(drawn: Set[Activity]) -> list[tuple[str, Look]]:
    """Return the legend of what is drawn; what has one colour has one entry."""
    entries: dict[tuple[str, str, str], tuple[str, Look]] = {}
    for look in (*STRETCHES, *MARKS):
        if not drawn & look.kinds.keys():
            continue
        key = (look.colour, look.hatch, look.marker)
        name = look.legend(drawn, LEGEND_LETTERS)
        entries[key] = (f"{entries[key][0]}, {name}" if key in entries else name, look)
    return list(entries.values())
