"""Work without sub-agents, work in common, and agents that start with the coordinator's context, by hand."""

import pytest

from dispatch_sim.model.variates import Variates
from tests.model.helpers import NO_FAILURES, NO_MERGE, NO_OVERHEADS, PARALLEL, scenario_of, simulate_one

PRICES = "prices: {input: $3/M, cache_write: $4/M, cache_read: $1/M, output: $10/M}"
FREE = f"{NO_OVERHEADS}\n".replace("context: none", "context: {start: 10K}")
NO_RECOVERY = "recovery: {people: 0s}"
CALL_USD = 4_000 * 4e-6 + 1_000 * 10e-6
"""New input, written to the cache, and output of a call of 5,000 tokens."""


def outcome_of(scenario, strategy="solo", replication=0):
    return simulate_one(scenario, strategy, replication)[0]


def batch(*parts, count=3, calls=1, group="", context="{start: 10K}", provider="limits: unlimited"):
    """Return tasks whose calls each bring 4,000 tokens and write 1,000, in a time of 100 s a task."""
    duration = "" if "latency" in provider else ", duration: 100s"
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: {calls}, tokens: {5 * calls}K{duration}{group}}}]",
        f"provider: {{{provider}, {PRICES}}}",
        f"dispatch: {{context: {context}}}",
        NO_FAILURES,
        *parts,
    )


def test_solo_reads_its_grown_context_with_every_call_and_pays_for_nothing_else():
    outcome = outcome_of(batch(count=2, calls=2))
    reads = 10_000 + 15_000 + 20_000 + 25_000
    assert outcome.money_context_usd == pytest.approx(reads * 1e-6)
    assert outcome.money_work_usd == pytest.approx(4 * CALL_USD)
    assert outcome.money_usd == pytest.approx(reads * 1e-6 + 4 * CALL_USD)
    assert outcome.tokens == outcome.tokens_work == 4 * 5_000
    assert outcome.input_tokens == reads + 4 * 4_000
    assert (outcome.makespan_s, outcome.quota_requests) == (200, 4)


def test_context_of_solo_lapses_and_is_written_anew():
    outcome = outcome_of(batch(provider="limits: unlimited, cache: {ttl: 60s}"))
    assert outcome.money_context_usd == pytest.approx((10_000 * 1 + 15_000 * 4 + 20_000 * 4) * 1e-6)
    assert outcome.quota_input_tokens == 4_000 + 19_000 + 24_000


def test_solo_sends_only_its_last_answer_anew_while_the_cache_lives():
    outcome = outcome_of(batch(provider="limits: unlimited, cache: {ttl: 1h}"))
    reads, anew = 10_000 + 14_000 + 19_000, 2 * 1_000
    assert outcome.money_context_usd == pytest.approx((reads * 1 + anew * 4) * 1e-6)
    assert outcome.quota_input_tokens == 3 * 4_000 + anew


def test_solo_compacts_a_context_over_its_window():
    context = "{start: 10K, window: 12K, compaction: {tokens: 400, time: 60s}}"
    outcome = outcome_of(batch(context=context))
    reads = 10_000 + 15_000 + 10_400 + 15_400 + 10_400
    assert outcome.compactions == 2
    assert outcome.makespan_s == 3 * 100 + 2 * 60
    assert outcome.tokens_context == 2 * 400
    assert outcome.money_context_usd == pytest.approx(reads * 1e-6 + 800 * 10e-6)


def test_latency_of_solo_is_of_the_full_context():
    latency = "{base: 1s, per_output_token: 10ms, per_uncached_ktoken: 1s, per_cached_ktoken: 100ms}"
    outcome = outcome_of(batch(count=2, provider=f"limits: unlimited, latency: {latency}"))
    assert outcome.makespan_s == pytest.approx((1 + 10 + 4 + 1.0) + (1 + 10 + 4 + 1.5))


LIMITS = "limits: {requests: unlimited, input_tokens: 4K/min, output_tokens: unlimited, burst: 2m}"


def test_calls_of_solo_meet_the_limits():
    """Calls of 25 s; the bucket holds 8,000, 5,667, 3,333 and then what it lacked, so two wait for 4,000."""
    outcome = outcome_of(batch(count=1, calls=4, provider=LIMITS))
    assert outcome.makespan_s == pytest.approx(25 + 25 + (10 + 25) + (35 + 25))
    assert (outcome.rejected_requests, outcome.backoff_s) == (2, pytest.approx(10 + 35))


def test_solo_gives_up_as_a_client_does_whose_retries_are_spent():
    outcome = outcome_of(batch("client: {retries: 0}", NO_RECOVERY, count=2, calls=4, provider=LIMITS))
    # The third call of the first task finds less than 4,000, and so does every attempt at once after it.
    assert outcome.rate_limited_attempts == 2 * 2
    assert outcome.manual_completions == 2


