"""The prompt cache: the part of a prompt that is read instead of sent again.

A prompt begins with the spawn tokens, the shared ones first; then comes all that the agent has sent and
been answered so far; then the new input.
"""

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

    def __init__(self, limits: ContextLimits) -> None:
        self.limits = limits
        self.length = self.sent = whole(limits.start)
        self.sent_s = 0.0

    @property
    def is_too_long(self) -> bool:
        """Whether it has to be compacted before the next turn."""
        return self.length > self.limits.window

    def summarise(self, summed_up: int) -> None:
        """Leave what it began with, which can be read, the summary, and what has come since."""
        self.length += whole(self.limits.start) - summed_up
        self.sent = whole(self.limits.start)


class Prompt:
    """What an attempt sends in its next call.

    Attributes
    ----------
    spawn, shared : tokens that it begins with, and of these the ones that all sub-agents share.
    inherited, parent : tokens of the coordinator's context before these, included in `spawn`; and that
        context, where they can be read from its cache entry.
    context : tokens of earlier calls, in and out.
    new, messages : tokens of new input, and of these the ones that come from other agents.
    sent, sent_s : length of the last prompt that was sent, and when; 0 and -inf before the first.
    """

    __slots__ = ("context", "inherited", "messages", "new", "parent", "sent", "sent_s", "shared", "spawn")

    def __init__(self, spawn: int, shared: int, inherited: int = 0, parent: Context | None = None) -> None:
        self.spawn = spawn
        self.inherited = inherited
        self.parent = parent
        self.shared = min(shared, spawn)
        self.context = 0
        self.new = 0
        self.messages = 0
        self.sent = 0
        self.sent_s = -math.inf

    @property
    def length(self) -> int:
        """All of it."""
        return self.spawn + self.context + self.new

    def go_back_to(self, context: int) -> None:
        """Go back to an earlier end of the conversation, before the call that failed.

        Its own new input is sent again and can be read; the messages with it are replaced by others.
        """
        self.context = context
        self.sent = min(self.sent, self.length - self.messages)


class PromptCache:
    """The provider's prompt cache.

    Without timing (`cache` is None) an agent reads all that it sent and was answered before, and agents share
    nothing. With it, an entry can be read from when a response begins until the TTL after its last use.
    """

    def __init__(self, env: simpy.Environment, cache: Cache | None) -> None:
        self._env = env
        self._is_timed = cache is not None
        self._minimum = 0.0 if cache is None else cache.minimum
        self._ttl_s = 0.0 if cache is None else cache.ttl
        self._shared_readable_s = math.inf
        self._shared_used_s = -math.inf

    def cached_tokens(self, prompt: Prompt) -> int:
        """Return how many tokens at the beginning of a prompt can be read now.

        They are what the agent sent last, or else the part of its beginning that others sent.
        """
        if not self._is_timed and prompt.sent:
            return prompt.spawn + prompt.context
        if self._is_timed and self._last_is_readable(prompt):
            return prompt.sent
        if self._can_share(prompt.shared) and self._shared_is_readable():
            return prompt.shared
        return 0 if prompt.parent is None else min(prompt.inherited, self.context_cached(prompt.parent))

    def context_cached(self, context: Context) -> int:
        """Return how many tokens of the coordinator's context can be read now; without timing all of them."""
        if not self._is_timed:
            return context.length
        return context.sent if self._last_is_readable(context) else 0

    def is_written(self, prompt: Prompt, last: bool) -> bool:
        """Whether what is not read is written to the cache, and billed so.

        With timing, if the prompt is long enough; without, if this is not the only call.
        """
        if self._is_timed:
            return prompt.length >= self._minimum
        return prompt.sent > 0 or not last

    def record(self, prompt: Prompt, first_token_s: float) -> None:
        """Note that a prompt was admitted now, and write or refresh its entries.

        They are those of its own length and of its shared prefix; its response begins after `first_token_s`.
        """
        if not self._is_timed:
            prompt.sent = max(1, prompt.length)
            return
        prompt.sent, prompt.sent_s = prompt.length, self._env.now
        if prompt.shared >= self._minimum:
            self.record_shared(first_token_s)

    def record_shared(self, first_token_s: float) -> None:
        """Write or refresh the entry of the shared prefix."""
        if not self._shared_is_readable() and not self._is_pending():
            self._shared_readable_s = self._env.now + first_token_s
        self._shared_used_s = self._env.now

    def shared_pending_s(self) -> float:
        """Return the time until the shared prefix that somebody has sent can be read; 0 if nobody has."""
        return self._shared_readable_s - self._env.now if self._is_pending() else 0.0

    def is_cold(self, prefix: int) -> bool:
        """Whether a shared prefix could be in the cache and is not to be read now."""
        return self._can_share(prefix) and not self._shared_is_readable()

    def _last_is_readable(self, sent: Prompt | Context) -> bool:
        """Whether the last that was sent can be read: from when it was answered, which is before the next."""
        fresh = cache_readable(-math.inf, sent.sent_s, self._ttl_s, self._env.now)
        return sent.sent >= self._minimum and fresh

    def _can_share(self, prefix: int) -> bool:
        return self._is_timed and prefix >= max(1, self._minimum)

    def _shared_is_readable(self) -> bool:
        return cache_readable(self._shared_readable_s, self._shared_used_s, self._ttl_s, self._env.now)

    def _is_pending(self) -> bool:
        return self._env.now < self._shared_readable_s < math.inf
