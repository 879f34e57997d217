"""Two replications of the largest batch that a scenario may have, in a process of its own; prints JSON."""

import json
import resource
import time

from batches import SCENARIOS
from dispatch_sim.engine.machine import Machine
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.plan import make_plan
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.scenario.tasks import MAX_TASKS


def _resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Simulate, and print."""
    machine = Machine()
    scenario, strategy = SCENARIOS["usual limits"], parse_strategy("queue: 4")
    machine.simulate_priced([FlatPlan(make_plan(scenario, strategy))], range(1), [scenario])
    before, begin = _resident_bytes(), time.process_time()
    plan = FlatPlan(make_plan(scenario, strategy, MAX_TASKS))
    planned, planned_s = _resident_bytes(), time.process_time() - begin
    simulated_s, resident = [], []
    for replication in range(2):
        begin = time.process_time()
        machine.simulate_priced([plan], range(replication, replication + 1), [scenario])
        simulated_s.append(time.process_time() - begin)
        resident.append(_resident_bytes())
    print(
        json.dumps(
            {
                "tasks": MAX_TASKS,
                "cpu_s": simulated_s[0],
                "cpu_s of the second": simulated_s[1],
                "cpu_s of the plan": planned_s,
                "resident bytes a task": (resident[0] - planned) / MAX_TASKS,
                "more by the second": (resident[1] - resident[0]) / MAX_TASKS,
                "resident bytes a task of the plan": (planned - before) / MAX_TASKS,
            }
        )
    )


if __name__ == "__main__":
    main()
