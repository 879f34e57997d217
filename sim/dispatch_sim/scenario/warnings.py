"""Warnings about likely mistakes in a scenario: keys without effect, or with another one than meant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from dispatch_sim.scenario.checks import TO_ADMIT, bucket, spawn_tokens
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.formats import format_duration, format_tokens
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.tasks import whole_calls
from dispatch_sim.scenario.wording import listed, shown

WORTH_A_WARNING = 0.01
"""Probability of a call that is never admitted above which there is a warning."""

_HARDLY_ANY = 0.1
"""Share of attempts that succeed below which there is a warning."""

_FEW_TOKENS = 100
"""Mean tokens of a task below which a K is likely to be missing."""

_GRID = 25


def warnings(scenario: Scenario) -> list[Finding]:
    """Return what is likely to be a mistake."""
    checks = (
        _arrivals,
        _tokens,
        _common,
        _pacing,
        _shared_prefix,
        _timeouts,
        _writes,
        _retry_when,
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


def _arrivals(scenario: Scenario) -> Iterator[Finding]:
    late = next((i for i, group in enumerate(scenario.tasks) if group.interarrival != Constant(0.0)), None)
    barred = any(strategy.kind == "parallel" and not strategy.refills for strategy in scenario.strategies)
    if late is not None and barred:
        message = (
            "tasks arrive one after another, and parallel starts what has arrived, waits for all of that, and"
            " only then starts the rest; compare queues, or write {parallel: all, merge: as-completed}"
        )
        yield Finding(("tasks", late, "interarrival"), message)


def _tokens(scenario: Scenario) -> Iterator[Finding]:
    for index, group in enumerate(scenario.tasks):
        if 0 < group.tokens.mean < _FEW_TOKENS:
            written = f"{group.tokens.mean:g}"
            message = f"a task has {written} tokens on average; for thousands write {written}K"
            yield Finding(("tasks", index, "tokens"), message)


def _common(scenario: Scenario) -> Iterator[Finding]:
    is_done_once = scenario.dispatch.spawn.fork or any(each.kind == "solo" for each in scenario.strategies)
    if is_done_once or _is_swept(scenario, "dispatch.spawn.fork"):
        return
    for index, group in enumerate(scenario.tasks):
        if group.common:
            message = (
                "has no effect: each sub-agent does the common work itself; compare solo as well, write"
                " dispatch.spawn: {fork: true}, or remove it"
            )
            yield Finding(("tasks", index, "common"), message)


def _is_swept(scenario: Scenario, *keys: str) -> bool:
    return any(key in scenario.sweep.factors for key in keys)


def _pacing(scenario: Scenario) -> Iterator[Finding]:
    if scenario.client.pacing.model_fields_set and all(each.pace == "none" for each in scenario.strategies):
        message = "has no effect, as no strategy is paced; compare {paced: 3} as well, or remove it"
        yield Finding(("client", "pacing"), message)


def _shared_prefix(scenario: Scenario) -> Iterator[Finding]:
    """Yield a warning, not an error: analyses of a valid scenario change one of the two keys alone."""
    spawn = scenario.dispatch.spawn
    median = spawn.tokens.quantile(0.5)
    if spawn.shared > median:
        message = (
            f"is more than an agent's context at its start, whose median is {format_tokens(median)}; write"
            " less, or raise dispatch.spawn.tokens, which include it"
        )
        yield Finding(("dispatch", "spawn", "shared"), message)


def _retry_when(scenario: Scenario) -> Iterator[Finding]:
    retry = scenario.retry
    is_retried = (
        (retry.policy != "none" and retry.max_attempts > 1)
        or any(group.coupling for group in scenario.tasks)  # work that is redone waits in the same way
        or _is_swept(scenario, "retry.policy", "retry.max_attempts")
    )
    for index, strategy in enumerate(scenario.strategies):
        if strategy.retry_when == "immediately" or (strategy.refills and is_retried):
            continue
        if not is_retried:
            why = "retry allows one attempt per task"
        elif strategy.kind == "sequential":
            why = "sequential retries a failed task before it starts the next"
        else:
            why = f"{strategy.kind} retries with its next wave"
        yield Finding(("strategies", index, "retry_when"), f"has no effect: {why}; remove it")


def _timeouts(scenario: Scenario) -> Iterator[Finding]:
    soft, hard = scenario.timeouts.soft, scenario.timeouts.hard
    is_ever_soft = soft is not None or _is_swept(scenario, "timeouts.soft")
    if "obeyed" in scenario.timeouts.model_fields_set and not is_ever_soft:
        message = "has no effect without a soft timeout; write soft: 10m as well, or remove it"
        yield Finding(("timeouts", "obeyed"), message)
    if hard is None:
        return
    if soft is not None and soft >= hard:
        message = f"has no effect: the hard timeout ends attempts at {format_duration(hard)}; write less"
        yield Finding(("timeouts", "soft"), message)
    for group in scenario.tasks:
        usual = scenario.median_time(group)
        if hard < usual:
            message = (
                f"ends most attempts that would succeed: one of {shown(group.name)} that never waits takes"
                f" {format_duration(usual)} in the median; write more"
            )
            yield Finding(("timeouts", "hard"), message)


def _writes(scenario: Scenario) -> Iterator[Finding]:
    writers = Counter[str]()
    for group in scenario.tasks:
        writers.update(dict.fromkeys(group.writes, group.count))
    message = "no task writes anything, so this has no effect; say what tasks change: writes: [NAME]"
    if not writers and scenario.conflicts.model_fields_set:
        yield Finding(("conflicts", min(scenario.conflicts.model_fields_set)), message)
    for index, strategy in enumerate(scenario.strategies):
        if not writers and strategy.isolation not in (None, "shared"):
            yield Finding(("strategies", index, "isolation"), message)
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
        message = f"{_labels(without)} has no rounds, so there is one review, at the end; write every: 5"
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
    wider = [each for each in scenario.strategies if cap is not None and _largest(scenario, each) > cap]
    if wider:
        asks = f"{_labels(wider)} asks for more than {cap} agents at once, and the harness"
        message = (
            f"{asks} lets those above its cap wait; a queue of {cap} asks for no more than run"
            if scenario.harness.over == "queue"
            else f"{asks} refuses launches above its cap; compare queues of at most {cap} instead, or write a"
            " larger cap"
        )
        yield Finding(("harness", "cap"), message)


def _largest(scenario: Scenario, strategy: Strategy) -> int:
    """Return the largest concurrency at which a strategy is simulated for the batch as written."""
    swept = max(scenario.sweep.concurrency) if strategy.is_swept else scenario.batch_size
    return min(strategy.concurrency or swept, scenario.batch_size)


def _concurrency(scenario: Scenario) -> Iterator[Finding]:
    if "concurrency" in scenario.sweep.model_fields_set and not any(s.is_swept for s in scenario.strategies):
        own = [each for each in scenario.strategies if each.kind in ("queue", "waves")]
        why = f"{_labels(own)} has a number of its own" if own else "neither a queue nor waves are compared"
        message = f"has no effect, as {why}; write queue without a number"
        yield Finding(("sweep", "concurrency"), message)
    swept, largest = [each for each in scenario.strategies if each.is_swept], max(scenario.sweep.tasks)
    if swept and min(scenario.sweep.concurrency) > largest:
        message = (
            f"the sweep leaves out {_labels(swept)}: no value is at most {largest}, its largest batch size;"
            " write smaller ones, or a larger sweep.tasks"
        )
        yield Finding(("sweep", "concurrency"), message)


def _labels(strategies: Iterable[Strategy]) -> str:
    return listed(dict.fromkeys(strategy.label for strategy in strategies), "or")


def _overloaded(scenario: Scenario) -> Iterator[Finding]:
    if scenario.provider.overloaded and scenario.provider.on_limit == "wait":
        message = (
            "has no effect with on_limit: wait, as the gateway hides it; write on_limit: reject, or remove it"
        )
        yield Finding(("provider", "overloaded"), message)


def _failures(scenario: Scenario) -> Iterator[Finding]:
    """Yield a warning where hardly any attempt succeeds, as where 100% was written for 1."""
    failures = scenario.failures
    shares = {"crash": failures.crash, "hang": failures.hang, "bad_output": failures.bad_output}
    if math.prod(1 - each for each in shares.values()) < _HARDLY_ANY:
        worst = max(shares, key=lambda name: shares[name])
        share = f"{100 * shares[worst]:g}%"
        message = f"is {share}: hardly any attempt succeeds, and people complete the tasks; write less"
        yield Finding(("failures", worst), message)


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
            f" {format_tokens(capacity)} input tokens ({bucket(scenario, provider.limits.input_tokens)}): a"
            f" turn then takes all of it{when}, and agents wait; lower start or window, or raise"
            " provider.limits.input_tokens"
        )
        yield Finding(("dispatch", "context"), message)


def _seldom_admitted(scenario: Scenario) -> Iterator[Finding]:
    """Yield the groups of which many first calls need more input tokens than the bucket can hold."""
    limits = scenario.provider.limits
    if limits.input_tokens is None:
        return
    capacity = limits.capacity(limits.input_tokens)
    spawns = _typical(spawn_tokens(scenario))
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
                f"in {probability:.0%} of its attempts the first call of {shown(group.name)} needs more input"
                f" tokens at once than the bucket holds, {format_tokens(capacity)}"
                f" ({bucket(scenario, limits.input_tokens)}); those attempts fail: {TO_ADMIT}"
            )
            yield Finding(("tasks", index, "tokens"), message)


def _typical(distribution: Distribution) -> list[float]:
    """Return the midpoints, by probability, of equally likely parts of a distribution."""
    if isinstance(distribution, Constant):
        return [distribution.value]
    return [distribution.quantile((part + 0.5) / _GRID) for part in range(_GRID)]
