"""Quick answers to questions."""

import numpy as np
import pytest

from dispatch_sim.decide import quick_sample
from dispatch_sim.decide.answer import answer
from dispatch_sim.decide.binding import find_binding
from dispatch_sim.decide.grid import make_grid_point
from dispatch_sim.decide.question import QuestionError, ask
from dispatch_sim.decide.quick_sample import Sample
from dispatch_sim.decide.studies import compare
from dispatch_sim.decide.winners import Standing
from dispatch_sim.model.plan import make_plan
from dispatch_sim.report.format import MEASURES, named
from dispatch_sim.report.quick import (
    answer_line,
    assumed_line,
    coordination_line,
    explanation,
    quick_document,
)
from dispatch_sim.scenario.loader import load, parse_source
from dispatch_sim.scenario.warnings import warnings
from dispatch_sim.study.objectives import OBJECTIVES, column_of
from tests.study.pairs import PAIRS

FEW, SOME = {"study.at_most": 64}, {"study.at_most": 1024}
"""Settings that bound the replications."""
TIGHT = {"tasks": 6, "limits": "50/30K/8K", "concurrency": "2..4", "settings": SOME}
EXACT = {"failures.crash": "0", "failures.bad_output": "0"}
"""Settings that leave nothing to chance, with a spread of 0."""


@pytest.fixture(scope="module")
def tight():
    return ask(**TIGHT)


@pytest.fixture(scope="module")
def ten():
    return ask(10, limits="50/30K/8K")


def test_question_equals_the_scenario_it_stands_for():
    written = parse_source(
        """\
name: decide
tasks:
  - name: task
    count: 6
    calls: 3
    tokens: {lognormal: {mean: 20K, cv: 40%}}
    duration: {lognormal: {mean: 90s, cv: 40%}}
provider: {profile: anthropic-start, model: claude-sonnet-5}
client: {profile: claude-code, retries: 4}
timeouts: {hard: 10m}
values: {waiting: $10/h, people: $90/h}
objective: {minimise: makespan}
sweep: {tasks: 6, concurrency: [2, 4]}
study: {seed: 3, at_most: 64}
"""
    )
    task = {"tokens": "20K", "duration": "90s", "calls": "3", "spread": "40%"}
    provider = {"limits": "anthropic-start", "model": "claude-sonnet-5", "client": "claude-code"}
    values = {"objective": "makespan", "waiting": "$10/h", "people": "$90/h"}
    settings = FEW | {"client.retries": 4}
    found = ask(6, **task, **provider, **values, concurrency="2,4", timeout="10m", settings=settings, seed=3)
    assert found.scenario.fingerprint == written.scenario().fingerprint


def test_figures_are_those_of_a_whole_study(tight):
    """It pairs the same replications, also of strategies that a quick answer drops before the others end."""
    found = tight
    text = """\
name: decide
tasks:
  - name: task
    count: 6
    tokens: {lognormal: {mean: 15K, cv: 50%}}
    duration: {lognormal: {mean: 60s, cv: 50%}}
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
sweep: {tasks: 6, concurrency: 2..4}
"""
    study = answer(compare(parse_source(text), replications=found.replications))
    choice = study.choices[0]
    assert (found.recommended, found.winner.standing) == (choice.strategy, Standing.SHOWN)
    assert found.choice.estimate.mean == pytest.approx(choice.estimate.mean)
    assert found.choice.estimate.low == pytest.approx(choice.estimate.low)
    differences = {other.strategy: other.difference for other in choice.alternatives}
    assert {strategy.kind for strategy in found.means} >= {"parallel", "sequential", "solo"}
    for each in found.choice.alternatives:
        assert each.difference.mean == pytest.approx(differences[each.strategy].mean)
        assert each.difference.low == pytest.approx(differences[each.strategy].low)
        assert each.estimate.n == each.difference.n == found.replications
    assert len(found.means) + len(found.dropped) == len(differences) + 1
    assert all(each.low > 0 or each.high == 0 for each in found.dropped.values())


