"""A plan in arrays, as the compiled engine reads it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.compiled import layout as at
from dispatch_sim.dispatch.compiled.header import words_of
from dispatch_sim.dispatch.draws import group_key
from dispatch_sim.dispatch.plan import Plan
from dispatch_sim.scenario import distributions as families
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.quantities import whole


class Size(NamedTuple):
    """What the arrays of a replication's state have to hold."""

    tasks: int
    groups: int
    locks: int
    writes: bool


class FlatPlan:
    """The arrays that say what is played; they stay as they are.

    Attributes
    ----------
    words : their part of a header, see `header`.
    size : of what is played.
    group_sizes : tasks of each group.
    """

    def __init__(self, plan: Plan) -> None:
        scenario = plan.scenario
        table: list[float] = []
        gi, gf, locks, lock_count = _groups(plan, table)
        pi, pf = _parameters(plan, table, lock_count)
        names = [frozenset(group.writes) for group in scenario.tasks]
        seed = scenario.study.seed
        self._arrays = {
            "pi": pi,
            "pf": pf,
            "gi": gi,
            "gf": gf,
            "keys": np.array([seed, *(group_key(seed, group.name) for group in scenario.tasks)], np.uint64),
            "table": np.array(table, np.float64),
            "batch": np.array([(task.group, task.index) for task in plan.tasks], np.int64),
            "locks": locks,
            "meets": np.array([[bool(one & other) for other in names] for one in names], np.bool_),
        }
        self.words = words_of(self._arrays)
        self.group_sizes = gi[:, at.SIZE]
        self.size = Size(len(plan.tasks), len(scenario.tasks), lock_count, any(names))


def _groups(
    plan: Plan, table: list[float]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], int]:
    scenario = plan.scenario
    groups = scenario.tasks
    gi = np.zeros((len(groups), at.GI_SIZE), np.int64)
    gf = np.zeros((len(groups), at.GF_SIZE), np.float64)
    number = {name: i for i, name in enumerate(sorted({name for group in groups for name in group.writes}))}
    apart = _isolation(plan) == "worktree" and scenario.harness.directory_in_prompt
    extra: list[int] = []
    for g, group in enumerate(groups):
        row = gi[g]
        row[at.CALLS_DIST], row[at.TOKENS_DIST] = (
            _put(table, group.calls),
            _put(table, group.tokens),
        )
        row[at.DURATION_DIST] = _put(table, group.duration or Constant(0.0))
        row[at.HAS_DURATION] = group.duration is not None
        row[at.TOOL_DIST], row[at.HAS_TOOLS] = (
            _put(table, group.tool_time),
            group.tool_time != Constant(0.0),
        )
        row[at.ARRIVAL_DIST] = _put(table, group.interarrival)
        row[at.PROSE] = group.output == "prose"
        row[at.WRITES] = bool(group.writes)
        row[at.APART] = apart and bool(group.writes)
        row[at.SIZE] = sum(task.group == g for task in plan.tasks)
        row[at.FIRST_LOCK] = len(extra)
        extra += [number[name] for name in sorted(set(group.writes))]
        row[at.LOCK_COUNT] = len(extra) - row[at.FIRST_LOCK]
        gf[g, at.OUTPUT_SHARE], gf[g, at.COUPLING] = group.output_share, group.coupling
        gf[g, at.BATCH_WEIGHT] = math.sqrt(group.variance.batch)
        gf[g, at.TASK_WEIGHT] = math.sqrt(group.variance.task)
        gf[g, at.ATTEMPT_WEIGHT] = math.sqrt(group.variance.attempt)
    for g, group in enumerate(groups):
        gi[g, at.FIRST_FOLLOWER] = len(extra)
        extra += [f for f, other in enumerate(groups) if group.name in other.after]
        gi[g, at.FOLLOWERS] = len(extra) - gi[g, at.FIRST_FOLLOWER]
    return gi, gf, np.array(extra or [0], np.int64), len(number)


