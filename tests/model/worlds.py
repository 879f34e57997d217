"""Scenarios for the tests of one replication, and short ways to play them."""

from __future__ import annotations

from dispatch_sim.engine.machine import Machine, outcome_of
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.accounting import Outcome
from dispatch_sim.model.events import Event
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import parse_strategy

NO_OVERHEADS = """
dispatch: {spawn: {tokens: 0, time: 0s}, return: {tokens: 0, time: 0s},
           brief: {tokens: 0, time: 0s}, turn: {tokens: 0, time: 0s}, context: none}
"""
NO_LIMITS = "provider: {limits: unlimited}\n"
NO_FAILURES = "failures: {crash: 0%, bad_output: 0%}\n"
NO_MERGE = "merge: {structured: {tokens: 0, time: 0s}, prose: {people: 0s}}\n"
BARE = NO_OVERHEADS + NO_LIMITS + NO_FAILURES + NO_MERGE
"""Nothing but the tasks themselves."""

ALL_AT_ONCE = {"parallel": "all", "manager": "script"}
"""A barrier, and hand-outs that take no time and no call."""


def scenario_of(*parts: str) -> Scenario:
    """Return the scenario that the parts of a file make together."""
    return parse_scenario("\n".join(parts))


def simulate_one(
    scenario: Scenario, strategy: object, replication: int = 0, tasks: int | None = None
) -> tuple[Outcome, list[Event]]:
    """Play one replication; returns its outcome and its event log."""
    log: list[Event] = []
    plan = make_plan(scenario, parse_strategy(strategy), tasks)
    return simulate(plan, Variates(scenario, replication), log), log


def play_many(scenario: Scenario, strategy: object, replications: int) -> list[Outcome]:
    """Play many replications, by the compiled engine."""
    plan = FlatPlan(make_plan(scenario, parse_strategy(strategy)))
    return [*map(outcome_of, Machine().simulate_block(plan, 0, replications))]


def script_queue(width: int, **options: object) -> dict[str, object]:
    """Return a queue whose hand-outs take no time and no call."""
    return {"queue": width, "manager": "script", **options}


def overheads(**costs: str) -> str:
    """Return what dispatch costs, by key (`return_` for `return`); what is not given costs nothing."""
    named = {key.rstrip("_"): cost for key, cost in costs.items()}
    all_costs = dict.fromkeys(("spawn", "return", "brief", "turn"), "{tokens: 0, time: 0s}") | named
    all_costs.setdefault("context", "none")
    return f"dispatch: {{{', '.join(f'{key}: {cost}' for key, cost in all_costs.items())}}}"
