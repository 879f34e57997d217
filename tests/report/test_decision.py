"""The decision says what the answer holds, and no more."""

from dataclasses import replace

import numpy as np
import pytest

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.axis_comparison import SIDES
from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.decide.choice import choose
from dispatch_sim.report import decision
from dispatch_sim.report.break_evens import (
    break_even_cell,
    break_even_sentence,
    break_even_sentences,
    break_even_short,
)
from dispatch_sim.report.decision import confidence_sentence, decide
from dispatch_sim.report.format import clean, count, dollars, listed, numbered, place, way, wrapped
from dispatch_sim.report.reasons import why
from dispatch_sim.report.view import main_view, views
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.stats.crossings import Region, sign_changes
from dispatch_sim.study.results import Results
from tests.report.conftest import FrameColumns, answered


def test_the_headline_has_the_recommended_way_its_mean_and_its_interval(tight):
    view = main_view(tight)
    headline = decide(view).headline
    estimate = tight.choices[0].estimate
    assert f"a {tight.choices[0].strategy}" in headline
    assert "six tasks" in headline
    assert (
        f"{dollars(estimate.mean)} (95% interval {dollars(estimate.low)} to {dollars(estimate.high)})"
        in headline
    )


def test_the_comparison_has_the_paired_differences_to_all_at_once_and_one_by_one(tight):
    text = decide(main_view(tight)).text
    for other in tight.choices[0].alternatives:
        if other.strategy.kind in ("parallel", "sequential"):
            name = {"parallel": "all at once", "sequential": "one by one"}[other.strategy.kind]
            low, high = dollars(other.difference.low), dollars(other.difference.high)
            assert f"{dollars(other.difference.mean)} less than {name} ({low} to {high})" in text


def test_the_reason_for_losing_at_a_rate_limit_is_the_rate_limit(tight):
    view = main_view(tight)
    text = " ".join(why(view))
    parallel = view.first("parallel")
    assert "rate limit" in text
    assert f"{view.mean('manual_completions', parallel):.2g}" in text


def test_where_no_limit_is_in_the_way_it_is_not_blamed(roomy):
    """All at once loses there by waiting for its slowest task before it merges."""
    assert "rate limit" not in " ".join(why(main_view(roomy)))


def test_equal_ways_make_no_difference(nothing):
    text = decide(main_view(nothing)).text
    assert "makes no difference" in text
    assert "one by one" in text
    assert "less than" not in text


def test_few_replications_are_said_to_be_few(tight):
    assert "only 40 replications" in decide(main_view(tight)).text


def test_one_replication_tells_all_where_nothing_is_left_to_chance(certain):
    text = decide(main_view(certain)).text
    assert "replications:" not in text
    assert "a batch, the same in every replication" in text


@pytest.mark.parametrize(
    "chance",
    [
        "failures: {crash: 0%, bad_output: 0%, bad_brief: 0.1%}",
        "failures: {crash: 0%, bad_output: 0%, hang: 0.1%}\ntimeouts: {hard: 1h}",
        "failures: {crash: 0%, bad_output: 0%}\ndispatch: {spawn: {tokens: {uniform: {low: 1, high: 1.4}}}}",
        "failures: {crash: 0%, bad_output: 0%}\nprovider: {limits: unlimited, overloaded: 0.01%}",
        "failures: {crash: 0%, bad_output: 0%}\ntimeouts: {soft: 1s, obeyed: 0.01%}",
    ],
)
def test_what_is_left_to_chance_may_not_have_shown_yet(chance):
    view = main_view(
        answered(
            f"tasks: [{{name: a, tokens: 9K, duration: 60s}}]\nstrategies: [sequential]\n"
            f"study: {{replications: 4}}\nsweep: {{tasks: 1}}\n{chance}\n"
        )
    )
    assert view.choice.estimate.low == view.choice.estimate.high
    assert "only 4 replications" in decide(view).text


@pytest.mark.parametrize(
    "more", ["review: {every: 1}", "dispatch: {context: none}", "provider: {cache: {ttl: 5m}}"]
)
def test_sections_without_a_distribution_leave_nothing_to_chance(more):
    view = main_view(
        answered(
            f"tasks: [{{name: a, tokens: 9K, duration: 60s}}]\nstrategies: [sequential]\n"
            f"study: {{replications: 4}}\nsweep: {{tasks: 1}}\n"
            f"failures: {{crash: 0%, bad_output: 0%}}\n{more}\n"
        )
    )
    assert "replications" not in decide(view).text


def test_where_a_queue_as_wide_as_the_batch_is_the_same_all_at_once_is_said(certain):
    headline = decide(main_view(certain)).headline
    assert headline.startswith("Dispatch three tasks all at once: it costs")


def test_each_pair_of_variants_has_its_break_even(variants):
    view = main_view(variants)
    assert len(view.along("tasks")) == 4
    text = " ".join(break_even_sentences(view))
    assert "all at once merged as results come in and run by a script" in text


