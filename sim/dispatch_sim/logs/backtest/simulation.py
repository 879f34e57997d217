"""Simulates parallel groups by the dispatch model: as observed, and from the kinds of their agents alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.logs.backtest.groups import Group
from dispatch_sim.logs.calibrate.observations import ALL_KINDS
from dispatch_sim.model import simulation
from dispatch_sim.model.accounting import Outcome
from dispatch_sim.model.events import Activity, Event
from dispatch_sim.model.plan import Plan, make_plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.coordination import Dispatch, Merge
from dispatch_sim.scenario.failure import Recovery, Retry
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.scenario.tasks import TaskGroup

Values = NDArray[np.float64]

_AT_WORK = frozenset(
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

NOTHING_AFTER: dict[str, Any] = {
    "merge": Merge.model_validate({"structured": {"tokens": 0, "time": 0}}),
    "retry": Retry.model_validate({"policy": "none"}),
    "recovery": Recovery.model_validate({"people": 0}),
    "review": None,
}
"""Sections of a scenario without what comes after an agent's return: that is not in a group's wall-clock."""


def simulate(plan: Plan, luck: Variates) -> tuple[float, Outcome]:
    """Return a replication's wall-clock and outcome.

    The wall-clock goes from the first launch to the end of the last agent's first attempt, in seconds. This
    is what a log shows: the coordinator's message ends with the first call as it begins to write the next,
    and what it does with the results is not in it.
    """
    log: list[Event] = []
    outcome = simulation.simulate(plan, luck, log)
    first, last = float("inf"), 0.0
    for event in log:
        if event.attempt == 1:
            if event.kind is Activity.LAUNCH:
                first = min(first, event.start_s)
            elif event.kind in _AT_WORK:
                last = max(last, event.end_s)
    return last - first, outcome


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
        }
    ).model_copy(update=NOTHING_AFTER)
    as_seen = {"queue": group.size, "manager": "script"}
    strategy = parse_strategy(as_seen if launch is None else "parallel")
    return simulate(make_plan(scenario, strategy), Variates(scenario, 0))[0]


def _seconds(value: float) -> str:
    return f"{max(value, 0.0):.6f}s"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the model expects of a group: a value a replication.

    Attributes
    ----------
    wall_s : from the first launch to the last end.
    tokens : of all its agents, each counted once.
    speed_up : what its agents' work takes together, over the wall-clock.
    """

    wall_s: Values
    tokens: Values
    speed_up: Values


def tasks_of(scenario: Scenario, kind: str) -> TaskGroup | None:
    """Return the scenario's tasks for a kind: of its name, else for all kinds; None without either."""
    by_name = {group.name: group for group in scenario.tasks}
    return by_name.get(kind, by_name.get(ALL_KINDS))


def forecast(scenario: Scenario, kinds: Sequence[str], replications: int) -> Forecast:
    """Simulate a batch of tasks of these kinds in parallel, as often as asked for.

    Parameters
    ----------
    scenario : calibrated, or the user's own; it has tasks for each kind, by `tasks_of`.
    kinds : of each task.
    replications : how often.
    """
    counts = Counter(group.name for kind in kinds if (group := tasks_of(scenario, kind)) is not None)
    tasks = tuple(
        group.model_copy(update={"count": counts[group.name], "after": ()})
        for group in scenario.tasks
        if counts[group.name]
    )
    batch = scenario.model_copy(update={"tasks": tasks, **NOTHING_AFTER})
    plan = make_plan(batch, parse_strategy("parallel"))
    rows = []
    for replication in range(replications):
        luck = Variates(batch, replication)
        wall_s, outcome = simulate(plan, luck)
        work_s = sum(luck.length_s(task.group, task.index) for task in plan.tasks)
        tokens = outcome.tokens_work + outcome.tokens_spawn + outcome.tokens_return + outcome.tokens_wasted
        rows.append((wall_s, tokens, work_s / wall_s if wall_s > 0 else 1.0))
    wall, tokens_, speed = np.array(rows, dtype=np.float64).T
    return Forecast(wall, tokens_, speed)
