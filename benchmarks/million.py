"""A replication of a million tasks, in a process of its own; prints what it took, as JSON."""

from __future__ import annotations

import json
import resource
import time

from batches import SCENARIOS
from dispatch_sim.dispatch.compiled.engine import Machine, outcome_of
from dispatch_sim.dispatch.compiled.flat_plan import FlatPlan
from dispatch_sim.dispatch.plan import make_plan
from dispatch_sim.scenario.strategy import parse_strategy

TASKS = 1_000_000


def _resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Play, and print."""
    machine = Machine()
    scenario, strategy = SCENARIOS["usual limits"], parse_strategy("queue: 4")
    machine.play_block(FlatPlan(make_plan(scenario, strategy)), 0, 1)
    before, begin = _resident_bytes(), time.process_time()
    plan = FlatPlan(make_plan(scenario, strategy, TASKS))
    planned, planned_s = _resident_bytes(), time.process_time() - begin
    begin = time.process_time()
    outcome = outcome_of(machine.play_block(plan, 0, 1)[0])
    print(
        json.dumps(
            {
                "tasks": TASKS,
                "cpu_s": time.process_time() - begin,
                "cpu_s of the plan": planned_s,
                "makespan_s": outcome.makespan_s,
                "resident bytes a task": (_resident_bytes() - planned) / TASKS,
                "resident bytes a task of the plan": (planned - before) / TASKS,
            }
        )
    )


if __name__ == "__main__":
    main()
