"""Each threat in docs/security.md names a bound and an existing test."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def threats():
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
def test_threat_names_a_bound_and_an_existing_test(row):
    threat, bound, test = row
    assert threat
    assert bound
    path, _, name = re.fullmatch(r"`([\w./]+)(::)(\w+)`", test).groups()
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name.startswith("test_")
    assert name in functions
