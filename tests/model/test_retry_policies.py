"""What becomes of a failed attempt: only it, from where it was, with all of its round, or not at all."""

from functools import cache

import pytest

from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.strategy import parse_strategy
from tests.conformance.comparison import simulate_by_simpy, simulate_compiled
from tests.model.helpers import BARE, PARALLEL, scenario_of, script_queue, simulate_one


def batch(
    policy: str,
    *,
    attempts: int = 3,
    crash: str = "0%",
    bad: str = "0%",
    count: int = 4,
    calls: int = 4,
    seed: int = 0,
    more="",
):
    """Return tasks of four calls of 20 s and 1,000 tokens each; `policy` may be a harness profile."""
    retry = f"harness: {{profile: {policy}}}"
    if policy in ("failed-only", "resume", "cascade", "abort", "none"):
        retry = f"retry: {{policy: {policy}, max_attempts: {attempts}}}"
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: {calls}, tokens: 4000, output_share: 0%,"
        " duration: 80s}]",
        BARE.replace("crash: 0%, bad_output: 0%", f"crash: {crash}, bad_output: {bad}"),
        retry,
        f"study: {{seed: {seed}}}",
        "recovery: {people: 600s}",
        more,
    )


@cache
def only_one_crashes(call: int, crash: str = "15%", *, bad: bool = False):
    """Return a seed at which just the first attempt of task 0 of four fails, at a call or by a bad output."""
    for seed in range(20_000):
        scenario = batch("failed-only", crash="0%" if bad else crash, bad=crash if bad else "0%", seed=seed)
        luck = Variates(scenario, 0)
        first = luck.attempt(0, 0, 0)
        failing = first.bad_output if bad else first.crash_call == call
        others = [luck.attempt(0, index, number) for index in range(4) for number in range(3)][1:]
        if failing and all(one.crash_call < 0 and not one.bad_output for one in others):
            return seed
    raise AssertionError("no such seed")


def test_only_what_failed_is_done_again():
    """One crash at the end of the second call: 40 s lost, then 80 s anew."""
    outcome, _ = simulate_one(batch("failed-only", crash="15%", seed=only_one_crashes(1)), script_queue(4))
    assert outcome.makespan_s == 40 + 80
    assert (outcome.tokens_wasted, outcome.tokens_work) == (2000, 4 * 4000)


def test_a_resumed_attempt_begins_with_the_call_that_failed():
    """The first call stays done; the second is wasted and made again: 20 s and 1,000 tokens are lost."""
    outcome, log = simulate_one(batch("resume", crash="15%", seed=only_one_crashes(1)), script_queue(4))
    assert outcome.makespan_s == 40 + 60
    assert (outcome.tokens_wasted, outcome.tokens_work) == (1000, 4 * 4000)
    assert outcome.wasted_s == 20
    calls = [(event.attempt, event.call) for event in log if event.kind == "call" and event.task == 0]
    assert calls == [(1, 0), (1, 1), (2, 1), (2, 2), (2, 3)]


def test_a_resumed_attempt_does_not_pay_its_spawn_prompt_again():
    """It reads its context from the cache, and its spawn tokens are counted once."""
    scenario = scenario_of(
        "tasks: [{name: a, calls: 4, tokens: 4000, output_share: 0%, duration: 80s}]",
        BARE.replace("spawn: {tokens: 0, time: 0s}", "spawn: {tokens: 10K, time: 3s}").replace(
            "crash: 0%", "crash: 60%"
        ),
        "retry: {policy: resume, max_attempts: 100}",
        "study: {seed: 3}",
    )
    failed = 0
    for replication in range(40):
        outcome, log = simulate_one(scenario, PARALLEL, replication)
        done = [event for event in log if event.kind == "call"]
        failed += outcome.crashed_attempts
        # A crash at the first call leaves nothing to go on from, any later one keeps the prompt.
        first_calls = sum(event.call == 0 for event in done)
        assert outcome.tokens_spawn + (first_calls - 1) * 10_000 == 10_000 * first_calls
        assert outcome.tokens_spawn == 10_000
        assert outcome.tokens_work == 4000
        assert outcome.tokens_wasted == (first_calls - 1) * 11_000 + 1000 * (
            len(done) - 4 - (first_calls - 1)
        )
        assert sum(event.kind == "spawn" for event in log) == 1 + outcome.crashed_attempts
    assert failed > 10


