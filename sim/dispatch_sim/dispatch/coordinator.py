"""The coordinator's own model calls; it is a resource, has a context, and shares its agents' limits."""

from __future__ import annotations

from collections.abc import Callable

from dispatch_sim.dispatch.cache import TimedCache
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.outcome import Cause, Usage
from dispatch_sim.dispatch.world import COORDINATOR, Process, World
from dispatch_sim.scenario.quantities import whole


def begin_turn(world: World) -> Process:
    """Get a turn of the coordinator admitted, which reads all of its context; too long a one is compacted."""
    context = world.context
    if context is None:
        yield from _get_admitted(world, lambda: 0)
        return
    limits = world.scenario.dispatch.context
    assert limits is not None
    if context.length > limits.window:
        yield from _compact(world)
    yield from _send_context(world)


def charge_writing(world: World, usage: Usage, tokens: float) -> None:
    """Charge and book what the coordinator has written in a call, at its end."""
    written = whole(tokens)
    usage.tokens += written
    usage.output += written
    world.api.charge_output(written)
    if world.context is not None:
        world.context.length += written


def read_return(world: World, usage: Usage, tokens: int) -> None:
    """Charge and book an agent's result, which the coordinator has read and keeps in its context."""
    world.api.charge_input(tokens)
    usage.tokens = tokens
    if world.context is None:
        usage.input = tokens
    else:
        usage.cache_write = tokens
        world.context.length += tokens
        world.context.sent += tokens


def prefix_is_cold(world: World) -> bool:
    """Whether the agents' shared prefix can be in the cache and is not to be read now."""
    cache = world.cache
    return (
        isinstance(cache, TimedCache) and cache.caches(world.shared_tokens) and not cache.shared_is_readable()
    )


def warm_prefix(world: World) -> Process:
    """Write the agents' shared prefix to the cache, where it cannot be read: a call without output."""
    if not prefix_is_cold(world):
        return
    cache, prefix = world.cache, world.shared_tokens
    assert isinstance(cache, TimedCache)
    yield from _get_admitted(world, lambda: prefix)
    usage = world.books.usage[Cause.COORDINATION]
    usage.tokens += prefix
    usage.cache_write += prefix
    first_token_s = world.first_token_s(prefix, 0)
    cache.send_shared(first_token_s)
    start_s = world.env.now
    yield world.env.timeout(first_token_s)
    world.api.charge_output(0)
    world.note(start_s, EventKind.PREWARM, COORDINATOR, tokens=prefix)


def write_interim_brief(world: World) -> Process:
    """Write the brief for a second round, in a turn."""
    brief = world.scenario.communication.brief
    with world.coordinator.request() as turn:
        yield turn
        start_s = world.env.now
        yield from begin_turn(world)
        yield world.env.timeout(brief.time)
        charge_writing(world, world.books.usage[Cause.COORDINATION], brief.tokens)
        world.note(start_s, EventKind.INTERIM, COORDINATOR)


def _compact(world: World) -> Process:
    """Shorten the context to a summary, in a call that reads all of it."""
    context, limits = world.context, world.scenario.dispatch.context
    assert context is not None
    assert limits is not None
    yield from _send_context(world)
    start_s, summed_up = world.env.now, context.length
    yield world.env.timeout(limits.compaction.time)
    charge_writing(world, world.books.usage[Cause.CONTEXT], limits.compaction.tokens)
    # What it began with stands as it was, and can be read; the summary is new, and what has come meanwhile.
    context.length += whole(limits.start) - summed_up
    context.sent = whole(limits.start)
    world.books.compactions += 1
    world.note(start_s, EventKind.COMPACTION, COORDINATOR)


def _send_context(world: World) -> Process:
    """Get a call admitted that begins with the whole context, and book what of it is read and written."""
    context, cache = world.context, world.scenario.provider.cache
    assert context is not None
    yield from _get_admitted(
        world, lambda: world.counted(context.length, context.tokens_read(world.env.now, cache))
    )
    read = context.tokens_read(world.env.now, cache)
    usage = world.books.usage[Cause.CONTEXT]
    usage.cache_read += read
    usage.cache_write += context.length - read
    context.sent, context.sent_s = context.length, world.env.now


def _get_admitted(world: World, input_tokens: Callable[[], int]) -> Process:
    """Get a call of the coordinator admitted. It never gives up: it comes back when there should be enough.

    One that needs more than the input bucket can hold takes all of it: nobody can do without the coordinator.
    """
    api = world.api

    def need() -> int:
        return api.holds_at_most(input_tokens())

    if api.waits:
        yield from api.acquire(need)
        return
    while retry_after_s := api.admit(need()):
        world.books.rejected_tries += 1
        world.note(world.env.now, EventKind.LIMITED, COORDINATOR)
        yield world.env.timeout(retry_after_s)
