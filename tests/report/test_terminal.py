"""Short answers for a terminal are plain text that fits."""

import pytest

from dispatch_sim.report.decision import decide
from dispatch_sim.report.terminal import comparison_text, sweep_text
from dispatch_sim.report.view import main_view, views
from dispatch_sim.report.words import dollars

ALL = [
    "tight",
    "roomy",
    "nothing",
    "factors",
    "one_task",
    "comparison",
    "hostile",
    "scripted",
    "variants",
    "certain",
    "many",
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("write", [sweep_text, comparison_text])
def test_answers_are_plain_and_at_most_110_columns_wide(request, name, write):
    """No colours, no control characters."""
    text = write(request.getfixturevalue(name))
    assert all(len(line) <= 110 for line in text.splitlines())
    assert all(c == "\n" or c.isprintable() for c in text)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_a_sweep_begins_with_the_decision_and_has_both_break_evens(tight):
    """Along tasks and along concurrency."""
    text = " ".join(sweep_text(tight).split())
    assert text.startswith(decide(main_view(tight)).headline)
    assert "Break-even: From" in text
    assert "Break-even: At 6 tasks" in text


def test_a_sweep_with_factors_has_one_row_a_combination(factors):
    """With its level, the recommended way, its cost and where the best queue begins to win."""
    text = sweep_text(factors)
    lines = text.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Scale "))
    for line, choice in zip(lines[head + 1 :], factors.choices, strict=False):
        assert line.split()[0] == str(choice.factors["provider.limits.scale"])
        assert f"queue of {choice.concurrency}" in line
        assert dollars(choice.estimate.mean) in line
    assert lines[head + 1 + len(factors.choices)] == ""
    assert "From" not in text
    assert len(lines) < 25


def test_what_is_not_settled_is_marked_in_the_row(factors):
    """By a star, which is explained."""
    text = sweep_text(factors)
    lines = text.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Scale "))
    for line, choice in zip(lines[head + 1 :], factors.choices, strict=False):
        assert (" * " in line) == (len(choice.best_subset) > 1)
    assert ("* Others may be as good" in text) == any(len(c.best_subset) > 1 for c in factors.choices)


@pytest.mark.parametrize("write", [sweep_text, comparison_text])
def test_options_that_tell_nothing_apart_are_said_once(scripted, write):
    """In a line of their own, and in no name."""
    text = " ".join(write(scripted).split())
    assert text.count("script") == 1
    assert text.count("as it comes in") == 1
    assert "all at once" in text


def test_what_is_certain_has_no_interval(certain):
    """A mean of equal values is that value."""
    assert " to " not in "".join(comparison_text(certain).splitlines()[2:6])


def test_a_comparison_has_a_row_a_way_from_the_best_to_the_worst(comparison):
    """In the order of the choice."""
    lines = comparison_text(comparison).splitlines()
    names = {"sequential": "One by one", "parallel": "All at once", "queue": "A queue of"}
    rows = [line for line in lines if line.startswith(tuple(names.values())) and "(" in line[:40]]
    expected = [names[point[0]] for point in views(comparison)[0].points]
    assert [next(n for n in names.values() if row.startswith(n)) for row in rows] == expected
    assert "recommended" in rows[0]