def test_interval_is_preliminary_with_too_few_replications():
    """One of five tasks takes an hour of manual work in 0.5% of batches: 25 of these take 5,000 batches."""
    rare = {"failures.crash": "0.1%", "failures.bad_output": "0", "retry.max_attempts": 1}
    rare |= {"recovery.people": "1h", "strategies": ["sequential", "parallel"]}
    found = ask(5, settings=rare | {"study.at_most": 4096})
    assert (found.replications, found.is_preliminary) == (4096, True)
    assert found.needed >= 25 / (1 - 0.999**5)
    assert "(preliminary 95% confidence interval" in answer_line(found)
    assert found.to_json()["strategies"][0]["estimate"]["preliminary"]
    more = ask(5, settings=rare)
    assert more.replications >= more.needed >= 5000
    assert "preliminary" not in answer_line(more)


def test_large_batch_has_as_many_replications_as_calls_allow(monkeypatch):
    monkeypatch.setattr(quick_sample, "MAX_CALLS", 1_000_000)
    found = ask(80)
    assert found.is_preliminary
    dropped = sum(difference.n for difference in found.dropped.values())
    calls = (found.replications * len(found.means) + dropped) * 80 * 5
    assert 0.9 * 1_000_000 < calls <= 1_000_000


def test_answer_of_a_percentile_has_its_interval():
    found = ask(**TIGHT, objective="p95_makespan")
    estimate = found.choice.estimate
    assert estimate.low < estimate.mean < estimate.high
    assert answer_line(found).startswith(f"Use a {found.recommended} for six tasks: its p95 makespan is ")


def test_binding_resource_is_that_of_the_recommended_strategy(ten):
    plan = make_plan(ten.scenario, ten.recommended)
    assert ten.binding == find_binding(plan, ten.binding.replications)
    assert ten.to_json()["binding"]["resource"] == "input_tokens"


def test_same_question_has_the_same_answer(tight):
    assert ask(**TIGHT).to_json() == tight.to_json()


def test_usual_strategies_are_shown_though_they_are_identical():
    """Nobody works on a batch in which nothing fails."""
    found = ask(4, objective="people", settings=EXACT)
    assert found.rival is None
    assert {strategy.kind for strategy in found.means} == {"sequential", "parallel", "queue", "solo"}
    assert quick_document(found, explained=False).text.count(" identical ") == 3
    text = explanation(found)
    assert "All other strategies compared have the same people's time in every replication." in text
    assert "significantly worse" not in text


def test_single_task_is_for_the_coordinator_or_for_one_agent():
    """All other strategies start one agent, too."""
    found = ask(1, settings=FEW)
    assert warnings(found.source.scenario()) == []
    assert {strategy.label for strategy in found.means} == {"solo", "sequential"}
    assert "Quality is not modelled" in answer_line(found)


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ({}, ["sequential", "parallel", "queue", "queue (paced)", "solo"]),
        ({"manager": "agent"}, ["sequential", "parallel", "queue", "queue (paced)", "solo"]),
        ({"client": "claude-code"}, ["sequential", "parallel", "queue", "solo"]),
        (
            {"manager": "script"},
            ["sequential (script)", "parallel (script)", "queue (script)", "queue (script, paced)"],
        ),
        ({"manager": "script", "settings": FEW | {"strategies": ["queue: 2"]}}, ["queue"]),
    ],
)
def test_question_compares_the_default_strategies(asked, labels):
    found = ask(4, limits="50/30K/8K", **{"settings": FEW} | asked)
    assert [each.label for each in found.scenario.strategies] == labels


