"""Runs of a table sorted by what they show about work: completed, hung or failed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.logs.readers.tables import COMPLETED, NOT_STARTED, Logs
from dispatch_sim.scenario.problems import UserError

HANG_S = 3600.0
"""A longer run counts as hung: it slept, or waited for a permission."""

MOST_HANGS = 0.05
"""If a larger share of runs took that long, work takes that long, and none counts as hung."""

FAILED = frozenset({"failed_silent", "failed", "error"})
"""Outcomes of runs that failed by themselves. A run stopped by the user is no failure."""

ALL_KINDS = "all-kinds"
"""Name of the group of tasks for kinds with too few runs of their own."""


class CalibrationError(UserError):
    """The logs hold nothing to calibrate or compare with."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Runs of logs, and counts of them.

    Attributes
    ----------
    runs : all of them.
    completed : those that completed work, with a duration.
    hung : those that completed, or were stopped, after more than `hang_after_s`.
    stopped : those that the user stopped before.
    attempts, failures : runs that ended by themselves or hung, and those that failed.
    hang_after_s : `HANG_S`, or infinity if runs of that length are usual.
    calls, retries : model calls of agents and coordinators whose retries are in the logs, and those retries.
    """

    runs: pd.DataFrame
    completed: pd.DataFrame
    hung: pd.DataFrame
    stopped: pd.DataFrame
    attempts: int
    failures: int
    hang_after_s: float
    calls: int
    retries: int


def observe(logs: Logs) -> Observations:
    """Sort the runs of logs by what they show about work; CalibrationError if none has completed."""
    runs = logs.runs
    timed = runs[(runs["outcome"] == COMPLETED) & (runs["duration_s"] > 0)]
    if timed.empty:
        raise CalibrationError(
            f"{len(runs)} runs of sub-agents are in these logs, and none has completed with a duration; give"
            " logs of sessions whose agents completed"
            if len(runs)
            else "no runs of sub-agents are in these logs; give the folder of sessions that used some, such"
            " as ~/.claude/projects"
        )
    is_long = timed["duration_s"] > HANG_S
    hang_after_s = HANG_S if is_long.mean() <= MOST_HANGS else np.inf
    hung = (runs["duration_s"] > hang_after_s) & ~runs["outcome"].isin([*NOT_STARTED, "unfinished"])
    counted = runs[runs["calls"].notna() & runs["retries"].notna()]
    return Observations(
        runs=runs,
        completed=timed[timed["duration_s"] <= hang_after_s],
        hung=runs[hung],
        stopped=runs[(runs["outcome"] == "interrupted") & ~hung],
        attempts=int((runs["outcome"].isin([COMPLETED, *FAILED]) | hung).sum()),
        failures=int((runs["outcome"].isin(FAILED) & ~hung).sum()),
        hang_after_s=hang_after_s,
        calls=int(counted["calls"].sum()) + logs.tally.coordinator_calls,
        retries=int(counted["retries"].sum()) + logs.tally.coordinator_retries,
    )


def start_delays(runs: pd.DataFrame) -> pd.Series:
    """Return the seconds from each call to the agent's start; NaN if unknown.

    The start is the agent's first line. For a call in the foreground without such lines it is the end less
    the measured duration, which in Claude Code begins at the first line (in all 69 public calls with both,
    to 23 ms).
    """
    in_foreground = runs["duration_measured"] & ~runs["background"]
    inferred = (runs["ended_at_s"] - runs["duration_s"]).where(in_foreground)
    return recorded_delays(runs.assign(started_at_s=runs["started_at_s"].fillna(inferred)))


def recorded_delays(runs: pd.DataFrame) -> pd.Series:
    """Return the seconds from each call to the agent's first line; NaN if that is not in the log."""
    return (runs["started_at_s"] - runs["called_at_s"]).clip(lower=0.0).round(6)


def codes(column: pd.Series) -> NDArray[np.intp]:
    """Return the values of a column as numbers from 0, by first appearance."""
    return pd.factorize(column)[0].astype(np.intp)
