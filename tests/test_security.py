"""The threat model names for each threat the test that holds it off, and these tests are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def threats():
    """Return the rows of the tables of threats: what could be done, the bound, the test."""
    rows, inside = [], False
    for line in TEXT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| Threat"):
            inside = True
            assert cells == ["Threat", "Bound", "Test"]
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|---"):
            rows.append(cells)
    return rows


def test_there_are_threats():
    assert len(threats()) > 30


@pytest.mark.parametrize("row", threats(), ids=lambda row: row[0])
def test_each_threat_names_a_bound_and_a_test_that_is_there(row):
    """By its node id, a file and a function in it; a row without one is a promise that nothing holds."""
    threat, bound, test = row
    assert threat
    assert bound
    path, _, name = re.fullmatch(r"`([\w./]+)(::)(\w+)`", test).groups()
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name.startswith("test_")
    assert name in functions
