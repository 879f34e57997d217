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

KINDS = "solo SOLO, sequential SEQUENTIAL, parallel PARALLEL, queue QUEUE, waves WAVES, adaptive ADAPTIVE"
ORDERS = "as-given AS_GIVEN, longest-first LONGEST_FIRST, shortest-first SHORTEST_FIRST"
ISOLATION = "shared SHARED, worktree WORKTREE, locks BY_LOCKS"
COMMUNICATION = "none NO_COMMUNICATION, rounds ROUNDS, blackboard BLACKBOARD"
POLICIES = "failed-only FAILED_ONLY, resume RESUME, cascade CASCADE, abort ABORT, none NO_RETRY"


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        (Strategy, "kind", KINDS),
        (Strategy, "merge", "barrier MERGE_AT_BARRIER, as-completed MERGE_AS_COMPLETED"),
        (Strategy, "warm_up", "none NO_WARM_UP, stagger STAGGER, prewarm PREWARM_CACHE"),
        (Strategy, "order", ORDERS),
        (Strategy, "pace", "none UNPACED, limits BY_LIMITS"),
        (Strategy, "retry_when", "immediately IMMEDIATELY, after_drain AFTER_DRAIN"),
        (Strategy, "isolation", ISOLATION),
        (Conflicts, "isolation", ISOLATION),
        (Strategy, "communication", COMMUNICATION),
        (Communication, "kind", COMMUNICATION),
        (Retry, "policy", POLICIES),
        (TaskGroup, "output", "structured STRUCTURED, prose PROSE"),
        (Client, "jitter_direction", "down JITTER_DOWN, up JITTER_UP"),
        (RetryAfter, "above", "backoff BACK_OFF, give_up GIVE_UP"),
        (RetryAfter, "floor", "none NO_FLOOR, backoff BACKOFF_IS_FLOOR"),
        (Harness, "over", "queue WAIT_FOR_PLACE, refuse REFUSE"),
    ],
)
def test_code_of_a_word_is_that_of_its_record(section, key, words):
    code_of = dict(pair.split() for pair in words.split(", "))
    found = {word: number_of(section, key, word) for word in code_of}
    assert found == {word: getattr(codes, name) for word, name in code_of.items()}


def test_code_of_an_activity_is_that_of_the_model():
    names = [each.name for each in Activity]
    assert [getattr(codes, name) for name in names] == [*range(len(names))]


def test_field_that_is_no_number_and_no_record_is_an_error():
    class Texts:
        words: list[str]

    with pytest.raises(TypeError, match="list"):
        structure_of(Texts)