def test_a_cascade_does_all_of_the_round_again():
    """At the barrier one of four is missing, so all four are done again: two rounds of 80 s."""
    seed = only_one_crashes(1)
    outcome, _ = simulate_one(batch("cascade", crash="15%", seed=seed), PARALLEL)
    assert outcome.makespan_s == 160
    assert outcome.tokens_wasted == 2000 + 3 * 4000
    assert (outcome.crashed_attempts, outcome.cancelled_attempts) == (1, 3)
    # Failed-only does one of them again.
    outcome, _ = simulate_one(batch("failed-only", crash="15%", seed=seed), PARALLEL)
    assert outcome.makespan_s == 160
    assert (outcome.tokens_wasted, outcome.cancelled_attempts) == (2000, 0)


def test_a_cascade_ends_what_is_at_work():
    """In a queue the crash is seen at 40 s; the others are ended then, and all begin anew."""
    outcome, log = simulate_one(batch("cascade", crash="15%", seed=only_one_crashes(1)), script_queue(4))
    assert [event.end_s for event in log if event.kind == "cancelled"] == [40, 40, 40]
    assert outcome.makespan_s == 40 + 80
    # Two calls each are over at 40 s; the third of some has just begun, and nothing stops an admitted call.
    assert outcome.tokens_wasted == 4 * 2000


def test_a_cascade_spares_what_is_merged():
    """With two slots, tasks 0 and 1 are merged before 2 and 3 begin; a bad output of 2 touches 3 alone."""
    for seed in range(20_000):
        scenario = scenario_of(
            "tasks: [{name: a, count: 4, calls: 1, tokens: 1000, output_share: 0%, duration: 60s}]",
            BARE.replace("bad_output: 0%", "bad_output: 20%").replace(
                "structured: {tokens: 0, time: 0s}", "structured: {tokens: 0, time: 10s}"
            ),
            "retry: {policy: cascade, max_attempts: 3}",
            f"study: {{seed: {seed}}}",
        )
        luck = Variates(scenario, 0)
        bad = [(i, n) for i in range(4) for n in range(3) if luck.attempt(0, i, n).bad_output]
        if bad == [(2, 0)]:
            break
    outcome, log = simulate_one(scenario, {"waves": 2, "manager": "script"})
    # First wave: back at 60, merged at 70 and 80. Second: back at 140; 2 is found bad at 150,
    # when 3 waits for the coordinator: both again, back at 210, merged at 220 and 230.
    assert [event.task for event in log if event.kind == "cancelled"] == [3]
    assert outcome.makespan_s == 230
    assert (outcome.bad_outputs, outcome.cancelled_attempts) == (1, 1)


def test_what_another_has_failed_does_not_use_up_attempts():
    """With every first attempt of one task bad three times over, only that task goes to a person."""
    seed = only_one_crashes(1, bad=True)
    scenario = batch("cascade", bad="15%", seed=seed).model_copy(
        update={"retry": batch("cascade").retry.model_copy(update={"max_attempts": 2})}
    )
    outcome, _ = simulate_one(scenario, PARALLEL)
    assert outcome.manual_completions == 0
    assert outcome.cancelled_attempts == 3


BOTH_ENGINES = pytest.mark.parametrize("play", [simulate_by_simpy, simulate_compiled])


@BOTH_ENGINES
@pytest.mark.parametrize(
    ("strategy", "launches", "cancelled"),
    [
        (script_queue(4), 4, [40, 40, 40]),
        (script_queue(2), 2, [40]),
        ({"parallel": "all", "manager": "script"}, 4, [40, 40, 40]),
        ({"waves": 2, "manager": "script"}, 2, [40]),
        ({"sequential": 1, "manager": "script"}, 1, []),
    ],
    ids=str,
)
def test_langgraph_without_a_retry_policy_ends_the_run_at_the_first_failure(
    play, strategy, launches, cancelled
):
    """A crash at 40 s cancels the siblings then, in rounds too; nothing is retried, and nothing more starts.

    A person does all four tasks, 10 minutes each. An agent has made two calls of 1,000 tokens by then.
    """
    scenario = batch("langgraph-no-retry", crash="15%", seed=only_one_crashes(1))
    outcome, log = play(make_plan(scenario, parse_strategy(strategy)), 0)
    assert [event.end_s for event in log if event.kind == "cancelled"] == cancelled
    assert sum(event.kind == "launch" for event in log) == launches
    assert (outcome.crashed_attempts, outcome.cancelled_attempts) == (1, len(cancelled))
    assert (outcome.manual_completions, outcome.people_s) == (4, 2400)
    assert outcome.makespan_s == 40 + 4 * 600
    assert (outcome.tokens_work, outcome.tokens_wasted) == (0, launches * 2000)


