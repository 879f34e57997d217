"""An attempt's requests and the coordinator's, the line before the limits, and the client's retries.

A 429 is decided by `model.api.admit`, which both engines call.
"""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import after, at_once, enter, later, note, soon
from dispatch_sim.engine.records import MAX_PROCESSES, State
from dispatch_sim.engine.variates import of_request
from dispatch_sim.model import api
from dispatch_sim.model.api import admit, at_most, counted, input_counted
from dispatch_sim.model.arithmetic import OVERLOADED, backoff, grown, is_obeyed, obeyed_pause, shrunk
from dispatch_sim.model.cache import cached_tokens, context_cached
from dispatch_sim.model.events import Failure
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
            process.retry_after_s = _request(s, entry.process)
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


def send(s: State, t: int) -> int:
    """Send a task's next call.

    Returns
    -------
    `NONE` where it is admitted, `WAITS` where it waits, else why the client has given up.
    """
    if not s.plan.has_line:
        return send_request(s, t)
    enter(
        s, t, codes.PACING if s.plan.strategy.pace == codes.BY_LIMITS else codes.GATEWAY, s.tasks[t].call, 0
    )
    s.processes[t].at = codes.AT_GATEWAY
    if join_line(s, t, codes.NEEDS_PROMPT):
        return codes.WAITS
    return see_answer(s, t, s.processes[t].retry_after_s)


def send_request(s: State, t: int) -> int:
    """Make one request. Returns what `send` does."""
    return see_answer(s, t, _request(s, t))


def _request(s: State, t: int) -> float:
    """Return 0 where a request of a task is admitted, the 429's `retry-after`, or that the answer was 529."""
    task, plan = s.tasks[t], s.plan
    if plan.overloaded > 0.0 and of_request(s, Stream.OVERLOAD, t, task.call, task.retry) < plan.overloaded:
        return OVERLOADED
    exact_s = admit(s.world.limiter, input_needed(s, t), s.world.now_s)
    if exact_s == 0.0 or exact_s == math.inf or plan.retry_after_s == 0.0:
        return exact_s
    return plan.retry_after_s


def see_answer(s: State, t: int, retry_after_s: float) -> int:
    """Go on by the answer to a request: where it is rejected, wait or give up. Returns what `send` does."""
    task, client = s.tasks[t], s.plan.client
    call, retry = task.call, task.retry
    if retry_after_s == 0.0:
        return codes.NONE
    if retry_after_s == math.inf:
        return Failure.TOO_LARGE
    is_overloaded = retry_after_s == OVERLOADED
    s.world.ledger.rejected_requests += 1
    note(s, codes.OVERLOADED if is_overloaded else codes.LIMITED, t, call, input_needed(s, t))
    if not is_overloaded:
        on_429(s, t)
    if retry == client.retries:
        return Failure.RATE_LIMITED
    obeys = not is_overloaded and is_obeyed(retry_after_s, client.retry_after.up_to)
    if not is_overloaded and not obeys and client.retry_after.above == codes.GIVE_UP:
        return Failure.RATE_LIMITED
    task.retry += 1
    enter(s, t, codes.BACKOFF, call, 0)
    after(s, t, _pause(s, t, retry, obeys, retry_after_s), codes.AT_BACKOFF)
    return codes.WAITS


def _pause(s: State, t: int, retry: int, obeys: bool, retry_after_s: float) -> float:
    """Return the pause before the next request."""
    client, rule, call, pause_s = s.plan.client, s.plan.client.retry_after, s.tasks[t].call, 0.0
    if not obeys or rule.floor == codes.BACKOFF_IS_FLOOR:
        jitter = client.jitter if client.jitter_direction == codes.JITTER_UP else -client.jitter
        u = of_request(s, Stream.JITTER, t, call, retry)
        pause_s = backoff(retry, client.initial, client.factor, client.cap, jitter, u)
    if obeys:
        u = of_request(s, Stream.RETRY_AFTER_JITTER, t, call, retry) if rule.jitter > 0.0 else 0.0
        pause_s = obeyed_pause(retry_after_s, rule.jitter, u, pause_s)
    if client.extra_delay > 0.0:
        pause_s += client.extra_delay * of_request(s, Stream.EXTRA_DELAY, t, call, retry)
    return pause_s


def on_return(s: State, t: int) -> None:
    """Adaptive dispatch (AIMD): grow the window when an attempt returns that began after the last 429."""
    slots = s.world.slots
    if s.plan.strategy.kind == codes.ADAPTIVE and s.tasks[t].began_s > slots.shrunk_s:
        slots.window = grown(slots.window, slots.most)


def on_429(s: State, t: int) -> None:
    """Adaptive dispatch (AIMD): halve the window on a 429, once for all agents that were at work then."""
    slots = s.world.slots
    if s.plan.strategy.kind == codes.ADAPTIVE and s.tasks[t].began_s > slots.shrunk_s:
        slots.window, slots.shrunk_s = shrunk(slots.window), s.world.now_s
