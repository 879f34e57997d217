"""The model API's rate limits: three token buckets that all agents and the coordinator share.

This is where a 429 is decided: `RateLimiter.admit`. A provider that lets requests wait in line instead of
rejecting them has a `Gateway` in front.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import simpy

from dispatch_sim.model import arithmetic
from dispatch_sim.model.arithmetic import MINUTE_S, NEVER
from dispatch_sim.scenario.provider import Accounting, Limits, Provider

if TYPE_CHECKING:
    from dispatch_sim.model.simulation import Process


class TokenBucket:
    """Holds up to `capacity`, refills continuously; starts full. Without a limit it is never empty."""

    __slots__ = ("capacity", "level", "rate_per_s", "updated_s")

    def __init__(self, per_minute: float | None, limits: Limits) -> None:
        self.rate_per_s = limits.per_minute(per_minute) / MINUTE_S
        self.capacity = limits.capacity(per_minute)
        self.level = self.capacity
        self.updated_s = -1.0

    def refill(self, now_s: float) -> None:
        """Bring the level up to date."""
        since_s = now_s - self.updated_s
        if since_s > 0.0 and self.level < self.capacity:
            self.level = arithmetic.bucket_level(self.level, since_s, self.rate_per_s, self.capacity)
        self.updated_s = now_s

    def holds(self, amount: float) -> bool:
        """Whether it holds an amount now."""
        return arithmetic.holds(self.level, amount, self.rate_per_s)

    def wait_for(self, amount: float, now_s: float) -> float:
        """Return the seconds until it holds an amount, if nobody else comes."""
        return arithmetic.wait_for(self.level, amount, self.rate_per_s, now_s)


class RateLimiter:
    """Admits requests, or rejects them with a `retry-after`.

    Attributes
    ----------
    requests, input_tokens, output_tokens : counted so far, whole numbers.
    gateway : the line before it, where requests wait; None where they are rejected instead.
    pacing : the client's own limiter, which is charged with what this one is charged with after admission.
    is_pacing : whether this one is the client's own.
    """

    def __init__(
        self,
        env: simpy.Environment,
        limits: Limits,
        accounting: Accounting,
        *,
        queues: bool,
        is_pacing: bool = False,
    ) -> None:
        self._env = env
        self._request_bucket = TokenBucket(limits.requests, limits)
        self._input_bucket = TokenBucket(limits.input_tokens, limits)
        self._output_bucket = TokenBucket(limits.output_tokens, limits)
        self._counts_rejected = accounting.failed_requests and not queues  # in line nothing is rejected
        self._reserved = accounting.max_tokens if accounting.output == "reserved" else 0.0
        self._counts_cache_reads = accounting.cache_reads
        self.requests = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.gateway = Gateway(env, self) if queues else None
        self.pacing: RateLimiter | None = None
        self.is_pacing = is_pacing

    def admit(self, input_tokens: int) -> float:
        """Admit a request and charge it, its input and what is reserved for its output; or reject it.

        Returns
        -------
        0 where it is admitted; else the `retry-after` of the 429: the seconds until the buckets would hold
        enough if nobody else came. `NEVER` where no bucket ever will.
        """
        requests, inputs, outputs = self._request_bucket, self._input_bucket, self._output_bucket
        reserved = self._reserved
        one, needed = 1.0, float(input_tokens)
        if self.is_pacing:  # a call larger than a bucket waits for a full one, and leaves a debt
            one, needed = min(one, requests.capacity), min(needed, inputs.capacity)
            reserved = min(reserved, outputs.capacity)
        if needed > inputs.capacity or requests.capacity < one or reserved > outputs.capacity:
            return NEVER
        now_s = self._env.now
        requests.refill(now_s)
        inputs.refill(now_s)
        outputs.refill(now_s)
        if requests.holds(one) and inputs.holds(needed) and outputs.holds(reserved):
            requests.level -= 1
            inputs.level -= input_tokens
            outputs.level -= self._reserved
            self.requests += 1
            self.input_tokens += input_tokens
            return 0.0
        if self._counts_rejected:
            # Charge before the wait is computed: a client that waits exactly that long must then be admitted.
            requests.level = max(0.0, requests.level - 1)
            self.requests += 1
        return max(
            requests.wait_for(one, now_s),
            inputs.wait_for(needed, now_s),
            outputs.wait_for(reserved, now_s),
        )

    def counted(self, length: int, cached: int) -> int:
        """Return the input tokens that count of a prompt of which some are read from the cache."""
        return length if self._counts_cache_reads else length - cached

    def at_most(self, input_tokens: int) -> int:
        """Return the input tokens, or what the bucket can hold where that is less."""
        return int(min(input_tokens, self._input_bucket.capacity))

    def charge_output(self, tokens: int) -> None:
        """Charge a call's output at its end, and give back its reservation; the bucket may go into debt."""
        outputs = self._output_bucket
        outputs.refill(self._env.now)
        outputs.level = min(outputs.capacity, outputs.level + self._reserved - tokens)
        self.output_tokens += tokens
        if self.pacing is not None:
            self.pacing.charge_output(tokens)
        if self._reserved and self.gateway is not None:
            self.gateway.recheck()  # what was given back may be enough for the first in line

    def charge_input(self, tokens: int) -> None:
        """Charge input that the coordinator has read; the bucket may go into debt."""
        self._input_bucket.refill(self._env.now)
        self._input_bucket.level -= tokens
        self.input_tokens += tokens
        if self.pacing is not None:
            self.pacing.charge_input(tokens)


