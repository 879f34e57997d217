"""The best settings, where they are known."""

import itertools
from dataclasses import replace

import pytest

from dispatch_sim.decide import settings_search
from dispatch_sim.decide.grid import make_grid_point
from dispatch_sim.decide.settings_search import find_decision_variables
from dispatch_sim.decide.tuning import Trial, tune
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.report.tuning import best_subset_text, tuning_document, write_tuning
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.study.design import Design
from dispatch_sim.study.runner import simulate_design

# Attempts of exactly 64 s, a fifth of which go silent; nothing else goes wrong.
HANGS = """\
name: Hangs
tasks: [{name: one, count: 3, calls: 1, tokens: 1000, duration: 60s, spread: 0%}]
provider: {limits: unlimited}
failures: {crash: 0%, bad_output: 0%, hang: 20%}
timeouts: {hard: 20m}
retry: {max_attempts: 100}
strategies: [sequential, {queue: 1}]
study: {replications: 40, indifference: $0.01}
engine: compiled
"""

# Two tight limits and impatient clients: a narrow queue, or a patient client with a wide one.
TIGHT = """\
name: Tight
tasks: [{name: one, count: 4, calls: 4, tokens: 15K, duration: {lognormal: {mean: 60s, cv: 0.5}}}]
provider: {limits: {requests: 50/min, input_tokens: 20K/min, output_tokens: 6K/min}}
study: {seed: 2, replications: 24}
engine: compiled
"""


@pytest.fixture(scope="module")
def hangs():
    return tune(parse_source(HANGS))


def variable(tuning, path):
    return next(tuned for tuned in tuning.tuned if tuned.variable.path == path)


def with_trials(tuning, *trials, **fields):
    """Return a tuning with other trials of the concurrency, which are printed in one line."""
    concurrency, *others = tuning.tuned
    found = replace(tuning, tuned=(replace(concurrency, trials=trials), *others), **fields)
    return found, " ".join(str(found).split())


def test_search_that_ends_early_does_not_say_that_no_step_is_better(hangs, monkeypatch):
    monkeypatch.setattr(settings_search, "MAX_PASSES", 1)
    early = tune(parse_source(HANGS), replications=4)
    assert (hangs.joint is None, early.joint) == (False, None)
    assert "a further step may be an improvement" in " ".join(str(early).split())
    assert "pairs of steps from the chosen settings is better" in " ".join(str(hangs).split())


def test_best_timeout_is_the_shortest_that_ends_no_working_agent(hangs):
    timeout = variable(hangs, "timeouts.hard")
    assert timeout.variable.labels[timeout.best] == timeout.variable.labels[0] == "1m 20s"  # 1.25 times 64 s
    assert timeout.best_subset == ("1m 20s",)
    means = [trial.difference.mean for trial in timeout.trials if trial.difference is not None]
    assert means == sorted(means)
    assert timeout.trials[-1].label == "none"
    assert timeout.trials[-1].difference is None  # an agent that hangs would never end
    assert hangs.saves.low > 0


def test_highest_concurrency_is_best_without_limits(hangs):
    retries, backoff = variable(hangs, "client.retries"), variable(hangs, "client.initial")
    concurrency = variable(hangs, "concurrency")
    assert concurrency.variable.labels[concurrency.best] == "3"
    assert (retries.matters, backoff.matters) == (False, False)
    assert (retries.best, backoff.best) == (retries.variable.present, backoff.variable.present)


@pytest.mark.parametrize("strategies", ["[queue]", "[queue, paced]"])
def test_no_combination_of_concurrency_pacing_and_retries_is_better(strategies):
    source = parse_source(f"{TIGHT}strategies: {strategies}\n")
    found = tune(source)
    values = {tuned.variable.path: tuned.variable.values for tuned in found.tuned}
    assert values.get("pace", ("none",)) == (("none", "limits") if "paced" in strategies else ("none",))
    others = {tuned.variable.path: tuned.variable.values[tuned.best] for tuned in found.tuned}
    queue = Strategy("queue", others.pop("concurrency"), pace=others.pop("pace", "none"))
    points = [
        make_grid_point(source, others | {"client.retries": count}, [Strategy("queue", number, pace=pace)])
        for number, count, pace in itertools.product(
            values["concurrency"], values["client.retries"], values.get("pace", ("none",))
        )
    ]

    def mean(point):
        measures = simulate_design(Design((), (point,), 24))
        return float(measures[:, :, MEASURES.index("cost_usd")].mean())

    chosen = make_grid_point(source, others, [queue])
    assert mean(chosen) <= min(map(mean, points)) + 2 * found.indifference


