"""Putting outputs together: pairs made blind, bad outputs, and who is busy with it."""

from collections import Counter
from itertools import count

import pytest

import theory
from dispatch_sim.model.variates import Variates
from tests.model.worlds import (
    ALL_AT_ONCE,
    BARE,
    NO_FAILURES,
    NO_LIMITS,
    NO_OVERHEADS,
    overheads,
    scenario_of,
    script_queue,
    simulate_one,
)

THREE = "tasks: [{name: a, count: 3, tokens: 1K, duration: 60s}]"


def test_a_retried_task_sees_what_was_merged_before_its_last_attempt():
    """Outputs pair with those of their own round: k that come back together are k (k - 1) / 2 pairs."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 40, tokens: 1K, calls: 1, duration: 60s, output: prose}]",
        BARE.replace("prose: {people: 0s}", "prose: {people: 0s}, pair: {people: 10s}").replace(
            "crash: 0%", "crash: 40%"
        ),
        "retry: {max_attempts: 100}",
    )
    luck = Variates(scenario, 0)
    successes = Counter(
        next(attempt for attempt in count() if luck.attempt(0, index, attempt).crash_call < 0)
        for index in range(40)
    )
    assert len(successes) > 1
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert outcome.people_s == 10 * sum(made * (made - 1) // 2 for made in successes.values())


def test_an_output_pairs_with_all_that_its_agent_could_not_see():
    """Two slots, 5 s an output and 10 s a pair of one person's time.

    `a` is back at 10 s and merged at 15 s, without a pair. `c` was launched at 10 s, before that, and merges
    at 20 s: one pair. `b` was launched at 0 s and is back at 100 s: two pairs, though both were long done.
    """
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, duration: 10s, output: prose},"
        " {name: b, tokens: 1K, duration: 100s, output: prose},"
        " {name: c, tokens: 1K, duration: 10s, output: prose}]",
        BARE.replace("prose: {people: 0s}", "prose: {people: 5s}, pair: {people: 10s}"),
    )
    outcome, log = simulate_one(scenario, script_queue(2))
    merges = [(event.start_s, event.end_s) for event in log if event.kind == "merge by person"]
    assert merges == [(10, 15), (20, 35), (100, 125)]
    assert outcome.people_s == 5 + 15 + 25


def test_pairs_cost_the_coordinators_tokens_and_time():
    """Three at once are 0 + 1 + 2 pairs of 10 tokens and 1 s; the third output waits 1 s for the second."""
    scenario = scenario_of(
        THREE,
        BARE.replace("prose: {people: 0s}", "prose: {people: 0s}, pair: {tokens: 10, time: 1s}"),
    )
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert (outcome.tokens_merge, outcome.makespan_s) == (30, 63)
    assert (outcome.merge_s, outcome.blocked_s, outcome.recovery_s) == (3, 1, 0)


def test_a_bad_output_wastes_all_that_went_into_it_and_pays_for_no_pairs():
    """Three prose outputs and a structured one, all bad: the person merges 3 x 3 min, without a pair.

    Each attempt used 1,000 tokens, 100 to spawn and 200 to return; the structured merge 500.
    """
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, tokens: 1K, duration: 60s, output: prose},"
        " {name: b, tokens: 1K, duration: 60s}]",
        overheads(spawn="{tokens: 100, time: 0s}", return_="{tokens: 200, time: 0s}"),
        NO_LIMITS,
        "failures: {crash: 0%, bad_output: 100%}",
        "merge: {structured: {tokens: 500, time: 5s}, prose: {people: 3m}, pair: {people: 10s}}",
        "retry: {policy: none}",
        "recovery: {people: 1s}",
    )
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert outcome.bad_outputs == 4
    assert outcome.people_merge_s == 3 * 180
    assert outcome.tokens_wasted == outcome.tokens == 4 * 1300 + 500


@pytest.mark.parametrize(
    ("on_limit", "rejected", "backoff_s", "blocked_s"), [("reject", 2, 60, 54), ("wait", 0, 0, 60 + 54)]
)
def test_the_coordinators_calls_are_counted_billed_and_waited_for(on_limit, rejected, backoff_s, blocked_s):
    """One request a minute. The turn takes that of 0 s, the call that of 60 s, the merge that of 120 s.

    The agent waits 60 s, in backoff or in line. Its call ends at 66 s, and its output waits 54 s for the
    coordinator's call to be admitted, then 5 s for the merge. Counted: 800 tokens of input; 200 of output and
    500 of the merge, which cost $15/M.
    """
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, calls: 1, duration: 6s}]",
        NO_OVERHEADS,
        NO_FAILURES,
        "merge: {structured: {tokens: 500, time: 5s}}",
        "provider: {limits: {requests: 1/min, input_tokens: unlimited, output_tokens: unlimited},"
        f" on_limit: {on_limit}, prices: {{output: $15/M}}}}",
    )
    outcome, _ = simulate_one(scenario, "parallel")
    assert outcome.makespan_s == pytest.approx(125)
    assert (outcome.quota_requests, outcome.rejected_requests) == (3, rejected)
    assert (outcome.quota_input_tokens, outcome.quota_output_tokens) == (800, 700)
    assert outcome.money_merge_usd == pytest.approx(500 * 15 / 1e6)
    times = (outcome.backoff_s, outcome.service_s, outcome.blocked_s, outcome.merge_s)
    assert times == pytest.approx((backoff_s, 6, blocked_s, 5))


def test_an_output_is_blocked_while_the_person_merges_another():
    """Three outputs at once, 3 min each: the second waits 3 min, the third 6."""
    scenario = scenario_of(
        THREE.replace("duration: 60s", "duration: 60s, output: prose"),
        BARE.replace("prose: {people: 0s}", "prose: {people: 3m}"),
    )
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert (outcome.blocked_s, outcome.merge_s, outcome.recovery_s) == (180 + 360, 3 * 180, 0)


def test_an_output_is_blocked_while_the_coordinator_merges_another():
    """Three outputs at once, 5 s each: the second waits 5 s, the third 10."""
    scenario = scenario_of(
        THREE, BARE.replace("structured: {tokens: 0, time: 0s}", "structured: {tokens: 0, time: 5s}")
    )
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert (outcome.blocked_s, outcome.merge_s) == (5 + 10, 3 * 5)


def test_throughput_follows_the_universal_scalability_law_and_peaks_where_it_says():
    """Work of 890 s, 10 s to merge each output and 18 s each pair: sigma = 10/900, kappa = 9/900.

    n agents at once take 890 + 10 n + 18 n (n - 1) / 2, which is 900 (1 + sigma (n - 1) + kappa n (n - 1)).
    Gunther's peak, sqrt((1 - sigma) / kappa), is at 9.94: ten agents get most done in an hour.
    """
    throughput = {}
    for n in range(1, 21):
        scenario = scenario_of(
            f"tasks: [{{name: a, count: {n}, calls: 1, tokens: 0, duration: 890s}}]",
            NO_OVERHEADS,
            NO_LIMITS,
            NO_FAILURES,
            "merge: {structured: {tokens: 0, time: 10s}, pair: {time: 18s}}",
        )
        throughput[n] = n / simulate_one(scenario, ALL_AT_ONCE)[0].makespan_s
        assert throughput[n] * 900 == pytest.approx(theory.usl_throughput(n, 10 / 900, 9 / 900))
    assert max(throughput, key=lambda n: throughput[n]) == round(theory.usl_peak(10 / 900, 9 / 900)) == 10
