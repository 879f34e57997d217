"""The model API, the prompt cache and the coordinator's context of the compiled engine."""

from __future__ import annotations

import math

from dispatch_sim.dispatch import rules
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.machine import at_once
from dispatch_sim.dispatch.compiled.routine import routine

_bucket_level = routine(rules.bucket_level)
_holds = routine(rules.holds)
_wait_for = routine(rules.wait_for, holds=_holds)
_cache_readable = routine(rules.cache_readable)
_first_token_time = routine(rules.first_token_time)
_call_time = routine(rules.call_time, first_token_time=_first_token_time)


@routine
def _refill(s: State, level: int, updated: int, rate: float, capacity: float) -> None:
    now_s = s.f[NOW]
    if now_s > s.f[updated] and s.f[level] < capacity:
        s.f[level] = _bucket_level(s.f[level], now_s - s.f[updated], rate, capacity)
    s.f[updated] = now_s


@routine
def admit(s: State, input_tokens: int) -> float:
    """Admit a try, or refuse it: 0, or the seconds after which to come back; infinite where it is hopeless."""
    need, reserved = float(input_tokens), s.pf[RESERVED]
    if need > s.pf[INPUT_CAPACITY] or s.pf[REQUEST_CAPACITY] < 1 or reserved > s.pf[OUTPUT_CAPACITY]:
        return math.inf
    _refill(s, REQUEST_LEVEL, REQUEST_UPDATED, s.pf[REQUEST_RATE], s.pf[REQUEST_CAPACITY])
    _refill(s, INPUT_LEVEL, INPUT_UPDATED, s.pf[INPUT_RATE], s.pf[INPUT_CAPACITY])
    _refill(s, OUTPUT_LEVEL, OUTPUT_UPDATED, s.pf[OUTPUT_RATE], s.pf[OUTPUT_CAPACITY])
    if (
        _holds(s.f[REQUEST_LEVEL], 1.0, s.pf[REQUEST_RATE])
        and _holds(s.f[INPUT_LEVEL], need, s.pf[INPUT_RATE])
        and _holds(s.f[OUTPUT_LEVEL], reserved, s.pf[OUTPUT_RATE])
    ):
        s.f[REQUEST_LEVEL] -= 1
        s.f[INPUT_LEVEL] -= need
        s.f[OUTPUT_LEVEL] -= reserved
        s.n[QUOTA_REQUESTS] += 1
        s.n[QUOTA_INPUT] += input_tokens
        return 0.0
    if s.pi[COUNTS_REFUSED]:
        s.f[REQUEST_LEVEL] = max(0.0, s.f[REQUEST_LEVEL] - 1)
        s.n[QUOTA_REQUESTS] += 1
    now_s = s.f[NOW]
    return max(
        _wait_for(s.f[REQUEST_LEVEL], 1.0, s.pf[REQUEST_RATE], now_s),
        _wait_for(s.f[INPUT_LEVEL], need, s.pf[INPUT_RATE], now_s),
        _wait_for(s.f[OUTPUT_LEVEL], reserved, s.pf[OUTPUT_RATE], now_s),
    )


@routine
def charge_output(s: State, tokens: int) -> None:
    """Charge what a call has written, and give back what it held."""
    reserved = s.pf[RESERVED]
    _refill(s, OUTPUT_LEVEL, OUTPUT_UPDATED, s.pf[OUTPUT_RATE], s.pf[OUTPUT_CAPACITY])
    s.f[OUTPUT_LEVEL] = min(s.pf[OUTPUT_CAPACITY], s.f[OUTPUT_LEVEL] + reserved - tokens)
    s.n[QUOTA_OUTPUT] += tokens
    if reserved > 0.0 and s.n[SERVER]:
        at_once(s, E_INTERRUPT_SERVER, 0, s.n[SERVERS])


@routine
def charge_input(s: State, tokens: int) -> None:
    """Charge what the coordinator has read of an output."""
    _refill(s, INPUT_LEVEL, INPUT_UPDATED, s.pf[INPUT_RATE], s.pf[INPUT_CAPACITY])
    s.f[INPUT_LEVEL] -= tokens
    s.n[QUOTA_INPUT] += tokens


@routine
def prompt_length(s: State, t: int) -> int:
    """Return the length of a task's prompt."""
    return s.ti[t, P_SPAWN] + s.ti[t, P_CONTEXT] + s.ti[t, P_NEW]


@routine
def shared_is_readable(s: State) -> bool:
    """Whether the shared prefix can be read now."""
    return _cache_readable(s.f[SHARED_READABLE], s.f[SHARED_USED], s.pf[TTL], s.f[NOW])


