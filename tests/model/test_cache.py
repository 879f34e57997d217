"""The timed prompt cache: who pays for what, when an entry exists and when it lapses."""

import pytest

from tests.model.worlds import (
    NO_FAILURES,
    NO_LIMITS,
    NO_MERGE,
    overheads,
    scenario_of,
    script_queue,
    simulate_one,
)

PRICES = "prices: {input: $1/M, cache_write: $1.25/M, cache_read: $0.1/M, output: $0/M}"


def agents(count: int, *, calls: int = 1, duration: str = "10s", cache: str = "ttl: 5m", more: str = ""):
    """Return agents that share all of a prefix of 100K tokens and send next to nothing besides."""
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: {calls}, tokens: 0, duration: {duration}}}]",
        "dispatch: {context: none, spawn: {tokens: 100K, shared: 100K, time: 0s},"
        " return: {tokens: 0, time: 0s},"
        " brief: {tokens: 0, time: 0s}, turn: {tokens: 0, time: 0s}}",
        f"provider: {{limits: unlimited, cache: {{{cache}}}, {PRICES}}}",
        NO_FAILURES,
        NO_MERGE,
        more,
    )


def prefixes_paid(scenario, strategy) -> float:
    """Return the cost of a replication in prices of one uncached prefix."""
    return simulate_one(scenario, strategy)[0].money_usd / 0.1


@pytest.mark.parametrize(("count", "ratio"), [(3, 2.6), (5, 3.8), (10, 5.8)])
def test_simultaneous_cold_starts_all_pay_the_write_price(count, ratio):
    """n agents at once pay 1.25 n; staggered ones 1.25 + 0.1 (n - 1): 2.6 times at 3, 3.8 at 5, 5.8 at 10."""
    scenario = agents(count)
    at_once = prefixes_paid(scenario, {"parallel": "all", "manager": "script"})
    staggered = prefixes_paid(scenario, {"parallel": "all", "manager": "script", "warm_up": "stagger"})
    assert at_once == pytest.approx(1.25 * count)
    assert staggered == pytest.approx(1.25 + 0.1 * (count - 1))
    assert at_once / staggered == pytest.approx(ratio, abs=0.06)


def test_a_prewarmed_prefix_is_written_once_and_read_by_all():
    """The coordinator pays the write, all agents the read, and they start when the response has begun."""
    scenario = agents(4, cache="ttl: 5m, first_token: 2s")
    strategy = {"parallel": "all", "manager": "script", "warm_up": "prewarm"}
    outcome, log = simulate_one(scenario, strategy)
    assert prefixes_paid(scenario, strategy) == pytest.approx(1.25 + 0.1 * 4)
    assert outcome.money_coordination_usd == pytest.approx(0.125)
    assert [event.start_s for event in log if event.kind == "call"] == [2, 2, 2, 2]


def test_a_script_waits_for_the_coordinator_to_have_a_cold_prefix_written():
    """Two tasks of a call of 30 s, a slot, an entry that lapses in 20 s: the second waits for a merge.

    By hand: written by 2 s, the first call from 2 to 32 s, merged from 32 to 132 s, written again by 134 s.
    """
    _, log = simulate_one(
        scenario_of(
            "tasks: [{name: a, count: 2, calls: 1, tokens: 0, duration: 30s}]",
            overheads(spawn="{tokens: 10K, shared: 10K, time: 0s}"),
            "provider: {limits: unlimited, cache: {ttl: 20s, first_token: 2s}}",
            NO_FAILURES,
            "merge: {structured: {time: 100s}}",
        ),
        script_queue(1, warm_up="prewarm"),
    )
    assert [event.start_s for event in log if event.kind == "call"] == [2, 134]


def test_staggered_agents_wait_until_the_first_response_begins():
    """The first starts at once, the others `first_token` later: an entry exists from then on."""
    _, log = simulate_one(
        agents(3, cache="ttl: 5m, first_token: 2s"),
        {"parallel": "all", "manager": "script", "warm_up": "stagger"},
    )
    assert [event.start_s for event in log if event.kind == "call"] == [0, 2, 2]


@pytest.mark.parametrize(("arrives", "paid"), [("299s", 1.25 + 0.1), ("300s", 1.25 + 1.25)])
def test_an_entry_lapses_exactly_at_its_ttl(arrives, paid):
    """A second agent one second before the five minutes are over reads; at five minutes it writes again."""
    scenario = scenario_of(
        f"tasks: [{{name: a, count: 2, calls: 1, tokens: 0, duration: 10s, interarrival: {arrives}}}]",
        "dispatch: {context: none, spawn: {tokens: 100K, shared: 100K, time: 0s},"
        " return: {tokens: 0, time: 0s}}",
        f"provider: {{limits: unlimited, cache: {{ttl: 5m}}, {PRICES}}}",
        NO_FAILURES,
        NO_MERGE,
    )
    assert prefixes_paid(scenario, {"queue": 2, "manager": "script"}) == pytest.approx(paid)


