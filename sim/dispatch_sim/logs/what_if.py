"""What observed groups would have taken, dispatched another way: in time, tokens and dollars.

Each agent works as long as it did, on as many tokens as it did; only who starts when, what the coordinator
does in between, and what can be read from the cache is the model's.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from dispatch_sim.display import Displayed
from dispatch_sim.logs.calibration import calibrate
from dispatch_sim.logs.groups import Group, Member, find_groups
from dispatch_sim.logs.observations import CalibrationError
from dispatch_sim.logs.simulated import NOTHING_AFTER, simulate, tasks_of
from dispatch_sim.logs.tables import Logs
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.failure import Failures, Timeouts
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from dispatch_sim.scenario.tasks import TaskGroup

PARALLEL, SEQUENTIAL = "all at once", "one by one"

ASSUMPTIONS = (
    "Every agent takes as long, and as many tokens, as it did: nothing is learnt from what came back.",
    "'One by one' dispatches the same agents one after another; it is not the job done without sub-agents.",
    "Launches of a group are as far apart, on average, as they were; each further turn of the coordinator "
    "takes what the scenario says.",
    "What an agent's logs do not show - calls, tokens - is the median of its kind.",
    "The cache is the scenario's: entries lapse, and agents that start together cannot read what the first "
    "writes.",
    "Time goes from the first launch to the last end, in every case; merging is left out.",
)


@dataclass(frozen=True, slots=True)
class Way:
    """What a group would have taken, dispatched one way."""

    wall_s: float
    tokens: int
    usd: float


@dataclass(frozen=True)
class WhatIf(Displayed):
    """Groups, each dispatched several ways.

    Attributes
    ----------
    groups : as observed.
    ways : by name, a `Way` for each group.
    left_out : groups that could not be played, by reason.
    """

    groups: tuple[Group, ...]
    ways: dict[str, tuple[Way, ...]]
    left_out: Counter[str]

    @property
    def totals(self) -> dict[str, Way]:
        """The sum over all groups, by way."""
        return {
            name: Way(
                math.fsum(way.wall_s for way in ways),
                sum(way.tokens for way in ways),
                math.fsum(way.usd for way in ways),
            )
            for name, ways in self.ways.items()
        }

    @property
    def frame(self) -> pd.DataFrame:
        """One row a group and way: group, agents, way, observed wall-clock, and what it would have taken."""
        return pd.DataFrame(
            [
                {
                    "group": group.name,
                    "agents": group.size,
                    "observed_wall_s": group.wall_s,
                    "way": name,
                    "wall_s": way.wall_s,
                    "tokens": way.tokens,
                    "usd": way.usd,
                }
                for name, ways in self.ways.items()
                for group, way in zip(self.groups, ways, strict=True)
            ]
        )


def what_if(logs: Logs, queue: int = 3) -> WhatIf:
    """Play the parallel groups of logs all at once, through a queue, and one by one.

    Parameters
    ----------
    logs : as `read_logs` returns them.
    queue : width of the queue.

    Raises
    ------
    CalibrationError
        Where there is no group that can be played.
    """
    groups, left_out = find_groups(logs)
    if not groups:
        raise CalibrationError(
            "no parallel group in these logs can be played: there is nothing to do otherwise"
        )
    known = calibrate(logs, intervals=False)
    strategies = {
        PARALLEL: parse_strategy("parallel"),
        f"queue of {queue}": parse_strategy({"queue": queue}),
        SEQUENTIAL: parse_strategy("sequential"),
    }
    worlds = [_world(group, known.scenario) for group in groups]
    ways = {name: tuple(_play(world, way) for world in worlds) for name, way in strategies.items()}
    return WhatIf(tuple(groups), ways, left_out)


def _world(group: Group, scenario: Scenario) -> Scenario:
    """Return the scenario of a group: what was observed of it, and for all else what was calibrated."""
    spawn, return_, brief = scenario.dispatch.spawn, scenario.dispatch.return_, scenario.dispatch.brief
    begun = _mean([member.spawn_tokens for member in group.members], spawn.tokens)
    came_back = _mean([member.return_tokens for member in group.members], return_.tokens)
    dispatch = scenario.dispatch.model_copy(
        update={
            "spawn": spawn.model_copy(update={"tokens": begun, "time": Constant(0.0)}),
            "return_": return_.model_copy(update={"tokens": came_back, "time": Constant(0.0)}),
            "brief": brief.model_copy(update={"time": group.gap_s}),
        }
    )
    tasks = tuple(
        _task(number, member, tasks_of(scenario, member.kind) or scenario.tasks[0])
        for number, member in enumerate(group.members, 1)
    )
    return scenario.model_copy(
        update={
            "tasks": tasks,
            "dispatch": dispatch,
            "failures": Failures(crash=0.0, bad_output=0.0),
            "timeouts": Timeouts(),
            **NOTHING_AFTER,
        }
    )


def _task(number: int, member: Member, kind: TaskGroup) -> TaskGroup:
    share = kind.output_share
    if member.work_tokens > 0 and member.output_tokens > 0:
        share = min(member.output_tokens / member.work_tokens, 1.0)
    return kind.model_copy(
        update={
            "name": f"run-{number}",
            "count": 1,
            "calls": _or_median(member.calls, kind.calls),
            "tokens": _or_median(member.work_tokens, kind.tokens),
            "output_share": share,
            "duration": Constant(member.busy_s),
        }
    )


def _or_median(seen: float, distribution: Distribution) -> Distribution:
    return Constant(distribution.quantile(0.5) if math.isnan(seen) else max(seen, 0.0))


def _mean(seen: list[float], distribution: Distribution) -> Distribution:
    """Return the mean of what is seen, which a group's members share: the scenario has one for all."""
    there = [value for value in seen if not math.isnan(value)]
    return Constant(math.fsum(there) / len(there) if there else distribution.quantile(0.5))


def _play(world: Scenario, strategy: Strategy) -> Way:
    wall_s, outcome = simulate(make_plan(world, strategy), Variates(world, 0))
    return Way(wall_s, outcome.tokens, outcome.money_usd)
