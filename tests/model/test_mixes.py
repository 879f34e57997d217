"""Mechanisms that meet: cases worked out by hand, most of them found by an independent simulation."""

import pytest

from tests.model.helpers import NO_FAILURES, NO_LIMITS, scenario_of, script_queue, simulate_one

PLAIN = "dispatch: {context: none}\nprovider: {limits: unlimited}\n"
"""The usual overheads: a turn of 4 s, briefs of 5.7 s, 2 s to spawn and to return, merges of 5 s."""


def wrong_instructions(group: str, *more: str):
    """Return a batch whose instructions are certainly wrong."""
    return scenario_of(
        f"tasks: [{{name: a, count: 2, tokens: 10K, calls: 4, output_share: 50%, duration: 40s{group}}}]",
        PLAIN,
        "failures: {crash: 0%, bad_output: 0%, bad_brief: 100%}",
        *more,
    )


def test_every_output_made_by_wrong_instructions_is_found_out_at_once():
    """Four at once, a gate each. The others come while the first is looked at, and are wasted with it."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 4, tokens: 10K, calls: 1, duration: 40s}]",
        PLAIN,
        "failures: {crash: 0%, bad_output: 0%, bad_brief: 100%}",
        "review: {every: 1, people: 2m}",
    )
    outcome, _ = simulate_one(scenario, {"queue": 4, "manager": "script"})
    assert outcome.wrong_brief_attempts == 4
    # They are wasted with their spawns, returns and merges of 500 tokens each.
    assert outcome.tokens_wasted == 4 * (10_000 + 3000 + 2000 + 500)


def test_wrong_instructions_waste_what_was_done_and_its_rework():
    """Half of each bears on the other: the second is done again in part, and later all of this once more.

    By hand: 2 x 15,500 for the two, and 10,500 for the rework of a half, 5,000 tokens of work with its spawn,
    return and merge, are wasted; the same again is not.
    """
    outcome, _ = simulate_one(wrong_instructions(", coupling: 50%"), "parallel")
    assert outcome.tokens_wasted == 2 * 15_500 + 10_500
    assert (outcome.wrong_brief_attempts, outcome.reworked_tasks) == (2, 2)
    assert outcome.makespan_s == pytest.approx(216.2)


def test_wrong_instructions_waste_both_rounds():
    """Each of two tasks has two agents of 5,000 tokens, and a merge; all of it is done again."""
    outcome, _ = simulate_one(wrong_instructions("", "communication: rounds"), "parallel")
    first_round = 2 * (5000 + 3000 + 2000)
    second_round = 2 * (5000 + 2000 + 3000 + 2000 + 500)  # the brief is read by both
    assert outcome.tokens_wasted == first_round + second_round
    assert outcome.tokens_coordination == 4 * (300 + 2 * 240) + 2 * 2000 + 2 * 2000
    assert outcome.tokens_work == 2 * 10_000


def test_what_a_cascade_has_dropped_makes_no_pairs():
    """Three proses of 100 s to merge and 7 s a pair; one is bad, and two that waited are done again.

    By hand: four merges of 100 s and one pair of 7 s between the second attempts.
    """
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, tokens: 10K, calls: 1, output_share: 50%, duration: 40s,"
        " output: prose}]",
        PLAIN,
        "failures: {crash: 0%, bad_output: 30%}",
        "retry: {policy: cascade, max_attempts: 3}",
        "merge: {prose: {people: 100s}, pair: {people: 7s}}",
        "study: {seed: 4}",
    )
    outcome, _ = simulate_one(scenario, script_queue(3))
    assert outcome.people_s == 407
    assert outcome.makespan_s == 495


def test_a_turn_that_comes_when_a_gate_has_closed_hands_out_nothing():
    """The reviews of the first two are from 28.7 to 1028.7 s; the coordinator is free before, and waits."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, tokens: 10K, calls: 1, duration: 10s}]",
        PLAIN,
        NO_FAILURES,
        "review: {every: 1, people: 500s}",
    )
    _, log = simulate_one(scenario, "queue: 2")
    launches = [event.start_s for event in log if event.kind == "launch"]
    assert launches == pytest.approx([9.7, 15.4, 1028.7 + 9.7])