def test_a_read_refreshes_an_entry():
    """Agents every 299 s keep it alive for as long as they come."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 5, calls: 1, tokens: 0, duration: 10s, interarrival: 299s}]",
        "dispatch: {context: none, spawn: {tokens: 100K, shared: 100K, time: 0s},"
        " return: {tokens: 0, time: 0s}}",
        f"provider: {{limits: unlimited, cache: {{ttl: 5m}}, {PRICES}}}",
        NO_FAILURES,
        NO_MERGE,
    )
    assert prefixes_paid(scenario, {"queue": 2, "manager": "script"}) == pytest.approx(1.25 + 4 * 0.1)


def test_an_agent_reads_its_own_last_prompt_and_writes_what_it_was_answered():
    """Two calls, 1,000 new and 500 written each, nothing shared, priced by hand.

    The first writes 2,000 + 1,000. The second reads these 3,000 and writes the answer of 500 and 1,000 new.
    """
    scenario = scenario_of(
        "tasks: [{name: a, calls: 2, tokens: 3000, output_share: 0.3333333333, duration: 20s}]",
        "dispatch: {context: none, spawn: {tokens: 2K, time: 0s}, return: {tokens: 0, time: 0s},"
        " brief: {tokens: 0, time: 0s}, turn: {tokens: 0, time: 0s}}",
        f"provider: {{limits: unlimited, cache: {{ttl: 5m}}, {PRICES}}}",
        NO_FAILURES,
        NO_MERGE,
    )
    outcome, log = simulate_one(scenario, "parallel")
    assert outcome.money_usd * 1e6 == pytest.approx(1.25 * 3000 + 0.1 * 3000 + 1.25 * 1500)
    assert [event.tokens for event in log if event.kind == "call"] == [3000, 1500]
    assert outcome.quota_input_tokens == 4500


def test_a_call_that_outlives_the_ttl_makes_the_next_write_all_again():
    """Calls of six minutes against a cache of five: every call sends its whole context anew."""
    outcome, _ = simulate_one(agents(1, calls=3, duration="18m"), "parallel")
    assert outcome.money_usd == pytest.approx(3 * 0.125)
    assert outcome.quota_input_tokens == 300_000


def test_a_wait_for_the_limit_can_outlive_the_cache():
    """Backing off for six minutes lets the context lapse, and then the retry needs all of it again.

    Two agents of one prefix of 100K behind 100K per 10 minutes. The second comes back after 10 minutes; by
    then the first one's entry has lapsed, and it writes too.
    """
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, calls: 1, tokens: 0, duration: 10s}]",
        "dispatch: {context: none, spawn: {tokens: 100K, shared: 100K, time: 0s},"
        " return: {tokens: 0, time: 0s}}",
        "provider: {limits: {requests: unlimited, input_tokens: 10K/min, output_tokens: unlimited,"
        f" burst: 10m}}, cache: {{ttl: 5m}}, {PRICES}}}",
        NO_FAILURES,
        NO_MERGE,
    )
    outcome, _ = simulate_one(scenario, {"parallel": "all", "manager": "script"})
    assert outcome.rejected_requests == 1
    assert outcome.money_usd == pytest.approx(2 * 0.125)


def test_prefixes_below_the_minimum_are_not_cached():
    """They are billed as uncached input, whoever sent them before."""
    scenario = agents(3, cache="ttl: 5m, minimum: 200K")
    assert prefixes_paid(scenario, {"queue": 1, "manager": "script"}) == pytest.approx(3)


def test_latency_makes_calls_take_what_they_do():
    """1 s, 10 ms a written token, 40 ms per 1,000 tokens sent anew, 10 ms per 1,000 read; 3 s of tools.

    First call: 10K spawn and 1K new, 100 written: 1 + 1 + 0.44 s. Second: 11K read, 100 + 1K anew,
    100 written: 1 + 1 + 0.11 + 0.044 s.
    """
    scenario = scenario_of(
        "tasks: [{name: a, calls: 2, tokens: 2200, output_share: 0.0909090909, tool_time: 3s}]",
        "dispatch: {context: none, spawn: {tokens: 10K, time: 0s}, return: {tokens: 0, time: 0s},"
        " brief: {tokens: 0, time: 0s}, turn: {tokens: 0, time: 0s}}",
        "provider: {limits: unlimited, cache: {ttl: 5m}, latency: {base: 1s, per_output_token: 10ms,"
        " per_uncached_ktoken: 40ms, per_cached_ktoken: 10ms}}",
        NO_FAILURES,
        NO_MERGE,
    )
    outcome, _ = simulate_one(scenario, "parallel")
    assert outcome.makespan_s == pytest.approx(2.44 + 3 + 2.154)


def test_a_cold_cache_costs_time_too():
    """With latency by tokens, staggered agents read the prefix faster than cold ones write it."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 5, calls: 1, tokens: 0}]",
        "dispatch: {context: none, spawn: {tokens: 100K, shared: 100K, time: 0s},"
        " return: {tokens: 0, time: 0s}}",
        "provider: {limits: unlimited, cache: {ttl: 5m}, latency: {base: 1s}}",
        NO_FAILURES,
        NO_MERGE,
    )
    cold, _ = simulate_one(scenario, {"parallel": "all", "manager": "script"})
    warm, _ = simulate_one(scenario, {"parallel": "all", "manager": "script", "warm_up": "stagger"})
    assert cold.service_s == pytest.approx(5 * (1 + 3.8))
    assert warm.service_s == pytest.approx(4.8 + 4 * (1 + 0.9))


def test_without_timing_nothing_is_different():
    """A cache of endless life that agents do not share bills as the warm one, but for what was answered."""
    warm = scenario_of(
        "tasks: [{name: a, count: 4, tokens: 15K, output_share: 0%, duration: 60s}]",
        "dispatch: {context: none}",
        NO_LIMITS,
        NO_FAILURES,
    )
    timed = warm.model_copy(
        update={
            "provider": scenario_of(
                "tasks: [{name: a, tokens: 1, duration: 1s}]",
                "provider: {limits: unlimited, cache: {ttl: 1000d, minimum: 0}}",
            ).provider
        }
    )
    for strategy in ("sequential", "parallel", "queue: 2"):
        assert simulate_one(warm, strategy)[0] == simulate_one(timed, strategy)[0]
