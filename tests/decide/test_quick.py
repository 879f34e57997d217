"""Quick answers to questions."""

import pytest

from dispatch_sim.decide.answer import answer
from dispatch_sim.decide.binding import find_binding
from dispatch_sim.decide.question import QuestionError, ask
from dispatch_sim.decide.quick import FIRST_LOOK, TO_BIND
from dispatch_sim.decide.studies import compare
from dispatch_sim.decide.winners import Standing
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.report.quick import answer_line, coordination_line, explanation
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.stats.percentile import MIN_REPLICATIONS

TIGHT = {"tasks": 6, "limits": "50/30K/8K", "concurrency": "2..4"}


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
study: {seed: 3}
"""
    )
    task = {"tokens": "20K", "duration": "90s", "calls": "3", "spread": "40%"}
    provider = {"limits": "anthropic-start", "model": "claude-sonnet-5", "client": "claude-code"}
    values = {"objective": "makespan", "waiting": "$10/h", "people": "$90/h"}
    settings = {"client.retries": 4}
    found = ask(6, **task, **provider, **values, concurrency="2,4", timeout="10m", settings=settings, seed=3)
    assert found.scenario.fingerprint == written.scenario().fingerprint


def test_percentile_takes_more_replications():
    """Of 16 replications it would be the largest, without any estimate of its noise."""
    found = ask(6, limits="50/30K/8K", concurrency="2..4", objective="p95_makespan")
    assert {each.replications for each in found.candidates} == {MIN_REPLICATIONS}
    assert "those that" not in explanation(found)


def test_answer_agrees_with_a_whole_study():
    """The best of 256 replications is in the best subset."""
    found = ask(**TIGHT)
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
    choice = answer(compare(parse_source(text))).choices[0]
    assert choice.strategy in found.winner.best_subset
    assert found.winner.standing in (Standing.SHOWN, Standing.CONCURRENCY_OPEN)


def test_figures_are_means_of_the_stated_replications():
    found = ask(**TIGHT)
    for each in (found.candidates[0], found.candidates[-1]):
        plan = make_plan(found.scenario, each.strategy)
        costs = [
            simulate(plan, Variates(found.scenario, number)).cost_usd for number in range(each.replications)
        ]
        assert each.means["cost_usd"] == pytest.approx(sum(costs) / len(costs))
    assert min(each.replications for each in found.candidates) >= FIRST_LOOK
    assert found.candidates[0].difference == 0
    assert all(each.difference > 0 for each in found.candidates[1:])


def test_binding_resource_is_that_of_the_recommended_strategy():
    found = ask(10, limits="50/30K/8K")
    plan = make_plan(found.scenario, found.recommended)
    assert found.binding == find_binding(plan, TO_BIND)
    assert found.to_json()["binding"]["resource"] == "input_tokens"


def test_same_question_has_the_same_answer():
    assert ask(**TIGHT).to_json() == ask(**TIGHT).to_json()


def test_spread_of_zero_has_no_distribution():
    group = ask(2, spread="0").scenario.tasks[0]
    assert group.tokens.quantile(0.01) == group.tokens.quantile(0.99) == 15_000


def test_single_task_is_for_the_coordinator_or_for_one_agent():
    """All other strategies start one agent, too."""
    found = ask(1)
    assert {each.strategy.label for each in found.candidates} == {"solo", "sequential"}
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
        ({"manager": "script", "settings": {"strategies": ["queue: 2"]}}, ["queue"]),
    ],
)
def test_question_compares_the_default_strategies(asked, labels):
    assert [each.label for each in ask(4, limits="50/30K/8K", **asked).scenario.strategies] == labels


def test_paced_recommendation_says_how_to_pace():
    line = answer_line(ask(10, limits="50/30K/8K"))
    assert "(paced) for ten tasks" in line
    assert "a queue of 2 costs" in line
    assert "client-side limiter" in line


def test_line_has_recommendation_and_other_costs():
    found = ask(**TIGHT)
    line = answer_line(found)
    assert "\n" not in line
    assert line.startswith(f"Use a {found.winner.strategy} for six tasks: about $")
    for other in ("parallel costs", "sequential costs"):
        assert other in line
    text = explanation(found)
    for words in ("95% confidence", "replications", "15K tokens in 1m", "30K input tokens", "$40.00"):
        assert words in text


EXACT = {"failures.crash": "0", "failures.bad_output": "0"}
"""Settings that leave nothing to chance, with a spread of 0."""


def test_500_calls_from_a_script_take_as_long_as_one_call():
    """500 x (480 x $3 + 120 x $15) / 1M = $1.62, and 20 s of a call with 2 s before it at $40/h: $1.86."""
    settings = EXACT | {"dispatch.spawn.tokens": "0"}
    found = ask(500, 600, "20s", calls=1, spread=0, manager="script", settings=settings)
    assert found.best.means["makespan_s"] == pytest.approx(22)
    assert found.best.means["cost_usd"] == pytest.approx(1.62 + 22 * 40 / 3600)
    assert answer_line(found).startswith("Use parallel (script) for 500 tasks: about $1.86 and 22s")
    assert "a script dispatches the tasks" in explanation(found)


def test_coordinator_with_a_large_share_of_the_makespan_is_named():
    """One turn of 4 s with ten briefs of 5.7 s, and ten merges of 5 s.

    A script takes 62 s, and 10 x (12K x $3 + 3K x $15 + 3K x $3) / 1M = $0.90 with $0.69 of waiting.
    """
    asked = {"tasks": 10, "calls": 1, "spread": 0, "concurrency": 10, "settings": EXACT}
    found = ask(**asked)
    makespan_s = found.best.means["makespan_s"]
    assert found.coordination.briefs * makespan_s == pytest.approx(4 + 10 * 5.7)
    assert found.coordination.merges * makespan_s == pytest.approx(10 * 5)
    by_script = ask(**asked, manager="script")
    assert found.coordination.script.to_json() == by_script.to_json()
    line = coordination_line(found)
    assert line.startswith("The coordinator writes briefs for 1m 1s and merges for 50s of 2m 1")
    assert line.endswith("with --manager script: $1.59 and 1m 2s.")
    assert "4s for a turn, 5.7s for each brief and 5s to merge a result" in explanation(found)
    for rarely in (by_script, ask(**asked, duration="1h")):
        assert coordination_line(rarely) == ""


def test_concurrencies_that_are_left_out_are_named(caplog):
    found = ask(3, concurrency="1..5")
    assert {each.strategy.concurrency for each in found.candidates if each.strategy.kind == "queue"} == {2, 3}
    assert caplog.messages[0].startswith("concurrency: only 2 and 3 of '1..5' are compared: ")


def test_same_concurrency_differs_in_merging():
    line = answer_line(ask(6, limits="unlimited", concurrency="6"))
    assert line.startswith("Use a queue of 6 for six tasks: about $")
    assert "; parallel costs $" in line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": "5parsecs"}, "tokens: '5parsecs' is not a number of tokens"),
        ({"duration": "60"}, "duration: '60' has no unit; write 60s"),
        ({"calls": "0"}, "calls: '0' is too small"),
        ({"spread": "x"}, "spread: 'x' is not a share"),
        ({"limits": "antropic-start"}, "limits: .* did you mean 'anthropic-start'"),
        ({"limits": "1/2"}, "limits: '1/2' is not a limit; .* 50/30K/8K"),
        ({"limits": "50/30K/c"}, "limits: 'c/min' is not a limit"),
        ({"model": "gpt-nothing"}, "model: the prices of 'gpt-nothing' are not known"),
        ({"client": "curl"}, "client: unknown client profile"),
        ({"manager": "x"}, "manager: 'x' is not possible; write agent or script"),
        ({"harness": "x"}, "harness: unknown harness profile"),
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
        ask(6, **change)
    assert "\n" not in str(caught.value)
