"""The coordinator's context: its length, and how much of it can be read from the prompt cache."""

from __future__ import annotations

import math

import simpy

from dispatch_sim.model.arithmetic import cache_readable
from dispatch_sim.scenario.coordination import Context as ContextLimits
from dispatch_sim.scenario.provider import Cache
from dispatch_sim.scenario.quantities import whole


class Context:
    """The coordinator's context.

    Attributes
    ----------
    length : tokens of all that was said.
    sent, sent_s : how much of it a call has sent, and when the last did. It begins as just sent.
    """

    def __init__(self, env: simpy.Environment, limits: ContextLimits, cache: Cache | None) -> None:
        self._env = env
        self.limits = limits
        self._cache = cache
        self.length = self.sent = whole(limits.start)
        self.sent_s = 0.0

    @property
    def cached_tokens(self) -> int:
        """How many of its tokens can be read now; without timing all of them."""
        cache = self._cache
        if cache is None:
            return self.length
        readable = cache_readable(-math.inf, self.sent_s, cache.ttl, self._env.now)
        return self.sent if self.sent >= cache.minimum and readable else 0

    @property
    def is_too_long(self) -> bool:
        """Whether it has to be compacted before the next turn."""
        return self.length > self.limits.window

    def summarise(self, summed_up: int) -> None:
        """Leave what it began with, which can be read, the summary, and what has come since."""
        self.length += whole(self.limits.start) - summed_up
        self.sent = whole(self.limits.start)
