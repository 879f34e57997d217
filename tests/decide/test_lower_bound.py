"""The lower bound on makespan and bill: below every run, near the best strategy in constructed cases."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatch_sim.decide.final_attempts import Known
from dispatch_sim.decide.lower_bound import find_lower_bound, lower_bound
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.runner import simulate_design
from tests.conformance.cases import numbered_case
from tests.conformance.comparison import plan_of, simulate_compiled
from tests.model.helpers import (
    BARE,
    NO_FAILURES,
    NO_LIMITS,
    NO_MERGE,
    PARALLEL,
    limited,
    scenario_of,
    script_queue,
)


def bound_of(scenario, strategy, replication=0):
    plan = make_plan(scenario, parse_strategy(strategy))
    run, _ = simulate_compiled(plan, replication)
    return *lower_bound(plan, Variates(scenario, replication), run, Known()), run


@settings(deadline=None, max_examples=100)
@given(number=st.integers(0, 10**12))
@example(number=3)
def test_bound_is_never_above_a_run(number):
    case = numbered_case(number)
    plan = plan_of(case)
    run, _ = simulate_compiled(plan, case.replication)
    makespan_s, money_usd = lower_bound(plan, Variates(plan.scenario, case.replication), run, Known())
    assert makespan_s <= run.makespan_s
    assert money_usd <= run.money_usd


TEN = "tasks: [{name: a, count: 10, calls: 2, tokens: 12K, output_share: 0%, duration: 60s}]"
ALL_CRASH = "{failures: {crash: 100%}, recovery: {people: 1m}}"
PACED = script_queue(10, pace="limits")


@pytest.mark.parametrize(
    ("parts", "strategy", "makespan_s"),
    [
        pytest.param([TEN], PARALLEL, 60.0, id="chain"),
        pytest.param(
            [TEN, "tasks: [{name: a, calls: 1, tokens: 1, duration: 60s},"
             "{name: b, calls: 1, tokens: 1, duration: 30s, after: [a]}]"], PARALLEL, 90.0, id="dependency"),
        pytest.param([TEN, "tasks: [{name: a, count: 10, tokens: 1, duration: 60s, interarrival: 20s}]"],
                     PARALLEL, 260.0, id="arrivals"),
        pytest.param([TEN], script_queue(5), 120.0, id="slots"),
        pytest.param([TEN, "harness: {cap: 2}"], PARALLEL, 300.0, id="cap"),
        pytest.param([TEN, limited(input_tokens="30K/min")], PACED, 180.0, id="input"),
        pytest.param([TEN, limited(requests="5/min")], PACED, 180.0, id="requests"),
        pytest.param([TEN, "dispatch: {turn: {time: 9s}, brief: {time: 9s}}"], "parallel", 159, id="briefs"),
        pytest.param([TEN, "merge: {structured: {time: 40s}}"], PARALLEL, 400.0, id="merges"),
        pytest.param([TEN, "review: {people: 2m}"], PARALLEL, 1200.0, id="reviews"),
        pytest.param([TEN, "merge: {structured: {people: 1m}}"], PARALLEL, 600.0, id="merges by a person"),
        pytest.param([TEN, ALL_CRASH], PARALLEL, 600.0, id="manual"),
    ],
)  # fmt: skip
def test_bound_on_makespan_is_the_longest_of_its_terms(parts, strategy, makespan_s):
    bound_s, _, _ = bound_of(scenario_of(BARE, *parts), strategy)
    assert bound_s == pytest.approx(makespan_s)


def test_output_counts_without_the_calls_that_have_not_ended():
    """Of 10 x 12K tokens, one call of 6K may end after the last call begins; 20K are there at first."""
    tasks = "tasks: [{name: a, count: 10, calls: 2, tokens: 12K, output_share: 100%, duration: 1s}]"
    bound_s, _, _ = bound_of(scenario_of(BARE, tasks, limited(output_tokens="20K/min")), script_queue(1))
    assert bound_s == pytest.approx((120 - 6 - 20) / 20 * 60)


def test_bound_on_bill_is_the_bill_of_a_batch_without_waste():
    """5K input at $3.75/M and 1K output at $15/M per call; the second call reads 6K at $0.30/M."""
    tasks = "tasks: [{name: a, count: 10, calls: 2, tokens: 12K, output_share: 16.666667%, duration: 1s}]"
    scenario = scenario_of(BARE, tasks)
    _, bound_usd, run = bound_of(scenario, PARALLEL)
    assert bound_usd == pytest.approx(10 * (2 * (5 * 3.75 + 15) + 6 * 0.3) / 1000)
    assert bound_usd == pytest.approx(run.money_usd)


def test_task_with_a_fault_needs_its_next_attempt():
    """If only faults failed attempts, it is known which attempt was the final one."""
    tasks = "tasks: [{name: a, calls: 3, tokens: 9K, duration: {exponential: {mean: 60s}}}]"
    scenario = scenario_of(BARE, tasks, "failures: {bad_output: 50%}", "retry: {max_attempts: 100}")
    seen = set()
    for replication in range(8):
        bound_s, _, run = bound_of(scenario, PARALLEL, replication)
        final = Variates(scenario, replication).attempt(0, 0, run.bad_outputs)
        assert bound_s == pytest.approx(3 * final.call_s)
        seen.add(run.bad_outputs)
    assert len(seen) > 1


def test_common_part_is_counted_once_for_solo():
    """Three of 100 s, of which 60 s are the same for all: 100 + 40 + 40."""
    tasks = "tasks: [{name: a, count: 3, calls: 5, tokens: 15K, duration: 100s, common: 60%}]"
    bound_s, _, run = bound_of(scenario_of(BARE, tasks, "dispatch: {context: {start: 1K}}"), "solo")
    assert bound_s == pytest.approx(180)
    assert run.makespan_s == pytest.approx(180)


FIXED = "tasks: [{name: a, count: 20, calls: 8, tokens: 64K, duration: 60s}]"
SPREAD = "tasks: [{name: a, count: 20, tokens: 16K, duration: {lognormal: {mean: 20m, cv: 1}}}]"
STRATEGIES = ("sequential", "parallel", "queue: 5", "queue: 10", "{paced: 5}", "{paced: 10}", "{paced: 19}")


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(limited(input_tokens="30K/min"), id="input limit"),
        pytest.param(SPREAD, id="work"),
        pytest.param("dispatch: {brief: {time: 30s}}", id="coordinator"),
    ],
)
def test_best_strategy_is_within_a_tenth_of_the_bound(part):
    scenario = scenario_of(FIXED, NO_LIMITS, NO_FAILURES, NO_MERGE, part)
    plans = [make_plan(scenario, parse_strategy(strategy)) for strategy in STRATEGIES]
    measures = simulate_design(Design((), (Variant((), scenario, tuple(plans)),), 32))
    best = plans[measures[:, :, MEASURES.index("makespan_s")].mean(axis=1).argmin()]
    assert 1 <= find_lower_bound(best, plans).makespan_multiple < 1.1


def test_multiple_is_the_ratio_of_the_means_of_the_same_replications():
    scenario = scenario_of(FIXED, NO_LIMITS, NO_FAILURES, NO_MERGE, SPREAD)
    plan = make_plan(scenario, parse_strategy("queue: 5"))
    found = find_lower_bound(plan, [plan])
    assert found.replications == 32
    runs = [bound_of(scenario, "queue: 5", replication) for replication in range(32)]
    makespans_s, bounds_s = [run.makespan_s for *_, run in runs], [bound_s for bound_s, *_ in runs]
    assert found.makespan_multiple == pytest.approx(sum(makespans_s) / sum(bounds_s))


def test_bound_of_zero_has_no_multiple():
    free = "provider: {prices: {input: 0, output: 0, cache_read: 0, cache_write: 0}}"
    scenario = scenario_of(BARE, TEN, free)
    plan = make_plan(scenario, parse_strategy(PARALLEL))
    assert find_lower_bound(plan, [plan]).money_multiple is None


def test_bound_is_below_all_strategies_that_leave_no_more_to_people():
    """Under tight limits, parallel leaves tasks to people, which saves part of the bill."""
    scenario = scenario_of(FIXED, limited(requests="50/min", input_tokens="30K/min", output_tokens="8K/min"))
    plans = [make_plan(scenario, parse_strategy(strategy)) for strategy in STRATEGIES]
    found = find_lower_bound(plans[4], plans)
    assert found == find_lower_bound(plans[4], plans)
    runs = [[simulate_compiled(plan, r)[0] for r in range(found.replications)] for plan in plans]
    for of_plan in runs:
        if all(
            run.manual_completions <= own.manual_completions
            for run, own in zip(of_plan, runs[4], strict=True)
        ):
            assert found.makespan_s <= sum(run.makespan_s for run in of_plan) / found.replications
            assert found.money_usd <= sum(run.money_usd for run in of_plan) / found.replications
