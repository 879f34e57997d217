"""Checks of well-formed scenarios: errors in what cannot be simulated, warnings about likely mistakes.

A model call that needs more input tokens than the bucket can hold is never admitted. Of an attempt with W
work tokens and n calls, a call brings W (1 - output share) / n new input. The first call is checked, as it
brings the spawn prompt as well. The coordinator's calls are always admitted, and take the whole bucket.
"""

from __future__ import annotations

import graphlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.formats import format_duration, format_tokens
from dispatch_sim.scenario.indifference import EXAMPLES, UNITS
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import MOST_PROBLEMS, Finding
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.tasks import MAX_CALLS, TaskGroup, whole_calls
from dispatch_sim.scenario.wording import listed, shown, unknown, word

MOST_TRIES = 3e7
"""Most tries of model calls that a replication may typically make if all goes wrong: minutes of work."""

WORTH_A_WARNING = 0.01
"""Probability of a call that is never admitted from which there is a warning."""

_HARDLY_ANY = 0.1
"""Share of attempts below which a warning says that hardly any comes through."""

_GRID = 25
_RAISE = "raise provider.limits.input_tokens, scale or burst, or lower tokens or dispatch.spawn.tokens"


def problems(scenario: Scenario) -> list[Finding]:
    """Return what makes the scenario impossible to simulate."""
    checks = (_times, _caches, _hangs, _indifference, _dependencies, _effort, _never_admitted)
    return [finding for check in checks for finding in check(scenario)]


def warnings(scenario: Scenario) -> list[Finding]:
    """Return what is likely to be a mistake: keys without effect, or with another one than meant."""
    checks = (
        _arrivals,
        _timeouts,
        _writes,
        _review,
        _communication,
        _cap,
        _concurrency,
        _overloaded,
        _failures,
        _coordinator,
        _seldom_admitted,
    )
    return [finding for check in checks for finding in check(scenario)]


def _times(scenario: Scenario) -> Iterator[Finding]:
    latency = scenario.provider.latency
    for index, group in enumerate(scenario.tasks):
        here = ("tasks", index)
        if latency is None and group.duration is None:
            yield Finding(here, "duration is missing; write duration: 60s")
        if latency is not None and group.duration is not None:
            message = "provider.latency gives the time of calls; write tool_time instead, or remove it"
            yield Finding((*here, "duration"), message)
        if latency is None and group.tool_time != Constant(0.0):
            message = "is a part of duration, unless provider.latency gives the time of calls; remove it"
            yield Finding((*here, "tool_time"), message)


def _caches(scenario: Scenario) -> Iterator[Finding]:
    for index, strategy in enumerate(scenario.strategies):
        if scenario.provider.cache is None and strategy.warm_up != "none":
            message = "warms a timed cache; write provider.cache: {ttl: 5m}, or remove it"
            yield Finding(("strategies", index, "warm_up"), message)


def _hangs(scenario: Scenario) -> Iterator[Finding]:
    if scenario.failures.hang and scenario.timeouts.hard is None:
        message = "an agent that hangs never ends by itself; write timeouts: {hard: 15m} as well"
        yield Finding(("failures", "hang"), message)


def _indifference(scenario: Scenario) -> Iterator[Finding]:
    zone, objective = scenario.study.indifference, scenario.objective.minimise
    if "indifference" in scenario.study.model_fields_set and not zone.fits(objective):
        unit = UNITS[objective]
        message = f"is in {zone.unit}, but {objective} is minimised, in {unit}; write {EXAMPLES[unit]} or 1%"
        yield Finding(("study", "indifference"), message)


def _dependencies(scenario: Scenario) -> Iterator[Finding]:
    """Yield the names in `after` that no group has, or else a circle of groups that wait for each other."""
    after = {group.name: group.after for group in scenario.tasks}
    names = list(after)
    strangers = (
        Finding(("tasks", index, "after", at), unknown("group of tasks", name, names[:100]))
        for index, group in enumerate(scenario.tasks)
        for at, name in enumerate(group.after)
        if name not in after
    )
    if found := list(islice(strangers, MOST_PROBLEMS)):
        yield from found
        return
    try:
        graphlib.TopologicalSorter(after).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1][:0:-1]
        first = min(map(names.index, circle))
        start = circle.index(names[first])
        circle = [*circle[start:], *circle[: start + 1]]
        shortened = circle if len(circle) <= 10 else [*circle[:8], "...", circle[-1]]
        steps = " -> ".join(map(word, shortened))
        message = f"tasks wait for each other: {steps}; remove one of the dependencies"
        yield Finding(("tasks", first, "after"), message)


