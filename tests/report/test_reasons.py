from dataclasses import replace

import numpy as np
import pytest

from dispatch_sim.decide.answer import answer
from dispatch_sim.decide.studies import compare
from dispatch_sim.model.accounting import Purpose
from dispatch_sim.model.events import Failure
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.report.attribution import FAILURES, attribute
from dispatch_sim.report.format import capital, named, tokens
from dispatch_sim.report.reasons import explain_cause, why
from dispatch_sim.report.timeline import FAILED
from dispatch_sim.report.view import main_view
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.study.results import Results
from tests.report.conftest import FrameColumns, answered, with_costs

SEQUENTIAL, PARALLEL = map(parse_strategy, ("sequential", "parallel"))

# Nothing is left to chance and nothing is for nothing: what differs is what a test puts in.
PLAIN = """\
tasks: [{{name: same, count: 4, calls: 2, tokens: 10K, duration: 60s, spread: 0%{group}}}]
dispatch: {{context: none}}
provider: {{limits: unlimited}}
failures: {{crash: 0%, bad_output: 0%}}
values: {{waiting: $1/h, people: $80/h}}
strategies: [sequential, parallel]
study: {{replications: 4}}
"""


def reasons(more, group="", values=None):
    """Simulate a batch of four, sequential and parallel; return the view and the reasons."""
    text = PLAIN.format(group=group) + more
    for old, new in (values or {}).items():
        assert old in text
        text = text.replace(old, new)
    view = main_view(answered(text, compare))
    return view, " ".join(why(view))


WRITES = ", writes: [file]"


def test_timeout_is_the_cause_and_not_the_limit_that_slows_attempts():
    """A gateway that delays requests makes attempts long, and rejects none."""
    values = {"limits: unlimited": "limits: {input_tokens: 12K/min}, on_limit: wait", "$1/h": "$0/h"}
    view, text = reasons("timeouts: {hard: 2m}\n", values=values)
    assert view.recommended == SEQUENTIAL
    assert view.mean("killed_attempts", PARALLEL) > 0
    assert "the timeout ends" in text
    assert "rate limit" not in text


def test_overwritten_outputs_are_counted():
    """Of four agents that write the same file, each overwrites the one before, and all but one try again."""
    view, text = reasons("conflicts: {probability: 100%}\n", WRITES)
    lost = view.mean("overwritten_attempts", PARALLEL)
    assert view.recommended == SEQUENTIAL
    assert lost >= 3
    assert f"agents overwrite {lost:g} (none with {named(SEQUENTIAL)}) outputs of others" in text
    more = view.mean("tokens", PARALLEL) - view.mean("tokens", SEQUENTIAL)
    assert f"more tokens; the batch uses {tokens(more)} more in total." in text


@pytest.mark.parametrize(
    ("more", "group", "values", "recommended", "sentence"),
    [
        pytest.param(
            "conflicts: {probability: 100%, isolation: worktree}\n",
            WRITES,
            {},
            SEQUENTIAL,
            "6 (none with {best}) merge conflicts per batch take people 30m (none)",
            id="each pair of four copies conflicts, for 5m",
        ),
        pytest.param(
            "harness: {cap: 2, over: refuse}\nconflicts: {probability: 100%}\n",
            WRITES,
            {},
            SEQUENTIAL,
            "the harness refuses 2 (none with {best}) launches per batch",
            id="a cap of two refuses two of four",
        ),
        pytest.param(
            "",
            "",
            {"waiting: $1/h": "waiting: $100/h"},
            PARALLEL,
            "a task waits for its turn for",
            id="sequential tasks wait",
        ),
    ],
)
def test_cause_is_named_with_its_figures(more, group, values, recommended, sentence):
    view, text = reasons(more, group, values)
    assert view.recommended == recommended
    assert sentence.format(best=named(recommended)) in text