@BOTH_ENGINES
@pytest.mark.parametrize("merge", ["as-completed", "barrier"])
def test_langgraph_with_a_retry_policy_runs_only_the_failed_node_again(play, merge):
    """A crash at 40 s costs 2,000 tokens and 80 s; its siblings return at 80 s, and nobody has to help."""
    scenario = batch("langgraph-retry", crash="15%", seed=only_one_crashes(1))
    outcome, log = play(make_plan(scenario, parse_strategy(script_queue(4, merge=merge))), 0)
    assert [(event.task, event.attempt) for event in log if event.kind == "launch"][4:] == [(0, 2)]
    assert outcome.makespan_s == 40 + 80
    assert (outcome.crashed_attempts, outcome.cancelled_attempts, outcome.manual_completions) == (1, 0, 0)
    assert (outcome.tokens_work, outcome.tokens_wasted) == (4 * 4000, 2000)


@BOTH_ENGINES
@pytest.mark.parametrize("merge", ["as-completed", "barrier"])
def test_an_abort_spares_what_is_merged(play, merge):
    """Tasks of 60 s in two slots, merged in 10 s each; the third merged output is bad.

    As completed, tasks 0 and 1 are merged at 70 and 80 s, and 2 is found bad at 130 s while 3 waits for the
    coordinator: a person does 2 and 3. Behind the barrier all four are merged from 120 s on, and 2 is bad
    at 150 s.
    """
    for seed in range(20_000):
        scenario = scenario_of(
            "tasks: [{name: a, count: 4, calls: 1, tokens: 1000, output_share: 0%, duration: 60s}]",
            BARE.replace("bad_output: 0%", "bad_output: 20%").replace(
                "structured: {tokens: 0, time: 0s}", "structured: {tokens: 0, time: 10s}"
            ),
            "retry: {policy: abort, max_attempts: 1}",
            "recovery: {people: 600s}",
            f"study: {{seed: {seed}}}",
        )
        luck = Variates(scenario, 0)
        if [index for index in range(4) if luck.attempt(0, index, 0).bad_output] == [2]:
            break
    outcome, log = play(make_plan(scenario, parse_strategy(script_queue(2, merge=merge))), 0)
    bad_s = 130 if merge == "as-completed" else 150
    assert [(event.task, event.end_s) for event in log if event.kind == "cancelled"] == [(3, bad_s)]
    assert (outcome.bad_outputs, outcome.manual_completions) == (1, 2)
    assert outcome.makespan_s == bad_s + 2 * 600


@BOTH_ENGINES
def test_an_abort_leaves_what_comes_later_to_a_person_too(play):
    """The first task arrives at 50 s and crashes at 90 s; what comes after that is not launched."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 4, calls: 1, tokens: 0, duration: 40s, interarrival: 50s},"
        " {name: b, count: 2, calls: 1, tokens: 0, duration: 10s, after: [a]}]",
        BARE.replace("crash: 0%", "crash: 100%"),
        "recovery: {people: 600s}",
        "retry: {policy: abort, max_attempts: 1}",
    )
    outcome, log = play(make_plan(scenario, parse_strategy(script_queue(4))), 0)
    assert [event.start_s for event in log if event.kind == "launch"] == [50]
    assert (outcome.manual_completions, outcome.crashed_attempts) == (6, 1)
    assert outcome.makespan_s == 90 + 6 * 600


@BOTH_ENGINES
def test_an_abort_comes_with_the_last_attempt(play):
    """Every attempt crashes at its only call: the first task's second ends the run, at 160 s."""
    scenario = batch("abort", attempts=2, crash="100%", calls=1)
    outcome, log = play(make_plan(scenario, parse_strategy(script_queue(1))), 0)
    assert [event.task for event in log if event.kind == "launch"] == [0, 1, 2, 3, 0]
    assert (outcome.crashed_attempts, outcome.manual_completions) == (5, 4)
    assert outcome.makespan_s == 5 * 80 + 4 * 600


@pytest.mark.parametrize("policy", ["failed-only", "resume", "cascade", "abort", "none"])
def test_without_failures_the_policy_does_not_matter(policy):
    """Nothing fails, nothing differs."""
    for strategy in (PARALLEL, "queue: 2", {"waves": 3}):
        assert simulate_one(batch(policy), strategy)[0] == simulate_one(batch("failed-only"), strategy)[0]
