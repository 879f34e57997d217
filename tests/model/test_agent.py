"""One attempt: its time and tokens, and the loss when it crashes."""

import pytest

from dispatch_sim.model.variates import Variates
from tests.model.helpers import PARALLEL, bare, check, simulate_one


def crashing(task: str, prices: str = "{}"):
    """Return 400 attempts of four calls of 10 s each, of which half crash and none is retried."""
    return bare(
        f"tasks: [{{count: 400, calls: 4, {task}, duration: 40s}}]",
        f"failures: {{crash: 50%}}\nprovider: {{prices: {prices}}}",
        "retry: {policy: none}\nrecovery: {people: 1s}",
    )


def calls_before_crash(scenario) -> list[int]:
    variates = Variates(scenario, 0)
    last_calls = [variates.attempt(0, index, 0).crash_call for index in range(400)]
    return [last + 1 for last in last_calls if last >= 0]


def test_spawn_and_return_take_time_and_tokens_which_count_against_the_limit():
    scenario = bare(
        "tasks: [{output_share: 0%, duration: 60s}]",
        "dispatch: {spawn: {tokens: 3K, time: 2s}, return: {tokens: 2K, time: 3s}}",
    )
    tokens = {"tokens_work": 1000, "tokens_spawn": 3000, "tokens_return": 2000}
    check(scenario, PARALLEL, makespan_s=65, service_s=65, tokens=6000, quota_input_tokens=6000, **tokens)


def test_crash_wastes_the_calls_made_and_no_others():
    """An attempt that crashes in its n-th call of four has used n x 1,000 tokens and n x 10 s."""
    scenario = crashing("tokens: 4K, output_share: 0%")
    calls = calls_before_crash(scenario)
    assert set(calls) == {1, 2, 3, 4}
    check(
        scenario,
        PARALLEL,
        crashed_attempts=len(calls),
        failed_attempts=len(calls),
        tokens_wasted=1000 * sum(calls),
        tokens_work=4000 * (400 - len(calls)),
        wasted_s=10 * sum(calls),
    )


def test_crash_in_the_first_call_does_not_make_it_the_only_one():
    """Calls were still to come, so n x 1,000 tokens are written to the cache at $7/M; reads are free."""
    prices = "{input: $100/M, cache_write: $7/M, cache_read: $0/M, output: $0/M}"
    scenario = crashing("tokens: 4K, output_share: 0%", prices)
    calls = calls_before_crash(scenario)
    assert 1 in calls
    assert simulate_one(scenario, PARALLEL)[0].money_wasted_usd == pytest.approx(7e-3 * sum(calls))


def test_crashed_attempt_has_read_its_answers_too():
    """500 new and 500 written a call: the k-th call reads 1,000 (k - 1), so n calls 500 n (n - 1)."""
    prices = "{input: $0/M, cache_write: $0/M, cache_read: $1/M, output: $0/M}"
    scenario = crashing("tokens: 4K, output_share: 50%", prices)
    read = sum(500 * made * (made - 1) for made in calls_before_crash(scenario))
    assert simulate_one(scenario, PARALLEL)[0].money_wasted_usd == pytest.approx(read / 1e6)
