"""The prompt cache: the part of a prompt that is read instead of sent again.

A prompt begins with the spawn tokens, the shared ones first; then comes all that the agent has sent and
been answered so far; then the new input. The compiled engine compiles the functions of this module as they
are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dispatch_sim.model.arithmetic import cache_readable
from dispatch_sim.scenario.coordination import Context as ContextLimits
from dispatch_sim.scenario.provider import Cache
from dispatch_sim.scenario.quantities import whole


@dataclass(slots=True)
class Context:
    """The coordinator's context.

    Attributes
    ----------
    is_kept : whether it has one; else turns read nothing again.
    start, window : the length it begins with, and the one above which it is compacted before a turn.
    length : tokens of all that was said.
    sent, sent_s : how much of it a call has sent, and when the last did. It begins as just sent.
    """

    is_kept: bool = False
    start: int = 0
    window: float = math.inf
    length: int = 0
    sent: int = 0
    sent_s: float = 0.0


def make_context(limits: ContextLimits | None) -> Context:
    """Return the context that a batch begins with."""
    if limits is None:
        return Context()
    start = whole(limits.start)
    return Context(True, start, limits.window, length=start, sent=start)


def is_too_long(context: Context) -> bool:
    """Whether the context has to be compacted before the next turn."""
    return context.length > context.window


def summarise(context: Context, summed_up: int) -> None:
    """Leave what it began with, which can be read, the summary, and what has come since."""
    context.length += context.start - summed_up
    context.sent = context.start


@dataclass(slots=True)
class Prompt:
    """What an attempt sends in its next call.

    Attributes
    ----------
    spawn, shared : tokens that it begins with, and of these the ones that all sub-agents share.
    inherited, reads_context : tokens of the coordinator's context before these, included in `spawn`; and
        whether they can be read from that context's cache entry.
    context : tokens of earlier calls, in and out.
    new, messages : tokens of new input, and of these the ones that come from other agents.
    sent, sent_s : length of the last prompt that was sent, and when; 0 and -inf before the first.
    """

    spawn: int
    shared: int
    inherited: int
    reads_context: bool
    context: int = 0
    new: int = 0
    messages: int = 0
    sent: int = 0
    sent_s: float = -math.inf


def prompt_length(prompt: Prompt) -> int:
    """Return the length of all of a prompt."""
    return prompt.spawn + prompt.context + prompt.new


def go_back_to(prompt: Prompt, context: int) -> None:
    """Go back to an earlier end of the conversation, before the call that failed.

    Its own new input is sent again and can be read; the messages with it are replaced by others.
    """
    prompt.context = context
    prompt.sent = min(prompt.sent, prompt_length(prompt) - prompt.messages)


@dataclass(slots=True)
class PromptCache:
    """The provider's prompt cache, and the entry of the prefix that agents share.

    Without timing an agent reads all that it sent and was answered before, and agents share nothing. With it,
    an entry can be read from when a response begins until the TTL after its last use.
    """

    is_timed: bool
    minimum: float
    ttl_s: float
    shared_readable_s: float = math.inf
    shared_used_s: float = -math.inf


def make_cache(cache: Cache | None) -> PromptCache:
    """Return the cache of a provider, with no entry."""
    return PromptCache(False, 0.0, 0.0) if cache is None else PromptCache(True, cache.minimum, cache.ttl)


def cached_tokens(cache: PromptCache, prompt: Prompt, context: Context, now_s: float) -> int:
    """Return how many tokens at the beginning of a prompt can be read now.

    They are what the agent sent last, or else the part of its beginning that others sent.
    """
    if not cache.is_timed and prompt.sent:
        return prompt.spawn + prompt.context
    if cache.is_timed and last_is_readable(cache, prompt.sent, prompt.sent_s, now_s):
        return prompt.sent
    if can_share(cache, prompt.shared) and shared_is_readable(cache, now_s):
        return prompt.shared
    return min(prompt.inherited, context_cached(cache, context, now_s)) if prompt.reads_context else 0


def context_cached(cache: PromptCache, context: Context, now_s: float) -> int:
    """Return how many tokens of the coordinator's context can be read now; without timing all of them."""
    if not cache.is_timed:
        return context.length
    return context.sent if last_is_readable(cache, context.sent, context.sent_s, now_s) else 0


def is_written(cache: PromptCache, prompt: Prompt, is_last: bool) -> bool:
    """Whether what is not read is written to the cache, and billed so.

    With timing, if the prompt is long enough; without, if this is not the only call.
    """
    if cache.is_timed:
        return prompt_length(prompt) >= cache.minimum
    return prompt.sent > 0 or not is_last


def record(cache: PromptCache, prompt: Prompt, first_token_s: float, now_s: float) -> None:
    """Note that a prompt was admitted now, and write or refresh its entries.

    They are those of its own length and of its shared prefix; its response begins after `first_token_s`.
    """
    if not cache.is_timed:
        prompt.sent = max(1, prompt_length(prompt))
        return
    prompt.sent, prompt.sent_s = prompt_length(prompt), now_s
    if prompt.shared >= cache.minimum:
        record_shared(cache, first_token_s, now_s)


def record_shared(cache: PromptCache, first_token_s: float, now_s: float) -> None:
    """Write or refresh the entry of the shared prefix."""
    if not shared_is_readable(cache, now_s) and not shared_pending_s(cache, now_s):
        cache.shared_readable_s = now_s + first_token_s
    cache.shared_used_s = now_s


def shared_pending_s(cache: PromptCache, now_s: float) -> float:
    """Return the time until the shared prefix that somebody has sent can be read; 0 if nobody has."""
    return cache.shared_readable_s - now_s if now_s < cache.shared_readable_s < math.inf else 0.0


def is_cold(cache: PromptCache, prefix: int, now_s: float) -> bool:
    """Whether a shared prefix could be in the cache and is not to be read now."""
    return can_share(cache, prefix) and not shared_is_readable(cache, now_s)


def last_is_readable(cache: PromptCache, sent: int, sent_s: float, now_s: float) -> bool:
    """Whether the last that was sent can be read: from when it was answered, which is before the next."""
    return sent >= cache.minimum and cache_readable(-math.inf, sent_s, cache.ttl_s, now_s)


def can_share(cache: PromptCache, prefix: int) -> bool:
    """Whether a shared prefix is long enough to be cached."""
    return cache.is_timed and prefix >= max(1.0, cache.minimum)


def shared_is_readable(cache: PromptCache, now_s: float) -> bool:
    """Whether the shared prefix can be read."""
    return cache_readable(cache.shared_readable_s, cache.shared_used_s, cache.ttl_s, now_s)
