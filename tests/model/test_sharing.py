"""Shared state: lost updates, conflicts between copies, locks."""

import math

import pytest

from dispatch_sim.engine.machine import Machine
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.outcome import outcome_of
from dispatch_sim.model.plan import make_plan
from dispatch_sim.scenario.strategy import parse_strategy
from tests.model.helpers import PARALLEL, bare, check, script_queue, simulate_one


def writers(count: int, probability: str, isolation: str, *more: str):
    """Return agents of a minute that all write the same name."""
    return bare(
        f"tasks: [{{count: {count}, duration: 60s, writes: [x]}}]",
        f"conflicts: {{probability: {probability}, isolation: {isolation}, people: 20m,"
        " resolve: 5m, setup: 7s}",
        *more,
    )


@pytest.mark.parametrize("isolation", ["shared", "worktree"])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_all_outputs_are_clean_as_often_as_no_pair_conflicts(isolation, count):
    """n agents that all overlap: (1-p)^(n(n-1)/2). Over 4,000 replications, within 4 standard errors."""
    p, replications = 0.1, 4000
    scenario = writers(count, "10%", isolation, "retry: {policy: none}")
    plan = FlatPlan(make_plan(scenario, parse_strategy(PARALLEL)))
    rows = Machine().simulate_priced([plan], range(replications), [scenario])[0, 0]
    outcomes = map(outcome_of, rows.tolist())
    clean = sum(not (outcome.overwritten_attempts or outcome.merge_conflicts) for outcome in outcomes)
    expected = (1 - p) ** (count * (count - 1) // 2)
    error = math.sqrt(expected * (1 - expected) / replications)
    assert abs(clean / replications - expected) < 4 * error


def test_later_write_wins_and_the_earlier_task_is_redone():
    log = check(
        writers(2, "100%", "shared"),
        script_queue(2),
        makespan_s=60 + 1200 + 60,
        overwritten_attempts=1,
        people_conflicts_s=1200,
        tokens_work=2000,
        tokens_wasted=1000,
    )
    assert [event.task for event in log if event.kind == "overwritten"] == [0]


def test_output_is_done_only_when_no_agent_can_overwrite_it():
    """The first is merged at 60 s; the second, launched at 30 s, returns at 90 s and overwrites it.

    The third is after the first: it waits until that is cleaned up and redone.
    """
    scenario = bare(
        "tasks: [{duration: 60s, writes: [x]}, {duration: 60s, writes: [x, y], interarrival: 30s},"
        " {duration: 1s, after: [a]}]",
        "conflicts: {probability: 100%, people: 20m}",
    )
    redone_s = 90 + 1200 + 60
    log = check(scenario, script_queue(3), starts={"overwritten": [90]}, makespan_s=redone_s + 1)
    assert {event.task: event.start_s for event in log if event.kind == "launch"}[2] == redone_s


def test_agents_that_do_not_overlap_or_share_a_name_lose_nothing():
    check(writers(4, "100%", "shared"), "sequential", overwritten_attempts=0)
    apart = bare(
        "tasks: [{duration: 60s, writes: [x]}, {duration: 60s, writes: [y]}, {duration: 60s}]",
        "conflicts: {probability: 100%}",
    )
    check(apart, PARALLEL, overwritten_attempts=0)


def test_copies_lose_nothing_and_conflict_at_the_merge():
    """Three copies, sure to conflict: three pairs of five minutes; each copy takes 7 s to make."""
    scenario = writers(3, "100%", "worktree")
    conflicts = {"merge_conflicts": 3, "people_conflicts_s": 900, "tokens_wasted": 0}
    check(scenario, PARALLEL, makespan_s=7 + 60 + 900, **conflicts)
    check(scenario, "sequential", merge_conflicts=0, makespan_s=3 * 67)


def test_locks_let_one_agent_write_at_a_time():
    scenario = writers(3, "100%", "locks")
    check(scenario, PARALLEL, ends={"lock": [60, 120]}, makespan_s=180, overwritten_attempts=0)


def test_failed_agent_releases_its_locks():
    scenario = writers(3, "0%", "locks", "retry: {max_attempts: 2}\nfailures: {crash: 100%}")
    check(scenario, script_queue(3), crashed_attempts=6, manual_completions=3)


def test_strategys_isolation_replaces_the_scenarios():
    strategy = PARALLEL | {"isolation": "locks"}
    check(writers(3, "100%", "shared"), strategy, makespan_s=180, overwritten_attempts=0)


@pytest.mark.parametrize(("in_prompt", "money_usd"), [("true", 2 * 0.125), ("false", 0.125 + 0.01)])
def test_copies_share_no_prefix_where_the_prompt_names_the_directory(in_prompt, money_usd):
    """Two staggered agents: one writes the prefix and the other reads it, unless their directories differ."""
    scenario = writers(
        2,
        "0%",
        "worktree",
        "tasks: [{count: 2, tokens: 0, duration: 10s, writes: [x]}]",
        "dispatch: {spawn: {tokens: 100K, shared: 100K}}",
        "provider: {cache: {ttl: 5m}, prices: {input: $1/M, cache_write: $1.25/M, cache_read: $0.1/M}}",
        f"harness: {{directory_in_prompt: {in_prompt}}}",
    )
    outcome, _ = simulate_one(scenario, PARALLEL | {"warm_up": "stagger"})
    assert outcome.money_usd == pytest.approx(money_usd)
