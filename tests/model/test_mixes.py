"""Mechanisms that meet: cases worked out by hand, most of them found by an independent simulation."""

import pytest

from tests.model.helpers import bare, check, script_queue, simulate_one

OVERHEADS = """
dispatch: {spawn: {tokens: 3K, time: 2s}, return: {tokens: 2K, time: 2s}, brief: {tokens: 240, time: 5.7s},
           turn: {tokens: 300, time: 4s}}
merge: {structured: {tokens: 500, time: 5s}}
"""

WRONG = "failures: {bad_brief: 100%}"
ROUNDS = "communication: rounds"


def calls(*options: str, count: int = 2, duration: str = "40s") -> str:
    """Return a group of tasks of 10K tokens."""
    more = "".join(f", {option}" for option in options)
    return f"tasks: [{{count: {count}, tokens: 10K, duration: {duration}{more}}}]"


FOUR_CALLS = ("calls: 4", "output_share: 50%")


@pytest.mark.parametrize(
    ("parts", "strategy", "expected"),
    [
        # The other outputs arrive during the first review, and their work, spawns, returns and merges are
        # wasted with it.
        (
            (calls(count=4), WRONG, "review: {every: 1, people: 2m}"),
            script_queue(4),
            {"wrong_brief_attempts": 4, "tokens_wasted": 4 * (10_000 + 3000 + 2000 + 500)},
        ),
        # Half of each depends on the other: the second is partly redone, and all of this again. Wasted are
        # 2 x 15,500 and, for the rework, 5,000 tokens of work with its spawn, return and merge. A turn with
        # two briefs ends at 15.4 s, the second agent is back at 59.4 s, and its output merged at 69.4 s; the
        # rework is launched at 79.1 s, back at 103.1 s, and merged at 108.1 s. It is all found wrong then.
        (
            (calls(*FOUR_CALLS, "coupling: 50%"), WRONG),
            "parallel",
            {
                "tokens_wasted": 2 * 15_500 + 10_500,
                "wrong_brief_attempts": 2,
                "reworked_tasks": 2,
                "makespan_s": 2 * 108.1,
            },
        ),
        # Each of two tasks has two agents of 5,000 tokens, and a merge; all of it is redone. Both agents of
        # the second round read the brief of 2,000.
        (
            (calls(*FOUR_CALLS), WRONG, ROUNDS),
            "parallel",
            {
                "tokens_wasted": 2 * (5000 + 3000 + 2000) + 2 * (5000 + 2000 + 3000 + 2000 + 500),
                "tokens_coordination": 4 * (300 + 2 * 240) + 2 * 2000 + 2 * 2000,
                "tokens_work": 2 * 10_000,
            },
        ),
    ],
)
def test_wrong_instructions_waste_all_that_was_made(parts, strategy, expected):
    check(bare(OVERHEADS, *parts), strategy, **expected)


def test_output_dropped_by_a_cascade_makes_no_pairs():
    """Three proses of 100 s to merge and 7 s a pair; the bad one and the one that waited are redone.

    By hand: task 0 is merged from 44 to 144 s, and task 1 is bad at 244 s, when task 2 still waited. Both are
    back at 288 s, and merged at 388 and 495 s: four merges, and a pair of the second attempts.
    """
    scenario = bare(
        OVERHEADS,
        calls("output_share: 50%", "output: prose", count=3),
        "failures: {bad_output: 30%}\nretry: {policy: cascade, max_attempts: 3}\nstudy: {seed: 4}",
        "merge: {prose: {people: 100s}, pair: {people: 7s}}",
    )
    check(scenario, script_queue(3), people_s=407, makespan_s=495)


def test_turn_that_finds_a_review_under_way_launches_nothing():
    """The reviews of the first two are from 28.7 to 1028.7 s; the coordinator is free before, and waits."""
    tasks = calls(count=3, duration="10s")
    scenario = bare(OVERHEADS, tasks, "review: {every: 1, people: 500s}")
    check(scenario, "queue: 2", starts={"launch": [9.7, 15.4, 1028.7 + 9.7]})


def test_two_rounds_of_a_single_call_are_two_halves():
    log = check(bare(OVERHEADS, calls(), ROUNDS), "parallel", tokens_work=2 * 10_000)
    assert [e.end_s - e.start_s for e in log if e.kind == "call"] == pytest.approx([20] * 4)


