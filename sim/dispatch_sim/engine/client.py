"""An agent's client, with backoff and `on_429`; the coordinator has neither (`coordinator.get_admitted`)."""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.api import input_needed, join_line, request_answer
from dispatch_sim.engine.calendar import after
from dispatch_sim.engine.events import enter, note
from dispatch_sim.engine.records import State
from dispatch_sim.engine.strategies import on_429
from dispatch_sim.engine.variates import of_request
from dispatch_sim.model.arithmetic import OVERLOADED, backoff, is_obeyed, obeyed_pause
from dispatch_sim.model.streams import Stream


def send(s: State, t: int) -> int:
    """Send a task's next call.

    Returns
    -------
    `NONE` where it is admitted, `WAITS` where it waits, else why the client has given up.
    """
    if not (s.plan.queues or s.plan.is_paced):
        return send_request(s, t)
    enter(s, t, codes.PACING if s.plan.is_paced else codes.GATEWAY, s.tasks[t].call, 0)
    s.processes[t].at = codes.AT_GATEWAY
    if join_line(s, t, codes.NEEDS_PROMPT):
        return codes.WAITS
    return see_answer(s, t, s.processes[t].retry_after_s)


def send_request(s: State, t: int) -> int:
    """Make one request. Returns what `send` does."""
    return see_answer(s, t, request_answer(s, t))


def see_answer(s: State, t: int, retry_after_s: float) -> int:
    """Go on by the answer to a request: where it is rejected, wait or give up. Returns what `send` does."""
    task, plan = s.tasks[t], s.plan
    call, retry = task.call, task.retry
    if retry_after_s == 0.0:
        return codes.NONE
    if retry_after_s == math.inf:
        return codes.FAILURE_TOO_LARGE
    is_overloaded = retry_after_s == OVERLOADED
    s.world.ledger.rejected_requests += 1
    note(s, codes.OVERLOADED if is_overloaded else codes.LIMITED, t, call, input_needed(s, t))
    if not is_overloaded:
        on_429(s, t)
    if retry == plan.retries:
        return codes.FAILURE_RATE_LIMITED
    obeys = not is_overloaded and is_obeyed(retry_after_s, plan.obeyed_up_to_s)
    if not is_overloaded and not obeys and plan.gives_up_above:
        return codes.FAILURE_RATE_LIMITED
    task.retry += 1
    enter(s, t, codes.BACKOFF, call, 0)
    s.processes[t].at = codes.AT_BACKOFF
    after(s, t, _pause(s, t, retry, obeys, retry_after_s))
    return codes.WAITS


def _pause(s: State, t: int, retry: int, obeys: bool, retry_after_s: float) -> float:
    """Return the pause before the next request."""
    plan, call, pause_s = s.plan, s.tasks[t].call, 0.0
    if not obeys or plan.backoff_is_floor:
        u = of_request(s, Stream.JITTER, t, call, retry)
        pause_s = backoff(
            retry, plan.backoff_initial_s, plan.backoff_factor, plan.backoff_cap_s, plan.backoff_jitter, u
        )
    if obeys:
        u = of_request(s, Stream.RETRY_AFTER_JITTER, t, call, retry) if plan.retry_after_jitter > 0.0 else 0.0
        pause_s = obeyed_pause(retry_after_s, plan.retry_after_jitter, u, pause_s)
    if plan.extra_delay_s > 0.0:
        pause_s += plan.extra_delay_s * of_request(s, Stream.EXTRA_DELAY, t, call, retry)
    return pause_s