class Gateway:
    """A line before the limits, first in, first out; its head is served when the buckets hold enough.

    The provider has one, or the client that paces its calls, for its own limiter.
    """

    def __init__(self, env: simpy.Environment, limiter: RateLimiter) -> None:
        self._env = env
        self._limiter = limiter
        self._line: deque[tuple[Callable[[], int], Callable[[], float], simpy.Event]] = deque()
        self._server: simpy.Process | None = None

    def acquire(self, input_tokens: Callable[[], int], send: Callable[[], float]) -> Process[float]:
        """Wait in line until a request is admitted; ends with the answer to it, `NEVER` if it never can be.

        Parameters
        ----------
        input_tokens : what it needs when its turn comes: a wait can outlive an entry of the prompt cache.
        send : sends the request to the provider, and returns its answer. The client's line calls it as
            soon as its turn comes; in the provider's line the request is admitted then.
        """
        admitted = self._env.event()
        entry = (input_tokens, send, admitted)
        self._line.append(entry)
        if len(self._line) == 1 and self._server is None:
            wait_s = self._limiter.admit(input_tokens())
            if wait_s in (0.0, NEVER):
                self._line.popleft()
                return self._answer(wait_s, send)
            self._server = self._env.process(self._serve())
        try:
            return float((yield admitted))
        except simpy.Interrupt:
            if not admitted.triggered:
                was_first = self._line[0] is entry
                self._line.remove(entry)
                if was_first:
                    self.recheck()  # the next may need less, and so wait for less
            raise

    def recheck(self) -> None:
        """Try again to admit the head of the line."""
        if self._server is not None:
            self._server.interrupt()

    def _serve(self) -> Process[None]:
        while self._line:
            input_tokens, send, admitted = self._line[0]
            wait_s = self._limiter.admit(input_tokens())
            if wait_s not in (0.0, NEVER):
                with suppress(simpy.Interrupt):
                    yield self._env.timeout(wait_s)
                continue
            self._line.popleft()
            admitted.succeed(self._answer(wait_s, send))
        self._server = None

    def _answer(self, wait_s: float, send: Callable[[], float]) -> float:
        return send() if wait_s == 0.0 and self._limiter.is_pacing else wait_s


class Latency:
    """The time of a call by its tokens; 0 where tasks have a duration instead."""

    def __init__(self, provider: Provider) -> None:
        self._latency = latency = provider.latency
        self._first_token_s = 0.0 if provider.cache is None else provider.cache.first_token
        if latency is not None:
            self._input = (latency.base, latency.per_uncached_ktoken, latency.per_cached_ktoken)

    def call_s(self, output: int, uncached: int, cached: int) -> float:
        """Return the time of a call."""
        if self._latency is None:
            return 0.0
        base, per_uncached, per_cached = self._input
        return arithmetic.call_time(
            output, uncached, cached, base, self._latency.per_output_token, per_uncached, per_cached
        )

    def first_token_s(self, uncached: int, cached: int) -> float:
        """Return the time until a response begins."""
        if self._latency is None:
            return self._first_token_s
        return arithmetic.first_token_time(uncached, cached, *self._input)
