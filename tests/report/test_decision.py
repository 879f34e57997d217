"""The decision says what the answer shows, and no more."""

from dataclasses import replace

import numpy as np
import pytest

from dispatch_sim.decide.constraints import Feasibility, Limits
from dispatch_sim.report.decision import decide
from dispatch_sim.report.format import dollars, factors_text
from dispatch_sim.report.reasons import why
from dispatch_sim.report.tables import compared_table
from dispatch_sim.report.view import main_view, views
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, share_estimate
from tests.report.conftest import TWO_STRATEGIES, answered, with_costs

NOISE, OTHER_NOISE = (noise - noise.mean() for noise in np.random.default_rng(2).normal(size=(2, 40)))
BASE = 10 + NOISE


def test_the_headline_has_the_recommended_strategy_its_mean_and_its_interval(tight):
    choice = tight.choices[0]
    mean, low, high = (dollars(getattr(choice.estimate, end)) for end in ("mean", "low", "high"))
    assert decide(main_view(tight)).headline == (
        f"Use a {choice.strategy} for six tasks: its mean cost per batch is {mean} "
        f"(95% confidence interval {low} to {high})."
    )


def test_the_comparison_has_the_paired_differences_to_parallel_and_sequential(tight):
    text = decide(main_view(tight)).text.replace("95% confidence interval ", "")
    others = [o for o in tight.choices[0].alternatives if o.strategy.kind in ("parallel", "sequential")]
    assert len(others) == 2
    for other in others:
        low, high = dollars(other.difference.low), dollars(other.difference.high)
        assert f"{dollars(other.difference.mean)} less than {other.strategy} ({low} to {high})" in text


@pytest.mark.parametrize(("name", "is_reached"), [("tight", True), ("roomy", False)])
def test_rate_limit_is_a_reason_only_where_it_is_reached(request, name, is_reached):
    """With roomy limits, parallel loses by waiting for its slowest task before it merges."""
    view = main_view(request.getfixturevalue(name))
    text, completions = " ".join(why(view)), view.mean("manual_completions", view.first("parallel"))
    assert ("rate limit" in text) is is_reached
    if is_reached:
        assert f"With parallel, {completions:.2g} (" in text


def test_what_is_certain_has_no_interval_and_needs_no_more_replications(certain):
    """A queue of all tasks, which is identical, is not recommended in place of parallel."""
    found = decide(main_view(certain))
    assert found.headline.startswith("Use parallel for three tasks: its mean cost per batch is ")
    assert found.headline.endswith(", the same in every replication.")
    assert "Preliminary" not in found.text


RELIABLE = "failures: {crash: 0%, bad_output: 0%}\n"


@pytest.mark.parametrize(
    ("more", "is_random"),
    [
        ("failures: {crash: 0%, bad_output: 0%, bad_brief: 0.1%}", True),
        ("failures: {crash: 0%, bad_output: 0%, hang: 0.1%}\ntimeouts: {hard: 1h}", True),
        (f"{RELIABLE}dispatch: {{spawn: {{tokens: {{uniform: {{low: 1, high: 1.4}}}}}}}}", True),
        (f"{RELIABLE}provider: {{limits: unlimited, overloaded: 0.01%}}", True),
        (f"{RELIABLE}timeouts: {{soft: 1s, obeyed: 0.01%}}", True),
        (f"{RELIABLE}review: {{every: 1}}", False),
        (f"{RELIABLE}dispatch: {{context: none}}", False),
        (f"{RELIABLE}provider: {{cache: {{ttl: 5m}}}}", False),
    ],
)
def test_equal_replications_are_enough_only_where_nothing_is_random(more, is_random):
    """A rare failure may not have occurred yet."""
    task = "tasks: [{name: a, tokens: 9K, duration: 60s, spread: 0%}]\nstrategies: [sequential]\n"
    view = main_view(answered(f"{task}study: {{replications: 4}}\nsweep: {{tasks: 1}}\n{more}\n"))
    text = decide(view).text
    assert view.choice.estimate.low == view.choice.estimate.high
    assert ("are needed for valid intervals; 4 were simulated." in text) is is_random
    assert ("replications" in text) is is_random
    assert "No other strategy was simulated." in text


