"""The prompt cache: the part of a prompt that is read instead of sent again.

A prompt begins with the spawn tokens, the shared ones first; then comes all that the agent has sent and
been answered so far; then the new input.
"""

from __future__ import annotations

import math

import simpy

from dispatch_sim.model.arithmetic import cache_readable
from dispatch_sim.model.context import Context
from dispatch_sim.scenario.provider import Cache


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

    @property
    def cached_by_parent(self) -> int:
        """Tokens of the coordinator's context that can be read now."""
        return 0 if self.parent is None else min(self.inherited, self.parent.cached_tokens)


class WarmCache:
    """Without timing: an agent reads all that it sent and was answered before, and agents share nothing."""

    def cached_tokens(self, prompt: Prompt) -> int:
        """Return how many tokens at the beginning of a prompt can be read now: all but the new input."""
        return prompt.spawn + prompt.context if prompt.sent else prompt.cached_by_parent

    def is_written(self, prompt: Prompt, last: bool) -> bool:
        """Whether what is not read is written to the cache, and billed so: if it is not its only call."""
        return bool(prompt.sent) or not last

    def record(self, prompt: Prompt, first_token_s: float) -> None:
        """Note that a prompt was admitted now; its response begins after `first_token_s`."""
        prompt.sent = max(1, prompt.length)

    def shared_pending_s(self) -> float:
        """Return the time until the shared prefix that somebody has sent can be read: nothing is shared."""
        return 0.0

    def record_shared(self, first_token_s: float) -> None:
        """Note that the shared prefix was sent by itself."""

    def is_cold(self, prefix: int) -> bool:
        """Whether a shared prefix could be in the cache and is not to be read now."""
        return False


class TimedCache:
    """With entries that can be read from when a response begins until the TTL after their last use."""

    def __init__(self, env: simpy.Environment, cache: Cache) -> None:
        self._env = env
        self._ttl_s = cache.ttl
        self._minimum = cache.minimum
        self._shared_readable_s = math.inf
        self._shared_used_s = -math.inf

    def cached_tokens(self, prompt: Prompt) -> int:
        """Return what the agent sent last, or else the part of its beginning that others sent.

        The agent's own last prompt can be read as soon as it was answered, which is before its next call.
        """
        if prompt.sent >= self._minimum and cache_readable(
            -math.inf, prompt.sent_s, self._ttl_s, self._env.now
        ):
            return prompt.sent
        if prompt.shared >= max(1, self._minimum) and self._shared_is_readable():
            return prompt.shared
        return prompt.cached_by_parent

    def is_written(self, prompt: Prompt, last: bool) -> bool:
        """Whether the prompt is long enough to be cached."""
        return prompt.length >= self._minimum

    def record(self, prompt: Prompt, first_token_s: float) -> None:
        """Write or refresh the entries of the prompt's own length and of its shared prefix."""
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
        return prefix >= max(1, self._minimum) and not self._shared_is_readable()

    def _shared_is_readable(self) -> bool:
        return cache_readable(self._shared_readable_s, self._shared_used_s, self._ttl_s, self._env.now)

    def _is_pending(self) -> bool:
        return self._env.now < self._shared_readable_s < math.inf
