"""Plays a parallel group again, with what was observed of it, through the dispatch model itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.log import Event, EventKind
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.plan import make_plan
from dispatch_sim.logs.groups import Group
from dispatch_sim.scenario.coordination import Dispatch
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import parse_strategy

_AT_WORK = frozenset(
    {
        EventKind.SPAWN,
        EventKind.CALL,
        EventKind.TOOLS,
        EventKind.BACKOFF,
        EventKind.HANG,
        EventKind.CRASH,
        EventKind.TIMEOUT,
        EventKind.RETURN,
    }
)

NOTHING_ELSE: dict[str, Any] = {
    "merge": {"structured": {"tokens": 0, "time": 0}},
    "retry": {"policy": "none"},
    "recovery": {"people": 0},
}
"""What comes after the last return is not part of a group's wall-clock."""


def wall_clock(log: Iterable[Event]) -> float:
    """Return the time from the first launch to the end of the last agent's first attempt, in seconds.

    This is what a log shows: the coordinator's message ends with the first call as it begins to write the
    next, and what it does with the results is not in it.
    """
    first, last = float("inf"), 0.0
    for event in log:
        if event.attempt == 1:
            if event.kind is EventKind.LAUNCH:
                first = min(first, event.start_s)
            elif event.kind in _AT_WORK:
                last = max(last, event.end_s)
    return last - first


def replay(group: Group, launch: Dispatch | None = None) -> float:
    """Return the wall-clock of a group in the model, its durations as observed.

    Parameters
    ----------
    group : as seen in a log.
    launch : where given, the coordinator launches all agents in one turn, each brief and start taking what is
        usual there. Otherwise each agent is launched, and starts, when it did.
    """
    brief_s, spawn_s = (0.0, 0.0) if launch is None else (launch.brief.time, launch.spawn.time.quantile(0.5))
    scenario = Scenario.model_validate(
        {
            "tasks": [
                {
                    "name": f"run-{number}",
                    "calls": 1,
                    "tokens": 0,
                    "duration": _seconds(member.busy_s if launch is None else member.duration_s),
                    "interarrival": _seconds(member.launched_s if launch is None else 0.0),
                }
                for number, member in enumerate(group.members, 1)
            ],
            "dispatch": {
                "spawn": {"tokens": 0, "time": _seconds(spawn_s)},
                "return": {"tokens": 0, "time": 0},
                "brief": {"tokens": 0, "time": _seconds(brief_s)},
                "turn": {"tokens": 0, "time": 0},
                "context": "none",
            },
            "provider": {"limits": "unlimited"},
            "failures": {"crash": 0, "bad_output": 0},
            **NOTHING_ELSE,
        }
    )
    as_seen = {"queue": group.size, "manager": "script"}
    strategy = parse_strategy(as_seen if launch is None else "parallel")
    log: list[Event] = []
    play(make_plan(scenario, strategy), Luck(scenario, 0), log)
    return wall_clock(log)


def _seconds(value: float) -> str:
    return f"{max(value, 0.0):.6f}s"
