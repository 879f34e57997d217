"""An agent's client: its requests, and its backoff after a 429 or a 529."""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import after, enter, note
from dispatch_sim.engine.gateway import ask_provider, input_needed, join_line
from dispatch_sim.engine.records import State
from dispatch_sim.engine.strategies import on_429
from dispatch_sim.engine.variates import of_request
from dispatch_sim.model.arithmetic import OVERLOADED, backoff, is_obeyed, obeyed_pause
from dispatch_sim.model.events import Failure
from dispatch_sim.model.streams import Stream


def send(s: State, t: int) -> int:
    """Send a task's next call.

    Returns
    -------
    `NONE` where it is admitted, `WAITS` where it waits, else why the client has given up.
    """
    if not s.plan.has_line:
        return see_answer(s, t, ask_provider(s, t))
    enter(
        s, t, codes.PACING if s.plan.strategy.pace == codes.BY_LIMITS else codes.GATEWAY, s.tasks[t].call, 0
    )
    s.processes[t].at = codes.AT_GATEWAY
    if join_line(s, t, codes.NEEDS_PROMPT):
        return codes.WAITS
    return see_answer(s, t, s.processes[t].retry_after_s)


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
