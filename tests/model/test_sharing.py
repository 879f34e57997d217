"""What agents do to each other's writes: lost updates, conflicts between copies, locks."""

import math

import pytest

from tests.model.worlds import ALL_AT_ONCE, BARE, play_many, scenario_of, script_queue, simulate_one


def writers(count: int, probability: str, isolation: str, more: str = "", **timing: str):
    """Return agents of a minute that all write the same thing."""
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: 1, tokens: 1000, duration: 60s, writes: [x]}}]",
        BARE,
        f"conflicts: {{probability: {probability}, isolation: {isolation}, people: 20m,"
        " resolve: 5m, setup: 7s}",
        more,
    )


@pytest.mark.parametrize("isolation", ["shared", "worktree"])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_all_are_clean_as_often_as_no_pair_conflicts(isolation, count):
    """n agents that all overlap: (1-p)^(n(n-1)/2). Over 4,000 replications, within 4 standard errors."""
    p, replications = 0.1, 4000
    scenario = writers(count, "10%", isolation, "retry: {policy: none}")
    clean = sum(
        not (outcome.overwritten_attempts or outcome.merge_conflicts)
        for outcome in play_many(scenario, ALL_AT_ONCE, replications)
    )
    expected = (1 - p) ** (count * (count - 1) // 2)
    error = math.sqrt(expected * (1 - expected) / replications)
    assert abs(clean / replications - expected) < 4 * error


def test_the_later_write_wins_and_the_other_is_done_again():
    """Two at once, sure to conflict: the first is lost, a person cleans up, and it is done again."""
    outcome, log = simulate_one(writers(2, "100%", "shared"), script_queue(2))
    assert [event.task for event in log if event.kind == "overwritten"] == [0]
    assert outcome.makespan_s == 60 + 1200 + 60
    assert (outcome.overwritten_attempts, outcome.people_conflicts_s) == (1, 1200)
    assert (outcome.tokens_work, outcome.tokens_wasted) == (2000, 1000)


def test_an_output_is_done_only_when_nobody_can_write_over_it():
    """The first is merged at 60 s, the second, launched at 30 s, returns at 90 s and writes over it."""
    scenario = writers(2, "100%", "shared").model_copy(
        update={
            "tasks": scenario_of(
                "tasks: [{name: a, calls: 1, tokens: 1000, duration: 60s, writes: [x]},"
                " {name: b, calls: 1, tokens: 1000, duration: 60s, writes: [x, y], interarrival: 30s},"
                " {name: c, calls: 1, tokens: 1000, duration: 1s, after: [a]}]"
            ).tasks
        }
    )
    outcome, log = simulate_one(scenario, script_queue(3))
    assert [(event.end_s, event.task) for event in log if event.kind == "overwritten"] == [(90, 0)]
    launches = {event.task: event.start_s for event in log if event.kind == "launch"}
    assert launches[2] == 90 + 1200 + 60  # what comes after it waits until it is really done
    assert outcome.makespan_s == 90 + 1200 + 60 + 1


def test_one_after_another_loses_nothing():
    """Agents that do not overlap, or write different things, do not conflict."""
    assert simulate_one(writers(4, "100%", "shared"), "sequential")[0].overwritten_attempts == 0
    apart = scenario_of(
        "tasks: [{name: a, tokens: 1K, duration: 60s, writes: [x]},"
        " {name: b, tokens: 1K, duration: 60s, writes: [y]}, {name: c, tokens: 1K, duration: 60s}]",
        BARE,
        "conflicts: {probability: 100%}",
    )
    assert simulate_one(apart, ALL_AT_ONCE)[0].overwritten_attempts == 0


def test_copies_lose_nothing_and_conflict_at_the_merge():
    """Three copies, sure to conflict: three pairs of five minutes; each copy takes 7 s to make."""
    outcome, _ = simulate_one(writers(3, "100%", "worktree"), ALL_AT_ONCE)
    assert outcome.merge_conflicts == 3
    assert outcome.people_conflicts_s == 3 * 300
    assert outcome.tokens_wasted == 0
    assert outcome.makespan_s == 7 + 60 + 3 * 300


def test_copies_made_after_a_merge_hold_what_was_merged():
    """One after another, nothing conflicts at the merge."""
    outcome, _ = simulate_one(writers(3, "100%", "worktree"), "sequential")
    assert outcome.merge_conflicts == 0
    assert outcome.makespan_s == 3 * 67


def test_with_locks_writers_wait_for_each_other():
    """Three at once with one lock: 180 s, and nothing is lost."""
    outcome, log = simulate_one(writers(3, "100%", "locks"), ALL_AT_ONCE)
    assert outcome.makespan_s == 180
    assert [event.end_s for event in log if event.kind == "lock"] == [60, 120]
    assert outcome.overwritten_attempts == outcome.merge_conflicts == 0


def test_locks_are_given_back_by_who_fails():
    """A crash gives the lock back; nobody waits for ever."""
    scenario = writers(3, "0%", "locks", "retry: {max_attempts: 2}")
    scenario = scenario.model_copy(
        update={
            "failures": scenario.failures.model_copy(update={"crash": 1.0}),
            "timeouts": scenario.timeouts,
        }
    )
    outcome, _ = simulate_one(scenario, script_queue(3))
    assert outcome.crashed_attempts == 6
    assert outcome.manual_completions == 3


def test_a_strategy_can_have_an_isolation_of_its_own():
    """It goes before the scenario's."""
    scenario = writers(3, "100%", "shared")
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE | {"isolation": "locks"})
    assert (outcome.makespan_s, outcome.overwritten_attempts) == (180, 0)


def test_copies_share_no_prefix_where_the_prompt_names_the_directory():
    """Two staggered agents: one writes the prefix and the other reads it, unless their directories differ."""
    parts = (
        "tasks: [{name: a, count: 2, calls: 1, tokens: 0, duration: 10s, writes: [x]}]",
        BARE.replace("spawn: {tokens: 0, time: 0s}", "spawn: {tokens: 100K, shared: 100K, time: 0s}").replace(
            "limits: unlimited",
            "limits: unlimited, cache: {ttl: 5m},"
            " prices: {input: $1/M, cache_write: $1.25/M, cache_read: $0.1/M, output: $0/M}",
        ),
        "conflicts: {probability: 0%, isolation: worktree}",
    )
    strategy = ALL_AT_ONCE | {"warm_up": "stagger"}
    apart = simulate_one(scenario_of(*parts), strategy)[0]
    assert apart.money_usd == pytest.approx(2 * 0.125)
    together = simulate_one(scenario_of(*parts, "harness: {directory_in_prompt: false}"), strategy)[0]
    assert together.money_usd == pytest.approx(0.125 + 0.01)
