"""Adaptive dispatch: one more slot after a round without a 429, half as many after one."""

import pytest

from tests.model.helpers import bare, check, simulate_one

THIRTY = "tasks: [{name: a, count: 30, calls: 1, tokens: 0, duration: 60s}]"


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
    """Twelve requests a minute: four agents start, then more, until a 429; then at most half as many."""
    scenario = bare(
        "tasks: [{name: a, count: 60, calls: 1, tokens: 0, duration: 30s}]",
        "provider: {limits: {requests: 12/min, burst: 60s}}",
    )
    outcome, log = simulate_one(scenario, adaptive(12))
    first_s = next(event.end_s for event in log if event.kind == "429")
    before = max(at_work(log, first_s - 1e-6), 1)
    later = [at_work(log, first_s + 30 * n + 29) for n in (1, 2)]
    assert max(later) <= before // 2 + 2  # it grows by one in a round again
    fixed, _ = simulate_one(scenario, {"queue": 12, "manager": "script"})
    assert outcome.rejected_requests < fixed.rejected_requests


def test_window_that_shrinks_before_the_coordinator_does_common_work_limits_the_launches():
    """By hand: c and d come at 100 s, while the coordinator merges a, from 60 s to 160 s.

    At 120 s, b's first call has written 800 tokens, 200 more than the bucket holds: b is rate-limited for
    20 s, and the window is halved to two. So c is launched alone, after common work from 160 s. It is back
    at 220 s, and d waits until its output is merged. After 30 s of common work, d is launched, and merged
    after b, from 450 s.
    """
    scenario = bare(
        "tasks: [{name: a, calls: 1, tokens: 0, duration: 60s},"
        " {name: b, calls: 2, tokens: 2K, output_share: 80%, duration: 240s},"
        " {name: c, calls: 2, tokens: 0, duration: 60s, common: 50%, interarrival: 100s},"
        " {name: d, calls: 2, tokens: 0, duration: 60s, common: 50%, interarrival: 100s}]",
        "dispatch: {spawn: {fork: true}, context: {start: 0}}",
        "merge: {structured: {tokens: 0, time: 100s}}",
        "provider: {limits: {output_tokens: 600/min}}",
    )
    starts = {"429": [120], "common work": [160, 320], "launch": [0, 0, 190, 350]}
    check(scenario, adaptive(4), starts=starts, makespan_s=450 + 100)


def at_work(log, at_s):
    spans = {}
    for event in log:
        if event.kind in ("call", "backoff"):
            low, high = spans.get((event.task, event.attempt), (event.start_s, event.end_s))
            spans[event.task, event.attempt] = (min(low, event.start_s), max(high, event.end_s))
    return sum(low <= at_s < high for low, high in spans.values())


def test_adaptive_whose_maximum_is_its_start_is_a_queue():
    scenario = bare(
        "tasks: [{name: a, count: 10, calls: 2, tokens: 5K, duration: {lognormal: {mean: 60s, cv: 1}}}]"
    )
    assert simulate_one(scenario, {"adaptive": 3}) == simulate_one(scenario, {"queue": 3})
