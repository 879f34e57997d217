"""The least that the final attempts of a run need: time in a slot, admissions by the limits, and money.

Which attempt is the final one depends on the strategy: an attempt that a limit or a timeout has ended is
followed by one with other variates. The outcome of a run says how many attempts failed, and why. If only
faults failed them, a task's final attempt is its first one without a fault. Otherwise each need is the least
one of all attempts that may have been the final one.

Each token has the lowest price that is possible: new input the lower one of `input` and `cache_write` (with a
warm cache the one that it has), tokens that are sent again the lowest of all. Every call of `solo` sends at
least the start of the coordinator's context. Where a group has a common part, only the rest of the work is
counted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.model.arithmetic import ATTEMPTS_WITH_OWN_VARIATES, MILLION
from dispatch_sim.model.outcome import Outcome
from dispatch_sim.model.plan import Plan, TaskId
from dispatch_sim.model.variates import AttemptVariates, Variates, input_of, output_of
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.quantities import whole


class Needs(NamedTuple):
    """What final attempts need, an array of each with one value per task.

    That is time in a slot in seconds; calls, input and output as the limits count them; the output of the
    longest call, which is in flight; and the bill.
    """

    slot_s: NDArray[np.float64]
    calls: NDArray[np.float64]
    input: NDArray[np.float64]
    output: NDArray[np.float64]
    in_flight: NDArray[np.float64]
    usd: NDArray[np.float64]


class Mode(NamedTuple):
    """The properties of a strategy on which the needs of an attempt depend."""

    is_solo: bool
    in_rounds: bool
    shares_common: bool

    @classmethod
    def of(cls, plan: Plan) -> Mode:
        """Return those of a plan's strategy."""
        is_solo = plan.strategy.kind == "solo"
        communication = plan.strategy.communication or plan.scenario.communication.kind
        return cls(is_solo, communication == "rounds", is_solo or plan.scenario.dispatch.spawn.fork)


Known = dict[tuple[Mode, int, int], Needs]
"""Needs that were computed for another plan of the same scenario, batch and replication."""


def needs_of_common(plan: Plan, mode: Mode, variates: Variates, run: Outcome, known: Known) -> Needs:
    """Return what `solo` needs for common parts: one final attempt of each group does all of its work."""
    if not mode.is_solo:
        return Needs(*np.zeros(len(Needs._fields)))
    rest = np.array(find_needs(plan, mode, variates, run, known))
    more = np.array(find_needs(plan, mode._replace(shares_common=False), variates, run, known))
    more -= np.where(np.isfinite(rest), rest, 0.0)
    groups = np.array([task.group for task in plan.tasks])
    found = [
        more[:, groups == group].min(axis=1)
        for group, size in enumerate(np.bincount(groups))
        if size > run.manual_completions
    ]
    total = np.sum(found, axis=0) if found else np.zeros(len(more))
    return Needs(*np.where(np.isfinite(total), total, 0.0))


def find_needs(plan: Plan, mode: Mode, variates: Variates, run: Outcome, known: Known) -> Needs:
    """Return the least needs of each task's final attempt, infinite ones if a person must complete it."""
    retry = plan.scenario.retry
    again = run.reworked_tasks + run.cancelled_attempts + run.wrong_brief_attempts
    others = again + run.rate_limited_attempts + run.too_large_attempts
    others += run.killed_attempts + run.overwritten_attempts
    faultless = 1 + others
    attempts = again + (1 if retry.policy == "none" else retry.max_attempts)
    if mode.in_rounds or retry.policy == "resume":
        # A fault may strike in a part of the work that another attempt does.
        attempts = (1 + mode.in_rounds) * (1 + run.failed_attempts) + run.reworked_tasks
        faultless = attempts
    attempts = min(attempts, ATTEMPTS_WITH_OWN_VARIATES)
    key = (mode, attempts, min(faultless, attempts))
    if key not in known:
        rows = [
            _least_of_attempts(plan.scenario, mode, task, variates, attempts, faultless)
            for task in plan.tasks
        ]
        known[key] = Needs(*np.array(rows).T)
    return known[key]


