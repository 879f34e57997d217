"""The model API: three token buckets that all agents and the coordinator share.

This is where a 429 is decided: `ModelApi.admit`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import simpy

from dispatch_sim.dispatch.rules import MINUTE_S, bucket_level, holds, wait_for
from dispatch_sim.scenario.provider import Accounting, Limits


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
        if now_s > self.updated_s and self.level < self.capacity:
            self.level = bucket_level(self.level, now_s - self.updated_s, self.rate_per_s, self.capacity)
        self.updated_s = now_s


class ModelApi:
    """Admits tries, or says after how long to come back.

    Attributes
    ----------
    requests, input_tokens, output_tokens : whole numbers, what the limiter has counted so far.
    """

    def __init__(self, env: simpy.Environment, limits: Limits, accounting: Accounting, waits: bool) -> None:
        self._env = env
        self.waits = waits
        """Whether a try that is not admitted waits in line, rather than being answered with a 429."""
        self._request_bucket = TokenBucket(limits.requests, limits)
        self._input_bucket = TokenBucket(limits.input_tokens, limits)
        self._output_bucket = TokenBucket(limits.output_tokens, limits)
        self._counts_refused = accounting.failed_requests and not waits  # in line nothing is refused
        self._reserved = accounting.max_tokens if accounting.output == "reserved" else 0.0
        self._line: deque[tuple[Callable[[], int], simpy.Event]] = deque()
        self._server: simpy.Process | None = None
        self.requests = 0
        self.input_tokens = 0
        self.output_tokens = 0

    def admit(self, input_tokens: int) -> float:
        """Admit a try and charge its request and input, or refuse it.

        A try is admitted when the buckets hold one request and the input that counts, and the output
        bucket holds what a request reserves, or is not in debt.

        Returns
        -------
        float
            0 where the try is admitted; else the `retry-after` of the 429, in seconds: the time until
            the buckets would hold enough if nobody else came. Infinite where no bucket ever will.
        """
        if self._never_holds(input_tokens):
            return math.inf
        now_s = self._env.now
        requests, inputs, outputs = self._request_bucket, self._input_bucket, self._output_bucket
        requests.refill(now_s)
        inputs.refill(now_s)
        outputs.refill(now_s)
        if (
            holds(requests.level, 1, requests.rate_per_s)
            and holds(inputs.level, input_tokens, inputs.rate_per_s)
            and holds(outputs.level, self._reserved, outputs.rate_per_s)
        ):
            requests.level -= 1
            inputs.level -= input_tokens
            outputs.level -= self._reserved
            self.requests += 1
            self.input_tokens += input_tokens
            return 0.0
        if self._counts_refused:
            # Before the wait is worked out: who waits as told must find enough, or nobody ever would.
            requests.level = max(0.0, requests.level - 1)
            self.requests += 1
        return max(
            wait_for(requests.level, 1, requests.rate_per_s, now_s),
            wait_for(inputs.level, input_tokens, inputs.rate_per_s, now_s),
            wait_for(outputs.level, self._reserved, outputs.rate_per_s, now_s),
        )

    def acquire(self, input_tokens: Callable[[], int]) -> Generator[simpy.Event, Any, bool]:
        """Admit a try that may wait in line, first in, first out; ends with False where it never can be.

        What it needs is asked when its turn comes: a wait can outlive an entry of the prompt cache.
        """
        admitted = self._env.event()
        place = (input_tokens, admitted)
        self._line.append(place)
        if len(self._line) == 1 and self._server is None:
            wait_s = self.admit(input_tokens())
            if wait_s in (0.0, math.inf):
                self._line.popleft()
                return wait_s == 0.0
            self._server = self._env.process(self._serve_line())
        try:
            return bool((yield admitted))
        except simpy.Interrupt:
            if not admitted.triggered:
                was_first = self._line[0] is place
                self._line.remove(place)
                if was_first and self._server is not None:
                    self._server.interrupt()  # the next may need less, and so wait for less
            raise

    def holds_at_most(self, input_tokens: int) -> int:
        """Return the input tokens, or what the bucket can hold where that is less."""
        return int(min(input_tokens, self._input_bucket.capacity))

    def charge_output(self, tokens: int) -> None:
        """Charge what a call has produced, at its end, and give back what it held; there may be debt."""
        outputs = self._output_bucket
        outputs.refill(self._env.now)
        outputs.level = min(outputs.capacity, outputs.level + self._reserved - tokens)
        self.output_tokens += tokens
        if self._reserved and self._server is not None:
            self._server.interrupt()  # what was given back may be enough for the first in line

    def charge_input(self, tokens: int) -> None:
        """Charge what the coordinator has read of an output; the bucket may go into debt."""
        self._input_bucket.refill(self._env.now)
        self._input_bucket.level -= tokens
        self.input_tokens += tokens

    def _never_holds(self, input_tokens: int) -> bool:
        return (
            input_tokens > self._input_bucket.capacity
            or self._request_bucket.capacity < 1
            or self._reserved > self._output_bucket.capacity
        )

    def _serve_line(self) -> Generator[simpy.Event, Any, None]:
        while self._line:
            input_tokens, admitted = self._line[0]
            wait_s = self.admit(input_tokens())
            if wait_s not in (0.0, math.inf):
                with suppress(simpy.Interrupt):
                    yield self._env.timeout(wait_s)
                continue
            self._line.popleft()
            admitted.succeed(wait_s == 0.0)
        self._server = None
