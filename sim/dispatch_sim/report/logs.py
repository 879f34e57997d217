"""What was read from logs, as text for the command line, as JSON, and as files."""

from __future__ import annotations

import math
import os
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd

from dispatch_sim.logs.files import Tally
from dispatch_sim.logs.reading import Logs
from dispatch_sim.logs.tables import COMPLETED
from dispatch_sim.report.words import duration, percent, tokens
from dispatch_sim.study.results import write_texts

RUNS_FILE = "runs.csv"
GROUPS_FILE = "groups.csv"

MOST_KINDS = 15
"""Kinds in the table, those with the most runs; those that follow are counted."""

_FORMATS = {"claude-code": "Claude Code", "codex": "Codex", "otel": "OpenTelemetry"}
_WIDTH = 100
_NONE = "-"


def logs_text(logs: Logs) -> str:
    """Return what was read, and the runs by kind and the groups by size in short."""
    lines = [*_paragraph(_read(logs.tally)), *_skipped(logs.tally)]
    if logs.runs.empty:
        return "\n".join([*lines, "No sub-agent is called in them."]) + "\n"
    lines += ["", *_paragraph(_found(logs)), "", *_kinds(logs.runs)]
    if not logs.groups.empty:
        lines += ["", *_sizes(logs.groups)]
    return "\n".join([*lines, "", *_paragraph(_notes(logs.runs))]) + "\n"


def logs_json(logs: Logs) -> dict[str, Any]:
    """Return what was read and both tables; a number that was not seen is null."""
    return {
        "read": {
            "files": logs.tally.files,
            "lines": logs.tally.lines,
            "bytes": logs.tally.bytes,
            "formats": logs.tally.formats,
            "skipped": [
                {"what": what, "count": skipped.count, "first": skipped.first}
                for what, skipped in logs.tally.skipped.items()
            ],
        },
        "runs": _records(logs.runs),
        "groups": _records(logs.groups),
    }


def write_logs(logs: Logs, folder: str | os.PathLike[str]) -> list[Path]:
    """Write both tables as csv into a folder; a number that was not seen is an empty cell.

    Raises
    ------
    dispatch_sim.study.results.ResultsError
        Where the folder cannot be written to.
    """
    texts = {RUNS_FILE: logs.runs.to_csv(index=False), GROUPS_FILE: logs.groups.to_csv(index=False)}
    return write_texts(texts, Path(folder))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            str(name): None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]


def _read(tally: Tally) -> str:
    formats = ", ".join(f"{_FORMATS[name]} {number:,}" for name, number in tally.formats.items())
    size = tally.bytes / 1e6
    amount = f"{size:,.0f} MB" if size >= 9.95 else f"{size:.1f} MB"
    return (
        f"Read {_number(tally.files, 'file')}, {_number(tally.lines, 'line')}, {amount} (files: {formats})."
    )


def _skipped(tally: Tally) -> list[str]:
    if not tally.skipped:
        return []
    return [
        "Passed over:",
        *(f"  {_number(each.count, what)}, first: {each.first}" for what, each in tally.skipped.items()),
    ]


def _found(logs: Logs) -> str:
    runs, groups = logs.runs, logs.groups
    found = f"{_number(len(runs), 'run')} of sub-agents in {_number(runs['session'].nunique(), 'session')}"
    if groups.empty:
        return f"{found}, none of them in parallel."
    parallel = int(groups["size"].sum())
    return f"{found}, {parallel:,} of them in {_number(len(groups), 'parallel group')}."


def _kinds(runs: pd.DataFrame) -> list[str]:
    rows: list[tuple[str, ...]] = [
        ("kind", "runs", "completed", "duration", "calls", "first context", "cached", "final", "return")
    ]
    order = runs["kind"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index
    for kind in order[:MOST_KINDS]:
        of = runs[runs["kind"] == kind]
        worked = of[of["outcome"] == COMPLETED]
        rows.append(
            (
                str(kind),
                f"{len(of):,}",
                percent(len(worked) / len(of)),
                *(_median(worked[name], show) for name, show in _MEDIANS),
            )
        )
    more = len(order) - MOST_KINDS
    return _columns(rows) + ([f"and {_number(more, 'kind')} more"] if more > 0 else [])


def _sizes(groups: pd.DataFrame) -> list[str]:
    rows: list[tuple[str, ...]] = [
        ("group of", "groups", "launching", "wall clock", "slowest", "one by one", "speed-up")
    ]
    for size, of in groups.groupby("size"):
        launch = (of["launched_at_s"] - of["called_at_s"]) / (of["size"] - 1)
        rows.append(
            (
                str(size),
                f"{len(of):,}",
                f"{_median(launch, duration)} a member",
                *(_median(of[name], duration) for name in ("wall_s", "slowest_s", "sum_of_durations_s")),
                _median(of["speed_up"], "{:.2f}".format),
            )
        )
    return _columns(rows)


def _notes(runs: pd.DataFrame) -> str:
    seen = int(runs["calls"].notna().sum())
    note = "Medians, of completed runs by kind. "
    note += f"The model calls of {seen:,} of the {len(runs):,} runs are in the logs"
    estimated = runs["output_estimated"].dropna()
    if len(estimated) and estimated.mean() > 0:
        note += f"; of their output, {percent(float(estimated.mean()))} is estimated from the length of texts"
    return f"{note}. Spawn and return are estimated so too."


_MEDIANS = (
    ("duration_s", duration),
    ("calls", "{:.0f}".format),
    ("first_context_tokens", tokens),
    ("first_cached_share", percent),
    ("final_context_tokens", tokens),
    ("return_tokens", tokens),
)


def _median(column: pd.Series[float], show: Any) -> str:
    known = column.dropna()
    return show(float(known.median())) if len(known) else _NONE


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in rows
    ]


def _number(count: int, what: str) -> str:
    """Return a count with its noun: only the noun itself, before any `that` or `of`, takes the plural."""
    if count == 1:
        return f"1 {what}"
    for word in (" that ", " of ", " whose "):
        head, found, tail = what.partition(word)
        if found:
            break
    plural = "neither files nor folders" if what.startswith("neither") else f"{head}s{found}{tail}"
    return f"{count:,} {plural}"


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)