def test_paced_recommendation_says_how_to_pace_and_what_to_do_without(ten):
    line = answer_line(ten)
    assert "(paced) for ten tasks" in line
    assert "client-side limiter" in line
    unpaced = [each for each in ten.choice.alternatives if each.strategy.pace == "none"]
    best = min(unpaced, key=lambda each: each.estimate.mean)
    fallback = f"{named(best.strategy)}: its mean cost per batch is ${best.estimate.mean:.2f}."
    assert f"If you cannot pace, use {fallback}" in line


@pytest.mark.parametrize(("deadline", "verdict"), [("10m", "undecided"), ("12m", "feasible")])
def test_fallback_without_pacing_meets_the_limits_as_surely_as_the_recommendation(deadline, verdict):
    found = ask(10, limits="50/30K/8K", deadline=deadline)
    [queue] = [each for each in found.choice.alternatives if str(each.strategy) == "queue of 2"]
    assert (found.choice.feasibility.verdict, queue.feasibility.verdict) == ("feasible", verdict)
    assert ("If you cannot pace, use a queue of 2" in answer_line(found)) is (verdict == "feasible")


def test_text_has_the_bill_the_time_and_peoples_time_of_the_usual_strategies(tight):
    found = tight
    text = quick_document(found).text
    means = found.means[found.recommended]
    money, waiting, people = (means[name] for name in ("money_usd", "makespan_s", "people_s"))
    assert means["cost_usd"] == pytest.approx(money + waiting * 40 / 3600 + people * 80 / 3600)
    for words in (f"the bill of the API, ${money:.2f}, plus", "of waiting at $40.00 an hour, plus"):
        assert words in " ".join(text.split())
    rows = {line.split("  ")[0]: line for line in text.splitlines() if "  " in line}
    for strategy in (found.recommended, "parallel", "sequential", "solo"):
        [means] = [means for each, means in found.means.items() if str(each) == str(strategy)]
        assert f"${means['money_usd']:.2f}" in rows[str(strategy)]
    for words in ("95% confidence", "replications", "15K tokens in 1m"):
        assert words in explanation(found)


def test_500_calls_from_a_script_take_as_long_as_one_call():
    """500 x (480 x $3 + 120 x $15) / 1M = $1.62, and 20 s of a call with 2 s before it at $40/h: $1.86."""
    settings = EXACT | FEW | {"dispatch.spawn.tokens": "0"}
    found = ask(500, 600, "20s", calls=1, spread=0, manager="script", settings=settings)
    assert found.means[found.recommended]["makespan_s"] == pytest.approx(22)
    assert found.means[found.recommended]["cost_usd"] == pytest.approx(1.62 + 22 * 40 / 3600)
    first, second, *_ = answer_line(found).split(". ")
    assert first == (
        "Use parallel (script) for 500 tasks: its mean cost per batch is $1.86, the same in every replication"
    )
    assert second.startswith("This cost is the bill of the API, $1.62, plus 22s of waiting at $40.00 an hour")
    assert "a script dispatches the tasks" in explanation(found)


def test_coordinator_with_a_large_share_of_the_makespan_is_named():
    """One turn of 4 s with ten briefs of 5.7 s, and ten merges of 5 s.

    A script takes 62 s, and 10 x (12K x $3 + 3K x $15 + 3K x $3) / 1M = $0.90 with $0.69 of waiting.
    """
    asked = {"tasks": 10, "calls": 1, "spread": 0, "concurrency": 10, "settings": EXACT}
    found = ask(**asked)
    makespan_s = found.means[found.recommended]["makespan_s"]
    assert found.coordination.briefs * makespan_s == pytest.approx(4 + 10 * 5.7)
    assert found.coordination.merges * makespan_s == pytest.approx(10 * 5)
    by_script = ask(**asked, manager="script")
    assert found.coordination.means == by_script.means[by_script.recommended]
    line = coordination_line(found)
    assert line.startswith("The coordinator writes briefs for 1m 1s and merges for 50s of 2m 1")
    assert line.endswith("with --manager script and parallel: about $1.59 and 1m 2s.")
    assert "4s for a turn, 5.7s for each brief and 5s to merge a result" in explanation(found)
    for other in ({"duration": "1h"}, {"objective": "money"}, {"deadline": "1h"}):
        assert coordination_line(ask(**asked, **other)) == ""
    assert coordination_line(by_script) == ""


