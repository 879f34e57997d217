"""Why a way loses is read off what was counted: the largest cause is named, and no other in its place."""

import pytest

from dispatch_sim.decide.answer import answer
from dispatch_sim.decide.studies import compare
from dispatch_sim.model.accounting import MEASURES, Purpose
from dispatch_sim.model.failures import Failure
from dispatch_sim.report.causes import FACTS
from dispatch_sim.report.reasons import _FAILURES, _OWN_FAILURES, attributed, why
from dispatch_sim.report.view import main_view
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.study.results import Results
from tests.report.conftest import FrameColumns, answered

SEQUENTIAL, PARALLEL = map(parse_strategy, ("sequential", "parallel"))

# Nothing is left to chance and nothing is for nothing: what differs is what a test puts in.
PLAIN = """\
tasks: [{{name: same, count: 4, calls: 2, tokens: 10K, duration: 60s{group}}}]
dispatch: {{context: none}}
provider: {{limits: unlimited}}
failures: {{crash: 0%, bad_output: 0%}}
values: {{waiting: $1/h, people: $80/h}}
strategies: [sequential, parallel]
study: {{replications: 4}}
"""


def reasons(more, group="", values=None):
    """Play a batch of four, one by one and all at once; returns the view and why one of them wins."""
    text = PLAIN.format(group=group) + more
    for old, new in (values or {}).items():
        assert old in text
        text = text.replace(old, new)
    view = main_view(answered(text, compare))
    return view, " ".join(why(view))


def test_a_timeout_that_ends_honest_work_is_blamed_and_not_the_limit_behind_it():
    """A gateway that lets calls wait makes attempts long, and no call is refused."""
    values = {"limits: unlimited": "limits: {input_tokens: 12K/min}, on_limit: wait"}
    view, text = reasons("timeouts: {hard: 2m}\n", values=values | {"$1/h": "$0/h"})
    killed = view.mean("killed_attempts", PARALLEL)
    assert view.recommended == SEQUENTIAL
    assert killed > 0
    assert "cause is the timeout, which ends honest work" in text
    assert "rate limit" not in text


def test_writing_over_each_other_is_blamed_with_what_was_lost():
    """Of four that write the same, each is written over by the next: all but the last, and again."""
    view, text = reasons("conflicts: {probability: 100%}\n", ", writes: [file]")
    assert view.recommended == SEQUENTIAL
    lost = view.mean("overwritten_attempts", PARALLEL)
    assert lost >= 3
    assert f"cause is that agents write over each other's work: {lost:g} outputs a batch are lost" in text
    assert "against none with one by one" in text


def test_conflicts_between_copies_are_blamed_on_what_they_take_to_resolve():
    view, text = reasons("conflicts: {probability: 100%, isolation: worktree}\n", ", writes: [file]")
    assert view.recommended == SEQUENTIAL
    assert (
        "cause is conflicts between agents' copies: 6 a batch with all at once, and 30m of people's" in text
    )


def test_work_done_again_for_others_is_blamed_on_the_lack_of_sight():
    """Three of four are merged without having seen one that was merged before."""
    view, text = reasons("", ", coupling: 100%", {"waiting: $1/h": "waiting: $0/h"})
    assert view.recommended == SEQUENTIAL
    assert "cause is work done again as it was made without sight of the others': 3 tasks" in text


def test_wrong_instructions_are_blamed_for_all_that_followed_them():
    """Four at once follow them; one by one the first is looked at before the second begins."""
    _, text = reasons(
        "review: {every: 1, people: 0s}\n",
        values={"waiting: $1/h": "waiting: $0/h", "bad_output: 0%": "bad_output: 0%, bad_brief: 100%"}
        | {"parallel]": "{parallel: all, merge: as-completed}]"},
    )
    assert "wrong instructions: " in text
    assert "4 attempts a batch follow them with all at once" in text
    assert "against 1 with one by one" in text


