"""Retry policies: redo the failed task, resume it, cascade to its wave, or abort the run."""

from functools import cache

import pytest

from dispatch_sim.model.variates import Variates
from tests.model.helpers import PARALLEL, bare, check, script_queue, simulate_one

BAD_OUTPUTS = """
tasks: [{count: 4, output_share: 0%, duration: 60s}]
failures: {bad_output: 20%}
merge: {structured: {time: 10s}}
recovery: {people: 600s}
"""
"""Outputs merged in 10 s each, of which some are bad."""


def batch(retry: str, *more: str, seed: int = 0):
    """Return four tasks of four calls of 20 s and 1,000 tokens; `retry` is a policy or a harness profile."""
    policies = ("failed-only", "resume", "cascade", "abort", "none")
    return bare(
        "tasks: [{count: 4, calls: 4, tokens: 4000, output_share: 0%, duration: 80s}]",
        f"retry: {{policy: {retry}}}" if retry in policies else f"harness: {{profile: {retry}}}",
        f"study: {{seed: {seed}}}",
        "recovery: {people: 600s}",
        *more,
    )


def first_seed(is_wanted) -> int:
    """Return the first seed at which something holds for the variates of the first replication."""
    return next(seed for seed in range(20_000) if is_wanted(seed))


@cache
def seed_of_one_crash() -> int:
    """Return a seed at which only the first attempt of task 0 crashes, at the end of its second call."""

    def is_wanted(seed):
        variates = Variates(batch("failed-only", "failures: {crash: 15%}", seed=seed), 0)
        attempts = [variates.attempt(0, index, number) for index in range(4) for number in range(3)]
        return [attempt.crash_call for attempt in attempts] == [1] + [-1] * 11

    return first_seed(is_wanted)


def one_crash(retry: str):
    return batch(retry, "failures: {crash: 15%}", seed=seed_of_one_crash())


def bad_outputs(retry: str, attempts: int):
    """Return tasks of 60 s of which only the first attempt of task 2 has a bad output."""

    def scenario(seed):
        return bare(BAD_OUTPUTS, f"retry: {{{retry}}}\nstudy: {{seed: {seed}}}")

    def is_wanted(seed):
        variates = Variates(scenario(seed), 0)
        keys = [(index, number) for index in range(4) for number in range(attempts)]
        return [key for key in keys if variates.attempt(0, *key).bad_output] == [(2, 0)]

    return scenario(first_seed(is_wanted))


@pytest.mark.parametrize(
    ("policy", "strategy", "expected"),
    [
        # A crash at the end of the second call: 40 s lost, then 80 s anew.
        ("failed-only", script_queue(4), {"makespan_s": 40 + 80, "tokens_wasted": 2000}),
        ("failed-only", PARALLEL, {"makespan_s": 160, "tokens_wasted": 2000, "cancelled_attempts": 0}),
        # The first call stays done; the second is wasted and repeated.
        ("resume", script_queue(4), {"makespan_s": 40 + 60, "tokens_wasted": 1000, "wasted_s": 20}),
        # One of four is missing at the barrier, so all four are redone: two waves of 80 s.
        (
            "cascade",
            PARALLEL,
            {"makespan_s": 160, "tokens_wasted": 2000 + 3 * 4000, "cancelled_attempts": 3},
        ),
        # In a queue the crash is seen at 40 s. Each agent has made two calls; of those that have just begun a
        # third, it is billed, as nothing stops an admitted call.
        (
            "cascade",
            script_queue(4),
            {"makespan_s": 40 + 80, "tokens_wasted": 4 * 2000, "cancelled_attempts": 3},
        ),
    ],
)
def test_policies_after_one_crash(policy, strategy, expected):
    check(one_crash(policy), strategy, crashed_attempts=1, tokens_work=4 * 4000, **expected)


def test_resumed_attempt_does_not_pay_its_spawn_prompt_again():
    """It reads its context from the cache. A crash at the first call leaves nothing to resume."""
    scenario = bare(
        "tasks: [{calls: 4, tokens: 4000, output_share: 0%, duration: 80s}]",
        "dispatch: {spawn: {tokens: 10K, time: 3s}}\nfailures: {crash: 60%}\nstudy: {seed: 3}",
        "retry: {policy: resume, max_attempts: 100}",
    )
    failed = 0
    for replication in range(40):
        outcome, log = simulate_one(scenario, PARALLEL, replication)
        calls = [event.call for event in log if event.kind == "call"]
        failed += outcome.crashed_attempts
        lost = calls.count(0) - 1
        assert (outcome.tokens_spawn, outcome.tokens_work) == (10_000, 4000)
        assert outcome.tokens_wasted == lost * 11_000 + 1000 * (len(calls) - 4 - lost)
        assert sum(event.kind == "spawn" for event in log) == 1 + outcome.crashed_attempts
    assert failed > 10


def test_resumed_agent_reads_its_own_input_from_the_cache_but_no_posts_of_the_failed_call():
    """Each call reads 1,000 tokens of its own and 5,000 of each other agent at work.

    The second call fails: after the 16,000 tokens of the first it sends 16,000. The agent that resumes begins
    with that call, and is alone, so its calls read no posts; the 17,000 tokens before the posts can be read.
    """
    scenario = batch(
        "resume",
        "failures: {crash: 15%}",
        "provider: {cache: {ttl: 5m, minimum: 0}, accounting: {cache_reads: false}}",
        "communication: {kind: blackboard, post: {tokens: 5K, time: 0s}}",
        seed=seed_of_one_crash(),
    )
    _, log = simulate_one(scenario, PARALLEL)
    of_task = [event for event in log if event.kind == "call" and event.task == 0]
    assert [(event.attempt, event.call) for event in of_task] == [(1, 0), (1, 1), (2, 1), (2, 2), (2, 3)]
    assert [event.tokens for event in of_task] == [16_000, 16_000, 0, 1_000, 1_000]