def test_concurrencies_that_are_left_out_are_named(caplog):
    found = ask(3, concurrency="1..5", settings=FEW)
    compared = {*found.means, *found.dropped}
    assert {strategy.concurrency for strategy in compared if strategy.kind == "queue"} == {2, 3}
    assert caplog.messages[0].startswith("concurrency: only 2 and 3 of '1..5' are compared: ")


def test_no_more_agents_are_recommended_than_the_harness_runs(caplog):
    """Claude Code runs 20 agents at the same time; its workflow runs 16."""

    def concurrencies(found):
        strategies = {*found.means, *found.dropped}
        return sorted(each.concurrency for each in strategies if each.kind == "queue")

    many = {"tasks": 30, "tokens": "5K", "harness": "claude-code", "settings": FEW}
    assert concurrencies(ask(**many)) == [2, 3, 4, 6, 8, 12, 16, 20]
    assert concurrencies(ask(**many, concurrency="10,20,30")) == [10, 20]
    assert caplog.messages[0].startswith("concurrency: only 10 and 20 of '10,20,30' are compared: ")
    with pytest.raises(QuestionError, match=r"'24' exceeds the number of agents .*; write at most 20"):
        ask(**many, concurrency="24")
    parallel = FEW | {"strategies": ["parallel"]}
    line = answer_line(ask(30, "5K", harness="claude-code-workflow", settings=parallel))
    assert line.startswith("Use parallel for 30 tasks (of which the harness runs 16 at the same time): its")


def test_queue_of_all_tasks_is_compared_where_launches_above_the_cap_wait():
    """Claude Code runs ten tool calls at once; a queue of 12 has its briefs written while the others run."""
    asked = {"tasks": 12, "limits": "unlimited", "harness": "claude-code-parallel", "settings": SOME}
    found = ask(**asked)
    assert found.scenario.sweep.concurrency == (2, 3, 4, 6, 8, 10, 12)
    assert str(found.recommended) == "queue of 12"
    assert str(ask(**asked, concurrency="11,12").recommended) == "queue of 12"
    assert "queue of 12 for 12 tasks (of which the harness runs ten at the same time)" in answer_line(found)


def test_queue_is_left_out_where_one_agent_runs_at_a_time():
    found = ask(3, settings=FEW | {"harness.cap": 1, "harness.over": "refuse"})
    assert {each.label for each in found.scenario.strategies} == {"sequential", "parallel", "solo"}
    waiting = ask(3, settings=FEW | {"harness.cap": 1})
    assert waiting.scenario.sweep.concurrency == (3,)
    assert str(ask(1, settings=FEW | {"strategies": ["queue"]}).recommended) == "queue of 1"


@pytest.mark.parametrize(
    ("threshold", "said"), [("$100", "Queues of 2 to 4 (paced) are within $100 of the best."), ("$0", "")]
)
def test_concurrencies_that_hardly_differ_are_named(threshold, said):
    """Of a batch for some dollars, queues differ by less than $100, and by more than nothing."""
    found = ask(**TIGHT | {"settings": SOME | {"study.indifference": threshold}})
    assert found.recommended.label == "queue (paced)"
    assert said in answer_line(found)
    assert ("are within" in answer_line(found)) is bool(said)
    assert "Queues of 2, 3 and 4 were compared." in explanation(found)


def test_queue_of_all_tasks_differs_from_parallel_in_merging():
    line = answer_line(ask(6, limits="unlimited", concurrency="6", settings=SOME))
    assert line.startswith(
        "Use a queue of 6 for six tasks (all start together, and each result is merged when it returns): "
        "its mean cost"
    )


