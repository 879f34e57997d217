"""The prompt cache: how much of a prompt can be read rather than sent anew.

A prompt begins with the spawn tokens, the shared ones first; then comes all that the agent has sent and
been answered so far; then the new input.
"""

from __future__ import annotations

import math
from typing import Protocol

import simpy

from dispatch_sim.dispatch.rules import cache_readable
from dispatch_sim.scenario.provider import Cache
from dispatch_sim.scenario.quantities import whole


class Prompt:
    """What an attempt sends in its next call.

    Attributes
    ----------
    spawn, shared : tokens that it begins with, and of these the ones that all sub-agents share.
    context : tokens of earlier calls, in and out.
    new : tokens of new input.
    heard : of these, what is there to hear of other agents.
    sent, sent_s : length of the last prompt that was sent, and when; 0 and -inf before the first.
    """

    __slots__ = ("context", "heard", "new", "sent", "sent_s", "shared", "spawn")

    def __init__(self, spawn: int, shared: int) -> None:
        self.spawn = spawn
        self.shared = min(shared, spawn)
        self.context = 0
        self.new = 0
        self.heard = 0
        self.sent = 0
        self.sent_s = -math.inf

    @property
    def length(self) -> int:
        """All of it."""
        return self.spawn + self.context + self.new


class Conversation:
    """The coordinator's own context.

    Attributes
    ----------
    length : of all that was said.
    sent, sent_s : how much of it a call has sent, and when the last did. It begins as just sent.
    """

    __slots__ = ("length", "sent", "sent_s")

    def __init__(self, start: float) -> None:
        self.length = self.sent = whole(start)
        self.sent_s = 0.0

    def tokens_read(self, now_s: float, cache: Cache | None) -> int:
        """Return how many of its tokens can be read now; without timing (no `cache`) all of them."""
        if cache is None:
            return self.length
        kept = self.sent >= cache.minimum and cache_readable(-math.inf, self.sent_s, cache.ttl, now_s)
        return self.sent if kept else 0


class PromptCache(Protocol):
    """What an agent asks of the cache."""

    def tokens_read(self, prompt: Prompt) -> int:
        """Return how many tokens at the beginning of a prompt can be read now."""

    def is_written(self, prompt: Prompt, last: bool) -> bool:
        """Whether what is not read is written to the cache, and billed so; `last` is its last call."""

    def send(self, prompt: Prompt, first_token_s: float) -> None:
        """Note that a prompt was admitted now; its response begins after `first_token_s`."""

    def shared_pending_s(self) -> float:
        """Return the time until the shared prefix that somebody has sent can be read; 0 if nobody has."""


class WarmCache:
    """Without timing: an agent reads all that it sent and was answered before, and agents share nothing."""

    def tokens_read(self, prompt: Prompt) -> int:
        """Return all but the new input, once the prompt has been sent."""
        return prompt.spawn + prompt.context if prompt.sent else 0

    def is_written(self, prompt: Prompt, last: bool) -> bool:
        """Whether there is a later call, or there was an earlier one."""
        return bool(prompt.sent) or not last

    def send(self, prompt: Prompt, first_token_s: float) -> None:
        """Note that it was sent."""
        prompt.sent = max(1, prompt.length)

    def shared_pending_s(self) -> float:
        """Return 0: nothing is shared."""
        return 0.0


class TimedCache:
    """With entries that can be read from when a response begins until the TTL after their last use."""

    def __init__(self, env: simpy.Environment, cache: Cache) -> None:
        self._env = env
        self._ttl_s = cache.ttl
        self._minimum = cache.minimum
        self._shared_readable_s = math.inf
        self._shared_used_s = -math.inf

    def tokens_read(self, prompt: Prompt) -> int:
        """Return what the agent sent last, or else the shared prefix that somebody sent.

        The agent's own last prompt can be read as soon as it was answered, which is before its next call.
        """
        now_s = self._env.now
        if prompt.sent >= self._minimum and cache_readable(-math.inf, prompt.sent_s, self._ttl_s, now_s):
            return prompt.sent
        if prompt.shared >= self._minimum and self._shared_is_readable(now_s):
            return prompt.shared
        return 0

    def is_written(self, prompt: Prompt, last: bool) -> bool:
        """Whether the prompt is long enough to be cached."""
        return prompt.length >= self._minimum

    def send(self, prompt: Prompt, first_token_s: float) -> None:
        """Write or refresh the entries of the prompt's own length and of its shared prefix."""
        now_s = self._env.now
        prompt.sent, prompt.sent_s = prompt.length, now_s
        if prompt.shared >= self._minimum:
            self.send_shared(first_token_s)

    def send_shared(self, first_token_s: float) -> None:
        """Write or refresh the entry of the shared prefix."""
        now_s = self._env.now
        if not self._shared_is_readable(now_s) and not self._is_pending(now_s):
            self._shared_readable_s = now_s + first_token_s
        self._shared_used_s = now_s

    def shared_pending_s(self) -> float:
        """Return the time until the shared prefix that somebody has sent can be read; 0 if nobody has."""
        now_s = self._env.now
        return self._shared_readable_s - now_s if self._is_pending(now_s) else 0.0

    def caches(self, length: int) -> bool:
        """Whether a prefix is long enough to be cached."""
        return length >= max(1, self._minimum)

    def shared_is_readable(self) -> bool:
        """Whether the shared prefix can be read now."""
        return self._shared_is_readable(self._env.now)

    def _shared_is_readable(self, now_s: float) -> bool:
        return cache_readable(self._shared_readable_s, self._shared_used_s, self._ttl_s, now_s)

    def _is_pending(self, now_s: float) -> bool:
        return now_s < self._shared_readable_s < math.inf
