"""Numbers and names are short, and never look like something else."""

import pytest

from dispatch_sim.report.format import (
    about,
    axis_point,
    clean,
    count,
    dollars,
    few,
    instruction,
    listed,
    named,
    near,
    numbered,
    percent,
    show_of,
    wrapped,
)
from dispatch_sim.scenario.strategy import parse_strategy


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("sequential", "sequential"),
        ("parallel (as-completed)", "parallel (as-completed)"),
        ("queue of 3 (script)", "a queue of 3 (script)"),
        ("waves of 4", "waves of 4"),
        ("adaptive of 5 (worktree)", "adaptive of 5 (worktree)"),
    ],
)
def test_strategies_are_named_by_their_labels(label, name):
    assert named(parse_strategy(label)) == name


def test_an_instruction_names_strategy_and_tasks():
    assert instruction(parse_strategy("queue of 3"), 10) == "Use a queue of 3 for ten tasks"
    assert instruction(parse_strategy("sequential"), 1) == "Use sequential for one task"


def test_texts_of_users_are_cut_and_lose_control_characters():
    assert clean("a\nb\x1b[31m\u202ec\x00") == "a b [31m c"
    assert len(clean("x" * 1000, 80)) == 80


def test_lists_are_sentences_and_long_ones_are_cut():
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert few(["a", "b", "c"], "or", most=2) == "a, b or c"
    assert few(["a", "b", "c", "d"], "or", most=2) == "a, b or 2 more"


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.5, "3.5"), (3.0, "3"), (3.02, "3.02"), (2.97, "2.97"), (2.94, "2.9"), (3.001, "3.00")],
)
def test_a_number_that_is_not_whole_does_not_look_whole(value, text):
    """`With 4 or more tasks`, with a break-even point of 3, would be a puzzle."""
    assert axis_point(value) == text


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (dollars, -0.0, "$0.00"),
        (dollars, -2.5, "\N{MINUS SIGN}$2.50"),
        (about, -0.0, "0"),
        (about, -0.001, "0"),
        (about, -8.12, "\N{MINUS SIGN}8.1"),
        (percent, -0.03, "\N{MINUS SIGN}3%"),
        (percent, -0.001, "0%"),
        (percent, float("nan"), "not known"),
    ],
)
def test_numbers_have_a_minus_sign_only_below_zero(show, value, text):
    assert show(value) == text


@pytest.mark.parametrize(
    ("share", "bound", "text"),
    [
        (0.99976, 0.99, "99.98%"),
        (0.999996, 0.99, "99.9996%"),
        (0.94996, 0.95, "94.996%"),
        (0.95, 0.95, "95.0%"),
        (0.94, 0.95, "94%"),
        (0.00004, 0.005, "0.004%"),
        (1.0, 0.995, "100%"),
        (0.0, 0.005, "0%"),
    ],
)
def test_share_near_a_bound_looks_like_neither_the_bound_nor_none_nor_all(share, bound, text):
    assert near(share, bound) == text


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("input_tokens", 377_827.0, "378K"),
        ("tokens", 1500.0, "1.5K"),
        ("cost_usd", 2.0, "$2.00"),
        ("p95_makespan_s", 90.0, "1m 30s"),
        ("manual_completions", 3.52, "3.5"),
    ],
)
def test_measure_is_written_in_the_unit_in_which_it_is_read(measure, value, text):
    assert show_of(measure)(value) == text


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "task", "one task"), (2, "strategy", "two strategies"), (0, "group", "no groups"), (12, "", "12")],
)
def test_counted_nouns_are_in_the_plural_unless_there_is_one(number, noun, text):
    assert count(number, noun) == text


def test_a_label_is_wrapped_and_only_then_cut():
    assert wrapped("queue of N (worktree, rounds)", 16, 4) == "queue of N\n(worktree,\nrounds)"
    assert wrapped("parallel (as-completed, script)", 12, 2) == "parallel\n(as-complet…"
    assert wrapped("x" * 50, 10) == "x" * 9 + "…"
    assert wrapped("", 10) == ""


def test_a_task_keeps_its_number():
    assert numbered("summarise a very long source 12", 20) == "summarise a very… 12"
    assert numbered("read 3", 20) == "read 3"
    assert numbered("x" * 30, 10) == "x" * 9 + "…"
