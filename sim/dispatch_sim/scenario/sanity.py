"""Scenarios that are well formed and yet impossible, or likely to be."""

from __future__ import annotations

from dispatch_sim.scenario import buckets, dependencies, effects, effort
from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.indifference import EXAMPLES, UNITS
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding


def problems(scenario: Scenario) -> list[Finding]:
    """Return what makes the scenario impossible to play."""
    return [
        *_times(scenario),
        *_caches(scenario),
        *_hangs(scenario),
        *_indifference(scenario),
        *dependencies.problems(scenario),
        *effort.problems(scenario),
        *buckets.problems(scenario),
    ]


def warnings(scenario: Scenario) -> list[Finding]:
    """Return what makes the scenario likely to go in a way that its author may not have meant."""
    return [*effects.warnings(scenario), *buckets.warnings(scenario)]


def _times(scenario: Scenario) -> list[Finding]:
    """Return what is wrong with how time is given."""
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
    return found


def _caches(scenario: Scenario) -> list[Finding]:
    """Return the strategies that warm a cache where there is none to warm."""
    if scenario.provider.cache is not None:
        return []
    message = "warms a timed cache; write provider.cache: {ttl: 5m}, or remove it"
    return [
        Finding(("strategies", index, "warm_up"), message)
        for index, strategy in enumerate(scenario.strategies)
        if strategy.warm_up != "none"
    ]


def _hangs(scenario: Scenario) -> list[Finding]:
    """Return what would let an attempt go on for ever."""
    if scenario.failures.hang and scenario.timeouts.hard is None:
        message = "an agent that hangs never ends by itself; write timeouts: {hard: 15m} as well"
        return [Finding(("failures", "hang"), message)]
    return []


def _indifference(scenario: Scenario) -> list[Finding]:
    """Return an indifference zone that was written in another unit than what is to be small."""
    zone, objective = scenario.study.indifference, scenario.objective.minimise
    if "indifference" not in scenario.study.model_fields_set or zone.fits(objective):
        return []
    unit = UNITS[objective]
    message = f"is in {zone.unit}, but {objective} is minimised, in {unit}; write {EXAMPLES[unit]} or 1%"
    return [Finding(("study", "indifference"), message)]