def _effort(scenario: Scenario) -> Iterator[Finding]:
    tries = most_tries(scenario)
    if tries > MOST_TRIES:
        message = (
            f"one replication may make {tries:.2g} tries of model calls (tasks x calls x attempts x tries),"
            f" more than {MOST_TRIES:.0e}; lower count, calls, retry.max_attempts or client.retries"
        )
        yield Finding(("tasks",), message)


def most_tries(scenario: Scenario) -> float:
    """Return how many tries of model calls a replication makes if all tries are refused and attempts fail."""
    retry, failures = scenario.retry, scenario.failures
    again = 0.0 if retry.policy == "none" else retry.max_attempts - 1.0
    if retry.policy == "cascade":
        # A failure has the other tasks attempted again, as often as a round of all is expected to fail.
        sound = (1 - failures.crash) * (1 - failures.bad_output) * (1 - failures.hang)
        passes = sound**scenario.batch_size
        again = min(again * scenario.batch_size, 1 / passes - 1 if passes > 1e-12 else 1e12)
    attempts = 1 + again
    kinds = [strategy.communication or scenario.communication.kind for strategy in scenario.strategies]
    attempts *= (2 if "rounds" in kinds else 1) * (2 if failures.bad_brief else 1)
    calls = sum(group.count * whole_calls(group.calls.quantile(0.5)) for group in scenario.tasks)
    return calls * attempts * (1 + scenario.client.retries)


def _never_admitted(scenario: Scenario) -> Iterator[Finding]:
    """Yield the calls that need more than a bucket can hold, whatever is drawn."""
    limits, accounting = scenario.provider.limits, scenario.provider.accounting
    requests = limits.capacity(limits.requests)
    if requests < 1:
        message = (
            f"the bucket holds {requests:.3g} requests ({_limit(scenario, limits.requests)}), so no call"
            " is ever admitted; raise requests, scale or burst until it holds 1"
        )
        yield Finding(("provider", "limits", "requests"), message)
    capacity = limits.capacity(limits.input_tokens)
    for index, group in enumerate(scenario.tasks):
        least = _least_need(scenario, group)
        if least > capacity:
            message = (
                f"the first call of {group.name!r} needs at least {format_tokens(least)} input tokens at"
                f" once, and the bucket holds {format_tokens(capacity)}"
                f" ({_limit(scenario, limits.input_tokens)}), so it is never admitted; {_RAISE}"
            )
            yield Finding(("tasks", index, "tokens"), message)
    if accounting.output == "reserved" and accounting.max_tokens > limits.capacity(limits.output_tokens):
        message = "is more than the output bucket can hold, so no call is ever admitted; lower it"
        yield Finding(("provider", "accounting", "max_tokens"), message)


def _least_need(scenario: Scenario, group: TaskGroup) -> int:
    """Return the fewest input tokens that a first call of the group can need."""
    work = whole(group.tokens.support[0])
    most_calls = whole_calls(min(group.calls.support[1], MAX_CALLS))
    new_input = (work - whole(work * group.output_share)) // most_calls
    spawn = whole(scenario.dispatch.spawn.tokens.support[0])
    if scenario.provider.cache is not None and not scenario.provider.accounting.cache_reads:
        spawn -= min(spawn, whole(scenario.dispatch.spawn.shared))  # another agent may have written it
    return spawn + new_input


