"""M/M/4 at a load of 0.8: what general simulators can express as well, and theory can check."""

import statistics
from collections.abc import Callable
from typing import Any

import ciw
import salabim

import idiomatic_simpy
import theory
from dispatch_sim.engine.machine import Machine
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.scenario.strategy import parse_strategy
from measuring import Peer, rates, ratio, summary

ARRIVALS, SERVICE, SERVERS = 3.2, 1.0, 4
"""A second: arrivals in all, and what one server serves."""

SCENARIO = """
tasks:
  - {name: task, calls: 1, tokens: 0, duration: {exponential: {mean: 1s}},
     interarrival: {exponential: {mean: 312.5ms}}}
dispatch: {spawn: {tokens: 0, time: 0s}, return: {tokens: 0, time: 0s}, brief: {tokens: 0, time: 0s},
           turn: {tokens: 0, time: 0s}, context: none}
provider: {limits: unlimited}
failures: {crash: 0%, bad_output: 0%}
merge: {structured: {tokens: 0, time: 0s}}
"""

COMPILED = "dispatch-sim, compiled engine"


def by_ciw(customers: int, seed: int) -> float:
    """Return the mean wait."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=ARRIVALS)],
        service_distributions=[ciw.dists.Exponential(rate=SERVICE)],
        number_of_servers=[SERVERS],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(customers, method="Finish")
    return statistics.fmean(record.waiting_time for record in simulation.get_all_records())


def by_salabim(customers: int, seed: int) -> float:
    """Return the mean wait."""
    salabim.yieldless(False)
    env = salabim.Environment(random_seed=seed, trace=False)
    servers = salabim.Resource("servers", capacity=SERVERS, env=env)
    interarrival = salabim.Exponential(1 / ARRIVALS, env=env)
    service = salabim.Exponential(1 / SERVICE, env=env)
    waited = 0.0

    class Customer(salabim.Component):
        def process(self):
            nonlocal waited
            came = env.now()
            yield self.request(servers)
            waited += env.now() - came
            yield self.hold(service.sample())
            self.release()

    class Arrivals(salabim.Component):
        def process(self):
            for _ in range(customers):
                yield self.hold(interarrival.sample())
                Customer(env=env)

    Arrivals(env=env)
    env.run()
    return waited / customers


def queues(rounds: int) -> dict[str, Any]:
    """Return customers a CPU second of each simulator, and the mean wait that it found."""
    scenario = parse_scenario(SCENARIO)
    strategy = parse_strategy({"queue": SERVERS, "manager": "script"})
    wait = MEASURES.index("wait_s")
    plan, long_plan = make_plan(scenario, strategy, 2000), make_plan(scenario, strategy, 50_000)
    machine, flat = Machine(), FlatPlan(long_plan)

    def by_compiled(n: int, seed: int) -> float:
        rows = machine.simulate_priced([flat], range(seed, seed + 1), [scenario])
        return float(rows[0, 0, 0, wait] / n)

    simulators: dict[str, tuple[Callable[[int, int], float], int]] = {
        "Ciw": (by_ciw, 4000),
        "salabim": (by_salabim, 4000),
        "SimPy": (lambda n, seed: idiomatic_simpy.queue(n, seed, ARRIVALS, SERVICE, SERVERS), 10_000),
        "dispatch-sim, SimPy engine": (
            lambda n, seed: simulate(plan, Variates(scenario, seed)).wait_s / n,
            2000,
        ),
        COMPILED: (by_compiled, 50_000),
    }
    missing = {}
    try:
        import cimba_queue

        simulators["cimba"] = (
            lambda n, seed: cimba_queue.play(n, seed, ARRIVALS),
            300_000,
        )
    except (ImportError, OSError) as error:  # it has no wheel for some platforms
        missing["cimba"] = str(error)
    waits: dict[str, list[float]] = {name: [] for name in simulators}
    peers = {
        name: Peer(lambda n=name, of=of, c=customers: waits[n].append(of(c, len(waits[n]))), customers)
        for name, (of, customers) in simulators.items()
    }
    measured = rates(peers, rounds)
    return {
        "rates": summary(measured),
        "compiled to": {name: ratio(measured[COMPILED], of) for name, of in measured.items()},
        "mean wait": {name: statistics.fmean(of) for name, of in waits.items()},
        "in theory": theory.mmc_mean_wait(ARRIVALS, 1 / SERVICE, SERVERS),
        "customers": {name: customers for name, (_, customers) in simulators.items()},
        "missing": missing,
    }
