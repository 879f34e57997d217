"""Scenarios that are well formed and yet impossible, or likely to be.

A model call that needs more input tokens than the bucket can ever hold is never admitted. Of an attempt
with W work tokens and n calls, a call brings W (1 - output share) / n new input; the first brings the spawn
prompt as well, so it is the first that does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator

from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.formats import format_duration, format_tokens
from dispatch_sim.scenario.model import Scenario, TaskGroup
from dispatch_sim.scenario.problems import Finding

WORTH_A_WARNING = 0.01
"""Probability of an impossible call from which `warnings` speaks."""

_GRID = 25


def problems(scenario: Scenario) -> list[Finding]:
    """Return what makes the scenario impossible to play."""
    found = []
    limits = scenario.provider.limits
    requests = _capacity(scenario, limits.requests)
    if requests is not None and requests < 1:
        found.append(
            Finding(
                ("provider", "limits", "requests"),
                f"the bucket holds {requests:.3g} requests ({_limit(scenario, limits.requests)}), so no call"
                " is ever admitted; raise requests, scale or burst until it holds 1",
            )
        )
    capacity = _capacity(scenario, limits.input_tokens)
    if capacity is None:
        return found
    for index, group in enumerate(scenario.tasks):
        least = _least_need(scenario, group)
        if least > capacity:
            found.append(
                Finding(
                    ("tasks", index, "tokens"),
                    f"the first call of {group.name!r} needs at least {format_tokens(least)} input tokens at"
                    f" once, and the bucket holds {format_tokens(capacity)}"
                    f" ({_limit(scenario, limits.input_tokens)}), so it is never admitted; raise"
                    " provider.limits.input_tokens, scale or burst, or lower tokens or dispatch.spawn.tokens",
                )
            )
    return found


def warnings(scenario: Scenario) -> list[Finding]:
    """Return what makes the scenario likely to fail in a way that its author may not have meant."""
    found = []
    limit = scenario.provider.limits.input_tokens
    capacity = _capacity(scenario, limit)
    for index, group in enumerate(scenario.tasks if capacity is not None else ()):
        probability = probability_of_impossible_call(scenario, group)
        if probability > WORTH_A_WARNING:
            found.append(
                Finding(
                    ("tasks", index, "tokens"),
                    f"in {probability:.0%} of its attempts the first call of {group.name!r} needs more input"
                    f" tokens at once than the bucket holds, {format_tokens(capacity or 0)}"
                    f" ({_limit(scenario, limit)}); those attempts fail: raise"
                    " provider.limits.input_tokens, scale or burst, or lower tokens or dispatch.spawn.tokens",
                )
            )
    return found


def probability_of_impossible_call(scenario: Scenario, group: TaskGroup) -> float:
    """Return the probability that an attempt's first call needs more than the input bucket can hold.

    Spawn tokens and the number of calls are taken at the middles of 25 equally likely parts, the work
    tokens from their cdf.
    """
    capacity = _capacity(scenario, scenario.provider.limits.input_tokens)
    if capacity is None:
        return 0.0
    spawns = list(_typical(scenario.dispatch.spawn.tokens))
    calls = [_whole_calls(n) for n in _typical(group.calls)]
    new_input = 1 - group.output_share
    total = 0.0
    for spawn in spawns:
        for n in calls:
            room = capacity - round(spawn)
            if new_input * group.tokens.support[1] > 0 and room >= 0:
                total += 1 - group.tokens.cdf(room * n / new_input)
            else:
                total += room < 0
    return total / (len(spawns) * len(calls))


def _capacity(scenario: Scenario, limit: float | None) -> float | None:
    """Return what a full bucket holds; None if there is none."""
    limits = scenario.provider.limits
    return None if limit is None else limit * limits.scale * limits.burst / 60


def _least_need(scenario: Scenario, group: TaskGroup) -> float:
    """Return the fewest input tokens that a first call of the group can need."""
    work = round(group.tokens.support[0])
    most_calls = max(1.0, group.calls.support[1])
    return round(scenario.dispatch.spawn.tokens.support[0]) + work * (1 - group.output_share) / most_calls


def _whole_calls(calls: float) -> int:
    return max(1, round(calls))


def _typical(distribution: Distribution) -> Iterator[float]:
    if isinstance(distribution, Constant):
        yield distribution.value
    else:
        yield from (distribution.quantile((part + 0.5) / _GRID) for part in range(_GRID))


def _limit(scenario: Scenario, limit: float | None) -> str:
    limits = scenario.provider.limits
    burst = format_duration(limits.burst)
    return f"{format_tokens(limit or 0)}/min x scale {limits.scale:g} x burst {burst}"