@pytest.mark.parametrize(
    ("limits", "overloaded", "api", "code"),
    [
        ("{requests: 6/min}", "0%", "the rate limit", "429"),
        ("unlimited", "70%", "an overloaded API", "529"),
        ("{requests: 6/min}", "1%", "the API", "429 or 529"),
    ],
)
def test_rejection_names_what_can_reject(limits, overloaded, api, code):
    values = {
        "limits: unlimited": f"limits: {limits}, overloaded: {overloaded}",
        "duration: 60s": "duration: 1s",
    }
    view, _ = reasons("client: {retries: 2}\n", values=values)
    worse = PARALLEL if view.recommended == SEQUENTIAL else SEQUENTIAL
    text = explain_cause(view, worse, "rate_limit")
    assert text.startswith(f"{api} rejects ")
    assert f"requests per batch ({code})" in text


ONE = {"money_usd": 1.0, "makespan_s": 0.0, "people_s": 0.0, "cost_waiting_usd": 0.0, "cost_people_usd": 0.0}


def made(worse, objective="cost", both=None):
    """Return a view in which sequential costs $1 and has `both`, and parallel has `worse` on top."""
    simulated = answered(PLAIN.format(group="").replace("context: none", ""), compare)
    frame = simulated.results.frame.copy()
    frame[list(MEASURES)] = 0.0
    for column, value in (ONE | {"money_work_usd": 1.0, "cost_usd": 1.0} | (both or {})).items():
        frame[column] = value
    rows = frame["strategy"] == "parallel"
    for column, value in worse.items():
        frame.loc[rows, column] += value
    resolved = simulated.scenario | {"objective": {"minimise": objective}}
    scenario = simulated.results.manifest["scenario"] | {"resolved": resolved}
    manifest = simulated.results.manifest | {"scenario": scenario}
    return main_view(answer(Results(FrameColumns(frame), manifest)))


REJECTED = {"rejected_requests": (40, 8), "backoff_s": (600, 90)}
CONFLICTS = {"people_conflicts_s": (1200, 300)}


