"""The two tables of a set of logs: agent runs, and parallel groups of two or more of them.

They hold numbers and labels from fixed lists, and no text of a log. A number that the log does not show is
NaN. Times are seconds from the session's first call of a sub-agent, so there are no dates either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import get_type_hints

import pandas as pd

from dispatch_sim.display import Displayed
from dispatch_sim.logs.readers.files import Tally

COMPLETED = "completed"

OUTCOMES = (
    COMPLETED,
    "failed_silent",  # recorded as completed, but ended by an API error
    "failed",  # recorded as failed by the harness
    "error",  # the call returned another error
    "interrupted",  # stopped by the user
    "cancelled",  # another call of the same message failed
    "rejected",  # not allowed by the user
    "unavailable",  # the harness could not start it at the time
    "invalid",  # no such type of agent, or a wrong input
    "unfinished",  # no end is in the log
)
"""Outcomes of a run."""

NOT_STARTED = frozenset({"rejected", "unavailable", "invalid", "cancelled"})
"""Outcomes of calls that started no agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRun:
    """One run of a sub-agent: a row of the table of runs. docs/logs.md explains the columns."""

    source: str
    session: str
    group: str
    group_size: int
    position: int
    depth: int = 1
    kind: str
    model: str = "unknown"
    background: bool
    outcome: str
    called_at_s: float
    started_at_s: float = nan
    ended_at_s: float = nan
    duration_s: float = nan
    duration_measured: bool = False
    calls: float = nan
    retries: float = nan
    tool_uses: float = nan
    input_tokens: float = nan
    cache_write_tokens: float = nan
    cache_write_1h_tokens: float = nan
    cache_read_tokens: float = nan
    output_tokens: float = nan
    output_estimated: float = nan
    first_context_tokens: float = nan
    first_cached_share: float = nan
    final_context_tokens: float = nan
    spawn_tokens: float = nan
    return_tokens: float = nan


@dataclass(frozen=True)
class Logs(Displayed):
    """The tables of a set of logs.

    Attributes
    ----------
    runs : one row an agent run, columns as in `AgentRun`.
    groups : one row a parallel group, docs/logs.md explains the columns.
    tally : counts of what was read and skipped.
    """

    runs: pd.DataFrame
    groups: pd.DataFrame
    tally: Tally = field(default_factory=Tally)


def make_tables(runs: Sequence[AgentRun], tally: Tally | None = None) -> Logs:
    """Return the two tables of a list of runs."""
    types = {str: "str", int: "int64", bool: "bool", float: "float64"}
    columns = {
        name: pd.Series([getattr(run, name) for run in runs], dtype=types[kind])
        for name, kind in get_type_hints(AgentRun).items()
    }
    table = pd.DataFrame(columns)
    return Logs(table, _groups(table), tally or Tally())


def _groups(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table of groups; docs/logs.md explains the columns."""
    members = runs[runs["group_size"] > 1]
    worked = ~members["outcome"].isin(NOT_STARTED)
    members = members.assign(
        worked=worked,
        completed=members["outcome"] == COMPLETED,
        unfinished=members["outcome"] == "unfinished",
        ended_at_s=members["ended_at_s"].where(worked),
        duration_s=members["duration_s"].where(worked),
    )
    groups = members.groupby("group", sort=False)
    size, called = groups.size(), groups["called_at_s"].min()
    counts = groups[["worked", "completed", "unfinished"]].sum()
    ended = groups["ended_at_s"].max().where(groups["ended_at_s"].count() == counts["worked"])
    # An end before the call means that the clock went backwards.
    wall = (ended - called).where(ended >= called).round(6)
    total = groups["duration_s"].sum(min_count=1).round(6)
    table = {
        "source": groups["source"].first(),
        "session": groups["session"].first(),
        "group": size.index,
        "depth": groups["depth"].first(),
        "size": size,
        "background": groups["background"].any(),
        "completed": counts["completed"],
        "failed": counts["worked"] - counts["completed"] - counts["unfinished"],
        "not_started": size - counts["worked"],
        "unfinished": counts["unfinished"],
        "called_at_s": called,
        "launched_at_s": groups["called_at_s"].max(),
        "ended_at_s": ended,
        "wall_s": wall,
        "sum_of_durations_s": total,
        "slowest_s": groups["duration_s"].max(),
        "speed_up": (total / wall).where(wall > 0),
    }
    return pd.DataFrame(table).reset_index(drop=True)
