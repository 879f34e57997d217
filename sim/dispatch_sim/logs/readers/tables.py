"""The two tables of a set of logs: agent runs, and parallel groups of them.

They hold numbers and labels from fixed lists, and no text of a log. A number that the log does not show is
NaN. Times are seconds from the session's first call of a sub-agent, so there are no dates either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import nan
from typing import Any, get_type_hints

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelGroup:
    """A group of two or more runs: a row of the table of groups. docs/logs.md explains the columns."""

    source: str
    session: str
    group: str
    depth: int
    size: int
    background: bool
    completed: int
    failed: int
    not_started: int
    unfinished: int
    called_at_s: float
    launched_at_s: float
    ended_at_s: float
    wall_s: float
    sum_of_durations_s: float
    slowest_s: float
    speed_up: float


@dataclass(frozen=True)
class Logs(Displayed):
    """The tables of a set of logs.

    Attributes
    ----------
    runs : one row an agent run, columns as in `AgentRun`.
    groups : one row a parallel group, columns as in `ParallelGroup`.
    tally : counts of what was read and skipped.
    """

    runs: pd.DataFrame
    groups: pd.DataFrame
    tally: Tally = field(default_factory=Tally)


def make_tables(runs: Sequence[AgentRun], tally: Tally | None = None) -> Logs:
    """Return the two tables of a list of runs."""
    by_group: dict[str, list[AgentRun]] = {}
    for run in runs:
        by_group.setdefault(run.group, []).append(run)
    groups = [_group(members) for members in by_group.values() if len(members) > 1]
    return Logs(_frame(AgentRun, runs), _frame(ParallelGroup, groups), tally or Tally())


def columns(of: type[AgentRun] | type[ParallelGroup]) -> dict[str, str]:
    """Return the columns of a table with their numpy types (`object` for texts)."""
    kinds = get_type_hints(of)
    return {each.name: _DTYPES[kinds[each.name]] for each in fields(of)}


_DTYPES = {str: "object", int: "int64", bool: "bool", float: "float64"}


def _frame(of: type[AgentRun] | type[ParallelGroup], rows: Sequence[Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: pd.Series([getattr(row, name) for row in rows], dtype="str" if kind == "object" else kind)
            for name, kind in columns(of).items()
        }
    )


def _group(runs: Sequence[AgentRun]) -> ParallelGroup:
    first = runs[0]
    worked = [run for run in runs if run.outcome not in NOT_STARTED]
    unfinished = sum(run.outcome == "unfinished" for run in runs)
    completed = sum(run.outcome == COMPLETED for run in runs)
    called = min((run.called_at_s for run in runs if not math.isnan(run.called_at_s)), default=nan)
    ends = [run.ended_at_s for run in worked]
    ended = max(ends) if ends and not any(map(math.isnan, ends)) else nan
    durations = [run.duration_s for run in worked if not math.isnan(run.duration_s)]
    total = round(math.fsum(durations), 6) if durations else nan
    # An end before the call means that the clock went backwards.
    wall = round(ended - called, 6) if ended >= called else nan
    return ParallelGroup(
        source=first.source,
        session=first.session,
        group=first.group,
        depth=first.depth,
        size=len(runs),
        background=any(run.background for run in runs),
        completed=completed,
        failed=len(worked) - completed - unfinished,
        not_started=len(runs) - len(worked),
        unfinished=unfinished,
        called_at_s=called,
        launched_at_s=max((run.called_at_s for run in runs if not math.isnan(run.called_at_s)), default=nan),
        ended_at_s=ended,
        wall_s=wall,
        sum_of_durations_s=total,
        slowest_s=max(durations, default=nan),
        speed_up=total / wall if wall > 0 else nan,
    )
