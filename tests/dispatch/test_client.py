"""The client that is refused: its pauses, and what becomes of the time."""

import pytest

from dispatch_sim.dispatch.luck import Luck

from .worlds import ALL_AT_ONCE, NO_FAILURES, NO_MERGE, NO_OVERHEADS, play_one, scenario_of


def contended(*more: str):
    """Return three calls of 6 s, each of which takes a whole bucket that is full again after a minute."""
    return scenario_of(
        "tasks: [{name: a, count: 3, tokens: 10K, output_share: 0%, calls: 1, duration: 6s}]",
        NO_OVERHEADS,
        NO_FAILURES,
        NO_MERGE,
        "provider: {limits: {requests: unlimited, input_tokens: 10K/min, output_tokens: unlimited}}",
        *more,
    )


def test_time_in_backoff_is_wasted_with_the_attempt():
    """Two are refused at 0 s and come back at 60 s: one gets in, the other is dead with 60 s of backoff."""
    scenario = contended("client: {retries: 1}", "retry: {policy: none}", "recovery: {people: 10m}")
    outcome, _ = play_one(scenario, ALL_AT_ONCE)
    assert outcome.refused_attempts == 1
    assert outcome.backoff_s == pytest.approx(60 + 60)
    assert outcome.wasted_s == pytest.approx(60)


def test_each_pause_is_jittered_by_a_draw_of_its_own():
    """Pauses of 0.5, 1 and 2 s, each shortened by its share u, drawn for that task, attempt and try.

    The bucket is empty at 0 s, and the first attempts of the two others are dead by 3.5 s. At 6 s the barrier
    lifts and both are tried again, with a tenth of the bucket filled; by 9.5 s they are dead once more. They
    are told to come back after 50 s or more all the while, which the client does not obey.
    """
    scenario = contended(
        "client: {retries: 3, jitter: 100%, retry_after: {up_to: 1s}}",
        "retry: {max_attempts: 2}",
        "recovery: {people: 1s}",
    )
    outcome, log = play_one(scenario, ALL_AT_ONCE)
    assert outcome.refused_attempts == 4
    luck = Luck(scenario, 0)
    for task in (1, 2):
        for attempt in (0, 1):
            pauses = [
                event.end_s - event.start_s
                for event in log
                if event.kind == "backoff" and (event.task, event.attempt) == (task, attempt + 1)
            ]
            shares = [luck.jitter(0, task, attempt, 0, try_) for try_ in range(3)]
            unjittered = [0.5, 1.0, 2.0]
            assert pauses == pytest.approx(
                [pause * (1 - share) for pause, share in zip(unjittered, shares, strict=True)]
            )
