"""Random variates of an attempt, as `model.variates` has them, drawn when they are needed."""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.quantiles import normal_cdf, normal_quantile, quantile
from dispatch_sim.engine.records import State
from dispatch_sim.model.arithmetic import ATTEMPTS_WITH_OWN_VARIATES, struck_call
from dispatch_sim.model.streams import Stream, uniform
from dispatch_sim.model.variates import input_of, output_of
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.tasks import whole_calls

_LEAST, _MOST = 2.0**-53, 1.0 - 2.0**-53
_SIGN = -(2**63)


def attempt_number(s: State, t: int) -> int:
    """Return the number of a task's attempt in the keys of its draws."""
    return (s.tasks[t].attempts - 1) % ATTEMPTS_WITH_OWN_VARIATES


def _uniform(s: State, stream: int, t: int, number: int) -> float:
    """Return the draw of an attempt at a task."""
    task = s.tasks[t]
    return uniform(s.groups[task.group].key, s.replication, stream, task.index, number, 0, 0)


def _draw(s: State, row: int, stream: int, t: int, number: int) -> float:
    if s.distributions[row].family == codes.CONSTANT:
        return s.distributions[row].value
    return quantile(s, row, _uniform(s, stream, t, number))


def draw_batch(s: State) -> None:
    """Draw what all tasks of the batch share."""
    world = s.world
    world.batch_calls = _batch_score(s, Stream.CALLS_OF_BATCH)
    world.batch_tokens = _batch_score(s, Stream.TOKENS_OF_BATCH)
    world.batch_duration = _batch_score(s, Stream.DURATION_OF_BATCH)
    bad_brief = s.plan.failures.bad_brief
    world.bad_brief = bad_brief > 0.0 and (
        uniform(s.plan.seed, s.replication, Stream.BAD_BRIEF, 0, 0, 0, 0) < bad_brief
    )


def _batch_score(s: State, stream: int) -> float:
    return normal_quantile(uniform(s.plan.seed, s.replication, stream, 0, 0, 0, 0))


def _draw_shared(s: State, row: int, of_batch: int, batch_score: float, t: int, number: int) -> float:
    """Draw what batch, task and attempt share, as `model.variates.Variates._draw_shared`."""
    if s.distributions[row].family == codes.CONSTANT:
        return s.distributions[row].value
    variance, score = s.groups[s.tasks[t].group].section.variance, 0.0
    if variance.batch > 0.0:
        score += math.sqrt(variance.batch) * batch_score
    if variance.task > 0.0:
        score += math.sqrt(variance.task) * normal_quantile(_uniform(s, of_batch + 1, t, 0))
    if variance.attempt > 0.0:
        score += math.sqrt(variance.attempt) * normal_quantile(_uniform(s, of_batch + 2, t, number))
    return quantile(s, row, min(max(normal_cdf(score), _LEAST), _MOST))


def _struck_call(s: State, stream: int, probability: float, t: int, number: int, calls: int) -> int:
    """Draw which call a fault strikes, or -1 for none."""
    if probability == 0.0:
        return -1
    return struck_call(_uniform(s, stream, t, number), probability, calls)


def draw_attempt(s: State, t: int) -> None:
    """Draw the variates of a task's attempt; those of a first one once for all design points of a block."""
    task, number = s.tasks[t], attempt_number(s, t)
    if number > 0 or task.origin > 0 or s.shared_tasks == 0:
        _draw_attempt(s, t, number)
        return
    first = (s.replication - s.first_replication) * s.shared_tasks
    shared = s.shared_variates[first + s.groups[task.group].first_variates + task.index]
    if shared.block != s.block:
        _draw_attempt(s, t, number)
        shared.block, shared.variates = s.block, task.variates
    else:
        task.variates = shared.variates


def draw_first_attempt(s: State, t: int) -> None:
    """Draw the variates of a task's first attempt, whichever comes next."""
    task = s.tasks[t]
    origin, attempts = task.origin, task.attempts
    task.origin, task.attempts = 0, 1
    draw_attempt(s, t)
    task.origin, task.attempts = origin, attempts


