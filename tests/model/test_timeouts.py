"""Hangs and timeouts: what they end, when, and what that costs."""

import pytest

from tests.model.worlds import ALL_AT_ONCE, BARE, scenario_of, script_queue, simulate_one


def agents(*, hang: str = "0%", timeouts: str = "soft: none", more: str = "", calls: int = 4, duration="80s"):
    """Return two agents of four calls of 20 s each, with a person who takes ten minutes."""
    return scenario_of(
        f"tasks: [{{name: a, count: 2, calls: {calls}, tokens: 4000, output_share: 25%,"
        f" duration: {duration}}}]",
        BARE.replace("bad_output: 0%", f"bad_output: 0%, hang: {hang}"),
        f"timeouts: {{{timeouts}}}",
        "recovery: {people: 10m}",
        more,
    )


def test_a_hard_timeout_ends_an_attempt_at_the_moment():
    """Work of 80 s against 50 s: both attempts of each task end 50 s after their launch, in the third call.

    Nothing stops an admitted call: it is counted in full, so three of four calls are paid for, all wasted.
    """
    outcome, log = simulate_one(
        agents(timeouts="hard: 50s", more="retry: {max_attempts: 2}"), {"queue": 2, "manager": "script"}
    )
    ends = sorted(event.start_s for event in log if event.kind == "timeout")
    assert ends == [50, 50, 100, 100]
    assert outcome.makespan_s == 100 + 2 * 600  # a person does one after the other
    assert (outcome.killed_attempts, outcome.hung_attempts, outcome.manual_completions) == (4, 0, 2)
    assert outcome.tokens_wasted == outcome.tokens == 4 * 3 * 1000
    assert outcome.money_killed_usd == outcome.money_wasted_usd == outcome.money_usd > 0
    assert outcome.wasted_s == 4 * 50
    assert outcome.quota_output_tokens == 4 * 3 * 250


@pytest.mark.parametrize(("hard", "killed"), [("80.1s", 0), ("80s", 2), ("79.9s", 2)])
def test_a_timeout_at_the_moment_of_the_end_comes_first(hard, killed):
    """Work of 80 s is done under a limit of more than that, and not under one of exactly that."""
    scenario = agents(timeouts=f"hard: {hard}", more="retry: {policy: none}")
    assert simulate_one(scenario, ALL_AT_ONCE)[0].killed_attempts == killed


def test_a_hung_agent_holds_its_slot_until_the_hard_timeout():
    """With one slot, two tasks that hang in both attempts hold it for four times the limit."""
    scenario = agents(hang="100%", timeouts="hard: 3m", more="retry: {max_attempts: 2}")
    outcome, log = simulate_one(scenario, script_queue(1))
    assert outcome.hung_attempts == outcome.failed_attempts == 4
    assert (outcome.killed_attempts, outcome.money_killed_usd) == (0, 0)
    silent = sum(event.end_s - event.start_s for event in log if event.kind == "hang")
    assert silent == pytest.approx(outcome.hung_s)
    assert outcome.hung_s + outcome.service_s == pytest.approx(4 * 180)
    assert outcome.makespan_s >= 4 * 180


def test_a_soft_timeout_is_obeyed_before_the_next_call():
    """A limit of 50 s is over in the third call; who obeys makes no fourth."""
    scenario = agents(timeouts="soft: 50s, obeyed: 100%", more="retry: {policy: none}")
    outcome, log = simulate_one(scenario, ALL_AT_ONCE)
    assert [event.end_s for event in log if event.kind == "timeout"] == [60, 60]
    assert outcome.killed_attempts == 2
    assert outcome.tokens_wasted == 2 * 3 * 1000


def test_who_does_not_obey_a_soft_timeout_finishes():
    """With nobody obeying, a soft limit does nothing."""
    scenario = agents(timeouts="soft: 50s, obeyed: 0%")
    assert simulate_one(scenario, ALL_AT_ONCE)[0] == simulate_one(agents(), ALL_AT_ONCE)[0]


def test_a_hung_agent_cannot_obey():
    """A soft limit alone never ends silence; the hard one does."""
    scenario = agents(
        hang="100%", timeouts="soft: 10s, obeyed: 100%, hard: 100s", calls=1, more="retry: {policy: none}"
    )
    outcome, log = simulate_one(scenario, ALL_AT_ONCE)
    assert [event.end_s for event in log if event.kind == "timeout"] == [100, 100]
    assert outcome.hung_attempts == 2


def test_a_timeout_ends_an_agent_in_backoff_and_in_line():
    """Refused for a minute, or in a gateway's line, an agent is ended after 30 s; the line goes on."""
    limits = "limits: {requests: 1/min, input_tokens: unlimited, output_tokens: unlimited, burst: 60s}"
    for on_limit in ("reject", "wait"):
        scenario = agents(
            timeouts="hard: 30s", calls=1, duration="5s", more="retry: {policy: none}"
        ).model_copy(
            update={
                "provider": scenario_of(
                    "tasks: [{name: a, tokens: 1, duration: 1s}]",
                    f"provider: {{{limits}, on_limit: {on_limit}}}",
                ).provider
            }
        )
        outcome, log = simulate_one(scenario, ALL_AT_ONCE)
        assert [event.end_s for event in log if event.kind == "timeout"] == [30]
        assert (outcome.killed_attempts, outcome.manual_completions) == (1, 1)
        assert outcome.quota_requests == 1


def test_limits_in_a_gateway_serve_the_next_in_line_when_the_first_is_ended():
    """The first in line needs more than it lives to see; the one behind it is served when it is enough.

    30K a minute, full: the first call takes 30K at once. The second needs 30K, a minute, and is ended after
    20 s; the third needs 10K, and has them at 20 s.
    """
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 30K, output_share: 0%, calls: 1, duration: 5s},"
        " {name: b, tokens: 30K, output_share: 0%, calls: 1, duration: 5s},"
        " {name: c, tokens: 10K, output_share: 0%, calls: 1, duration: 5s, interarrival: 1s}]",
        BARE.replace(
            "limits: unlimited",
            "limits: {requests: unlimited, input_tokens: 30K/min, output_tokens: unlimited}, on_limit: wait",
        ),
        "timeouts: {hard: 20s}",
        "retry: {policy: none}",
    )
    _, log = simulate_one(scenario, script_queue(3))
    calls = {event.task: event.start_s for event in log if event.kind == "call"}
    assert calls[0] == 0
    assert 1 not in calls
    assert calls[2] == pytest.approx(20)
