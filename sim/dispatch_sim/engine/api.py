"""The model API: where a 429 is decided; what counts against the limits; how long calls take.

A gateway is a line before the limits, first in, first out; its head is served when the buckets hold enough.
The provider has one, or the client that paces its calls, for its own limiter.
"""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.cache import cached_tokens, context_cached, prompt_length
from dispatch_sim.engine.calendar import at_once, later, soon
from dispatch_sim.engine.records import MAX_PROCESSES, Bucket, Limiter, State
from dispatch_sim.engine.variates import of_request
from dispatch_sim.model.arithmetic import (
    OVERLOADED,
    bucket_level,
    call_time,
    first_token_time,
    holds,
    wait_for,
)
from dispatch_sim.model.streams import Stream


def _refill(bucket: Bucket, now_s: float) -> None:
    if now_s > bucket.updated_s and bucket.level < bucket.capacity:
        bucket.level = bucket_level(bucket.level, now_s - bucket.updated_s, bucket.rate, bucket.capacity)
    bucket.updated_s = now_s


def admit(s: State, limiter: Limiter, input_tokens: int, is_pacing: bool) -> float:
    """Admit a request and charge it, its input and what is reserved for its output; or reject it.

    With `is_pacing`, of the client's own limiter, a call larger than a bucket waits for a full one.

    Returns
    -------
    0 where it is admitted; else the `retry-after` of the 429: the seconds until the buckets would hold enough
    if nobody else came. Infinite where no bucket ever will.
    """
    now_s = s.world.now_s
    requests, inputs, outputs = limiter.request_bucket, limiter.input_bucket, limiter.output_bucket
    one, need, reserved = 1.0, float(input_tokens), s.plan.reserved
    if is_pacing:
        one, need = min(one, requests.capacity), min(need, inputs.capacity)
        reserved = min(reserved, outputs.capacity)
    if need > inputs.capacity or requests.capacity < one or reserved > outputs.capacity:
        return math.inf
    _refill(requests, now_s)
    _refill(inputs, now_s)
    _refill(outputs, now_s)
    if (
        holds(requests.level, one, requests.rate)
        and holds(inputs.level, need, inputs.rate)
        and holds(outputs.level, reserved, outputs.rate)
    ):
        requests.level -= 1
        inputs.level -= input_tokens
        outputs.level -= s.plan.reserved
        limiter.requests += 1
        limiter.input_tokens += input_tokens
        return 0.0
    if s.plan.counts_rejected and not is_pacing:
        requests.level = max(0.0, requests.level - 1)
        limiter.requests += 1
    return max(
        wait_for(requests.level, one, requests.rate, now_s),
        wait_for(inputs.level, need, inputs.rate, now_s),
        wait_for(outputs.level, reserved, outputs.rate, now_s),
    )


def request_answer(s: State, t: int) -> float:
    """Return 0 where a request of a task is admitted, the 429's `retry-after`, or that the answer was 529."""
    task, plan = s.tasks[t], s.plan
    if plan.overloaded > 0.0 and of_request(s, Stream.OVERLOAD, t, task.call, task.retry) < plan.overloaded:
        return OVERLOADED
    exact_s = admit(s, s.world.limiter, input_needed(s, t), False)
    if exact_s == 0.0 or exact_s == math.inf or not plan.has_retry_after:
        return exact_s
    return plan.retry_after_s


def charge_output(s: State, tokens: int) -> None:
    """Charge what a call has produced, at its end, and give back what it held; there may be debt."""
    _charge_output_bucket(s, s.world.limiter, tokens)
    if s.plan.is_paced:
        _charge_output_bucket(s, s.world.pacing, tokens)
    if s.plan.reserved > 0.0 and s.world.gateway.is_serving:
        at_once(s, codes.EVENT_INTERRUPT_SERVER, 0, s.world.gateway.servers)


def _charge_output_bucket(s: State, limiter: Limiter, tokens: int) -> None:
    outputs = limiter.output_bucket
    _refill(outputs, s.world.now_s)
    outputs.level = min(outputs.capacity, outputs.level + s.plan.reserved - tokens)
    limiter.output_tokens += tokens


def charge_input(s: State, tokens: int) -> None:
    """Charge what the coordinator has read of an output; the bucket may go into debt."""
    _charge_input_bucket(s, s.world.limiter, tokens)
    if s.plan.is_paced:
        _charge_input_bucket(s, s.world.pacing, tokens)


def _charge_input_bucket(s: State, limiter: Limiter, tokens: int) -> None:
    _refill(limiter.input_bucket, s.world.now_s)
    limiter.input_bucket.level -= tokens
    limiter.input_tokens += tokens


def counted(s: State, length: int, cached: int) -> int:
    """Return the input tokens that count of a prompt of which some are read from the cache."""
    return length if s.plan.counts_cache_reads else length - cached


def input_needed(s: State, t: int) -> int:
    """Return the input tokens that the limiter would count for a task's prompt now."""
    return input_counted(s, t, cached_tokens(s, t))


def input_counted(s: State, t: int, cached: int) -> int:
    """Return the input tokens that the limiter counts for a task's prompt with some read from the cache.

    Of the coordinator's own context, a call takes no more than the bucket can hold.
    """
    tokens = counted(s, prompt_length(s, t), cached)
    if s.plan.is_solo:
        return max(s.tasks[t].prompt.new, int(min(float(tokens), s.world.limiter.input_bucket.capacity)))
    return tokens


def coordinator_input(s: State, tokens: int) -> int:
    """Return the input tokens that a call of the coordinator takes, at most what the bucket can hold.

    `tokens` is what it sends, or `NEEDS_CONTEXT` for its context and the new input after it.
    """
    if tokens == codes.NEEDS_CONTEXT:
        length = s.world.context.length + s.world.context.new
        tokens = counted(s, length, context_cached(s))
    return int(min(float(tokens), s.world.limiter.input_bucket.capacity))


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
    if not s.plan.is_paced:
        wait_s = admit(s, s.world.limiter, _needed(s, index), False)
        process.retry_after_s = wait_s
        return 0.0 if wait_s == math.inf else wait_s
    wait_s = admit(s, s.world.pacing, _needed(s, index), True)
    if wait_s == 0.0:
        if entry.need == codes.NEEDS_PROMPT:
            process.retry_after_s = request_answer(s, entry.process)
        else:
            process.retry_after_s = admit(s, s.world.limiter, coordinator_input(s, entry.need), False)
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


def first_token_s(s: State, uncached: int, cached: int) -> float:
    """Return the time until a response begins."""
    plan = s.plan
    if plan.has_latency:
        return first_token_time(
            uncached, cached, plan.latency_base, plan.latency_per_uncached, plan.latency_per_cached
        )
    return plan.cache_first_token_s if plan.has_cache else 0.0


def latency_s(s: State, output: int, uncached: int, cached: int) -> float:
    """Return the time of a call by what it does; 0 where tasks have a duration instead."""
    plan = s.plan
    if not plan.has_latency:
        return 0.0
    return call_time(
        output,
        uncached,
        cached,
        plan.latency_base,
        plan.latency_per_output,
        plan.latency_per_uncached,
        plan.latency_per_cached,
    )
