"""What the dispatcher and a review wait for, the notification of a change, and the barrier's lift."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import at_once, now, soon
from dispatch_sim.engine.records import State


def can_dispatch(s: State) -> bool:
    """Whether a task waits for an attempt, and no review holds up new ones."""
    return s.world.waiting > 0 and not review_blocks(s)


def review_blocks(s: State) -> bool:
    """Whether nothing is dispatched now."""
    return s.world.review_under_way and s.plan.review_blocks


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
    every = s.plan.review_every
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
