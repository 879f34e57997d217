"""Tasks that depend on each other: redone in part, or informed of each other."""

import pytest

from tests.model.helpers import PARALLEL, bare, check, script_queue, simulate_one


def batch(count: int, coupling: str, communication: str = "none", *more: str):
    """Return tasks of four calls of 20 s and 1,000 tokens each."""
    return bare(
        f"tasks: [{{count: {count}, calls: 4, tokens: 4000, output_share: 50%,"
        f" duration: 80s, coupling: {coupling}}}]",
        f"communication: {communication}",
        *more,
    )


def test_work_done_without_sight_of_others_is_partly_redone():
    """Three at once, half of each depends on the others. Merged in turn, they missed 0, 1 and 2 of 2.

    So the second redoes a quarter, one call of 20 s and 1,000 tokens, and the third a half.
    """
    log = check(
        batch(3, "50%"),
        PARALLEL,
        reworked_tasks=2,
        tokens_work=3 * 4000,
        tokens_rework=1000 + 2000,
        makespan_s=80 + 40,
        failed_attempts=0,
        tokens_wasted=0,
    )
    again = [(event.task, event.call) for event in log if event.kind == "call" and event.attempt == 2]
    assert sorted(again) == [(1, 0), (2, 0), (2, 1)]


def test_part_of_a_call_is_a_shorter_call():
    """A tenth depends on the other: 400 tokens in one call of 8 s."""
    check(batch(2, "10%"), PARALLEL, tokens_rework=400, makespan_s=80 + 8)


def test_sequential_work_sees_everything_before_it():
    check(batch(3, "100%"), "sequential", reworked_tasks=0, tokens_rework=0)


def test_coupling_is_to_the_own_group_only():
    scenario = bare(
        "tasks: [{tokens: 4K, duration: 80s, coupling: 100%}, {tokens: 4K, duration: 80s, coupling: 100%}]"
    )
    check(scenario, PARALLEL, reworked_tasks=0)


ROUNDS = "{kind: rounds, brief: {tokens: 600, time: 30s}}"


def test_two_rounds_have_a_brief_in_between():
    """Half of the calls, 40 s; a brief of 30 s; the other half. All three read its 600 tokens."""
    log = check(
        batch(3, "50%", ROUNDS),
        PARALLEL,
        makespan_s=40 + 30 + 40,
        reworked_tasks=0,
        tokens_work=3 * 4000,
        tokens_coordination=600 + 3 * 600,
    )
    calls = [(event.attempt, event.call) for event in log if event.kind == "call" and event.task == 0]
    assert calls == [(1, 0), (1, 1), (2, 2), (2, 3)]


def test_second_round_begins_when_all_have_completed_the_first():
    check(batch(3, "0%", ROUNDS), script_queue(1), starts={"launch": [0, 40, 80, 150, 190, 230]})


def test_second_round_pays_a_spawn_of_its_own():
    scenario = batch(3, "0%", "rounds", "dispatch: {spawn: {tokens: 1000}}")
    check(scenario, PARALLEL, tokens_spawn=6000)


def test_manual_completion_does_not_hold_up_the_second_round():
    scenario = batch(2, "0%", "rounds", "failures: {crash: 60%}\nretry: {policy: none}")
    for replication in range(20):
        outcome, _ = simulate_one(scenario, script_queue(2), replication)
        assert outcome.crashed_attempts == outcome.manual_completions


def test_blackboard_costs_tokens_and_time_with_every_call():
    """Three at work: each of four calls reads 2 x 100 tokens and takes 5 s longer."""
    check(
        batch(3, "50%", "{kind: blackboard, post: {tokens: 100, time: 5s}}"),
        PARALLEL,
        makespan_s=4 * 25,
        tokens_coordination=3 * 4 * 200,
        tokens_work=3 * 4000,
        reworked_tasks=0,
    )


def test_strategys_communication_replaces_the_scenarios():
    check(batch(3, "50%"), PARALLEL | {"communication": "blackboard"}, reworked_tasks=0)


@pytest.mark.parametrize(("communication", "people_s"), [("none", 30), ("rounds", 0), ("blackboard", 0)])
def test_pairs_that_communicate_are_not_charged_at_the_merge(communication, people_s):
    scenario = batch(3, "0%", communication, "merge: {pair: {people: 10s}}")
    check(scenario, PARALLEL, people_merge_s=people_s)