def _seldom_admitted(scenario: Scenario) -> Iterator[Finding]:
    """Yield the groups of which many a first call needs more input tokens than the bucket can hold."""
    limits = scenario.provider.limits
    if limits.input_tokens is None:
        return
    capacity = limits.capacity(limits.input_tokens)
    spawns = _typical(scenario.dispatch.spawn.tokens)
    for index, group in enumerate(scenario.tasks):
        calls = [whole_calls(calls) for calls in _typical(group.calls)]
        new_input = 1 - group.output_share
        total = 0.0
        for room in (capacity - whole(spawn) for spawn in spawns):
            for n in calls:
                if new_input * group.tokens.support[1] > 0 and room >= 0:
                    total += 1 - group.tokens.cdf(room * n / new_input)
                else:
                    total += room < 0
        probability = total / (len(spawns) * len(calls))
        if probability > WORTH_A_WARNING:
            message = (
                f"in {probability:.0%} of its attempts the first call of {group.name!r} needs more input"
                f" tokens at once than the bucket holds, {format_tokens(capacity)}"
                f" ({_limit(scenario, limits.input_tokens)}); those attempts fail: {_RAISE}"
            )
            yield Finding(("tasks", index, "tokens"), message)


def _typical(distribution: Distribution) -> list[float]:
    """Return the middles of equally likely parts of a distribution."""
    if isinstance(distribution, Constant):
        return [distribution.value]
    return [distribution.quantile((part + 0.5) / _GRID) for part in range(_GRID)]


def _limit(scenario: Scenario, limit: float | None) -> str:
    limits = scenario.provider.limits
    burst = format_duration(limits.burst)
    return f"{format_tokens(limit or 0)}/min x scale {limits.scale:g} x burst {burst}"


def _coordinator(scenario: Scenario) -> Iterator[Finding]:
    """Yield a warning if a turn of the coordinator, which sends its whole context, may take a whole bucket.

    What it reads from the cache counts if the provider says so, and all of it when a timed cache has lapsed.
    """
    context, provider = scenario.dispatch.context, scenario.provider
    if context is None or (provider.cache is None and not provider.accounting.cache_reads):
        return
    per_task = scenario.dispatch.brief.tokens + scenario.dispatch.return_.tokens.mean
    largest = min(context.start + scenario.batch_size * per_task, max(context.window, context.start))
    capacity = provider.limits.capacity(provider.limits.input_tokens)
    if largest > capacity:
        when = "" if provider.accounting.cache_reads else ", when its cache has lapsed"
        message = (
            f"the coordinator's context grows to about {format_tokens(largest)}, and the bucket holds"
            f" {format_tokens(capacity)} input tokens ({_limit(scenario, provider.limits.input_tokens)}): a"
            f" turn then takes all of it{when}, and agents wait; lower start or window, or raise"
            " provider.limits.input_tokens"
        )
        yield Finding(("dispatch", "context"), message)


def _arrivals(scenario: Scenario) -> Iterator[Finding]:
    late = next((i for i, group in enumerate(scenario.tasks) if group.interarrival != Constant(0.0)), None)
    barred = any(strategy.kind == "parallel" and not strategy.refills for strategy in scenario.strategies)
    if late is not None and barred:
        message = (
            "tasks arrive one after another, and parallel starts what has arrived, waits for all of that, and"
            " only then starts the rest; compare queues, or write {parallel: all, merge: as-completed}"
        )
        yield Finding(("tasks", late, "interarrival"), message)


def _overloaded(scenario: Scenario) -> Iterator[Finding]:
    if scenario.provider.overloaded and scenario.provider.on_limit == "wait":
        message = "has no effect where tries wait in line (on_limit: wait), as a gateway keeps it from them"
        yield Finding(("provider", "overloaded"), message)


def _failures(scenario: Scenario) -> Iterator[Finding]:
    """Yield a warning where hardly any attempt comes through, as where 100% was written for 1."""
    failures = scenario.failures
    shares = {"crash": failures.crash, "hang": failures.hang, "bad_output": failures.bad_output}
    if math.prod(1 - each for each in shares.values()) < _HARDLY_ANY:
        worst = max(shares, key=lambda name: shares[name])
        share = f"{100 * shares[worst]:g}%"
        message = f"is {share}: hardly any attempt comes through, and people do the work; write less"
        yield Finding(("failures", worst), message)


def _timeouts(scenario: Scenario) -> Iterator[Finding]:
    soft, hard = scenario.timeouts.soft, scenario.timeouts.hard
    if hard is None:
        return
    if soft is not None and soft >= hard:
        message = f"no agent comes to it: the hard one ends attempts at {format_duration(hard)}; write less"
        yield Finding(("timeouts", "soft"), message)
    for group in scenario.tasks:
        usual = median_time(scenario, group)
        if hard < usual:
            message = (
                f"ends most honest work: an unimpeded attempt of {shown(group.name)} takes"
                f" {format_duration(usual)} in the median; write more"
            )
            yield Finding(("timeouts", "hard"), message)