def test_assumptions_that_decide_are_named_with_their_options(tight):
    assert assumed_line(ask(4, harness="claude-code", limits="unlimited", settings=FEW)) == (
        "Assumed: the client retries a rejected request up to ten times (--client); the API has no limits "
        "(--limits); each sub-agent starts with 23.5K tokens, of which it can read 12.2K from the cache if "
        "another one sent them in the last 5m (--set dispatch.spawn.tokens); "
        "a million input tokens cost $3.00, and a million output tokens $15.00 (--model); "
        "the harness runs at most 20 agents (--harness)."
    )
    assert "allows 50 requests, 30K input tokens and 8K output tokens a minute" in assumed_line(tight)


def test_strategy_that_misses_the_deadline_is_not_recommended():
    """Four tasks of 62 s take four minutes one after another; tasks together cost pairs of merges."""
    asked = {"tasks": 4, "spread": 0, "waiting": "$0/h", "settings": EXACT | {"merge.pair.tokens": "10K"}}
    assert ask(**asked).recommended.kind == "sequential"
    bound = ask(**asked, deadline="3m", budget="$5")
    assert bound.means[bound.recommended]["makespan_s"] < 180
    assert bound.choice.feasibility.verdict == "feasible"
    assert {each.strategy.kind for each in bound.choice.alternatives if each.infeasible} == {
        "sequential",
        "solo",
    }
    line = answer_line(bound)
    assert (
        "meets the deadline of 3m and the budget of $5.00 for the bill in 100% of batches (99% to 100%;"
        in line
    )
    assert "Excluded, because they do not meet the limits: " in line
    late = ask(**asked, deadline="10s")
    assert late.rivals == []
    text = quick_document(late).text
    assert text.startswith("No strategy meets the deadline of 10s in 95% of batches.")
    assert "None meets it in any replication. The cheapest is sequential" in " ".join(text.split())
    assert "recommended" not in text


SIMILAR = {"tasks": 20, "limits": "200/400K/80K", "objective": "money"}
"""Bills of queues of 16 and of 20 differ by a fifth of a percent, in all batches alike."""


def test_rival_meets_the_limits_as_surely_as_the_best():
    found = ask(**SIMILAR, deadline="349s", settings={"recovery.people": "0s"})
    others = [each for each in found.choice.alternatives if not each.infeasible]
    cheaper = [each for each in others if each.difference.high < 0]
    assert {each.feasibility.verdict for each in cheaper} == {"undecided"}
    assert found.choice.feasibility.verdict == "feasible"
    assert all(each.feasibility.verdict == "feasible" for each in found.rivals)
    assert "The nearest rival" not in answer_line(found)
    explained = explanation(found)
    assert "all other strategies compared that are shown to meet the limits" in explained
    assert "that were worse or identical, or missed the limits, in the first" in explained


def test_practically_equal_strategies_are_named_though_they_are_worse():
    found = ask(**SIMILAR)
    assert (found.winner.standing, len(found.winner.best_subset)) == (Standing.EQUAL, 1)
    assert found.rival.difference.low > 0
    hardly, rest = explanation(found).split(" within the indifference threshold")
    names = f"{named(found.recommended)} and {named(found.rival.strategy)}"
    assert hardly == f"The choice between {names} hardly matters: the difference is"
    equal = [
        each
        for each in found.rivals
        if each.difference.high <= found.scenario.threshold.at(found.winner.mean)
    ]
    assert ("are significantly worse." in rest) is (len(equal) < len(found.rivals))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "starts with 3K tokens (--set dispatch.spawn.tokens; Claude Code: about 23.5K);"),
        ({}, "input that is read from the cache does not count (--model);"),
        ({"dispatch.spawn.tokens": "8K"}, "starts with 8K tokens (--set dispatch.spawn.tokens);"),
        ({"dispatch.spawn.fork": True}, "starts with 3K tokens besides the coordinator's context (--set"),
        (
            {"provider": {"model": "gpt-5", "limits": {"requests": "500/min", "input_tokens": "200K/min"}}},
            "from the cache counts, and a call reserves 4.1K output tokens (--model);",
        ),
        (
            {"provider.on_limit": "wait"},
            "Assumed: the gateway holds calls back at the limits (--set provider.on_limit); ",
        ),
        (
            {"failures.crash": "60%", "failures.bad_output": "50%"},
            "80% of attempts fail, and after two failures",
        ),
        (
            {"retry.policy": "none"},
            "5% of attempts fail, and after one failure a person completes the task in",
        ),
        ({"tasks.output": "prose"}, "5.7s for each brief; a person takes 3m to merge a result;"),
        ({"tasks.calls": 1}, "tokens in 1m and 1 model call on average"),
        ({"harness.cap": 1}, "at most one agent (--harness)"),
    ],
)
def test_assumptions_are_those_of_the_scenario(settings, text):
    """Of attempts that crash in 60%, half of the other 40% have a bad output."""
    found = ask(tasks=2, settings=FEW | settings)
    assert text in f"{explanation(found)} {assumed_line(found)}"