def test_of_its_context_solo_takes_what_the_bucket_can_hold():
    """Lapsed, 25,000 tokens and 4,000 would have to be sent, and the bucket holds 8,000."""
    lapsed = f"{LIMITS}, cache: {{ttl: 50s}}"
    outcome = outcome_of(batch(count=2, context="{start: 20K}", provider=lapsed))
    assert outcome.manual_completions == 0
    assert outcome.quota_input_tokens == 4_000 + 8_000


def test_new_input_of_solo_that_no_bucket_holds_fails():
    """It is all of 1,000 to 16,000 tokens, and the bucket holds 8,000."""
    scenario = scenario_of(
        "tasks: [{name: a, calls: 1, tokens: {uniform: {low: 1K, high: 16K}}, output_share: 0%,"
        " duration: 1s}]",
        f"provider: {{{LIMITS}}}",
        "strategies: [solo]",
        NO_FAILURES,
        NO_RECOVERY,
    )
    for replication in range(10):
        need = Variates(scenario, replication).attempt(0, 0, 0).new_input
        outcome = outcome_of(scenario, replication=replication)
        assert (outcome.too_large_attempts > 0) is (need > 8_000)


def test_failed_attempt_of_solo_keeps_its_context():
    outcome = outcome_of(batch("failures: {crash: 100%, bad_output: 0%}", NO_RECOVERY, count=1))
    assert outcome.crashed_attempts == 2
    assert outcome.money_wasted_usd == pytest.approx((10_000 + 15_000) * 1e-6 + 2 * CALL_USD)
    assert outcome.money_usd == outcome.money_wasted_usd
    assert outcome.manual_completions == 1


def test_call_of_solo_that_a_timeout_ends_is_charged_and_leaves_no_answer():
    outcome = outcome_of(batch("timeouts: {hard: 60s}", NO_RECOVERY, count=1))
    assert (outcome.killed_attempts, outcome.makespan_s) == (2, 120)
    assert outcome.money_wasted_usd == pytest.approx(2 * (10_000 * 1e-6 + CALL_USD))


def test_solo_that_hangs_is_ended_by_its_timeout():
    failures = "failures: {crash: 0%, bad_output: 0%, hang: 100%}"
    outcome = outcome_of(batch(failures, "timeouts: {hard: 150s}", NO_RECOVERY, count=1))
    assert (outcome.hung_attempts, outcome.hung_s, outcome.makespan_s) == (2, 100, 300)


def test_compaction_that_a_timeout_ends_is_made_all_the_same():
    context = "{start: 15K, window: 12K, compaction: {tokens: 400, time: 60s}}"
    outcome = outcome_of(batch("timeouts: {hard: 40s}", NO_RECOVERY, count=1, context=context))
    assert (outcome.killed_attempts, outcome.compactions, outcome.makespan_s) == (2, 2, 80)
    assert outcome.money_context_usd == pytest.approx((15_000 + 15_400) * 1e-6 + 800 * 10e-6)


def test_people_merge_and_review_what_solo_does():
    merge = "merge: {prose: {tokens: 300, time: 10s, people: 60s}}"
    scenario = batch(merge, "review: {every: 1, people: 30s}", group=", output: prose", count=2)
    outcome = outcome_of(scenario)
    assert (outcome.people_merge_s, outcome.people_review_s) == (120, 60)
    assert outcome.makespan_s == 2 * (100 + 60 + 30)
    assert outcome.tokens_merge == 0


def test_solo_has_no_conflicts_and_nothing_to_do_again():
    shared = ", writes: [x], coupling: 100%"
    isolation = "conflicts: {probability: 100%, isolation: worktree, setup: 20s}"
    outcome = outcome_of(batch(isolation, "communication: rounds", group=shared))
    assert (outcome.merge_conflicts, outcome.reworked_tasks, outcome.makespan_s) == (0, 0, 300)


@pytest.mark.parametrize(
    ("common", "left", "calls"),
    [("0%", 20_000, 4), ("50%", 10_000, 2), ("80%", 4_000, 1), ("90%", 0, 0), ("100%", 0, 0)],
)
def test_solo_does_common_work_once(common, left, calls):
    """What is left of four calls of 5,000 tokens is whole calls: of 10% none."""
    scenario = batch(calls=4, group=f", common: {common}")
    outcome = outcome_of(scenario)
    assert (outcome.tokens_work, outcome.quota_requests) == (20_000 + 2 * left, 4 + 2 * calls)
    assert outcome_of(scenario, PARALLEL).tokens_work == 3 * 20_000


