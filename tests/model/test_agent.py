"""One attempt: what it takes and uses, and what is lost when it crashes."""

import pytest

from dispatch_sim.model.variates import Variates
from tests.model.worlds import (
    ALL_AT_ONCE,
    BARE,
    NO_FAILURES,
    NO_LIMITS,
    NO_MERGE,
    overheads,
    scenario_of,
    simulate_one,
)


def crashing(task: str, prices: str = "{}"):
    """Return 400 attempts of four calls of 10 s each, of which half crash and none is tried again."""
    return scenario_of(
        f"tasks: [{{name: a, count: 400, calls: 4, {task}, duration: 40s}}]",
        BARE.replace("crash: 0%", "crash: 50%").replace("unlimited}", f"unlimited, prices: {prices}}}"),
        "retry: {policy: none}",
        "recovery: {people: 1s}",
    )


def calls_before_crash(scenario) -> list[int]:
    """Return how many calls each attempt that crashes has made, the one that it crashes in included."""
    luck = Variates(scenario, 0)
    last_calls = [luck.attempt(0, index, 0).crash_call for index in range(400)]
    return [last + 1 for last in last_calls if last >= 0]


def test_spawn_and_return_take_time_and_spawn_counts_against_the_limit():
    """2 s of spawning, 60 s of calls, 3 s of returning: 65 s of service. Input: 3K spawned once, 1K new."""
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, output_share: 0%, duration: 60s}]",
        overheads(spawn="{tokens: 3K, time: 2s}", return_="{tokens: 0, time: 3s}"),
        NO_LIMITS,
        NO_FAILURES,
        NO_MERGE,
    )
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert (outcome.makespan_s, outcome.service_s, outcome.quota_input_tokens) == (65, 65, 4000)


def test_a_crash_wastes_the_calls_made_and_no_others():
    """An attempt that crashes in its n-th call of four has used n x 1,000 tokens and n x 10 s."""
    scenario = crashing("tokens: 4K, output_share: 0%")
    calls = calls_before_crash(scenario)
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert set(calls) == {1, 2, 3, 4}
    assert outcome.crashed_attempts == outcome.failed_attempts == len(calls)
    assert outcome.tokens_wasted == 1000 * sum(calls)
    assert outcome.tokens_work == 4000 * (400 - len(calls))
    assert outcome.wasted_s == pytest.approx(10 * sum(calls))


def test_a_crash_in_the_first_call_does_not_make_it_the_only_one():
    """What is sent is written to the cache for calls that were still to come: n x 1,000 tokens at $7/M.

    Nothing is billed as uncached input, at $100/M, and what is read is free.
    """
    prices = "{input: $100/M, cache_write: $7/M, cache_read: $0/M, output: $0/M}"
    scenario = crashing("tokens: 4K, output_share: 0%", prices)
    calls = calls_before_crash(scenario)
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert 1 in calls
    assert outcome.money_wasted_usd == pytest.approx(7e-3 * sum(calls))


def test_a_crashed_attempt_has_read_what_it_was_answered_too():
    """500 new and 500 written a call: the k-th call reads k - 1 times 1,000, so n calls 1,000 n (n - 1) / 2.

    Only what is read has a price here, $1/M.
    """
    prices = "{input: $0/M, cache_write: $0/M, cache_read: $1/M, output: $0/M}"
    scenario = crashing("tokens: 4K, output_share: 50%", prices)
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    read = sum(1000 * made * (made - 1) // 2 for made in calls_before_crash(scenario))
    assert outcome.money_wasted_usd == pytest.approx(read / 1e6)
