"""Parallel groups as observed: the input of a replay, and the outcome that a forecast is compared with."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields

import pandas as pd

from dispatch_sim.logs.calibrate.observations import CalibrationError, recorded_delays
from dispatch_sim.logs.readers.json_values import or_zero
from dispatch_sim.logs.readers.tables import NOT_STARTED, Logs

LEAST_S = 1e-3
"""Resolution of the times in a log."""


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a group. Figures that the logs do not show are NaN.

    Attributes
    ----------
    launched_s : from the group's first launch.
    start_delay_s : from its launch to its first line.
    duration_s : from its start to its end, as in the log.
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
        """From its launch to its end; an unknown start counts as the launch."""
        return or_zero(self.start_delay_s) + self.duration_s


@dataclass(frozen=True, slots=True)
class Group:
    """A parallel group with all that a replay needs.

    Attributes
    ----------
    name, session : labels.
    members : runs that were started, by the time of their launch; two or more.
    wall_s : from the first launch to the last end.
    interrupted : whether the user stopped a member, so that the durations are not those of the tasks.
    """

    name: str
    session: str
    members: tuple[Member, ...]
    wall_s: float
    interrupted: bool = False

    @property
    def size(self) -> int:
        """Number of agents that were started."""
        return len(self.members)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each member, sorted: the only input of a forecast."""
        return tuple(sorted(member.kind for member in self.members))

    @property
    def starts_recorded(self) -> bool:
        """Whether every member's start is in the log."""
        return not any(math.isnan(member.start_delay_s) for member in self.members)

    @property
    def tokens(self) -> float:
        """Tokens of all members, each counted once; NaN if one's are not in the logs."""
        return sum(each.spawn_tokens + each.work_tokens + each.return_tokens for each in self.members)

    @property
    def work_s(self) -> float:
        """Sum of the members' durations."""
        return sum(member.duration_s for member in self.members)

    @property
    def gap_s(self) -> float:
        """Mean time between two launches."""
        return self.members[-1].launched_s / (self.size - 1)


def find_groups(logs: Logs) -> tuple[list[Group], Counter[str]]:
    """Return the parallel groups that can be simulated, and counts of the others by reason.

    Raises CalibrationError if no group can be simulated.
    """
    runs = logs.runs[logs.runs["group_size"] > 1]
    first, final = runs["first_context_tokens"], runs["final_context_tokens"]
    spawn_tokens = first.fillna(logs.runs["first_context_tokens"].median()).clip(upper=final)
    started = runs.assign(
        start_delay_s=recorded_delays(runs),
        spawn_tokens=spawn_tokens,
        work_tokens=final - spawn_tokens,
        has_end=(runs["outcome"] != "unfinished") & runs["ended_at_s"].notna(),
        interrupted=runs["outcome"] == "interrupted",
    )
    started = started[~runs["outcome"].isin(NOT_STARTED)].sort_values("called_at_s", kind="stable")
    by_group = started.groupby("group")
    size, called, ended = by_group.size(), by_group["called_at_s"], by_group["ended_at_s"].max()
    # Of several reasons the first column counts. Groups without any agent that was started are not in
    # `by_group`: with True in all columns, their reason is that fewer than two were started.
    reasons = pd.DataFrame(
        {
            "fewer than two of its agents were started": size < 2,
            "the end of an agent is not in the logs": ~by_group["has_end"].all(),
            "the call of an agent has no time": called.count() < size,
            "an agent has no duration": by_group["duration_s"].count() < size,
            "its clock jumped": ended <= called.min(),
            "its agents took no time": by_group["duration_s"].max() < LEAST_S,
        }
    ).reindex(runs["group"].unique(), fill_value=True)
    is_left_out = reasons.any(axis=1)
    left_out = Counter(reasons[is_left_out].idxmax(axis=1))
    started["launched_s"] = started["called_at_s"] - called.transform("min")
    members: dict[str, list[Member]] = {}
    figures = started[[each.name for each in fields(Member)]].itertuples(index=False)
    for name, of_run in zip(started["group"], figures, strict=True):
        members.setdefault(name, []).append(Member(*of_run))
    sessions, interrupted = by_group["session"].first(), by_group["interrupted"].any()
    wall_s = ended - called.min()
    groups = [
        Group(name, sessions[name], tuple(members[name]), float(wall_s[name]), bool(interrupted[name]))
        for name in reasons.index[~is_left_out]
    ]
    if not groups:
        raise CalibrationError(no_groups(left_out))
    return groups, left_out


def no_groups(left_out: Counter[str]) -> str:
    """Return the message that no group can be simulated, for these reasons."""
    if not left_out:
        return (
            "no parallel groups are in these logs: no message of a coordinator launched two agents; "
            "give logs of sessions with parallel agents (calibrate works without)"
        )
    reasons = "; ".join(f"{count}: {reason}" for reason, count in left_out.most_common())
    return f"none of the {left_out.total()} parallel groups in these logs can be simulated ({reasons})"
