"""A sub-agent at work: spawn, a loop of model calls, return."""

from __future__ import annotations

import simpy

from dispatch_sim.dispatch.cache import Prompt
from dispatch_sim.dispatch.client import get_admitted
from dispatch_sim.dispatch.coordinator import read_return
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.luck import AttemptLuck
from dispatch_sim.dispatch.outcome import Failure, State
from dispatch_sim.dispatch.world import Steps, Task, World
from dispatch_sim.scenario.quantities import whole


def work(world: World, task: Task, luck: AttemptLuck) -> Steps:
    """Play an attempt from its spawn to its return; ends with why it failed, or None.

    A call takes from the input bucket what it does not read from the cache. What it writes is charged
    when it is written, at the call's end, or reserved from its start.
    """
    env, books = world.env, task.books
    started_s = env.now
    world.enter(task, State.SERVICE, EventKind.SPAWN)
    yield env.timeout(luck.spawn_s + _setup_s(world, task))
    if task.prompt is None:
        task.prompt = Prompt(luck.spawn_tokens, world.shared_prefix(task.group))
    prompt = task.prompt
    prompt.context = task.context  # without the call that failed, where it goes on from one
    if world.plan.strategy.warm_up == "stagger" and prompt.shared:
        yield from _wait_for_prefix(world, task)
    calls = _calls(world, task, luck)
    for call in calls:
        if _gives_up(world, luck, started_s):
            return Failure.KILLED
        prompt.heard = _heard(world, task, prompt)
        prompt.new = luck.new_input[call] + prompt.heard
        failure = yield from get_admitted(world, task, prompt, call)
        if failure is not None:
            return failure
        yield from _call(world, task, luck, prompt, call)
        if call == luck.crash_call:
            world.note(env.now, EventKind.CRASH, task.number, task.attempts, call)
            return Failure.CRASH
        if call == luck.hang_call:
            world.enter(task, State.HUNG, EventKind.HANG, call)
            yield env.event()  # nothing but a timeout ends it
        if world.scenario.retry.policy == "resume":
            world.enter(task, State.SERVICE, EventKind.CALL, call)  # so that the books are up to date
            task.saved, task.done_calls, task.context = books.copy(), call + 1, prompt.context
        if call != calls[-1] and luck.tool_s:
            world.enter(task, State.SERVICE, EventKind.TOOLS, call)
            yield env.timeout(luck.tool_s[call])
    world.enter(task, State.SERVICE, EventKind.RETURN)
    yield env.timeout(luck.return_s)
    read_return(world, books.return_, luck.return_tokens)
    return None


def _call(world: World, task: Task, luck: AttemptLuck, prompt: Prompt, call: int) -> Steps:
    """Make a call that was admitted."""
    read = world.cache.tokens_read(prompt)
    anew = prompt.length - read
    output = luck.output[call]
    written = world.cache.is_written(prompt, call == luck.calls - 1)
    task.books.add_call(prompt, read, output, written=written)
    before = prompt.sent, prompt.sent_s
    world.cache.send(prompt, world.first_token_s(anew, read))
    world.enter(task, State.SERVICE, EventKind.CALL, call, world.counted(prompt.length, read))
    seconds = luck.call_s + world.latency_s(output, anew, read)
    if world.communication == "blackboard":
        seconds += world.scenario.communication.post.time
    try:
        yield world.env.timeout(seconds)
    except simpy.Interrupt:
        # Nothing stops an admitted call: it is charged in full, at once. Who goes on from here had no answer,
        # and so cannot read it from the cache.
        world.api.charge_output(output)
        prompt.sent, prompt.sent_s = before
        raise
    world.api.charge_output(output)
    prompt.context += prompt.new + output
    return None


def _calls(world: World, task: Task, luck: AttemptLuck) -> range:
    """Return the calls of an attempt that it has to make: all, those of its round, or those not done yet."""
    first, end = 0, luck.calls
    if world.communication == "rounds" and not task.rework:
        half = min((luck.calls + 1) // 2, luck.calls)
        first, end = (min(half, luck.calls - 1), luck.calls) if task.second_round else (0, half)
    return range(max(first, task.done_calls), end)


def _heard(world: World, task: Task, prompt: Prompt) -> int:
    """Return the tokens that a call brings of what other agents do."""
    communication = world.scenario.communication
    if world.communication == "blackboard":
        return whole(communication.post.tokens) * (world.at_work[task.group] - 1)
    if world.communication == "rounds" and task.second_round and not prompt.sent:
        return whole(communication.brief.tokens)
    return 0


def _gives_up(world: World, luck: AttemptLuck, started_s: float) -> bool:
    """Whether an agent obeys the limit in its prompt, now that it could make another call."""
    soft_s = world.scenario.timeouts.soft
    return soft_s is not None and luck.obeys and world.env.now - started_s >= soft_s


def _setup_s(world: World, task: Task) -> float:
    """Return the time to make an agent its own copy of what it works on."""
    apart = world.isolation == "worktree" and world.scenario.tasks[task.group].writes
    return world.scenario.conflicts.setup if apart else 0.0


def _wait_for_prefix(world: World, task: Task) -> Steps:
    """Hold the first call while another agent's writing of the shared prefix is on its way."""
    world.enter(task, State.BLOCKED, EventKind.PREFIX)
    while wait_s := world.cache.shared_pending_s():
        yield world.env.timeout(wait_s)
    return None
