"""What was read from logs, as text for the command line, as JSON, and as files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from dispatch_sim.logs.readers.files import Tally
from dispatch_sim.logs.readers.tables import COMPLETED, Logs
from dispatch_sim.report.format import duration, percent, tokens
from dispatch_sim.report.log_tables import Block, block_document
from dispatch_sim.study.files import write_texts

RUNS_FILE = "runs.csv"
GROUPS_FILE = "groups.csv"

MOST_KINDS = 15
"""Kinds in the table, those with the most runs; those that follow are counted."""

_FORMATS = {"claude-code": "Claude Code", "codex": "Codex", "otel": "OpenTelemetry"}
_NONE = "-"


def logs_text(logs: Logs) -> str:
    """Return what was read, and the runs by kind and the groups by size in short."""
    return block_document(logs_blocks(logs)).text


def logs_blocks(logs: Logs) -> Iterator[Block]:
    """Return the same, part by part."""
    passed = [
        f"Passed over: {each.count:,} x {what}" + (f" (first: {each.first})." if each.first else ".")
        for what, each in logs.tally.skipped.items()
    ]
    if logs.runs.empty:
        yield Block("", (_read(logs.tally), *passed, "No sub-agent is called in them."))
        return
    yield Block("", (_read(logs.tally), *passed, _found(logs)))
    yield Block("Runs by kind", (), tuple(_kinds(logs.runs)))
    more = logs.runs["kind"].nunique() - MOST_KINDS
    if more > 0:
        yield Block("", (f"And {_number(more, 'kind')} more.",))
    if not logs.groups.empty:
        yield Block("Parallel groups by size", (), tuple(_sizes(logs.groups)))
    yield Block("", (_notes(logs),))


def logs_json(logs: Logs) -> dict[str, Any]:
    """Return what was read and both tables; a number that was not seen is null."""
    return {
        "read": {
            "files": logs.tally.files,
            "lines": logs.tally.lines,
            "bytes": logs.tally.bytes,
            "formats": logs.tally.formats,
            "coordinator_calls": logs.tally.coordinator_calls,
            "coordinator_retries": logs.tally.coordinator_retries,
            "skipped": [
                {"what": what, "count": skipped.count, "first": skipped.first or None}
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


def _found(logs: Logs) -> str:
    runs, groups = logs.runs, logs.groups
    found = f"{_number(len(runs), 'run')} of sub-agents in {_number(runs['session'].nunique(), 'session')}"
    if groups.empty:
        return f"{found}, none of them in parallel."
    parallel = int(groups["size"].sum())
    return f"{found}, {parallel:,} of them in {_number(len(groups), 'parallel group')}."


def _kinds(runs: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    yield "kind", "runs", "completed", "duration", "calls", "first context", "cached", "final", "return"
    order = runs["kind"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index
    for kind in order[:MOST_KINDS]:
        of = runs[runs["kind"] == kind]
        worked = of[of["outcome"] == COMPLETED]
        yield (
            str(kind),
            f"{len(of):,}",
            percent(len(worked) / len(of)),
            *(_median(worked[name], show) for name, show in _MEDIANS),
        )


def _sizes(groups: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    yield "group of", "groups", "launching", "wall clock", "slowest", "sum of durations", "speed-up"
    for size, of in groups.groupby("size"):
        launch = (of["launched_at_s"] - of["called_at_s"]) / (of["size"] - 1)
        yield (
            str(size),
            f"{len(of):,}",
            f"{_median(launch, duration)} a member",
            *(_median(of[name], duration) for name in ("wall_s", "slowest_s", "sum_of_durations_s")),
            _median(of["speed_up"], "{:.2f}".format),
        )


def _notes(logs: Logs) -> str:
    runs = logs.runs
    seen = int(runs["calls"].notna().sum())
    note = "Medians, of completed runs by kind. "
    note += f"The model calls of {seen:,} of the {len(runs):,} runs are in the logs"
    estimated = runs["output_estimated"].dropna()
    if len(estimated) and estimated.mean() > 0:
        note += f"; of their output, {percent(float(estimated.mean()))} is estimated from the length of texts"
    own, again = logs.tally.coordinator_calls, logs.tally.coordinator_retries
    note += f". Spawn and return are estimated so too. Their coordinators made {_number(own, 'model call')}"
    return f"{note}; after an error, {again:,} were tried again."


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


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
