"""The API as SimPy's processes see it: the limits, and the line before them.

A provider that lets requests wait in line instead of rejecting them has a `Gateway` in front, and so has a
client that paces its calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import simpy

from dispatch_sim.model.api import RateLimiter, admit, charge_input, charge_output, make_latency, make_limiter
from dispatch_sim.model.arithmetic import NEVER
from dispatch_sim.scenario.model import Scenario

if TYPE_CHECKING:
    from dispatch_sim.model.simulation import Process


class Api:
    """The API as agents and the coordinator see it: its limiter, and what comes before that.

    Attributes
    ----------
    limiter, pacing : the provider's; and the client's own where it paces its calls, which is charged with
        what the provider's is charged with after admission.
    line : before the limits of either; None where requests are rejected instead.
    """

    def __init__(self, env: simpy.Environment, scenario: Scenario, *, paces: bool) -> None:
        provider = scenario.provider
        queues = provider.on_limit == "wait"
        self._env = env
        self.limiter = make_limiter(provider.limits, provider.accounting, queues=queues, is_pacing=False)
        self.pacing: RateLimiter | None = None
        if paces:
            limits = scenario.client.pacing.limits(provider.limits)
            self.pacing = make_limiter(limits, provider.accounting, queues=True, is_pacing=True)
        self.line = Gateway(env, self.pacing or self.limiter) if queues or paces else None
        self.latency = make_latency(provider)

    def admit(self, input_tokens: int) -> float:
        """Admit a request to the provider now, or reject it."""
        return admit(self.limiter, input_tokens, self._env.now)

    def charge_output(self, tokens: int) -> None:
        """Charge a call's output at its end."""
        charge_output(self.limiter, tokens, self._env.now)
        if self.pacing is not None:
            charge_output(self.pacing, tokens, self._env.now)
        if self.limiter.reserved and self.line is not None:
            self.line.recheck()  # what was given back may be enough for the first in line

    def charge_input(self, tokens: int) -> None:
        """Charge input that the coordinator has read."""
        charge_input(self.limiter, tokens, self._env.now)
        if self.pacing is not None:
            charge_input(self.pacing, tokens, self._env.now)


class Gateway:
    """A line before the limits, first in, first out; its head is served when the buckets hold enough."""

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
            wait_s = self._admit(input_tokens)
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
            wait_s = self._admit(input_tokens)
            if wait_s not in (0.0, NEVER):
                with suppress(simpy.Interrupt):
                    yield self._env.timeout(wait_s)
                continue
            self._line.popleft()
            admitted.succeed(self._answer(wait_s, send))
        self._server = None

    def _admit(self, input_tokens: Callable[[], int]) -> float:
        return admit(self._limiter, input_tokens(), self._env.now)

    def _answer(self, wait_s: float, send: Callable[[], float]) -> float:
        return send() if wait_s == 0.0 and self._limiter.is_pacing else wait_s