def test_two_rounds_of_a_single_call_are_two_halves():
    """10K tokens in all, 5K and 20 s in each round."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, tokens: 10K, calls: 1, duration: 40s}]",
        PLAIN,
        NO_FAILURES,
        "communication: rounds",
    )
    outcome, log = simulate_one(scenario, "parallel")
    assert outcome.tokens_work == 2 * 10_000
    assert [e.end_s - e.start_s for e in log if e.kind == "call"] == pytest.approx([20] * 4)


def test_a_resumed_second_round_has_its_brief_already():
    """The brief of 2,000 tokens is read once a task, however often its second round is resumed."""
    scenario = scenario_of(
        "tasks: [{name: a, calls: 6, duration: 60s, tokens: 10K, output_share: 50%}]",
        PLAIN,
        "failures: {crash: 60%, bad_output: 0%}",
        "retry: {policy: resume, max_attempts: 100}",
        "communication: rounds",
    )
    resumed = 0
    for replication in range(30):
        outcome, log = simulate_one(scenario, "sequential", replication)
        calls = [event for event in log if event.kind == "call"]
        first = [event for event in calls if event.call == 3]  # of the second round
        heard = 2000 * len(first)  # each fresh start of it hears the brief; a failed one is wasted
        assert outcome.tokens_coordination + outcome.tokens_wasted >= heard
        attempts = sum(event.kind == "turn" for event in log)
        assert outcome.tokens_coordination == attempts * 540 + 2000 + 2000
        resumed += outcome.crashed_attempts
    assert resumed > 10


def test_the_call_that_failed_is_not_in_the_context_that_goes_on():
    """Four calls of 2,000 new and 500 written; the second crashes and is made again with 2,500 before it."""
    scenario = scenario_of(
        "tasks: [{name: a, calls: 4, tokens: 10K, output_share: 20%, duration: 40s}]",
        "dispatch: {context: none, spawn: {tokens: 0}}",
        "provider: {limits: unlimited, cache: {ttl: 1d, minimum: 0}, accounting: {cache_reads: true}}",
        "failures: {crash: 60%, bad_output: 0%}",
        "retry: {policy: resume, max_attempts: 100}",
    )
    crashed = 0
    for replication in range(30):
        outcome, log = simulate_one(scenario, "sequential", replication)
        crashed += outcome.crashed_attempts
        for event in log:
            if event.kind == "call":  # what is counted is the whole prompt
                assert event.tokens == 2500 * event.call + 2000
    assert crashed > 10


def test_an_agent_that_waited_for_its_place_has_seen_what_was_merged_meanwhile():
    """With one place, the second begins after the first is merged: no pair."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, tokens: 10K, calls: 1, duration: 100s}]",
        "dispatch: {context: none, return: {time: 0s}}",
        NO_LIMITS,
        NO_FAILURES,
        "harness: {cap: 1}",
        "merge: {structured: {tokens: 0, time: 0s}, pair: {people: 7s}}",
    )
    assert simulate_one(scenario, script_queue(2))[0].people_s == 0


def test_an_output_lost_in_line_is_not_merged():
    """A person merges a from 14 to 214 s; b is lost at 34 s, and found so at 214."""
    scenario = scenario_of(
        "tasks: [{name: a, calls: 1, tokens: 10K, duration: 10s, output: prose},"
        " {name: b, calls: 1, tokens: 10K, duration: 20s, output: prose, writes: [x]},"
        " {name: c, calls: 1, tokens: 10K, duration: 30s, output: prose, writes: [x]}]",
        PLAIN,
        NO_FAILURES,
        "conflicts: {probability: 100%}",
        "retry: {policy: none}",
        "recovery: {people: 60s}",
        "merge: {prose: {people: 200s}}",
    )
    outcome, _ = simulate_one(scenario, script_queue(3))
    assert outcome.makespan_s == 1674
    assert outcome.people_merge_s == 2 * 200


