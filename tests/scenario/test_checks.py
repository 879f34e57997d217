"""Scenarios that are well formed and yet impossible, or hardly what their author meant."""

import pytest

from dispatch_sim.scenario import Finding, ScenarioError, checks, parse_scenario
from dispatch_sim.scenario.checks import median_time, most_tries
from tests.scenario.texts import SHORT

TEN = SHORT.replace("60s", "60s, count: 10")


def warnings(text: str) -> list[Finding]:
    """Return the warnings about a scenario."""
    return list(checks.warnings(parse_scenario(text)))


def the_warning(text: str) -> str:
    """Return the only warning about a scenario, with its path."""
    [warning] = warnings(text)
    return str(warning)


def tries(addition: str) -> float:
    """Return the most tries of ten tasks of five calls, with a client that tries once."""
    return most_tries(parse_scenario(f"{TEN}client: {{retries: 0}}\n{addition}"))


@pytest.mark.parametrize("policy", ["none", "failed-only", "resume"])
def test_the_effort_grows_with_attempts(policy: str) -> None:
    """50 calls are made once without retries, and three times with three attempts."""
    assert tries(f"retry: {{policy: {policy}, max_attempts: 3}}") == (50 if policy == "none" else 150)


def test_the_effort_of_a_cascade_grows_with_its_failures() -> None:
    """A round of ten passes with probability q^10, so it fails 1/q^10 - 1 times; no task more than it may."""
    cascade = "retry: {policy: cascade, max_attempts: 2}\n"
    assert tries(cascade + "failures: {crash: 0%, bad_output: 0%}") == 50
    assert tries(cascade + "failures: {crash: 10%, bad_output: 0%}") == pytest.approx(50 / 0.9**10)
    assert tries(cascade + "failures: {crash: 50%, bad_output: 50%}") == 50 * (1 + 10)
    with pytest.raises(ScenarioError, match="tries of model calls"):
        parse_scenario(SHORT.replace("60s", "60s, count: 9000") + cascade)
    assert parse_scenario(SHORT.replace("60s", "60s, count: 9000"))


def test_the_effort_doubles_where_all_is_done_twice() -> None:
    """In two rounds, whether the scenario or a strategy asks for them, and by wrong instructions."""
    assert tries("retry: {policy: none}\ncommunication: rounds") == 100
    assert tries("retry: {policy: none}\nstrategies: [{queue: 2, communication: rounds}]") == 100
    assert tries("retry: {policy: none}\ncommunication: rounds\nfailures: {bad_brief: 1%}") == 200
    other = "communication: rounds\nstrategies: [{queue: 2, communication: none}]"
    assert tries("retry: {policy: none}\n" + other) == 50


def test_agents_that_hang_need_a_hard_timeout() -> None:
    """Nothing else ends them, a soft one neither."""
    for timeouts in ("", "timeouts: {soft: 1m}"):
        with pytest.raises(ScenarioError, match=r"failures\.hang: .* write timeouts: \{hard: 15m\}"):
            parse_scenario(f"{SHORT}failures: {{hang: 1%}}\n{timeouts}")
    assert parse_scenario(f"{SHORT}failures: {{hang: 1%}}\ntimeouts: {{hard: 15m}}")


def test_a_soft_timeout_comes_before_the_hard_one() -> None:
    """At or after it, it has no effect."""
    text = "timeouts: {soft: 15m, hard: 15m}"
    assert the_warning(SHORT + text).startswith("timeouts.soft: no agent comes to it: the hard one ends")
    assert warnings(SHORT + text.replace("soft: 15m", "soft: 14m")) == []
    assert warnings(SHORT + "timeouts: {soft: 15m}") == []


def test_a_hard_timeout_leaves_time_for_honest_work() -> None:
    """Half of the attempts take more than 2 s to spawn, 60 s of work and 2 s to return."""
    message = the_warning(SHORT + "timeouts: {hard: 63s}")
    assert message.startswith(
        "timeouts.hard: ends most honest work: an unimpeded attempt of 'research' takes 1m 4s"
    )
    assert warnings(SHORT + "timeouts: {hard: 65s}") == []


def test_the_median_time_adds_up_what_calls_do() -> None:
    """By hand, with everything at its median.

    4 s around it; 2 calls of 1 s; 2K written at 10 ms; 3K + 8K sent anew at 1 s a thousand, 3K + 5K read at
    half of that; once 7 s of tools.
    """
    text = "tasks: [{name: a, tokens: 10K, calls: 2, tool_time: 7s}]\nprovider: {latency: {base: 1s, "
    text += "per_output_token: 10ms, per_uncached_ktoken: 1s, per_cached_ktoken: 500ms}}"
    scenario = parse_scenario(text)
    assert median_time(scenario, scenario.tasks[0]) == pytest.approx(4 + 2 + 20 + 11 + 4 + 7)