def test_an_interrupted_study_is_preliminary(tight):
    manifest = tight.results.manifest | {"interrupted": True, "replications": {"asked": 400, "simulated": 40}}
    stopped = replace(tight, results=replace(tight.results, manifest=manifest))
    assert "stopped early, at 40 of 400" in decide(main_view(stopped)).text


def with_costs(tight, costs, indifference=0.05):
    """Return an answer whose three ways at one size have these costs."""
    frame = tight.results.frame
    rows = frame[(frame["tasks"] == 6) & frame["concurrency"].isin([1, 2, 6])].copy()
    for (label, width), values in costs.items():
        rows.loc[(rows["strategy"] == label) & (rows["concurrency"] == width), "cost_usd"] = values
    kept = [label in costs for label in zip(rows["strategy"], rows["concurrency"], strict=True)]
    rows = rows[kept]
    choice = choose(rows, 6, indifference=indifference)
    return main_view(
        Answer(
            Results(FrameColumns(rows), tight.results.manifest), "cost_usd", tight.estimates, (choice,), ()
        )
    )


def test_what_is_practically_equal_is_called_just_as_good(tight):
    noise = np.random.default_rng(1).normal(size=40)
    base = 10 + noise
    view = with_costs(
        tight,
        {
            ("queue", 2): base,
            ("sequential", 1): base + 0.01 + 1e-4 * noise,
            ("parallel", 6): base + 5 + noise,
        },
    )
    text = decide(view).text
    assert "Just as good" in text
    assert "one by one" in text
    assert "less than all at once" in text


def test_what_may_be_the_best_is_not_said_to_be_worse(tight):
    noise = np.random.default_rng(2).normal(size=(2, 40))
    view = with_costs(tight, {("queue", 2): 10 + noise[0], ("parallel", 6): 10.2 + 3 * noise[1]}, 0.0)
    text = decide(view).text
    assert "not shown to be better than" in text
    assert "less than" not in text


def break_even(x, differences, **more):
    """Return a break-even with the best queue over differences."""
    values = {
        "axis": "tasks",
        "parallel": parse_strategy("parallel"),
        "queue": parse_strategy("queue"),
        "tasks": None,
    }
    return BreakEven(
        **(values | more),
        objective="cost_usd",
        confidence=0.95,
        factors={},
        values=tuple(x),
        replications=np.shape(differences)[1],
        changes=sign_changes(x, differences, sides=SIDES),
    )


def around(means, spread, replications=50):
    """Return differences with these means."""
    noise = np.random.default_rng(3).normal(size=(len(means), replications)) * spread
    return np.asarray(means)[:, None] + noise - noise.mean(axis=1, keepdims=True)


def test_a_break_even_is_told_with_its_set_and_the_first_whole_size():
    """Zero of the mean at 3.5: from 4 tasks on."""
    found = break_even([2, 3, 4, 5], around([-3, -1, 1, 3], 0.5))
    crossing = found.crossings[0]
    text = break_even_sentence(found)
    assert text.startswith("From 4 tasks on, the best queue is cheaper than all at once (break-even 3.5")
    assert f"{crossing.low:.1f} to {crossing.high:.1f}" in text


def test_none_in_range_is_told_as_such():
    found = break_even([2, 8], around([1, 2], 0.1))
    text = break_even_sentence(found)
    assert "no break-even from 2 to 8 tasks" in text
    assert "the best queue is cheaper than all at once at every size" in text
    assert break_even_cell(found) == "none: the best queue is cheaper at every size"
    assert break_even_short(found) == "none: the best queue is cheaper"


def test_unresolved_names_no_winner():
    found = break_even([2, 8], around([-0.1, 0.1], 5))
    text = break_even_sentence(found)
    assert "not settled" in text
    assert "from 5 tasks on" not in text.lower()
    assert break_even_cell(found) == "unresolved"
    assert break_even_short(found) == "unresolved"


def test_in_the_fewest_words_a_break_even_is_its_place_and_its_set():
    found = break_even([2, 3, 4, 5], around([-3, -1, 1, 3], 0.5))
    low, high = found.crossings[0].low, found.crossings[0].high
    assert break_even_short(found) == f"3.5 ({low:.1f} to {high:.1f})"
    found = break_even([2, 3, 4, 5], around([3, 1, -1, -3], 0.5))
    assert break_even_short(found).startswith("all at once above 3.5 (")
    found = break_even([2, 3, 4, 5], around([-3, 3, 3, -3], 0.1))
    assert "the best queue above 2.5 (" in break_even_short(found)
    assert "; all at once above 4.5 (" in break_even_short(found)


def test_where_it_is_not_settled_the_sizes_that_are_told_were_played():
    """All at once at 2, as far as is known; not up to some 2.9 where nobody can have that many tasks."""
    found = break_even([2, 3, 4], around([-3, 0.01, 0.02], 1))
    assert found.status == "unresolved"
    assert found.decided[0].low < found.decided[0].high < 3
    assert "all at once is cheaper at 2;" in break_even_sentence(found)


