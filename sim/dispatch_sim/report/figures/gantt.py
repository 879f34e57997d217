"""Timeline of one replication: a row for each task, with what it does over time and what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from matplotlib.artist import Artist
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from dispatch_sim.model.events import Activity, Event
from dispatch_sim.model.plan import Plan
from dispatch_sim.report.figures import palette, styles
from dispatch_sim.report.figures.event_styles import EVENT_STYLES, MARKS, STRETCHES, EventStyle
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import capital, count, named, numbered

MOST_TASKS = 40
"""Tasks that have a row."""

_SIZES = {"|": 8, "*": 8, "D": 4.5}
"""Sizes of markers in points, where not 6."""

LEGEND_COLUMNS, LEGEND_LETTERS = 3, 30
"""Columns of the legend, and the longest entry."""


def timeline_figure(plan: Plan, log: Sequence[Event]) -> Picture | None:
    """Return the timeline of a replication for a file of its own; None without an event."""
    description = (
        f"{capital(count(len(plan.tasks), 'task'))} over time, {named(plan.strategy)}: one row for each "
        "task, the coordinator on top."
    )
    return gantt(plan, log, "timeline", "One replication of a batch", description)


@styles.style(**{"axes.grid": False})
def gantt(
    plan: Plan, log: Sequence[Event], name: str, title: str, description: str, end_s: float = 0.0
) -> Picture | None:
    """Draw the event log of a replication; None without an event.

    The time axis ends with the last event, or at `end_s` if that is later.
    """
    if not log:
        return None
    rows = min(len(plan.tasks), MOST_TASKS)
    end_s = max(end_s, *(event.end_s for event in log))
    unit = styles.time_unit(end_s)
    shown = [event for event in log if event.task < rows and event.kind != Activity.LAUNCH]
    entries = _legend({event.kind for event in shown})
    legend_inches = 0.22 + 0.17 * -(-len(entries) // LEGEND_COLUMNS)
    names = ["coordinator", *(numbered(plan.name_of(task), 24) for task in range(rows))]
    figure, axes = styles.row_axes(names, 0.24, 0.2, 0.5, legend_inches, width=6.4, size=9)
    marks: dict[str, list[tuple[float, int]]] = {}
    stretches: dict[tuple[int, str, str], list[tuple[float, float]]] = {}
    for event in shown:
        style, start = EVENT_STYLES[event.kind], event.start_s / unit.size
        if style.marker:
            marks.setdefault(style.marker, []).append((start, event.task + 1))
        else:
            key = (event.task + 1, style.colour, style.hatch)
            stretches.setdefault(key, []).append((start, event.end_s / unit.size - start))
    for (row, colour, hatch), spans in stretches.items():
        axes.broken_barh(spans, (row - 0.36, 0.72), **_fill(colour, hatch))
    handles: list[Artist] = []
    for label, style in entries:
        if style.marker:
            x, y = zip(*marks[style.marker], strict=True)
            size = _SIZES.get(style.marker, 6)
            handles += axes.plot(x, y, style.marker, color=style.colour, markersize=size, label=label)
        else:
            handles.append(Patch(label=label, **_fill(style.colour, style.hatch)))
    axes.set_xlim(0, end_s / unit.size)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8))
    axes.xaxis.set_major_formatter(unit.ticks)
    cut = f"; the first {rows} of {len(plan.tasks):,} tasks" if len(plan.tasks) > rows else ""
    axes.set_xlabel(f"{unit.name} from the start{cut}")
    figure.legend(handles=handles, loc="upper left", ncols=LEGEND_COLUMNS, fontsize=8.5, columnspacing=1.2)
    return Picture(figure, name, title, description)


def _fill(colour: str, hatch: str) -> dict[str, Any]:
    """Return the fill of a bar; a hatch distinguishes it without its colour."""
    fill = {"facecolor": colour, "edgecolor": palette.PAPER, "linewidth": 0.4}
    return fill | ({"facecolor": palette.PAPER, "edgecolor": colour, "hatch": hatch} if hatch else {})


def _legend(drawn: Set[Activity]) -> list[tuple[str, EventStyle]]:
    """Return the legend of what is drawn, with one entry for each colour."""
    entries: dict[tuple[str, str, str], tuple[str, EventStyle]] = {}
    for style in (*STRETCHES, *MARKS):
        if drawn & style.kinds.keys():
            key = (style.colour, style.hatch, style.marker)
            name = style.legend(drawn, LEGEND_LETTERS)
            entries[key] = (f"{entries[key][0]}, {name}" if key in entries else name, style)
    return list(entries.values())
