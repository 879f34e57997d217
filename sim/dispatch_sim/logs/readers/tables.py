"""The two tables that logs come to: agent runs, and parallel groups of them.

Numbers, and words from short fixed lists: no text of a log is in them. A number that the log does not show is
NaN. Times are seconds from the session's first call of a sub-agent, so no date is in them either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

import pandas as pd

from dispatch_sim.display import Displayed
from dispatch_sim.logs.readers.files import Tally

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


@dataclass(frozen=True)
class Logs(Displayed):
    """What logs came to.

    Attributes
    ----------
    runs : one row an agent run, columns as in `AgentRun`.
    groups : one row a parallel group, columns as in `ParallelGroup`.
    tally : what was read, and what was passed over and why.
    """

    runs: pd.DataFrame
    groups: pd.DataFrame
    tally: Tally = field(default_factory=Tally)


def make_tables(runs: Sequence[AgentRun], tally: Tally | None = None) -> Logs:
    """Return runs as the two tables, with what was read for them."""
    members: dict[str, list[AgentRun]] = {}
    for run in runs:
        members.setdefault(run.group, []).append(run)
    groups = [_group(of) for of in members.values() if len(of) > 1]
    return Logs(_frame(AgentRun, runs), _frame(ParallelGroup, groups), tally or Tally())


def columns(of: type[AgentRun] | type[ParallelGroup]) -> dict[str, str]:
    """Return the columns of a table with their types, as numpy names them (texts are `object`)."""
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
