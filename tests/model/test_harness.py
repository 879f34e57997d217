"""The harness's own limits: a cap that queues or refuses, and a counter of calls."""

from tests.model.worlds import ALL_AT_ONCE, BARE, scenario_of, script_queue, simulate_one


def agents(count: int, harness: str, calls: int = 1):
    """Return agents of a minute, and nothing that costs."""
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: {calls}, tokens: 0, duration: 60s}}]",
        BARE,
        f"harness: {{{harness}}}",
    )


def test_what_is_over_the_cap_waits_for_a_place():
    """Five at once with places for two: 60, 60, 120, 120, 180 s; nothing is refused."""
    outcome, log = simulate_one(agents(5, "cap: 2"), ALL_AT_ONCE)
    assert sorted(event.end_s for event in log if event.kind == "call") == [60, 60, 120, 120, 180]
    assert [event.end_s for event in log if event.kind == "harness"] == [60, 60, 120]
    assert outcome.refused_launches == 0


def test_what_is_over_a_refusing_cap_is_handed_out_again():
    """Five at once with two places: three are refused, and come in later rounds of two, no longer refused."""
    outcome, log = simulate_one(agents(5, "cap: 2, over: refuse"), ALL_AT_ONCE)
    assert outcome.refused_launches == 3
    assert outcome.failed_attempts == 0
    assert sorted(event.end_s for event in log if event.kind == "call") == [60, 60, 120, 120, 180]
    assert max(event.attempt for event in log) == 1  # a refused launch is no attempt


def test_a_refused_launch_has_cost_its_brief():
    """Five briefs in the first turn, then two, then one: eight of 100 tokens."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 5, calls: 1, tokens: 0, duration: 60s}]",
        BARE.replace("brief: {tokens: 0", "brief: {tokens: 100"),
        "harness: {cap: 2, over: refuse}",
    )
    assert simulate_one(scenario, "parallel")[0].tokens_coordination == 800


def test_a_queue_learns_the_cap():
    """A queue of four over a cap of two refuses two launches, once, and goes on two at a time."""
    outcome, _ = simulate_one(agents(8, "cap: 2, over: refuse"), script_queue(4))
    assert outcome.refused_launches == 2
    assert outcome.makespan_s == 4 * 60


def test_a_pace_that_is_used_up_costs_a_whole_window():
    """Three calls a minute and five agents at once: the fourth and fifth wait 60 s."""
    _, log = simulate_one(agents(5, "pace: {calls: 3, window: 60s}"), ALL_AT_ONCE)
    assert sorted(event.start_s for event in log if event.kind == "call") == [0, 0, 0, 60, 60]
    scenario = scenario_of(
        "tasks: [{name: a, count: 4, calls: 1, tokens: 0, duration: 1s, interarrival: 19s}]",
        BARE,
        "harness: {pace: {calls: 2, window: 60s}}",
    )
    # They come at 19, 38, 57, 76 s. The third finds the count used up at 57 and waits until 117, where the
    # window would have been over at 60; the fourth waits behind it.
    _, log = simulate_one(scenario, script_queue(4))
    assert [event.start_s for event in log if event.kind == "call"] == [19, 38, 117, 117]


def test_the_count_is_set_back_with_every_window():
    """Two calls a minute at 19 s intervals from the next window on: those at 0-60 s do not count there."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 4, calls: 1, tokens: 0, duration: 1s, interarrival: 31s}]",
        BARE,
        "harness: {pace: {calls: 2, window: 60s}}",
    )
    _, log = simulate_one(scenario, script_queue(4))
    assert [event.start_s for event in log if event.kind == "call"] == [31, 62, 93, 124]
