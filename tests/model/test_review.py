"""Reviews and wrong instructions."""

import pytest

from tests.model.helpers import PARALLEL, bare, check, script_queue

WRONG = "failures: {bad_brief: 100%}"
SEQUENTIAL = {"sequential": 1, "manager": "script"}


def batch(count: int, review: str, *more: str):
    """Return tasks of a minute and 1,000 tokens."""
    return bare(f"tasks: [{{count: {count}, duration: 60s}}]", f"review: {review}", *more)


@pytest.mark.parametrize(
    ("count", "review", "strategy", "launches", "expected"),
    [
        # 60 s and a review of 120 s each: nothing is dispatched during a review.
        (3, "{every: 1, people: 2m}", SEQUENTIAL, [0, 180, 360], {"reviews": 3, "makespan_s": 540}),
        # Reviews after two and four tasks, and at the end for the fifth: 3 x 120 + 5 x 10 s.
        (
            5,
            "{every: 2, people: 2m, each: 10s}",
            script_queue(1),
            [0, 60, 260, 320, 520],
            {"reviews": 3, "people_review_s": 410, "people_s": 410, "makespan_s": 5 * 60 + 410},
        ),
        # Two waves, a review after each.
        (
            6,
            "{every: round, people: 2m}",
            {"waves": 3, "manager": "script"},
            [0] * 3 + [180] * 3,
            {"reviews": 2, "makespan_s": 360},
        ),
    ],
)
def test_nothing_is_dispatched_during_a_review(count, review, strategy, launches, expected):
    check(batch(count, review), strategy, starts={"launch": launches}, **expected)


def test_tasks_begin_during_a_review_that_does_not_block():
    scenario = batch(2, "{every: 1, people: 100s, blocking: false}")
    check(scenario, script_queue(1), starts={"launch": [0, 60], "review": [60, 160]})


def test_script_that_has_written_a_cold_prefix_dispatches_nothing_during_a_review():
    """By hand: the first two call from 2 s, after the prefix is written, to 32 s and 33 s.

    As the first is back, the prefix has lapsed. While it is written anew, until 34 s, the second is back,
    and a review of both begins, until 153 s. The prefix has lapsed again then, and is written by 155 s.
    """
    scenario = bare(
        "tasks: [{duration: 30s}, {duration: 31s}, {duration: 30s}]",
        "dispatch: {spawn: {tokens: 100K, shared: 100K}}",
        "provider: {cache: {ttl: 20s, first_token: 2s}}",
        "review: {every: 2, people: 2m}",
    )
    strategy = script_queue(2, warm_up="prewarm")
    check(scenario, strategy, starts={"launch": [2, 2, 155]}, makespan_s=155 + 30 + 120)


def test_script_that_has_waited_for_common_work_dispatches_nothing_during_a_review():
    """By hand: outputs are back at 60 s and 70 s, and merged from 60 s to 160 s and 260 s.

    The third task comes at 100 s, and waits for the coordinator. As that is free, at 260 s, a review of
    the first output has begun at 160 s. That of the second follows, from 280 s to 400 s. Then half of the
    third task takes the coordinator 30 s, and its agent 30 s more.
    """
    scenario = bare(
        "tasks: [{duration: 60s}, {duration: 70s},"
        " {calls: 2, duration: 60s, common: 50%, interarrival: 100s}]",
        "dispatch: {spawn: {fork: true}, context: {start: 0}}",
        "merge: {structured: {tokens: 0, time: 100s}}",
        "review: {every: 1, people: 2m}",
    )
    starts = {"common work": [400], "launch": [0, 0, 430]}
    check(scenario, script_queue(3), starts=starts, makespan_s=430 + 30 + 100 + 120)


def test_every_1_reviews_each_output_by_itself():
    """Three are merged at 60 s; the person takes 2 min 10 s for each in turn, until 60 + 3 x 130 s."""
    scenario = batch(3, "{every: 1, people: 2m, each: 10s}")
    check(scenario, script_queue(3), starts={"review": [60, 190, 320]}, people_review_s=390, makespan_s=450)


def test_running_agents_continue_during_a_review():
    """The first review begins at 60 s; the longer task is back at 90 s, and has a review of its own."""
    scenario = bare("tasks: [{count: 2, duration: 60s}, {duration: 90s}]", "review: {every: 2, people: 2m}")
    check(scenario, script_queue(3), ends={"call": [60, 60, 90]}, makespan_s=60 + 120 + 120)


def test_reviews_and_merges_share_one_person():
    scenario = bare(
        "tasks: [{count: 3, duration: 60s, output: prose}]",
        "merge: {prose: {people: 1m}}\nreview: {every: 1, people: 2m}",
    )
    check(scenario, script_queue(3), people_s=3 * (60 + 120), makespan_s=60 + 3 * (60 + 120))


@pytest.mark.parametrize(
    ("count", "review", "strategy", "expected"),
    [
        # The first review of two outputs shows it: those two are redone, the other four done once.
        (
            6,
            "{every: 2, people: 2m}",
            script_queue(1),
            {
                "wrong_brief_attempts": 2,
                "tokens_work": 6000,
                "tokens_wasted": 2000,
                "reviews": 4,
                "makespan_s": 8 * 60 + 4 * 120,
            },
        ),
        # The first review ends at 180 s. All three outputs are redone by 240 s, and reviewed by 600 s.
        (
            3,
            "{every: 1, people: 2m}",
            script_queue(3),
            {"wrong_brief_attempts": 3, "reviews": 4, "makespan_s": 600},
        ),
        (3, "{every: 3, people: 2m}", script_queue(3), {"wrong_brief_attempts": 3}),
        # Without a review it shows when all is done, and takes no person's time.
        (
            6,
            "none",
            script_queue(1),
            {"wrong_brief_attempts": 6, "tokens_wasted": 6000, "makespan_s": 12 * 60, "people_s": 0},
        ),
        (6, "none", PARALLEL, {"makespan_s": 120, "reviews": 0}),
    ],
)
def test_outputs_of_wrong_instructions_are_redone_when_it_shows(count, review, strategy, expected):
    check(batch(count, review, WRONG), strategy, **expected)


def test_running_attempt_with_wrong_instructions_fails_when_it_returns():
    """b has wrong instructions, comes back at 500 s, fails, and is redone until 1000 s."""
    scenario = bare("tasks: [{duration: 60s}, {duration: 500s}]", WRONG, "review: {every: 1, people: 2m}")
    check(scenario, script_queue(2), wrong_brief_attempts=2, makespan_s=1000 + 120)


def test_wrong_instructions_do_not_count_as_failures_of_the_task():
    scenario = batch(4, "none", WRONG, "retry: {policy: none}")
    check(scenario, PARALLEL, manual_completions=0, tokens_work=4000)
