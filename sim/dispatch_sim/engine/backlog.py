"""Tasks that wait, their launches, and what the dispatcher and a review wait for."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import after, append, at_once, enter, later, note, now, release, soon
from dispatch_sim.engine.records import NumberList, State
from dispatch_sim.engine.variates import interarrival_s, length_s


def can_dispatch(s: State) -> bool:
    """Whether a task waits for an attempt, and no review holds up new ones."""
    return s.world.waiting > 0 and not review_blocks(s)


def review_blocks(s: State) -> bool:
    """Whether nothing is dispatched now."""
    return s.world.review_under_way and (s.plan.review.blocking or s.plan.review.every == codes.NO_REVIEW)


def free_slots(s: State) -> int:
    """Return how many attempts can be launched now."""
    return int(s.world.slots.window) - s.world.slots.count


def can_refill(s: State) -> bool:
    """Whether a task waits and a slot is free."""
    return can_dispatch(s) and free_slots(s) > 0


def holds(s: State, condition: int) -> bool:
    """Whether a condition holds now."""
    if condition == codes.CAN_REFILL_OR_IDLE:
        return can_refill(s) or s.world.slots.count == 0
    if condition == codes.CAN_DISPATCH_OR_DONE:
        return can_dispatch(s) or s.world.unfinished == 0
    if condition == codes.CAN_DISPATCH_OR_DRAINED:
        is_drained = s.failed.length > 0 and s.world.waiting == 0
        return can_dispatch(s) or s.world.unfinished == 0 or is_drained
    if condition == codes.IDLE:
        return s.world.slots.count == 0
    return s.world.active == 0 and not (s.plan.waits_for_recovery and s.world.recovering > 0)


def lift_barrier(s: State) -> None:
    """Release what waits at the barrier; later ones wait for the next lift."""
    low, high = s.world.barrier_lifted, s.world.barrier_high
    s.world.barrier_lifted = high
    if high > low:
        soon(s, codes.EVENT_BARRIER, low, high)


def start_review(s: State) -> None:
    """Start a review of what waits for approval."""
    if s.awaiting_review.length and not s.world.review_under_way:
        s.world.review_under_way = True
        at_once(s, codes.EVENT_START_REVIEW, 0, 0)


def start_review_if_due(s: State) -> None:
    """Start a review if as many outputs wait for it as one is made of."""
    every = s.plan.review.every
    if every > 0 and s.awaiting_review.length >= every:
        start_review(s)


def notify(s: State) -> None:
    """Notify the dispatcher, and a final review, of a change they may be waiting for."""
    if s.awaiting_review.length and s.awaiting_review.length + s.held.length == s.world.unfinished:
        start_review(s)
    condition = s.world.waited_for
    if condition != codes.NOTHING and holds(s, condition):
        s.world.waited_for = codes.NOTHING
        now(s, s.plan.dispatcher)


def is_before(s: State, i: int, j: int) -> bool:
    """Whether one entry of the heap of waiting tasks comes before another."""
    a, b = s.backlog[i], s.backlog[j]
    if a.rank != b.rank:
        return a.rank < b.rank
    if a.length_s != b.length_s:
        return a.length_s < b.length_s
    return a.order < b.order


def _swap(s: State, i: int, j: int) -> None:
    a, b = s.backlog[i], s.backlog[j]
    a.rank, b.rank = b.rank, a.rank
    a.length_s, b.length_s = b.length_s, a.length_s
    a.order, b.order = b.order, a.order
    a.task, b.task = b.task, a.task


def leave_to_person(s: State, t: int) -> None:
    """Leave a task to manual recovery."""
    s.world.recovering += 1
    at_once(s, codes.EVENT_START_RECOVERY, t, 0)


def add(s: State, t: int, rank: int) -> None:
    """Let a task wait for an attempt, `FIRST` before all that are `LAST`; once aborted, for a person."""
    if s.world.aborted:
        leave_to_person(s, t)
        return
    length = 0.0
    if s.plan.strategy.order != codes.AS_GIVEN:
        length = length_s(s, t)
        if s.plan.strategy.order == codes.LONGEST_FIRST:
            length = -length
    at = s.world.waiting
    s.world.waiting = at + 1
    entry = s.backlog[at]
    entry.rank, entry.length_s, entry.order, entry.task = rank, length, s.world.queued, t
    s.world.queued += 1
    while at > 0:
        parent = (at - 1) >> 1
        if is_before(s, parent, at):
            break
        _swap(s, parent, at)
        at = parent


def take(s: State) -> int:
    """Take the first of the waiting tasks."""
    t = s.backlog[0].task
    last = s.world.waiting - 1
    s.world.waiting = last
    _swap(s, 0, last)
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and is_before(s, child + 1, child):
            child += 1
        if is_before(s, at, child):
            break
        _swap(s, at, child)
        at = child
    return t


def _receive(s: State, t: int) -> None:
    """Let a task that has arrived wait for an attempt, or for the groups that its own is after."""
    if s.groups[s.tasks[t].group].waits_for:
        s.tasks[t].activity = codes.DEPENDENCY
        append(s.held, t)
    else:
        add(s, t, codes.LAST)


def add_group(s: State, waiting: NumberList, group: int) -> None:
    """Let the tasks of a group wait for an attempt that have waited for something else."""
    kept = 0
    for i in range(waiting.length):
        t = waiting.numbers[i]
        if s.tasks[t].group == group:
            enter(s, t, codes.WAIT, -1, 0)
            add(s, t, codes.LAST)
        else:
            waiting.numbers[kept] = t
            kept += 1
    waiting.length = kept


def finish(s: State, t: int) -> None:
    """Note that a task is done, and let the groups go that have waited for its group."""
    enter(s, t, codes.WAIT, -1, 0)
    s.world.unfinished -= 1
    s.world.ledger.flow_s += s.world.now_s - s.tasks[t].arrived_s
    group = s.groups[s.tasks[t].group]
    group.unfinished -= 1
    if group.unfinished == 0:
        for i in range(group.first_follower, group.first_follower + group.followers):
            follower = s.links[i]
            s.groups[follower].waits_for -= 1
            if s.groups[follower].waits_for == 0:
                add_group(s, s.held, follower)


def abort(s: State) -> None:
    """Leave every task that waits, now or later, to a person."""
    s.world.aborted = True
    while s.world.waiting:
        leave_to_person(s, take(s))
    for group in range(s.plan.groups):
        for i in range(s.second_round.length):
            t = s.second_round.numbers[i]
            if s.tasks[t].group == group:
                leave_to_person(s, t)
        s.groups[group].awaiting_second = 0
    s.second_round.length = 0


def arrive(s: State) -> None:
    """Let the tasks come that are there from the beginning, and wait for the others."""
    for t in range(s.plan.tasks):
        task = s.tasks[t]
        arrived_s = interarrival_s(s, t)
        if task.index > 0:
            arrived_s = s.tasks[t - 1].arrived_s + arrived_s
        task.arrived_s = task.since_s = arrived_s
        if arrived_s == 0.0:
            _receive(s, t)
        elif s.groups[task.group].next_arrival == codes.NONE:
            s.groups[task.group].next_arrival = t
    for t in range(s.plan.tasks):
        if s.groups[s.tasks[t].group].next_arrival == t:
            at_once(s, codes.EVENT_START_ARRIVALS, t, 0)


def wait_for_arrival(s: State, t: int) -> None:
    """Wait until a task arrives."""
    later(s, s.tasks[t].arrived_s - s.world.now_s, codes.EVENT_ARRIVAL, t, 0)


def next_arrives(s: State, t: int) -> None:
    """Let a task arrive, and wait for the next one of its group."""
    s.tasks[t].since_s = s.tasks[t].arrived_s = s.world.now_s
    _receive(s, t)
    notify(s)
    if t + 1 < s.plan.tasks and s.tasks[t + 1].group == s.tasks[t].group:
        wait_for_arrival(s, t + 1)


def launch(s: State, t: int) -> None:
    """Begin an attempt in a free slot, unless the harness refuses it or the run is aborted."""
    if s.world.aborted:
        leave_to_person(s, t)
        return
    slots, task = s.world.slots, s.tasks[t]
    cap = s.plan.harness.cap
    if cap and s.plan.harness.over == codes.REFUSE and slots.count >= cap:
        s.world.ledger.refused_launches += 1
        note(s, codes.REFUSED_LAUNCH, t, -1, 0)
        slots.most = min(slots.most, cap)
        slots.window = min(slots.window, float(slots.most))
        append(s.refused, t)
        return
    slots.count += 1
    s.world.active += 1
    task.attempts += 1
    task.usage = task.checkpoint.usage
    enter(s, t, codes.HARNESS, -1, 0)
    note(s, codes.LAUNCH, t, -1, 0)
    task.instructions = s.world.instructions
    task.inherited = s.world.context.length if s.plan.forks else 0
    task.merging = False
    task.is_alive = True
    s.processes[t].token += 1
    if s.plan.cancels_others:
        append(s.cascading, t)
    at_once(s, codes.EVENT_START_ATTEMPT, t, 0)


def requeue_refused(s: State) -> None:
    """Let launches that were refused wait again, before all others."""
    for i in range(s.refused.length):
        add(s, s.refused.numbers[i], codes.FIRST)
    s.refused.length = 0


def count_call(s: State, t: int) -> bool:
    """Count a call of a task that holds the call window; False where it waits for a whole window first."""
    world, process, pace = s.world, s.processes[t], s.plan.harness.pace
    window = int(world.now_s // pace.window)
    if window > world.call_window or process.at == codes.AT_NEXT_WINDOW:
        world.call_window, world.calls_in_window = window, 0
    if world.calls_in_window >= pace.calls:
        after(s, t, pace.window, codes.AT_NEXT_WINDOW)
        return False
    world.calls_in_window += 1
    release(s, codes.CALL_WINDOW)
    return True