@routine
def _shared_is_pending(s: State) -> bool:
    return s.f[NOW] < s.f[SHARED_READABLE] < math.inf


@routine
def shared_pending(s: State) -> float:
    """Return the time until the shared prefix that somebody has sent can be read."""
    if s.pi[HAS_CACHE] and _shared_is_pending(s):
        return s.f[SHARED_READABLE] - s.f[NOW]
    return 0.0


@routine
def tokens_read(s: State, t: int) -> int:
    """Return how much of a task's prompt can be read from the cache now."""
    if not s.pi[HAS_CACHE]:
        return s.ti[t, P_SPAWN] + s.ti[t, P_CONTEXT] if s.ti[t, P_SENT] else 0
    if s.ti[t, P_SENT] >= s.pf[CACHE_MINIMUM] and _cache_readable(
        -math.inf, s.tf[t, SENT_S], s.pf[TTL], s.f[NOW]
    ):
        return s.ti[t, P_SENT]
    if s.ti[t, P_SHARED] >= s.pf[CACHE_MINIMUM] and shared_is_readable(s):
        return s.ti[t, P_SHARED]
    return 0


@routine
def is_written(s: State, t: int, last: bool) -> bool:
    """Whether what is not read of a prompt is written to the cache."""
    if not s.pi[HAS_CACHE]:
        return s.ti[t, P_SENT] > 0 or not last
    return prompt_length(s, t) >= s.pf[CACHE_MINIMUM]


@routine
def send_shared(s: State, first_token_s: float) -> None:
    """Write or refresh the entry of the shared prefix."""
    if not shared_is_readable(s) and not _shared_is_pending(s):
        s.f[SHARED_READABLE] = s.f[NOW] + first_token_s
    s.f[SHARED_USED] = s.f[NOW]


@routine
def send(s: State, t: int, first_token_s: float) -> None:
    """Note that a task's prompt was admitted now."""
    if not s.pi[HAS_CACHE]:
        s.ti[t, P_SENT] = max(1, prompt_length(s, t))
        return
    s.ti[t, P_SENT], s.tf[t, SENT_S] = prompt_length(s, t), s.f[NOW]
    if s.ti[t, P_SHARED] >= s.pf[CACHE_MINIMUM]:
        send_shared(s, first_token_s)


@routine
def counted(s: State, length: int, read: int) -> int:
    """Return the input tokens that the limiter counts for a prompt."""
    return length if s.pi[COUNTS_READS] else length - read


@routine
def quota_need(s: State, t: int) -> int:
    """Return the input tokens that the limiter would count for a task's prompt now."""
    return counted(s, prompt_length(s, t), tokens_read(s, t))


@routine
def first_token_time(s: State, uncached: int, cached: int) -> float:
    """Return the time until a response begins."""
    if s.pi[HAS_LATENCY]:
        return _first_token_time(
            uncached, cached, s.pf[LATENCY_BASE], s.pf[LATENCY_UNCACHED], s.pf[LATENCY_CACHED]
        )
    return s.pf[FIRST_TOKEN] if s.pi[HAS_CACHE] else 0.0


@routine
def latency(s: State, output: int, uncached: int, cached: int) -> float:
    """Return the time of a call by what it does."""
    if not s.pi[HAS_LATENCY]:
        return 0.0
    return _call_time(
        output,
        uncached,
        cached,
        s.pf[LATENCY_BASE],
        s.pf[LATENCY_OUTPUT],
        s.pf[LATENCY_UNCACHED],
        s.pf[LATENCY_CACHED],
    )


@routine
def context_read(s: State) -> int:
    """Return how much of the coordinator's context can be read now."""
    if not s.pi[HAS_CACHE]:
        return s.n[CONTEXT_LENGTH]
    kept = s.n[CONTEXT_SENT] >= s.pf[CACHE_MINIMUM] and _cache_readable(
        -math.inf, s.f[CONTEXT_SENT_S], s.pf[TTL], s.f[NOW]
    )
    return s.n[CONTEXT_SENT] if kept else 0


@routine
def coordinator_need(s: State, tokens: int) -> int:
    """Return the input tokens that a call of the coordinator takes: what it sends, or all that can be there.

    `tokens` is what it sends, or -1 for its context.
    """
    if tokens < 0:
        tokens = counted(s, s.n[CONTEXT_LENGTH], context_read(s)) if s.pi[HAS_CONTEXT] else 0
    return int(min(float(tokens), s.pf[INPUT_CAPACITY]))
