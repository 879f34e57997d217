"""Checks across the keys of a scenario: errors in what cannot be simulated. `warnings` has likely mistakes.

A model call that needs more input tokens than the bucket can hold is never admitted. In an attempt with W
work tokens and n calls, each call sends W (1 - output share) / n new input tokens. The first call is checked,
as it sends the spawn prompt as well. The coordinator's calls are always admitted, and take the whole bucket.
"""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.formats import format_duration, format_tokens
from dispatch_sim.scenario.indifference import EXAMPLES, UNITS
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import MOST_PROBLEMS, Finding
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.tasks import MAX_CALLS, MAX_TASKS, TaskGroup, whole_calls
from dispatch_sim.scenario.wording import Path, shown, unknown, word

MOST_REQUESTS = 3e7
"""Most request attempts that a replication may make in the worst case: minutes of work."""

TO_ADMIT = "raise provider.limits.input_tokens, scale or burst, or lower tokens or dispatch.spawn.tokens"
"""What to do about a call that needs more than the bucket holds."""


def problems(scenario: Scenario, invalid: list[Path]) -> Iterator[Finding]:
    """Yield what makes the scenario impossible to simulate.

    `invalid` are the paths of keys that are invalid by themselves, and have been left out: checks that depend
    on them are skipped.
    """
    if any(path[-1:] == ("profile",) for path in invalid):  # it may have stated anything
        return
    keys = [tuple(part for part in path if isinstance(part, str)) for path in invalid]
    for check, needed in _NEEDED.items():
        needs = [tuple(key.split(".")) for key in needed]
        if not any(_is_within(key, need) or _is_within(need, key) for key in keys for need in needs):
            for finding in check(scenario):
                if not any(_is_within(finding.path, path) for path in invalid):
                    yield finding


def _is_within(path: Path, section: Path) -> bool:
    return path[: len(section)] == section


def _tasks(scenario: Scenario) -> Iterator[Finding]:
    if scenario.batch_size > MAX_TASKS:
        message = (
            f"the batch has {scenario.batch_size:,} tasks; at most {MAX_TASKS:,} are simulated, lower count"
        )
        yield Finding(("tasks",), message)
    seen: set[str] = set()
    for index, group in enumerate(scenario.tasks):
        if group.name in seen:
            message = f"another group of tasks is called {shown(group.name)}; names must differ"
            yield Finding(("tasks", index, "name"), message)
        seen.add(group.name)
        median = group.calls.quantile(0.5)
        if median > MAX_CALLS:
            message = (
                f"an attempt makes {median:,.0f} calls in the median; at most {MAX_CALLS:,} are simulated,"
                " write fewer"
            )
            yield Finding(("tasks", index, "calls"), message)


def strategies(scenario: Scenario) -> Iterator[Finding]:
    """Yield the strategies, and their options, that are repeated or do not fit the environment."""
    for index, strategy in enumerate(scenario.strategies):
        here = ("strategies", index)
        if strategy in scenario.strategies[:index]:
            yield Finding(here, "this strategy is repeated; remove one")
        if scenario.provider.cache is None and strategy.warm_up != "none":
            message = "warms a timed cache; write provider.cache: {ttl: 5m}, or remove it"
            yield Finding((*here, "warm_up"), message)
        elif scenario.dispatch.spawn.fork and strategy.warm_up != "none":
            message = "has no effect: agents start with the coordinator's context (spawn.fork); remove it"
            yield Finding((*here, "warm_up"), message)
        if scenario.provider.on_limit == "wait" and strategy.pace != "none":
            message = "the provider holds calls back itself (provider.on_limit: wait); remove one of the two"
            yield Finding((*here, "pace"), message)
        if scenario.dispatch.context is None and strategy.kind == "solo":
            message = (
                "works in the coordinator's context, and dispatch.context is none; remove one of the two"
            )
            yield Finding(here, message)