def test_along_concurrency_the_batch_is_named():
    found = break_even([1, 2, 3, 4], around([3, 1, -1, -3], 0.1), axis="concurrency", tasks=10)
    text = break_even_sentence(found)
    assert text.startswith("At 10 tasks, from 3 at once on, all at once is cheaper than a queue")


def test_each_level_of_a_factor_has_its_own_view(factors):
    found = views(factors)
    assert [view.choice.factors["provider.limits.scale"] for view in found] == [1, 60]
    assert main_view(factors).choice.factors["provider.limits.scale"] == 1
    assert decide(found[0]).headline != decide(found[1]).headline


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        ("sequential", "one by one"),
        ("parallel", "all at once"),
        ("queue of 3 (script)", "a queue of 3 run by a script"),
        ("waves of 4", "waves of 4"),
        ("parallel (as-completed)", "all at once merged as results come in"),
    ],
)
def test_strategies_have_names_in_words(strategy, name):
    assert way(parse_strategy(strategy)) == name


def test_texts_of_users_are_cut_and_lose_what_is_not_text():
    assert clean("a\nb\x1b[31m\u202ec\x00") == "a b [31m c"
    assert len(clean("x" * 1000, 80)) == 80
    assert listed(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.5, "3.5"), (3.0, "3"), (3.02, "3.02"), (2.97, "2.97"), (2.94, "2.9"), (3.001, "3.00")],
)
def test_a_place_that_is_not_whole_does_not_look_whole(value, text):
    """From 4 tasks on, with a break-even of 3, would be a puzzle."""
    assert place(value) == text


def test_a_label_is_wrapped_and_only_then_cut():
    assert wrapped("queue of N run by a script", 16, 4) == "queue of N run\nby a script"
    assert wrapped("all at once merged as results come in", 12, 2) == "all at once\nmerged as r…"
    assert wrapped("x" * 50, 10) == "x" * 9 + "…"
    assert wrapped("", 10) == ""


def test_a_task_keeps_its_number():
    assert numbered("summarise a very long source 12", 20) == "summarise a very… 12"
    assert numbered("read 3", 20) == "read 3"
    assert numbered("x" * 30, 10) == "x" * 9 + "…"


def test_where_nothing_is_at_stake_that_is_said_and_nothing_is_chosen(tight):
    noise = np.random.default_rng(1).normal(size=40)
    costs = {("queue", 2): 10 + noise, ("sequential", 1): 11 + noise, ("parallel", 6): 12 + 2 * noise}
    text = decide(with_costs(tight, costs, indifference=10)).text
    assert text.startswith("Nothing is at stake here: all three ways that were played come within $10.00")
    assert "Take the simplest: one by one." in text
    assert "Dispatch" not in text


def test_where_rare_bad_batches_decide_that_is_said(tight, monkeypatch):
    """One of 40 costs a hundred times as much; without it there is nothing to say."""
    monkeypatch.setattr(decision, "FEW", 40)
    noise = np.random.default_rng(1).normal(size=40)
    rare = 10 + noise + 300 * (np.arange(40) == 17)
    caution = decide(with_costs(tight, {("queue", 2): rare, ("parallel", 6): 50 + rare})).caution
    assert caution[-1].startswith("Five of the 40 batches make up ")
    assert "Run it with 160 replications" in caution[-1]
    even = np.arange(40.0) % 5
    usual = {("queue", 2): 10 + even, ("parallel", 6): 50 + even}
    assert not decide(with_costs(tight, usual)).caution


def test_the_confidence_is_that_of_the_choice_and_counts_what_is_not_shown_to_be_worse(tight, roomy, nothing):
    """Of all ways but the recommended one and its doubles; where nothing is at stake nothing is said."""
    assert confidence_sentence(main_view(nothing)) == ""
    for answer in (tight, roomy):
        others = [other for other in answer.choices[0].alternatives if not other.identical]
        open_ = sum(other.in_best_subset for other in others)
        said = confidence_sentence(main_view(answer))
        assert said.startswith("With 95% confidence, ")
        assert f"of the {count(len(others))} other ways played" in said
        assert (f"all but {count(open_)} of" in said) if open_ else ("none of" in said)


def test_a_width_at_which_nothing_differs_is_not_among_those_where_a_side_is_better(tight):
    """What is undecided is closed: a point on which the difference is zero to the cent is undecided."""
    found = main_view(tight).along("concurrency")[0]
    first, *_, before, last = found.values
    regions = (Region(first, last, "queue"), Region(last, last, None))
    changes = replace(found.changes, regions=regions, established=regions, crossings=())
    assert f"cheaper from {first} to {before};" in break_even_sentence(replace(found, changes=changes))
