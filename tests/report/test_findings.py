"""Findings besides the decision agree with it."""

from dataclasses import replace

import numpy as np
import pytest

from dispatch_sim.decide.diminishing_returns import diminishing_returns
from dispatch_sim.report import findings
from dispatch_sim.report.decision import decide, limits_met, precision
from dispatch_sim.report.figures.curves import along_concurrency
from dispatch_sim.report.format import dollars
from dispatch_sim.report.page import report_document
from dispatch_sim.report.tables import compared_table
from dispatch_sim.report.view import main_view
from tests.report.conftest import TIGHT, answered, with_costs


def limited(objective, study=""):
    return main_view(answered(f"{TIGHT}objective: {{{objective}}}\n{study}"))


def test_precision_is_that_of_the_difference_that_decides(tight, nothing):
    """Identical strategies have none."""
    known = main_view(tight).choice.deciding
    assert f"is known to within ±{dollars(known.difference.half_width)}" in precision(main_view(tight))
    assert precision(main_view(nothing)) == "Precision: 10 replications per strategy."


@pytest.mark.parametrize(
    ("means", "own_noise", "sentence"),
    [
        ((10, 15), 1, "the other strategy is significantly worse"),
        ((10, 10.001), 1, "the other strategy is not significantly worse"),
        ((10, 15, 16), 1, "both other strategies are significantly worse"),
        ((10, 10.001, 16), 1, "all but one of the two other strategies are significantly worse"),
        ((10, 10.001, 10.002), 1, "none of the two other strategies is significantly worse"),
        (
            (10, 10.04),
            1e-4,
            "the other strategy is significantly worse (the difference is shown to be below $0.05)",
        ),
        (
            (10, 10.04, 15),
            1e-4,
            "both other strategies are significantly worse (the difference from one of them is shown to "
            "be below $0.05)",
        ),
    ],
)
def test_precision_states_how_many_strategies_are_worse(tight, means, own_noise, sentence):
    """A small difference is significant where little of the noise is that of one strategy."""
    common, *noises = (noise - noise.mean() for noise in np.random.default_rng(2).normal(size=(4, 40)))
    costs = {
        ("queue", k): mean + common + own_noise * noise
        for k, mean, noise in zip((2, 3, 4), means, noises, strict=False)
    }
    assert f"with 95% confidence, {sentence}." in precision(with_costs(tight, costs))


def test_a_deadline_that_all_strategies_miss_is_the_headline():
    missed = limited("deadline: 1s")
    assert missed.choice.feasible is False
    differences = [row[2] for row in compared_table(missed).rows]
    assert differences[0] == "cheapest"
    assert all(difference.endswith("misses the limits") for difference in differences[1:])
    assert decide(missed).headline.startswith(
        "No strategy meets the deadline of 1s in 95% of batches. None meets it in any replication. The cheap"
    )
    assert " ".join(str(missed.choice).split()).startswith("With six tasks: No strategy meets the deadline")
    assert along_concurrency(missed).description.startswith("No strategy meets the limits.")


def test_a_deadline_that_is_met_is_told_with_its_share():
    text = limits_met(limited("deadline: 20h, budget: $900"))
    assert "meets the deadline of 20h and the budget of $900 for the bill in 100% of batches (" in text
    assert limits_met(limited("minimise: cost")) == ""


def test_what_misses_a_deadline_is_excluded_and_not_compared():
    cheap = limited("minimise: tokens, deadline: 6m")
    missed = [other for other in cheap.choice.alternatives if other.infeasible]
    assert any(other.difference.mean < 0 for other in missed)
    text = decide(cheap).text
    assert "\N{MINUS SIGN}" not in text
    assert "Excluded, because they do not meet the limits: " in text


def test_compared_strategies_are_sorted_by_cost_after_the_recommended_one(tight):
    """Those that miss the limits come last."""
    view = main_view(tight)
    _, *others = [view.mean("cost_usd", strategy) for strategy in view.points]
    assert others == sorted(others)
    cheap = limited("minimise: tokens, deadline: 6m")
    marks = ["misses" in row[2] for row in compared_table(cheap).rows]
    assert marks == sorted(marks)
    assert any(marks)


def test_table_marks_strategies_that_may_miss_the_limits():
    view = limited("deadline: 12m")
    undecided = {f"{o.strategy}" for o in view.choice.alternatives if o.feasibility.verdict == "undecided"}
    marked = {row[0] for row in compared_table(view).rows if row[2].endswith(", may miss the limits")}
    assert marked == undecided
    assert undecided


def test_with_undecided_limits_a_costlier_strategy_is_not_said_to_make_no_difference():
    """It may be needed to meet the deadline, and is not ruled out, though it is significantly worse."""
    view = limited("deadline: 12m")
    costlier = [o for o in view.choice.alternatives if o.in_best_subset and o.difference.low > 0]
    assert view.choice.feasibility.verdict == "undecided"
    assert costlier
    similar = decide(view).text.partition("show no significant difference from ")[2].partition(".")[0]
    assert not [other for other in costlier if f"{other.strategy}" in similar]
    assert "significantly worse" not in precision(view)


def test_a_report_with_a_deadline_does_not_say_that_deadlines_have_no_effect(tmp_path, caplog):
    """That is for map and why, which compare by the objective alone."""
    report_document(limited("deadline: 20h").answer, tmp_path)
    assert "objective.deadline" not in caplog.text


def test_concurrency_above_the_recommended_one_is_not_said_to_gain(tight):
    """From 4 to 6 the cost falls again, but stays above that of the recommended 3."""
    noise = np.random.default_rng(1).normal(size=40)
    costs = {
        ("queue", 1): 20.0,
        ("queue", 2): 15.0,
        ("queue", 3): 10.0,
        ("queue", 4): 17.0,
        ("queue", 6): 12.0,
    }
    view = with_costs(tight, {key: mean + noise * (1 + mean / 100) for key, mean in costs.items()}, 0.0)
    frame = view.answer.results.frame
    returns = diminishing_returns(frame, 6)
    assert [step.to for step in returns[0].steps if step.verdict == "gains"][-1] == 6
    [text] = findings.concurrency(replace(view, answer=replace(view.answer, diminishing_returns=returns)))
    assert text.startswith("The recommended concurrency is 3. Going from 2 to 3 saves $5.0")
    assert "Going from 3 to 4 adds $7.0" in text
    assert "to 6" not in text


def test_pareto_optimal_strategies_are_told(tight):
    assert "Pareto-optimal in makespan and money spent" in findings.pareto(main_view(tight))


def test_the_recommendation_over_all_combinations_is_told(factors, tight):
    text = " ".join(findings.over_all([main_view(tight)] * 2))
    assert text.startswith(
        "The recommendation is the same in both combinations: a queue of 2. In both of them"
    )
    assert findings.over_all([main_view(factors)]) == []
    settled = sum(choice.settled for choice in factors.choices)
    assert (
        f"Precision: 40 replications per strategy resolve {settled} of 2 recommendations to within the"
        " indifference threshold."
    ) in " ".join(str(factors).split())


@pytest.mark.parametrize("objective", ["minimise: p95_makespan", "minimise: p95_makespan, deadline: 1h"])
def test_p95_is_not_called_a_mean(objective):
    view = main_view(
        answered(f"{TIGHT.replace('replications: 40', 'replications: 64')}objective: {{{objective}}}\n")
    )
    text = " ".join(str(view.answer).split())
    assert "its p95 makespan is" in text
    assert "mean p95" not in text
