"""The two tables that logs come to: agent runs, and parallel groups of them.

Numbers, and words from short fixed lists: no text of a log is in them. A number that the log does not show is
NaN. Times are seconds from the session's first call of a sub-agent, so no date is in them either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, get_type_hints

import numpy as np
import pandas as pd

SOURCES = ("claude-code", "codex", "otel")
"""What wrote a log."""

COMPLETED = "completed"

OUTCOMES = (
    COMPLETED,
    "failed_silent",  # recorded as completed, but an API error ended it
    "failed",  # the harness says that it failed
    "error",  # its call came back as an error of another kind
    "interrupted",  # stopped by the user
    "cancelled",  # another call of the same message failed
    "rejected",  # the user did not allow it
    "unavailable",  # the harness refused to start it for the time being
    "invalid",  # no such type of agent, or a wrong input
    "unfinished",  # no end is in the log
)
"""What can become of a run."""

NOT_STARTED = frozenset({"rejected", "unavailable", "invalid", "cancelled"})
"""Outcomes of calls that no agent worked on; what they took says nothing about work."""

NAN = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRun:
    """One run of a sub-agent: a row of the table of runs, in the order of its columns.

    Attributes
    ----------
    source : what wrote the log, one of `SOURCES`.
    session : label of the session (`session-1`), by order of reading; no id of the log.
    group : label of the group, unique in the table. Every run has one, also a run alone.
    group_size : calls in the group: those of one message of the coordinator.
    position : place in the group, from 0, in the order of the calls.
    depth : 1 for a call by the session's main agent, 2 for a call by one that it called, and so on.
    kind : type of agent: a built-in type by its name, any other as in `words.kind_label`, or `unnamed`.
    model : family of the model that the agent ran on, `other`, or `unknown` where no call of its is seen.
    background : whether the coordinator went on meanwhile; it learns of the end by a notification.
    outcome : one of `OUTCOMES`.
    called_at_s : when the coordinator's call was written, from the session's first call.
    started_at_s : the first line of the agent itself; NaN where its lines are not in the log.
    ended_at_s : result or, in the background, notification; NaN when unfinished or not seen.
    duration_s : as the harness measured it; where it does not say, from start (else call) to end.
    duration_measured : whether the harness measured it.
    calls : model calls; NaN where the agent's lines are not in the log, like tokens of all classes.
    retries : API errors after which the harness tried again.
    tool_uses : tools that the agent used.
    input_tokens, cache_write_tokens, cache_read_tokens : what its calls sent, summed over the calls:
        neither written to nor read from the cache; written; read. Disjoint.
    output_tokens : what its calls wrote, summed.
    output_estimated : share of `output_tokens` that is estimated from the length of texts, 0 to 1.
    first_context_tokens : all input of the first call.
    first_cached_share : share of that which was read from the cache, 0 to 1.
    final_context_tokens : input and output of the last call.
    spawn_tokens : the task as it was given to the agent, estimated from its length.
    return_tokens : the result as it was given to the coordinator, estimated from its length.
    """

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
    started_at_s: float = NAN
    ended_at_s: float = NAN
    duration_s: float = NAN
    duration_measured: bool = False
    calls: float = NAN
    retries: float = NAN
    tool_uses: float = NAN
    input_tokens: float = NAN
    cache_write_tokens: float = NAN
    cache_read_tokens: float = NAN
    output_tokens: float = NAN
    output_estimated: float = NAN
    first_context_tokens: float = NAN
    first_cached_share: float = NAN
    final_context_tokens: float = NAN
    spawn_tokens: float = NAN
    return_tokens: float = NAN


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelGroup:
    """One group of two or more runs: a row of the table of groups, in the order of its columns.

    Attributes
    ----------
    source, session, group, depth : as in its runs.
    size : runs in the group.
    background : whether any of them ran in the background.
    completed, failed, not_started, unfinished : runs by what became of them; they add up to `size`.
    called_at_s : the first call, from the session's first call.
    launched_at_s : the last call of the group. Calls come one after another, as the coordinator writes them.
    ended_at_s : the last end; NaN where a run that was started has no end in the log.
    wall_s : from the first call to the last end.
    sum_of_durations_s : of the runs with a duration; what one by one would have taken at least.
    slowest_s : the longest duration.
    speed_up : `sum_of_durations_s / wall_s`.
    """

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


class TableError(ValueError):
    """A table breaks its own rules, which is a fault of the reader and not of the log."""


@dataclass(frozen=True)
class Tables:
    """What logs came to: `runs` has the columns of `AgentRun`, `groups` those of `ParallelGroup`."""

    runs: pd.DataFrame
    groups: pd.DataFrame


class HasTables(Protocol):
    """What holds the two tables: `Tables`, or what a reader returns."""

    @property
    def runs(self) -> pd.DataFrame:
        """One row an agent run."""

    @property
    def groups(self) -> pd.DataFrame:
        """One row a parallel group."""


def make_tables(runs: Sequence[AgentRun]) -> Tables:
    """Put runs into the two tables, after checking them.

    Raises
    ------
    TableError
        as `check_runs` does.
    """
    frame = _frame(AgentRun, runs)
    check_runs(frame)
    members: dict[str, list[AgentRun]] = {}
    for run in runs:
        members.setdefault(run.group, []).append(run)
    return Tables(frame, _frame(ParallelGroup, [_group(of) for of in members.values() if len(of) > 1]))


def check_runs(runs: pd.DataFrame) -> None:
    """See that a table of runs keeps its rules.

    Raises
    ------
    TableError
        Where a column is missing or of another type, a word is not of its list, a number is negative or
        infinite, a share is over 1, or the places in a group are not 0, 1, 2 and so on.
    """
    expected = columns(AgentRun)
    if {name: str(kind) for name, kind in runs.dtypes.items() if name not in _TEXTS} != {
        name: kind for name, kind in expected.items() if name not in _TEXTS
    } or list(runs.columns) != list(expected):
        raise TableError("columns of the runs are not those of AgentRun")
    for column, words in (("source", SOURCES), ("outcome", OUTCOMES)):
        if not runs[column].isin(words).all():
            raise TableError(f"{column} has words that are not in its list")
    numbers = runs[[name for name, kind in expected.items() if kind == "float64"]]
    if np.isinf(numbers.to_numpy()).any():
        raise TableError("a number is infinite")
    # Times may be before the session's first call in a log whose clock jumped; amounts may not.
    if (numbers.drop(columns=list(_TIMES)) < 0).any(axis=None):
        raise TableError("a duration, count or share is negative")
    if (runs[["output_estimated", "first_cached_share"]] > 1).any(axis=None):
        raise TableError("a share is over 1")
    if len(runs):
        places = runs.groupby("group")["position"].agg(lambda found: sorted(found) == list(range(len(found))))
        sizes = runs.groupby("group")["group_size"].agg(lambda found: bool((found == len(found)).all()))
        if not (places.all() and sizes.all()):
            raise TableError("places or sizes in a group do not fit its runs")


def columns(of: type[AgentRun] | type[ParallelGroup]) -> dict[str, str]:
    """Return the columns of a table with their types, as numpy names them (texts are `object`)."""
    kinds = get_type_hints(of)
    return {field.name: _DTYPES[kinds[field.name]] for field in fields(of)}


_DTYPES = {str: "object", int: "int64", bool: "bool", float: "float64"}
_TEXTS = frozenset({"source", "session", "group", "kind", "model", "outcome"})
_TIMES = frozenset({"called_at_s", "started_at_s", "ended_at_s"})


def _frame(of: type[AgentRun] | type[ParallelGroup], rows: Iterable[Any]) -> pd.DataFrame:
    kept = list(rows)
    return pd.DataFrame(
        {
            name: pd.Series([getattr(row, name) for row in kept], dtype="str" if kind == "object" else kind)
            for name, kind in columns(of).items()
        }
    )


def _group(runs: Sequence[AgentRun]) -> ParallelGroup:
    first = runs[0]
    worked = [run for run in runs if run.outcome not in NOT_STARTED]
    unfinished = sum(run.outcome == "unfinished" for run in runs)
    completed = sum(run.outcome == COMPLETED for run in runs)
    called = min((run.called_at_s for run in runs if not math.isnan(run.called_at_s)), default=NAN)
    ends = [run.ended_at_s for run in worked]
    ended = max(ends) if ends and not any(map(math.isnan, ends)) else NAN
    durations = [run.duration_s for run in worked if not math.isnan(run.duration_s)]
    total = round(math.fsum(durations), 6) if durations else NAN
    # An end before the call is a clock that went backwards, and no wall clock.
    wall = round(ended - called, 6) if ended >= called else NAN
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
        launched_at_s=max((run.called_at_s for run in runs if not math.isnan(run.called_at_s)), default=NAN),
        ended_at_s=ended,
        wall_s=wall,
        sum_of_durations_s=total,
        slowest_s=max(durations, default=NAN),
        speed_up=total / wall if wall > 0 else NAN,
    )
