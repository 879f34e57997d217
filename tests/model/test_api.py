"""The model API under its limits, and rate-limited clients."""

import pytest

from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.problems import ScenarioError
from tests.model.helpers import PARALLEL, bare, check, limited, script_queue, simulate_one

ONE_CALL = "tasks: [{count: %d, tokens: 10K, output_share: 0%%, duration: 6s}]"
SMALL = "tasks: [{count: %d, duration: 6s}]"
WRITING = "tasks: [{count: 2, tokens: %s, output_share: 100%%, duration: %s}]"


TEN_K_PER_MINUTE = limited(input_tokens="10K/min")


def test_rate_limited_agents_collide_again_until_their_retries_are_spent():
    """Three calls of a whole bucket each: one is admitted at 0 s, one of two at 60 s, the last at 120 s with
    its second and last retry. With one retry it has failed."""
    scenario = bare(ONE_CALL % 3, TEN_K_PER_MINUTE)
    check(scenario, PARALLEL, starts={"429": [0, 0, 60]}, makespan_s=126, failed_attempts=0, backoff_s=180)
    hasty = bare(
        ONE_CALL % 3, TEN_K_PER_MINUTE, "client: {retries: 1}\nretry: {policy: none}\nrecovery: {people: 10m}"
    )
    failed = {"rate_limited_attempts": 1, "manual_completions": 1, "wasted_s": 60}  # its time in backoff
    check(hasty, PARALLEL, makespan_s=66 + 600, backoff_s=60 + 60, **failed)


def test_gateway_serves_first_in_first_out_and_rejects_nothing():
    scenario = bare(ONE_CALL % 3, TEN_K_PER_MINUTE, "provider: {on_limit: wait}")
    log = check(
        scenario,
        PARALLEL,
        ends={"call": [6, 66, 126]},
        rejected_requests=0,
        failed_attempts=0,
        blocked_s=60 + 120 + 120 + 60,
    )
    assert [event.task for event in log if event.kind == "call"] == [0, 1, 2]


def test_output_is_charged_at_the_end_and_a_bucket_in_debt_admits_nothing():
    """A first call of 10 s writes 16K against a bucket of 8K at 8K a minute: 8K in debt, for a minute."""
    scenario = bare(WRITING % ("16K", "10s"), limited(output_tokens="8K/min"))
    check(scenario, script_queue(1), starts={"backoff": [10]}, ends={"backoff": [70]}, makespan_s=80)


def test_output_bucket_at_exactly_zero_admits():
    scenario = bare(WRITING % ("8K", "10s"), limited(output_tokens="8K/min"))
    check(scenario, script_queue(1), makespan_s=20, rejected_requests=0, quota_output_tokens=16_000)


@pytest.mark.parametrize(
    ("limits", "tasks", "starts"),
    [
        (limited(requests="2/min"), SMALL % 3, [0, 0, 30]),
        (limited(requests="60/min", burst="1s"), SMALL % 3, [0, 1, 2]),
        (limited(input_tokens="10K/min", scale=0.5, burst="2m"), ONE_CALL % 2, [0, 120]),
    ],
)
def test_calls_start_when_the_buckets_hold_enough(limits, tasks, starts):
    check(bare(tasks, limits), PARALLEL, starts={"call": starts})


def test_long_retry_after_is_answered_by_backoff_or_by_giving_up():
    """A client that obeys up to 30 s backs off 0.5 and 1 s instead of 60, or gives up at once."""
    parts = (ONE_CALL % 2, TEN_K_PER_MINUTE, "retry: {policy: none}")
    back_off = bare(*parts, "client: {jitter: 0%, retry_after: {up_to: 30s}}")
    check(back_off, PARALLEL, ends={"backoff": [0.5, 1.5]}, rate_limited_attempts=1)
    give_up = bare(*parts, "client: {retry_after: {up_to: 30s, above: give_up}}")
    check(give_up, PARALLEL, rate_limited_attempts=1, backoff_s=0)


@pytest.mark.parametrize("on_limit", ["reject", "wait"])
def test_call_that_no_bucket_can_hold_fails_at_once_for_that_reason(on_limit):
    scenario = bare(
        "tasks: [{count: 9, tokens: {uniform: {low: 1K, high: 19K}}, output_share: 0%,"
        " duration: 6s, variance: {batch: 0%, task: 0%, attempt: 100%}}]",
        TEN_K_PER_MINUTE,
        f"provider: {{on_limit: {on_limit}}}\nrecovery: {{people: 1m}}",
    )
    outcome, log = simulate_one(scenario, "sequential")
    assert outcome.too_large_attempts > 0
    assert all(event.tokens <= 10_000 for event in log if event.kind == "call")
    assert outcome.rate_limited_attempts == 0


def test_call_that_no_bucket_can_hold_does_not_hold_up_the_line():
    """Calls of 8K and 50K in line at a bucket of 10K: those of 8K are served as if the others were not there.

    The first at 0 s leaves 2K; the second has to wait for 6K, 36 s, and each further one for 8K, 48 s.
    """
    scenario = bare(
        "tasks: [{count: 12, output_share: 0%, duration: 6s,"
        " tokens: {mixture: [{weight: 0.5, of: 8K}, {weight: 0.5, of: 50K}]}}]",
        TEN_K_PER_MINUTE,
        "provider: {on_limit: wait}\nretry: {policy: none}\nrecovery: {people: 1s}",
    )
    variates = Variates(scenario, 0)
    fitting = [index for index in range(12) if variates.attempt(0, index, 0).new_input == 8000]
    assert 2 < len(fitting) < 10
    ends_s = [6.0] + [36 + 48 * turn + 6 for turn in range(len(fitting) - 1)]
    log = check(scenario, PARALLEL, ends={"call": ends_s}, too_large_attempts=12 - len(fitting))
    assert [event.task for event in log if event.kind == "call"] == fitting


