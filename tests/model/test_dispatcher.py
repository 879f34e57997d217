"""Strategies: which tasks are dispatched when, in which order, and what they wait for."""

from collections import deque

from dispatch_sim.model.variates import Variates
from tests.model.helpers import bare, check, script_queue, simulate_one

ALWAYS_CRASHING = "failures: {crash: 100%}\nretry: {policy: none}\nrecovery: {people: 10m}"
SLOW_MERGES = "merge: {structured: {time: 20s}}"
SLOW_TURNS_AND_MERGES = "dispatch: {turn: {tokens: 300, time: 10s}}\n" + SLOW_MERGES


def unreliable():
    """Return twelve tasks of one call of 60 s, of which many crash and are retried until they succeed."""
    return bare("tasks: [{count: 12, duration: 60s}]", "failures: {crash: 40%}\nretry: {max_attempts: 50}")


def crashing_attempts(scenario) -> set[tuple[int, int]]:
    """Return (task, attempt), both from 0, of the attempts that crash if they are made."""
    variates = Variates(scenario, 0)
    keys = [(task, attempt) for task in range(12) for attempt in range(50)]
    return {key for key in keys if variates.attempt(0, *key).crash_call >= 0}


def calls_in_order(log) -> list[tuple[int, int]]:
    """Return (task, attempt), both from 0, of the calls, as they ended."""
    return [(event.task, event.attempt - 1) for event in log if event.kind == "call"]


def test_queue_retries_failed_task_last():
    scenario = unreliable()
    crashes = crashing_attempts(scenario)
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


def test_wave_begins_with_failed_tasks_of_the_last_in_their_order():
    scenario = unreliable()
    crashes = crashing_attempts(scenario)
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
    log = check(scenario, {"waves": 3, "manager": "script"}, makespan_s=60 * waves)
    assert calls_in_order(log) == expected


def test_sequential_retries_a_task_and_waits_for_the_person_before_the_next():
    """Both attempts of two tasks crash after 60 s, and a person takes ten minutes for each.

    Sequential: 2 x 60 + 600 s for each. In waves of one the second runs while the person works.
    """
    tasks = "tasks: [{count: 2, duration: 60s}]"
    scenario = bare(tasks, "failures: {crash: 100%}\nrecovery: {people: 10m}")
    waves = {"waves": 1, "manager": "script"}
    check(scenario, waves, starts={"call": [0, 60, 120, 180]}, makespan_s=120 + 2 * 600)
    log = check(scenario, "sequential", starts={"call": [0, 60, 720, 780]}, makespan_s=2 * 720)
    assert [event.task for event in log if event.kind == "call"] == [0, 0, 1, 1]


def test_queue_with_a_barrier_sees_failures_at_once():
    """Crashes at 10 and 60 s: a person begins at 10 s, not behind the barrier, and needs 2 x 600 s."""
    scenario = bare("tasks: [{duration: 10s}, {duration: 60s}]", ALWAYS_CRASHING)
    check(scenario, script_queue(2, merge="barrier"), makespan_s=1210)


def test_queue_with_a_barrier_merges_when_all_agents_are_back():
    scenario = bare("tasks: [{count: 3, duration: 60s}]", SLOW_MERGES)
    check(scenario, script_queue(1, merge="barrier"), starts={"merge": [180, 200, 220]}, makespan_s=240)


def test_turn_waits_for_a_merge_to_end():
    """A turn of 10 s, a task of 60 s, its merge from 70 to 90 s; a task that arrives at 75 s waits for that.

    Its turn is from 90 to 100 s, it is back at 160 s and merged at 180 s.
    """
    scenario = bare("tasks: [{duration: 60s}, {duration: 60s, interarrival: 75s}]", SLOW_TURNS_AND_MERGES)
    check(scenario, "queue: 2", starts={"turn": [0, 90]}, ends={"turn": [10, 100]}, makespan_s=180)


def test_returned_output_is_merged_before_its_slot_is_filled():
    """Both want the coordinator at 70 s: merge to 90 s, turn to 100 s, task to 160 s, merge to 180 s."""
    tasks = "tasks: [{count: 2, duration: 60s}]"
    check(bare(tasks, SLOW_TURNS_AND_MERGES), "queue: 1", makespan_s=180)


def test_turn_fills_all_slots_that_are_free_when_it_begins():
    """Slots free up at 70 and 71 s, but the coordinator merges until 90 s, and again after the turn.

    The turn of 90 s launches both remaining tasks, so there are two turns of 300 tokens, not three.
    """
    scenario = bare(
        "tasks: [{duration: 60s}, {duration: 61s}, {count: 2, duration: 60s}]", SLOW_TURNS_AND_MERGES
    )
    check(scenario, "queue: 2", starts={"launch": [10, 10, 100, 100]}, tokens_coordination=2 * 300)
