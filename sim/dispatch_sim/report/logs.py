"""Logs, calibrations and what-if simulations as pages and as JSON, and logs as files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from dispatch_sim.logs.backtest.what_if import ASSUMPTIONS, WhatIf
from dispatch_sim.logs.calibrate.calibration import Calibration
from dispatch_sim.logs.calibrate.scenario_text import BORROWED, DEFAULT, MEASURED
from dispatch_sim.logs.readers.tables import COMPLETED, Logs
from dispatch_sim.report.format import duration, percent, tokens
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.study.files import write_texts

MOST_GROUPS = 20
"""Groups in the table of a what-if: those with the longest wall-clock time."""

_ORIGINS = {
    MEASURED: "Measured",
    BORROWED: "Borrowed from runs of all kinds, as there are too few of this kind",
    DEFAULT: "Defaults: absent from these logs, or in too few runs",
}

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
        size=f"{megabytes:,.0f} MB" if megabytes >= 9.95 else f"{megabytes:.1f} MB",
        formats=[f"{_FORMATS[name]} {count:,}" for name, count in logs.tally.formats.items()],
        parallel=int(groups["size"].sum()),
        kinds=_kinds(runs),
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
    """Write both tables as csv into a folder; a number that is missing in the logs is an empty cell."""
    texts = {"runs.csv": logs.runs.to_csv(index=False), "groups.csv": logs.groups.to_csv(index=False)}
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


def calibration_document(found: Calibration, *, pictures: bool = True) -> Document:
    """Return each figure with its source as a page."""
    return document("calibration.md", found=found, origins=_ORIGINS)


def calibration_json(found: Calibration) -> dict[str, Any]:
    """Return a calibration for programs."""
    counts = ("runs", "sessions", "groups", "attempts", "failures", "hung")
    return {
        **{name: getattr(found, name) for name in counts},
        "kinds": found.group_of,
        "scenario_sha256": found.scenario.fingerprint,
        "figures": [{**asdict(figure), "path": ".".join(figure.path)} for figure in found.figures],
    }


def what_if_document(found: WhatIf, *, pictures: bool = True) -> Document:
    """Return the totals by strategy, the longest groups, and the assumptions as a page."""
    longest = sorted(range(len(found.groups)), key=lambda at: -found.groups[at].wall_s)[:MOST_GROUPS]
    return document("what-if.md", found=found, longest=longest, assumptions=ASSUMPTIONS)


def what_if_json(found: WhatIf) -> dict[str, Any]:
    """Return all groups for programs."""
    return {
        "left_out": found.left_out,
        "assumptions": ASSUMPTIONS,
        "totals": found.totals,
        "groups": [
            {
                "group": group.name,
                "agents": group.size,
                "observed_wall_s": group.wall_s,
                "strategies": {name: of[at] for name, of in found.outcomes.items()},
            }
            for at, group in enumerate(found.groups)
        ],
    }
