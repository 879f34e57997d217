"""Keys that have no effect, or another one than their author may have meant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.formats import format_duration
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.tasks import TaskGroup, whole_calls
from dispatch_sim.scenario.wording import listed, shown

_HARDLY_ANY = 0.1
"""Share of attempts below which a warning says that hardly any comes through."""


def warnings(scenario: Scenario) -> list[Finding]:
    """Return what is likely to be a mistake."""
    return [
        *_arrivals(scenario),
        *_timeouts(scenario),
        *_writes(scenario),
        *_review(scenario),
        *_communication(scenario),
        *_cap(scenario),
        *_overloaded(scenario),
        *_failures(scenario),
        *_axes(scenario),
    ]


def _arrivals(scenario: Scenario) -> list[Finding]:
    late = next((i for i, group in enumerate(scenario.tasks) if group.interarrival != Constant(0.0)), None)
    barred = any(strategy.kind == "parallel" and not strategy.refills for strategy in scenario.strategies)
    if late is None or not barred:
        return []
    message = (
        "tasks arrive one after another, and parallel starts what has arrived, waits for all of that, and"
        " only then starts the rest; compare queues, or write {parallel: all, merge: as-completed}"
    )
    return [Finding(("tasks", late, "interarrival"), message)]


def _overloaded(scenario: Scenario) -> list[Finding]:
    if not scenario.provider.overloaded or scenario.provider.on_limit != "wait":
        return []
    message = "has no effect where tries wait in line (on_limit: wait), as a gateway keeps it from them"
    return [Finding(("provider", "overloaded"), message)]


def _failures(scenario: Scenario) -> list[Finding]:
    """Return a warning where hardly any attempt comes through, as where 100% was written for 1."""
    failures = scenario.failures
    shares = {"crash": failures.crash, "hang": failures.hang, "bad_output": failures.bad_output}
    worst, share = max(shares.items(), key=lambda item: item[1])
    if math.prod(1 - each for each in shares.values()) >= _HARDLY_ANY:
        return []
    message = f"is {100 * share:g}%: hardly any attempt comes through, and people do the work; write less"
    return [Finding(("failures", worst), message)]


def _axes(scenario: Scenario) -> list[Finding]:
    """Return a warning for each axis of the sweep along which nothing can change."""
    swept = scenario.sweep.factors
    if any(path.rpartition(".")[2] in ("output", "writes") for path in swept):
        return []  # what is so for the scenario as written need not be so along them
    outputs = {group.output for group in scenario.tasks}
    missing = [kind for kind in ("structured", "prose") if kind not in outputs]
    idle = {f"merge.{kind}": f"no task has {kind} output" for kind in missing}
    if not any(group.writes for group in scenario.tasks):
        idle["conflicts"] = "no task writes anything"
    return [
        Finding(("sweep", path), f"has no effect, as {why}; remove the axis")
        for path in swept
        for section, why in idle.items()
        if path.startswith(f"{section}.")
    ]


def _timeouts(scenario: Scenario) -> list[Finding]:
    soft, hard = scenario.timeouts.soft, scenario.timeouts.hard
    if hard is None:
        return []
    found = []
    if soft is not None and soft >= hard:
        message = f"no agent comes to it: the hard one ends attempts at {format_duration(hard)}; write less"
        found.append(Finding(("timeouts", "soft"), message))
    for group in scenario.tasks:
        usual = median_time(scenario, group)
        if hard < usual:
            message = (
                f"ends most honest work: an unimpeded attempt of {shown(group.name)} takes"
                f" {format_duration(usual)} in the median; write more"
            )
            found.append(Finding(("timeouts", "hard"), message))
    return found


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


def _writes(scenario: Scenario) -> list[Finding]:
    writers = Counter[str]()
    for group in scenario.tasks:
        for name in set(group.writes):
            writers[name] += group.count
    if not writers:
        written = sorted(scenario.conflicts.model_fields_set)
        message = (
            "no task writes anything, so this has no effect; give tasks what they change: writes: [NAME]"
        )
        return [Finding(("conflicts", key), message) for key in written[:1]]
    message = "only one task writes {}, so nothing conflicts over it; remove it, or name it where others do"
    return [
        Finding(("tasks", index, "writes"), message.format(shown(name)))
        for index, group in enumerate(scenario.tasks)
        for name in dict.fromkeys(group.writes)
        if writers[name] == 1
    ]


def _review(scenario: Scenario) -> list[Finding]:
    if scenario.review is None or scenario.review.every != "round":
        return []
    without = _labels(strategy for strategy in scenario.strategies if strategy.refills)
    if not without:
        return []
    message = f"{without} has no rounds, so it is looked at at the end only; write a number, such as every: 5"
    return [Finding(("review", "every"), message)]


def _communication(scenario: Scenario) -> list[Finding]:
    if any(group.coupling for group in scenario.tasks):
        return []
    message = "no task has coupling, so this only costs; give tasks one, such as coupling: 20%, or remove it"
    found = [
        Finding(("strategies", index, "communication"), message)
        for index, strategy in enumerate(scenario.strategies)
        if strategy.communication not in (None, "none")
    ]
    if scenario.communication.kind != "none":
        found.append(Finding(("communication",), message))
    return found


def _cap(scenario: Scenario) -> list[Finding]:
    cap = scenario.harness.cap
    if cap is None:
        return []
    wider = _labels(strategy for strategy in scenario.strategies if _widest(scenario, strategy) > cap)
    if not wider:
        return []
    does = "queues" if scenario.harness.over == "queue" else "refuses"
    message = f"{wider} asks for more than {cap} agents at once, and the harness {does} what is over it"
    return [Finding(("harness", "cap"), f"{message}; write a smaller width, or a larger cap")]


def _widest(scenario: Scenario, strategy: Strategy) -> int:
    """Return the largest width at which a strategy is played for the batch as written."""
    swept = max(scenario.sweep.concurrency) if strategy.has_width else scenario.batch_size
    return min(strategy.width or swept, scenario.batch_size)


def _labels(strategies: Iterable[Strategy]) -> str:
    labels = dict.fromkeys(strategy.label for strategy in strategies)
    return listed(labels, "or") if labels else ""