def _least_of_attempts(
    scenario: Scenario, mode: Mode, task: TaskId, variates: Variates, attempts: int, faultless: int
) -> NDArray[np.float64]:
    """Return the least needs of a task over the first attempts, of them only so many without a fault."""
    any_may_succeed = mode.in_rounds or scenario.retry.policy == "resume"
    found: list[list[list[float]]] = []
    for number in range(attempts):
        drawn = variates.attempt(task.group, task.index, number)
        if mode.shares_common:
            drawn = drawn.without(scenario.tasks[task.group].common)
        calls = range(drawn.calls)
        if not any_may_succeed and (
            drawn.bad_output or drawn.crash_call in calls or drawn.hang_call in calls
        ):
            continue
        rounds = _rounds(drawn) if mode.in_rounds else ((drawn, calls),)
        found.append([_needs_of(scenario, mode, *part) for part in rounds])
        if len(found) == faultless:
            break
    if not found:
        return np.array([math.inf, math.inf, math.inf, math.inf, 0.0, math.inf])
    stacked = np.array(found)
    least = stacked.min(axis=0).sum(axis=0)
    least[_IN_FLIGHT] = stacked[:, :, _IN_FLIGHT].max()
    return np.asarray(least)


def _rounds(drawn: AttemptVariates) -> tuple[tuple[AttemptVariates, range], ...]:
    """Return the calls of the two rounds, as `Communication.calls` has them."""
    part = drawn.part(0.5) if drawn.calls == 1 else drawn
    half = min((part.calls + 1) // 2, part.calls)
    return (part, range(half)), (part, range(max(0, min(half, part.calls - 1)), part.calls))


def _needs_of(scenario: Scenario, mode: Mode, drawn: AttemptVariates, calls: range) -> list[float]:
    """Return the needs of some calls of an attempt, in the order of `Needs`."""
    provider, context = scenario.provider, scenario.dispatch.context
    prices, latency, is_warm = provider.prices, provider.latency, provider.cache is None
    again_usd = min(prices.input, prices.cache_write, prices.cache_read)
    is_written = is_warm and drawn.calls > 1 and not mode.in_rounds
    new_usd = prices.cache_write if is_written else min(prices.input, prices.cache_write)
    spawn = 0 if mode.is_solo or not calls else drawn.spawn_tokens
    shared = 0 if is_warm else min(spawn, whole(scenario.dispatch.spawn.shared))
    new, written = ([of(drawn, call) for call in calls] for of in (input_of, output_of))
    tools_s = drawn.tool_s[calls.start : max(calls.start, calls.stop - 1)]
    seconds = drawn.call_s * len(calls) + math.fsum(tools_s)
    sent_again, length = 0, spawn
    for tokens, output in zip(new, written, strict=True):
        sent_again += length
        length += tokens + output
        if latency is not None:
            seconds += latency.base + output * latency.per_output_token
            seconds += tokens / 1000 * latency.per_uncached_ktoken
    sent_again -= spawn  # in the first call it is new
    usd = sum(new) * new_usd + sum(written) * prices.output
    counted = sum(new) + spawn - shared
    if mode.is_solo:
        assert context is not None
        usd += len(calls) * math.floor(context.start) * again_usd
    else:
        seconds += drawn.spawn_s + drawn.return_s
        usd += (spawn - shared) * new_usd + (shared + sent_again) * again_usd
        usd += drawn.return_tokens * (prices.input if context is None else prices.cache_write)
        if provider.accounting.cache_reads:
            counted += shared + sent_again
    return [seconds, len(calls), counted, sum(written), max(written, default=0), usd / MILLION]


_IN_FLIGHT = Needs._fields.index("in_flight")
