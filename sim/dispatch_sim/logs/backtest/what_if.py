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
from dispatch_sim.logs.backtest.groups import Group, Member, find_groups
from dispatch_sim.logs.backtest.simulation import NOTHING_AFTER, simulate, tasks_of
from dispatch_sim.logs.calibrate.calibration import calibrate
from dispatch_sim.logs.calibrate.observations import CalibrationError
from dispatch_sim.logs.readers.tables import Logs
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.failure import Failures, Timeouts
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from dispatch_sim.scenario.tasks import TaskGroup

PARALLEL, SEQUENTIAL = "parallel", "sequential"

ASSUMPTIONS = (
    "Every agent takes as long, and as many tokens, as it did: nothing is learnt from what came back.",
    "'sequential' runs the same agents one after another; it is not the job done without sub-agents.",
    "Launches of a group are as far apart, on average, as they were; each further turn of the coordinator "
    "takes what the scenario says.",
    "What an agent's logs do not show - calls, tokens - is the median of its kind.",
    "The cache is the scenario's: entries lapse, and agents that start together cannot read what the first "
    "writes.",
    "Time goes from the first launch to the last end, in every case; merging is left out.",
)


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """What a group would have taken, with one strategy."""

    wall_s: float
    tokens: int
    usd: float


@dataclass(frozen=True)
class WhatIf(Displayed):
    """Groups, each dispatched with several strategies.

    Attributes
    ----------
    groups : as observed.
    outcomes : by strategy, a `GroupOutcome` for each group.
    left_out : groups that could not be played, by reason.
    """

    groups: tuple[Group, ...]
    outcomes: dict[str, tuple[GroupOutcome, ...]]
    left_out: Counter[str]

    @property
    def totals(self) -> dict[str, GroupOutcome]:
        """The sum over all groups, by strategy."""
        return {
            name: GroupOutcome(
                math.fsum(outcome.wall_s for outcome in of_groups),
                sum(outcome.tokens for outcome in of_groups),
                math.fsum(outcome.usd for outcome in of_groups),
            )
            for name, of_groups in self.outcomes.items()
        }

    @property
    def frame(self) -> pd.DataFrame:
        """One row a group and strategy, with the observed wall-clock and what it would have taken."""
        return pd.DataFrame(
            [
                {
                    "group": group.name,
                    "agents": group.size,
                    "observed_wall_s": group.wall_s,
                    "strategy": name,
                    "wall_s": outcome.wall_s,
                    "tokens": outcome.tokens,
                    "usd": outcome.usd,
                }
                for name, of_groups in self.outcomes.items()
                for group, outcome in zip(self.groups, of_groups, strict=True)
            ]
        )


def what_if(logs: Logs, queue: int = 3) -> WhatIf:
    """Simulate the parallel groups of logs in parallel, through a queue, and sequentially.

    Parameters
    ----------
    logs : as `read_logs` returns them.
    queue : concurrency of the queue.

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
    outcomes = {
        name: tuple(_simulate(world, strategy) for world in worlds) for name, strategy in strategies.items()
    }
    return WhatIf(tuple(groups), outcomes, left_out)


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


def _simulate(world: Scenario, strategy: Strategy) -> GroupOutcome:
    wall_s, outcome = simulate(make_plan(world, strategy), Variates(world, 0))
    return GroupOutcome(wall_s, outcome.tokens, outcome.money_usd)
