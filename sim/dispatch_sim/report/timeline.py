"""Timeline of one replication for a terminal: a row for each task, then totals by component."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Collection, Sequence

from rich.cells import cell_len, set_cell_size

from dispatch_sim.model.events import MOMENTS, Activity, Event
from dispatch_sim.model.outcome import Outcome
from dispatch_sim.model.plan import Plan
from dispatch_sim.report.figures.event_styles import EVENT_STYLES, MARKS, STRETCHES
from dispatch_sim.report.format import capital, count, duration, named, numbered
from dispatch_sim.report.sentences import sentence, text

MOST_TASKS = 60
"""Tasks that have a row."""

FAILED = {
    "crashed": "crashed_attempts",
    "rate-limited": "rate_limited_attempts",
    "too large": "too_large_attempts",
    "hung": "hung_attempts",
    "timed out": "killed_attempts",
    "bad output": "bad_outputs",
    "overwritten": "overwritten_attempts",
    "cancelled": "cancelled_attempts",
    "wrong instructions": "wrong_brief_attempts",
}
"""Kinds of failed attempts; their numbers add up to that of all failed attempts."""

_HEAD = 15
"""Columns of the heads of totals."""


def timeline_text(plan: Plan, log: Sequence[Event], outcome: Outcome, width: int = 100) -> str:
    """Return a replication as text for so many columns, of which at least 40 are used.

    Only the first 60 tasks have a row.
    """
    width = max(width, 40)
    shown = range(-1, min(len(plan.tasks), MOST_TASKS))
    names = {task: numbered(plan.name_of(task), 24) if task >= 0 else "coordinator" for task in shown}
    column = min(max(map(cell_len, names.values())), width // 4)
    cells = width - column - 3
    end_s = max((event.end_s for event in log), default=0.0)
    events: defaultdict[int, list[Event]] = defaultdict(list)
    for event in log:
        events[event.task].append(event)
        if event.kind == Activity.MERGE:
            events[-1].append(event)
    rows = {task: _row(events[task], end_s, cells) for task in shown}
    lines = [
        f"{capital(count(len(plan.tasks), 'task'))}, {named(plan.strategy)}",
        "",
        *(f"{set_cell_size(names[task], column)} │{''.join(row)}│" for task, row in rows.items()),
        f"{' ' * column} └{'─' * cells}┘",
        f"{' ' * column}  {_axis(end_s, cells)}",
    ]
    if len(plan.tasks) > MOST_TASKS:
        lines.append(f"Rows: the first {MOST_TASKS} of {len(plan.tasks):,} tasks. Totals: all tasks.")
    signs = {sign for row in rows.values() for sign in row}
    legend = _legend(signs, {event.kind for task in shown for event in events[task]}, width)
    totals: list[str] = []
    blockers, failures = _blocked_by(log, outcome.blocked_s), failures_text(plan, outcome)
    for total in text("timeline.txt", "totals", plan, outcome, blockers, failures):
        head, _, amounts = total.partition(": ")
        line = f"{head:<{_HEAD}}{amounts}"
        totals += textwrap.wrap(line, width, subsequent_indent=" " * _HEAD, break_on_hyphens=False)
    return "\n".join([*lines, "", *legend, "", *totals]) + "\n"


def failures_text(plan: Plan, outcome: Outcome) -> str:
    """Return how many requests and attempts of a replication fail, and how many tasks people complete."""
    return sentence("timeline.txt", "failures", plan, outcome, FAILED)


def _legend(signs: Collection[str], drawn: Collection[Activity], width: int) -> list[str]:
    """Return the legend of the signs in the rows, in lines of at most `width` columns."""
    lines = [""]
    for style in (*STRETCHES, *MARKS):
        if style.sign not in signs:
            continue
        entry = f"{style.sign} {style.legend(drawn, width - 2)}"
        longer = f"{lines[-1]}   {entry}" if lines[-1] else entry
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(entry)
    return lines


def _row(events: Sequence[Event], end_s: float, cells: int) -> list[str]:
    """Return a row: each cell has the sign of what takes most of its time, or of a moment."""
    row = [" "] * cells
    if end_s <= 0:
        return row
    cell_s = end_s / cells
    spent: list[defaultdict[str, float]] = [defaultdict(float) for _ in range(cells)]
    for event in events:
        if event.kind in MOMENTS:
            continue
        first, last = int(event.start_s / cell_s), min(int(event.end_s / cell_s), cells - 1)
        for cell in range(first, last + 1):
            seconds = min(event.end_s, (cell + 1) * cell_s) - max(event.start_s, cell * cell_s)
            spent[cell][EVENT_STYLES[event.kind].sign] += seconds
    for cell, by_sign in enumerate(spent):
        sign = max(by_sign, key=lambda sign: by_sign[sign], default=" ")
        row[cell] = sign if by_sign[sign] > 0 else " "
    for style in MARKS:
        for event in events:
            if event.kind in style.kinds:
                row[min(int(event.start_s / cell_s), cells - 1)] = style.sign
    return row


def _axis(end_s: float, cells: int) -> str:
    axis = ""
    for share in (0, 0.25, 0.5, 0.75, 1) if cells >= 48 else (0, 1):
        tick = duration(end_s * share)
        at = round(share * cells) - (len(tick) if share == 1 else len(tick) // 2 if share else 0)
        axis = axis.ljust(at) + tick
    return axis


def _blocked_by(log: Sequence[Event], blocked_s: float) -> list[str]:
    """Return at most three causes of most of the blocked time."""
    names = EVENT_STYLES[Activity.BARRIER].kinds
    spent: defaultdict[Activity, float] = defaultdict(float)
    for event in log:
        if event.kind in names:
            spent[event.kind] += event.end_s - event.start_s
    most = sorted(spent, key=lambda kind: -spent[kind])[:3]
    return [names[kind] for kind in most if spent[kind] > 0.1 * blocked_s]
