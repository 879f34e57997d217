"""Calls paced by the client, and retries that wait until all has drained."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch_sim.scenario.strategy import parse_strategy
from tests.conformance.cases import make_case
from tests.conformance.comparison import plan_of, simulate_compiled
from tests.model.helpers import PARALLEL, bare, check, limited, script_queue

PACED = PARALLEL | {"pace": "limits"}


@pytest.mark.parametrize(
    ("limits", "pacing", "paced_s", "makespan_s"),
    [
        # A request every 10 s, and no two at once: the three begin at 0, 10 and 20 s.
        (limited(requests="6/min", burst="10s"), "", 10 + 20, 20 + 5),
        # A request every 20 s, by a rate of the client's own; its bucket holds one, and 20 s to fill again.
        (limited(requests="60/min", burst="20s"), "requests: 3/min", 20 + 40, 40 + 5),
        # Half of 12K a minute and of a bucket of 12K: each 8K call finds at least 6K, and leaves a debt, from
        # -2K to 6K at 100 tokens a second.
        (limited(input_tokens="12K/min", burst="60s"), "margin: 50%", 80 + 160, 160 + 5),
    ],
)
def test_paced_calls_wait_in_the_client_for_the_limits(limits, pacing, paced_s, makespan_s):
    scenario = bare(
        "tasks: [{count: 3, tokens: 8K, output_share: 0%, duration: 5s}]",
        limits,
        f"client: {{pacing: {{{pacing}}}}}",
    )
    log = check(scenario, PACED, rejected_requests=0, paced_s=paced_s, makespan_s=makespan_s)
    assert sum(e.end_s - e.start_s for e in log if e.kind == "pacing") == pytest.approx(paced_s)


def test_waiting_for_the_pace_counts_against_a_timeout():
    """The second call would be sent at 60 s, and the hard timeout is over at 30 s."""
    scenario = bare(
        "tasks: [{count: 2, duration: 5s}]",
        limited(requests="1/min"),
        "timeouts: {hard: 30s}\nretry: {policy: none}\nrecovery: {people: 0s}",
    )
    check(scenario, PACED, killed_attempts=1, manual_completions=1)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(fates=st.randoms(use_true_random=False), margin=st.sampled_from(["100%", "85%", "30%"]))
def test_client_with_mirrored_buckets_never_meets_a_429(fates, margin):
    always = {
        "strategies.pace": "limits",
        "provider.overloaded": "0%",
        "client.pacing.input_tokens": "provider",
        "client.pacing.margin": margin,
    }
    case = make_case(fates, lambda key, options: always.get(key) or fates.choice(options))
    outcome, _ = simulate_compiled(plan_of(case), case.replication)
    assert outcome.rejected_requests == 0


@pytest.mark.parametrize(("retry_when", "launches"), [("immediately", [0, 20]), ("after_drain", [0, 30])])
def test_failed_task_waits_until_all_has_drained(retry_when, launches):
    """Tasks of 10, 30 and 10 s in a queue of 2 all crash: a slot is free at 20 s, all has drained at 30 s."""
    scenario = bare(
        "tasks: [{duration: 10s}, {duration: 30s}, {duration: 10s}]",
        "failures: {crash: 100%}\nrecovery: {people: 0s}",
    )
    log = check(scenario, script_queue(2, retry_when=retry_when), failed_attempts=6)
    assert [event.start_s for event in log if event.kind == "launch" and event.task == 0] == launches


@pytest.mark.parametrize("text", ["paced: 3", "paced of 3", "queue of 3 (paced)", "{queue: 3, pace: limits}"])
def test_paced_is_a_queue_that_keeps_to_the_limits(text):
    strategy = parse_strategy(text)
    assert strategy == parse_strategy({"queue": 3, "pace": "limits"})
    assert str(strategy) == "queue of 3 (paced)"
