"""A name has an option only where it tells two variants of a kind apart; what is stored keeps all."""

import pytest

from dispatch_sim.decide.answer import concurrencies_to_compare
from dispatch_sim.report.answers import answer_document
from dispatch_sim.report.decision import decide
from dispatch_sim.report.format import KINDS, OPTIONS, compared_way, instruction, way
from dispatch_sim.report.naming import (
    _OPTIONS,
    option_sentences,
    reading,
    shared_options,
)
from dispatch_sim.report.page import write_report
from dispatch_sim.report.view import main_view
from dispatch_sim.scenario.strategy import OPTIONS as STRATEGY_OPTIONS
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from tests.report.conftest import TIGHT, answered


@pytest.mark.parametrize(
    ("labels", "shared"),
    [
        (["queue (script)"], {"queue": ("script",)}),
        (["queue (script)", "queue"], {"queue": ()}),
        (["queue (script)", "queue (barrier, script)"], {"queue": ("script",)}),
        (["parallel", "queue (barrier)"], {"parallel": (), "queue": ("barrier",)}),
    ],
)
def test_what_all_variants_of_a_kind_have_tells_nothing_apart(labels, shared):
    assert shared_options(map(parse_strategy, labels)) == shared


def names_of(view):
    """Return the text of every strategy as a view names it, and what its break-evens compare."""
    return {str(view.short(point).at(None)) for point in view.points}, {b.against for b in view.break_evens}


def test_single_variants_have_plain_names(scripted):
    strategies, against = names_of(main_view(scripted))
    assert strategies == {"parallel", "queue"}
    widths = {f"queue of {width}" for width in concurrencies_to_compare(scripted.choices[0])}
    assert len(widths) in (2, 3)
    assert against == {"best queue", "queue", *widths}


def test_what_is_stored_keeps_the_full_labels(scripted):
    labels = {"parallel (as-completed, script)", "queue (script)"}
    assert {point["strategy"] for point in scripted.to_json()["points"]} == labels
    assert {point.label for point in main_view(scripted).points} == labels


def test_variants_keep_what_tells_them_apart(variants):
    """Both queues are run by a script, so only the merge is left in their names."""
    strategies, against = names_of(main_view(variants))
    kept = {"sequential", "sequential (script)", "parallel", "parallel (as-completed, script)"}
    assert strategies == kept | {"queue", "queue (barrier)", "waves", "waves (barrier, script)"}
    versus = " vs parallel (as-completed, script)"
    assert f"best queue (barrier){versus}" in against
    width = concurrencies_to_compare(variants.choices[0])[0]
    assert f"queue of {width} (barrier){versus}" in against


def test_usual_options_are_not_spoken_of(tight):
    assert option_sentences(tight) == []


def test_the_same_tasks_at_once_are_told_apart_by_when_they_merge():
    """Also where a name leaves that out, as parallel has no other variant."""
    scripted, barred = parse_strategy("parallel (as-completed)"), parse_strategy("parallel")
    queue = Strategy("queue", 6)
    assert compared_way(barred, queue, 6, "p") == "merging only when all have returned (p)"
    assert compared_way(queue, barred, 6, "q") == "merging each result as it comes in (q)"
    assert compared_way(scripted, queue, 6, "all at once") == "all at once"
    assert compared_way(barred, queue, 7, "all at once") == "all at once"


def test_options_left_out_of_names_are_said(scripted, variants):
    """Who hands out, and when all at once merges; of variants only what they share."""
    text = " ".join(option_sentences(scripted))
    assert "A script hands out the tasks" in text
    assert "All at once merges each result as it comes in" in text
    assert option_sentences(variants) == [
        "For a queue, a script hands out the tasks, at once and for nothing, in place of an agent."
    ]


def test_how_to_read_explains_what_was_played(tight, scripted, variants):
    """No waves where there are none, and no merge at the end where there is no such thing."""
    terms = ["One by one", "All at once", "A queue of N", "The best queue"]
    assert [term for term, _ in reading(tight)] == terms
    assert "merges when all are back." in dict(reading(tight))["All at once"]
    assert "merges each result as it comes in." in dict(reading(scripted))["All at once"]
    assert "where its name says so" in dict(reading(variants))["All at once"]
    assert "Waves of N" in dict(reading(variants))


ADAPTIVE = TIGHT.replace(
    "sweep:",
    """strategies:
  - parallel
  - {adaptive: 3, order: longest-first, isolation: worktree}
  - {adaptive: all, order: longest-first, communication: blackboard}
sweep:""",
)


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        ("adaptive", "adaptive dispatch"),
        ("adaptive of 5", "adaptive dispatch up to 5"),
        ("adaptive of 5 (longest-first)", "adaptive dispatch up to 5 with the longest first"),
        ("adaptive of 5 (worktree)", "adaptive dispatch up to 5 in worktrees"),
        ("adaptive of 5 (locks, rounds)", "adaptive dispatch up to 5 under locks and in two rounds"),
        (
            "adaptive of 5 (shared, none)",
            "adaptive dispatch up to 5 on shared files and without communication",
        ),
        ("adaptive of 5 (prewarm)", "adaptive dispatch up to 5 with the cache warmed"),
    ],
)
def test_adaptive_dispatch_and_the_options_have_names_in_plain_words(strategy, name):
    assert way(parse_strategy(strategy)) == name
    assert instruction(Strategy("adaptive", 5), 8) == "Dispatch eight tasks adaptively, up to 5 at once"


def test_every_option_has_a_name_and_a_sentence():
    """A value that a scenario learns must be spoken of; of the usual ones only `none` has a name."""
    usual = {getattr(parse_strategy("queue"), key) for key in ("warm_up", "order")} - {"none"}
    choices = {choice for option in STRATEGY_OPTIONS.values() for choice in option.choices} - usual
    assert set(OPTIONS) == choices
    assert set(_OPTIONS) == choices - {"barrier", "as-completed", "agent"}
    assert {strategy.kind for strategy in map(parse_strategy, KINDS)} == set(KINDS)


def test_options_that_all_have_are_said_once_and_the_others_as_terms():
    """The order is common to both; the isolation and the blackboard tell them apart."""
    answer = answered(ADAPTIVE)
    assert option_sentences(answer) == [
        "For adaptive dispatch, the longest tasks are handed out first, as though their length were known."
    ]
    terms = dict(reading(answer))
    assert "begins with four" in terms["Adaptive dispatch"]
    assert terms["In worktrees"].startswith("means that each agent works on its own copy")
    assert "With a blackboard" in terms
    assert "With the longest first" not in terms
    text = answer_document(answer, compared=True).markdown
    assert "Adaptive dispatch up to 3 in worktrees" in text
    assert "Adaptive dispatch with a blackboard" in text


def test_the_adaptive_way_is_compared_and_drawn(tmp_path):
    answer = answered(ADAPTIVE)
    view = main_view(answer)
    assert view.best_adaptive() in view.main_points()
    assert "adaptive dispatch" in decide(view).text
    write_report(answer, tmp_path)
    assert "adaptive" in (tmp_path / "cost-along-tasks.svg").read_text(encoding="utf-8")
