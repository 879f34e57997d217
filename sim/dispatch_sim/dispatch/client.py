"""An agent's client: it gets a model call admitted, or gives up."""

from __future__ import annotations

import itertools
import math

from dispatch_sim.dispatch.cache import Prompt
from dispatch_sim.dispatch.draws import Activity
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.outcome import Failure, State
from dispatch_sim.dispatch.rules import backoff, obeyed_pause
from dispatch_sim.dispatch.world import Steps, Task, World

OVERLOADED = -1.0
"""In place of a `retry-after`: the answer was 529, which has none."""


def get_admitted(world: World, task: Task, prompt: Prompt, call: int) -> Steps:
    """Try a call until it is admitted; ends with why the client gave up, or None."""
    if world.pacer is not None:
        world.enter(task, State.BLOCKED, EventKind.PACE, call)
        yield from world.pacer.take()
    if world.api.waits:
        world.enter(task, State.BLOCKED, EventKind.GATEWAY, call)
        admitted = yield from world.api.acquire(lambda: world.quota_need(prompt))
        return None if admitted else Failure.TOO_LARGE
    for try_ in itertools.count():
        answer_s = _try(world, task, prompt, call, try_)
        if answer_s == 0.0:
            return None
        if answer_s == math.inf:
            return Failure.TOO_LARGE
        world.books.rejected_tries += 1
        limited = answer_s != OVERLOADED
        refusal = EventKind.LIMITED if limited else EventKind.OVERLOADED
        world.note(world.env.now, refusal, task.number, task.attempts, call, world.quota_need(prompt))
        if limited and world.on_limited is not None:
            world.on_limited(task)
        pause_s = None if try_ == world.scenario.client.retries else _pause(world, task, call, try_, answer_s)
        if pause_s is None:
            return Failure.REFUSED
        world.enter(task, State.BACKOFF, EventKind.BACKOFF, call)
        yield world.env.timeout(pause_s)
    raise AssertionError("unreachable")


def _pause(world: World, task: Task, call: int, try_: int, retry_after_s: float) -> float | None:
    """Return the seconds until the next request attempt, or None where the client gives up."""
    client = world.scenario.client
    rule = client.retry_after

    def u(activity: Activity) -> float:
        return world.luck.of_request(activity, *task.luck_key, call, try_)

    limited = retry_after_s != OVERLOADED
    obeys = limited and (rule.up_to == "unlimited" or retry_after_s <= rule.up_to * (1 + 1e-9))
    if limited and not obeys and rule.above == "give_up":
        return None
    pause_s = 0.0
    if not obeys or rule.floor == "backoff":
        pause_s = backoff(
            try_, client.initial, client.factor, client.cap, client.signed_jitter, u(Activity.JITTER)
        )
    if obeys:
        # Without jitter, agents that are rejected together come back at the same moment and collide.
        drawn = u(Activity.RETRY_AFTER_JITTER) if rule.jitter else 0.0
        pause_s = obeyed_pause(retry_after_s, rule.jitter, drawn, pause_s)
    if client.extra_delay:
        pause_s += client.extra_delay * u(Activity.EXTRA_DELAY)
    return pause_s


def _try(world: World, task: Task, prompt: Prompt, call: int, try_: int) -> float:
    """Return 0 where a try is admitted, the 429's `retry-after`, or that the answer was 529."""
    overloaded = world.scenario.provider.overloaded
    if overloaded and world.luck.of_request(Activity.OVERLOAD, *task.luck_key, call, try_) < overloaded:
        return OVERLOADED
    # How much is to be read from the cache may change from try to try: a wait can outlive an entry.
    wait_s = world.api.admit(world.quota_need(prompt))
    said_s = world.scenario.provider.retry_after
    return wait_s if said_s is None or wait_s in (0.0, math.inf) else said_s
