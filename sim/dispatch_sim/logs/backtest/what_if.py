"""Observed groups under another strategy: time, tokens and dollars.

Each agent takes its observed time and tokens. The model decides when each agent starts, what the coordinator
does in between, and what can be read from the cache.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass

import pandas as pd

from dispatch_sim.display import Displayed
from dispatch_sim.logs.backtest.groups import Group, Member, find_groups, no_groups
from dispatch_sim.logs.backtest.simulation import NOTHING_AFTER_RETURN, simulate, tasks_of
from dispatch_sim.logs.calibrate.calibration import calibrate
from dispatch_sim.logs.calibrate.observations import CalibrationError
from dispatch_sim.logs.readers.tables import Logs
from dispatch_sim.model.plan import make_plan
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.failure import Failures, Timeouts
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from dispatch_sim.scenario.tasks import TaskGroup

ASSUMPTIONS = (
    "'sequential' means the same agents, one after another. It does not mean one agent that does the job "
    "without sub-agents.",
    "Every agent takes its observed time and tokens, whatever earlier agents returned.",
    "Launches of a group are as far apart, on average, as observed; each further turn of the coordinator "
    "takes the scenario's time.",
    "Calls and tokens that the logs do not show are the median of the agent's kind.",
    "The cache is the scenario's: entries expire, and agents that start together cannot read what the first "
    "one writes.",
    "Times are from the first launch to the last end, without merging.",
)


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """Simulated outcome of a group under one strategy."""

    wall_s: float
    tokens: int
    usd: float


@dataclass(frozen=True)
class WhatIf(Displayed):
    """Observed groups under several strategies.

    Attributes
    ----------
    groups : as observed.
    outcomes : by strategy, a `GroupOutcome` for each group.
    left_out : groups that could not be simulated, by reason.
    """

    groups: tuple[Group, ...]
    outcomes: dict[str, tuple[GroupOutcome, ...]]
    left_out: Counter[str]

    @property
    def totals(self) -> dict[str, GroupOutcome]:
        """The sum over all groups, by strategy."""
        return {
            strategy: GroupOutcome(
                math.fsum(outcome.wall_s for outcome in outcomes),
                sum(outcome.tokens for outcome in outcomes),
                math.fsum(outcome.usd for outcome in outcomes),
            )
            for strategy, outcomes in self.outcomes.items()
        }

    @property
    def frame(self) -> pd.DataFrame:
        """One row a group and strategy, with the observed wall-clock and the simulated outcome."""
        return pd.DataFrame(
            [
                {
                    "group": group.name,
                    "agents": group.size,
                    "observed_wall_s": group.wall_s,
                    "strategy": strategy,
                    **asdict(outcome),
                }
                for strategy, outcomes in self.outcomes.items()
                for group, outcome in zip(self.groups, outcomes, strict=True)
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
        If no group can be simulated.
    """
    found, left_out = find_groups(logs)
    calibrated = calibrate(logs, intervals=False).scenario
    groups = [group for group in found if all(tasks_of(calibrated, kind) for kind in group.kinds)]
    if len(groups) < len(found):
        left_out["no run of the kind of one of its agents has completed"] += len(found) - len(groups)
    if not groups:
        raise CalibrationError(no_groups(left_out))
    scenarios = [_scenario(group, calibrated) for group in groups]
    strategies = (parse_strategy("parallel"), parse_strategy({"queue": queue}), parse_strategy("sequential"))
    outcomes = {str(each): tuple(_simulate(scenario, each) for scenario in scenarios) for each in strategies}
    return WhatIf(tuple(groups), outcomes, left_out)


def _scenario(group: Group, calibrated: Scenario) -> Scenario:
    """Return the scenario of a group: its observed figures, and the calibrated ones for all else.

    The calibrated scenario has tasks for all of its kinds.
    """
    spawn, return_, brief = calibrated.dispatch.spawn, calibrated.dispatch.return_, calibrated.dispatch.brief
    spawn_tokens = _mean([member.spawn_tokens for member in group.members], spawn.tokens)
    return_tokens = _mean([member.return_tokens for member in group.members], return_.tokens)
    dispatch = calibrated.dispatch.model_copy(
        update={
            "spawn": spawn.model_copy(update={"tokens": spawn_tokens, "time": Constant(0.0)}),
            "return_": return_.model_copy(update={"tokens": return_tokens, "time": Constant(0.0)}),
            "brief": brief.model_copy(update={"time": group.gap_s}),
        }
    )
    tasks = tuple(
        _task(number, member, kind)
        for number, member in enumerate(group.members, 1)
        if (kind := tasks_of(calibrated, member.kind)) is not None
    )
    return calibrated.model_copy(
        update={
            "tasks": tasks,
            "dispatch": dispatch,
            "failures": Failures(crash=0.0, bad_output=0.0),
            "timeouts": Timeouts(),
            **NOTHING_AFTER_RETURN,
        }
    )


def _task(number: int, member: Member, kind: TaskGroup) -> TaskGroup:
    output_share = kind.output_share
    if member.work_tokens > 0 and member.output_tokens > 0:
        output_share = min(member.output_tokens / member.work_tokens, 1.0)
    return kind.model_copy(
        update={
            "name": f"run-{number}",
            "count": 1,
            "calls": _known_or_median(member.calls, kind.calls),
            "tokens": _known_or_median(member.work_tokens, kind.tokens),
            "output_share": output_share,
            "duration": Constant(member.busy_s),
        }
    )


def _known_or_median(value: float, distribution: Distribution) -> Distribution:
    return Constant(distribution.quantile(0.5) if math.isnan(value) else max(value, 0.0))


def _mean(values: list[float], distribution: Distribution) -> Distribution:
    """Return the mean of the known values, since a scenario has one for all tasks; without any the median."""
    known = [value for value in values if not math.isnan(value)]
    return Constant(math.fsum(known) / len(known) if known else distribution.quantile(0.5))


def _simulate(scenario: Scenario, strategy: Strategy) -> GroupOutcome:
    wall_s, outcome = simulate(make_plan(scenario, strategy), 0)
    return GroupOutcome(wall_s, outcome.tokens, outcome.money_usd)
