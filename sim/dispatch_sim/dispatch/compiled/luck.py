"""What attempts meet, as `dispatch.luck` has it, drawn when it is needed."""

from __future__ import annotations

import math

import numpy as np

from dispatch_sim.dispatch.compiled.draws import normal_cdf, normal_quantile, quantile, uniform
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.routine import routine
from dispatch_sim.dispatch.draws import Activity
from dispatch_sim.dispatch.rules import share
from dispatch_sim.scenario import quantities
from dispatch_sim.scenario.tasks import MAX_CALLS

whole = routine(quantities.whole)
whole_share = routine(share)

_CALLS, _TOKENS, _DURATION = (
    int(Activity.CALLS_OF_BATCH),
    int(Activity.TOKENS_OF_BATCH),
    int(Activity.DURATION_OF_BATCH),
)
_SPAWN_TOKENS, _SPAWN_TIME = int(Activity.SPAWN_TOKENS), int(Activity.SPAWN_TIME)
_RETURN_TOKENS, _RETURN_TIME = int(Activity.RETURN_TOKENS), int(Activity.RETURN_TIME)
_CRASH, _HANG, _OBEYS, _BAD_OUTPUT = (
    int(Activity.CRASH), int(Activity.HANG), int(Activity.OBEYS), int(Activity.BAD_OUTPUT),
)  # fmt: skip
_TOOL_TIME = int(Activity.TOOL_TIME)
_RECOVERY, _CLEAN_UP, _RESOLVE = int(Activity.RECOVERY), int(Activity.CLEAN_UP), int(Activity.RESOLVE)
_CONFLICT, _REVIEW, _BAD_BRIEF = int(Activity.CONFLICT), int(Activity.REVIEW), int(Activity.BAD_BRIEF)
_INTERARRIVAL = int(Activity.INTERARRIVAL)

_LEAST, _MOST = 2.0**-53, 1.0 - 2.0**-53
_ONE = np.uint64(1)
_63 = np.uint64(63)


@routine
def _of_task(
    s: State,
    replication: int,
    activity: int,
    group: int,
    index: int,
    number: int,
    call: int = 0,
    try_: int = 0,
) -> float:
    return uniform(s.keys[group + 1], replication, activity, index, number, call, try_)


@routine
def _draw(
    s: State, replication: int, row: int, activity: int, group: int, index: int, number: int = 0
) -> float:
    if int(s.table[row]) == CONSTANT:
        return s.table[row + 1]
    return quantile(s.table, row, _of_task(s, replication, activity, group, index, number))


@routine
def draw_batch(s: State, replication: int) -> None:
    """Draw what all tasks of the batch share."""
    s.f[BATCH_CALLS] = _of_batch(s, replication, _CALLS)
    s.f[BATCH_TOKENS] = _of_batch(s, replication, _TOKENS)
    s.f[BATCH_DURATION] = _of_batch(s, replication, _DURATION)


@routine
def _of_batch(s: State, replication: int, activity: int) -> float:
    return normal_quantile(uniform(s.keys[0], replication, activity, 0, 0, 0, 0))


@routine
def _draw_shared(
    s: State, replication: int, row: int, of_batch: int, score_at: int, group: int, index: int, number: int
) -> float:
    if int(s.table[row]) == CONSTANT:
        return s.table[row + 1]
    score = 0.0
    if s.gf[group, BATCH_WEIGHT] > 0.0:
        score += s.gf[group, BATCH_WEIGHT] * s.f[score_at]
    if s.gf[group, TASK_WEIGHT] > 0.0:
        score += s.gf[group, TASK_WEIGHT] * normal_quantile(
            _of_task(s, replication, of_batch + 1, group, index, 0)
        )
    if s.gf[group, ATTEMPT_WEIGHT] > 0.0:
        score += s.gf[group, ATTEMPT_WEIGHT] * normal_quantile(
            _of_task(s, replication, of_batch + 2, group, index, number)
        )
    return quantile(s.table, row, min(max(normal_cdf(score), _LEAST), _MOST))


@routine
def _struck_call(
    s: State,
    replication: int,
    activity: int,
    probability: float,
    group: int,
    index: int,
    number: int,
    calls: int,
) -> int:
    if probability == 0.0:
        return -1
    u = _of_task(s, replication, activity, group, index, number)
    return min(int(u / probability * calls), calls - 1) if u < probability else -1


