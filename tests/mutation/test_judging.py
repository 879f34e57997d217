"""A survivor that nobody has explained fails the run, and so does an explanation of none."""

from pathlib import Path

import pytest

from .explained import Change, change_of, read_explained
from .judging import Mutant, judge

PROJECT = Path(__file__).parents[2]
LESS = Change("study/contest.py", "Contest.within", ("- return low <= zone", "+ return low < zone"))
MORE = Change("study/contest.py", "Contest.within", ("- return low <= zone", "+ return low >= zone"))


def verdict(*mutants, explained=(), modules=("study/contest.py",)):
    """Return what is said of mutants, given as change and status."""
    return judge([Mutant(*mutant) for mutant in mutants], explained, modules)


def test_a_run_in_which_all_are_killed_or_explained_passes():
    """One that never ends is found as well; the counts say so."""
    found = verdict((LESS, "survived"), (MORE, "killed"), (MORE, "timeout"), explained=[LESS])
    assert found.passed
    assert str(found).splitlines()[-1].split() == ["all", "3", "1", "1", "1"]


@pytest.mark.parametrize(
    "status", ["survived", "no tests", "suspicious", "not checked", "segfault", "skipped", "some day"]
)
def test_whatever_is_not_killed_has_to_be_explained(status):
    """And is shown as it would be written into the page."""
    found = verdict((LESS, status), (MORE, "killed"))
    assert not found.passed
    assert f"not explained ({status}):\n{LESS}" in str(found)
    assert str(MORE) not in str(found)
    assert verdict((LESS, status), explained=[LESS]).passed


def test_one_explained_does_not_excuse_another_on_the_same_line():
    """What comes counts as well as what goes."""
    found = verdict((LESS, "survived"), (MORE, "survived"), explained=[LESS])
    assert [mutant.change for mutant in found.unexplained] == [MORE]


@pytest.mark.parametrize(("mutants", "fate"), [([(LESS, "killed")], "killed"), ([], "not made")])
def test_an_explanation_of_no_survivor_fails(mutants, fate):
    """Whether tests find it now, or the line has changed."""
    found = verdict((MORE, "killed"), *mutants, explained=[LESS])
    assert not found.passed
    assert f"explained, but {fate}" in str(found)


def test_a_module_without_a_mutant_fails():
    """Its path may be wrong."""
    found = verdict((MORE, "killed"), modules=["study/contest.py", "study/content.py"])
    assert not found.passed
    assert "no mutant was made of study/content.py" in str(found)


def test_a_change_is_named_by_its_lines_and_not_by_its_place():
    """Neither line numbers, nor lines around it, nor indentation; nor the names of files above."""
    diff = """\
--- src/dispatch_sim/study/contest.py
+++ src/dispatch_sim/study/contest.py
@@ -3,2 +3,2 @@
     found = self.estimate(confidence)
-    return low <= zone
+    return low < zone"""
    assert change_of("study/contest.py", "Contest.within", diff) == LESS


def test_what_is_printed_can_be_put_into_the_page(tmp_path):
    """With a reason after it; two changes with the same reason have a blank line between them."""
    page = tmp_path / "page.md"
    both = str(LESS).removesuffix("```") + "\n" + "\n".join(MORE.lines) + "\n```\n"
    page.write_text(f"# Mutants\n\n{LESS}\n\nIt is never equal.\n\n{both}\nNobody asks.\n")
    assert read_explained(page) == [LESS, LESS, MORE]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{LESS}\n", ":3: no reason follows this diff"),
        (f"{LESS}\n\n{MORE}\n\nA reason.\n", ":3: no reason follows this diff"),
        ("## study/contest.py\n```diff\n- a\n+ b\n```\nA reason.\n", ":2: a diff belongs under"),
    ],
)
def test_a_page_that_explains_nothing_is_refused(tmp_path, text, message):
    """With the line."""
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_explained(page)


def test_each_line_that_is_explained_stands_in_its_module():
    """So that whoever changes it is told by `make test`, and not only by a run of mutmut."""
    for change in read_explained(PROJECT / "docs" / "mutants.md"):
        source = (PROJECT / "sim" / "dispatch_sim" / change.module).read_text(encoding="utf-8")
        lines = {line.strip() for line in source.splitlines()}
        assert {line[2:] for line in change.lines if line.startswith("-")} <= lines, change
