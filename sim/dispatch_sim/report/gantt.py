"""One replication as a picture: a row a task, what it does over time, and where it met trouble."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dispatch_sim.dispatch.log import Event, EventKind
from dispatch_sim.dispatch.plan import Plan
from dispatch_sim.report import svg
from dispatch_sim.report.words import about, capital, count, numbered, way

MOST_TASKS = 40

_LOOKS = {
    EventKind.WAIT: ("waits for its turn", svg.GRID),
    EventKind.SPAWN: ("spawn, return", svg.GREEN),
    EventKind.RETURN: ("spawn, return", svg.GREEN),
    EventKind.CALL: ("model call", svg.BLUE),
    EventKind.BACKOFF: ("refused, backs off", svg.VERMILION),
    EventKind.GATEWAY: ("blocked", svg.GREY),
    EventKind.BARRIER: ("blocked", svg.GREY),
    EventKind.COORDINATOR_BUSY: ("blocked", svg.GREY),
    EventKind.PERSON_BUSY: ("blocked", svg.GREY),
    EventKind.TURN: ("coordinator's turn", svg.SKY),
    EventKind.PREWARM: ("coordinator's turn", svg.SKY),
    EventKind.TOOLS: ("tools run", svg.GREEN),
    EventKind.PREFIX: ("blocked", svg.GREY),
    EventKind.MERGE: ("merge", svg.AMBER),
    EventKind.MERGE_BY_PERSON: ("a person merges or redoes it", svg.PURPLE),
    EventKind.RECOVERY: ("a person merges or redoes it", svg.PURPLE),
}
"""Kinds of events: what they are called in the legend, and their colour."""

_MARKS = {
    EventKind.LIMITED: ("refused (429, 529)", "|", svg.INK),
    EventKind.OVERLOADED: ("refused (429, 529)", "|", svg.INK),
    EventKind.CRASH: ("crash", "X", svg.INK),
    EventKind.BAD_OUTPUT: ("bad output", "P", svg.INK),
}


def timeline_figure(plan: Plan, log: Sequence[Event]) -> svg.Picture | None:
    """Return a replication's picture, ready for a file; None where nothing happened."""
    figure = gantt(plan, log)
    if figure is None:
        return None
    says = (
        f"{capital(count(len(plan.tasks)))} tasks over time, {way((plan.strategy.label, plan.width))}: "
        "one row a task, the coordinator on top."
    )
    return svg.picture(figure, "timeline", "One replication of a batch", says)


def gantt(plan: Plan, log: Sequence[Event]) -> Figure | None:
    """Draw a replication's event log; a batch of more than 40 tasks is cut, which a note says."""
    if not log:
        return None
    rows = min(len(plan.tasks), MOST_TASKS)
    end_s = max(event.end_s for event in log)
    divisor, unit = next(
        (d, u)
        for d, u in ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
        if end_s >= 2 * d or d == 1
    )
    kinds: dict[str, str] = {}
    with svg.style(**{"axes.grid": False}):
        figure = Figure(figsize=(6.4, 1.5 + 0.24 * (rows + 1)))
        height = figure.get_figheight()
        names = ["coordinator", *(numbered(plan.name_of(task), 24) for task in range(rows))]
        left = svg.margin(names, 8.5, 6.4)
        figure.subplots_adjust(left=left, right=0.97, top=1 - 0.75 / height, bottom=0.5 / height)
        axes = figure.add_subplot()
        marks: dict[EventKind, list[tuple[float, int]]] = {}
        stretches: dict[tuple[int, str], list[tuple[float, float]]] = {}
        for event in log:
            if event.task >= rows:
                continue
            if event.kind in _MARKS:
                marks.setdefault(event.kind, []).append((event.start_s / divisor, event.task + 1))
            else:
                name, colour = _LOOKS.get(event.kind, (event.kind, svg.FAINT))
                kinds.setdefault(name, colour)
                span = (event.start_s / divisor, (event.end_s - event.start_s) / divisor)
                stretches.setdefault((event.task + 1, colour), []).append(span)
        for (row, colour), spans in stretches.items():
            axes.broken_barh(spans, (row - 0.36, 0.72), facecolor=colour, edgecolor=svg.PAPER, linewidth=0.4)
        handles: list[object] = [Patch(facecolor=colour, label=name) for name, colour in kinds.items()]
        for mark, places in marks.items():
            name, marker, colour = _MARKS[mark]
            x, y = zip(*places, strict=True)
            handles += axes.plot(x, y, marker, color=colour, markersize=8 if marker == "|" else 6, label=name)
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
            ncols=4,
            frameon=False,
            fontsize=8,
            handlelength=1.2,
            columnspacing=1.2,
        )
    return figure
