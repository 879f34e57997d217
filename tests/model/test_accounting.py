"""What a limiter counts, by provider; and an API that is overloaded."""

import pytest

from tests.model.worlds import NO_FAILURES, NO_MERGE, NO_OVERHEADS, scenario_of, simulate_one

AT_ONCE = {"parallel": "all", "manager": "script"}


def counted(
    limits: str, accounting: str, task: str = "tokens: 10K, output_share: 0%", calls: int = 1, count=2
):
    """Return a scenario with a limiter that counts in some way."""
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, {task}, calls: {calls}, duration: 12s}}]",
        NO_OVERHEADS,
        NO_FAILURES,
        NO_MERGE,
        f"provider: {{limits: {{{limits}}}, accounting: {{{accounting}}}}}",
    )


def test_cache_reads_count_where_the_provider_says_so():
    """Two calls of 5K new input: the second sends 10K in all, of which 5K are read."""
    limits = "requests: unlimited, input_tokens: 1M/min, output_tokens: unlimited"
    without, _ = simulate_one(counted(limits, "cache_reads: false", calls=2, count=1), AT_ONCE)
    with_reads, _ = simulate_one(counted(limits, "cache_reads: true", calls=2, count=1), AT_ONCE)
    assert without.quota_input_tokens == 10_000
    assert with_reads.quota_input_tokens == 15_000


def test_reserved_output_holds_max_tokens_and_gives_back_what_was_not_written():
    """A bucket of 8K and 6K reserved a call: the second of two calls is refused, though both write 1K.

    At 12 s the first gives back 5K, and the bucket is full up to its 1K: 7K, and what flowed in. The second
    was told to wait for 4K at 8K a minute: 30 s.
    """
    limits = "requests: unlimited, input_tokens: unlimited, output_tokens: 8K/min"
    task = "tokens: 1K, output_share: 100%"
    reserved = counted(limits, "output: reserved, max_tokens: 6K", task)
    outcome, log = simulate_one(reserved, AT_ONCE)
    assert outcome.rejected_requests == 1
    assert [round(event.start_s, 3) for event in log if event.kind == "call"] == [0, 30]
    actual, _ = simulate_one(counted(limits, "output: actual", task), AT_ONCE)
    assert actual.rejected_requests == 0


def test_what_can_never_be_reserved_is_refused_when_the_scenario_is_read():
    """More than the bucket holds is reserved by every call."""
    from dispatch_sim.scenario.problems import ScenarioError

    with pytest.raises(ScenarioError, match="max_tokens"):
        counted("output_tokens: 1K/min", "output: reserved, max_tokens: 6K")


def test_refused_tries_cost_requests_where_the_provider_counts_them():
    """Two requests a minute and three agents: the third is refused once, and is let in at 30 s.

    What the limiter counted is three tries that it admitted, and the refused one where that counts.
    """
    limits = "requests: 2/min, input_tokens: unlimited, output_tokens: unlimited"
    free, _ = simulate_one(counted(limits, "failed_requests: false", count=3), AT_ONCE)
    charged, log = simulate_one(counted(limits, "failed_requests: true", count=3), AT_ONCE)
    assert (free.quota_requests, charged.quota_requests) == (3, 4)
    assert free.rejected_requests == charged.rejected_requests == 1
    assert [round(event.start_s) for event in log if event.kind == "call"] == [0, 0, 30]


def test_an_overloaded_api_is_backed_off_from_whatever_the_limits():
    """Always 529: an attempt of two retries pauses 0.5 and 1 s and dies; no bucket is touched."""
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, calls: 1, duration: 12s}]",
        NO_OVERHEADS,
        NO_FAILURES,
        NO_MERGE,
        "provider: {overloaded: 100%}",
        "client: {jitter: 0%}",
        "retry: {policy: none}",
        "recovery: {people: 1m}",
    )
    outcome, log = simulate_one(scenario, AT_ONCE)
    assert outcome.backoff_s == pytest.approx(1.5)
    assert (outcome.rate_limited_attempts, outcome.rejected_requests, outcome.quota_requests) == (1, 3, 0)
    assert [event.kind for event in log if event.kind in ("429", "529")] == ["529"] * 3


def test_overloads_come_as_often_as_they_are_said_to():
    """With one call an attempt and no retries, attempts fail as often as tries meet an overload."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2000, tokens: 1K, calls: 1, duration: 1s}]",
        NO_OVERHEADS,
        NO_FAILURES,
        NO_MERGE,
        "provider: {limits: unlimited, overloaded: 20%}",
        "client: {retries: 0}",
        "retry: {policy: none}",
        "recovery: {people: 0s}",
    )
    outcome, _ = simulate_one(scenario, AT_ONCE)
    assert abs(outcome.rate_limited_attempts - 400) < 3.3 * (2000 * 0.2 * 0.8) ** 0.5


def test_a_patient_caller_gets_through_though_its_refused_tries_cost_requests():
    """Half a request has flowed in when the coordinator is refused and loses it: it waits for a whole one.

    Two requests a minute. The turn and the call at 0 s take both; the merge comes at 15 s, finds half a
    request, and is let in half a minute later. In line nothing is refused, and it waits 15 s.
    """
    parts = (
        "tasks: [{name: a, tokens: 1K, calls: 1, duration: 15s}]",
        NO_OVERHEADS,
        NO_FAILURES,
        "merge: {structured: {tokens: 0, time: 5s}}",
    )
    limits = "limits: {requests: 2/min, input_tokens: unlimited, output_tokens: unlimited}"
    for on_limit, makespan_s in (("reject", 50), ("wait", 35)):
        provider = f"provider: {{{limits}, on_limit: {on_limit}, accounting: {{failed_requests: true}}}}"
        assert simulate_one(scenario_of(*parts, provider), "parallel")[0].makespan_s == pytest.approx(
            makespan_s
        )
