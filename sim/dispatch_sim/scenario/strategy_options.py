"""The options of a strategy: their values, what they mean, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

WarmUp = Literal["none", "stagger", "prewarm"]
MergeTiming = Literal["barrier", "as-completed"]
Manager = Literal["agent", "script"]
Order = Literal["as-given", "longest-first", "shortest-first"]
Isolation = Literal["shared", "worktree", "locks"]
CommunicationKind = Literal["none", "rounds", "blackboard"]
Pacing = Literal["none", "limits"]
RetryTime = Literal["immediately", "after_drain"]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a strategy: its values, its meaning and its default."""

    choices: tuple[str, ...]
    text: str


OPTIONS: Mapping[str, Option] = {
    "merge": Option(
        get_args(MergeTiming),
        "`barrier` merges when all running tasks have returned, `as-completed` as each returns. Default"
        " as-completed: but barrier for parallel, as when agents are called in one message.",
    ),
    "manager": Option(
        get_args(Manager),
        "Who dispatches: `agent` takes a turn of the coordinator for each dispatch, `script` dispatches"
        " without the coordinator and at no cost. Where all strategies have a script, it takes the results"
        " too: `dispatch.return` and `merge.structured` are nothing by default. Default agent: so that no"
        " strategy wins by its manager.",
    ),
    "warm_up": Option(
        get_args(WarmUp),
        "For a timed cache: `stagger` delays agents while another writes the shared prefix, `prewarm` has the"
        " coordinator write it before a dispatch that would miss the cache. Default none: what happens"
        " without a measure.",
    ),
    "order": Option(
        get_args(Order),
        "The order in which waiting tasks start; by length, the time of the first attempt is taken as known."
        " Default as-given: lengths are seldom known.",
    ),
    "pace": Option(
        get_args(Pacing),
        "`limits`: a limiter in the client, which agents and coordinator share, holds each call until the"
        " provider would admit it, first in, first out; see `client.pacing`. Default none: most clients send"
        " at once, and retry.",
    ),
    "retry_when": Option(
        get_args(RetryTime),
        "When a failed task can be dispatched again: `immediately`, or `after_drain`, when no agent is at"
        " work and no other task is ready. Default immediately; in waves, with the next wave in any case.",
    ),
    "isolation": Option(
        get_args(Isolation),
        "For this strategy, in place of `conflicts.isolation`. Default none: that of the scenario.",
    ),
    "communication": Option(
        get_args(CommunicationKind),
        "For this strategy, in place of `communication.kind`. Default none: that of the scenario.",
    ),
}
"""Options of a strategy."""
