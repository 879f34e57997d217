"""What of a table of runs says something about work: which runs count, and which do not, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.logs.readers.tables import COMPLETED, NOT_STARTED, Logs
from dispatch_sim.scenario.problems import UserError

HANG_S = 3600.0
"""A run that took longer hung: it slept, or waited for a permission, rather than worked."""

MOST_HANGS = 0.05
"""Where more than this part of runs took so long, that is how long the work takes, and nothing hung."""

FAILED = frozenset({"failed_silent", "failed", "error"})
"""Outcomes of runs that failed by themselves; whom the user stopped did not."""

ALL_KINDS = "all-kinds"
"""Stands for a kind of task that has too few runs of its own."""


class CalibrationError(UserError):
    """Logs that nothing can be learnt from."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Runs, sorted by what they tell.

    Attributes
    ----------
    runs : all of them.
    honest : those that completed work, with a duration.
    hung : those that completed, or were stopped, after more than `hang_after_s`.
    attempts, failures : runs whose end is known and is not the user's doing, and those of them that failed.
    hang_after_s : `HANG_S`, or infinity where runs of that length are usual.
    calls, retries : model calls of agents and coordinators whose retries are in the logs, and those retries.
    """

    runs: pd.DataFrame
    honest: pd.DataFrame
    hung: pd.DataFrame
    attempts: int
    failures: int
    hang_after_s: float
    calls: int
    retries: int

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return int(self.honest["session"].nunique())


def observe(logs: Logs) -> Observations:
    """Sort runs by what they tell about work.

    Raises
    ------
    CalibrationError
        Where no run has completed with a duration.
    """
    runs = logs.runs
    timed = runs[(runs["outcome"] == COMPLETED) & (runs["duration_s"] > 0)]
    if timed.empty:
        raise CalibrationError(_nothing(runs))
    long = timed["duration_s"] > HANG_S
    hang_after_s = HANG_S if long.mean() <= MOST_HANGS else np.inf
    hangs = (runs["duration_s"] > hang_after_s) & ~runs["outcome"].isin([*NOT_STARTED, "unfinished"])
    attempts = runs["outcome"].isin([COMPLETED, *FAILED])
    counted = runs[runs["calls"].notna() & runs["retries"].notna()]
    return Observations(
        runs=runs,
        honest=timed[timed["duration_s"] <= hang_after_s],
        hung=runs[hangs],
        attempts=int(attempts.sum()),
        failures=int((runs["outcome"].isin(FAILED) & ~hangs).sum()),
        hang_after_s=hang_after_s,
        calls=int(counted["calls"].sum()) + logs.tally.coordinator_calls,
        retries=int(counted["retries"].sum()) + logs.tally.coordinator_retries,
    )


def _nothing(runs: pd.DataFrame) -> str:
    if runs.empty:
        return (
            "no runs of sub-agents are in these logs; give the folder of sessions that used some, such as "
            "~/.claude/projects"
        )
    return (
        f"{len(runs)} runs of sub-agents are in these logs, and none has completed with a duration; "
        "give logs of sessions whose agents came back"
    )


def start_delays(runs: pd.DataFrame) -> pd.Series:
    """Return the seconds from each call to the agent's start, which is before its duration; NaN if not shown.

    The start is the agent's first line. Of a call in the foreground whose agent has no lines in the log, it
    is the result less the measured duration: in Claude Code that duration runs from the first line to the
    result (in all 69 public calls with both, to 23 ms).
    """
    in_foreground = runs["duration_measured"] & ~runs["background"]
    before_result = (runs["ended_at_s"] - runs["duration_s"]).where(in_foreground)
    return _delays(runs, runs["started_at_s"].fillna(before_result))


def recorded_delays(runs: pd.DataFrame) -> pd.Series:
    """Return the seconds from each call to the agent's first line; NaN where that is not in the log."""
    return _delays(runs, runs["started_at_s"])


def _delays(runs: pd.DataFrame, starts: pd.Series) -> pd.Series:
    return (starts - runs["called_at_s"]).clip(lower=0.0).round(6)


def codes(column: pd.Series) -> NDArray[np.intp]:
    """Return the values of a column as numbers from 0, by first appearance."""
    return pd.factorize(column)[0].astype(np.intp)
