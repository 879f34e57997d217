"""The provider's prompt cache: what can be read from it, and when."""

import math

from dispatch_sim.engine.records import State
from dispatch_sim.model.arithmetic import cache_readable


def prompt_length(s: State, t: int) -> int:
    """Return the length of a task's prompt."""
    prompt = s.tasks[t].prompt
    return prompt.spawn + prompt.context + prompt.new


def cached_tokens(s: State, t: int) -> int:
    """Return how many tokens at the beginning of a task's prompt can be read now."""
    prompt = s.tasks[t].prompt
    if not s.plan.has_cache:
        return prompt.spawn + prompt.context if prompt.sent else _cached_by_parent(s, t)
    own = cache_readable(-math.inf, prompt.sent_s, s.plan.cache_ttl_s, s.world.now_s)
    if prompt.sent >= s.plan.cache_minimum and own:
        return prompt.sent
    if prompt.shared >= max(1.0, s.plan.cache_minimum) and _shared_is_readable(s):
        return prompt.shared
    return _cached_by_parent(s, t)


def _cached_by_parent(s: State, t: int) -> int:
    """Return how many tokens of the coordinator's context, with which a prompt begins, can be read now."""
    if not s.plan.forks or s.groups[s.tasks[t].group].own_directory:
        return 0
    return min(s.tasks[t].prompt.inherited, context_cached(s))


def is_written(s: State, t: int, last: bool) -> bool:
    """Whether what is not read of a task's prompt is written to the cache, and billed so."""
    if not s.plan.has_cache:
        return s.tasks[t].prompt.sent > 0 or not last
    return prompt_length(s, t) >= s.plan.cache_minimum


def record(s: State, t: int, first_token_s: float) -> None:
    """Note that a task's prompt was admitted now; its response begins after `first_token_s`."""
    prompt = s.tasks[t].prompt
    if not s.plan.has_cache:
        prompt.sent = max(1, prompt_length(s, t))
        return
    prompt.sent, prompt.sent_s = prompt_length(s, t), s.world.now_s
    if prompt.shared >= s.plan.cache_minimum:
        record_shared(s, first_token_s)


def record_shared(s: State, first_token_s: float) -> None:
    """Note that the shared prefix was sent: write or refresh its entry."""
    if not _shared_is_readable(s) and not _is_pending(s):
        s.world.shared_readable_s = s.world.now_s + first_token_s
    s.world.shared_used_s = s.world.now_s


def shared_pending_s(s: State) -> float:
    """Return the time until the shared prefix that somebody has sent can be read."""
    if s.plan.has_cache and _is_pending(s):
        return s.world.shared_readable_s - s.world.now_s
    return 0.0


def is_cold(s: State) -> bool:
    """Whether the agents' shared prefix can be in the cache and is not to be read now."""
    can_be = s.plan.has_cache and s.plan.shared_prefix >= max(1.0, s.plan.cache_minimum)
    return can_be and not _shared_is_readable(s)


def context_cached(s: State) -> int:
    """Return how much of the coordinator's context can be read now; without timing, all of it."""
    context = s.world.context
    if not s.plan.has_cache:
        return context.length
    readable = cache_readable(-math.inf, context.sent_s, s.plan.cache_ttl_s, s.world.now_s)
    return context.sent if context.sent >= s.plan.cache_minimum and readable else 0


def _shared_is_readable(s: State) -> bool:
    return cache_readable(s.world.shared_readable_s, s.world.shared_used_s, s.plan.cache_ttl_s, s.world.now_s)


def _is_pending(s: State) -> bool:
    return s.world.now_s < s.world.shared_readable_s < math.inf