def test_present_values_are_tried():
    scenario = parse_source(HANGS.replace("20m", "7m7s")).scenario()
    variables = {each.path: each for each in find_decision_variables(scenario, scenario.strategies[1])}
    assert variables["timeouts.hard"].labels[variables["timeouts.hard"].present] == "7m 7s"
    assert variables["retry.max_attempts"].values[-1] == 100
    assert variables["concurrency"].values == (1, 2, 3)
    put = parse_source(HANGS).replaced(
        {path: each.values[0] for path, each in variables.items() if "." in path}
    )
    put.scenario()


def test_tuning_does_not_depend_on_threads(hangs, tmp_path):
    two = tune(parse_source(HANGS), jobs=2)
    assert hangs.to_json() == two.to_json()
    write_tuning(hangs, tmp_path / "one")
    for path in write_tuning(two, tmp_path / "two"):
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()


def test_tuning_prints_settings_and_best_subset(hangs):
    text = str(hangs)
    assert "For three tasks through a queue, set the concurrency of the queue to 3 (now 1)" in text
    assert "all values" in text
    assert "other than those of the search" in " ".join(text.split())
    assert "| timeout of an attempt |" in tuning_document(hangs).markdown
    assert "| none | cannot be simulated |" in tuning_document(hangs).markdown
    assert best_subset_text(variable(hangs, "client.retries")) == "0 to 20"


def test_present_concurrency_that_the_scenario_does_not_give_is_named_as_such(hangs):
    text = " ".join(str(replace(hangs, has_concurrency=False)).split())
    assert "the concurrency of the queue to 3 (1 is the best one with the other settings as they are)" in text
    assert "1 (best with these)" in text
    assert "than with the present settings and the best concurrency for them." in text


def test_values_within_the_indifference_threshold_are_alike(hangs):
    """Of the concurrency, 2 is significantly better than the chosen 3, by less than the threshold."""
    one, _, three = variable(hangs, "concurrency").trials
    better = Trial("2", Estimate(-0.004, -0.006, -0.002, 10), in_best_subset=True)
    found, text = with_trials(hangs, one, better, three)
    assert "below the indifference threshold of $0.01: concurrency of the queue 2 to 3." in text
    assert "| 3 | chosen |" in tuning_document(found).markdown
    assert "leaves a value only for one that gains more than that" in text
    _, without = with_trials(hangs, one, better, three, indifference=0.0)
    assert "not significant: concurrency of the queue 2 to 3." in without
    assert "gains more than that" not in without


@pytest.mark.parametrize(
    ("low", "which"),
    [
        (-0.001, "which is not significantly worse"),
        (0.001, "which is worse by less than the indifference threshold"),
    ],
)
def test_present_value_that_is_as_good_is_not_listed_as_alike_again(hangs, low, which):
    present = Trial("1", Estimate(0.003, low, 0.006, 10), in_best_subset=True)
    trials = present, *variable(hangs, "concurrency").trials[1:]
    _, text = with_trials(hangs, *trials)
    assert f"concurrency of the queue to 3 (now 1, {which})" in text
    assert "alike" not in text
    _, text = with_trials(hangs, *trials, has_concurrency=False)
    as_good = which.removeprefix("which ")
    assert f"(1 is the best one with the other settings as they are, and with these {as_good})" in text


def test_settings_that_are_not_shown_to_be_better_are_not_said_to_save(hangs):
    text = " ".join(str(replace(hangs, saves=Estimate(-0.2, -0.5, 0.1, 10))).split())
    assert "these minus the chosen ones are \N{MINUS SIGN}$0.20 (\N{MINUS SIGN}$0.50 to +$0.10)." in text
    assert "less than" not in text


@pytest.mark.parametrize("objective", ["makespan", "tokens"])
def test_other_objectives_are_tuned(objective):
    text = HANGS.replace(", indifference: $0.01", "") + f"objective: {{minimise: {objective}}}\n"
    found = tune(parse_source(text), replications=10)
    assert found.objective.startswith(objective)
    assert found.indifference > 0
