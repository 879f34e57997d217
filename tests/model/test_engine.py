"""One replication: textbook cases that a person can work out by hand."""

import pytest

from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.strategy import parse_strategy
from tests.model.worlds import BARE, NO_FAILURES, NO_LIMITS, NO_MERGE, scenario_of, simulate_one

THREE = "tasks: [{name: agent, count: 3, tokens: 15K, duration: 60s}]\n"


def test_three_tasks_of_a_minute_take_one_in_parallel_and_three_in_sequence():
    """Three 60 s tasks without overheads: 60 s at once, 180 s one by one, 120 s in twos."""
    scenario = scenario_of(THREE, BARE)
    assert simulate_one(scenario, "parallel")[0].makespan_s == 60
    assert simulate_one(scenario, "sequential")[0].makespan_s == 180
    assert simulate_one(scenario, "queue: 2")[0].makespan_s == 120
    assert simulate_one(scenario, "waves: 2")[0].makespan_s == 120


def test_unequal_tasks_in_parallel_take_as_long_as_the_longest():
    """45, 30, 20 s at once: 45 s. In a queue of two the third follows the second: 50 s; in waves 65."""
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, duration: 45s}, {name: b, tokens: 1K, duration: 30s},"
        " {name: c, tokens: 1K, duration: 20s}]",
        BARE,
    )
    assert simulate_one(scenario, "parallel")[0].makespan_s == 45
    assert simulate_one(scenario, "queue: 2")[0].makespan_s == 50
    assert simulate_one(scenario, "waves: 2")[0].makespan_s == 65


def test_three_agents_count_sixty_thousand_tokens_a_quarter_of_them_overhead():
    """15K work, 3K spawn and 2K return each: 60K, of it 15K overhead: 25% of the total, 33% of the work."""
    overheads = (
        "dispatch: {context: none, spawn: {tokens: 3K, time: 0s}, return: {tokens: 2K, time: 0s},"
        " brief: {tokens: 0, time: 0s}, turn: {tokens: 0, time: 0s}}"
    )
    for strategy in ("sequential", "parallel", "queue: 2", "waves: 2"):
        outcome, _ = simulate_one(scenario_of(THREE, overheads, NO_LIMITS, NO_FAILURES, NO_MERGE), strategy)
        overhead = outcome.tokens_spawn + outcome.tokens_return
        assert (outcome.tokens, outcome.tokens_work, overhead) == (60_000, 45_000, 15_000)
        assert overhead / outcome.tokens == 0.25
        assert overhead / outcome.tokens_work == pytest.approx(1 / 3)


def test_money_bills_every_token_sent_at_the_price_of_its_class():
    """One attempt of three calls, priced by hand.

    Spawn 900; 300 tokens new and 150 written a call. Written to the cache: 900 + 3 x 300. Read from it:
    the spawn twice, the first call's 450 twice, the second's once. Written: 3 x 150. Returned: 100 read
    by the coordinator.
    """
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1350, output_share: 0.33333333333, calls: 3, duration: 30s}]",
        "dispatch: {context: none, spawn: {tokens: 900, time: 0s}, return: {tokens: 100, time: 0s},"
        " brief: {tokens: 0, time: 0s}, turn: {tokens: 0, time: 0s}}",
        "provider: {limits: unlimited,"
        " prices: {input: $5/M, cache_write: $7/M, cache_read: $1/M, output: $20/M}}",
        NO_FAILURES,
        NO_MERGE,
    )
    outcome, _ = simulate_one(scenario, "parallel")
    spawn = 900 * 7 + 2 * 900 * 1
    work = 900 * 7 + (450 + 900) * 1 + 450 * 20
    assert outcome.money_spawn_usd == pytest.approx(spawn / 1e6)
    assert outcome.money_work_usd == pytest.approx(work / 1e6)
    assert outcome.money_return_usd == pytest.approx(100 * 5 / 1e6)
    assert outcome.money_usd == pytest.approx((spawn + work + 500) / 1e6)


