"""A sub-agent at work: spawn, a loop of model calls, return."""

from __future__ import annotations

from dispatch_sim.dispatch.cache import Prompt
from dispatch_sim.dispatch.client import get_admitted
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.luck import AttemptLuck
from dispatch_sim.dispatch.outcome import Failure, State
from dispatch_sim.dispatch.world import AttemptBooks, Steps, Task, World


def work(world: World, task: Task, luck: AttemptLuck, books: AttemptBooks) -> Steps:
    """Play an attempt up to its return; ends with why it failed, or None.

    A call takes from the input bucket what it does not read from the cache. What it writes is charged
    when it is written, at the call's end, or reserved from its start.
    """
    env, api = world.env, world.api
    yield env.timeout(luck.spawn_s)
    books.time_s += world.book_time(task, State.SERVICE, EventKind.SPAWN)
    prompt = Prompt(luck.spawn_tokens, world.shared_tokens)
    if world.plan.strategy.warm_up == "stagger":
        yield from _wait_for_prefix(world, task)
    last = len(luck.output) - 1
    for call, output in enumerate(luck.output):
        prompt.new = luck.new_input[call]
        failure = yield from get_admitted(world, task, books, prompt, call)
        if failure is not None:
            return failure
        read = world.cache.tokens_read(prompt)
        need = world.counted(prompt, read)
        books.add_call(prompt, read, output, written=world.cache.is_written(prompt, call == last))
        world.cache.send(prompt, world.first_token_s(prompt.length - read, read))
        yield env.timeout(luck.call_s + world.latency_s(output, prompt.length - read, read))
        api.charge_output(output)
        prompt.context += prompt.new + output
        books.time_s += world.book_time(task, State.SERVICE, EventKind.CALL, call, need)
        if call == luck.crash_call:
            world.note(env.now, EventKind.CRASH, task.number, task.attempts, call)
            return Failure.CRASH
        if call < last and luck.tool_s:
            yield env.timeout(luck.tool_s[call])
            books.time_s += world.book_time(task, State.SERVICE, EventKind.TOOLS, call)
    yield env.timeout(luck.return_s)
    api.charge_input(luck.return_tokens)
    books.return_.tokens = books.return_.input = luck.return_tokens
    books.time_s += world.book_time(task, State.SERVICE, EventKind.RETURN)
    return None


def _wait_for_prefix(world: World, task: Task) -> Steps:
    """Hold the first call while another agent's writing of the shared prefix is on its way."""
    while wait_s := world.cache.shared_pending_s():
        yield world.env.timeout(wait_s)
    world.book_time(task, State.BLOCKED, EventKind.PREFIX)
    return None
