"""Short answers for a terminal are plain text that fits."""

from dataclasses import replace

import pytest

from dispatch_sim.report.answers import answer_document
from dispatch_sim.report.decision import decide
from dispatch_sim.report.format import dollars
from dispatch_sim.report.tables import compared_table
from dispatch_sim.report.terminal import columns
from dispatch_sim.report.view import main_view, views
from tests.report.conftest import ALL


def text_of(answer, compared=False):
    return answer_document(answer, pictures=False, compared=compared).text


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("compared", [False, True])
def test_answers_are_plain_and_fit_80_columns(request, monkeypatch, name, compared):
    monkeypatch.setenv("COLUMNS", "80")
    text = text_of(request.getfixturevalue(name), compared)
    assert "\\" not in text.replace("\\\\", "")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert all(c == "\n" or c.isprintable() for c in text)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_a_sweep_begins_with_the_decision_and_has_both_break_evens(tight):
    text = " ".join(text_of(tight).split())
    assert text.startswith(decide(main_view(tight)).headline)
    assert "Break-even: With" in text
    assert "with 6 tasks" in text.lower()


def test_a_sweep_with_factors_has_one_row_a_combination(factors):
    text = text_of(factors)
    for view in views(factors):
        choice = view.choice
        [row] = [line for line in text.splitlines() if line.split()[:1] == [str(*choice.factors.values())]]
        assert str(choice.strategy) in row
        assert dollars(choice.estimate.mean) in row
        assert row.endswith(" -") == (len(choice.best_subset) == 1)
    assert "Break-even: With" not in text


def test_what_is_certain_has_no_interval(certain):
    rows = compared_table(main_view(certain)).rows
    assert not [cell for row in rows for cell in row if " to " in cell]


def test_a_comparison_has_a_row_a_way_from_the_best_to_the_worst(comparison):
    lines = text_of(comparison, compared=True).splitlines()
    kinds = ("sequential", "parallel", "queue of")
    rows = [line for line in lines if line.startswith(kinds) and "of 6" in line]
    expected = [point.kind for point in views(comparison)[0].points]
    assert [next(kind for kind in kinds if row.startswith(kind)).split()[0] for row in rows] == expected
    assert "recommended" in rows[0]


def test_table_that_fits_by_its_words_is_not_cut(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    heads = ("Strategy", "Cost (95% interval)", "Difference from the best", "API cost", "Makespan")
    heads += ("People's time", "p95 makespan", "Manual completions")
    row = ("queue of 9 (paced)", "$5.90 ($5.48 to $6.33)", "+$0.02 (-$0.0034 to +$0.04), practically equal")
    row += ("$1.53", "5m 57s", "18s", "7m 37s", "0.03 of 10")
    lines = columns([heads, row], [False, *[True] * 7])
    assert max(map(len, lines)) <= 80
    assert sorted(" ".join(lines).split()) == sorted(" ".join([*heads, *row]).split())


@pytest.mark.parametrize("width", ["40", "60"])
def test_words_that_do_not_fit_go_on_in_the_next_line(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    heads = ("Strategy", "Cost (95% interval)", "Difference from the best", "Makespan", "p95 makespan")
    heads += ("Manual completions",)
    row = ("sequential", "$5.90 ($5.48 to $6.33)", "recommended", "5m 57s", "7m 37s", "0.03 of 10")
    lines = columns([heads, row], [False, *[True] * 5])
    assert max(map(len, lines)) <= int(width)
    assert "…" not in "".join(lines)
    letters = sorted("".join([*heads, *row]).replace(" ", ""))
    assert sorted("".join(lines).replace(" ", "")) == letters


def test_comparison_explains_differences_that_are_not_those_of_the_means(comparison):
    """The difference from the second strategy is a dollar more than that of the means."""
    note = "a difference over the replications that both strategies have"
    assert note not in " ".join(text_of(comparison, compared=True).split())
    [choice] = comparison.choices
    other = choice.alternatives[0]
    paired = replace(other.difference, mean=other.difference.mean + 1.0)
    changed = replace(choice, alternatives=(replace(other, difference=paired), *choice.alternatives[1:]))
    found = replace(comparison, choices=(changed,))
    assert note in " ".join(text_of(found, compared=True).split())
