"""Records of a scenario, from which those of its design points are copied."""

import math
from ctypes import c_int64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import codes
from dispatch_sim.engine.distributions import Distributions
from dispatch_sim.engine.layout import fill, record_of
from dispatch_sim.engine.records import STATE
from dispatch_sim.model.streams import group_key
from dispatch_sim.scenario.coordination import MergeCost
from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.provider import Limits
from dispatch_sim.scenario.quantities import whole

# The state's own types, as numpy copies records of one type without comparing their fields.
PLAN, WORLD = STATE["plan"], STATE["new_world"]
GROUP, DISTRIBUTION = STATE["groups"].base, STATE["distributions"].base

ISOLATIONS = ("shared", "worktree", "locks")
COMMUNICATIONS = ("none", "rounds", "blackboard")


class FlatScenario:
    """The records of a scenario, in which a strategy and a batch size replace some values.

    Attributes
    ----------
    plan, world, groups : the records.
    links : locks and followers of the groups.
    distributions, samples : the distributions, and the values of samples among them.
    """

    def __init__(self, scenario: Scenario) -> None:
        table = Distributions()
        self.groups, links, locks = _groups(scenario, table)
        self.links = np.array(links, np.int64)
        self.plan = record_of(PLAN, _parameters(scenario, table) | {"locks": locks})
        self.world = record_of(WORLD, _world(scenario))
        self.distributions = np.array(table.rows, DISTRIBUTION)
        self.samples = np.array(table.samples, np.float64)

    @property
    def key(self) -> bytes:
        """What scenarios have in common that differ in prices and values alone."""
        parts = (self.plan, self.world, self.groups, self.links, self.distributions, self.samples)
        return b"".join(part.tobytes() for part in parts)


def _groups(scenario: Scenario, table: Distributions) -> tuple[NDArray[np.void], list[int], int]:
    """Return the groups, their locks and followers, and the number of locks."""
    number = {name: i for i, name in enumerate(sorted({w for group in scenario.tasks for w in group.writes}))}
    groups = np.zeros(len(scenario.tasks), GROUP)
    links: list[int] = []
    for g, group in enumerate(scenario.tasks):
        locks = sorted(number[name] for name in set(group.writes))
        followers = [f for f, other in enumerate(scenario.tasks) if group.name in other.after]
        fill(
            groups[g],
            {
                "key": c_int64(group_key(scenario.study.seed, group.name)).value,
                "calls_row": table.add(group.calls),
                "tokens_row": table.add(group.tokens),
                "duration_row": table.add(group.duration or Constant(0.0)),
                "tool_row": table.add(group.tool_time),
                "interarrival_row": table.add(group.interarrival),
                "has_duration": group.duration is not None,
                "has_tools": group.tool_time != Constant(0.0),
                "is_prose": group.output == "prose",
                "writes": bool(group.writes),
                "own_directory": bool(group.writes) and scenario.harness.directory_in_prompt,
                "size": group.count,
                "first_lock": len(links),
                "locks": len(locks),
                "first_follower": len(links) + len(locks),
                "followers": len(followers),
                "output_share": group.output_share,
                "coupling": group.coupling,
                "common": group.common,
                "batch_weight": math.sqrt(group.variance.batch),
                "task_weight": math.sqrt(group.variance.task),
                "attempt_weight": math.sqrt(group.variance.attempt),
            },
        )
        links += locks + followers
    return groups, links, len(number)


def _world(scenario: Scenario) -> dict[str, Any]:
    """Return what a replication begins with, where that is not zero."""
    provider, context = scenario.provider, scenario.dispatch.context
    start = whole(context.start) if context else 0
    return {
        "limiter": _full_buckets(provider.limits),
        "pacing": _full_buckets(scenario.client.pacing.limits(provider.limits)),
        "slots": {"shrunk_s": -1.0},
        "context": {"length": start, "sent": start},
        "shared_readable_s": math.inf,
        "shared_used_s": -math.inf,
    }


def _full_buckets(limits: Limits) -> dict[str, dict[str, float]]:
    def full(limit: float | None) -> dict[str, float]:
        capacity = limits.capacity(limit)
        rate = limits.per_minute(limit) / 60.0
        return {"level": capacity, "updated_s": -1.0, "rate": rate, "capacity": capacity}

    return {
        "request_bucket": full(limits.requests),
        "input_bucket": full(limits.input_tokens),
        "output_bucket": full(limits.output_tokens),
    }


def _parameters(scenario: Scenario, table: Distributions) -> dict[str, Any]:
    return {
        "seed": c_int64(scenario.study.seed).value,
        "groups": len(scenario.tasks),
        **_of_provider(scenario),
        **_of_client(scenario),
        **_of_coordination(scenario, table),
        **_of_failures(scenario, table),
        **_of_merge(scenario, table),
    }


