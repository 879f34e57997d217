"""One replication for a terminal, for a page and for a trace viewer."""

from __future__ import annotations

import json
import textwrap
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size

from dispatch_sim.model.accounting import Outcome, Purpose
from dispatch_sim.model.events import MOMENTS, Activity, Event
from dispatch_sim.model.plan import Plan
from dispatch_sim.report.figures.event_styles import EVENT_STYLES, MARKS, STRETCHES
from dispatch_sim.report.format import (
    about,
    capital,
    clean,
    count,
    dollars,
    duration,
    numbered,
    percent,
    tokens,
    way,
)
from dispatch_sim.study.files import write_texts

MOST_TASKS = 60

CAUSES = (
    Purpose.WORK,
    Purpose.SPAWN,
    Purpose.RETURN,
    Purpose.COORDINATION,
    Purpose.CONTEXT,
    Purpose.MERGE,
    Purpose.REWORK,
    Purpose.WASTED,
)
"""What tokens and money are spent for, in the order in which they are told."""

PEOPLE = ("merge", "conflicts", "review", "recovery")
"""What people's time is spent on."""

_FAILED = {
    "crashed": "crashed_attempts",
    "refused": "rate_limited_attempts",
    "too large": "too_large_attempts",
    "hung": "hung_attempts",
    "honest but out of time": "killed_attempts",
    "bad": "bad_outputs",
    "overwritten": "overwritten_attempts",
    "cancelled": "cancelled_attempts",
    "by wrong instructions": "wrong_brief_attempts",
}
"""How attempts failed; these add up to all that did."""

_SELDOM = (
    ("refused_launches", "launch refused by the harness", "launches refused by the harness"),
    ("merge_conflicts", "conflict at the merge", "conflicts at the merge"),
    ("reworked_tasks", "task partly done again", "tasks partly done again"),
    ("compactions", "compaction", "compactions"),
)
"""Trouble that is told only where it happened: measure, and what one and several of it are called."""