def median_time(scenario: Scenario, group: TaskGroup) -> float:
    """Return the seconds that an unimpeded attempt of a group takes with every quantity at its median."""
    dispatch, latency = scenario.dispatch, scenario.provider.latency
    around = dispatch.spawn.time.quantile(0.5) + dispatch.return_.time.quantile(0.5)
    if group.duration is not None:
        return around + group.duration.quantile(0.5)
    if latency is None:
        return around
    calls = whole_calls(group.calls.quantile(0.5))
    work, spawn = group.tokens.quantile(0.5), dispatch.spawn.tokens.quantile(0.5)
    output = work * group.output_share
    read = (calls - 1) * (spawn + work / 2)  # each call after the first reads what came before it
    return (
        around
        + calls * latency.base
        + output * latency.per_output_token
        + (spawn + work - output) / 1000 * latency.per_uncached_ktoken
        + read / 1000 * latency.per_cached_ktoken
        + (calls - 1) * group.tool_time.quantile(0.5)
    )


def _writes(scenario: Scenario) -> Iterator[Finding]:
    writers = Counter[str]()
    for group in scenario.tasks:
        writers.update(dict.fromkeys(group.writes, group.count))
    if not writers and scenario.conflicts.model_fields_set:
        message = "no task writes anything, so this has no effect; say what tasks change: writes: [NAME]"
        yield Finding(("conflicts", min(scenario.conflicts.model_fields_set)), message)
    for index, group in enumerate(scenario.tasks):
        for name in dict.fromkeys(group.writes):
            if writers[name] == 1:
                message = (
                    f"only one task writes {shown(name)}, so nothing conflicts over it; remove it, or name it"
                    " where others do"
                )
                yield Finding(("tasks", index, "writes"), message)


def _review(scenario: Scenario) -> Iterator[Finding]:
    without = [strategy for strategy in scenario.strategies if strategy.refills]
    if scenario.review is not None and scenario.review.every == "round" and without:
        message = (
            f"{_labels(without)} has no rounds, so it is looked at at the end only; write a number, such as"
            " every: 5"
        )
        yield Finding(("review", "every"), message)


def _communication(scenario: Scenario) -> Iterator[Finding]:
    if any(group.coupling for group in scenario.tasks):
        return
    message = "no task has coupling, so this only costs; give tasks one, such as coupling: 20%, or remove it"
    for index, strategy in enumerate(scenario.strategies):
        if strategy.communication not in (None, "none"):
            yield Finding(("strategies", index, "communication"), message)
    if scenario.communication.kind != "none":
        yield Finding(("communication",), message)


def _cap(scenario: Scenario) -> Iterator[Finding]:
    cap = scenario.harness.cap
    wider = [each for each in scenario.strategies if cap is not None and _widest(scenario, each) > cap]
    if wider:
        does = "queues" if scenario.harness.over == "queue" else "refuses"
        message = (
            f"{_labels(wider)} asks for more than {cap} agents at once, and the harness {does} what is over"
            " it; write a smaller number, or a larger cap"
        )
        yield Finding(("harness", "cap"), message)


def _widest(scenario: Scenario, strategy: Strategy) -> int:
    """Return the largest concurrency at which a strategy is simulated for the batch as written."""
    swept = max(scenario.sweep.concurrency) if strategy.is_swept else scenario.batch_size
    return min(strategy.concurrency or swept, scenario.batch_size)


def _concurrency(scenario: Scenario) -> Iterator[Finding]:
    if "concurrency" in scenario.sweep.model_fields_set and not any(s.is_swept for s in scenario.strategies):
        own = [each for each in scenario.strategies if each.kind in ("queue", "waves")]
        why = f"{_labels(own)} has a number of its own" if own else "neither a queue nor waves are compared"
        message = f"has no effect, as {why}; write queue without a number"
        yield Finding(("sweep", "concurrency"), message)


def _labels(strategies: Iterable[Strategy]) -> str:
    return listed(dict.fromkeys(strategy.label for strategy in strategies), "or")
