"""Prints how many replications a second the engines play, beside an idiomatic SimPy model of the same size.

Twenty tasks of five calls, a queue of four, limits, retries and a merge; one core; medians of alternating
rounds, so that a machine whose speed drifts does not favour either.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import idiomatic_simpy
from dispatch_sim.dispatch.compiled.engine import Machine
from dispatch_sim.dispatch.compiled.flat_plan import FlatPlan
from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.plan import make_plan
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.scenario.strategy import parse_strategy

ROUNDS, REPLICATIONS = 7, 200

SCENARIO = """
tasks:
  - {name: task, count: 20, calls: 5, tokens: {lognormal: {mean: 15K, cv: 0.4}},
     duration: {lognormal: {mean: 60s, cv: 0.5}}}
"""


def rate(replication: Callable[[int], object]) -> float:
    """Return replications a second of CPU time."""
    begin = time.process_time()
    for number in range(REPLICATIONS):
        replication(number)
    return REPLICATIONS / (time.process_time() - begin)


def main() -> None:
    """Measure and print."""
    scenario = parse_scenario(SCENARIO)
    plan = make_plan(scenario, parse_strategy("queue: 4"))
    lucks = [Luck(scenario, number) for number in range(REPLICATIONS)]
    for luck in lucks:
        play(plan, luck)
    machine, flat = Machine(), FlatPlan(plan)
    machine.play_block(flat, 0, 1)  # compiles, or reads what is compiled
    peers = {
        "idiomatic SimPy": idiomatic_simpy.replication,
        "dispatch-sim, draws at hand (as in a sweep)": lambda number: play(plan, lucks[number]),
        "dispatch-sim, draws made anew": lambda number: play(plan, Luck(scenario, number)),
        "dispatch-sim, compiled (a hundred at a time)": lambda number: machine.play_block(
            flat, number * 100, 100
        ),
    }
    rates: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(ROUNDS):
        for name, replication in peers.items():
            rates[name].append(rate(replication))
    reference = statistics.median(rates["idiomatic SimPy"])
    print(f"replications a second of CPU time, median of {ROUNDS} rounds of {REPLICATIONS} (lowest, highest)")
    for name, measured in rates.items():
        if "a hundred" in name:
            measured = [100 * one for one in measured]
        median = statistics.median(measured)
        spread = f"({min(measured):,.0f}, {max(measured):,.0f})"
        print(f"{name:<45}{median:>8,.0f} {spread:<18} {median / reference:5.2f}x")


if __name__ == "__main__":
    main()
