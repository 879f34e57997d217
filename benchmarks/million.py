"""Two replications of a million tasks, in a process of its own; prints what they took, as JSON."""

import json
import resource
import time

from batches import SCENARIOS
from dispatch_sim.engine.machine import Machine
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.plan import make_plan
from dispatch_sim.scenario.strategy import parse_strategy

TASKS = 1_000_000


def _resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Play, and print."""
    machine = Machine()
    scenario, strategy = SCENARIOS["usual limits"], parse_strategy("queue: 4")
    machine.simulate_block(FlatPlan(make_plan(scenario, strategy)), 0, 1)
    before, begin = _resident_bytes(), time.process_time()
    plan = FlatPlan(make_plan(scenario, strategy, TASKS))
    planned, planned_s = _resident_bytes(), time.process_time() - begin
    played_s, resident = [], []
    for replication in range(2):
        begin = time.process_time()
        machine.simulate_block(plan, replication, 1)
        played_s.append(time.process_time() - begin)
        resident.append(_resident_bytes())
    print(
        json.dumps(
            {
                "tasks": TASKS,
                "cpu_s": played_s[0],
                "cpu_s of the second": played_s[1],
                "cpu_s of the plan": planned_s,
                "resident bytes a task": (resident[0] - planned) / TASKS,
                "more by the second": (resident[1] - resident[0]) / TASKS,
                "resident bytes a task of the plan": (planned - before) / TASKS,
            }
        )
    )


if __name__ == "__main__":
    main()
