"""The harness's own limits: a cap that queues or refuses launches, and a counter of calls."""

import pytest

from tests.model.helpers import PARALLEL, bare, check, script_queue


def agents(count: int, harness: str, *more: str):
    """Return agents of a minute, and nothing that costs."""
    tasks = f"tasks: [{{count: {count}, duration: 60s}}]"
    return bare(tasks, f"harness: {{{harness}}}", *more)


def test_launches_over_the_cap_wait_for_a_place():
    """Five at once with places for two: two waves and a half; nothing is refused."""
    log = check(agents(5, "cap: 2"), PARALLEL, ends={"call": [60, 60, 120, 120, 180]}, refused_launches=0)
    assert [event.end_s for event in log if event.kind == "harness"] == [60, 60, 120]


def test_launches_over_a_refusing_cap_are_dispatched_again():
    """Three of five are refused, and come in later waves of two, no longer refused."""
    scenario = agents(5, "cap: 2, over: refuse")
    ends = {"call": [60, 60, 120, 120, 180]}
    log = check(scenario, PARALLEL, ends=ends, refused_launches=3, failed_attempts=0)
    assert max(event.attempt for event in log) == 1  # a refused launch is no attempt


def test_refused_launch_has_cost_its_brief():
    """Five briefs in the first turn, then two, then one: eight of 100 tokens."""
    scenario = agents(5, "cap: 2, over: refuse", "dispatch: {brief: {tokens: 100}}")
    check(scenario, "parallel", tokens_coordination=800)


def test_queue_keeps_to_the_cap_after_the_first_refusals():
    check(agents(8, "cap: 2, over: refuse"), script_queue(4), refused_launches=2, makespan_s=4 * 60)


@pytest.mark.parametrize(
    ("calls", "gap", "starts"),
    [
        # Three calls a minute and five agents at once: the fourth and fifth wait 60 s.
        (3, "0s", [0, 0, 0, 60, 60]),
        # The third finds the count used up at 57 s and waits until 117 s; the others wait behind it.
        (2, "19s", [19, 38, 117, 117, 177]),
        # The count starts anew with every window.
        (2, "31s", [31, 62, 93, 124, 155]),
    ],
)
def test_pace_that_is_used_up_costs_a_whole_window(calls, gap, starts):
    scenario = bare(
        f"tasks: [{{count: 5, duration: 1s, interarrival: {gap}}}]",
        f"harness: {{pace: {{calls: {calls}, window: 60s}}}}",
    )
    check(scenario, script_queue(5), starts={"call": starts})