def test_a_single_call_writes_nothing_to_the_cache():
    """Nothing is ever read again, so input is billed as uncached input."""
    outcome, _ = simulate_one(
        scenario_of(
            "tasks: [{name: a, tokens: 1000, output_share: 0%, calls: 1, duration: 30s}]",
            BARE.replace("limits: unlimited", "limits: unlimited, prices: {input: $5/M, cache_write: $7/M}"),
        ),
        "parallel",
    )
    assert outcome.money_usd == pytest.approx(1000 * 5 / 1e6)


def test_briefs_of_one_turn_are_written_one_after_another():
    """A turn of 4 s and briefs of 6 s start three agents at 10, 16 and 22 s; the last is back at 82 s."""
    scenario = scenario_of(
        THREE,
        "dispatch: {context: none, spawn: {tokens: 0, time: 0s}, return: {tokens: 0, time: 0s},"
        " brief: {tokens: 200, time: 6s}, turn: {tokens: 300, time: 4s}}",
        NO_LIMITS,
        NO_FAILURES,
        NO_MERGE,
    )
    outcome, log = simulate_one(scenario, "parallel")
    assert [event.end_s for event in log if event.kind == "wait"] == [10, 16, 22]
    assert outcome.makespan_s == 82
    assert outcome.tokens_coordination == 300 + 3 * 200
    outcome, _ = simulate_one(scenario, "sequential")
    assert outcome.makespan_s == 3 * (4 + 6 + 60)
    assert outcome.tokens_coordination == 3 * (300 + 200)
    outcome, _ = simulate_one(scenario, {"queue": 3, "manager": "script"})
    assert (outcome.makespan_s, outcome.tokens_coordination) == (60, 0)
    outcome, _ = simulate_one(scenario, {"queue": 2})
    assert outcome.tokens_coordination == 2 * 300 + 3 * 200


def test_parallel_merges_after_the_barrier_and_a_queue_as_results_come_in():
    """Tasks of 60, 20 and 10 s, 5 s to merge each: parallel 75 s, as completed 65 s."""
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 1K, duration: 60s}, {name: b, tokens: 1K, duration: 20s},"
        " {name: c, tokens: 1K, duration: 10s}]",
        BARE.replace("structured: {tokens: 0, time: 0s}", "structured: {tokens: 500, time: 5s}"),
    )
    assert simulate_one(scenario, "parallel")[0].makespan_s == 75
    assert simulate_one(scenario, {"parallel": "all", "merge": "as-completed"})[0].makespan_s == 65
    assert simulate_one(scenario, "queue: 3")[0].makespan_s == 65
    assert simulate_one(scenario, {"queue": 3, "merge": "barrier"})[0].makespan_s == 75
    assert simulate_one(scenario, "parallel")[0].tokens_merge == 1500


