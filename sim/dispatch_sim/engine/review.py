"""Review of outputs by a person, and the verdict on the batch's instructions."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import after, soon
from dispatch_sim.engine.conditions import notify, start_review_if_due
from dispatch_sim.engine.events import enter
from dispatch_sim.engine.records import State
from dispatch_sim.engine.recovery import redo_all_by_wrong_brief
from dispatch_sim.engine.resources import release, request
from dispatch_sim.engine.variates import review_s


def begin_review(s: State) -> None:
    """Begin a review by a person; without reviews, give the verdict on wrong instructions at once."""
    if s.plan.review_every == codes.NO_REVIEW:
        _take_outputs(s)
        _verdict(s)
        return
    pid = s.plan.reviewer
    s.processes[pid].at = codes.AT_REVIEW_REQUEST
    request(s, codes.PERSON, pid)


def _take_outputs(s: State) -> None:
    waiting = s.awaiting_review.length
    taken = 1 if s.plan.review_every == 1 else waiting
    for i in range(taken):
        s.under_review.numbers[i] = s.awaiting_review.numbers[i]
    for i in range(taken, waiting):
        s.awaiting_review.numbers[i - taken] = s.awaiting_review.numbers[i]
    s.under_review.length = taken
    s.awaiting_review.length = waiting - taken


def resume_review(s: State) -> None:
    """Go on with a review, a person at hand or the time over."""
    pid, world = s.plan.reviewer, s.world
    process = s.processes[pid]
    if process.at == codes.AT_REVIEW_REQUEST:
        _take_outputs(s)
        for i in range(s.under_review.length):
            enter(s, s.under_review.numbers[i], codes.REVIEW, -1, 0)
        seconds = review_s(s, world.reviews_begun) + s.under_review.length * s.plan.review_each_s
        world.reviews_begun += 1
        world.review_s = seconds
        process.at = codes.AT_REVIEW
        after(s, pid, seconds)
        return
    world.ledger.people_review_s += world.review_s
    world.ledger.reviews += 1
    release(s, codes.PERSON)
    _verdict(s)


def _verdict(s: State) -> None:
    """Approve what was reviewed, or reject all that was made by wrong instructions."""
    world = s.world
    wrong = world.bad_brief
    if wrong:
        world.bad_brief = False
        world.instructions += 1
        # The outputs that still wait were made by the same instructions.
        for i in range(s.awaiting_review.length):
            soon(s, codes.EVENT_VERDICT, s.awaiting_review.numbers[i], 1)
        s.awaiting_review.length = 0
    world.review_under_way = False
    for i in range(s.under_review.length):
        soon(s, codes.EVENT_VERDICT, s.under_review.numbers[i], int(wrong))
    if wrong:
        redo_all_by_wrong_brief(s)
    start_review_if_due(s)
    notify(s)
