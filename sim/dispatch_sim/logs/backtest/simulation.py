"""Simulation of parallel groups: replays as observed, and forecasts from the kinds of their agents."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.logs.backtest.groups import Group
from dispatch_sim.logs.calibrate.observations import ALL_KINDS
from dispatch_sim.model import simulation
from dispatch_sim.model.events import Activity, Event
from dispatch_sim.model.outcome import Outcome
from dispatch_sim.model.plan import Plan, make_plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.coordination import Dispatch, Merge
from dispatch_sim.scenario.failure import Recovery, Retry
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.scenario.tasks import TaskGroup
from dispatch_sim.study.engines import idle_machine

Values = NDArray[np.float64]

_AGENT_ACTIVITIES = frozenset(
    {
        Activity.SPAWN,
        Activity.CALL,
        Activity.TOOLS,
        Activity.BACKOFF,
        Activity.HANG,
        Activity.CRASH,
        Activity.TIMEOUT,
        Activity.RETURN,
    }
)

NOTHING_AFTER_RETURN: dict[str, Any] = {
    "merge": Merge.model_validate({"structured": {"tokens": 0, "time": 0}}),
    "retry": Retry.model_validate({"policy": "none"}),
    "recovery": Recovery.model_validate({"people": 0}),
    "review": None,
}
"""Sections of a scenario that turn off what follows an agent's return: a group's wall-clock leaves it out."""


def simulate(plan: Plan, replication: int) -> tuple[float, Outcome]:
    """Return a replication's wall-clock and outcome."""
    log: list[Event] = []
    outcome = simulation.simulate(plan, Variates(plan.scenario, replication), log)
    return _wall_s(log), outcome


def _wall_s(log: Sequence[Event]) -> float:
    """Return the seconds from the first launch to the end of the last agent's first attempt.

    This is the wall-clock as logs show it: they record a launch when the coordinator has written the call,
    and no merging.
    """
    first, last = math.inf, 0.0
    for event in log:
        if event.attempt == 1:
            if event.kind is Activity.LAUNCH:
                first = min(first, event.start_s)
            elif event.kind in _AGENT_ACTIVITIES:
                last = max(last, event.end_s)
    return last - first


def _simulate_all(plan: Plan, replications: int, engine: str) -> Iterator[tuple[float, Outcome]]:
    """Yield the wall-clock and the outcome of each replication."""
    if engine == "simpy":
        for replication in range(replications):
            yield simulate(plan, replication)
        return
    from dispatch_sim.engine.plan import FlatPlan

    flat = FlatPlan(plan)
    with idle_machine() as machine:
        for replication in range(replications):
            log: list[Event] = []
            outcome = machine.simulate(flat, replication, log)
            yield _wall_s(log), outcome


def replay(group: Group, launch: Dispatch | None = None) -> float:
    """Return the simulated wall-clock of a group with its durations as observed.

    Each agent is launched, and starts, at its observed time. If the usual overheads of a launch are given,
    the coordinator launches all agents in one turn with these.
    """
    as_observed = launch is None
    brief_s, spawn_s = (0.0, 0.0) if launch is None else (launch.brief.time, launch.spawn.time.quantile(0.5))
    scenario = Scenario.model_validate(
        {
            "tasks": [
                {
                    "name": f"run-{number}",
                    "calls": 1,
                    "tokens": 0,
                    "spread": 0,
                    "duration": _seconds(member.busy_s if as_observed else member.duration_s),
                    "interarrival": _seconds(member.launched_s if as_observed else 0.0),
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
        }
    ).model_copy(update=NOTHING_AFTER_RETURN)
    strategy = parse_strategy({"queue": group.size, "manager": "script"} if as_observed else "parallel")
    return simulate(make_plan(scenario, strategy), 0)[0]


def _seconds(value: float) -> str:
    return f"{max(value, 0.0):.6f}s"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of a group: a value a replication.

    Attributes
    ----------
    wall_s : from the first launch to the last end.
    tokens : of all its agents, each counted once.
    speed_up : sum of its agents' durations over the wall-clock.
    """

    wall_s: Values
    tokens: Values
    speed_up: Values


def tasks_of(scenario: Scenario, kind: str) -> TaskGroup | None:
    """Return the group of tasks for a kind: that of its name, else that of all kinds; None without either."""
    by_name = {group.name: group for group in scenario.tasks}
    return by_name.get(kind, by_name.get(ALL_KINDS))


def forecast(scenario: Scenario, kinds: Sequence[str], replications: int, engine: str = "simpy") -> Forecast:
    """Simulate one parallel task of each of the kinds; the scenario has tasks for all of them.

    The engines `simpy` and `compiled` give the same forecast.
    """
    counts = Counter(group.name for kind in kinds if (group := tasks_of(scenario, kind)) is not None)
    tasks = tuple(
        group.model_copy(update={"count": counts[group.name], "after": ()})
        for group in scenario.tasks
        if counts[group.name]
    )
    batch = scenario.model_copy(update={"tasks": tasks, **NOTHING_AFTER_RETURN})
    plan = make_plan(batch, parse_strategy("parallel"))
    rows = []
    for replication, (wall_s, outcome) in enumerate(_simulate_all(plan, replications, engine)):
        variates = Variates(batch, replication)
        work_s = sum(variates.length_s(task.group, task.index) for task in plan.tasks)
        tokens = outcome.tokens_work + outcome.tokens_spawn + outcome.tokens_return + outcome.tokens_wasted
        rows.append((wall_s, tokens, work_s / wall_s if wall_s > 0 else 1.0))
    return Forecast(*np.array(rows, dtype=np.float64).T)