def test_the_coordinators_context_is_blamed_where_each_task_needs_a_turn():
    """Four turns in place of one, each of which reads 150K tokens."""
    view, text = reasons(
        "merge: {structured: {tokens: 0, time: 0s}}\n",
        values={"waiting: $1/h": "waiting: $0/h", "context: none": "context: {start: 150K}"},
    )
    assert view.recommended == PARALLEL
    assert "cause is the coordinator's own context, which it reads again in every turn" in text


def test_reviews_are_blamed_where_there_are_more_of_them():
    """After each round: one by one each output has its own; of all at once all are looked at together."""
    view, text = reasons("review: {every: round, people: 5m}\n", values={"waiting: $1/h": "waiting: $0/h"})
    assert view.recommended == PARALLEL
    assert "cause is the reviews: 4 a batch with one by one, and 20m of people's time" in text


def test_launches_that_the_harness_refuses_are_told():
    _, text = reasons("harness: {cap: 2, over: refuse}\nconflicts: {probability: 100%}\n", ", writes: [file]")
    assert "A smaller one is the harness, which refuses 2 launches a batch with all at once" in text


def test_tasks_that_wait_for_their_turn_are_the_reason_for_one_by_one():
    view, text = reasons("", values={"waiting: $1/h": "waiting: $100/h"})
    assert view.recommended == PARALLEL
    assert "The cause is that tasks wait for their turn" in text


@pytest.mark.parametrize(
    ("limits", "overloaded", "name"),
    [
        ("{requests: 6/min}", "0%", "the rate limit: with all at once, calls are refused (429)"),
        ("unlimited", "70%", "an overloaded API: with"),
        ("{requests: 6/min}", "1%", "refused calls: with all at once, calls are refused (429 or 529)"),
    ],
)
def test_who_refuses_calls_is_named_only_where_it_is_known(limits, overloaded, name):
    """The counts of 429 and 529 are one."""
    values = {
        "limits: unlimited": f"limits: {limits}, overloaded: {overloaded}",
        "duration: 60s": "duration: 1s",
    }
    view, _ = reasons("client: {retries: 2}\n", values=values)
    worse = PARALLEL if view.recommended == SEQUENTIAL else SEQUENTIAL
    assert name.replace("all at once", "all at once" if worse == PARALLEL else "one by one") in FACTS[
        "limit"
    ](view, worse)


ONE = {"money_usd": 1.0, "makespan_s": 0.0, "people_s": 0.0, "cost_waiting_usd": 0.0, "cost_people_usd": 0.0}


def made(worse, objective="cost"):
    """Return a view of one by one that costs $1 and all at once that has what is given on top."""
    played = answered(PLAIN.format(group="").replace("context: none", ""), compare)
    frame = played.results.frame.copy()
    frame[list(MEASURES)] = 0.0
    for column, value in (ONE | {"money_work_usd": 1.0, "cost_usd": 1.0}).items():
        frame[column] = value
    rows = frame["strategy"] == "parallel"
    for column, value in worse.items():
        frame.loc[rows, column] += value
    resolved = played.scenario | {"objective": {"minimise": objective}}
    scenario = played.results.manifest["scenario"] | {"resolved": resolved}
    manifest = played.results.manifest | {"scenario": scenario}
    return main_view(answer(Results(FrameColumns(frame), manifest)))


WASTED = {"money_wasted_usd": 3.0, "money_usd": 3.0, "cost_usd": 3.0}


@pytest.mark.parametrize(
    ("column", "cause"),
    [
        ("rate_limited_attempts", "limit"),
        ("too_large_attempts", "too_large"),
        ("crashed_attempts", "failed"),
        ("bad_outputs", "failed"),
        ("hung_attempts", "hung"),
        ("overwritten_attempts", "overwritten"),
        ("cancelled_attempts", "cancelled"),
        ("wrong_brief_attempts", "wrong"),
        ("money_killed_usd", "killed"),
    ],
)
def test_wasted_money_is_blamed_on_the_attempts_that_failed(column, cause):
    view = made(WASTED | {column: 3.0})
    assert attributed(view, PARALLEL) == dict.fromkeys(FACTS, 0.0) | {cause: 3.0}
    told = " ".join(why(view))
    assert FACTS[cause](view, PARALLEL) in told
    assert "rate limit" not in told


