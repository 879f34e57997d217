"""The model API under its limits, and the client that is refused."""

import pytest

from dispatch_sim.model.variates import Variates
from tests.model.worlds import (
    ALL_AT_ONCE,
    BARE,
    NO_FAILURES,
    NO_MERGE,
    NO_OVERHEADS,
    overheads,
    scenario_of,
    script_queue,
    simulate_one,
)


def limited(limits: str, more: str = "") -> str:
    """Return what a scenario needs besides its tasks, with limits."""
    return "\n".join((NO_OVERHEADS, NO_FAILURES, NO_MERGE, f"provider: {{limits: {{{limits}}}{more}}}"))


ONE_CALL = "tasks: [{name: a, count: %d, tokens: 10K, output_share: 0%%, calls: 1, duration: 6s}]"
TEN_K_A_MINUTE = "requests: unlimited, input_tokens: 10K/min, output_tokens: unlimited"


def test_refused_agents_collide_again_and_die():
    """Three calls of a whole bucket each: one is admitted; two come back after 60 s, one gets in; the
    last comes back at 120 s and gets in with its second and last retry. With one retry it is dead."""
    patient = scenario_of(ONE_CALL % 3, limited(TEN_K_A_MINUTE))
    outcome, log = simulate_one(patient, {"parallel": "all", "manager": "script"})
    refusals = [round(event.start_s, 3) for event in log if event.kind == "429"]
    assert refusals == [0, 0, 60]
    assert outcome.makespan_s == pytest.approx(126)
    assert (outcome.rejected_requests, outcome.failed_attempts) == (3, 0)
    assert outcome.backoff_s == pytest.approx(60 + 60 + 60)
    hasty = scenario_of(
        ONE_CALL % 3,
        limited(TEN_K_A_MINUTE),
        "client: {retries: 1}",
        "retry: {policy: none}",
        "recovery: {people: 10m}",
    )
    outcome, _ = simulate_one(hasty, {"parallel": "all", "manager": "script"})
    assert (outcome.rate_limited_attempts, outcome.manual_completions) == (1, 1)
    assert outcome.makespan_s == pytest.approx(66 + 600)


def test_a_gateway_that_waits_serves_first_in_first_out_and_refuses_nobody():
    """The same three calls queue: 6 s, 66 s, 126 s, in the order in which they came."""
    scenario = scenario_of(ONE_CALL % 3, limited(TEN_K_A_MINUTE, ", on_limit: wait"))
    outcome, log = simulate_one(scenario, {"parallel": "all", "manager": "script"})
    calls = [(event.task, round(event.end_s, 3)) for event in log if event.kind == "call"]
    assert calls == [(0, 6), (1, 66), (2, 126)]
    assert outcome.rejected_requests == outcome.failed_attempts == 0
    assert outcome.blocked_s == pytest.approx(60 + 120 + 120 + 60)


def test_output_is_charged_when_it_is_written_and_a_bucket_in_debt_admits_nothing():
    """A first call of 10 s writes 16K against a bucket of 8K at 8K a minute: 8K in debt, it takes a minute
    to come out of it. A second call at 10 s is told to come back after 60 s."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, tokens: 16K, output_share: 100%, calls: 1, duration: 10s}]",
        limited("requests: unlimited, input_tokens: unlimited, output_tokens: 8K/min"),
    )
    outcome, log = simulate_one(scenario, {"queue": 1, "manager": "script"})
    pauses = [event for event in log if event.kind == "backoff"]
    assert [(round(event.start_s, 3), round(event.end_s, 3)) for event in pauses] == [(10, 70)]
    assert outcome.makespan_s == pytest.approx(80)


def test_the_request_bucket_counts_tries_that_are_admitted():
    """Two requests a minute: of three one-call agents the third waits half a minute for a request."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, tokens: 1K, calls: 1, duration: 6s}]",
        limited("requests: 2/min, input_tokens: unlimited, output_tokens: unlimited"),
    )
    outcome, _ = simulate_one(scenario, {"parallel": "all", "manager": "script"})
    assert outcome.makespan_s == pytest.approx(36)
    assert (outcome.quota_requests, outcome.rejected_requests) == (3, 1)