def _of_provider(scenario: Scenario) -> dict[str, Any]:
    provider = scenario.provider
    accounting, cache, latency = provider.accounting, provider.cache, provider.latency
    queues = provider.on_limit == "wait"
    parameters: dict[str, Any] = {
        "queues": queues,
        "counts_rejected": accounting.failed_requests and not queues,
        "counts_cache_reads": accounting.cache_reads,
        "reserved": accounting.max_tokens if accounting.output == "reserved" else 0.0,
        "has_retry_after": provider.retry_after is not None,
        "retry_after_s": provider.retry_after or 0.0,
        "overloaded": provider.overloaded,
    }
    if cache is not None:
        parameters |= {
            "has_cache": True,
            "cache_ttl_s": cache.ttl,
            "cache_first_token_s": cache.first_token,
            "cache_minimum": cache.minimum,
        }
    if latency is not None:
        parameters |= {
            "has_latency": True,
            "latency_base": latency.base,
            "latency_per_output": latency.per_output_token,
            "latency_per_uncached": latency.per_uncached_ktoken,
            "latency_per_cached": latency.per_cached_ktoken,
        }
    return parameters


def _of_client(scenario: Scenario) -> dict[str, Any]:
    client, harness = scenario.client, scenario.harness
    up_to = client.retry_after.up_to
    return {
        "retries": client.retries,
        "backoff_initial_s": client.initial,
        "backoff_factor": client.factor,
        "backoff_cap_s": client.cap,
        "backoff_jitter": client.signed_jitter,
        "obeyed_up_to_s": math.inf if isinstance(up_to, str) else up_to,
        "gives_up_above": client.retry_after.above == "give_up",
        "backoff_is_floor": client.retry_after.floor == "backoff",
        "retry_after_jitter": client.retry_after.jitter,
        "extra_delay_s": client.extra_delay,
        "cap": harness.cap or 0,
        "refuses": harness.over == "refuse",
        "calls_per_window": harness.pace.calls if harness.pace else 0,
        "call_window_s": harness.pace.window if harness.pace else 0.0,
    }


def _of_coordination(scenario: Scenario, table: Distributions) -> dict[str, Any]:
    dispatch, context = scenario.dispatch, scenario.dispatch.context
    parameters: dict[str, Any] = {
        "forks": dispatch.spawn.fork,
        "communication": COMMUNICATIONS.index(scenario.communication.kind),
        "spawn_tokens_row": table.add(dispatch.spawn.tokens),
        "spawn_time_row": table.add(dispatch.spawn.time),
        "return_tokens_row": table.add(dispatch.return_.tokens),
        "return_time_row": table.add(dispatch.return_.time),
        "shared_prefix": 0 if dispatch.spawn.fork else whole(dispatch.spawn.shared),
        "brief_tokens": dispatch.brief.tokens,
        "brief_s": dispatch.brief.time,
        "turn_tokens": dispatch.turn.tokens,
        "turn_s": dispatch.turn.time,
        "post_tokens": whole(scenario.communication.post.tokens),
        "post_s": scenario.communication.post.time,
        "interim_tokens": whole(scenario.communication.brief.tokens),
        "interim_written": scenario.communication.brief.tokens,
        "interim_s": scenario.communication.brief.time,
    }
    if context is not None:
        parameters |= {
            "has_context": True,
            "context_start": whole(context.start),
            "context_window": context.window,
            "compaction_tokens": context.compaction.tokens,
            "compaction_s": context.compaction.time,
        }
    return parameters


def _of_failures(scenario: Scenario, table: Distributions) -> dict[str, Any]:
    failures, timeouts, retry = scenario.failures, scenario.timeouts, scenario.retry
    conflicts = scenario.conflicts
    return {
        "crash": failures.crash,
        "bad_output": failures.bad_output,
        "hang": failures.hang,
        "bad_brief": failures.bad_brief,
        "has_soft_timeout": timeouts.soft is not None,
        "soft_timeout_s": timeouts.soft or 0.0,
        "obeyed": timeouts.obeyed,
        "has_hard_timeout": timeouts.hard is not None,
        "hard_timeout_s": timeouts.hard or 0.0,
        "retry_policy": ("failed-only", "resume", "cascade", "abort", "none").index(retry.policy),
        "cancels_others": retry.policy in ("cascade", "abort"),
        "max_failures": 1 if retry.policy == "none" else retry.max_attempts,
        "recovery_row": table.add(scenario.recovery.people),
        "isolation": ISOLATIONS.index(conflicts.isolation),
        "conflict": conflicts.probability,
        "setup_s": conflicts.setup,
        "clean_up_row": table.add(conflicts.people),
        "resolve_row": table.add(conflicts.resolve),
    }


def _of_merge(scenario: Scenario, table: Distributions) -> dict[str, Any]:
    merge, review = scenario.merge, scenario.review

    def effort(costs: MergeCost) -> dict[str, float]:
        return {"tokens": costs.tokens, "time_s": costs.time, "people_s": costs.people}

    parameters: dict[str, Any] = {
        "structured": effort(merge.structured),
        "prose": effort(merge.prose),
        "pair": effort(merge.pair),
        "review_every": codes.NO_REVIEW,
        "review_row": table.add(review.people if review else Constant(0.0)),
        "review_each_s": review.each if review else 0.0,
        "review_blocks": review is None or review.blocking,
    }
    if review is not None:
        parameters["review_every"] = review.every if isinstance(review.every, int) else codes.AFTER_WAVE
    return parameters