def _forks(scenario: Scenario) -> Iterator[Finding]:
    if scenario.dispatch.spawn.fork and scenario.dispatch.context is None:
        message = "starts agents with the coordinator's context; write dispatch.context: {start: 20K}"
        yield Finding(("dispatch", "spawn", "fork"), message)


def _times(scenario: Scenario) -> Iterator[Finding]:
    latency = scenario.provider.latency
    for index, group in enumerate(scenario.tasks):
        here = ("tasks", index)
        if latency is None and group.duration is None:
            message = "the key 'duration' is missing; add it, for example duration: 60s"
            yield Finding((*here, "duration"), message)
        if latency is not None and group.duration is not None:
            message = "provider.latency gives the time of calls; write tool_time instead, or remove it"
            yield Finding((*here, "duration"), message)
        if latency is None and group.tool_time != Constant(0.0):
            message = "is a part of duration, unless provider.latency gives the time of calls; remove it"
            yield Finding((*here, "tool_time"), message)


def _hangs(scenario: Scenario) -> Iterator[Finding]:
    if scenario.failures.hang and scenario.timeouts.hard is None:
        message = "an agent that hangs never ends by itself; write timeouts: {hard: 15m} as well"
        yield Finding(("failures", "hang"), message)


def _indifference(scenario: Scenario) -> Iterator[Finding]:
    threshold, objective = scenario.study.indifference, scenario.objective.minimise
    if "indifference" in scenario.study.model_fields_set and not threshold.fits(objective):
        unit = UNITS[objective]
        message = (
            f"is in {threshold.unit}, but {objective} is minimised, in {unit}; write {EXAMPLES[unit]} or 1%"
        )
        yield Finding(("study", "indifference"), message)


def _dependencies(scenario: Scenario) -> Iterator[Finding]:
    """Yield the names in `after` that no group has, or else a cycle of groups that wait for each other."""
    after = {group.name: group.after for group in scenario.tasks}
    names = list(after)
    missing = (
        Finding(("tasks", index, "after", at), unknown("group of tasks", name, names[:100]))
        for index, group in enumerate(scenario.tasks)
        for at, name in enumerate(group.after)
        if name not in after
    )
    if found := list(islice(missing, MOST_PROBLEMS)):
        yield from found
        return
    try:
        graphlib.TopologicalSorter(after).prepare()
    except graphlib.CycleError as error:
        cycle = error.args[1][:0:-1]
        first = min(map(names.index, cycle))
        start = cycle.index(names[first])
        cycle = [*cycle[start:], *cycle[: start + 1]]
        shortened = cycle if len(cycle) <= 10 else [*cycle[:8], "...", cycle[-1]]
        steps = " -> ".join(map(word, shortened))
        message = f"tasks wait for each other: {steps}; remove one of the dependencies"
        yield Finding(("tasks", first, "after"), message)


def _effort(scenario: Scenario) -> Iterator[Finding]:
    requests = most_requests(scenario)
    if requests > MOST_REQUESTS:
        message = (
            f"one replication may make {requests:.2g} request attempts (tasks x calls x attempts x retries), "
            f"more than {MOST_REQUESTS:.0e}; lower count, calls, retry.max_attempts or client.retries"
        )
        yield Finding(("tasks",), message)


def most_requests(scenario: Scenario) -> float:
    """Return how many request attempts a replication makes if each is rate-limited and attempts fail."""
    retry, failures = scenario.retry, scenario.failures
    again = 0.0 if retry.policy == "none" else retry.max_attempts - 1.0
    if retry.policy == "cascade":
        # After a failure the other tasks are attempted again, as often as a round of all is expected to fail.
        success = (1 - failures.crash) * (1 - failures.bad_output) * (1 - failures.hang)
        passes = success**scenario.batch_size
        again = min(again * scenario.batch_size, 1 / passes - 1 if passes > 1e-12 else 1e12)
    attempts = 1 + again
    kinds = [strategy.communication or scenario.communication.kind for strategy in scenario.strategies]
    attempts *= (2 if "rounds" in kinds else 1) * (2 if failures.bad_brief else 1)
    calls = sum(group.count * whole_calls(group.calls.quantile(0.5)) for group in scenario.tasks)
    return calls * attempts * (1 + scenario.client.retries)


