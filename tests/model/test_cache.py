"""The timed prompt cache: who pays for what, when an entry exists and when it lapses."""

import pytest

from tests.model.helpers import PARALLEL, bare, check, script_queue, simulate_one

PRICES = "provider: {prices: {input: $1/M, cache_write: $1.25/M, cache_read: $0.1/M, output: $0/M}}"
PREFIX = "dispatch: {spawn: {tokens: 100K, shared: 100K}}"
STAGGER = PARALLEL | {"warm_up": "stagger"}


def agents(count: int, task: str = "duration: 10s", cache: str = "ttl: 5m", *more: str):
    """Return agents that share all of a prefix of 100K tokens and send next to nothing besides."""
    return bare(
        f"tasks: [{{count: {count}, tokens: 0, {task}}}]",
        PREFIX,
        PRICES,
        f"provider: {{cache: {{{cache}}}}}",
        *more,
    )


def prefixes_paid(scenario, strategy) -> float:
    """Return the cost of a replication in prices of one uncached prefix."""
    return simulate_one(scenario, strategy)[0].money_usd / 0.1


@pytest.mark.parametrize("count", [3, 5, 10])
def test_simultaneous_cold_starts_all_pay_the_write_price(count):
    """n agents at once pay 1.25 n; staggered ones 1.25 + 0.1 (n - 1): 2.6 times at 3, 3.8 at 5, 5.8 at 10."""
    at_once, staggered = (prefixes_paid(agents(count), strategy) for strategy in (PARALLEL, STAGGER))
    assert at_once == pytest.approx(1.25 * count)
    assert staggered == pytest.approx(1.25 + 0.1 * (count - 1))


def test_prewarmed_prefix_is_written_once_and_read_by_all():
    scenario = agents(4, cache="ttl: 5m, first_token: 2s")
    log = check(
        scenario, PARALLEL | {"warm_up": "prewarm"}, money_usd=0.125 + 0.01 * 4, money_coordination_usd=0.125
    )
    assert [event.start_s for event in log if event.kind == "call"] == [2, 2, 2, 2]


def test_script_waits_for_the_coordinator_to_write_a_cold_prefix():
    """Two tasks of a call of 30 s, a slot, an entry that lapses in 20 s: the second waits for a merge.

    By hand: written by 2 s, the first call from 2 to 32 s, merged from 32 to 132 s, written again by 134 s.
    """
    scenario = agents(2, "duration: 30s", "ttl: 20s, first_token: 2s", "merge: {structured: {time: 100s}}")
    check(scenario, script_queue(1, warm_up="prewarm"), starts={"call": [2, 134]})


def test_staggered_agents_wait_until_the_first_response_begins():
    spawn = "dispatch: {spawn: {tokens: 100K, shared: 100K, time: 5s}}"
    scenario = agents(3, "duration: 10s", "ttl: 5m, first_token: 2s", spawn)
    check(scenario, STAGGER, starts={"call": [5, 7, 7]})


@pytest.mark.parametrize(
    ("count", "gap", "paid"),
    [
        (2, "299s", 1.25 + 0.1),
        (2, "300s", 1.25 + 1.25),  # an entry lapses exactly at its TTL
        (5, "299s", 1.25 + 4 * 0.1),  # each read refreshes it
    ],
)
def test_entry_lapses_at_its_ttl_after_the_last_read(count, gap, paid):
    scenario = agents(count, f"duration: 10s, interarrival: {gap}")
    assert prefixes_paid(scenario, script_queue(2)) == pytest.approx(paid)


def test_agent_reads_its_last_prompt_and_writes_the_answer():
    """Two calls, 1,000 new and 500 written each, nothing shared, priced by hand.

    The first writes 2,000 + 1,000. The second reads these 3,000 and writes the answer of 500 and 1,000 new.
    """
    scenario = bare(
        "tasks: [{calls: 2, tokens: 3000, output_share: 0.3333333333, duration: 20s}]",
        "dispatch: {spawn: {tokens: 2K}}",
        PRICES,
        "provider: {cache: {ttl: 5m}}",
    )
    log = check(
        scenario,
        "parallel",
        money_usd=(1.25 * 3000 + 0.1 * 3000 + 1.25 * 1500) / 1e6,
        quota_input_tokens=4500,
    )
    assert [event.tokens for event in log if event.kind == "call"] == [3000, 1500]


def test_call_that_outlives_the_ttl_makes_the_next_write_all_again():
    scenario = agents(1, "calls: 3, duration: 18m")
    check(scenario, "parallel", money_usd=3 * 0.125, quota_input_tokens=300_000)


def test_wait_for_the_limit_can_outlive_the_cache():
    """Two agents of one prefix of 100K behind 100K per 10 minutes. The second is admitted after 10 minutes;
    by then the first one's entry has lapsed, and it writes too."""
    limits = "provider: {limits: {input_tokens: 10K/min, burst: 10m}}"
    scenario = agents(2, "duration: 10s", "ttl: 5m", limits)
    check(scenario, PARALLEL, rejected_requests=1, money_usd=2 * 0.125)


@pytest.mark.parametrize("strategy", [script_queue(1), PARALLEL | {"warm_up": "prewarm"}], ids=str)
def test_prefixes_below_the_minimum_are_neither_cached_nor_written_before(strategy):
    assert prefixes_paid(agents(3, cache="ttl: 5m, minimum: 200K"), strategy) == pytest.approx(3)


def test_latency_follows_the_tokens_of_a_call():
    """1 s, 10 ms a written token, 40 ms per 1,000 tokens sent anew, 10 ms per 1,000 read; 3 s of tools.

    First call: 10K spawn and 1K new, 100 written: 1 + 1 + 0.44 s. Second: 11K read, 100 + 1K anew,
    100 written: 1 + 1 + 0.11 + 0.044 s.
    """
    scenario = bare(
        "tasks: [{calls: 2, tokens: 2200, output_share: 0.0909090909, tool_time: 3s}]",
        "dispatch: {spawn: {tokens: 10K}}",
        "provider: {cache: {ttl: 5m}, latency: {base: 1s, per_output_token: 10ms,"
        " per_uncached_ktoken: 40ms, per_cached_ktoken: 10ms}}",
    )
    check(scenario, "parallel", makespan_s=2.44 + 3 + 2.154)


def test_cold_cache_costs_time_too():
    """With latency by tokens, staggered agents read the prefix faster than cold ones write it."""
    scenario = agents(5, "calls: 1", "ttl: 5m", "provider: {latency: {base: 1s}}")
    check(scenario, PARALLEL, service_s=5 * (1 + 3.8))
    check(scenario, STAGGER, service_s=4.8 + 4 * (1 + 0.9))


@pytest.mark.parametrize("strategy", ["sequential", "parallel", "queue: 2"])
def test_endless_timed_cache_equals_the_warm_one_but_for_answers(strategy):
    tasks = "tasks: [{count: 4, calls: 5, tokens: 15K, output_share: 0%, duration: 60s}]"
    warm, timed = bare(tasks), bare(tasks, "provider: {cache: {ttl: 1000d, minimum: 0}}")
    assert simulate_one(warm, strategy)[0] == simulate_one(timed, strategy)[0]