@routine
def draw_attempt(s: State, replication: int, t: int, number: int) -> None:
    """Draw what an attempt meets; a first attempt's draws are taken from another plan that has drawn them."""
    if number > 0 or s.drawn.shape[0] == 0:
        _draw_attempt(s, replication, t, number)
        return
    at = s.n[DRAWN_AT] + s.drawn_first[s.ti[t, GROUP]] + s.ti[t, INDEX]
    if s.drawn[at, SIZE_L]:
        for k in range(SIZE_L):
            s.ti[t, FIRST_L + k] = s.drawn[at, k]
        for k in range(SIZE_L_TIME):
            s.tf[t, FIRST_L_TIME + k] = s.drawn_times[at, k]
        return
    _draw_attempt(s, replication, t, number)
    s.drawn[at, SIZE_L] = 1
    for k in range(SIZE_L):
        s.drawn[at, k] = s.ti[t, FIRST_L + k]
    for k in range(SIZE_L_TIME):
        s.drawn_times[at, k] = s.tf[t, FIRST_L_TIME + k]


@routine
def _draw_attempt(s: State, replication: int, t: int, number: int) -> None:
    """Draw sizes by the attempt that began the work, mishaps by its own number."""
    group, index, origin = s.ti[t, GROUP], s.ti[t, INDEX], s.ti[t, ORIGIN]
    row = s.gi[group, CALLS_DIST]
    calls = whole(_draw_shared(s, replication, row, _CALLS, BATCH_CALLS, group, index, origin))
    calls = min(max(1, calls), MAX_CALLS)
    row = s.gi[group, TOKENS_DIST]
    work = whole(_draw_shared(s, replication, row, _TOKENS, BATCH_TOKENS, group, index, origin))
    duration = 0.0
    if s.gi[group, HAS_DURATION]:
        row = s.gi[group, DURATION_DIST]
        duration = _draw_shared(s, replication, row, _DURATION, BATCH_DURATION, group, index, origin)
    written = whole(work * s.gf[group, OUTPUT_SHARE])
    s.ti[t, L_CALLS], s.ti[t, L_READ], s.ti[t, L_WRITTEN] = calls, work - written, written
    s.tf[t, L_CALL_TIME] = duration / calls
    s.ti[t, L_SPAWN] = whole(
        _draw(s, replication, s.pi[SPAWN_TOKENS_DIST], _SPAWN_TOKENS, group, index, origin)
    )
    s.tf[t, L_SPAWN_TIME] = _draw(s, replication, s.pi[SPAWN_TIME_DIST], _SPAWN_TIME, group, index, number)
    s.ti[t, L_RETURN] = whole(
        _draw(s, replication, s.pi[RETURN_TOKENS_DIST], _RETURN_TOKENS, group, index, number)
    )
    s.tf[t, L_RETURN_TIME] = _draw(s, replication, s.pi[RETURN_TIME_DIST], _RETURN_TIME, group, index, number)
    crash = _struck_call(s, replication, _CRASH, s.pf[CRASH], group, index, number, calls)
    hang = _struck_call(s, replication, _HANG, s.pf[HANG], group, index, number, calls)
    s.ti[t, L_CRASH] = crash
    s.ti[t, L_HANG] = hang if hang != crash else -1
    s.ti[t, L_OBEYS] = s.pi[HAS_SOFT] and (
        _of_task(s, replication, _OBEYS, group, index, number) < s.pf[OBEYED]
    )
    s.ti[t, L_BAD] = s.pf[BAD_OUTPUT] > 0.0 and (
        _of_task(s, replication, _BAD_OUTPUT, group, index, number) < s.pf[BAD_OUTPUT]
    )


@routine
def take_part(s: State, t: int, fraction: float) -> None:
    """Make an attempt one of a part of the work."""
    calls = s.ti[t, L_CALLS]
    fewer = min(calls, max(1, math.ceil(fraction * calls - 1e-9)))
    s.ti[t, L_READ] = whole(fraction * s.ti[t, L_READ])
    s.ti[t, L_WRITTEN] = whole(fraction * s.ti[t, L_WRITTEN])
    s.tf[t, L_CALL_TIME] = s.tf[t, L_CALL_TIME] * calls * fraction / fewer
    s.ti[t, L_CALLS] = fewer


@routine
def tool_time(s: State, replication: int, t: int, call: int) -> float:
    """Draw the time between a call and the next."""
    group = s.ti[t, GROUP]
    row = s.gi[group, TOOL_DIST]
    u = _of_task(s, replication, _TOOL_TIME, group, s.ti[t, INDEX], s.ti[t, ORIGIN], call)
    return quantile(s.table, row, u)