def test_in_a_round_a_failed_first_half_is_seen_at_the_barrier():
    """Three at once; one crashes in its first half, and a person is asked only when the others are back."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, calls: 2, tokens: 10K, duration: {lognormal: {mean: 60s, cv: 1}}}]",
        PLAIN,
        "failures: {crash: 50%, bad_output: 0%}",
        "retry: {policy: none}",
        "communication: rounds",
    )
    seen = 0
    for replication in range(20):
        _, log = simulate_one(scenario, "parallel", replication)
        back = [event.end_s for event in log if event.kind in ("return", "crash") and event.attempt == 1]
        asked = [event.start_s for event in log if event.kind in ("recovery", "person busy")]
        if asked:
            seen += 1
            assert min(asked) >= max(back) - 1e-9
    assert seen > 5


def test_what_comes_during_a_compaction_stays_in_the_context():
    """A result of 2,000 tokens that is read while the summary is written is read again by the next turn."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, calls: 1, tokens: 0, duration: 30s}]",
        "dispatch: {spawn: {tokens: 0, time: 0s}, return: {tokens: 2000, time: 0s},"
        " turn: {tokens: 0, time: 0s}, brief: {tokens: 0, time: 10s},"
        " context: {start: 10K, window: 11K, compaction: {tokens: 500, time: 60s}}}",
        "provider: {limits: unlimited,"
        " prices: {input: $0/M, cache_write: $0/M, cache_read: $1/M, output: $0/M}}",
        NO_FAILURES,
        "merge: {structured: {tokens: 0, time: 0s}}",
    )
    # Two slots. The turn that begins at 40 s, when the first is back, finds 12,000 tokens, over the window:
    # the summary is written from 40 to 100 s, the second comes back at 50 s. The turn then reads 12,500.
    outcome, _ = simulate_one(scenario, "queue: 2")
    assert outcome.compactions == 1
    assert outcome.money_context_usd * 1e6 == pytest.approx(10_000 + 12_000 + 12_500)


NOTHING = """
dispatch: {context: none, spawn: {tokens: 0, time: 0s}, return: {tokens: 0, time: 0s}, brief: {time: 0s}}
"""
"""No overheads but those that a test names."""


def test_a_gateway_serves_its_line_when_a_reservation_is_given_back():
    """All 6,000 are held; at 10 s there are 1,000 that flowed in and 5,000 given back: 20 s in all."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, calls: 1, tokens: 1000, output_share: 100%, duration: 10s}]",
        NOTHING,
        "provider: {on_limit: wait, accounting: {output: reserved, max_tokens: 6000},"
        " limits: {requests: unlimited, input_tokens: unlimited, output_tokens: 6K/min}}",
        NO_FAILURES,
        "merge: {structured: {tokens: 0, time: 0s}}",
    )
    assert simulate_one(scenario, script_queue(2))[0].makespan_s == pytest.approx(20)


def rounds_with_wrong_instructions(*groups: str):
    """Return groups that work in two rounds, with a brief that takes no time, and gates of five seconds."""
    return scenario_of(
        f"tasks: [{', '.join(groups)}]",
        NOTHING,
        "provider: {limits: unlimited}",
        "failures: {crash: 0%, bad_output: 0%, bad_brief: 100%}",
        "merge: {structured: {tokens: 0, time: 0s}}",
        "communication: {kind: rounds, brief: {tokens: 0, time: 0s}}",
        "review: {every: 1, people: 5s}",
    )


def test_a_first_half_that_runs_by_wrong_instructions_fails_when_it_comes_back():
    """a is found wrong at 25 s; b's first half, of 100 s, was begun before: 100 + 200 s and a gate of 5."""
    scenario = rounds_with_wrong_instructions(
        "{name: a, calls: 2, tokens: 10K, duration: 20s}", "{name: b, calls: 2, tokens: 10K, duration: 200s}"
    )
    outcome, _ = simulate_one(scenario, script_queue(2))
    assert outcome.makespan_s == pytest.approx(305)
    assert (outcome.tokens_wasted, outcome.wrong_brief_attempts) == (10_000 + 5000, 2)


