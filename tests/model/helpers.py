"""Scenarios for the tests of one replication, and short ways to simulate them."""

from collections.abc import Iterable, Mapping
from functools import reduce
from string import ascii_lowercase
from typing import Any

import pytest

from dispatch_sim.model.events import Event
from dispatch_sim.model.outcome import Outcome
from dispatch_sim.model.plan import make_plan
from dispatch_sim.scenario.loader import load
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import parse_strategy
from tests.conformance.cases import parsed
from tests.conformance.comparison import difference, simulate_by_simpy, simulate_compiled

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

PARALLEL = {"parallel": "all", "manager": "script"}
"""A barrier, and launches that take no time and no call."""


def script_queue(concurrency: int, **options: object) -> dict[str, object]:
    """Return a queue whose launches take no time and no call."""
    return {"queue": concurrency, "manager": "script", **options}


def scenario_of(*parts: str) -> Scenario:
    """Return the scenario of the parts of a file; a key of a later part replaces that of an earlier one.

    Groups of tasks are called a, b, c and so on, and their numbers are exact, unless they say otherwise.
    """
    return _scenario(parts, {})


def bare(*parts: str) -> Scenario:
    """Return the scenario of parts, without any overhead, limit or failure that they do not have.

    A task has one call and 1,000 tokens, unless it says otherwise.
    """
    return _scenario((BARE, *parts), {"calls": 1, "tokens": "1K"})


def _scenario(parts: Iterable[str], usual: dict[str, Any]) -> Scenario:
    tree = reduce(_merged, (parsed(part) or {} for part in parts))
    groups = [
        {"name": ascii_lowercase[number], "spread": "0%"} | usual | group
        for number, group in enumerate(tree["tasks"])
    ]
    return load(tree | {"tasks": groups}).scenario()


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {key: _merged(one.get(key), value) for key, value in other.items()}
    return other


def lognormal_tasks(count: int, seed: int, interarrival: str = "0s") -> Scenario:
    """Return a scenario of tasks that only share slots, with lognormal durations of cv 1."""
    return bare(
        f"tasks: [{{count: {count}, interarrival: {interarrival},"
        " duration: {lognormal: {mean: 60s, cv: 1}}}]",
        f"study: {{seed: {seed}}}",
    )


def simulate_one(
    scenario: Scenario, strategy: object, replication: int = 0, tasks: int | None = None
) -> tuple[Outcome, list[Event]]:
    """Simulate one replication; returns its outcome and its event log, which both engines agree on."""
    plan = make_plan(scenario, parse_strategy(strategy), tasks)
    simulated = simulate_by_simpy(plan, replication)
    assert difference(simulated, simulate_compiled(plan, replication)) == ""
    return simulated


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
    for end, moments in (("start_s", starts or {}), ("end_s", ends or {})):
        for kind, expected in moments.items():
            times = sorted(getattr(event, end) for event in log if event.kind == kind)
            assert times == pytest.approx(expected, abs=1e-6)
    return log


def limited(**limits):
    """Return rate limits, those that are not named unlimited."""
    rates = dict.fromkeys(("requests", "input_tokens", "output_tokens"), "unlimited") | limits
    return f"provider: {{limits: {{{', '.join(f'{name}: {rate}' for name, rate in rates.items())}}}}}"
