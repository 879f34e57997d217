"""Forecasts a parallel group from the kinds and the number of its tasks alone, by a calibrated scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.log import Event
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.plan import make_plan
from dispatch_sim.logs.observations import ALL_KINDS
from dispatch_sim.logs.replay import NOTHING_ELSE, wall_clock
from dispatch_sim.scenario.coordination import Merge
from dispatch_sim.scenario.failure import Recovery, Retry
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.scenario.tasks import TaskGroup

Values = NDArray[np.float64]


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
    batch = scenario.model_copy(
        update={
            "tasks": tuple(
                group.model_copy(update={"count": counts[group.name], "after": ()})
                for group in scenario.tasks
                if counts[group.name]
            ),
            "merge": Merge.model_validate(NOTHING_ELSE["merge"]),
            "retry": Retry.model_validate(NOTHING_ELSE["retry"]),
            "recovery": Recovery.model_validate(NOTHING_ELSE["recovery"]),
            "review": None,
        }
    )
    plan = make_plan(batch, parse_strategy("parallel"))
    rows = []
    for replication in range(replications):
        luck, log = Luck(batch, replication), list[Event]()
        outcome = play(plan, luck, log)
        work_s = sum(luck.length_s(task.group, task.index) for task in plan.tasks)
        tokens = outcome.tokens_work + outcome.tokens_spawn + outcome.tokens_return + outcome.tokens_wasted
        wall_s = wall_clock(log)
        rows.append((wall_s, tokens, work_s / wall_s if wall_s > 0 else 1.0))
    wall, tokens_, speed = np.array(rows, dtype=np.float64).T
    return Forecast(wall, tokens_, speed)