def test_money_wasted_by_several_kinds_of_failures_is_shared_by_their_numbers():
    """A third of the attempts crashed, two thirds hung; what timeouts ended is counted by itself."""
    view = made(WASTED | {"crashed_attempts": 1.0, "hung_attempts": 2.0, "money_killed_usd": 1.5})
    found = {cause: amount for cause, amount in attributed(view, PARALLEL).items() if amount}
    assert found == pytest.approx({"killed": 1.5, "failed": 0.5, "hung": 1.0})


@pytest.mark.parametrize(
    ("part", "cause"),
    [("context", "context"), ("rework", "rework"), ("merge", "merging"), ("coordination", "handing")],
)
def test_money_by_cause_is_blamed_on_its_cause(part, cause):
    view = made({f"money_{part}_usd": 2.0, "money_usd": 2.0, "cost_usd": 2.0})
    assert attributed(view, PARALLEL)[cause] == pytest.approx(2.0)
    assert f"The cause is {FACTS[cause](view, PARALLEL)}." in why(view)


def test_a_person_and_compactions_explain_the_makespan_before_what_tasks_waited_for():
    """An hour longer, of which half is cleaning up and 80 s a compaction; the rest is backing off."""
    text = {
        "makespan_s": 3600.0,
        "people_s": 1800.0,
        "people_conflicts_s": 1800.0,
        "overwritten_attempts": 1.0,
    }
    view = made(text | {"backoff_s": 5000.0, "compactions": 1.0}, "makespan")
    found = {cause: amount for cause, amount in attributed(view, PARALLEL).items() if amount}
    assert found == pytest.approx({"overwritten": 1800.0, "context": 80.0, "limit": 1720.0})


@pytest.mark.parametrize("objective", ["tokens", "money", "people", "makespan"])
def test_only_what_counts_for_the_objective_is_a_cause(objective):
    parts = {
        "tokens": ("tokens_rework", "tokens", "rework"),
        "money": ("money_context_usd", "money_usd", "context"),
        "people": ("people_review_s", "people_s", "review"),
        "makespan": ("hung_s", "makespan_s", "hung"),
    }
    worse = {column: 60.0 for part, whole, _ in parts.values() for column in (part, whole)}
    if objective == "makespan":
        del worse["people_review_s"]  # which would be a reason for that, too
    view = made(worse, objective)
    found = {cause: amount for cause, amount in attributed(view, PARALLEL).items() if amount}
    assert found == pytest.approx({parts[objective][2]: 60.0})
    first, second = why(view)[:2]
    than = {"tokens": "uses 60 tokens more", "money": "costs $60.00 more", "people": "takes people 1m more"}
    assert first == f"All at once {than.get(objective, 'takes 1m longer')} than one by one."
    assert second == f"The cause is {FACTS[parts[objective][2]](view, PARALLEL)}."


def test_what_is_less_is_no_cause():
    """Less people's time than the recommended way has explains nothing that is more."""
    view = made({"cost_usd": 2.0, "money_usd": 2.0, "money_rework_usd": 2.0, "people_review_s": 0.0})
    assert all(amount >= 0 for amount in attributed(view, PARALLEL).values())


def test_every_cause_of_money_and_every_failure_is_accounted_for():
    view = made({f"money_{cause}_usd": 1.0 for cause in Purpose} | {"money_usd": 8.0, "cost_usd": 8.0})
    assert sum(attributed(view, PARALLEL).values()) == pytest.approx(len(Purpose))
    columns = {"bad_outputs" if f == Failure.BAD_OUTPUT else f"{f}_attempts" for f in Failure}
    columns = {{"crash_attempts": "crashed_attempts"}.get(column, column) for column in columns}
    assert {column for names in _FAILURES.values() for column in names} == columns
    assert _OWN_FAILURES.keys() < _FAILURES.keys() <= FACTS.keys()
