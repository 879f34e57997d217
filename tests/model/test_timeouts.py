"""Hangs and timeouts: when they end an attempt, and what that costs."""

import pytest

from tests.model.helpers import PARALLEL, bare, check, script_queue, simulate_one

NO_RETRY = "retry: {policy: none}"


def agents(timeouts: str, *more: str, task: str = "calls: 4, duration: 80s"):
    """Return two agents of four calls of 20 s each, with a person who takes ten minutes."""
    return bare(
        f"tasks: [{{count: 2, tokens: 4000, output_share: 25%, {task}}}]",
        f"timeouts: {{{timeouts}}}",
        "recovery: {people: 10m}",
        *more,
    )


def test_hard_timeout_ends_an_attempt_at_that_moment():
    """Work of 80 s against 50 s: both attempts of each task end 50 s after their launch, in the third call.

    Nothing stops an admitted call: it is counted in full, so three of four calls are paid for, all wasted.
    """
    scenario = agents("hard: 50s", "retry: {max_attempts: 2}")
    check(
        scenario,
        script_queue(2),
        starts={"timeout": [50, 50, 100, 100]},
        makespan_s=100 + 2 * 600,
        killed_attempts=4,
        hung_attempts=0,
        manual_completions=2,
        tokens=4 * 3 * 1000,
        tokens_wasted=4 * 3 * 1000,
        wasted_s=4 * 50,
        quota_output_tokens=4 * 3 * 250,
    )
    outcome, _ = simulate_one(scenario, script_queue(2))
    assert outcome.money_killed_usd == outcome.money_wasted_usd == outcome.money_usd > 0


@pytest.mark.parametrize(("hard", "killed"), [("80.1s", 0), ("80s", 2), ("79.9s", 2)])
def test_timeout_at_the_moment_of_the_end_comes_first(hard, killed):
    check(agents(f"hard: {hard}", NO_RETRY), PARALLEL, killed_attempts=killed)


def test_hung_agent_holds_its_slot_until_the_hard_timeout():
    """With one slot, two tasks that hang in both attempts hold it for four times the limit."""
    scenario = agents("hard: 3m", "failures: {hang: 100%}\nretry: {max_attempts: 2}")
    outcome, log = simulate_one(scenario, script_queue(1))
    assert outcome.hung_attempts == outcome.failed_attempts == 4
    assert (outcome.killed_attempts, outcome.money_killed_usd) == (0, 0)
    silent_s = sum(event.end_s - event.start_s for event in log if event.kind == "hang")
    assert silent_s == pytest.approx(outcome.hung_s)
    assert outcome.hung_s + outcome.service_s == pytest.approx(4 * 180)
    assert outcome.makespan_s >= 4 * 180


def test_soft_timeout_is_obeyed_before_the_next_call():
    """A limit of 50 s is over in the third call; an agent that obeys makes no fourth."""
    scenario = agents("soft: 50s, obeyed: 100%", NO_RETRY)
    check(scenario, PARALLEL, ends={"timeout": [60, 60]}, killed_attempts=2, tokens_wasted=2 * 3 * 1000)


def test_agent_that_does_not_obey_a_soft_timeout_finishes():
    disobeyed, without = agents("soft: 50s, obeyed: 0%"), agents("soft: none")
    assert simulate_one(disobeyed, PARALLEL)[0] == simulate_one(without, PARALLEL)[0]


def test_hung_agent_cannot_obey():
    """A soft limit alone never ends silence; the hard one does."""
    timeouts = "soft: 10s, obeyed: 100%, hard: 100s"
    scenario = agents(timeouts, "failures: {hang: 100%}", NO_RETRY, task="duration: 80s")
    check(scenario, PARALLEL, ends={"timeout": [100, 100]}, hung_attempts=2)


@pytest.mark.parametrize("on_limit", ["reject", "wait"])
def test_timeout_ends_an_agent_in_backoff_and_in_line(on_limit):
    scenario = agents(
        "hard: 30s",
        f"provider: {{limits: {{requests: 1/min, burst: 60s}}, on_limit: {on_limit}}}",
        NO_RETRY,
        task="duration: 5s",
    )
    check(
        scenario, PARALLEL, ends={"timeout": [30]}, killed_attempts=1, manual_completions=1, quota_requests=1
    )


def test_gateway_serves_the_next_in_line_when_the_first_is_ended():
    """30K a minute, full: the first call takes 30K at once. The second needs 30K, a minute, and is ended
    after 20 s; the third needs 10K, and has them at 20 s."""
    task = "output_share: 0%, duration: 5s"
    scenario = bare(
        f"tasks: [{{tokens: 30K, {task}}}, {{tokens: 30K, {task}}},"
        f" {{tokens: 10K, {task}, interarrival: 1s}}]",
        "provider: {limits: {input_tokens: 30K/min}, on_limit: wait}",
        "timeouts: {hard: 20s}",
        NO_RETRY,
    )
    log = check(scenario, script_queue(3), starts={"call": [0, 20]})
    assert [event.task for event in log if event.kind == "call"] == [0, 2]