def test_coordinator_shares_the_limits_and_never_gives_up():
    """One request a minute: the turn takes it, the call waits for the next, the merge for the one after."""
    scenario = bare(SMALL % 1, limited(requests="1/min"), "merge: {structured: {tokens: 500, time: 5s}}")
    check(scenario, "parallel", starts={"call": [60]}, makespan_s=125, quota_requests=3)


def test_return_puts_the_input_bucket_into_debt_and_overflow_is_lost():
    """A bucket of 10K is at 9K after the first call, and full again at 6 s, not at 11K after 12 s.

    A return of 20K at 12 s leaves 10K of debt, and the second call needs 1K: 11K at 10K a minute are 66 s.
    """
    scenario = bare(
        "tasks: [{count: 2, output_share: 0%, duration: 12s}]",
        TEN_K_PER_MINUTE,
        "dispatch: {return: {tokens: 20K}}",
    )
    check(scenario, script_queue(1), makespan_s=12 + 66 + 12, quota_input_tokens=2 * 1000 + 2 * 20_000)


def test_return_is_charged_when_it_has_been_read():
    """`a` returns 20K, twice the bucket, from 6 to 36 s; `b` makes its second call at 10 s, unhindered."""
    scenario = bare(
        "tasks: [{output_share: 0%, duration: 6s}, {output_share: 0%, calls: 2, duration: 20s}]",
        TEN_K_PER_MINUTE,
        "dispatch: {return: {tokens: 20K, time: 30s}}",
    )
    check(scenario, script_queue(2), rejected_requests=0, makespan_s=50)


@pytest.mark.parametrize(("cache_reads", "counted"), [("false", 10_000), ("true", 15_000)])
def test_cache_reads_count_where_the_provider_says_so(cache_reads, counted):
    """Two calls of 5K new input: the second sends 10K in all, of which 5K are read."""
    scenario = bare(
        "tasks: [{tokens: 10K, output_share: 0%, calls: 2, duration: 12s}]",
        limited(input_tokens="1M/min"),
        f"provider: {{accounting: {{cache_reads: {cache_reads}}}}}",
    )
    check(scenario, PARALLEL, quota_input_tokens=counted)


def test_reserved_output_holds_max_tokens_and_gives_back_the_unused_part():
    """A bucket of 8K, 6K reserved a call: the second waits for 4K at 8K a minute, though both write 1K."""
    parts = (WRITING % ("1K", "12s"), limited(output_tokens="8K/min"))
    reserved = bare(*parts, "provider: {accounting: {output: reserved, max_tokens: 6K}}")
    check(reserved, PARALLEL, starts={"call": [0, 30]}, rejected_requests=1)
    check(bare(*parts), PARALLEL, rejected_requests=0)


def test_reservation_above_the_bucket_is_a_scenario_error():
    with pytest.raises(ScenarioError, match="max_tokens"):
        bare(
            SMALL % 1,
            limited(output_tokens="1K/min"),
            "provider: {accounting: {output: reserved, max_tokens: 6K}}",
        )


@pytest.mark.parametrize(("failed_requests", "counted"), [("false", 3), ("true", 4)])
def test_rejected_requests_cost_quota_where_the_provider_counts_them(failed_requests, counted):
    """Two requests a minute and three agents: the third is rejected once, and admitted at 30 s."""
    scenario = bare(
        SMALL % 3,
        limited(requests="2/min"),
        f"provider: {{accounting: {{failed_requests: {failed_requests}}}}}",
    )
    check(scenario, PARALLEL, starts={"call": [0, 0, 30]}, quota_requests=counted, rejected_requests=1)


@pytest.mark.parametrize(("on_limit", "makespan_s"), [("reject", 50), ("wait", 35)])
def test_coordinator_gets_through_though_its_rejected_requests_cost_requests(on_limit, makespan_s):
    """Two requests a minute. The turn and the call at 0 s take both; the merge comes at 15 s, finds half a
    request, loses it, and is admitted half a minute later. In line nothing is rejected, and it waits 15 s."""
    scenario = bare(
        "tasks: [{duration: 15s}]",
        limited(requests="2/min"),
        "merge: {structured: {time: 5s}}",
        f"provider: {{on_limit: {on_limit}, accounting: {{failed_requests: true}}}}",
    )
    check(scenario, "parallel", makespan_s=makespan_s)


def test_overloaded_api_is_answered_by_backoff_whatever_the_limits():
    """Always 529: an attempt with two retries pauses 0.5 and 1 s and fails; no bucket is touched."""
    scenario = bare(
        SMALL % 1,
        "provider: {overloaded: 100%}\nclient: {jitter: 0%}\nretry: {policy: none}",
        "recovery: {people: 1m}",
    )
    log = check(
        scenario, PARALLEL, backoff_s=1.5, rate_limited_attempts=1, rejected_requests=3, quota_requests=0
    )
    assert [event.kind for event in log if event.kind in ("429", "529")] == ["529"] * 3


def test_overloads_are_as_frequent_as_stated():
    """With one call an attempt and no retries, attempts fail as often as requests meet an overload."""
    scenario = bare(
        SMALL % 2000,
        "provider: {overloaded: 20%}\nclient: {retries: 0}\nretry: {policy: none}\nrecovery: {people: 0s}",
    )
    outcome, _ = simulate_one(scenario, PARALLEL)
    assert abs(outcome.rate_limited_attempts - 400) < 3.3 * (2000 * 0.2 * 0.8) ** 0.5