def test_few_tokens_are_a_warning(caplog):
    ask(2, tokens="15", settings=FEW)
    assert caplog.messages == ["tokens: a task has 15 tokens on average; for thousands write 15K"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": "5parsecs"}, "tokens: '5parsecs' is not a number of tokens"),
        ({"duration": "60"}, "duration: '60' has no unit; write 60s"),
        ({"calls": "0"}, "calls: '0' is too small"),
        ({"spread": "x"}, "spread: 'x' is not a share"),
        ({"limits": "antropic-start"}, "limits: .* did you mean 'anthropic-start'"),
        ({"limits": "1/2"}, "limits: '1/2' is not a limit; .* 50/30K/8K"),
        (
            {"limits": "50K"},
            "limits: '50K' is not a limit; .* alone set provider.limits.input_tokens=50K/min",
        ),
        ({"limits": "50/30K/c"}, "limits: 'c/min' is not a limit"),
        ({"limits": "50/\N{SUPERSCRIPT TWO}/8K"}, "limits: '.*/min' is not a limit"),
        ({"limits": "50/0/8K"}, "limits: '0/min' admits no requests"),
        ({"limits": "50/30/8"}, "limits: '50/30/8' allows 30 tokens a minute; for thousands write 30K"),
        (
            {"limits": "openai-like"},
            "limits: openai-like states no limits .* set provider.profile=openai-like",
        ),
        ({"deadline": "5"}, "deadline: '5' has no unit; write 5s"),
        ({"budget": "x"}, "budget: 'x' is not "),
        ({"model": "gpt-nothing"}, "model: the prices of 'gpt-nothing' are not known"),
        ({"client": "curl"}, "client: unknown client profile"),
        ({"manager": "x"}, "manager: 'x' is not possible; write agent or script"),
        ({"harness": "x"}, "harness: unknown harness profile"),
        ({"tasks": "6"}, "tasks: '6' is text; write a whole number, such as 6"),
        ({"concurrency": "9..2"}, "concurrency: '9..2' runs backwards"),
        ({"concurrency": "20"}, "concurrency: '20' exceeds the number of tasks; write at most 6"),
        ({"objective": "speed"}, "objective: 'speed' is not one of the choices"),
        ({"timeout": "1parsec"}, "timeout: '1parsec' is not a time"),
        ({"waiting": "40"}, r"waiting: '40' has no unit; write \$40/h"),
        (
            {"settings": {"clint.retries": "5"}},
            "clint.retries: unknown key 'clint'; did you mean 'client'",
        ),
        ({"settings": {"client.retries": 5.5}}, "client.retries: 5.5 is not a whole number"),
        ({"settings": {"tasks.tokens.mean": "1"}}, "tasks.tokens.mean: "),
    ],
)
def test_error_names_its_argument(change, message):
    with pytest.raises(QuestionError, match=message) as caught:
        ask(**{"tasks": 6} | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("objective", "column"), [("money", "money_usd"), ("tokens", "tokens")])
