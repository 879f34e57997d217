"""Tasks that bear on each other: done again, or told of each other."""

import pytest

from tests.model.worlds import ALL_AT_ONCE, BARE, scenario_of, script_queue, simulate_one


def batch(count: int, coupling: str, communication: str = "none", *, calls: int = 4, more: str = ""):
    """Return tasks of four calls of 20 s and 1,000 tokens each."""
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: {calls}, tokens: 4000, output_share: 50%,"
        f" duration: 80s, coupling: {coupling}}}]",
        BARE,
        f"communication: {communication}",
        more,
    )


def test_what_was_made_blind_is_partly_done_again():
    """Three at once, half of each bears on the others. Merged in turn, they are blind to 0, 1 and 2 of 2.

    So the second does a quarter again, one call of 20 s and 1,000 tokens, and the third a half.
    """
    outcome, log = simulate_one(batch(3, "50%"), ALL_AT_ONCE)
    assert outcome.reworked_tasks == 2
    assert (outcome.tokens_work, outcome.tokens_rework) == (3 * 4000, 1000 + 2000)
    assert outcome.makespan_s == 80 + 40
    assert outcome.failed_attempts == outcome.tokens_wasted == 0
    again = [(event.task, event.call) for event in log if event.kind == "call" and event.attempt == 2]
    assert sorted(again) == [(1, 0), (2, 0), (2, 1)]


def test_a_part_of_a_call_is_a_shorter_call():
    """Two at once, a tenth bears on the other: 400 tokens in one call of 8 s."""
    outcome, _ = simulate_one(batch(2, "10%"), ALL_AT_ONCE)
    assert outcome.tokens_rework == 400
    assert outcome.makespan_s == pytest.approx(80 + 8)


def test_one_after_another_sees_what_came_before():
    """Nothing is done again."""
    outcome, _ = simulate_one(batch(3, "100%"), "sequential")
    assert (outcome.reworked_tasks, outcome.tokens_rework) == (0, 0)


def test_only_the_own_group_matters():
    """Two groups of one task each bear on nobody."""
    scenario = scenario_of(
        "tasks: [{name: a, tokens: 4K, duration: 80s, coupling: 100%},"
        " {name: b, tokens: 4K, duration: 80s, coupling: 100%}]",
        BARE,
    )
    assert simulate_one(scenario, ALL_AT_ONCE)[0].reworked_tasks == 0


def test_two_rounds_with_a_brief_in_between():
    """Half of the calls, 40 s; a brief of 30 s; the other half by it. All three read its 600 tokens."""
    scenario = batch(3, "50%", "{kind: rounds, brief: {tokens: 600, time: 30s}}")
    outcome, log = simulate_one(scenario, ALL_AT_ONCE)
    assert outcome.makespan_s == 40 + 30 + 40
    assert outcome.reworked_tasks == 0
    assert outcome.tokens_work == 3 * 4000
    assert outcome.tokens_coordination == 600 + 3 * 600
    calls = [(event.attempt, event.call) for event in log if event.kind == "call" and event.task == 0]
    assert calls == [(1, 0), (1, 1), (2, 2), (2, 3)]


def test_the_second_round_begins_when_all_are_through_the_first():
    """In a queue of one, three first halves, the brief, and three second halves."""
    scenario = batch(3, "0%", "{kind: rounds, brief: {tokens: 600, time: 30s}}")
    _, log = simulate_one(scenario, script_queue(1))
    starts = [event.start_s for event in log if event.kind == "launch"]
    assert starts == [0, 40, 80, 150, 190, 230]


def test_a_second_round_pays_a_spawn_of_its_own():
    """Six agents for three tasks."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, calls: 4, tokens: 4000, duration: 80s}]",
        BARE.replace("spawn: {tokens: 0", "spawn: {tokens: 1000"),
        "communication: rounds",
    )
    assert simulate_one(scenario, ALL_AT_ONCE)[0].tokens_spawn == 6000


def test_a_task_left_to_a_person_does_not_hold_up_the_second_round():
    """All crash in the first round and go to a person; the batch ends."""
    scenario = batch(2, "0%", "rounds", more="retry: {policy: none}\nrecovery: {people: 10m}")
    scenario = scenario.model_copy(update={"failures": scenario.failures.model_copy(update={"crash": 0.6})})
    for replication in range(20):
        outcome, _ = simulate_one(scenario, script_queue(2), replication)
        assert outcome.crashed_attempts == outcome.manual_completions


def test_a_blackboard_costs_with_every_call():
    """Three at work: each of four calls brings 2 x 100 tokens and takes 5 s longer."""
    scenario = batch(3, "50%", "{kind: blackboard, post: {tokens: 100, time: 5s}}")
    outcome, _ = simulate_one(scenario, ALL_AT_ONCE)
    assert outcome.makespan_s == 4 * 25
    assert outcome.tokens_coordination == 3 * 4 * 200
    assert (outcome.tokens_work, outcome.reworked_tasks) == (3 * 4000, 0)


def test_a_strategy_can_communicate_in_its_own_way():
    """Its option goes before the scenario's."""
    outcome, _ = simulate_one(batch(3, "50%", "none"), ALL_AT_ONCE | {"communication": "blackboard"})
    assert outcome.reworked_tasks == 0


def test_pairs_that_know_of_each_other_are_not_charged_at_the_merge():
    """Without communication the three pairs of three outputs cost 10 s each, with it nothing."""
    merge = "merge: {structured: {tokens: 0, time: 0s}, pair: {people: 10s}}"
    parts = (
        "tasks: [{name: a, count: 3, calls: 4, tokens: 4000, duration: 80s}]",
        BARE.rsplit("merge:", 1)[0],
    )
    for communication, people_s in (("none", 30), ("rounds", 0), ("blackboard", 0)):
        scenario = scenario_of(*parts, merge, f"communication: {communication}")
        assert simulate_one(scenario, ALL_AT_ONCE)[0].people_merge_s == people_s
