"""One replication: cases that a person can work out by hand."""

import pytest

from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.strategy import parse_strategy
from tests.model.helpers import bare, check, simulate_one

THREE = "tasks: [{count: 3, tokens: 15K, duration: 60s}]\n"
PROSE = "tasks: [{count: 3, tokens: 15K, duration: 60s, output: prose}]"
UNEQUAL = "tasks: [{duration: 60s}, {duration: 20s}, {duration: 10s}]"
MERGE = "merge: {structured: {tokens: 500, time: 5s}}"
CRASH = "failures: {crash: 100%}\nrecovery: {people: 10m}"


@pytest.mark.parametrize(
    ("parts", "strategy", "makespan_s"),
    [
        ((THREE,), "parallel", 60),
        ((THREE,), "sequential", 180),
        ((THREE,), "queue: 2", 120),
        ((THREE,), "waves: 2", 120),
        # The queue starts the third task at 20 s, when the second ends; the wave at 60 s.
        ((UNEQUAL,), "parallel", 60),
        ((UNEQUAL,), "queue: 2", 60),
        ((UNEQUAL,), "waves: 2", 70),
        # Merges of 5 s: all after the barrier, or two before the longest task ends.
        ((UNEQUAL, MERGE), "parallel", 75),
        ((UNEQUAL, MERGE), {"parallel": "all", "merge": "as-completed"}, 65),
        ((UNEQUAL, MERGE), "queue: 3", 65),
        ((UNEQUAL, MERGE), {"queue": 3, "merge": "barrier"}, 75),
        # One person merges three outputs from 60 s on.
        ((PROSE, "merge: {prose: {people: 3m}}"), "parallel", 60 + 3 * 180),
    ],
)
def test_makespan_of_cases_worked_out_by_hand(parts, strategy, makespan_s):
    check(bare(*parts), strategy, makespan_s=makespan_s)


def test_money_bills_every_token_sent_at_the_price_of_its_class():
    """One attempt of three calls, priced by hand.

    Spawn 900; 300 tokens new and 150 written a call. Written to the cache: 900 + 3 x 300. Read from it:
    the spawn twice, the first call's 450 twice, the second's once. Written: 3 x 150. Returned: 100 read
    by the coordinator.
    """
    scenario = bare(
        "tasks: [{tokens: 1350, output_share: 0.33333333333, calls: 3, duration: 30s}]",
        "dispatch: {spawn: {tokens: 900}, return: {tokens: 100}}",
        "provider: {prices: {input: $5/M, cache_write: $7/M, cache_read: $1/M, output: $20/M}}",
    )
    spawn = 900 * 7 + 2 * 900 * 1
    work = 900 * 7 + (450 + 900) * 1 + 450 * 20
    outcome, _ = simulate_one(scenario, "parallel")
    assert outcome.money_spawn_usd == pytest.approx(spawn / 1e6)
    assert outcome.money_work_usd == pytest.approx(work / 1e6)
    assert outcome.money_return_usd == pytest.approx(100 * 5 / 1e6)
    assert outcome.money_usd == pytest.approx((spawn + work + 500) / 1e6)


def test_briefs_of_one_turn_are_written_one_after_another():
    """A turn of 4 s and briefs of 6 s start three agents at 10, 16 and 22 s; the last is back at 82 s."""
    scenario = bare(THREE, "dispatch: {brief: {tokens: 200, time: 6s}, turn: {tokens: 300, time: 4s}}")
    check(scenario, "parallel", ends={"wait": [10, 16, 22]}, makespan_s=82, tokens_coordination=900)
    check(scenario, "sequential", makespan_s=3 * (4 + 6 + 60), tokens_coordination=3 * (300 + 200))
    check(scenario, {"queue": 3, "manager": "script"}, makespan_s=60, tokens_coordination=0)
    check(scenario, {"queue": 2}, tokens_coordination=2 * 300 + 3 * 200)


def test_cost_adds_money_waiting_and_peoples_time():
    """Ten minutes at $40 an hour, and nine minutes of a person at $80."""
    scenario = bare(PROSE, "merge: {prose: {people: 3m}}")
    outcome, _ = simulate_one(scenario, "parallel")
    assert outcome.people_s == outcome.people_merge_s == 540
    assert outcome.cost_people_usd == pytest.approx(12)
    assert outcome.cost_waiting_usd == pytest.approx(40 / 6)
    assert outcome.cost_usd == pytest.approx(outcome.money_usd + 12 + 40 / 6)


def test_person_completes_lost_tasks_and_is_paid():
    """All attempts crash: two of each task are wasted, then a person takes ten minutes for each."""
    scenario = bare(THREE, CRASH)
    check(
        scenario,
        "parallel",
        makespan_s=60 + 60 + 3 * 600,
        manual_completions=3,
        failed_attempts=6,
        crashed_attempts=6,
        tokens_work=0,
        tokens_wasted=6 * 15_000,
        people_recovery_s=1800,
        wasted_s=6 * 60,
    )
    outcome, _ = simulate_one(scenario, "parallel")
    assert outcome.money_wasted_usd == outcome.money_usd > 0


@pytest.mark.parametrize(("retry", "failed"), [("policy: none", 3), ("max_attempts: 4", 12)])
def test_task_is_attempted_as_often_as_its_retry_policy_allows(retry, failed):
    check(bare(THREE, CRASH, f"retry: {{{retry}}}"), "queue: 3", failed_attempts=failed)


def test_only_failed_tasks_are_redone():
    scenario = bare(
        "tasks: [{count: 40, duration: 60s}]", "failures: {bad_output: 30%}", "retry: {max_attempts: 100}"
    )
    outcome, log = simulate_one(scenario, "parallel")
    bad = sum(event.kind == "bad output" for event in log)
    assert outcome.manual_completions == 0
    assert bad == outcome.bad_outputs == outcome.failed_attempts > 0
    assert (outcome.tokens_work, outcome.tokens_wasted) == (40_000, 1000 * bad)
    assert outcome.makespan_s == 60 * max(event.attempt for event in log)


def test_tasks_are_dispatched_as_they_arrive():
    scenario = bare("tasks: [{count: 3, duration: 60s, interarrival: 100s}]")
    check(scenario, "queue: 1", starts={"call": [100, 200, 300]}, makespan_s=360, flow_s=180)


def test_variates_of_another_scenario_are_an_error():
    plan = make_plan(bare(THREE), parse_strategy("parallel"))
    assert simulate(plan, Variates(bare(THREE), 0)).makespan_s == 60
    with pytest.raises(ValueError, match="another scenario"):
        simulate(plan, Variates(bare(THREE, CRASH), 0))
