"""An agent's client, with backoff and `on_429`; the coordinator has neither (`Coordinator._send`)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from dispatch_sim.model.arithmetic import NEVER, OVERLOADED, backoff, is_obeyed, obeyed_pause
from dispatch_sim.model.events import Activity, AttemptFailed, Failure
from dispatch_sim.model.streams import Stream

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt
    from dispatch_sim.model.cache import Prompt
    from dispatch_sim.model.simulation import Process


def send(attempt: Attempt, prompt: Prompt, call: int) -> Process[None]:
    """Get a request admitted; raises AttemptFailed where the client gives up."""
    sim, task = attempt.sim, attempt.task
    if sim.scenario.harness.pace is not None:
        task.enter(Activity.PACE, call)
        yield from sim.harness.count_call(sim.scenario.harness.pace)
    if sim.api.line is None:
        retry_after_s = _request(attempt, prompt, call, 0)
    else:
        task.enter(Activity.GATEWAY if sim.api.pacing is None else Activity.PACING, call)
        retry_after_s = yield from sim.api.line.acquire(
            lambda: sim.input_needed(prompt), lambda: _request(attempt, prompt, call, 0)
        )
    for retry in itertools.count():
        if retry_after_s == 0.0:
            return
        if retry_after_s == NEVER:
            raise AttemptFailed(Failure.TOO_LARGE)
        sim.ledger.rejected_requests += 1
        limited = retry_after_s != OVERLOADED
        task.log(Activity.LIMITED if limited else Activity.OVERLOADED, call, sim.input_needed(prompt))
        if limited:
            sim.slots.on_429(attempt)
        if retry == sim.scenario.client.retries:
            raise AttemptFailed(Failure.RATE_LIMITED)
        pause_s = _pause(attempt, retry_after_s, call, retry)
        task.enter(Activity.BACKOFF, call)
        yield sim.env.timeout(pause_s)
        retry_after_s = _request(attempt, prompt, call, retry + 1)


def _request(attempt: Attempt, prompt: Prompt, call: int, retry: int) -> float:
    """Return 0 where a request is admitted, the 429's `retry-after`, or that the answer was 529."""
    sim = attempt.sim
    provider = sim.scenario.provider
    u = sim.variates.of_request(Stream.OVERLOAD, *attempt.key, call, retry) if provider.overloaded else 1.0
    if u < provider.overloaded:
        return OVERLOADED
    # How much is to be read from the cache may change from one to the next: a wait can outlive an entry.
    exact_s = sim.api.admit(sim.input_needed(prompt))
    if exact_s in (0.0, NEVER) or provider.retry_after is None:
        return exact_s
    return provider.retry_after


def _pause(attempt: Attempt, retry_after_s: float, call: int, retry: int) -> float:
    """Return the pause before the next request; raises AttemptFailed where the client gives up."""
    client = attempt.sim.scenario.client
    rule = client.retry_after

    def u(stream: Stream) -> float:
        return attempt.sim.variates.of_request(stream, *attempt.key, call, retry)

    limited = retry_after_s != OVERLOADED
    obeys = limited and (rule.up_to == "unlimited" or is_obeyed(retry_after_s, rule.up_to))
    if limited and not obeys and rule.above == "give_up":
        raise AttemptFailed(Failure.RATE_LIMITED)
    pause_s = 0.0
    if not obeys or rule.floor == "backoff":
        pause_s = backoff(
            retry, client.initial, client.factor, client.cap, client.signed_jitter, u(Stream.JITTER)
        )
    if obeys:
        # Without jitter, agents that are rate-limited together come back at the same moment and collide.
        drawn = u(Stream.RETRY_AFTER_JITTER) if rule.jitter else 0.0
        pause_s = obeyed_pause(retry_after_s, rule.jitter, drawn, pause_s)
    if client.extra_delay:
        pause_s += client.extra_delay * u(Stream.EXTRA_DELAY)
    return pause_s