@pytest.mark.parametrize(
    ("cause", "means", "clause"),
    [
        (
            "rate_limit",
            REJECTED,
            "an overloaded API rejects 40 (8 with sequential) requests per batch (529), and tasks back off "
            "for 10m (1m 30s) in total",
        ),
        (
            "rate_limit",
            REJECTED | {"rate_limited_attempts": (3, 1)},
            "an overloaded API rejects 40 (8 with sequential) requests per batch (529), and 3 (1) attempts "
            "fail after their last retry; their work is lost",
        ),
        (
            "too_large",
            {"too_large_attempts": (2, 1)},
            "2 (1 with sequential) attempts per batch fail because a request exceeds the capacity of a token "
            "bucket",
        ),
        (
            "killed",
            {"killed_attempts": (3, 1), "money_killed_usd": (4.5, 1.5)},
            "the timeout ends 3 (1 with sequential) attempts per batch that were making progress, at an API "
            "cost of $4.50 ($1.50)",
        ),
        (
            "hung",
            {"hung_attempts": (2, 1), "hung_s": (5400, 600)},
            "2 (1 with sequential) attempts per batch hang, and occupy their slots for 1h 30m (10m) in total",
        ),
        (
            "overwritten",
            CONFLICTS | {"overwritten_attempts": (3, 1)},
            "agents overwrite 3 (1 with sequential) outputs of others per batch, and clean-up takes people "
            "20m (5m)",
        ),
        (
            "conflicts",
            CONFLICTS | {"merge_conflicts": (6, 2)},
            "6 (2 with sequential) merge conflicts per batch take people 20m (5m)",
        ),
        (
            "cancelled",
            {"cancelled_attempts": (5, 1)},
            "5 (1 with sequential) attempts per batch are cancelled because another attempt failed",
        ),
        (
            "wrong_brief",
            {"wrong_brief_attempts": (4, 1)},
            "4 (1 with sequential) attempts per batch follow wrong instructions before a review finds them",
        ),
        (
            "failed",
            {"crashed_attempts": (3, 1), "bad_outputs": (2, 1)},
            "5 (2 with sequential) attempts per batch crash or return unusable output",
        ),
        (
            "launches",
            {"refused_launches": (2, 1)},
            "the harness refuses 2 (1 with sequential) launches per batch, whose briefs are wasted",
        ),
        (
            "context",
            {"money_context_usd": (7, 2), "compactions": (1, 1)},
            "the coordinator reads its own context in every turn, at a cost of $7.00 ($2.00 with sequential) "
            "per batch",
        ),
        (
            "context",
            {"money_context_usd": (7, 2), "compactions": (3, 1)},
            "the coordinator reads its own context in every turn, at a cost of $7.00 ($2.00 with sequential) "
            "per batch, with 3 (1) compactions",
        ),
        (
            "rework",
            {"reworked_tasks": (3, 1), "money_rework_usd": (6, 2)},
            "3 (1 with sequential) tasks per batch are reworked because their agents had not seen the "
            "results of others, at a cost of $6.00 ($2.00)",
        ),
        (
            "review",
            {"reviews": (4, 1), "people_review_s": (1200, 300)},
            "4 (1 with sequential) reviews per batch take people 20m (5m)",
        ),
        (
            "merging",
            {"people_merge_s": (1200, 300), "money_merge_usd": (3, 1)},
            "merging takes people 20m (5m with sequential) per batch, and costs $3.00 ($1.00) of API use",
        ),
        ("wait", {"wait_s": (1200, 240)}, "a task waits for its turn for 5m (1m with sequential) on average"),
        (
            "blocked",
            {"blocked_s": (1200, 240)},
            "a task is blocked for 5m (1m with sequential) on average (by the barrier or a busy coordinator "
            "or person)",
        ),
        (
            "coordination",
            {"money_coordination_usd": (3, 1)},
            "dispatch and communication between agents cost $3.00 ($1.00 with sequential) per batch",
        ),
        (
            "work",
            {"money_work_usd": (8, 5), "service_s": (1200, 300)},
            "the agents' own work costs $8.00 ($5.00 with sequential) and takes 20m (5m) of their time per "
            "batch",
        ),
    ],
)
def test_clause_of_a_cause_has_the_means_of_both_strategies(cause, means, clause):
    """Of a batch of four."""
    worse = {column: more - less for column, (more, less) in means.items()}
    view = made({"cost_usd": 1.0} | worse, both={column: less for column, (_, less) in means.items()})
    assert explain_cause(view, PARALLEL, cause) == clause


WASTED = {"money_wasted_usd": 3.0, "money_usd": 3.0, "cost_usd": 3.0}


@pytest.mark.parametrize(
    ("column", "cause"),
    [
        ("rate_limited_attempts", "rate_limit"),
        ("too_large_attempts", "too_large"),
        ("crashed_attempts", "failed"),
        ("bad_outputs", "failed"),
        ("hung_attempts", "hung"),
        ("overwritten_attempts", "overwritten"),
        ("cancelled_attempts", "cancelled"),
        ("wrong_brief_attempts", "wrong_brief"),
        ("money_killed_usd", "killed"),
    ],
)
def test_wasted_money_is_attributed_to_the_attempts_that_failed(column, cause):
    view = made(WASTED | {column: 3.0})
    assert {cause: usd for cause, usd in attribute(view, PARALLEL).items() if usd} == {cause: 3.0}
    reasons = " ".join(why(view))
    assert explain_cause(view, PARALLEL, cause) in reasons
    assert "rate limit" not in reasons


def test_money_wasted_by_several_kinds_of_failures_is_shared_by_their_numbers():
    """A third of the attempts crashed, two thirds hung; what timeouts ended is counted by itself."""
    view = made(WASTED | {"crashed_attempts": 1.0, "hung_attempts": 2.0, "money_killed_usd": 1.5})
    found = {cause: amount for cause, amount in attribute(view, PARALLEL).items() if amount}
    assert found == pytest.approx({"killed": 1.5, "failed": 0.5, "hung": 1.0})
    ranks = [reason.partition(f" with {named(PARALLEL)}: ")[0] for reason in why(view)[1:]]
    assert ranks == ["Main cause", "Further cause", "Further cause"]


