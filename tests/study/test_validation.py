"""A part of `make validate`: 95% intervals hold the truth about as often as that."""

import re
from pathlib import Path

import pytest
from scipy import stats

from validation.table import HIGH, LOW, Row, held, problems, report

REPORT = Path(__file__).parents[2] / "reports" / "validation" / "report.md"
REPEATS = 60
PROBLEMS = list(problems())


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: f"{problem.name} ({problem.replications})")
def test_coverage_is_as_stated(problem):
    """Below the bound by chance once in 10,000 times."""
    found = held(problem, REPEATS)
    assert found >= stats.binom.ppf(0.0001, REPEATS, 0.8 if problem.short else 0.95)
    assert not problem.short or problem.note


def test_problem_is_the_same_in_every_run():
    skewed = [problem for problem in PROBLEMS if problem.group == "Means"]
    assert [held(problem, 40) for problem in skewed] == [held(problem, 40) for problem in skewed]
    assert len({(problem.group, problem.name, problem.replications) for problem in PROBLEMS}) == len(PROBLEMS)


def test_table_names_short_and_conservative_coverage():
    problem = PROBLEMS[0]
    rows = [Row(problem, held) for held in (LOW - 0.001, 0.95, HIGH + 0.001)]
    assert [row.verdict for row in rows] == ["short", "as promised", "conservative"]
    text = report(rows, 1000)
    assert text.count("## Means") == 1
    assert "| 94.9% |" not in text
    assert "| 95.0% | as promised |" in text


def test_stored_table_has_every_problem_and_explains_short_coverage():
    stored = REPORT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \| ([\d.]+)% \| (.+) \|$", stored, re.MULTILINE)
    names = {(name, int(n.replace(",", ""))) for name, n, _, _ in rows}
    assert {(problem.name, problem.replications) for problem in PROBLEMS} <= names
    assert any("1,000,000" in line for line in stored.splitlines() if line.startswith("## "))
    for name, _, share, note in rows:
        if float(share) < 100 * LOW:
            assert re.match(r"short\. \w", note), name
        if note.startswith("conservative"):
            assert re.match(r"conservative\. \w", note), name
