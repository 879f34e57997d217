"""Adaptive dispatch: one more after a round without a 429, half as many after one."""

from tests.model.helpers import BARE, scenario_of, simulate_one


def test_without_limits_it_grows_by_one_in_a_round():
    """From 4: after four returns it has 4 + 1/4 + 1/4.25 + ... of a width, so a fifth slot with the fifth."""
    scenario = scenario_of("tasks: [{name: a, count: 30, calls: 1, tokens: 0, duration: 60s}]", BARE)
    _, log = simulate_one(scenario, {"adaptive": "all", "manager": "script"})
    starts = sorted(event.start_s for event in log if event.kind == "launch")
    rounds = _rounds(30)
    assert [starts.count(60.0 * n) for n in range(len(rounds))] == rounds


def _rounds(tasks):
    """Return how many AIMD launches in each round of equal tasks, by its definition."""
    width, rounds, running = 4.0, [], 0
    while tasks:
        for _ in range(running):
            width += 1 / width
        running = min(int(width), tasks)
        rounds.append(running)
        tasks -= running
    return rounds


def test_a_429_halves_it_once_for_all_that_were_at_work():
    """Six requests a minute: four start, then more, until they are refused; then at most half as many."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 60, calls: 1, tokens: 0, duration: 30s}]",
        BARE.replace(
            "limits: unlimited",
            "limits: {requests: 12/min, input_tokens: unlimited, output_tokens: unlimited, burst: 60s}",
        ),
    )
    outcome, log = simulate_one(scenario, {"adaptive": 12, "manager": "script"})
    refused_s = [event.end_s for event in log if event.kind == "429"]
    assert refused_s
    at_work = _at_work(log)
    first = refused_s[0]
    before = max(at_work(first - 1e-6), 1)
    later = [at_work(first + 30 * n + 29) for n in (1, 2)]
    assert max(later) <= before // 2 + 2  # it grows by one in a round again
    fixed, _ = simulate_one(scenario, {"queue": 12, "manager": "script"})
    assert outcome.rejected_requests < fixed.rejected_requests


def _at_work(log):
    """Return a function that counts the attempts at work at a time."""
    spans = {}
    for event in log:
        if event.kind in ("call", "backoff"):
            low, high = spans.get((event.task, event.attempt), (event.start_s, event.end_s))
            spans[event.task, event.attempt] = (min(low, event.start_s), max(high, event.end_s))
    return lambda at: sum(low <= at < high for low, high in spans.values())


def test_it_keeps_to_its_most():
    """Never more than asked for, nor fewer than one."""
    scenario = scenario_of("tasks: [{name: a, count: 30, calls: 1, tokens: 0, duration: 60s}]", BARE)
    _, log = simulate_one(scenario, {"adaptive": 5, "manager": "script"})
    starts = [event.start_s for event in log if event.kind == "launch"]
    assert max(starts.count(start) for start in starts) == 5
    narrow, _ = simulate_one(scenario, {"adaptive": 1, "manager": "script"})
    assert narrow.makespan_s == 30 * 60


def test_with_a_most_that_is_its_start_it_is_a_queue():
    """Without 429s, adaptive up to 3 is a queue of 3."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 10, calls: 2, tokens: 5K, duration: {lognormal: {mean: 60s, cv: 1}}}]",
        BARE,
    )
    adaptive, queue = simulate_one(scenario, {"adaptive": 3}), simulate_one(scenario, {"queue": 3})
    assert adaptive == queue
