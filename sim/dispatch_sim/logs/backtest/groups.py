"""Parallel groups as they were seen: what a replay is fed with, and what a forecast has to meet."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from dispatch_sim.logs.calibrate.observations import recorded_delays
from dispatch_sim.logs.readers.json_values import or_zero
from dispatch_sim.logs.readers.tables import NOT_STARTED, Logs

LEAST_S = 1e-3
"""Shortest time that a log can tell."""


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a group.

    Attributes
    ----------
    kind : of task.
    launched_s : from the group's first launch.
    start_delay_s : from its launch to its first line; NaN where that is not in the log.
    duration_s : from its start to its end, as the log has it.
    calls, spawn_tokens, work_tokens, output_tokens, return_tokens : NaN where the logs do not show them.
    """

    kind: str
    launched_s: float
    start_delay_s: float
    duration_s: float
    calls: float
    spawn_tokens: float
    work_tokens: float
    output_tokens: float
    return_tokens: float

    @property
    def busy_s(self) -> float:
        """From its launch to its end; a start that is not in the log counts as at the launch."""
        return or_zero(self.start_delay_s) + self.duration_s


@dataclass(frozen=True, slots=True)
class Group:
    """A parallel group with all that a replay needs.

    Attributes
    ----------
    name, session : labels.
    members : that were started, by the time of their launch; two or more.
    wall_s : from the first launch to the last end.
    """

    name: str
    session: str
    members: tuple[Member, ...]
    wall_s: float

    @property
    def size(self) -> int:
        """How many agents were at work."""
        return len(self.members)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each member, sorted: all that a forecast is told."""
        return tuple(sorted(member.kind for member in self.members))

    @property
    def starts_recorded(self) -> bool:
        """Whether every member's start is in the log."""
        return not any(math.isnan(member.start_delay_s) for member in self.members)

    @property
    def tokens(self) -> float:
        """Tokens of all members, each counted once; NaN where one's are not seen."""
        return sum(each.spawn_tokens + each.work_tokens + each.return_tokens for each in self.members)

    @property
    def work_s(self) -> float:
        """What the members' durations add up to."""
        return sum(member.duration_s for member in self.members)

    @property
    def gap_s(self) -> float:
        """Mean time between two launches."""
        return self.members[-1].launched_s / (self.size - 1)


def find_groups(logs: Logs) -> tuple[list[Group], Counter[str]]:
    """Return the parallel groups that can be replayed, and how many cannot, by reason."""
    left_out: Counter[str] = Counter()
    groups = []
    first = logs.runs["first_context_tokens"].median()
    for _, runs in logs.runs[logs.runs["group_size"] > 1].groupby("group", sort=False):
        started = runs[~runs["outcome"].isin(NOT_STARTED)]
        if len(started) < 2:
            left_out["fewer than two of its agents were started"] += 1
        elif (started["outcome"] == "unfinished").any() or started["ended_at_s"].isna().any():
            left_out["the end of an agent is not in the logs"] += 1
        elif started["duration_s"].isna().any():
            left_out["an agent has no duration"] += 1
        else:
            group = _group(started.sort_values("called_at_s", kind="stable"), first)
            if group.wall_s <= 0:
                left_out["its clock jumped"] += 1
            elif max(member.duration_s for member in group.members) < LEAST_S:
                left_out["its agents took no time"] += 1
            else:
                groups.append(group)
    return groups, left_out


def _group(runs: pd.DataFrame, first: float) -> Group:
    begin = float(runs["called_at_s"].iloc[0])
    spawn = runs["first_context_tokens"].fillna(first).clip(upper=runs["final_context_tokens"])
    numbers = pd.DataFrame(
        {
            "launched_s": runs["called_at_s"] - begin,
            "start_delay_s": recorded_delays(runs),
            "duration_s": runs["duration_s"],
            "calls": runs["calls"],
            "spawn_tokens": spawn,
            "work_tokens": runs["final_context_tokens"] - spawn,
            "output_tokens": runs["output_tokens"],
            "return_tokens": runs["return_tokens"],
        }
    )
    members = tuple(
        Member(str(kind), *map(float, row))
        for kind, row in zip(runs["kind"], numbers.to_numpy(dtype=float), strict=True)
    )
    end = float(runs["ended_at_s"].max())
    return Group(str(runs["group"].iloc[0]), str(runs["session"].iloc[0]), members, end - begin)