def test_pairs_made_blind_cost_and_work_in_sight_of_the_rest_does_not():
    """Four outputs at once are six pairs; in waves of two, two; in sequence, none."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 4, tokens: 1K, duration: 60s, output: prose}]",
        BARE.replace("prose: {people: 0s}", "prose: {people: 3m}, pair: {people: 10s}"),
    )
    for strategy, pairs in (("parallel", 6), ("queue: 4", 6), ("waves: 2", 2), ("sequential", 0)):
        outcome, _ = simulate_one(scenario, strategy)
        assert outcome.people_s == 4 * 180 + pairs * 10, strategy


def test_prose_is_merged_by_one_person_one_after_another():
    """Three outputs after 60 s, three minutes each: done at 600 s, nine minutes at $80 an hour."""
    scenario = scenario_of(
        THREE.replace("duration: 60s", "duration: 60s, output: prose"),
        BARE.replace("prose: {people: 0s}", "prose: {people: 3m}"),
    )
    outcome, _ = simulate_one(scenario, "parallel")
    assert outcome.makespan_s == 600
    assert outcome.people_s == outcome.people_merge_s == 540
    assert outcome.cost_people_usd == pytest.approx(12)
    assert outcome.cost_waiting_usd == pytest.approx(40 / 6)
    assert outcome.cost_usd == pytest.approx(outcome.money_usd + 12 + 40 / 6)


def test_a_lost_task_is_finished_by_a_person_and_charged_for():
    """All attempts crash: two of each task are wasted, then a person takes ten minutes for each."""
    scenario = scenario_of(
        THREE.replace("tokens: 15K", "tokens: 15K, calls: 1"),
        BARE.replace("crash: 0%", "crash: 100%"),
        "recovery: {people: 10m}",
    )
    outcome, _ = simulate_one(scenario, "parallel")
    assert outcome.makespan_s == 60 + 60 + 3 * 600
    assert (outcome.manual_completions, outcome.failed_attempts, outcome.crashed_attempts) == (3, 6, 6)
    assert (outcome.tokens_work, outcome.tokens_wasted) == (0, 6 * 15_000)
    assert outcome.people_recovery_s == 1800
    assert outcome.wasted_s == 6 * 60
    assert outcome.money_wasted_usd == outcome.money_usd > 0


def test_without_retry_a_failed_task_goes_to_a_person_at_once():
    """`retry: none` makes one attempt, `failed-only` as many as it may."""
    parts = (THREE, BARE.replace("crash: 0%", "crash: 100%"), "recovery: {people: 10m}")
    assert simulate_one(scenario_of(*parts, "retry: {policy: none}"), "queue: 3")[0].failed_attempts == 3
    assert simulate_one(scenario_of(*parts, "retry: {max_attempts: 4}"), "queue: 3")[0].failed_attempts == 12


def test_only_what_failed_is_done_again():
    """Bad outputs are found at the merge, and those tasks alone are dispatched again."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 40, tokens: 1K, duration: 60s}]",
        BARE.replace("bad_output: 0%", "bad_output: 30%"),
        "retry: {max_attempts: 100}",
    )
    outcome, log = simulate_one(scenario, "parallel")
    bad = [event for event in log if event.kind == "bad output"]
    assert outcome.manual_completions == 0
    assert len(bad) == outcome.bad_outputs == outcome.failed_attempts > 0
    assert outcome.tokens_wasted == 1000 * len(bad)
    assert outcome.tokens_work == 40_000
    rounds = max(event.attempt for event in log)
    assert outcome.makespan_s == 60 * rounds


def test_sequential_retries_a_task_before_it_goes_on():
    """One after the other: the order of launches is the order of tasks, and a person's work is waited for."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 12, tokens: 1K, duration: 60s}]",
        BARE.replace("crash: 0%", "crash: 40%"),
        "recovery: {people: 10m}",
    )
    outcome, log = simulate_one(scenario, "sequential")
    launched = [event.task for event in log if event.kind == "call" and event.call == 0]
    assert launched == sorted(launched)
    assert outcome.manual_completions > 0
    calls = sum(event.end_s - event.start_s for event in log if event.kind == "call")
    assert outcome.makespan_s == pytest.approx(calls + 600 * outcome.manual_completions)


def test_tasks_that_arrive_later_are_dispatched_later():
    """Tasks every 100 s of 60 s each never meet: one slot does them as they come."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, tokens: 1K, duration: 60s, interarrival: 100s}]", BARE
    )
    outcome, log = simulate_one(scenario, "queue: 1")
    assert [event.start_s for event in log if event.kind == "call" and event.call == 0] == [100, 200, 300]
    assert outcome.makespan_s == 360
    assert outcome.flow_s == 180


def test_the_luck_of_another_scenario_is_refused():
    """Draws are values of one scenario's distributions; the same scenario read twice is the same."""
    plan = make_plan(scenario_of(THREE, BARE), parse_strategy("parallel"))
    assert simulate(plan, Variates(scenario_of(THREE, BARE), 0)).makespan_s == 60
    with pytest.raises(ValueError, match="another scenario"):
        simulate(plan, Variates(scenario_of(THREE.replace("60s", "61s"), BARE), 0))