def test_an_interrupted_study_is_preliminary(tight):
    manifest = tight.results.manifest
    simulated = manifest["replications"] | {"asked": 400, "simulated": 40}
    manifest = manifest | {"interrupted": True, "replications": simulated}
    stopped = replace(tight, results=replace(tight.results, manifest=manifest))
    assert "interrupted at 40 of 400 replications" in decide(main_view(stopped)).text


def test_best_of_some_strategies_is_found_over_the_replications_in_common(tight):
    """Later replications cost more. What costs $1 more, and has the first half alone, is not the best."""
    cost = 20 + NOISE + np.repeat([0, 10], 20)
    costs = {
        ("queue (paced)", 2): cost - 5,
        ("queue", 2): cost[:20] + 1,
        ("queue", 3): cost,
        ("adaptive", 2): cost[:20] + 2 + 0.01 * NOISE[:20],
        ("adaptive", 3): cost + 1,
    }
    view = with_costs(tight, costs)
    assert view.recommended == Strategy("queue", 2, pace="limits")
    assert view.best_unpaced.strategy == Strategy("queue", 3)
    assert view.best_adaptive() == Strategy("adaptive", 3)


@pytest.mark.parametrize(
    ("costs", "indifference", "said", "unsaid"),
    [
        pytest.param(
            {
                ("queue", 2): BASE,
                ("sequential", 1): BASE + 0.01 + 1e-4 * NOISE,
                ("parallel", 6): BASE + 5 + NOISE,
            },
            0.05,
            ["Shown to be within the indifference threshold of $0.05: sequential.", "less than parallel"],
            [],
            id="practically equal",
        ),
        pytest.param(
            {("queue", 2): BASE, ("parallel", 6): 10.2 + 3 * OTHER_NOISE},
            0.0,
            ["The difference from parallel (", "is not statistically significant"],
            ["less than"],
            id="not significant",
        ),
        pytest.param(
            {("queue", 2): BASE, ("sequential", 1): BASE + 1, ("parallel", 6): BASE + 2 + NOISE},
            10,
            [
                "The strategy hardly matters: all three strategies simulated are within the indiff",
                "Use a queue of 2, or sequential, which is simpler.",
            ],
            [],
            id="the simplest within the threshold",
        ),
        pytest.param(
            {("queue", 2): BASE, ("parallel", 6): BASE},
            0.05,
            [
                "The strategy makes no difference: both strategies simulated have the same cost in every "
                "replication (mean cost per batch: $10.00). Use the simplest: a queue of 2."
            ],
            ["less than"],
            id="the same cost, not the same result",
        ),
    ],
)
def test_alternatives_are_compared_as_their_intervals_show(tight, costs, indifference, said, unsaid):
    text = decide(with_costs(tight, costs, indifference)).text
    assert [each for each in said if each not in text] == []
    assert [each for each in unsaid if each in text] == []


def test_each_level_of_a_factor_has_its_own_view(factors):
    found = views(factors)
    assert [view.choice.factors["provider.limits.scale"] for view in found] == [1, 60]
    assert main_view(factors).choice.factors["provider.limits.scale"] == 1
    assert decide(found[0]).headline != decide(found[1]).headline