def timeline_text(plan: Plan, log: Sequence[Event], outcome: Outcome, width: int = 100) -> str:
    """Return a replication as text: a row a task over time, then its ledgers.

    Parameters
    ----------
    plan, log, outcome : what was played, its event log, and what it came to.
    width : columns of the terminal; at least 40 are used. Only the first 60 tasks get a row.
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
    batch = f"{count(len(plan.tasks))} task{'s' if len(plan.tasks) > 1 else ''}"
    lines = [f"{capital(batch)}, {way(plan.strategy)}", ""]
    rows = {task: _row(events[task], end_s, cells) for task in shown}
    lines += [f"{set_cell_size(names[task], column)} │{''.join(row)}│" for task, row in rows.items()]
    lines.append(f"{' ' * column} └{'─' * cells}┘")
    lines.append(f"{' ' * column}  {_axis(end_s, cells)}")
    if len(plan.tasks) > MOST_TASKS:
        lines.append(
            f"The first {MOST_TASKS} of {len(plan.tasks):,} tasks are drawn; the sums below are of all."
        )
    signs = {sign for row in rows.values() for sign in row}
    legend = _legend(signs, {event.kind for task in shown for event in events[task]}, width)
    ledgers = [
        line
        for ledger in _ledgers(plan, log, outcome)
        for line in textwrap.wrap(ledger, width, subsequent_indent=" " * 15, break_on_hyphens=False)
    ]
    return "\n".join([*lines, "", *legend, "", *ledgers]) + "\n"


def _legend(signs: Collection[str], drawn: Collection[Activity], width: int) -> list[str]:
    """Return the legend of the signs that are in the rows, in lines of at most a width."""
    entries = [
        f"{look.sign} {look.legend(drawn, width - 2)}" for look in (*STRETCHES, *MARKS) if look.sign in signs
    ]
    lines: list[str] = []
    for entry in entries:
        if lines and cell_len(lines[-1]) + 3 + cell_len(entry) <= width:
            lines[-1] += f"   {entry}"
        else:
            lines.append(entry)
    return lines


def _row(events: Sequence[Event], end_s: float, cells: int) -> list[str]:
    """Draw a row: in each cell what takes most of its time, and over that the moments."""
    if end_s <= 0:
        return [" "] * cells
    cell_s = end_s / cells
    shares: list[dict[str, float]] = [{} for _ in range(cells)]
    row = [" "] * cells
    for event in events:
        if event.kind in MOMENTS:
            continue
        sign = EVENT_STYLES[event.kind].sign
        first, last = int(event.start_s / cell_s), min(int(event.end_s / cell_s), cells - 1)
        for cell in range(first, last + 1):
            spent = min(event.end_s, (cell + 1) * cell_s) - max(event.start_s, cell * cell_s)
            shares[cell][sign] = shares[cell].get(sign, 0.0) + spent
    for cell, share in enumerate(shares):
        sign = max(share, key=lambda sign: share[sign], default=" ")
        # Less than half a cell of a task's last or first stretch is still something.
        row[cell] = sign if share.get(sign, 0.0) > 0 else " "
    for look in MARKS:
        for event in events:
            if event.kind in look.kinds:
                row[min(int(event.start_s / cell_s), cells - 1)] = look.sign
    return row


def _axis(end_s: float, cells: int) -> str:
    marks = [
        (share, duration(end_s * share)) for share in ((0, 0.25, 0.5, 0.75, 1) if cells >= 48 else (0, 1))
    ]
    axis = ""
    for share, text in marks:
        at = round(share * cells) - (len(text) if share == 1 else len(text) // 2 if share else 0)
        axis = axis.ljust(at) + text
    return axis


def _ledgers(plan: Plan, log: Sequence[Event], outcome: Outcome) -> Iterator[str]:
    """Yield what the replication came to: time, tokens, money, people, trouble, cost."""
    values = plan.scenario.values
    yield f"{'Makespan':<15}{duration(outcome.makespan_s)}"
    flow = outcome.flow_s or 1.0
    states = ("service", "backoff", "hung", "wait", "blocked", "merge", "review", "recovery")
    spent = [(state, float(getattr(outcome, f"{state}_s"))) for state in states]
    names = {"merge": "merge and conflicts"} if outcome.people_conflicts_s else {}
    parts = [
        f"{names.get(state, state)} {percent(seconds / flow)}"
        + (_blocked_by(log, seconds) if state == "blocked" else "")
        for state, seconds in spent
        if seconds > 0
    ]
    yield f"Tasks' time    {duration(outcome.flow_s)} in all: {', '.join(parts)}"
    overhead = outcome.tokens - outcome.tokens_work
    share = f"; overhead {percent(overhead / outcome.tokens)} of the total" if outcome.tokens else ""
    share += f", {percent(overhead / outcome.tokens_work)} of the work" if outcome.tokens_work else ""
    yield f"{'Tokens':<15}{tokens(outcome.tokens)}: {_causes(outcome, 'tokens_{}', tokens)}{share}"
    yield f"{'API money':<15}{dollars(outcome.money_usd)}: {_causes(outcome, 'money_{}_usd', dollars)}"
    people = {part: float(getattr(outcome, f"people_{part}_s")) for part in PEOPLE}
    parts = [f"{part} {duration(seconds)}" for part, seconds in people.items() if seconds > 0]
    yield f"People's time  {duration(outcome.people_s)}" + (f": {', '.join(parts)}" if parts else "")
    yield f"{'Trouble':<15}{trouble(plan, outcome)}"
    yield (
        f"{'Cost':<15}{dollars(outcome.cost_usd)} = API {dollars(outcome.money_usd)} + waiting "
        f"{dollars(outcome.cost_waiting_usd)} (at ${about(values.waiting)}/h) + people "
        f"{dollars(outcome.cost_people_usd)} (at ${about(values.people)}/h)"
    )


def _blocked_by(log: Sequence[Event], blocked_s: float) -> str:
    """Return, in brackets, what blocked tasks for most of the time that they were blocked; at most three."""
    words = EVENT_STYLES[Activity.BARRIER].kinds
    spent: defaultdict[Activity, float] = defaultdict(float)
    for event in log:
        if event.kind in words:
            spent[event.kind] += event.end_s - event.start_s
    most = sorted(spent, key=lambda kind: -spent[kind])[:3]
    told = [words[kind] for kind in most if spent[kind] > 0.1 * blocked_s]
    return f" ({', '.join(told)})" if told else ""


def _causes(outcome: Outcome, column: str, show: Any) -> str:
    """Return what tokens or money went into; the parts add up to the whole."""
    amounts = {cause: getattr(outcome, column.format(cause)) for cause in CAUSES}
    return ", ".join(f"{cause} {show(amount)}" for cause, amount in amounts.items() if amount) or "none"


def trouble(plan: Plan, outcome: Outcome) -> str:
    """Return what went wrong, and how often; what is seldom only where it happened."""
    failed = [
        f"{number:,} {name}" for name, column in _FAILED.items() if (number := getattr(outcome, column))
    ]
    parts = [f"{outcome.rejected_requests:,} refused {'try' if outcome.rejected_requests == 1 else 'tries'}"]
    parts.append(
        f"{outcome.failed_attempts:,} failed attempt{'s' if outcome.failed_attempts != 1 else ''}"
        + (f" ({', '.join(failed)})" if failed else "")
    )
    parts += [
        f"{number:,} {one if number == 1 else several}"
        for column, one, several in _SELDOM
        if (number := getattr(outcome, column))
    ]
    parts.append(f"{outcome.manual_completions:,} of {len(plan.tasks):,} tasks left to a person")
    return ", ".join(parts)


def chrome_trace(plan: Plan, log: Sequence[Event]) -> dict[str, Any]:
    """Return an event log in the trace-event format that Perfetto and chrome://tracing read.

    Stretches of time are complete events (`X`, microseconds), moments are instants (`i`); the
    coordinator is thread 0, the tasks follow in the order of their dispatch.
    """
    names = ["coordinator", *(clean(plan.name_of(task), 200) for task in range(len(plan.tasks)))]
    label = way(plan.strategy)
    trace: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": f"dispatch: {label}"}}
    ]
    for thread, name in enumerate(names):
        about_thread = {"ph": "M", "pid": 1, "tid": thread}
        trace.append({**about_thread, "name": "thread_name", "args": {"name": name}})
        trace.append({**about_thread, "name": "thread_sort_index", "args": {"sort_index": thread}})
    for event in sorted(log, key=lambda event: (event.start_s, -event.end_s, event.task)):
        start_us, end_us = round(event.start_s * 1e6, 3), round(event.end_s * 1e6, 3)
        entry: dict[str, Any] = {
            "name": event.kind,
            "cat": "dispatch",
            "pid": 1,
            "tid": event.task + 1,
            "ts": start_us,
            "args": _details(event),
        }
        if event.kind in MOMENTS:
            trace.append({**entry, "ph": "i", "s": "t"})
        else:
            trace.append({**entry, "ph": "X", "dur": round(end_us - start_us, 3)})
    return {"traceEvents": trace, "displayTimeUnit": "ms"}


def _details(event: Event) -> dict[str, int]:
    details = {"attempt": event.attempt} if event.attempt else {}
    details |= {"call": event.call + 1} if event.call >= 0 else {}
    return details | ({"input_tokens": event.tokens} if event.tokens else {})


def write_timeline(plan: Plan, log: Sequence[Event], folder: Path) -> list[Path]:
    """Write a replication's timeline as a picture, `timeline.svg`, and as a trace, `trace.json`.

    Parameters
    ----------
    plan, log : what was played, and its event log.
    folder : made where it is not there; files of the same names are replaced.

    Returns
    -------
    The files written. Without an event there is no picture.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    from dispatch_sim.report.figures.gantt import timeline_figure

    shown = timeline_figure(plan, log)
    files = {f"{shown.name}.svg": shown.svg} if shown is not None else {}
    files["trace.json"] = json.dumps(chrome_trace(plan, log), ensure_ascii=False) + "\n"
    return write_texts(files, folder)
