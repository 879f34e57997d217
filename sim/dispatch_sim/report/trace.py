"""A replication in the trace-event format, and the files of a timeline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dispatch_sim.model.events import MOMENTS, Event
from dispatch_sim.model.plan import Plan
from dispatch_sim.report.figures.gantt import timeline_figure
from dispatch_sim.report.format import clean
from dispatch_sim.study.files import write_texts


def chrome_trace(plan: Plan, log: Sequence[Event]) -> dict[str, Any]:
    """Return an event log in the trace-event format that Perfetto and chrome://tracing read.

    Stretches of time are complete events (`X`, microseconds), moments are instants (`i`). The coordinator is
    thread 0; the tasks follow in the order of their dispatch.
    """
    names = ["coordinator", *(clean(plan.name_of(task), 200) for task in range(len(plan.tasks)))]
    label = f"dispatch: {plan.strategy}"
    trace: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": label}}
    ]
    for thread, name in enumerate(names):
        of_thread = {"ph": "M", "pid": 1, "tid": thread}
        trace.append({**of_thread, "name": "thread_name", "args": {"name": name}})
        trace.append({**of_thread, "name": "thread_sort_index", "args": {"sort_index": thread}})
    for event in sorted(log, key=lambda event: (event.start_s, -event.end_s, event.task)):
        start_us, end_us = round(event.start_s * 1e6, 3), round(event.end_s * 1e6, 3)
        moment = event.kind in MOMENTS
        details = {"attempt": event.attempt, "call": event.call + 1, "input_tokens": event.tokens}
        trace.append(
            {
                "name": event.kind,
                "cat": "dispatch",
                "pid": 1,
                "tid": event.task + 1,
                "ts": start_us,
                "args": {name: number for name, number in details.items() if number},
                **({"ph": "i", "s": "t"} if moment else {"ph": "X", "dur": round(end_us - start_us, 3)}),
            }
        )
    return {"traceEvents": trace, "displayTimeUnit": "ms"}


def write_timeline(plan: Plan, log: Sequence[Event], folder: Path) -> list[Path]:
    """Write the figure `timeline.svg`, if there is an event, and the trace `trace.json`; return the files."""
    shown = timeline_figure(plan, log)
    files = {f"{shown.name}.svg": shown.svg} if shown is not None else {}
    files["trace.json"] = json.dumps(chrome_trace(plan, log), ensure_ascii=False) + "\n"
    return write_texts(files, folder)
