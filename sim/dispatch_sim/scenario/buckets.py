"""Model calls that are larger than the provider's buckets.

A model call that needs more input tokens than the bucket can ever hold is never admitted. Of an attempt
with W work tokens and n calls, a call brings W (1 - output share) / n new input; the first brings the spawn
prompt as well, so it is the first that does not fit. The coordinator's calls are admitted whatever they need,
and take the whole bucket.
"""

from __future__ import annotations

from collections.abc import Iterator

from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.formats import format_duration, format_tokens
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.tasks import MAX_CALLS, TaskGroup, whole_calls

WORTH_A_WARNING = 0.01
"""Probability of an impossible call from which `warnings` speaks."""

_GRID = 25


def problems(scenario: Scenario) -> list[Finding]:
    """Return what makes calls certain to be never admitted."""
    found = []
    limits, accounting = scenario.provider.limits, scenario.provider.accounting
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
    if accounting.output == "reserved" and accounting.max_tokens > limits.capacity(limits.output_tokens):
        message = "is more than the output bucket can hold, so no call is ever admitted; lower it"
        found.append(Finding(("provider", "accounting", "max_tokens"), message))
    return found


def warnings(scenario: Scenario) -> list[Finding]:
    """Return what makes calls likely to be never admitted, or to take all that the bucket holds."""
    limits = scenario.provider.limits
    limit = limits.input_tokens
    if limit is None:
        return []
    found = _coordinator(scenario, limit)
    spawns = tuple(_typical(scenario.dispatch.spawn.tokens))
    for index, group in enumerate(scenario.tasks):
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


def _coordinator(scenario: Scenario, limit: float) -> list[Finding]:
    """Return a warning if a turn may need more than the bucket holds.

    A turn sends the whole context. What it reads of that from the cache counts if the provider says so, and
    all of it counts when a timed cache has lapsed.
    """
    context, provider = scenario.dispatch.context, scenario.provider
    if context is None or (provider.cache is None and not provider.accounting.cache_reads):
        return []
    per_task = scenario.dispatch.brief.tokens + scenario.dispatch.return_.tokens.mean
    largest = min(context.start + scenario.batch_size * per_task, max(context.window, context.start))
    capacity = provider.limits.capacity(limit)
    if largest <= capacity:
        return []
    when = "" if provider.accounting.cache_reads else ", when its cache has lapsed"
    message = (
        f"the coordinator's context grows to about {format_tokens(largest)}, and the bucket holds"
        f" {format_tokens(capacity)} input tokens ({_limit(scenario, limit)}): a turn then takes all of it"
        f"{when}, and agents wait; lower start or window, or raise provider.limits.input_tokens"
    )
    return [Finding(("dispatch", "context"), message)]


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
