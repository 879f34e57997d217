"""What was read from logs, as a page, as JSON, and as files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from dispatch_sim.logs.readers.tables import COMPLETED, Logs
from dispatch_sim.report.format import duration, percent, tokens
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.study.files import write_texts

RUNS_FILE = "runs.csv"
GROUPS_FILE = "groups.csv"

MOST_KINDS = 15
"""Kinds in the table: those with the most runs."""

_FORMATS = {"claude-code": "Claude Code", "codex": "Codex", "otel": "OpenTelemetry"}

_MEDIANS: dict[str, tuple[str, Callable[[float], str]]] = {
    "Duration": ("duration_s", duration),
    "Calls": ("calls", "{:.0f}".format),
    "First context": ("first_context_tokens", tokens),
    "Cached": ("first_cached_share", percent),
    "Final": ("final_context_tokens", tokens),
    "Return": ("return_tokens", tokens),
}
"""Columns of the table by kind: heading, column of the runs, format."""


def logs_document(logs: Logs, *, pictures: bool = True) -> Document:
    """Return what was read as a page, with the runs by kind and the groups by size."""
    runs, groups, megabytes = logs.runs, logs.groups, logs.tally.bytes / 1e6
    return document(
        "logs.md",
        logs=logs,
        tally=logs.tally,
        number=_number,
        size=f"{megabytes:,.0f} MB" if megabytes >= 9.95 else f"{megabytes:.1f} MB",
        formats=[f"{_FORMATS[name]} {count:,}" for name, count in logs.tally.formats.items()],
        parallel=int(groups["size"].sum()),
        kinds=_kinds(runs),
        most_kinds=MOST_KINDS,
        groups=None if groups.empty else _sizes(groups),
        with_calls=int(runs["calls"].notna().sum()),
        estimated=float(runs["output_estimated"].mean()) if runs["output_estimated"].sum() > 0 else 0.0,
    )


def logs_json(logs: Logs) -> dict[str, Any]:
    """Return what was read and both tables for programs."""
    tally = logs.tally
    names = ("files", "lines", "bytes", "formats", "coordinator_calls", "coordinator_retries")
    skipped = [
        {"what": what, "count": each.count, "first": each.first or None}
        for what, each in tally.skipped.items()
    ]
    return {
        "read": {**{name: getattr(tally, name) for name in names}, "skipped": skipped},
        "runs": logs.runs.to_dict("records"),
        "groups": logs.groups.to_dict("records"),
    }


def write_logs(logs: Logs, folder: str | os.PathLike[str]) -> list[Path]:
    """Write both tables as csv into a folder; a number that is missing in the logs is an empty cell.

    Raises
    ------
    dispatch_sim.study.results.ResultsError
        If the folder cannot be written to.
    """
    texts = {RUNS_FILE: logs.runs.to_csv(index=False), GROUPS_FILE: logs.groups.to_csv(index=False)}
    return write_texts(texts, Path(folder))


def _kinds(runs: pd.DataFrame) -> Table:
    """Return the runs by kind, the most frequent first."""
    rows = []
    for kind in runs["kind"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index:
        of = runs[runs["kind"] == kind]
        completed = of[of["outcome"] == COMPLETED]
        medians = (_median(completed[column], show) for column, show in _MEDIANS.values())
        rows.append((str(kind), f"{len(of):,}", percent(len(completed) / len(of)), *medians))
    return Table("Runs by kind", ("Kind", "Runs", "Completed", *_MEDIANS), tuple(rows))


def _sizes(groups: pd.DataFrame) -> Table:
    """Return the parallel groups by size."""
    rows = []
    for size, of in groups.groupby("size"):
        launch_s = (of["launched_at_s"] - of["called_at_s"]) / (of["size"] - 1)
        times = (_median(of[name], duration) for name in ("wall_s", "slowest_s", "sum_of_durations_s"))
        speed_up = _median(of["speed_up"], "{:.2f}".format)
        rows.append((str(size), f"{len(of):,}", f"{_median(launch_s, duration)} each", *times, speed_up))
    heads = ("Agents", "Groups", "Launch", "Wall clock", "Slowest", "Sum of durations", "Speed-up")
    return Table("Parallel groups by size", heads, tuple(rows))


def _median(column: pd.Series[float], show: Callable[[float], str]) -> str:
    known = column.dropna()
    return show(float(known.median())) if len(known) else "-"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