def test_resumed_second_round_has_its_brief_already():
    """The brief of 2,000 tokens is read once a task, however often its second round is resumed."""
    tasks = calls("calls: 6", "output_share: 50%", count=1, duration="60s")
    retry = "failures: {crash: 60%}\nretry: {policy: resume, max_attempts: 100}"
    scenario = bare(OVERHEADS, tasks, retry, ROUNDS)
    resumed = 0
    for replication in range(30):
        outcome, log = simulate_one(scenario, "sequential", replication)
        starts = sum(event.kind == "call" and event.call == 3 for event in log)  # of the second round
        assert outcome.tokens_coordination + outcome.tokens_wasted >= 2000 * starts
        turns = sum(event.kind == "turn" for event in log)
        assert outcome.tokens_coordination == turns * 540 + 2000 + 2000
        resumed += outcome.crashed_attempts
    assert resumed > 10


def test_failed_call_is_not_in_the_resumed_context():
    """Four calls of 2,000 new and 500 written; the limiter counts the whole prompt."""
    scenario = bare(
        OVERHEADS,
        calls("calls: 4", "output_share: 20%", count=1),
        "dispatch: {spawn: {tokens: 0}}",
        "provider: {cache: {ttl: 1d, minimum: 0}, accounting: {cache_reads: true}}",
        "failures: {crash: 60%}\nretry: {policy: resume, max_attempts: 100}",
    )
    crashed = 0
    for replication in range(30):
        outcome, log = simulate_one(scenario, "sequential", replication)
        crashed += outcome.crashed_attempts
        assert all(event.tokens == 2500 * event.call + 2000 for event in log if event.kind == "call")
    assert crashed > 10


def test_agent_that_waited_for_its_place_has_seen_earlier_merges():
    """With one place, the second begins after the first is merged: no pair."""
    scenario = bare(
        OVERHEADS,
        calls(duration="100s"),
        "dispatch: {return: {time: 0s}}\nharness: {cap: 1}",
        "merge: {structured: {tokens: 0, time: 0s}, pair: {people: 7s}}",
    )
    check(scenario, script_queue(2), people_s=0)


def test_output_lost_in_line_is_not_merged():
    """A person merges a from 14 to 214 s; b is lost to c's return at 34 s, and this is seen at 214 s.

    By hand: c is merged until 414 s, the conflict cleaned up until 1614 s, 20 minutes later, and b completed
    in the 60 s after that.
    """
    prose = "tokens: 10K, output: prose"
    scenario = bare(
        OVERHEADS,
        f"tasks: [{{{prose}, duration: 10s}}, {{{prose}, duration: 20s, writes: [x]}},"
        f" {{{prose}, duration: 30s, writes: [x]}}]",
        "conflicts: {probability: 100%}\nretry: {policy: none}\nrecovery: {people: 60s}",
        "merge: {prose: {people: 200s}}",
    )
    check(scenario, script_queue(3), makespan_s=1674, people_merge_s=2 * 200)


def test_failed_first_half_is_seen_at_the_barrier_of_a_wave():
    """Three at once; if one crashes in its first half, a person is asked only when the others are back."""
    tasks = calls("calls: 2", count=3, duration="{lognormal: {mean: 60s, cv: 1}}")
    scenario = bare(OVERHEADS, tasks, "failures: {crash: 50%}\nretry: {policy: none}", ROUNDS)
    seen = 0
    for replication in range(20):
        _, log = simulate_one(scenario, "parallel", replication)
        back = [event.end_s for event in log if event.kind in ("return", "crash") and event.attempt == 1]
        asked = [event.start_s for event in log if event.kind in ("recovery", "person busy")]
        if asked:
            seen += 1
            assert min(asked) >= max(back) - 1e-9
    assert seen > 5


def test_results_read_during_a_compaction_stay_in_the_context():
    """Two slots. The turn that begins at 40 s, when the first is back, finds 12,000 tokens, over the window:
    the summary is written from 40 to 100 s, the second comes back at 50 s. The turn then reads 12,500."""
    scenario = bare(
        "tasks: [{count: 3, duration: 30s}]",
        "dispatch: {return: {tokens: 2000}, brief: {time: 10s},"
        " context: {start: 10K, window: 11K, compaction: {tokens: 500, time: 60s}}}",
        "provider: {prices: {input: $0/M, cache_write: $0/M, cache_read: $1/M, output: $0/M}}",
    )
    check(scenario, "queue: 2", compactions=1, money_context_usd=(10_000 + 12_000 + 12_500) / 1e6)


def test_gateway_serves_its_line_when_a_reservation_is_given_back():
    """All 6,000 are held; at 10 s there are 1,000 that flowed in and 5,000 given back: 20 s in all."""
    scenario = bare(
        "tasks: [{count: 2, output_share: 100%, duration: 10s}]",
        "provider: {on_limit: wait, accounting: {output: reserved, max_tokens: 6000},"
        " limits: {output_tokens: 6K/min}}",
    )
    check(scenario, script_queue(2), makespan_s=20)


