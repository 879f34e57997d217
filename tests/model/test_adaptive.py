"""Adaptive dispatch: one more slot after a round without a 429, half as many after one."""

import pytest

from tests.model.helpers import bare, check, limited, simulate_one

THIRTY = "tasks: [{count: 30, duration: 60s}]"


def adaptive(most):
    return {"adaptive": most, "manager": "script"}


def waves_of_equal_tasks(tasks, most):
    """Return the launches in each wave of equal tasks without limits, by the definition of AIMD."""
    window, waves, running = min(4.0, most), [], 0
    while tasks:
        for _ in range(running):
            window = min(most, window + 1 / window)
        running = min(int(window), tasks)
        waves.append(running)
        tasks -= running
    return waves


@pytest.mark.parametrize("most", [30, 5, 1])
def test_window_grows_by_one_in_a_wave_up_to_its_maximum(most):
    """From 4: after four returns it is 4 + 1/4 + 1/4.25 + ..., so the fifth return brings a fifth slot."""
    _, log = simulate_one(bare(THIRTY), adaptive(most))
    starts = [event.start_s for event in log if event.kind == "launch"]
    waves = waves_of_equal_tasks(30, most)
    assert [starts.count(60.0 * n) for n in range(len(waves))] == waves


def test_429_halves_the_window_once_for_all_agents_at_work():
    """By hand: four requests a minute, the bucket full; four agents at 0 s, and four more at 30 s.

    Two of these are rate-limited then, and one of them again at 45 s: the window is halved once, from 4.92 to
    2.46, and no attempt that began before makes it grow. Two agents work until 75 s, one until 90 s.
    Without the 429s the next task would begin at 60 s; if each had halved the window, at 90 s.
    """
    tasks = "tasks: [{count: 10, duration: 30s}]"
    starts = {"429": [30, 30, 45], "launch": [0] * 4 + [30] * 4 + [75, 90]}
    check(bare(tasks, limited(requests="4/min")), adaptive(12), starts=starts)


def test_window_that_shrinks_before_the_coordinator_does_common_work_limits_the_launches():
    """By hand: c and d come at 100 s, while the coordinator merges a, from 60 s to 160 s.

    At 120 s, b's first call has written 800 tokens, 200 more than the bucket holds: b is rate-limited for
    20 s, and the window is halved to two. So c is launched alone, after common work from 160 s. It is back
    at 220 s, and d waits until its output is merged. After 30 s of common work, d is launched, and merged
    after b, from 450 s.
    """
    scenario = bare(
        "tasks: [{duration: 60s},"
        " {calls: 2, tokens: 2K, output_share: 80%, duration: 240s},"
        " {calls: 2, duration: 60s, common: 50%, interarrival: 100s},"
        " {calls: 2, duration: 60s, common: 50%, interarrival: 100s}]",
        "dispatch: {spawn: {fork: true}, context: {start: 0}}",
        "merge: {structured: {tokens: 0, time: 100s}}",
        "provider: {limits: {output_tokens: 600/min}}",
    )
    starts = {"429": [120], "common work": [160, 320], "launch": [0, 0, 190, 350]}
    check(scenario, adaptive(4), starts=starts, makespan_s=450 + 100)


def test_adaptive_whose_maximum_is_its_start_is_a_queue():
    scenario = bare("tasks: [{count: 10, calls: 2, tokens: 5K, duration: {lognormal: {mean: 60s, cv: 1}}}]")
    assert simulate_one(scenario, {"adaptive": 3}) == simulate_one(scenario, {"queue": 3})
