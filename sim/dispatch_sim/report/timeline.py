"""Timeline of one replication for a terminal: a row for each task, then totals by component."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from dispatch_sim.model.events import MOMENTS, Activity, Event
from dispatch_sim.model.outcome import Outcome
from dispatch_sim.model.plan import Plan
from dispatch_sim.report.figures.event_styles import EVENT_STYLES, MARKS, STRETCHES
from dispatch_sim.report.format import (
    about,
    capital,
    count,
    dollars,
    duration,
    named,
    number,
    numbered,
    percent,
    tokens,
)

MOST_TASKS = 60
"""Tasks that have a row."""

_HEAD = 15
"""Columns of the heads of totals."""

_PURPOSES = ("work", "spawn", "return", "coordination", "context", "merge", "rework", "wasted")
_STATES = ("service", "backoff", "hung", "wait", "blocked", "merge", "review", "recovery")
_PEOPLE = ("merge", "conflicts", "review", "recovery")
_NAMES = {"recovery": "manual completion"}

_FAILED = {
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

_RARE = (
    ("refused_launches", "launch refused by the harness", "launches refused by the harness"),
    ("merge_conflicts", "merge conflict", "merge conflicts"),
    ("reworked_tasks", "reworked task", "reworked tasks"),
    ("compactions", "compaction", "compactions"),
)
"""Incidents that are reported only if they happen: measure, singular, plural."""


def timeline_text(plan: Plan, log: Sequence[Event], outcome: Outcome, width: int = 100) -> str:
    """Return a replication as text.

    Parameters
    ----------
    plan, log, outcome : the batch, its event log and its outcome.
    width : columns of the terminal; at least 40 are used. Only the first 60 tasks have a row.
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
    totals = [
        line
        for head, total in _totals(plan, log, outcome)
        for line in textwrap.wrap(
            f"{head:<{_HEAD}}{total}", width, subsequent_indent=" " * _HEAD, break_on_hyphens=False
        )
    ]
    return "\n".join([*lines, "", *legend, "", *totals]) + "\n"


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
        text = duration(end_s * share)
        at = round(share * cells) - (len(text) if share == 1 else len(text) // 2 if share else 0)
        axis = axis.ljust(at) + text
    return axis


def _totals(plan: Plan, log: Sequence[Event], outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Yield head and text of each total: time, tokens, money, people, failures, cost."""
    yield "Makespan", duration(outcome.makespan_s)
    flow_s = outcome.flow_s or 1.0
    states = [
        f"{_state(state, outcome)} {percent(seconds / flow_s)}"
        + (_blocked_by(log, seconds) if state == "blocked" else "")
        for state in _STATES
        if (seconds := float(getattr(outcome, f"{state}_s"))) > 0
    ]
    yield "Tasks' time", f"{duration(outcome.flow_s)} in total: {', '.join(states)}"
    overhead = outcome.tokens - outcome.tokens_work
    share = f"; overhead {percent(overhead / outcome.tokens)} of the total" if outcome.tokens else ""
    share += f", {percent(overhead / outcome.tokens_work)} of the work" if outcome.tokens_work else ""
    purposes = _parts(outcome, "tokens_{}", _PURPOSES, tokens) or "none"
    yield "Tokens", f"{tokens(outcome.tokens)}: {purposes}{share}"
    bill = _parts(outcome, "money_{}_usd", _PURPOSES, dollars) or "none"
    yield "API cost", f"{dollars(outcome.money_usd)}: {bill}"
    people = _parts(outcome, "people_{}_s", _PEOPLE, duration)
    yield "People's time", duration(outcome.people_s) + (f": {people}" if people else "")
    yield "Failures", failures_text(plan, outcome)
    values = plan.scenario.values
    yield (
        "Cost",
        f"{dollars(outcome.cost_usd)} = API {dollars(outcome.money_usd)} + waiting "
        f"{dollars(outcome.cost_waiting_usd)} (at ${about(values.waiting)}/h) + people "
        f"{dollars(outcome.cost_people_usd)} (at ${about(values.people)}/h)",
    )


def _state(state: str, outcome: Outcome) -> str:
    if state == "merge" and outcome.people_conflicts_s:
        return "merge and conflicts"
    return _NAMES.get(state, state)


def _blocked_by(log: Sequence[Event], blocked_s: float) -> str:
    """Return, in brackets, at most three causes of most of the blocked time."""
    names = EVENT_STYLES[Activity.BARRIER].kinds
    spent: defaultdict[Activity, float] = defaultdict(float)
    for event in log:
        if event.kind in names:
            spent[event.kind] += event.end_s - event.start_s
    most = sorted(spent, key=lambda kind: -spent[kind])[:3]
    causes = [names[kind] for kind in most if spent[kind] > 0.1 * blocked_s]
    return f" ({', '.join(causes)})" if causes else ""


def _parts(outcome: Outcome, column: str, names: Sequence[str], show: Callable[[float], str]) -> str:
    """Return the parts of a total that are not zero; they add up to it."""
    amounts = {name: getattr(outcome, column.format(name)) for name in names}
    return ", ".join(f"{_NAMES.get(name, name)} {show(amount)}" for name, amount in amounts.items() if amount)


def failures_text(plan: Plan, outcome: Outcome) -> str:
    """Return how many requests, attempts and tasks failed."""
    kinds = [f"{times:,} {name}" for name, column in _FAILED.items() if (times := getattr(outcome, column))]
    parts = [
        number(outcome.rejected_requests, "rejected request"),
        number(outcome.failed_attempts, "failed attempt") + (f" ({', '.join(kinds)})" if kinds else ""),
        *(
            f"{times:,} {one if times == 1 else several}"
            for column, one, several in _RARE
            if (times := getattr(outcome, column))
        ),
        f"{outcome.manual_completions:,} of {len(plan.tasks):,} tasks completed manually",
    ]
    return ", ".join(parts)