@pytest.mark.parametrize(
    ("scenario", "value", "factors"),
    [
        ("harness: {cap: 3}", "harness.cap: [none, 2, 3]", {"harness.cap": "3"}),
        ("", "harness.cap: [2, none]", {"harness.cap": "none"}),
        ("client: {retries: 5}", "client.retries: [2, 5]", {"client.retries": 5}),
        ("client: {retries: 4}", "client.retries: [2, 5]", {"client.retries": 2}),
        (
            "",
            "client.retries: [0, 2], provider.overloaded: [0%, 3%]",
            {"client.retries": 2, "provider.overloaded": "0%"},
        ),
        ("timeouts: {hard: 10m}", "timeouts.hard: [20m, 600s]", {"timeouts.hard": "600s"}),
        ("", "values.people: [$40/h, $80/h]", {"values.people": "$80/h"}),
        ("", "client.can_be_paced: [false, true]", {"client.can_be_paced": "true"}),
        ("", "tasks.read.output: [prose, structured]", {"tasks.read.output": "structured"}),
        (
            "",
            "tasks.tokens: [15K, {lognormal: {mean: 15K, cv: 0.3}}]",
            {"tasks.tokens": '{"lognormal": {"mean": "15K", "cv": 0.3}}'},
        ),
        (
            "",
            "client.retries: [0, 2], provider.limits.scale: [3, 4]",
            {"client.retries": 2, "provider.limits.scale": 3},
        ),
    ],
)
def test_report_and_json_are_about_the_values_of_the_scenario(scenario, value, factors):
    """A column of numbers and texts has texts; of a factor without the scenario's value, the first counts."""
    text = TWO_STRATEGIES.replace("sweep: {tasks: [1, 2, 4, 6, 9]", f"sweep: {{{value}, tasks: [6]")
    text = text.replace("replications: 40", "replications: 4")
    found = answered(f"{text}{scenario}\n")
    assert main_view(found).choice.factors == factors
    data = found.to_json()["recommended"]
    assert data["factors"] == factors
    assert main_view(found).recommended == found.recommended
    assert main_view(found).bottleneck is found.bottleneck
    assert f"these are means per batch with {factors_text(factors)}." in " ".join(str(found).split())


@pytest.mark.parametrize(
    ("needed", "caution"),
    [
        (20_000, "Preliminary: rare, expensive batches dominate the variance, and about 20,000 repl"),
        (4096, "Preliminary: about 4,096 replications are needed for valid intervals"),
        (0, ""),
    ],
)
def test_too_few_replications_for_rare_batches_are_a_caution(tight, needed, caution):
    """4,096 are needed of everything that is quoted."""
    manifest = tight.results.manifest
    manifest = manifest | {"replications": manifest["replications"] | {"needed": needed, "of_needed": 321}}
    found = replace(tight, results=replace(tight.results, manifest=manifest))
    assert " ".join(decide(main_view(found)).caution).startswith(caution)
    assert (" 321 were simulated" in " ".join(decide(main_view(found)).caution)) is bool(needed)
    assert bool(decide(main_view(found)).caution) is bool(caution)


def test_the_worst_strategy_is_named_even_if_the_limits_exclude_it(tight):
    """A table shows what misses a deadline, too."""
    view = with_costs(tight, {("queue", 2): BASE, ("queue", 3): 12 + NOISE, ("queue", 4): 15 + NOISE})
    *others, worst = view.choice.alternatives
    missed = replace(worst, feasibility=Feasibility(share_estimate(1, 40, 0.95), "infeasible"))
    excluded = replace(view, choice=replace(view.choice, alternatives=(*others, missed)))
    mean = dollars(worst.estimate.mean)
    text = decide(excluded).text
    assert f"The worst strategy simulated, a queue of 4, has a mean cost per batch of {mean}" in text


def test_paced_recommendation_names_the_best_strategy_without_pacing(tight):
    costs = {("queue (paced)", 6): BASE, ("queue", 2): 12 + NOISE, ("parallel", 6): 20 + NOISE}
    view = with_costs(tight, costs)
    assert "If you cannot pace, use a queue of 2: its mean cost per batch is $12.00." in decide(view).text
    for verdict in ("infeasible", "undecided"):
        limited = with_limits(view, queue=verdict, parallel="feasible")
        assert "If you cannot pace, use parallel: its mean cost per batch is $20.00." in decide(limited).text
    assert (
        "If you cannot pace" not in decide(with_limits(view, queue="undecided", parallel="infeasible")).text
    )