def test_first_half_with_wrong_instructions_fails_when_it_returns():
    """a is found wrong at 25 s; b's first half, of 100 s, began before: 100 + 200 s and a review of 5."""
    scenario = bare(
        WRONG,
        "tasks: [{calls: 2, tokens: 10K, duration: 20s}, {calls: 2, tokens: 10K, duration: 200s}]",
        "communication: {kind: rounds, brief: {tokens: 0, time: 0s}}\nreview: {every: 1, people: 5s}",
    )
    check(scenario, script_queue(2), makespan_s=305, tokens_wasted=10_000 + 5000, wrong_brief_attempts=2)


def test_output_that_waits_for_its_rework_is_wasted_by_wrong_instructions_too():
    """A verdict on task 0 wastes the merged output of task 1, which waits to be redone.

    By hand: both are launched after a turn at 5 s, merged at 26 and 27 s; the review of task 0 ends at 76 s.
    Both are launched again at 81 s, merged at 102 and 103 s; the review of the first ends at 152 s. The other
    is redone from 157 to 177 s, merged at 178 s, and its review of 50 s ends at 228 s.
    """
    scenario = bare(
        WRONG,
        calls("coupling: 100%", duration="20s"),
        "dispatch: {turn: {time: 5s}}\nmerge: {structured: {time: 1s}}\nreview: {every: 1, people: 50s}",
    )
    check(
        scenario, {"queue": 2}, makespan_s=228, tokens_wasted=20_000, wrong_brief_attempts=2, reworked_tasks=2
    )


def test_agent_that_cannot_read_the_prefix_does_not_wait_for_it():
    """b works in a copy, whose directory is in its prompt: it calls at 3 s, and is done 30 s later."""
    scenario = bare(
        "tasks: [{tokens: 0}, {writes: [x]}]",
        "dispatch: {spawn: {tokens: 10K, shared: 10K}}\nconflicts: {isolation: worktree, setup: 3s}",
        "provider: {cache: {ttl: 1h, minimum: 0},"
        " latency: {base: 30s, per_output_token: 0s, per_uncached_ktoken: 0s, per_cached_ktoken: 0s}}",
    )
    check(scenario, script_queue(2, warm_up="stagger"), makespan_s=33)


def test_interrupted_call_cannot_be_read_from_the_cache():
    """Two calls of 10 s; the second is ended at 15 s, and sends its 5,000 new tokens once more."""
    scenario = bare(
        calls("calls: 2", "output_share: 0%", count=1, duration="20s"),
        "dispatch: {spawn: {tokens: 10K}}\nprovider: {cache: {ttl: 1h, first_token: 8s, minimum: 0}}",
        "timeouts: {hard: 15s}\nretry: {policy: resume, max_attempts: 3}",
    )
    _, log = simulate_one(scenario, script_queue(1))
    found = [(event.call, event.tokens) for event in log if event.kind == "call"]
    assert found[:3] == [(0, 15_000), (1, 5000), (1, 5000)]


def test_checkpoint_is_wasted_once_by_wrong_instructions():
    """Every call of 1,000 tokens is either work or waste, however often tasks were resumed."""
    scenario = bare(
        "tasks: [{count: 4, calls: 4, tokens: 4000, output_share: 0%, duration: 80s}]",
        "failures: {crash: 40%, bad_brief: 100%}\nretry: {policy: resume, max_attempts: 100}",
        "review: {every: 1, people: 30s}",
    )
    for replication in range(30):
        outcome, log = simulate_one(scenario, script_queue(2), replication)
        made = sum(event.kind == "call" for event in log)
        assert outcome.tokens_work == 4 * 4000
        assert outcome.tokens_work + outcome.tokens_wasted == 1000 * made


def test_failed_attempt_is_not_counted_again_by_wrong_instructions():
    """Every launch ends as a failed attempt or a completed task: none is both killed and wrong."""
    scenario = bare(
        OVERHEADS,
        "tasks: [{count: 2, calls: 2, tokens: 15K, duration: 60s}]",
        "provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min},"
        " accounting: {cache_reads: true}}\nclient: {retries: 0}\ntimeouts: {hard: 40s}",
        "failures: {crash: 20%, bad_brief: 100%}\nretry: {policy: resume, max_attempts: 3}",
        "review: {every: 1}",
    )
    for replication in range(30):
        outcome, log = simulate_one(scenario, "parallel", replication)
        launches = sum(event.kind == "launch" for event in log)
        assert launches == outcome.failed_attempts + 2 - outcome.manual_completions
