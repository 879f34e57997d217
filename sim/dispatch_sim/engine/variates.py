"""Random variates of an attempt, as `model.variates` has them, drawn when they are needed."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.quantiles import normal_cdf, normal_quantile, quantile
from dispatch_sim.engine.records import State
from dispatch_sim.model.arithmetic import ATTEMPTS_WITH_OWN_VARIATES, calls_of_part, share, struck_call
from dispatch_sim.model.streams import Stream, uniform
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.tasks import MAX_CALLS

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
        return s.distributions[row].a
    return quantile(s, row, _uniform(s, stream, t, number))


def draw_batch(s: State) -> None:
    """Draw what all tasks of the batch share."""
    world = s.world
    world.batch_calls = _batch_score(s, Stream.CALLS_OF_BATCH)
    world.batch_tokens = _batch_score(s, Stream.TOKENS_OF_BATCH)
    world.batch_duration = _batch_score(s, Stream.DURATION_OF_BATCH)
    bad_brief = s.plan.bad_brief
    world.bad_brief = bad_brief > 0.0 and (
        uniform(s.plan.seed, s.replication, Stream.BAD_BRIEF, 0, 0, 0, 0) < bad_brief
    )


def _batch_score(s: State, stream: int) -> float:
    return normal_quantile(uniform(s.plan.seed, s.replication, stream, 0, 0, 0, 0))


def _draw_shared(s: State, row: int, of_batch: int, batch_score: float, t: int, number: int) -> float:
    """Draw what batch, task and attempt share, as `model.variates.Variates._draw_shared`."""
    if s.distributions[row].family == codes.CONSTANT:
        return s.distributions[row].a
    group, score = s.groups[s.tasks[t].group], 0.0
    if group.batch_weight > 0.0:
        score += group.batch_weight * batch_score
    if group.task_weight > 0.0:
        score += group.task_weight * normal_quantile(_uniform(s, of_batch + 1, t, 0))
    if group.attempt_weight > 0.0:
        score += group.attempt_weight * normal_quantile(_uniform(s, of_batch + 2, t, number))
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
    shared = first + s.groups[task.group].first_variates + task.index
    if s.shared_variates[shared].drawn_in != s.block:
        _draw_attempt(s, t, number)
        task.variates.drawn_in = s.block
        s.shared_variates[shared] = task.variates
    else:
        task.variates = s.shared_variates[shared]


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
    group, origin, variates = s.groups[task.group], task.origin, task.variates
    calls = whole(_draw_shared(s, group.calls_row, Stream.CALLS_OF_BATCH, world.batch_calls, t, origin))
    calls = min(max(1, calls), MAX_CALLS)
    work = whole(_draw_shared(s, group.tokens_row, Stream.TOKENS_OF_BATCH, world.batch_tokens, t, origin))
    duration = 0.0
    if group.has_duration:
        duration = _draw_shared(
            s, group.duration_row, Stream.DURATION_OF_BATCH, world.batch_duration, t, origin
        )
    written = whole(work * group.output_share)
    variates.calls, variates.new_input, variates.output = calls, work - written, written
    variates.call_s = duration / calls
    variates.spawn_tokens = whole(_draw(s, plan.spawn_tokens_row, Stream.SPAWN_TOKENS, t, origin))
    variates.spawn_s = _draw(s, plan.spawn_time_row, Stream.SPAWN_TIME, t, number)
    variates.return_tokens = whole(_draw(s, plan.return_tokens_row, Stream.RETURN_TOKENS, t, number))
    variates.return_s = _draw(s, plan.return_time_row, Stream.RETURN_TIME, t, number)
    crash = _struck_call(s, Stream.CRASH, plan.crash, t, number, calls)
    hang = _struck_call(s, Stream.HANG, plan.hang, t, number, calls)
    variates.crash_call = crash
    variates.hang_call = hang if hang != crash else -1
    variates.obeys = plan.has_soft_timeout and _uniform(s, Stream.OBEYS, t, number) < plan.obeyed
    bad_output = plan.bad_output
    variates.bad_output = bad_output > 0.0 and _uniform(s, Stream.BAD_OUTPUT, t, number) < bad_output


def take_part(s: State, t: int, fraction: float) -> None:
    """Make an attempt one that does a part: fewer calls, tokens and time in proportion."""
    _reduce(s, t, fraction, calls_of_part(s.tasks[t].variates.calls, fraction))


def leave_out(s: State, t: int, common: float) -> None:
    """Make an attempt one whose common part is done already: its calls are rounded, maybe to none."""
    _reduce(s, t, 1.0 - common, whole((1.0 - common) * s.tasks[t].variates.calls))


def _reduce(s: State, t: int, fraction: float, calls: int) -> None:
    variates = s.tasks[t].variates
    variates.new_input = whole(fraction * variates.new_input)
    variates.output = whole(fraction * variates.output)
    variates.call_s = variates.call_s * variates.calls * fraction / max(calls, 1)
    variates.calls = calls


def tool_s(s: State, t: int, origin: int, call: int) -> float:
    """Draw the time between a call and the next, of the attempt that began the work."""
    task, group = s.tasks[t], s.groups[s.tasks[t].group]
    return quantile(
        s, group.tool_row, uniform(group.key, s.replication, Stream.TOOL_TIME, task.index, origin, call, 0)
    )


def of_request(s: State, stream: int, t: int, call: int, retry: int) -> float:
    """Return a uniform draw of one request: of its overload, or of the pause after it."""
    task = s.tasks[t]
    key = s.groups[task.group].key
    return uniform(key, s.replication, stream, task.index, attempt_number(s, t), call, retry)


def recovery_s(s: State, t: int) -> float:
    """Draw the time that a person needs to finish a task."""
    return _draw(s, s.plan.recovery_row, Stream.RECOVERY, t, 0)


def clean_up_s(s: State, t: int) -> float:
    """Draw the time that a person needs after the loss of an attempt's work."""
    return _draw(s, s.plan.clean_up_row, Stream.CLEAN_UP, t, attempt_number(s, t))


def review_s(s: State, review: int) -> float:
    """Draw the time that a person needs for a review, by its number."""
    return quantile(s, s.plan.review_row, uniform(s.plan.seed, s.replication, Stream.REVIEW, review, 0, 0, 0))


def interarrival_s(s: State, t: int) -> float:
    """Draw the time between the arrivals of a task and of the one before it."""
    return _draw(s, s.groups[s.tasks[t].group].interarrival_row, Stream.INTERARRIVAL, t, 0)


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
    return _uniform_of_pair(s, Stream.CONFLICT, one, number, other, number2) < s.plan.conflict


def resolve_s(s: State, one: int, number: int, other: int, number2: int) -> float:
    """Draw the time that a person needs to resolve a conflict."""
    return quantile(s, s.plan.resolve_row, _uniform_of_pair(s, Stream.RESOLVE, one, number, other, number2))


def length_s(s: State, t: int) -> float:
    """Return the time of a task's first attempt when nothing is in its way; overwrites its variates."""
    task, plan, group = s.tasks[t], s.plan, s.groups[s.tasks[t].group]
    draw_first_attempt(s, t)
    variates, calls = task.variates, task.variates.calls
    seconds = variates.spawn_s + variates.return_s + variates.call_s * calls
    if group.has_tools:
        for call in range(calls - 1):
            seconds += tool_s(s, t, 0, call)
    if plan.has_latency:
        for call in range(calls):
            read = share(variates.new_input, call, calls)
            written = share(variates.output, call, calls)
            seconds += plan.latency_base + written * plan.latency_per_output
            seconds += read / 1000.0 * plan.latency_per_uncached
    return seconds