@pytest.mark.parametrize(
    ("part", "cause"),
    [("context", "context"), ("rework", "rework"), ("merge", "merging"), ("coordination", "coordination")],
)
def test_money_by_cause_is_attributed_to_its_cause(part, cause):
    view = made({f"money_{part}_usd": 2.0, "money_usd": 2.0, "cost_usd": 2.0})
    assert attribute(view, PARALLEL)[cause] == pytest.approx(2.0)
    assert f"Cause with {named(PARALLEL)}: {explain_cause(view, PARALLEL, cause)}." in why(view)


def test_serial_work_explains_the_makespan_before_waiting_tasks():
    """An hour longer, of which half is cleaning up and 80 s a compaction; the rest is backing off."""
    text = {
        "makespan_s": 3600.0,
        "people_s": 1800.0,
        "people_conflicts_s": 1800.0,
        "overwritten_attempts": 1.0,
    }
    view = made(text | {"backoff_s": 5000.0, "compactions": 1.0}, "makespan")
    found = {cause: amount for cause, amount in attribute(view, PARALLEL).items() if amount}
    assert found == pytest.approx({"overwritten": 1800.0, "context": 80.0, "rate_limit": 1720.0})


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
    found = {cause: amount for cause, amount in attribute(view, PARALLEL).items() if amount}
    assert found == pytest.approx({parts[objective][2]: 60.0})
    first, second = why(view)[:2]
    than = {"tokens": "uses 60 tokens more", "money": "costs $60.00 more", "people": "takes people 1m more"}
    parallel, sequential = named(PARALLEL), named(SEQUENTIAL)
    assert first == f"{capital(parallel)} {than.get(objective, 'takes 1m longer')} than {sequential}."
    assert second == f"Cause with {parallel}: {explain_cause(view, PARALLEL, parts[objective][2])}."


def test_smaller_component_is_no_cause():
    """Less people's time than the recommended way has explains nothing that is more."""
    view = made({"cost_usd": 2.0, "money_usd": 2.0, "money_rework_usd": 2.0, "people_review_s": 0.0})
    assert all(amount >= 0 for amount in attribute(view, PARALLEL).values())


def test_every_cause_of_money_and_every_failure_is_accounted_for():
    view = made({f"money_{cause}_usd": 1.0 for cause in Purpose} | {"money_usd": 8.0, "cost_usd": 8.0})
    assert sum(attribute(view, PARALLEL).values()) == pytest.approx(len(Purpose))
    columns = {"bad_outputs" if f == Failure.BAD_OUTPUT else f"{f}_attempts" for f in Failure}
    columns = {{"crash_attempts": "crashed_attempts"}.get(column, column) for column in columns}
    assert {column for names in FAILURES.values() for column in names} == {*FAILED.values()} == columns


def test_reasons_read_the_levels_of_factors(tight):
    view = main_view(tight)
    levels = {
        "retry.policy": "resume",
        "dispatch.brief.time": "30s",
        "harness.cap": "none",
        "failures.crash": "5%",
        "dispatch.spawn.fork": "true",
        "tasks.read.coupling": "10%",
    }
    found = replace(view, choice=replace(view.choice, factors=levels)).scenario
    assert found["retry"]["policy"] == "resume"
    assert found["dispatch"]["brief"]["time"] == 30
    assert found["harness"]["cap"] is None
    assert found["failures"]["crash"] == 0.05
    assert found["dispatch"]["spawn"]["fork"] is True
    assert [group["coupling"] for group in found["tasks"]] == [0.1]
    assert view.scenario == tight.scenario


def test_without_parallel_and_sequential_the_reason_is_about_another_strategy(tight):
    noise = np.random.default_rng(1).normal(size=40)
    costs = {("queue", 2): 10 + noise, ("queue", 3): 10 + 1.1 * noise, ("queue", 4): 13 + noise}
    view = with_costs(tight, costs)
    assert why(view)[0].startswith("A queue of 4 costs $3.00 more than a queue of 2, mainly")
    assert why(with_costs(tight, dict(list(costs.items())[:2]))) == ()