def test_cascade_spares_merged_outputs():
    """First wave: back at 60, merged at 70 and 80. Second: back at 140; task 2 is found bad at 150, when
    task 3 waits for the coordinator: both again, back at 210, merged at 220 and 230."""
    scenario = bad_outputs("policy: cascade, max_attempts: 3", attempts=3)
    strategy = {"waves": 2, "manager": "script"}
    log = check(scenario, strategy, makespan_s=230, bad_outputs=1, cancelled_attempts=1)
    assert [event.task for event in log if event.kind == "cancelled"] == [3]


def test_cancelled_attempts_do_not_count_towards_max_attempts():
    """Task 2 is bad once; task 3, cancelled once, has both of its attempts left."""
    scenario = bad_outputs("policy: cascade, max_attempts: 2", attempts=3)
    check(scenario, PARALLEL, manual_completions=0, bad_outputs=1, cancelled_attempts=1)


@pytest.mark.parametrize(
    ("strategy", "launches", "cancelled"),
    [
        (script_queue(4), 4, [40, 40, 40]),
        (script_queue(2), 2, [40]),
        (PARALLEL, 4, [40, 40, 40]),
        ({"waves": 2, "manager": "script"}, 2, [40]),
        ({"sequential": 1, "manager": "script"}, 1, []),
    ],
    ids=str,
)
def test_langgraph_without_a_retry_policy_ends_the_run_at_the_first_failure(strategy, launches, cancelled):
    """A crash at 40 s cancels the others then, in waves too; nothing is retried, and nothing more starts.

    A person completes all four tasks, 10 minutes each. An agent has made two calls of 1,000 tokens by then.
    """
    log = check(
        one_crash("langgraph-no-retry"),
        strategy,
        ends={"cancelled": cancelled},
        crashed_attempts=1,
        cancelled_attempts=len(cancelled),
        manual_completions=4,
        people_s=2400,
        makespan_s=40 + 4 * 600,
        tokens_work=0,
        tokens_wasted=launches * 2000,
    )
    assert sum(event.kind == "launch" for event in log) == launches


@pytest.mark.parametrize("merge", ["as-completed", "barrier"])
def test_langgraph_with_a_retry_policy_reruns_only_the_failed_node(merge):
    """A crash at 40 s costs 2,000 tokens and 80 s; the others return at 80 s, and no person is needed."""
    log = check(
        one_crash("langgraph-retry"),
        script_queue(4, merge=merge),
        makespan_s=40 + 80,
        crashed_attempts=1,
        cancelled_attempts=0,
        manual_completions=0,
        tokens_work=4 * 4000,
        tokens_wasted=2000,
    )
    assert [(event.task, event.attempt) for event in log if event.kind == "launch"][4:] == [(0, 2)]


@pytest.mark.parametrize(("merge", "bad_s"), [("as-completed", 130), ("barrier", 150)])
def test_abort_spares_merged_outputs(merge, bad_s):
    """Two slots; task 2 is bad, and a person completes 2 and 3.

    As completed, tasks 0 and 1 are merged at 70 and 80 s, and 2 is found bad at 130 s while 3 waits for the
    coordinator. Behind the barrier all four are merged from 120 s on, and 2 is bad at 150 s.
    """
    scenario = bad_outputs("policy: abort, max_attempts: 1", attempts=1)
    expected = {"bad_outputs": 1, "manual_completions": 2, "makespan_s": bad_s + 2 * 600}
    log = check(scenario, script_queue(2, merge=merge), **expected)
    assert [(event.task, event.end_s) for event in log if event.kind == "cancelled"] == [(3, bad_s)]


@pytest.mark.parametrize(
    ("tasks", "concurrency", "attempts", "launches", "end_s"),
    [
        # The first task arrives at 50 s and crashes at 90 s; later and dependent tasks are not launched.
        (
            "[{count: 4, duration: 40s, interarrival: 50s}, {count: 2, duration: 10s, after: [a]}]",
            4,
            1,
            [50],
            90,
        ),
        # Every attempt crashes after 80 s: the first task's second ends the run.
        ("[{count: 4, duration: 80s}]", 1, 2, [0, 80, 160, 240, 320], 400),
    ],
)
def test_abort_comes_with_the_last_attempt_and_leaves_the_rest_to_a_person(
    tasks, concurrency, attempts, launches, end_s
):
    scenario = bare(
        f"tasks: {tasks}",
        "failures: {crash: 100%}\nrecovery: {people: 600s}",
        f"retry: {{policy: abort, max_attempts: {attempts}}}",
    )
    count = scenario.batch_size
    expected = {"manual_completions": count, "makespan_s": end_s + count * 600}
    starts = {"launch": launches}
    check(scenario, script_queue(concurrency), starts=starts, crashed_attempts=len(launches), **expected)


@pytest.mark.parametrize("policy", ["resume", "cascade", "abort", "none"])
@pytest.mark.parametrize("strategy", [PARALLEL, "queue: 2", {"waves": 3}], ids=str)
def test_policies_are_equal_without_failures(policy, strategy):
    assert simulate_one(batch(policy), strategy)[0] == simulate_one(batch("failed-only"), strategy)[0]