def test_advice_to_start_all_tasks_together_fits_the_cap_of_the_harness(tight):
    view = with_costs(tight, {("queue", 6): BASE, ("sequential", 1): BASE + 1 + NOISE})
    for cap, note in (
        ("6", "all start together, and each result is merged when it returns"),
        ("3", "of which the harness runs three at the same time"),
    ):
        capped = replace(view, choice=replace(view.choice, factors={"harness.cap": cap}))
        assert decide(capped).headline.startswith(f"Use a queue of 6 for six tasks ({note}): its mean cost")


def feasibility(verdict, met=38):
    return Feasibility(share_estimate(met, 40, 0.95), verdict)


def with_limits(view, **verdicts):
    """Return a view whose recommended strategy meets a deadline of 9.5 minutes, with verdicts on others."""
    limits = Limits(570.0, None, 0.95)
    choice = replace(
        view.choice,
        limits=limits,
        feasibility=feasibility("feasible", 40),
        alternatives=tuple(
            replace(other, feasibility=feasibility(verdicts[other.strategy.kind]), in_best_subset=True)
            for other in view.choice.alternatives
        ),
    )
    return replace(view, choice=choice)


def test_cheaper_strategy_that_is_not_shown_to_meet_the_limits_is_called_cheaper(tight):
    view = with_costs(tight, {("parallel", 6): BASE, ("sequential", 1): 12 + 1.1 * NOISE}, 0.0)
    [other] = view.choice.alternatives
    saves = Estimate(-2.0, -2.1, -1.9, 40)
    cheaper = replace(view, choice=replace(view.choice, alternatives=(replace(other, difference=saves),)))
    text = decide(with_limits(cheaper, sequential="undecided")).text
    assert "Sequential costs $2.00 less, but is not shown to meet the limits." in text
    assert "significant" not in text
    assert "not significant" not in compared_table(with_limits(cheaper, sequential="undecided")).rows[1][2]


@pytest.mark.parametrize(
    ("verdict", "advice"),
    [
        ("feasible", "Use a queue of 2, or sequential, which is simpler."),
        ("undecided", "Use a queue of 2. A queue of 2 meets the deadline"),
    ],
)
def test_simplest_strategy_meets_the_limits_as_surely_as_the_best(tight, verdict, advice):
    view = with_costs(tight, {("queue", 2): BASE, ("sequential", 1): 11 + NOISE}, 20.0)
    assert advice in decide(with_limits(view, sequential=verdict)).text


def test_strategy_of_the_same_cost_may_miss_the_limits(tight):
    """Makespans may differ, and with them what meets a deadline."""
    view = with_costs(tight, {("queue", 2): BASE, ("parallel", 6): BASE})
    text = decide(with_limits(view, parallel="undecided")).text
    assert "). Use a queue of 2. A queue of 2 meets the deadline of 9m 30s in 100% of batches" in text
    assert "Not shown to meet the limits: parallel." in text


@pytest.mark.parametrize(
    ("met", "required", "verdict", "text"),
    [
        (3998, 0.999, "undecided", "in 99.95% of batches (99.82% to 99.99%; required: 99.9%), which is not"),
        (3900, 0.999, "infeasible", "No strategy meets the deadline of 9m 30s in 99.9% of batches. The near"),
        (0, 0.999, "infeasible", "None meets it in any replication. The cheapest is a queue of 2."),
        (4000, 0.9999, "undecided", "in 100% of batches (99.908% to 100%; required: 99.99%), which is not"),
    ],
)
def test_share_next_to_a_requirement_is_not_rounded_to_it(tight, met, required, verdict, text):
    """Clopper and Pearson's interval of 3,998 of 4,000 is 99.820% to 99.994%."""
    view = with_costs(tight, {("queue", 2): BASE})
    share = Feasibility(share_estimate(met, 4000, 0.95), verdict)
    limits = Limits(570.0, None, required)
    assert text in decide(replace(view, choice=replace(view.choice, limits=limits, feasibility=share))).text
