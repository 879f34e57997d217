"""Short answers for a terminal are plain text that fits."""

import pytest

from dispatch_sim.report.decision import decide
from dispatch_sim.report.terminal import comparison_text, sweep_text
from dispatch_sim.report.view import main_view, views

ALL = ["tight", "roomy", "nothing", "factors", "one_task", "comparison", "hostile"]


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


def test_a_sweep_with_factors_answers_for_each_level(factors):
    """With what it was held at."""
    text = sweep_text(factors)
    assert "With provider.limits.scale = 1:" in text
    assert "With provider.limits.scale = 60:" in text
    assert text.count("Break-even: ") == 4


def test_a_comparison_has_a_row_a_way_from_the_best_to_the_worst(comparison):
    """In the order of the choice."""
    lines = comparison_text(comparison).splitlines()
    names = {"sequential": "One by one", "parallel": "All at once", "queue": "A queue of"}
    rows = [line for line in lines if line.startswith(tuple(names.values())) and "(" in line[:40]]
    expected = [names[point[0]] for point in views(comparison)[0].points]
    assert [next(n for n in names.values() if row.startswith(n)) for row in rows] == expected
    assert "recommended" in rows[0]
