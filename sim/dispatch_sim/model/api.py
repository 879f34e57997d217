"""The model API: its rate limits, which all agents and the coordinator share, and the time of calls.

This is where a 429 is decided: `admit`. The compiled engine compiles the functions as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from dispatch_sim.model.arithmetic import MINUTE_S, NEVER, bucket_level, holds, wait_for
from dispatch_sim.model.cache import Prompt, prompt_length
from dispatch_sim.scenario.provider import Accounting, Limits, Provider


@dataclass(slots=True)
class TokenBucket:
    """Holds up to `capacity`, refills continuously; starts full. Without a limit it is never empty."""

    level: float
    capacity: float
    rate_per_s: float
    updated_s: float = -1.0


@dataclass(slots=True)
class RateLimiter:
    """Three buckets, and what is counted: a request holds `reserved` output from its start.

    Attributes
    ----------
    is_pacing : whether it is the client's own; a call larger than a bucket then waits for a full one.
    requests, input_tokens, output_tokens : counted so far.
    """

    request_bucket: TokenBucket
    input_bucket: TokenBucket
    output_bucket: TokenBucket
    reserved: float
    counts_rejected: bool
    counts_cache_reads: bool
    is_pacing: bool
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


def make_limiter(limits: Limits, counting: Accounting, *, queues: bool, is_pacing: bool) -> RateLimiter:
    """Return a limiter with full buckets; in line (`queues`) nothing is rejected."""

    def full(limit: float | None) -> TokenBucket:
        capacity = limits.capacity(limit)
        return TokenBucket(capacity, capacity, limits.per_minute(limit) / MINUTE_S)

    return RateLimiter(
        full(limits.requests),
        full(limits.input_tokens),
        full(limits.output_tokens),
        reserved=counting.max_tokens if counting.output == "reserved" else 0.0,
        counts_rejected=counting.failed_requests and not queues,
        counts_cache_reads=counting.cache_reads,
        is_pacing=is_pacing,
    )


def refill(bucket: TokenBucket, now_s: float) -> None:
    """Bring the level of a bucket up to date."""
    since_s = now_s - bucket.updated_s
    if since_s > 0.0 and bucket.level < bucket.capacity:
        bucket.level = bucket_level(bucket.level, since_s, bucket.rate_per_s, bucket.capacity)
    bucket.updated_s = now_s


def admit(limiter: RateLimiter, input_tokens: int, now_s: float) -> float:
    """Admit a request and charge it, its input and what is reserved for its output; or reject it.

    Returns
    -------
    0 where it is admitted; else the `retry-after` of the 429: the seconds until the buckets would hold
    enough if nobody else came. `NEVER` where no bucket ever will.
    """
    requests, inputs, outputs = limiter.request_bucket, limiter.input_bucket, limiter.output_bucket
    one, needed, reserved = 1.0, float(input_tokens), limiter.reserved
    if limiter.is_pacing:  # a call larger than a bucket leaves a debt
        one, needed = min(one, requests.capacity), min(needed, inputs.capacity)
        reserved = min(reserved, outputs.capacity)
    if needed > inputs.capacity or requests.capacity < one or reserved > outputs.capacity:
        return NEVER
    refill(requests, now_s)
    refill(inputs, now_s)
    refill(outputs, now_s)
    if (
        holds(requests.level, one, requests.rate_per_s)
        and holds(inputs.level, needed, inputs.rate_per_s)
        and holds(outputs.level, reserved, outputs.rate_per_s)
    ):
        requests.level -= 1
        inputs.level -= input_tokens
        outputs.level -= limiter.reserved
        limiter.requests += 1
        limiter.input_tokens += input_tokens
        return 0.0
    if limiter.counts_rejected:
        # Charge before the wait is computed: a client that waits exactly that long must then be admitted.
        requests.level = max(0.0, requests.level - 1)
        limiter.requests += 1
    return max(
        wait_for(requests.level, one, requests.rate_per_s, now_s),
        wait_for(inputs.level, needed, inputs.rate_per_s, now_s),
        wait_for(outputs.level, reserved, outputs.rate_per_s, now_s),
    )


def charge_output(limiter: RateLimiter, tokens: int, now_s: float) -> None:
    """Charge a call's output at its end, and give back its reservation; the bucket may go into debt."""
    outputs = limiter.output_bucket
    refill(outputs, now_s)
    outputs.level = min(outputs.capacity, outputs.level + limiter.reserved - tokens)
    limiter.output_tokens += tokens


def charge_input(limiter: RateLimiter, tokens: int, now_s: float) -> None:
    """Charge input that the coordinator has read; the bucket may go into debt."""
    refill(limiter.input_bucket, now_s)
    limiter.input_bucket.level -= tokens
    limiter.input_tokens += tokens


def counted(limiter: RateLimiter, length: int, cached: int) -> int:
    """Return the input tokens that count of a prompt of which some are read from the cache."""
    return length if limiter.counts_cache_reads else length - cached


def at_most(limiter: RateLimiter, input_tokens: int) -> int:
    """Return the input tokens, or what the bucket can hold where that is less."""
    return int(min(float(input_tokens), limiter.input_bucket.capacity))


def input_counted(limiter: RateLimiter, prompt: Prompt, cached: int, is_solo: bool) -> int:
    """Return the input tokens that count of an attempt's prompt.

    Of the coordinator's own context, a call takes no more than the bucket can hold.
    """
    tokens = counted(limiter, prompt_length(prompt), cached)
    return max(prompt.new, at_most(limiter, tokens)) if is_solo else tokens


@dataclass(slots=True)
class Latency:
    """The time of calls by their tokens; where tasks have a duration instead, all is 0 but `first_token`."""

    base: float = 0.0
    first_token: float = 0.0
    per_output: float = 0.0
    per_uncached_k: float = 0.0
    per_cached_k: float = 0.0


def make_latency(provider: Provider) -> Latency:
    """Return the latency of a provider."""
    of = provider.latency
    if of is None:
        return Latency(first_token=0.0 if provider.cache is None else provider.cache.first_token)
    return Latency(of.base, of.base, of.per_output_token, of.per_uncached_ktoken, of.per_cached_ktoken)


def first_token_s(latency: Latency, uncached: int, cached: int) -> float:
    """Return the time until a response begins, in seconds."""
    return (
        latency.first_token
        + uncached / 1000.0 * latency.per_uncached_k
        + cached / 1000.0 * latency.per_cached_k
    )


def call_s(latency: Latency, output: int, uncached: int, cached: int) -> float:
    """Return the time of a call, in seconds."""
    return (
        latency.base
        + uncached / 1000.0 * latency.per_uncached_k
        + cached / 1000.0 * latency.per_cached_k
        + output * latency.per_output
    )
