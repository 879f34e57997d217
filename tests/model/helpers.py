"""Scenarios for the tests of one replication, and short ways to simulate them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from dispatch_sim.engine.machine import Machine
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.events import Event
from dispatch_sim.model.outcome import Outcome, outcome_of
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
NO_LIMITS = """
provider: {limits: {requests: unlimited, input_tokens: unlimited, output_tokens: unlimited}}
"""
NO_FAILURES = "failures: {crash: 0%, bad_output: 0%}\n"
NO_MERGE = "merge: {structured: {tokens: 0, time: 0s}, prose: {people: 0s}}\n"
BARE = NO_OVERHEADS + NO_LIMITS + NO_FAILURES + NO_MERGE
"""Nothing but the tasks themselves."""

PARALLEL = {"parallel": "all", "manager": "script"}
"""A barrier, and launches that take no time and no call."""


def script_queue(concurrency: int, **options: object) -> dict[str, object]:
    """Return a queue whose launches take no time and no call."""
    return {"queue": concurrency, "manager": "script", **options}


def scenario_of(*parts: str) -> Scenario:
    """Return the scenario of the parts of a file; a key of a later part replaces that of an earlier one.

    Numbers of tasks are exact, unless they have a `spread`.
    """
    tree: dict[str, Any] = {}
    for part in parts:
        _merge(tree, YAML(typ="safe", pure=True).load(part) or {})
    for group in tree["tasks"]:
        group.setdefault("spread", "0%")
    return parse_scenario(json.dumps(tree))


def _merge(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def lognormal_tasks(count: int, seed: int, calls: int = 1, interarrival: str = "0s") -> Scenario:
    """Return a scenario of tasks that only share slots, with lognormal durations of cv 1."""
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: {calls}, tokens: 1K, interarrival: {interarrival},"
        " duration: {lognormal: {mean: 60s, cv: 1}}}]",
        BARE,
        f"study: {{seed: {seed}}}",
    )


def simulate_one(
    scenario: Scenario, strategy: object, replication: int = 0, tasks: int | None = None
) -> tuple[Outcome, list[Event]]:
    """Simulate one replication; returns its outcome and its event log."""
    log: list[Event] = []
    plan = make_plan(scenario, parse_strategy(strategy), tasks)
    return simulate(plan, Variates(scenario, replication), log), log


def simulate_many(scenario: Scenario, strategy: object, replications: int) -> list[Outcome]:
    """Simulate replications by the compiled engine."""
    plan = FlatPlan(make_plan(scenario, parse_strategy(strategy)))
    return [*map(outcome_of, Machine().simulate_block(plan, 0, replications).tolist())]


def check(
    scenario: Scenario,
    strategy: object,
    *,
    starts: Mapping[str, list[float]] | None = None,
    ends: Mapping[str, list[float]] | None = None,
    **measures: float,
) -> list[Event]:
    """Assert measures of a replication, and when its events of a kind start or end; returns its log."""
    outcome, log = simulate_one(scenario, strategy)
    found = {name: getattr(outcome, name) for name in measures}
    assert found == pytest.approx(measures, rel=1e-12, abs=1e-6)
    for kind, expected in (starts or {}).items():
        assert sorted(e.start_s for e in log if e.kind == kind) == pytest.approx(expected, abs=1e-6)
    for kind, expected in (ends or {}).items():
        assert sorted(e.end_s for e in log if e.kind == kind) == pytest.approx(expected, abs=1e-6)
    return log


def limited(**limits):
    """Return rate limits, those that are not named unlimited."""
    rates = dict.fromkeys(("requests", "input_tokens", "output_tokens"), "unlimited") | limits
    return f"provider: {{limits: {{{', '.join(f'{name}: {rate}' for name, rate in rates.items())}}}}}"