def _never_admitted(scenario: Scenario) -> Iterator[Finding]:
    """Yield the calls that need more than a bucket can hold, whatever the random variates."""
    limits, accounting = scenario.provider.limits, scenario.provider.accounting
    requests = limits.capacity(limits.requests)
    if requests < 1:
        message = (
            f"the bucket holds {requests:.3g} requests ({bucket(scenario, limits.requests)}), so no call"
            " is ever admitted; raise requests, scale or burst until it holds 1"
        )
        yield Finding(("provider", "limits", "requests"), message)
    capacity = limits.capacity(limits.input_tokens)
    for index, group in enumerate(scenario.tasks):
        least = _least_need(scenario, group)
        if least > capacity:
            message = (
                f"the first call of {shown(group.name)} needs at least {format_tokens(least)} input tokens at"
                f" once, and the bucket holds {format_tokens(capacity)}"
                f" ({bucket(scenario, limits.input_tokens)}), so it is never admitted; {TO_ADMIT}"
            )
            yield Finding(("tasks", index, "tokens"), message)
    capacity = limits.capacity(limits.output_tokens)
    if accounting.output == "reserved" and accounting.max_tokens > capacity:
        message = (
            f"each call reserves {format_tokens(accounting.max_tokens)} output tokens, and the bucket holds"
            f" {format_tokens(capacity)} ({bucket(scenario, limits.output_tokens)}), so no call is ever"
            " admitted; lower it, or raise provider.limits.output_tokens, scale or burst"
        )
        yield Finding(("provider", "accounting", "max_tokens"), message)


def _least_need(scenario: Scenario, group: TaskGroup) -> int:
    """Return the fewest input tokens that a first call of the group can need."""
    work = whole(group.tokens.support[0])
    if scenario.dispatch.spawn.fork:
        work = whole((1 - group.common) * work)
    most_calls = whole_calls(min(group.calls.support[1], MAX_CALLS))
    new_input = (work - whole(work * group.output_share)) // most_calls
    spawn = whole(spawn_tokens(scenario).support[0])
    if scenario.provider.cache is not None and not scenario.provider.accounting.cache_reads:
        spawn -= min(spawn, whole(scenario.dispatch.spawn.shared))  # another agent may have written it
    return spawn + new_input


def spawn_tokens(scenario: Scenario) -> Distribution:
    """Return the tokens at the start of an agent's context; none where there are no agents."""
    only_solo = all(strategy.kind == "solo" for strategy in scenario.strategies)
    return Constant(0.0) if only_solo else scenario.dispatch.spawn.tokens


def bucket(scenario: Scenario, limit: float | None) -> str:
    """Return how the capacity of a bucket is computed, for messages."""
    limits = scenario.provider.limits
    return f"{format_tokens(limit or 0)}/min x scale {limits.scale:g} x burst {format_duration(limits.burst)}"


_NEEDED: Mapping[Callable[[Scenario], Iterator[Finding]], tuple[str, ...]] = {
    _tasks: (),
    strategies: ("provider.cache", "provider.on_limit", "dispatch"),
    _forks: ("dispatch.context",),
    _times: ("provider.latency",),
    _hangs: ("timeouts.hard",),
    _indifference: ("objective.minimise",),
    _dependencies: ("tasks.name",),
    _effort: ("tasks", "retry", "failures", "communication", "strategies", "client.retries"),
    _never_admitted: ("tasks", "provider", "dispatch.spawn", "strategies"),
}
"""The checks, and the keys that each depends on besides those that it reports on."""