def test_burst_sets_what_a_full_bucket_holds():
    """60 requests a minute enforced as one a second: three calls are admitted at 0, 1 and 2 s."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, tokens: 1K, calls: 1, duration: 6s}]",
        limited("requests: 60/min, input_tokens: unlimited, output_tokens: unlimited, burst: 1s"),
    )
    _, log = simulate_one(scenario, {"parallel": "all", "manager": "script"})
    assert [round(event.start_s, 3) for event in log if event.kind == "call"] == [0, 1, 2]


def test_scale_multiplies_all_limits():
    """Twice the limits, half the wait."""
    scenario = scenario_of(ONE_CALL % 2, limited(TEN_K_A_MINUTE + ", scale: 0.5, burst: 2m"))
    outcome, _ = simulate_one(scenario, {"parallel": "all", "manager": "script"})
    assert outcome.makespan_s == pytest.approx(120 + 6)


def test_a_retry_after_beyond_the_clients_limit_is_backed_off_from_or_given_up_on():
    """A client that obeys up to 30 s backs off 0.5 and 1 s instead of 60, or gives up at once."""
    parts = (ONE_CALL % 2, limited(TEN_K_A_MINUTE), "retry: {policy: none}")
    back_off = scenario_of(*parts, "client: {jitter: 0%, retry_after: {up_to: 30s}}")
    outcome, log = simulate_one(back_off, {"parallel": "all", "manager": "script"})
    pauses = [event.end_s - event.start_s for event in log if event.kind == "backoff"]
    assert pauses == pytest.approx([0.5, 1.0])
    assert outcome.rate_limited_attempts == 1
    give_up = scenario_of(*parts, "client: {retry_after: {up_to: 30s, above: give_up}}")
    outcome, _ = simulate_one(give_up, {"parallel": "all", "manager": "script"})
    assert (outcome.rate_limited_attempts, outcome.backoff_s) == (1, 0)


def test_a_call_that_no_bucket_can_ever_hold_fails_at_once_by_that_cause():
    """A draw too large for the bucket kills the attempt; nobody waits for it, in line or in backoff."""
    for on_limit in ("reject", "wait"):
        scenario = scenario_of(
            "tasks: [{name: a, count: 9, calls: 1, tokens: {uniform: {low: 1K, high: 19K}}, output_share: 0%,"
            " duration: 6s, variance: {batch: 0%, task: 0%, attempt: 100%}}]",
            limited(TEN_K_A_MINUTE, f", on_limit: {on_limit}"),
            "recovery: {people: 1m}",
        )
        outcome, log = simulate_one(scenario, "sequential")
        assert outcome.too_large_attempts > 0
        assert all(event.tokens <= 10_000 for event in log if event.kind == "call")
        assert outcome.rate_limited_attempts == 0


def test_the_coordinator_shares_the_limits_and_never_gives_up():
    """One request a minute: the turn takes it, the call waits for the next, the merge for the one after."""
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, calls: 1, duration: 6s}]",
        NO_OVERHEADS,
        NO_FAILURES,
        "merge: {structured: {tokens: 500, time: 5s}}",
        "provider: {limits: {requests: 1/min, input_tokens: unlimited, output_tokens: unlimited}}",
    )
    outcome, log = simulate_one(scenario, "parallel")
    assert outcome.makespan_s == pytest.approx(125)
    assert outcome.quota_requests == 3
    assert [round(event.start_s) for event in log if event.kind == "call"] == [60]


def test_a_return_is_read_by_the_coordinator_and_charged_as_input():
    """What the coordinator reads counts against the input limit too."""
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, output_share: 0%, duration: 6s}]",
        BARE.replace("return: {tokens: 0, time: 0s}", "return: {tokens: 2K, time: 0s}"),
    )
    assert simulate_one(scenario, "parallel")[0].quota_input_tokens == 3000


def test_an_output_bucket_at_exactly_zero_admits():
    """It is empty but not in debt: a call writes the whole bucket of 8K, and the next starts at its end."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, tokens: 8K, output_share: 100%, calls: 1, duration: 10s}]",
        limited("requests: unlimited, input_tokens: unlimited, output_tokens: 8K/min"),
    )
    outcome, _ = simulate_one(scenario, script_queue(1))
    assert (outcome.makespan_s, outcome.rejected_requests) == (20, 0)
    assert outcome.quota_output_tokens == 16_000


def test_a_return_puts_the_input_bucket_into_debt_and_what_overflowed_before_is_lost():
    """A bucket of 10K is at 9K after the first call, and full again at 6 s, not at 11K after 12 s.

    A return of 20K at 12 s leaves 10K of debt, and the second call needs 1K: 11K at 10K a minute are 66 s.
    """
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, tokens: 1K, output_share: 0%, calls: 1, duration: 12s}]",
        overheads(return_="{tokens: 20K, time: 0s}"),
        NO_FAILURES,
        NO_MERGE,
        f"provider: {{limits: {{{TEN_K_A_MINUTE}}}}}",
    )
    outcome, _ = simulate_one(scenario, script_queue(1))
    assert outcome.makespan_s == pytest.approx(12 + 66 + 12)
    assert outcome.quota_input_tokens == 2 * 1000 + 2 * 20_000


def test_a_return_is_charged_when_it_has_been_read():
    """`a` returns 20K, twice the bucket, from 6 to 36 s; `b` makes its second call at 10 s, unhindered.

    It is back at 20 s and has returned at 50 s.
    """
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, output_share: 0%, calls: 1, duration: 6s},"
        " {name: b, tokens: 1K, output_share: 0%, calls: 2, duration: 20s}]",
        overheads(return_="{tokens: 20K, time: 30s}"),
        NO_FAILURES,
        NO_MERGE,
        f"provider: {{limits: {{{TEN_K_A_MINUTE}}}}}",
    )
    outcome, _ = simulate_one(scenario, script_queue(2))
    assert (outcome.rejected_requests, outcome.makespan_s) == (0, 50)


def test_a_call_that_no_bucket_can_ever_hold_does_not_hold_up_the_line():
    """Calls of 8K and 50K in line at a bucket of 10K: those of 8K are served as if the others were not there.

    The first at 0 s leaves 2K; the second has to wait for 6K, 36 s, and each further one for 8K, 48 s.
    """
    scenario = scenario_of(
        "tasks: [{name: a, count: 12, calls: 1, output_share: 0%, duration: 6s,"
        " tokens: {mixture: [{weight: 0.5, of: 8K}, {weight: 0.5, of: 50K}]}}]",
        limited(TEN_K_A_MINUTE, ", on_limit: wait"),
        "retry: {policy: none}",
        "recovery: {people: 1s}",
    )
    luck = Variates(scenario, 0)
    fitting = [index for index in range(12) if luck.attempt(0, index, 0).new_input == (8000,)]
    assert 2 < len(fitting) < 10
    outcome, log = simulate_one(scenario, ALL_AT_ONCE)
    calls = [event for event in log if event.kind == "call"]
    assert [event.task for event in calls] == fitting
    ends_s = [6.0] + [36 + 48 * turn + 6 for turn in range(len(fitting) - 1)]
    assert [event.end_s for event in calls] == pytest.approx(ends_s)
    assert outcome.too_large_attempts == outcome.failed_attempts == 12 - len(fitting)
