"""The compiled engine's codes of words and activities stand for what the scenario and the model mean."""

import pytest

from dispatch_sim.engine import codes
from dispatch_sim.engine.layout import number_of, structure_of
from dispatch_sim.model.events import Activity
from dispatch_sim.scenario.coordination import Communication, Harness
from dispatch_sim.scenario.failure import Conflicts, Retry
from dispatch_sim.scenario.provider import Client, RetryAfter
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.tasks import TaskGroup

KINDS = {
    "solo": codes.SOLO,
    "sequential": codes.SEQUENTIAL,
    "parallel": codes.PARALLEL,
    "queue": codes.QUEUE,
    "waves": codes.WAVES,
    "adaptive": codes.ADAPTIVE,
}
ORDERS = {
    "as-given": codes.AS_GIVEN,
    "longest-first": codes.LONGEST_FIRST,
    "shortest-first": codes.SHORTEST_FIRST,
}
ISOLATION = {"shared": codes.SHARED, "worktree": codes.WORKTREE, "locks": codes.BY_LOCKS}
COMMUNICATION = {"none": codes.NO_COMMUNICATION, "rounds": codes.ROUNDS, "blackboard": codes.BLACKBOARD}
POLICIES = {
    "failed-only": codes.FAILED_ONLY,
    "resume": codes.RESUME,
    "cascade": codes.CASCADE,
    "abort": codes.ABORT,
    "none": codes.NO_RETRY,
}


@pytest.mark.parametrize(
    ("section", "key", "code_of"),
    [
        (Strategy, "kind", KINDS),
        (Strategy, "merge", {"barrier": codes.MERGE_AT_BARRIER, "as-completed": codes.MERGE_AS_COMPLETED}),
        (
            Strategy,
            "warm_up",
            {"none": codes.NO_WARM_UP, "stagger": codes.STAGGER, "prewarm": codes.PREWARM_CACHE},
        ),
        (Strategy, "order", ORDERS),
        (Strategy, "pace", {"none": codes.UNPACED, "limits": codes.BY_LIMITS}),
        (Strategy, "retry_when", {"immediately": codes.IMMEDIATELY, "after_drain": codes.AFTER_DRAIN}),
        (Strategy, "isolation", ISOLATION),
        (Conflicts, "isolation", ISOLATION),
        (Strategy, "communication", COMMUNICATION),
        (Communication, "kind", COMMUNICATION),
        (Retry, "policy", POLICIES),
        (TaskGroup, "output", {"structured": codes.STRUCTURED, "prose": codes.PROSE}),
        (Client, "jitter_direction", {"down": codes.JITTER_DOWN, "up": codes.JITTER_UP}),
        (RetryAfter, "above", {"backoff": codes.BACK_OFF, "give_up": codes.GIVE_UP}),
        (RetryAfter, "floor", {"none": codes.NO_FLOOR, "backoff": codes.BACKOFF_IS_FLOOR}),
        (Harness, "over", {"queue": codes.WAIT_FOR_PLACE, "refuse": codes.REFUSE}),
    ],
)
def test_code_of_a_word_is_that_of_its_record(section, key, code_of):
    assert {word: number_of(section, key, word) for word in code_of} == code_of


def test_code_of_an_activity_is_that_of_the_model():
    names = [each.name for each in Activity]
    assert [getattr(codes, name) for name in names] == [*range(len(names))]


def test_field_that_is_no_number_and_no_record_is_an_error():
    class Texts:
        words: list[str]

    with pytest.raises(TypeError, match="list"):
        structure_of(Texts)
