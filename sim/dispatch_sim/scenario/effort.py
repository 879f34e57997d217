"""How much work a replication may be, so that one that would take for ever is refused."""

from __future__ import annotations

from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.tasks import whole_calls

MOST_TRIES = 3e7
"""Most tries of model calls that a replication may typically make if all goes wrong: minutes of work."""


def problems(scenario: Scenario) -> list[Finding]:
    """Return an error if a replication may be too much work."""
    tries = most_tries(scenario)
    if tries <= MOST_TRIES:
        return []
    message = (
        f"one replication may make {tries:.2g} tries of model calls (tasks x calls x attempts x tries),"
        f" more than {MOST_TRIES:.0e}; lower count, calls, retry.max_attempts or client.retries"
    )
    return [Finding(("tasks",), message)]


def most_tries(scenario: Scenario) -> float:
    """Return how many tries of model calls a replication makes if all tries are refused and attempts fail."""
    calls = sum(group.count * whole_calls(group.calls.quantile(0.5)) for group in scenario.tasks)
    return calls * _attempts(scenario) * (1 + scenario.client.retries)


def _attempts(scenario: Scenario) -> float:
    """Return how often each task may be attempted."""
    retry = scenario.retry
    again = 0.0 if retry.policy == "none" else float(retry.max_attempts - 1)
    if retry.policy == "cascade":
        # Each failure of a task has the others attempted again as well, those not yet merged.
        again = min(again * scenario.batch_size, _failures_of_a_round(scenario))
    attempts = 1 + again
    kinds = [strategy.communication or scenario.communication.kind for strategy in scenario.strategies]
    if "rounds" in kinds:
        attempts *= 2
    if scenario.failures.bad_brief:
        attempts *= 2  # all is done again, once
    return attempts


def _failures_of_a_round(scenario: Scenario) -> float:
    """Return how often a round of all tasks is expected to fail before it passes without any failure."""
    failures = scenario.failures
    sound = (1 - failures.crash) * (1 - failures.bad_output) * (1 - failures.hang)
    passes = sound**scenario.batch_size
    return 1 / passes - 1 if passes > 1e-12 else 1e12