def test_bill_that_is_low_because_tasks_fail_is_called_so(objective, column):
    """The input of two tasks exceeds what a minute allows, so that one of two together fails at once."""
    settings = EXACT | {"client.retries": 0, "retry.policy": "none", "strategies": ["sequential", "parallel"]}
    asked = {"tokens": "25K", "calls": 1, "spread": 0, "limits": "100/30K/100K", "settings": settings}
    found = ask(2, **asked, objective=objective)
    assert (found.recommended.kind, found.reference.kind) == ("parallel", "sequential")
    assert {each.kind: means["manual_completions"] for each, means in found.means.items()} == {
        "parallel": 1,
        "sequential": 0,
    }
    amount = MEASURES[column].amount(found.means[found.reference][column])
    low = f"{MEASURES[column].noun} is low because 1 of 2 tasks fail, and people do them; "
    low += f"without that, the least is {amount}, with sequential."
    assert low in answer_line(found)
    assert low in " ".join(str(answer(compare(found.source, replications=16))).split())
    rows = quick_document(found).text.splitlines()
    bill = found.means[found.recommended]["money_usd"]
    assert [row.split()[0] for row in rows if "*" in row] == ["parallel", "*"]
    assert f"${bill:.2f}* " in next(row for row in rows if row.startswith("parallel"))
    assert "* The bill is lower because tasks fail and people do them." in rows
    assert "fail, and people do them" not in answer_line(ask(2, **asked))


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"tokens": "100M"}, "higher limits (--limits), smaller"),
        ({"timeout": "5s"}, "a longer timeout (--timeout), "),
        ({"settings": {"failures.crash": "100%"}}, "lets 100% of attempts fail, whatever the limits; write"),
    ],
)
def test_no_strategy_is_recommended_where_all_tasks_fail(change, advice):
    """No call of 16M tokens fits into a minute's 2M, and no attempt of about a minute ends in 5 s."""
    found = ask(3, concurrency=2, **{"settings": FEW, **change})
    text = " ".join(quick_document(found).text.split())
    assert text.startswith("No strategy can do these three tasks: with every strategy compared, ")
    assert advice in text
    assert ("(--tokens)" in text) is ("settings" not in change)
    assert "recommended" not in text
    assert "Use " not in text
    assert found.to_json()["all_fail"]
    assert not ask(3, concurrency=2, settings=FEW).all_fail


def made_sample(objective, *samples):
    """Return the sample of two strategies with these values of an objective."""
    source = load(PAIRS).replaced({"objective": {"minimise": objective}, "study.indifference": "0%"})
    variant = make_grid_point(source, {})
    column = quick_sample._COLUMNS.index(column_of(OBJECTIVES[objective]))
    values = [np.zeros((len(sample), len(quick_sample._COLUMNS))) for sample in samples]
    for rows, sample in zip(values, samples, strict=True):
        rows[:, column] = sample
    return Sample(variant, dict(zip((plan.strategy for plan in variant.plans), values, strict=True)))


def test_one_strategy_is_recommended_where_costs_are_equal_in_other_replications():
    rng = np.random.default_rng(1)
    costs = np.where(np.arange(300) < 15, 42.20, 2.13)
    for _ in range(20):
        sample = made_sample("cost", rng.permutation(costs), rng.permutation(costs))
        assert sample.winner.strategy == sample.choice.strategy


def test_strategies_with_the_same_percentile_are_identical_where_that_is_minimised():
    """The makespans below it differ."""
    times = np.random.default_rng(2).permutation(np.arange(1.0, 129.0))
    sample = made_sample("p95_makespan", times, np.where(times < 60, times / 2, times))
    [other] = sample.choice.alternatives
    assert (other.difference.low, other.difference.high, other.identical) == (0, 0, True)
