"""The median time of an attempt, which warnings and decision variables compare timeouts with."""

from __future__ import annotations

from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.tasks import TaskGroup, whole_calls


def median_time(scenario: Scenario, group: TaskGroup) -> float:
    """Return the seconds that an attempt of a group takes without waiting, every quantity at its median."""
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
