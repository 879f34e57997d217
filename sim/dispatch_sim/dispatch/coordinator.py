"""The coordinator's own model calls; it is a resource, and shares the limits with its agents."""

from __future__ import annotations

from dispatch_sim.dispatch.cache import TimedCache
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.outcome import Cause, Usage
from dispatch_sim.dispatch.world import COORDINATOR, Process, World
from dispatch_sim.scenario.quantities import whole


def get_admitted(world: World, input_tokens: int = 0) -> Process:
    """Get a call of the coordinator admitted. It never gives up: it comes back when it is told to."""
    if world.api.waits:
        yield from world.api.acquire(lambda: input_tokens)
        return
    while retry_after_s := world.api.admit(input_tokens):
        world.books.rejected_tries += 1
        world.note(world.env.now, EventKind.LIMITED, COORDINATOR)
        yield world.env.timeout(retry_after_s)


def charge_writing(world: World, usage: Usage, tokens: float) -> None:
    """Charge and book what the coordinator has written in a call, at its end."""
    written = whole(tokens)
    usage.tokens += written
    usage.output += written
    world.api.charge_output(written)


def warm_prefix(world: World) -> Process:
    """Write the agents' shared prefix to the cache, where it cannot be read: a call without output."""
    cache, prefix = world.cache, world.shared_tokens
    if not isinstance(cache, TimedCache) or not cache.caches(prefix) or cache.shared_is_readable():
        return
    yield from get_admitted(world, prefix)
    usage = world.books.usage[Cause.COORDINATION]
    usage.tokens += prefix
    usage.cache_write += prefix
    first_token_s = world.first_token_s(prefix, 0)
    cache.send_shared(first_token_s)
    start_s = world.env.now
    yield world.env.timeout(first_token_s)
    world.api.charge_output(0)
    world.note(start_s, EventKind.PREWARM, COORDINATOR, tokens=prefix)