@routine
def of_request(s: State, replication: int, activity: int, t: int, number: int, call: int, try_: int) -> float:
    """Return a uniform variate of one request attempt: of its overload, or of the pause after it."""
    return _of_task(s, replication, activity, s.ti[t, GROUP], s.ti[t, INDEX], number, call, try_)


@routine
def recovery_time(s: State, replication: int, t: int) -> float:
    """Draw the time that a person needs to finish a task."""
    return _draw(s, replication, s.pi[RECOVERY_DIST], _RECOVERY, s.ti[t, GROUP], s.ti[t, INDEX])


@routine
def clean_up_time(s: State, replication: int, t: int, number: int) -> float:
    """Draw the time that a person needs after the loss of an attempt's work."""
    return _draw(s, replication, s.pi[CLEAN_UP_DIST], _CLEAN_UP, s.ti[t, GROUP], s.ti[t, INDEX], number)


@routine
def review_time(s: State, replication: int, gate: int) -> float:
    """Draw the time that a person needs for a gate."""
    row = s.pi[REVIEW_DIST]
    if int(s.table[row]) == CONSTANT:
        return s.table[row + 1]
    return quantile(s.table, row, uniform(s.keys[0], replication, _REVIEW, gate, 0, 0, 0))


@routine
def instructions_are_wrong(s: State, replication: int) -> bool:
    """Whether the instructions of the batch are."""
    return s.pf[BAD_BRIEF] > 0.0 and (
        uniform(s.keys[0], replication, _BAD_BRIEF, 0, 0, 0, 0) < s.pf[BAD_BRIEF]
    )


@routine
def interarrival(s: State, replication: int, row: int, group: int, index: int) -> float:
    """Draw the time between the arrivals of a task and of the one before it."""
    return _draw(s, replication, row, _INTERARRIVAL, group, index)


@routine
def _of_pair(
    s: State, replication: int, activity: int, one: int, number: int, other: int, number2: int
) -> float:
    """Return the draw of two tasks' attempts, the same whichever is named first."""
    key, key2 = s.keys[s.ti[one, GROUP] + 1], s.keys[s.ti[other, GROUP] + 1]
    index, index2 = s.ti[one, INDEX], s.ti[other, INDEX]
    swap = key2 < key or (key2 == key and (index2 < index or (index2 == index and number2 < number)))
    if swap:
        key, key2, index, index2, number, number2 = key2, key, index2, index, number2, number
    both = key ^ (key2 << _ONE | key2 >> _63)
    return uniform(both, replication, activity, index, 0, index2, number << 8 | number2)


@routine
def conflict(s: State, replication: int, one: int, number: int, other: int, number2: int) -> bool:
    """Whether two attempts conflict."""
    return _of_pair(s, replication, _CONFLICT, one, number, other, number2) < s.pf[CONFLICT]


@routine
def resolve_time(s: State, replication: int, one: int, number: int, other: int, number2: int) -> float:
    """Draw the time that a person needs to resolve a conflict."""
    row = s.pi[RESOLVE_DIST]
    if int(s.table[row]) == CONSTANT:
        return s.table[row + 1]
    return quantile(s.table, row, _of_pair(s, replication, _RESOLVE, one, number, other, number2))


@routine
def length(s: State, replication: int, t: int) -> float:
    """Return the time of a task's first attempt when nothing is in its way; overwrites the attempt's draws."""
    origin = s.ti[t, ORIGIN]
    s.ti[t, ORIGIN] = 0
    draw_attempt(s, replication, t, 0)
    calls = s.ti[t, L_CALLS]
    seconds = s.tf[t, L_SPAWN_TIME] + s.tf[t, L_RETURN_TIME] + s.tf[t, L_CALL_TIME] * calls
    if s.gi[s.ti[t, GROUP], HAS_TOOLS]:
        for call in range(calls - 1):
            seconds += tool_time(s, replication, t, call)
    if s.pi[HAS_LATENCY]:
        for call in range(calls):
            read = whole_share(s.ti[t, L_READ], call, calls)
            written = whole_share(s.ti[t, L_WRITTEN], call, calls)
            seconds += s.pf[LATENCY_BASE] + written * s.pf[LATENCY_OUTPUT]
            seconds += read / 1000.0 * s.pf[LATENCY_UNCACHED]
    s.ti[t, ORIGIN] = origin
    return seconds
