"""Scenarios that are well formed and yet impossible, or likely to be.

A model call that needs more input tokens than the bucket can ever hold is never admitted. Of an attempt
with W work tokens and n calls, a call brings W (1 - output share) / n new input; the first brings the spawn
prompt as well, so it is the first that does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator

from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.formats import format_duration, format_tokens
from dispatch_sim.scenario.model import MAX_CALLS, Scenario, TaskGroup, whole_calls
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.quantities import whole

MOST_TRIES = 3e7
"""Most tries of model calls that a replication may typically make if all goes wrong: minutes of work."""

WORTH_A_WARNING = 0.01
"""Probability of an impossible call from which `warnings` speaks."""

_GRID = 25


def problems(scenario: Scenario) -> list[Finding]:
    """Return what makes the scenario impossible to play."""
    found = _times(scenario)
    work = _most_tries(scenario)
    if work > MOST_TRIES:
        message = (
            f"one replication may make {work:.2g} tries of model calls (tasks x calls x attempts x tries),"
            f" more than {MOST_TRIES:.0e}; lower count, calls, retry.max_attempts or client.retries"
        )
        found.append(Finding(("tasks",), message))
    limits = scenario.provider.limits
    requests = limits.capacity(limits.requests)
    if requests < 1:
        found.append(
            Finding(
                ("provider", "limits", "requests"),
                f"the bucket holds {requests:.3g} requests ({_limit(scenario, limits.requests)}), so no call"
                " is ever admitted; raise requests, scale or burst until it holds 1",
            )
        )
    capacity = limits.capacity(limits.input_tokens)
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


def _most_tries(scenario: Scenario) -> float:
    """Return how many tries of model calls a replication makes if all tries are refused and attempts fail."""
    attempts = scenario.retry.max_attempts if scenario.retry.policy == "failed-only" else 1
    calls = sum(group.count * whole_calls(group.calls.quantile(0.5)) for group in scenario.tasks)
    return float(calls) * attempts * (1 + scenario.client.retries)


def _times(scenario: Scenario) -> list[Finding]:
    """Return what is wrong with how time and cache are given."""
    found = []
    latency = scenario.provider.latency
    for index, group in enumerate(scenario.tasks):
        here = ("tasks", index)
        if latency is None and group.duration is None:
            found.append(Finding(here, "duration is missing; write duration: 60s"))
        if latency is not None and group.duration is not None:
            message = (
                "provider.latency gives the time of calls already; write tool_time instead, or remove it"
            )
            found.append(Finding((*here, "duration"), message))
        if latency is None and group.tool_time != Constant(0.0):
            message = "is a part of duration, unless provider.latency gives the time of calls; remove it"
            found.append(Finding((*here, "tool_time"), message))
    if scenario.provider.cache is None:
        for index, strategy in enumerate(scenario.strategies):
            if strategy.warm_up != "none":
                message = "warms a timed cache; write provider.cache: {ttl: 5m}, or remove it"
                found.append(Finding(("strategies", index, "warm_up"), message))
    accounting, limits = scenario.provider.accounting, scenario.provider.limits
    if accounting.output == "reserved" and accounting.max_tokens > limits.capacity(limits.output_tokens):
        message = "is more than the output bucket can hold, so no call is ever admitted; lower it"
        found.append(Finding(("provider", "accounting", "max_tokens"), message))
    return found


def warnings(scenario: Scenario) -> list[Finding]:
    """Return what makes the scenario likely to fail in a way that its author may not have meant."""
    found = []
    late = next((i for i, group in enumerate(scenario.tasks) if group.interarrival != Constant(0.0)), None)
    barred = any(s.kind == "parallel" and not s.refills for s in scenario.strategies)
    if late is not None and barred:
        message = (
            "tasks arrive one after another, and parallel starts what has arrived, waits for all of that, and"
            " only then starts the rest; compare queues, or write {parallel: all, merge: as-completed}"
        )
        found.append(Finding(("tasks", late, "interarrival"), message))
    limits = scenario.provider.limits
    limit = limits.input_tokens
    spawns = tuple(_typical(scenario.dispatch.spawn.tokens)) if limit is not None else ()
    for index, group in enumerate(scenario.tasks if limit is not None else ()):
        probability = probability_of_impossible_call(scenario, group, spawns)
        if probability > WORTH_A_WARNING:
            found.append(
                Finding(
                    ("tasks", index, "tokens"),
                    f"in {probability:.0%} of its attempts the first call of {group.name!r} needs more input"
                    f" tokens at once than the bucket holds, {format_tokens(limits.capacity(limit))}"
                    f" ({_limit(scenario, limit)}); those attempts fail: raise"
                    " provider.limits.input_tokens, scale or burst, or lower tokens or dispatch.spawn.tokens",
                )
            )
    return found


def probability_of_impossible_call(
    scenario: Scenario, group: TaskGroup, spawns: tuple[float, ...] = ()
) -> float:
    """Return the probability that an attempt's first call needs more than the input bucket can hold.

    The number of calls is taken at the middles of 25 equally likely parts, and so are spawn tokens, unless
    `spawns` has such values; the work tokens come from their cdf.
    """
    limits = scenario.provider.limits
    if limits.input_tokens is None:
        return 0.0
    capacity = limits.capacity(limits.input_tokens)
    spawns = spawns or tuple(_typical(scenario.dispatch.spawn.tokens))
    calls = [whole_calls(n) for n in _typical(group.calls)]
    new_input = 1 - group.output_share
    total = 0.0
    for spawn in spawns:
        for n in calls:
            room = capacity - whole(spawn)
            if new_input * group.tokens.support[1] > 0 and room >= 0:
                total += 1 - group.tokens.cdf(room * n / new_input)
            else:
                total += room < 0
    return total / (len(spawns) * len(calls))


def _least_need(scenario: Scenario, group: TaskGroup) -> int:
    """Return the fewest input tokens that a first call of the group can need."""
    work = whole(group.tokens.support[0])
    most_calls = whole_calls(min(group.calls.support[1], MAX_CALLS))
    new_input = (work - whole(work * group.output_share)) // most_calls
    spawn = whole(scenario.dispatch.spawn.tokens.support[0])
    if scenario.provider.cache is not None and not scenario.provider.accounting.cache_reads:
        spawn -= min(spawn, whole(scenario.dispatch.spawn.shared))  # another agent may have written it
    return spawn + new_input


def _typical(distribution: Distribution) -> Iterator[float]:
    if isinstance(distribution, Constant):
        yield distribution.value
    else:
        yield from (distribution.quantile((part + 0.5) / _GRID) for part in range(_GRID))


def _limit(scenario: Scenario, limit: float | None) -> str:
    limits = scenario.provider.limits
    burst = format_duration(limits.burst)
    return f"{format_tokens(limit or 0)}/min x scale {limits.scale:g} x burst {burst}"