def _parameters(plan: Plan, table: list[float], locks: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    scenario, strategy = plan.scenario, plan.strategy
    provider, client, harness = scenario.provider, scenario.client, scenario.harness
    limits, accounting, cache, latency = (
        provider.limits,
        provider.accounting,
        provider.cache,
        provider.latency,
    )
    dispatch, retry, timeouts, merge = (
        scenario.dispatch,
        scenario.retry,
        scenario.timeouts,
        scenario.merge,
    )
    context, review, failures = dispatch.context, scenario.review, scenario.failures
    communication, conflicts = scenario.communication, scenario.conflicts
    integers: dict[int, Any] = {
        at.TASKS: len(plan.tasks),
        at.GROUPS: len(scenario.tasks),
        at.WIDTH: plan.width,
        at.REFILLS: strategy.refills,
        at.ADAPTIVE: strategy.kind == "adaptive",
        at.BARRIER_MERGE: strategy.merge == "barrier",
        at.BY_SCRIPT: strategy.manager == "script",
        at.WARM_UP: ("none", "stagger", "prewarm").index(strategy.warm_up),
        at.ORDER: ("as-given", "longest-first", "shortest-first").index(strategy.order),
        at.WAITS_FOR_RECOVERY: strategy.waits_for_recovery,
        at.ISOLATION: ("shared", "worktree", "locks").index(_isolation(plan)),
        at.COMMUNICATION: ("none", "rounds", "blackboard").index(
            strategy.communication or communication.kind
        ),
        at.POLICY: ("failed-only", "resume", "cascade", "abort", "none").index(retry.policy),
        at.MOST_FAILURES: 1 if retry.policy == "none" else retry.max_attempts,
        at.WAITS: provider.on_limit == "wait",
        at.COUNTS_REFUSED: accounting.failed_requests and provider.on_limit != "wait",
        at.COUNTS_READS: accounting.cache_reads,
        at.HAS_CACHE: cache is not None,
        at.HAS_LATENCY: latency is not None,
        at.RETRIES: client.retries,
        at.GIVES_UP_ABOVE: client.retry_after.above == "give_up",
        at.BACKOFF_IS_FLOOR: client.retry_after.floor == "backoff",
        at.HAS_RETRY_AFTER: provider.retry_after is not None,
        at.SPAWN_TOKENS_DIST: _put(table, dispatch.spawn.tokens),
        at.SPAWN_TIME_DIST: _put(table, dispatch.spawn.time),
        at.RETURN_TOKENS_DIST: _put(table, dispatch.return_.tokens),
        at.RETURN_TIME_DIST: _put(table, dispatch.return_.time),
        at.SHARED_TOKENS: whole(dispatch.spawn.shared),
        at.HAS_CONTEXT: context is not None,
        at.CONTEXT_START: whole(context.start) if context else 0,
        at.CAP: harness.cap or 0,
        at.REFUSES: harness.over == "refuse",
        at.PACE_CALLS: harness.pace.calls if harness.pace else 0,
        at.HAS_HARD: timeouts.hard is not None,
        at.HAS_SOFT: timeouts.soft is not None,
        at.REVIEW_EVERY: _review_every(review.every) if review else at.NO_REVIEW,
        at.REVIEW_DIST: _put(table, review.people if review else Constant(0.0)),
        at.RECOVERY_DIST: _put(table, scenario.recovery.people),
        at.CLEAN_UP_DIST: _put(table, conflicts.people),
        at.RESOLVE_DIST: _put(table, conflicts.resolve),
        at.POST_TOKENS: whole(communication.post.tokens),
        at.INTERIM_TOKENS: whole(communication.brief.tokens),
        at.LOCKS: locks,
    }
    up_to = client.retry_after.up_to
    floats = {
        at.REQUEST_RATE: limits.per_minute(limits.requests) / 60.0,
        at.REQUEST_CAPACITY: limits.capacity(limits.requests),
        at.INPUT_RATE: limits.per_minute(limits.input_tokens) / 60.0,
        at.INPUT_CAPACITY: limits.capacity(limits.input_tokens),
        at.OUTPUT_RATE: limits.per_minute(limits.output_tokens) / 60.0,
        at.OUTPUT_CAPACITY: limits.capacity(limits.output_tokens),
        at.RESERVED: accounting.max_tokens if accounting.output == "reserved" else 0.0,
        at.RETRY_AFTER: provider.retry_after or 0.0,
        at.TTL: cache.ttl if cache else 0.0,
        at.FIRST_TOKEN: cache.first_token if cache else 0.0,
        at.CACHE_MINIMUM: cache.minimum if cache else 0.0,
        at.LATENCY_BASE: latency.base if latency else 0.0,
        at.LATENCY_OUTPUT: latency.per_output_token if latency else 0.0,
        at.LATENCY_UNCACHED: latency.per_uncached_ktoken if latency else 0.0,
        at.LATENCY_CACHED: latency.per_cached_ktoken if latency else 0.0,
        at.PRICE_INPUT: provider.prices.input,
        at.PRICE_WRITE: provider.prices.cache_write,
        at.PRICE_READ: provider.prices.cache_read,
        at.PRICE_OUTPUT: provider.prices.output,
        at.OVERLOADED: provider.overloaded,
        at.BACKOFF_INITIAL: client.initial,
        at.BACKOFF_FACTOR: client.factor,
        at.BACKOFF_CAP: client.cap,
        at.JITTER_SHARE: client.signed_jitter,
        at.RETRY_AFTER_JITTER: client.retry_after.jitter,
        at.EXTRA_DELAY: client.extra_delay,
        at.OBEYED_UP_TO: math.inf if isinstance(up_to, str) else up_to,
        at.BRIEF_TOKENS: dispatch.brief.tokens,
        at.BRIEF_TIME: dispatch.brief.time,
        at.TURN_TOKENS: dispatch.turn.tokens,
        at.TURN_TIME: dispatch.turn.time,
        at.CONTEXT_WINDOW: context.window if context else 0.0,
        at.COMPACTION_TOKENS: context.compaction.tokens if context else 0.0,
        at.COMPACTION_TIME: context.compaction.time if context else 0.0,
        at.CRASH: failures.crash,
        at.BAD_OUTPUT: failures.bad_output,
        at.HANG: failures.hang,
        at.BAD_BRIEF: failures.bad_brief,
        at.SOFT: timeouts.soft or 0.0,
        at.OBEYED: timeouts.obeyed,
        at.HARD: timeouts.hard or 0.0,
        at.CONFLICT: conflicts.probability,
        at.SETUP_TIME: conflicts.setup,
        at.POST_TIME: communication.post.time,
        at.INTERIM_TIME: communication.brief.time,
        at.INTERIM_WRITTEN: communication.brief.tokens,
        at.PACE_WINDOW: harness.pace.window if harness.pace else 0.0,
        at.STRUCTURED_TOKENS: merge.structured.tokens,
        at.STRUCTURED_TIME: merge.structured.time,
        at.STRUCTURED_PEOPLE: merge.structured.people,
        at.PROSE_TOKENS: merge.prose.tokens,
        at.PROSE_TIME: merge.prose.time,
        at.PROSE_PEOPLE: merge.prose.people,
        at.PAIR_TOKENS: merge.pair.tokens,
        at.PAIR_TIME: merge.pair.time,
        at.PAIR_PEOPLE: merge.pair.people,
        at.REVIEW_EACH: review.each if review else 0.0,
        at.VALUE_WAITING: scenario.values.waiting,
        at.VALUE_PEOPLE: scenario.values.people,
    }
    pi, pf = np.zeros(at.PI_SIZE, np.int64), np.zeros(at.PF_SIZE, np.float64)
    for index, number in integers.items():
        pi[index] = number
    for index, amount in floats.items():
        pf[index] = amount
    return pi, pf


def _isolation(plan: Plan) -> str:
    return plan.strategy.isolation or plan.scenario.conflicts.isolation


def _review_every(every: int | str) -> int:
    return every if isinstance(every, int) else at.AFTER_ROUND


def table_of(distribution: Distribution) -> tuple[NDArray[np.float64], int]:
    """Return a table that has a distribution, and the row where it stands."""
    table: list[float] = []
    row = _put(table, distribution)
    return np.array(table), row


def _put(table: list[float], distribution: Distribution) -> int:
    """Put a distribution into the table; returns its row."""
    row = [float(at.CONSTANT), 0.0, 0.0, 0.0, 0.0, 0.0]
    values: list[float] = []
    match distribution:
        case Constant(value):
            row[1] = value
        case families.Uniform(low, high):
            row[:3] = at.UNIFORM, low, high
        case families.Triangular(low, mode, high):
            row[:4] = at.TRIANGULAR, low, mode, high
        case families.Exponential(mean):
            row[:2] = at.EXPONENTIAL, mean
        case families.LogNormal(mu, sigma):
            row[:3] = at.LOGNORMAL, mu, sigma
        case families.Gamma(shape, scale):
            row[:3] = at.GAMMA, shape, scale
        case families.Weibull(shape, scale):
            row[:4] = at.WEIBULL, shape, scale, 1 / shape
        case families.LogLogistic(shape, median):
            row[:4] = at.LOGLOGISTIC, shape, median, 1 / shape
        case families.Empirical(sample):
            row[0] = at.EMPIRICAL
            values = list(sample)
            row[5] = len(values)
        case families.Mixture():
            parts = [_put(table, part) for part in distribution.components]
            low, high = distribution.bracket
            row[:3] = at.MIXTURE, low, high
            values = [
                number
                for weight, part in zip(distribution.weights, parts, strict=True)
                for number in (weight, float(part))
            ]
            row[5] = len(parts)
        case _:
            raise TypeError(f"a distribution of an unknown kind: {distribution!r}")
    place = len(table)
    row[4] = place + at.ROW
    table += [*map(float, row), *values]
    return place