def test_an_output_that_waits_for_its_rework_is_found_wrong_too():
    """By hand: t0's verdict at 76 s wastes t1's merged output, which waits to be done again in part."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, calls: 1, tokens: 10K, duration: 20s, coupling: 100%}]",
        "dispatch: {context: none, spawn: {tokens: 0, time: 0s}, return: {tokens: 0, time: 0s},"
        " brief: {tokens: 0, time: 0s}, turn: {tokens: 0, time: 5s}}",
        "provider: {limits: unlimited}",
        "failures: {crash: 0%, bad_output: 0%, bad_brief: 100%}",
        "merge: {structured: {tokens: 0, time: 1s}}",
        "review: {every: 1, people: 50s}",
    )
    outcome, _ = simulate_one(scenario, {"queue": 2})
    assert outcome.makespan_s == pytest.approx(228)
    assert (outcome.tokens_wasted, outcome.wrong_brief_attempts, outcome.reworked_tasks) == (20_000, 2, 2)


def test_who_cannot_read_the_prefix_is_not_held_for_it():
    """b works in a copy, whose directory is in its prompt: it calls at 3 s, and is done 30 s later."""
    scenario = scenario_of(
        "tasks: [{name: a, calls: 1, tokens: 0}, {name: b, calls: 1, tokens: 0, writes: [x]}]",
        "dispatch: {context: none, spawn: {tokens: 10K, shared: 10K, time: 0s},"
        " return: {tokens: 0, time: 0s}}",
        "provider: {limits: unlimited, cache: {ttl: 1h, minimum: 0},"
        " latency: {base: 30s, per_output_token: 0s, per_uncached_ktoken: 0s, per_cached_ktoken: 0s}}",
        NO_FAILURES,
        "merge: {structured: {tokens: 0, time: 0s}}",
        "conflicts: {isolation: worktree, setup: 3s}",
    )
    outcome, _ = simulate_one(scenario, script_queue(2, warm_up="stagger"))
    assert outcome.makespan_s == pytest.approx(33)


def test_a_call_that_was_cut_off_cannot_be_read_from_the_cache():
    """Two calls of 10 s; the second is ended at 15 s, and sends its 5,000 new tokens once more."""
    scenario = scenario_of(
        "tasks: [{name: a, calls: 2, tokens: 10K, output_share: 0%, duration: 20s}]",
        "dispatch: {context: none, spawn: {tokens: 10K, time: 0s}, return: {tokens: 0, time: 0s}}",
        "provider: {limits: unlimited, cache: {ttl: 1h, first_token: 8s, minimum: 0}}",
        NO_FAILURES,
        "timeouts: {hard: 15s}",
        "retry: {policy: resume, max_attempts: 3}",
    )
    _, log = simulate_one(scenario, script_queue(1))
    calls = [(event.call, event.tokens) for event in log if event.kind == "call"]
    assert calls[:3] == [(0, 15_000), (1, 5000), (1, 5000)]


def test_what_a_resumed_attempt_goes_on_from_is_wasted_once_by_wrong_instructions():
    """Crashes leave a context; what of it is lost in the end is counted once, call by call."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 4, calls: 4, tokens: 4000, output_share: 0%, duration: 80s}]",
        NOTHING,
        "provider: {limits: unlimited}",
        "failures: {crash: 40%, bad_output: 0%, bad_brief: 100%}",
        "merge: {structured: {tokens: 0, time: 0s}}",
        "retry: {policy: resume, max_attempts: 100}",
        "review: {every: 1, people: 30s}",
    )
    for replication in range(30):
        outcome, log = simulate_one(scenario, script_queue(2), replication)
        calls = sum(event.kind == "call" for event in log)
        assert outcome.tokens_work == 4 * 4000
        assert outcome.tokens_work + outcome.tokens_wasted == 1000 * calls


def test_an_attempt_that_failed_by_itself_is_not_counted_again_by_wrong_instructions():
    """Every launch comes to a failed attempt or a task done: none is both killed and found wrong."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, calls: 2, tokens: 15K, duration: 60s}]",
        "dispatch: {context: none}",
        "provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min},"
        " accounting: {cache_reads: true}}",
        "client: {retries: 0}",
        "failures: {crash: 20%, bad_output: 0%, bad_brief: 100%}",
        "timeouts: {hard: 40s}",
        "retry: {policy: resume, max_attempts: 3}",
        "review: {every: 1}",
    )
    for replication in range(30):
        outcome, log = simulate_one(scenario, "parallel", replication)
        launches = sum(event.kind == "launch" for event in log)
        assert launches == outcome.failed_attempts + 2 - outcome.manual_completions
