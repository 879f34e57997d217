"""A sub-agent at work: spawn, a loop of model calls, return; and its client, which tries again."""

from __future__ import annotations

import itertools
import math

from dispatch_sim.dispatch.luck import AttemptLuck
from dispatch_sim.dispatch.outcome import Failure, State
from dispatch_sim.dispatch.rules import backoff
from dispatch_sim.dispatch.world import AttemptBooks, Steps, Task, World


def work(world: World, task: Task, luck: AttemptLuck, books: AttemptBooks) -> Steps:
    """Play an attempt up to its return; ends with why it failed, or None.

    A call takes its new input from the input bucket, the first one the spawn tokens too: the agent's
    own context counts as warm. What it writes is charged when it is written, at the call's end.
    """
    env, api = world.env, world.api
    yield env.timeout(luck.spawn_s)
    books.time_s += world.book_time(task, State.SERVICE, "spawn")
    input_tokens = luck.spawn_tokens
    for call, output in enumerate(luck.output):
        input_tokens += luck.new_input[call]
        if api.waits:
            if not (yield from api.acquire(input_tokens)):
                return Failure.TOO_LARGE
            world.book_time(task, State.BLOCKED, "gateway", call)
        elif retry_after_s := api.admit(input_tokens):
            failure = yield from _try_again(world, task, books, call, input_tokens, retry_after_s)
            if failure is not None:
                return failure
        yield env.timeout(luck.call_s)
        api.charge_output(output)
        books.calls += 1
        books.time_s += world.book_time(task, State.SERVICE, "call", call, input_tokens)
        if call == luck.crash_call:
            world.note(env.now, "crash", task.number, task.attempts, call)
            return Failure.CRASH
        input_tokens = 0
    yield env.timeout(luck.return_s)
    api.charge_input(luck.return_tokens)
    books.returned = True
    books.time_s += world.book_time(task, State.SERVICE, "return")
    return None


def _try_again(
    world: World, task: Task, books: AttemptBooks, call: int, input_tokens: int, retry_after_s: float
) -> Steps:
    """Repeat a refused call as the client does; ends with why it gave up, or None once admitted."""
    client = world.scenario.client
    obeyed_s = client.retry_after.up_to
    for try_ in itertools.count():
        if retry_after_s == math.inf:
            return Failure.TOO_LARGE
        world.books.rejected_tries += 1
        world.note(world.env.now, "429", task.number, task.attempts, call, input_tokens)
        if try_ == client.retries:
            return Failure.REFUSED
        if obeyed_s == "unlimited" or retry_after_s <= obeyed_s:
            # Exactly, and without jitter: refused agents come back at the same moment and collide.
            pause_s = retry_after_s
        elif client.retry_after.above == "give_up":
            return Failure.REFUSED
        else:
            u = world.luck.jitter(task.group, task.index, task.attempts - 1, call, try_)
            pause_s = backoff(try_, client.initial, client.factor, client.cap, client.jitter, u)
        yield world.env.timeout(pause_s)
        books.time_s += world.book_time(task, State.BACKOFF, "backoff", call)
        retry_after_s = world.api.admit(input_tokens)
        if retry_after_s == 0.0:
            return None
    raise AssertionError("unreachable")
