"""The limits as processes see them, and the line before them.

A 429 is decided by `model.api.admit`, which both engines call.
"""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import at_once, later, soon
from dispatch_sim.engine.records import MAX_PROCESSES, State
from dispatch_sim.engine.variates import of_request
from dispatch_sim.model import api
from dispatch_sim.model.api import admit, at_most, counted, input_counted
from dispatch_sim.model.arithmetic import OVERLOADED
from dispatch_sim.model.cache import cached_tokens, context_cached
from dispatch_sim.model.streams import Stream

_charge_output, _charge_input = api.charge_output, api.charge_input


def task_cached(s: State, t: int) -> int:
    """Return how many tokens of a task's prompt can be read from the cache now."""
    return cached_tokens(s.world.cache, s.tasks[t].prompt, s.world.context, s.world.now_s)


def input_needed(s: State, t: int) -> int:
    """Return the input tokens that the limiter would count for a task's prompt now."""
    return input_counted(s.world.limiter, s.tasks[t].prompt, task_cached(s, t), s.plan.is_solo)


def coordinator_input(s: State, tokens: int) -> int:
    """Return the input tokens that a call of the coordinator takes, at most what the bucket can hold.

    `tokens` is what it sends, or `NEEDS_CONTEXT` for its context and the new input after it.
    """
    if tokens == codes.NEEDS_CONTEXT:
        cached = context_cached(s.world.cache, s.world.context, s.world.now_s)
        tokens = counted(s.world.limiter, s.world.context.length + s.world.context_new, cached)
    return at_most(s.world.limiter, tokens)


def charge_output(s: State, tokens: int) -> None:
    """Charge a call's output at its end."""
    _charge_output(s.world.limiter, tokens, s.world.now_s)
    if s.plan.strategy.pace == codes.BY_LIMITS:
        _charge_output(s.world.pacing, tokens, s.world.now_s)
    if s.world.limiter.reserved > 0.0 and s.world.gateway.is_serving:
        at_once(s, codes.EVENT_INTERRUPT_SERVER, 0, s.world.gateway.servers)


def charge_input(s: State, tokens: int) -> None:
    """Charge input that the coordinator has read."""
    _charge_input(s.world.limiter, tokens, s.world.now_s)
    if s.plan.strategy.pace == codes.BY_LIMITS:
        _charge_input(s.world.pacing, tokens, s.world.now_s)


def ask_provider(s: State, t: int) -> float:
    """Return 0 where a request of a task is admitted, the 429's `retry-after`, or that the answer was 529."""
    task, plan = s.tasks[t], s.plan
    if plan.overloaded > 0.0 and of_request(s, Stream.OVERLOAD, t, task.call, task.retry) < plan.overloaded:
        return OVERLOADED
    exact_s = admit(s.world.limiter, input_needed(s, t), s.world.now_s)
    if exact_s == 0.0 or exact_s == math.inf or plan.retry_after_s == 0.0:
        return exact_s
    return plan.retry_after_s


def _index(s: State, i: int) -> int:
    return (s.world.gateway.head + i) % MAX_PROCESSES


def _needed(s: State, index: int) -> int:
    need = s.line[index].need
    return (
        input_needed(s, s.line[index].process) if need == codes.NEEDS_PROMPT else coordinator_input(s, need)
    )


def _admit_first(s: State, index: int) -> float:
    """Admit the request at an index of the line, or return the time after which it may be.

    The answer to it is in `Process.retry_after_s` then: infinite where it can never be admitted. The
    client's own limiter sends it to the provider at once.
    """
    entry = s.line[index]
    process = s.processes[entry.process]
    if s.plan.strategy.pace != codes.BY_LIMITS:
        wait_s = admit(s.world.limiter, _needed(s, index), s.world.now_s)
        process.retry_after_s = wait_s
        return 0.0 if wait_s == math.inf else wait_s
    wait_s = admit(s.world.pacing, _needed(s, index), s.world.now_s)
    if wait_s == 0.0:
        if entry.need == codes.NEEDS_PROMPT:
            process.retry_after_s = ask_provider(s, entry.process)
        else:
            needed = coordinator_input(s, entry.need)
            process.retry_after_s = admit(s.world.limiter, needed, s.world.now_s)
    return wait_s


def join_line(s: State, pid: int, need: int) -> bool:
    """Get a request admitted, or let it wait in line; whether it waits.

    Parameters
    ----------
    need : input tokens; `NEEDS_PROMPT` for a task's prompt, `NEEDS_CONTEXT` for the coordinator's context:
        these are counted when the turn comes, as a wait can outlive an entry of the prompt cache.
    """
    gateway = s.world.gateway
    index = _index(s, gateway.count)
    entry = s.line[index]
    entry.process, entry.token, entry.need = pid, s.processes[pid].token, need
    gateway.count += 1
    s.processes[pid].in_line = True
    if gateway.count == 1 and not gateway.is_serving:
        if _admit_first(s, index) == 0.0:
            gateway.count = 0
            s.processes[pid].in_line = False
            return False
        gateway.is_serving = True
        at_once(s, codes.EVENT_START_SERVER, 0, 0)
    return True


def leave_line(s: State, pid: int) -> None:
    """Take an ended agent's request out of the line."""
    s.processes[pid].in_line = False
    found = 0
    while s.line[_index(s, found)].process != pid:
        found += 1
    for i in range(found, s.world.gateway.count - 1):
        s.line[_index(s, i)] = s.line[_index(s, i + 1)]
    s.world.gateway.count -= 1
    if found == 0 and s.world.gateway.is_serving:
        at_once(s, codes.EVENT_INTERRUPT_SERVER, 0, s.world.gateway.servers)


def serve_line(s: State) -> None:
    """Admit those in line as long as there is enough, and wait for the first for whom there is not."""
    gateway = s.world.gateway
    while gateway.count:
        index = gateway.head
        wait_s = _admit_first(s, index)
        if wait_s != 0.0:
            gateway.server_token += 1
            later(s, wait_s, codes.EVENT_SERVER, 0, gateway.server_token)
            return
        gateway.head = _index(s, 1)
        gateway.count -= 1
        pid = s.line[index].process
        s.processes[pid].in_line = False
        soon(s, codes.EVENT_RESUME, pid, s.line[index].token)
    gateway.is_serving = False
    gateway.servers += 1
    gateway.server_token += 1
