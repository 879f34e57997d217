"""The coordinator: a resource that dispatches tasks and merges outputs, in turns that are model calls.

It has a context, which grows, and shares its agents' limits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import simpy

from dispatch_sim.model.accounting import Purpose, Usage
from dispatch_sim.model.arithmetic import cache_readable
from dispatch_sim.model.events import COORDINATOR, Activity
from dispatch_sim.scenario.coordination import Context as ContextLimits
from dispatch_sim.scenario.provider import Cache
from dispatch_sim.scenario.quantities import whole

if TYPE_CHECKING:
    from dispatch_sim.model.simulation import Simulation

Process = Generator[simpy.Event, Any, None]


class Context:
    """The coordinator's context.

    Attributes
    ----------
    length : tokens of all that was said.
    sent, sent_s : how much of it a call has sent, and when the last did. It begins as just sent.
    """

    def __init__(self, limits: ContextLimits, cache: Cache | None) -> None:
        self.limits = limits
        self._cache = cache
        self.length = self.sent = whole(limits.start)
        self.sent_s = 0.0

    def cached_tokens(self, now_s: float) -> int:
        """Return how many of its tokens can be read now; without timing all of them."""
        cache = self._cache
        if cache is None:
            return self.length
        kept = self.sent >= cache.minimum and cache_readable(-math.inf, self.sent_s, cache.ttl, now_s)
        return self.sent if kept else 0

    def summarise(self, summed_up: int) -> None:
        """Leave what it began with, which can be read, the summary, and what has come since."""
        self.length += whole(self.limits.start) - summed_up
        self.sent = whole(self.limits.start)


class Coordinator(simpy.Resource):
    """The coordinating agent: `request()` a turn, `start_turn()` it, `write()` at its end."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim.env, capacity=1)
        self._sim = sim
        self._costs = sim.scenario.dispatch
        limits = self._costs.context
        self._context = None if limits is None else Context(limits, sim.scenario.provider.cache)

    def start_turn(self) -> Process:
        """Get a turn admitted, which reads all of the context; too long a one is compacted first."""
        context = self._context
        if context is None:
            yield from self._send(lambda: 0)
            return
        if context.length > context.limits.window:
            yield from self._compact(context)
        yield from self._send_context(context)

    def write(self, usage: Usage, tokens: float) -> None:
        """Charge and book what was written in a turn, at its end."""
        written = whole(tokens)
        usage.tokens += written
        usage.output += written
        self._sim.limiter.charge_output(written)
        if self._context is not None:
            self._context.length += written

    def write_briefs(self, briefs: int) -> None:
        """Charge and book a turn in which briefs were written."""
        costs = self._costs
        usage = self._sim.ledger.usage[Purpose.COORDINATION]
        self.write(usage, costs.turn.tokens + briefs * costs.brief.tokens)

    def read_result(self, usage: Usage, tokens: int) -> None:
        """Charge and book an agent's result, which the coordinator has read and keeps in its context."""
        self._sim.limiter.charge_input(tokens)
        usage.tokens = tokens
        if self._context is None:
            usage.input = tokens
        else:
            usage.cache_write = tokens
            self._context.length += tokens
            self._context.sent += tokens

    def prewarm(self) -> Process:
        """Write the agents' shared prefix to the cache, where it cannot be read: a call without output."""
        sim = self._sim
        prefix = sim.shared_prefix
        if not sim.cache.is_cold(prefix):
            return
        yield from self._send(lambda: prefix)
        usage = sim.ledger.usage[Purpose.COORDINATION]
        usage.tokens += prefix
        usage.cache_write += prefix
        first_token_s = sim.latency.first_token_s(prefix, 0)
        sim.cache.record_shared(first_token_s)
        start_s = sim.env.now
        yield sim.env.timeout(first_token_s)
        sim.limiter.charge_output(0)
        sim.log(start_s, Activity.PREWARM, COORDINATOR, tokens=prefix)

    def write_interim_brief(self) -> Process:
        """Write the brief for a second round, in a turn."""
        sim = self._sim
        brief = sim.scenario.communication.brief
        with self.request() as turn:
            yield turn
            start_s = sim.env.now
            yield from self.start_turn()
            yield sim.env.timeout(brief.time)
            self.write(sim.ledger.usage[Purpose.COORDINATION], brief.tokens)
            sim.log(start_s, Activity.INTERIM, COORDINATOR)

    def _compact(self, context: Context) -> Process:
        """Shorten the context to a summary, in a call that reads all of it."""
        sim, compaction = self._sim, context.limits.compaction
        yield from self._send_context(context)
        start_s, summed_up = sim.env.now, context.length
        yield sim.env.timeout(compaction.time)
        self.write(sim.ledger.usage[Purpose.CONTEXT], compaction.tokens)
        context.summarise(summed_up)
        sim.ledger.compactions += 1
        sim.log(start_s, Activity.COMPACTION, COORDINATOR)

    def _send_context(self, context: Context) -> Process:
        """Get a call admitted that begins with the whole context, and book what of it is read and written."""
        sim = self._sim
        yield from self._send(lambda: sim.limiter.counted(context.length, context.cached_tokens(sim.env.now)))
        cached = context.cached_tokens(sim.env.now)
        usage = sim.ledger.usage[Purpose.CONTEXT]
        usage.cache_read += cached
        usage.cache_write += context.length - cached
        context.sent, context.sent_s = context.length, sim.env.now

    def _send(self, input_tokens: Callable[[], int]) -> Process:
        """Get a call admitted. It never gives up: it comes back when there should be enough.

        One that needs more than the input bucket can hold takes all of it: nobody can do without it.
        """
        sim, limiter = self._sim, self._sim.limiter
        if limiter.gateway is not None:
            yield from limiter.gateway.acquire(lambda: limiter.at_most(input_tokens()))
            return

        def request() -> float:
            return limiter.admit(limiter.at_most(input_tokens()))

        if sim.pacing is None:
            retry_after_s = request()
        else:
            retry_after_s = yield from sim.pacing.acquire(lambda: limiter.at_most(input_tokens()), request)
        while retry_after_s:
            sim.ledger.rejected_requests += 1
            sim.log(sim.env.now, Activity.LIMITED, COORDINATOR)
            yield sim.env.timeout(retry_after_s)
            retry_after_s = request()