def test_what_only_one_task_writes_conflicts_with_nothing() -> None:
    """One task of its group, and no other group writes it too."""
    one = (
        "tasks: [{name: a, tokens: 1K, duration: 1s, writes: [notes]}, {name: b, tokens: 1K, duration: 1s}]\n"
    )
    assert the_warning(one).startswith("tasks[0].writes: only one task writes 'notes'")
    assert warnings(one.replace("name: a", "name: a, count: 2")) == []
    assert warnings(one.replace("name: b", "name: b, writes: [notes]")) == []


def test_conflicts_need_somebody_who_writes() -> None:
    """Without, no key of theirs has an effect."""
    assert the_warning(SHORT + "conflicts: {isolation: worktree, setup: 9s}").startswith(
        "conflicts.isolation: no task writes anything, so this has no effect"
    )
    assert warnings(TEN.replace("60s", "60s, writes: [x]") + "conflicts: {isolation: worktree}") == []
    assert warnings(SHORT + "conflicts:") == []


def test_a_review_after_each_round_needs_rounds() -> None:
    """Queues have none, in whatever form; parallel and waves do."""
    review = "review: {every: round}\nstrategies: "
    for strategy in ("queue", "{adaptive: 3}", "{parallel: all, merge: as-completed}"):
        assert the_warning(f"{SHORT}{review}[{strategy}, waves]").startswith("review.every: ")
    assert warnings(f"{SHORT}{review}[parallel, waves, sequential]") == []
    assert warnings(f"{SHORT}review: {{every: 3}}\nstrategies: [queue]") == []


def test_communication_needs_tasks_that_bear_on_each_other() -> None:
    """It only costs where there is no coupling; coupling without communication is a case of its own."""
    strategies = "strategies: [queue, {queue: 3, communication: blackboard}]"
    assert the_warning(SHORT + strategies).startswith("strategies[1].communication: no task has coupling")
    assert the_warning(SHORT + "communication: rounds").startswith("communication: no task has coupling")
    coupled = SHORT.replace("60s", "60s, coupling: 20%")
    assert warnings(f"{coupled}{strategies}\ncommunication: rounds") == []
    assert warnings(coupled) == []


def test_the_harness_runs_fewer_than_a_strategy_asks_for() -> None:
    """What is over the cap waits, or is refused; narrower strategies are not named."""
    cap = "harness: {cap: 4, over: refuse}\nstrategies: "
    assert the_warning(f"{TEN}{cap}[parallel]") == (
        "harness.cap: parallel asks for more than 4 agents at once, and the harness refuses what is over it;"
        " write a smaller width, or a larger cap"
    )
    for strategy in ("queue", "{queue: 5}", "{waves: 9}", "adaptive", "{adaptive: 5}"):
        assert "asks for more than 4" in the_warning(f"{TEN}{cap}[{strategy}]")
    for strategy in ("sequential", "{adaptive: 4}"):
        assert warnings(f"{TEN}{cap}[{strategy}]") == []
    assert warnings(f"{TEN}{cap}[{{queue: 3}}]\nsweep: {{concurrency: 1..4}}") == []
    assert warnings(f"{SHORT}{cap}[parallel]") == []  # one task


def test_the_coordinators_context_fits_the_bucket() -> None:
    """20K and ten times a brief of 240 and a return of 2K are 42.4K: more than 30K, less than 50K.

    It counts where reading the cache does, or where a timed cache can lapse.
    """
    limit = "provider: {limits: {input_tokens: 30K/min}, "
    lapsing = "cache: {ttl: 5m}}"
    message = the_warning(TEN + limit + lapsing)
    assert message.startswith("dispatch.context: the coordinator's context grows to about 42.4K")
    assert "30K input tokens (30K/min x scale 1 x burst 1m): a turn then takes all of it" in message
    assert "when its cache has lapsed" in message
    counted = "accounting: {cache_reads: true}}"
    assert "lapsed" not in the_warning(TEN + limit + counted)
    assert warnings(TEN + limit.replace("30K", "50K") + lapsing) == []
    assert warnings(TEN + limit + "cache: warm}") == []
    assert warnings(TEN + limit + lapsing + "\ndispatch: {context: none}") == []
    assert warnings(TEN + limit + lapsing + "\ndispatch: {context: {window: 25K}}") == []


def test_an_overload_does_not_reach_tries_in_line() -> None:
    """A gateway keeps it from them, so a share of 529s there is likely a mistake."""
    provider = "provider: {overloaded: 5%, on_limit: "
    assert the_warning(f"{SHORT}{provider}wait}}").startswith(
        "provider.overloaded: has no effect where tries"
    )
    assert warnings(f"{SHORT}{provider}reject}}") == []


def test_failures_that_let_hardly_anything_through_are_suspect() -> None:
    """As 100% that was written for 1%; together they may be as bad."""
    hang = "timeouts: {hard: 5m}\nfailures: "
    assert "failures.crash: is 100%: hardly any" in the_warning(f"{SHORT}failures: {{crash: 100%}}")
    assert "failures.hang: is 80%" in the_warning(f"{SHORT}{hang}{{hang: 80%, crash: 60%}}")
    assert warnings(f"{SHORT}failures: {{crash: 80%, bad_output: 0%}}") == []
