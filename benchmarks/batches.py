"""Batches of tasks: the engines and their peers, what a task costs as batches grow, and threads."""

import time
from typing import Any

import idiomatic_simpy
from dispatch_sim.engine.machine import Machine
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.loader import parse_scenario, parse_source
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.study.design import design_comparison
from dispatch_sim.study.runner import TASKS_DRAWN, simulate_design
from measuring import Peer, rates, ratio, summary

TASKS = """
tasks:
  - {name: task, count: 20, calls: 5, tokens: {lognormal: {mean: 15K, cv: 0.4}},
     duration: {lognormal: {mean: 60s, cv: 0.5}}}
"""
SCENARIOS = {
    "usual limits": parse_scenario(TASKS),
    "tight limits": parse_scenario(
        TASKS + "provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}"
    ),
}
"""An entry tier's limits, which twenty tasks hardly meet; a small account's, which refuse 2 tries in 5."""

DRAWN_AT_ONCE = TASKS_DRAWN // 20

WIDTHS = {"1": "queue: 1", "4": "queue: 4", "all": "queue: 20"}

READABLE = "dispatch-sim, SimPy engine"
READABLE_KEPT = "dispatch-sim, SimPy engine, draws at hand"
COMPILED = "dispatch-sim, compiled engine"
COMPILED_KEPT = "dispatch-sim, compiled engine, draws at hand"


def replications(rounds: int) -> dict[str, Any]:
    """Return replications a CPU second at three widths, and behind tight limits at width 4."""
    found = {}
    for limits, width in [("usual limits", width) for width in WIDTHS] + [("tight limits", "4")]:
        scenario = SCENARIOS[limits]
        plan = make_plan(scenario, parse_strategy(WIDTHS[width]))
        lucks = [Variates(scenario, number) for number in range(60)]
        for luck in lucks:
            simulate(plan, luck)
        machine, kept = Machine(), Machine()
        plans, scenarios = [FlatPlan(plan)], [scenario]
        kept.share(plans, range(DRAWN_AT_ONCE))
        kept.simulate_priced(plans, range(DRAWN_AT_ONCE), scenarios)
        agents = 20 if width == "all" else int(width)
        peers = {
            READABLE: Peer(lambda p=plan, s=scenario: [simulate(p, Variates(s, n)) for n in range(60)], 60),
            READABLE_KEPT: Peer(lambda p=plan, drawn=lucks: [simulate(p, luck) for luck in drawn], 60),
            COMPILED: Peer(
                lambda m=machine, p=plans, s=scenarios: m.simulate_priced(p, range(3000), s), 3000
            ),
            COMPILED_KEPT: Peer(
                lambda m=kept, p=plans, s=scenarios: [
                    m.simulate_priced(p, range(DRAWN_AT_ONCE), s) for _ in range(15)
                ],
                15 * DRAWN_AT_ONCE,
            ),
        }
        if limits == "usual limits":
            peers["idiomatic SimPy"] = Peer(
                lambda w=agents: [idiomatic_simpy.replication(n, w) for n in range(100)], 100
            )
        measured = rates(peers, rounds)
        found[f"{width}, {limits}"] = {
            "rates": summary(measured),
            "compiled to": {name: ratio(measured[COMPILED], of) for name, of in measured.items()},
            "draws at hand": ratio(measured[COMPILED_KEPT], measured[READABLE_KEPT]),
        }
    return found


def growth(rounds: int) -> dict[str, Any]:
    """Return microseconds of CPU time a task in batches of several sizes, in a queue of 4."""
    peers, scenario = {}, SCENARIOS["usual limits"]
    for tasks in (20, 200, 2000, 20_000):
        count = max(3, 60_000 // tasks)
        flat = FlatPlan(make_plan(scenario, parse_strategy("queue: 4"), tasks))
        machine = Machine()
        peers[str(tasks)] = Peer(
            lambda m=machine, f=flat, n=count: m.simulate_priced([f], range(n), [scenario]), tasks * count
        )
    measured = rates(peers, rounds)
    return {
        "us a task": {name: 1e6 / of["median"] for name, of in summary(measured).items()},
        "to 20 tasks": {name: ratio(measured["20"], of) for name, of in measured.items()},
    }


def threads(rounds: int) -> dict[str, Any]:
    """Return what two threads play to one, by the clock, in a study of twenty widths."""
    count = 1500
    design = design_comparison(
        parse_source(TASKS + f"strategies: ['queue: 4']\nengine: compiled\nstudy: {{replications: {count}}}")
    )
    measured = rates(
        {
            "one": Peer(lambda: simulate_design(design, 1), count * design.points),
            "two": Peer(lambda: simulate_design(design, 2), count * design.points),
        },
        rounds,
        time.perf_counter,
    )
    return {"rates": summary(measured), "two to one": ratio(measured["two"], measured["one"])}
