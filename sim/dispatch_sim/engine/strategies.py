"""Strategies: how a batch of tasks is dispatched to sub-agents, until every task is done."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.backlog import (
    add,
    can_refill,
    free_slots,
    holds,
    is_before,
    launch,
    lift_barrier,
    review_blocks,
    start_review,
    take,
)
from dispatch_sim.engine.calendar import after, release, request, soon, write_log
from dispatch_sim.engine.coordinator import begin_turn, do_common, has_to_do_common, prewarm, write_output
from dispatch_sim.engine.records import State
from dispatch_sim.model.accounting import Purpose
from dispatch_sim.model.arithmetic import grown, shrunk
from dispatch_sim.model.cache import is_cold


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


def dispatch(s: State) -> None:
    """Go on: by `_queue` if queue, adaptive, or parallel without a barrier, else by `_waves`."""
    process = s.processes[s.plan.dispatcher]
    goes_on = True
    while goes_on:
        if process.at <= codes.AT_REFILL_WOKEN:
            goes_on = _queue(s)
        elif process.at <= codes.AT_OVER_WOKEN:
            goes_on = _waves(s)
        elif process.at <= codes.AT_SCRIPT_LAUNCH:
            goes_on = _launch_by_script(s)
        elif process.at <= codes.AT_BRIEF:
            goes_on = _launch_in_turn(s)
        else:  # AT_DONE
            soon(s, codes.EVENT_END, 0, 0)
            return


def _wait_for(s: State, condition: int, at: int) -> bool:
    """Let the dispatcher wait for a condition; True where it holds."""
    s.processes[s.plan.dispatcher].at = at
    if holds(s, condition):
        return True
    s.world.waited_for = condition
    return False


def _queue(s: State) -> bool:
    """Go on with `model.strategies.queue`; False where the dispatcher has to wait."""
    process, world = s.processes[s.plan.dispatcher], s.world
    if process.at == codes.AT_REFILL_WOKEN:
        process.at = codes.AT_REFILL
        return _launch_ready(s) if can_refill(s) else True
    if world.unfinished == 0:
        process.at = codes.AT_DONE
        return True
    if world.slots.count:
        return _wait_for(s, codes.CAN_REFILL_OR_IDLE, codes.AT_REFILL_WOKEN)
    if world.waiting == 0:
        _retry_failed(s, codes.LAST)
    if world.waiting == 0:
        lift_barrier(s)
    return _wait_for(s, codes.CAN_DISPATCH_OR_DRAINED, codes.AT_REFILL_WOKEN)


def _waves(s: State) -> bool:
    """Go on with `model.strategies.waves`; False where the dispatcher has to wait."""
    process, world = s.processes[s.plan.dispatcher], s.world
    if process.at == codes.AT_WAVE:
        if world.unfinished == 0:
            process.at = codes.AT_DONE
            return True
        return _wait_for(s, codes.CAN_DISPATCH_OR_DONE, codes.AT_WAVE_WOKEN)
    if process.at == codes.AT_WAVE_WOKEN:
        if world.waiting == 0:
            process.at = codes.AT_DONE
            return True
        process.at = codes.AT_IDLE
        return _launch_ready(s)
    if process.at == codes.AT_IDLE:
        return _wait_for(s, codes.IDLE, codes.AT_IDLE_WOKEN)
    if process.at == codes.AT_IDLE_WOKEN:
        lift_barrier(s)
        return _wait_for(s, codes.WAVE_IS_OVER, codes.AT_OVER_WOKEN)
    if s.plan.review.every == codes.AFTER_WAVE:
        start_review(s)
    _retry_failed(s, codes.FIRST)
    process.at = codes.AT_WAVE
    return True


def _retry_failed(s: State, rank: int) -> None:
    """Let what has failed wait for an attempt again, `FIRST` before all others, or `LAST`."""
    for i in range(s.failed.length):
        add(s, s.failed.numbers[i], rank)
    s.failed.length = 0


def _has_to_wait(s: State) -> bool:
    """Whether the coordinator has something to do before a script can launch tasks."""
    is_prefix_cold = is_cold(s.world.cache, s.plan.shared_prefix, s.world.now_s)
    prewarms = s.plan.strategy.warm_up == codes.PREWARM_CACHE and is_prefix_cold
    return prewarms or (s.plan.forks and _has_common_to_do(s))


def _has_common_to_do(s: State) -> bool:
    first, before = codes.NONE, 0
    for i in range(s.world.waiting):
        if has_to_do_common(s, s.backlog[i].task) and (first == codes.NONE or is_before(s, i, first)):
            first = i
    for i in range(s.world.waiting):
        before += first != codes.NONE and is_before(s, i, first)
    return first != codes.NONE and before < free_slots(s)


def _launch_ready(s: State) -> bool:
    """Launch as `model.strategies.launch_ready`; False where the dispatcher has to wait."""
    d = s.plan.dispatcher
    process = s.processes[d]
    process.back_to = process.at
    if s.plan.by_script and not _has_to_wait(s):
        _take_ready(s)
        process.at = codes.AT_SCRIPT_LAUNCH
        return _launch_by_script(s)
    request(s, codes.COORDINATOR, d, codes.AT_SCRIPT_REQUEST if s.plan.by_script else codes.AT_TURN_REQUEST)
    return False


def _take_ready(s: State) -> None:
    """Take as many of the waiting tasks as can be launched now, into `State.dispatched`."""
    world = s.world
    world.dispatched = 0
    world.dispatched_count = 0 if review_blocks(s) else min(free_slots(s), world.waiting)
    for i in range(world.dispatched_count):
        s.dispatched[i] = take(s)


def _do_common(s: State) -> bool:
    """Do what is common to the tasks that are taken; False where the dispatcher has to wait."""
    world = s.world
    while world.dispatched < world.dispatched_count:
        if not do_common(s, s.plan.dispatcher, s.dispatched[world.dispatched]):
            return False
        world.dispatched += 1
    world.dispatched = 0
    return True


def _launch_by_script(s: State) -> bool:
    """Launch tasks by a script; False where it has to wait for what the coordinator does before."""
    d, world = s.plan.dispatcher, s.world
    process = s.processes[d]
    if process.at == codes.AT_SCRIPT_REQUEST:
        if s.plan.strategy.warm_up == codes.PREWARM_CACHE and not prewarm(s, d):
            return False
        _take_ready(s)
        process.at = codes.AT_SCRIPT_COMMON
    if process.at == codes.AT_SCRIPT_COMMON:
        if not _do_common(s):
            return False
        release(s, codes.COORDINATOR)
    for i in range(world.dispatched_count):
        launch(s, s.dispatched[i])
    process.at = process.back_to
    return True


def _launch_in_turn(s: State) -> bool:
    """Launch tasks in a turn of the coordinator, each after its brief; False where it has to wait."""
    d, world = s.plan.dispatcher, s.world
    process = s.processes[d]
    if process.at == codes.AT_TURN_REQUEST:
        _take_ready(s)
        if world.dispatched_count <= 0:
            release(s, codes.COORDINATOR)
            process.at = process.back_to
            return True
        process.at = codes.AT_TURN_COMMON
    if process.at == codes.AT_TURN_COMMON:
        if not _do_common(s):
            return False
        process.turn_started_s = world.now_s
        process.at = codes.AT_TURN_BEGIN
    if process.at == codes.AT_TURN_BEGIN:
        if not begin_turn(s, d):
            return False
        after(s, d, s.plan.dispatch.turn.time, codes.AT_TURN)
        return False
    if process.at == codes.AT_TURN:
        if s.plan.strategy.warm_up == codes.PREWARM_CACHE and not prewarm(s, d):
            return False
        after(s, d, s.plan.dispatch.brief.time, codes.AT_BRIEF)
        return False
    launch(s, s.dispatched[world.dispatched])
    world.dispatched += 1
    if world.dispatched < world.dispatched_count:
        after(s, d, s.plan.dispatch.brief.time, codes.AT_BRIEF)
        return False
    costs = s.plan.dispatch
    tokens = costs.turn.tokens + world.dispatched_count * costs.brief.tokens
    write_output(s, s.world.ledger.usage[Purpose.COORDINATION], tokens)
    write_log(s, process.turn_started_s, codes.TURN, codes.NONE, 0, -1, 0)
    release(s, codes.COORDINATOR)
    process.at = process.back_to
    return True