def test_common_work_is_done_again_until_an_attempt_succeeds():
    scenario = batch("failures: {crash: 50%, bad_output: 0%}", count=2, group=", common: 50%")

    def crashes(replication, *key):
        return Variates(scenario, replication).attempt(0, *key).crash_call == 0

    first_crashes = next(
        r
        for r in range(100)
        if [crashes(r, 0, 0), crashes(r, 0, 1), crashes(r, 1, 0)] == [True, False, False]
    )
    outcome = outcome_of(scenario, replication=first_crashes)
    assert (outcome.tokens_wasted, outcome.tokens_work) == (5_000, 5_000 + 2_500)


def test_wrong_instructions_have_common_work_done_again():
    failures = "failures: {crash: 0%, bad_output: 0%, bad_brief: 100%}"
    outcome = outcome_of(batch(failures, "review: {every: 1, people: 0s}", count=2, group=", common: 100%"))
    assert (outcome.tokens_wasted, outcome.tokens_work) == (5_000, 5_000)


def forked(*parts, group="", cache="warm"):
    """Return two tasks of two calls, half of which the coordinator does before it launches agents."""
    provider = f"limits: unlimited, cache: {cache}"
    group = f", common: 50%{group}"
    spawn = "dispatch: {spawn: {tokens: 1000, fork: true}}"
    return batch(FREE, NO_MERGE, spawn, *parts, count=2, calls=2, group=group, provider=provider)


def test_forked_agents_read_the_coordinators_context_with_the_common_work_in_it():
    """The coordinator makes one call, of 50 s; then each agent one, with 15,000 of 20,000 tokens read."""
    outcome = outcome_of(forked(), PARALLEL)
    assert outcome.makespan_s == 50 + 50
    assert outcome.money_context_usd == pytest.approx(10_000 * 1e-6)
    assert outcome.money_spawn_usd == pytest.approx(2 * (15_000 * 1 + 1_000 * 3) * 1e-6)
    # An agent's only call is not written to the cache.
    assert outcome.money_work_usd == pytest.approx(CALL_USD + 2 * (4_000 * 3 + 1_000 * 10) * 1e-6)
    assert (outcome.tokens_work, outcome.tokens_spawn) == (3 * 5_000, 2 * 1_000)
    assert outcome.input_tokens == 14_000 + 2 * 20_000


def test_forked_agents_send_anew_what_the_coordinator_has_not_sent():
    """Of a timed cache: its last answer of 1,000 tokens. After the TTL, all of it."""
    outcome = outcome_of(forked(cache="{ttl: 5m}"), PARALLEL)
    assert outcome.money_spawn_usd == pytest.approx(2 * (14_000 * 1 + 2_000 * 4) * 1e-6)
    outcome = outcome_of(forked(cache="{ttl: 40s}"), PARALLEL)
    assert outcome.money_spawn_usd == pytest.approx(2 * 16_000 * 4e-6)


def test_forked_agents_write_the_context_anew_in_directories_that_prompts_name():
    isolation = "conflicts: {probability: 0%, isolation: worktree, setup: 0s}"
    outcome = outcome_of(forked(isolation, group=", writes: [x]"), PARALLEL)
    assert outcome.money_spawn_usd == pytest.approx(2 * 16_000 * 3e-6)
    shared = outcome_of(
        forked(isolation, "harness: {directory_in_prompt: false}", group=", writes: [x]"), PARALLEL
    )
    assert shared.money_spawn_usd == pytest.approx(2 * (15_000 * 1 + 1_000 * 3) * 1e-6)


def test_fork_takes_the_context_as_of_the_launch():
    """One after another: the second agent's has grown by a return of 2,000 tokens."""
    dispatch = "dispatch: {spawn: {fork: true}, return: {tokens: 2000}}"
    outcome = outcome_of(batch(FREE, NO_MERGE, dispatch, count=2), "sequential")
    assert outcome.money_spawn_usd == pytest.approx((10_000 + 12_000) * 1e-6)


def test_coordinator_does_common_work_of_each_group_before_its_first_launch():
    groups = [
        f"{{name: {name}, count: 2, calls: 1, tokens: 5K, duration: 100s, common: 100%{after}}}"
        for name, after in (("a", ""), ("b", ", after: [a]"))
    ]
    fork = "dispatch: {spawn: {fork: true}}"
    scenario = scenario_of(f"tasks: [{', '.join(groups)}]", FREE, fork, NO_FAILURES, NO_MERGE)
    for strategy in ("parallel", "sequential", {"queue": 2, "manager": "script"}):
        outcome = outcome_of(scenario, strategy)
        assert (outcome.makespan_s, outcome.tokens_work) == (2 * 100, 2 * 5_000)
