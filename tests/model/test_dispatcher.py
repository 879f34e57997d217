"""Strategies: who is handed out when, in which order, and what is waited for."""

from collections import deque

from dispatch_sim.model.variates import Variates
from tests.model.worlds import BARE, scenario_of, script_queue, simulate_one

ALWAYS_CRASHING = (
    BARE.replace("crash: 0%", "crash: 100%"),
    "retry: {policy: none}",
    "recovery: {people: 10m}",
)
SLOW_MERGES = BARE.replace("structured: {tokens: 0, time: 0s}", "structured: {tokens: 0, time: 20s}")
SLOW_TURNS_AND_MERGES = SLOW_MERGES.replace(" turn: {tokens: 0, time: 0s}", " turn: {tokens: 300, time: 10s}")


def unreliable():
    """Return twelve tasks of one call of 60 s, of which many crash and are tried until they succeed."""
    return scenario_of(
        "tasks: [{name: a, count: 12, tokens: 1K, calls: 1, duration: 60s}]",
        BARE.replace("crash: 0%", "crash: 40%"),
        "retry: {max_attempts: 50}",
    )


def attempts_that_crash(scenario) -> set[tuple[int, int]]:
    """Return (task, attempt), both from 0, of the attempts that crash if they are made."""
    luck = Variates(scenario, 0)
    keys = [(task, attempt) for task in range(12) for attempt in range(50)]
    return {key for key in keys if luck.attempt(0, *key).crash_call >= 0}


def calls_in_order(log) -> list[tuple[int, int]]:
    """Return (task, attempt), both from 0, of the calls, as they ended."""
    return [(event.task, event.attempt - 1) for event in log if event.kind == "call"]


def test_a_queue_takes_a_failed_task_again_when_all_others_have_had_their_turn():
    """With one slot: first in, first out, and what crashed goes to the end."""
    scenario = unreliable()
    crashes = attempts_that_crash(scenario)
    waiting = deque((task, 0) for task in range(12))
    expected = []
    while waiting:
        task, attempt = waiting.popleft()
        expected.append((task, attempt))
        if (task, attempt) in crashes:
            waiting.append((task, attempt + 1))
    assert len(expected) > 12 + 2
    _, log = simulate_one(scenario, script_queue(1))
    assert calls_in_order(log) == expected


def test_waves_take_failed_tasks_again_first_and_in_their_order():
    """Each wave of three begins with those that crashed in the last one, and is filled up with new ones."""
    scenario = unreliable()
    crashes = attempts_that_crash(scenario)
    waiting = [(task, 0) for task in range(12)]
    expected = []
    waves = most_crashed = 0
    while waiting:
        wave, waiting = waiting[:3], waiting[3:]
        expected += wave
        waves += 1
        crashed = [(task, attempt + 1) for task, attempt in wave if (task, attempt) in crashes]
        most_crashed = max(most_crashed, len(crashed))
        waiting = crashed + waiting
    assert most_crashed > 1
    outcome, log = simulate_one(scenario, {"waves": 3, "manager": "script"})
    assert calls_in_order(log) == expected
    assert outcome.makespan_s == 60 * waves


def test_only_sequential_waits_for_the_person():
    """Two tasks crash after 60 s each and take a person ten minutes each.

    Sequential: 60 + 600 + 60 + 600 s. In waves of one the second runs while the person works: 60 + 2 x 600 s.
    """
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, tokens: 1K, calls: 1, duration: 60s}]", *ALWAYS_CRASHING
    )
    assert simulate_one(scenario, {"waves": 1, "manager": "script"})[0].makespan_s == 1260
    assert simulate_one(scenario, "sequential")[0].makespan_s == 1320


def test_a_queue_with_a_barrier_sees_failures_at_once():
    """Crashes at 10 and 60 s: a person begins at 10 s, not behind the barrier, and needs 2 x 600 s."""
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, calls: 1, duration: 10s},"
        " {name: b, tokens: 1K, calls: 1, duration: 60s}]",
        *ALWAYS_CRASHING,
    )
    assert simulate_one(scenario, script_queue(2, merge="barrier"))[0].makespan_s == 1210


def test_a_queue_with_a_barrier_merges_when_all_is_back():
    """One slot, three tasks of 60 s: back at 180 s, then merged in 3 x 20 s; none before the last is back."""
    scenario = scenario_of("tasks: [{name: a, count: 3, tokens: 1K, duration: 60s}]", SLOW_MERGES)
    outcome, log = simulate_one(scenario, script_queue(1, merge="barrier"))
    assert [event.start_s for event in log if event.kind == "merge"] == [180, 200, 220]
    assert outcome.makespan_s == 240


def test_a_turn_waits_for_a_merge_to_end():
    """A turn of 10 s, a task of 60 s, its merge from 70 to 90 s; a task that arrives at 75 s waits for that.

    Its turn is from 90 to 100 s, it is back at 160 s and merged at 180 s; with a coordinator for turns alone
    it were merged at 165 s.
    """
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, duration: 60s},"
        " {name: b, tokens: 1K, duration: 60s, interarrival: 75s}]",
        SLOW_TURNS_AND_MERGES,
    )
    outcome, log = simulate_one(scenario, "queue: 2")
    assert [(event.start_s, event.end_s) for event in log if event.kind == "turn"] == [(0, 10), (90, 100)]
    assert outcome.makespan_s == 180


def test_an_output_that_is_back_is_merged_before_its_slot_is_filled():
    """Both want the coordinator at 70 s: merge to 90 s, turn to 100 s, task to 160 s, merge to 180 s."""
    scenario = scenario_of("tasks: [{name: a, count: 2, tokens: 1K, duration: 60s}]", SLOW_TURNS_AND_MERGES)
    assert simulate_one(scenario, "queue: 1")[0].makespan_s == 180


def test_a_turn_fills_all_slots_that_are_free_when_it_begins():
    """Slots free up at 70 and 71 s, but the coordinator merges until 90 s, and again after the turn.

    The turn of 90 s hands out both tasks that are left, so there are two turns of 300 tokens, not three.
    """
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, duration: 60s}, {name: b, tokens: 1K, duration: 61s},"
        " {name: c, count: 2, tokens: 1K, duration: 60s}]",
        SLOW_TURNS_AND_MERGES,
    )
    outcome, log = simulate_one(scenario, "queue: 2")
    assert [event.start_s for event in log if event.kind == "launch"] == [10, 10, 100, 100]
    assert outcome.tokens_coordination == 2 * 300