def _draw_attempt(s: State, t: int, number: int) -> None:
    """Draw sizes by the attempt that began the work, times and faults by its own number."""
    task, plan, world = s.tasks[t], s.plan, s.world
    group, origin, variates = s.groups[task.group].section, task.origin, task.variates
    spawn, return_ = plan.dispatch.spawn, plan.dispatch.return_
    calls = whole_calls(_draw_shared(s, group.calls, Stream.CALLS_OF_BATCH, world.batch_calls, t, origin))
    work = whole(_draw_shared(s, group.tokens, Stream.TOKENS_OF_BATCH, world.batch_tokens, t, origin))
    of_batch = Stream.DURATION_OF_BATCH
    duration = _draw_shared(s, group.duration, of_batch, world.batch_duration, t, origin)
    written = whole(work * group.output_share)
    variates.calls, variates.new_input, variates.output = calls, work - written, written
    variates.call_s = duration / calls
    variates.spawn_tokens = whole(_draw(s, spawn.tokens, Stream.SPAWN_TOKENS, t, origin))
    variates.spawn_s = _draw(s, spawn.time, Stream.SPAWN_TIME, t, number)
    variates.return_tokens = whole(_draw(s, return_.tokens, Stream.RETURN_TOKENS, t, number))
    variates.return_s = _draw(s, return_.time, Stream.RETURN_TIME, t, number)
    crash = _struck_call(s, Stream.CRASH, plan.failures.crash, t, number, calls)
    hang = _struck_call(s, Stream.HANG, plan.failures.hang, t, number, calls)
    variates.crash_call = crash
    variates.hang_call = hang if hang != crash else -1
    timeouts, bad_output = plan.timeouts, plan.failures.bad_output
    variates.obeys = timeouts.soft > 0.0 and _uniform(s, Stream.OBEYS, t, number) < timeouts.obeyed
    variates.bad_output = bad_output > 0.0 and _uniform(s, Stream.BAD_OUTPUT, t, number) < bad_output


def tool_s(s: State, t: int, origin: int, call: int) -> float:
    """Draw the time between a call and the next, of the attempt that began the work."""
    task, group = s.tasks[t], s.groups[s.tasks[t].group]
    u = uniform(group.key, s.replication, Stream.TOOL_TIME, task.index, origin, call, 0)
    return quantile(s, group.section.tool_time, u)


def of_request(s: State, stream: int, t: int, call: int, retry: int) -> float:
    """Return a uniform draw of one request: of its overload, or of the pause after it."""
    task = s.tasks[t]
    key = s.groups[task.group].key
    return uniform(key, s.replication, stream, task.index, attempt_number(s, t), call, retry)


def recovery_s(s: State, t: int) -> float:
    """Draw the time that a person needs to finish a task."""
    return _draw(s, s.plan.recovery.people, Stream.RECOVERY, t, 0)


def clean_up_s(s: State, t: int) -> float:
    """Draw the time that a person needs after the loss of an attempt's work."""
    return _draw(s, s.plan.conflicts.people, Stream.CLEAN_UP, t, attempt_number(s, t))


def review_s(s: State, review: int) -> float:
    """Draw the time that a person needs for a review, by its number."""
    u = uniform(s.plan.seed, s.replication, Stream.REVIEW, review, 0, 0, 0)
    return quantile(s, s.plan.review.people, u)


def interarrival_s(s: State, t: int) -> float:
    """Draw the time between the arrivals of a task and of the one before it."""
    return _draw(s, s.groups[s.tasks[t].group].section.interarrival, Stream.INTERARRIVAL, t, 0)


def _uniform_of_pair(s: State, stream: int, one: int, number: int, other: int, number2: int) -> float:
    """Return the draw of two tasks' attempts, the same whichever is named first."""
    key, key2 = s.groups[s.tasks[one].group].key, s.groups[s.tasks[other].group].key
    index, index2 = s.tasks[one].index, s.tasks[other].index
    unsigned, unsigned2 = key ^ _SIGN, key2 ^ _SIGN
    swap = unsigned2 < unsigned or (
        key2 == key and (index2 < index or (index2 == index and number2 < number))
    )
    if swap:
        key, key2, index, index2, number, number2 = key2, key, index2, index, number2, number
    both = key ^ (key2 << 1 | key2 >> 63 & 1)
    return uniform(both, s.replication, stream, index, 0, index2, number << 8 | number2)


def conflict(s: State, one: int, number: int, other: int, number2: int) -> bool:
    """Whether two attempts conflict."""
    u = _uniform_of_pair(s, Stream.CONFLICT, one, number, other, number2)
    return bool(u < s.plan.conflicts.probability)


def resolve_s(s: State, one: int, number: int, other: int, number2: int) -> float:
    """Draw the time that a person needs to resolve a conflict."""
    u = _uniform_of_pair(s, Stream.RESOLVE, one, number, other, number2)
    return quantile(s, s.plan.conflicts.resolve, u)


def length_s(s: State, t: int) -> float:
    """Return the time of a task's first attempt when nothing is in its way; overwrites its variates."""
    latency, variates = s.world.latency, s.tasks[t].variates
    draw_first_attempt(s, t)
    calls = variates.calls
    seconds = variates.spawn_s + variates.return_s + variates.call_s * calls
    if s.groups[s.tasks[t].group].section.tool_time:
        for call in range(calls - 1):
            seconds += tool_s(s, t, 0, call)
    for call in range(calls):
        seconds += latency.base + output_of(variates, call) * latency.per_output
        seconds += input_of(variates, call) / 1000.0 * latency.per_uncached_k
    return seconds
