"""A fault in either engine is found by comparing them: a table of seeded faults, each of them found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.mutants import ENGINES, Fault, edited

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_seeded_fault_is_found(engine):
    command = [sys.executable, "-m", "tests.conformance.kill", engine]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    played = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stderr
    found = json.loads(played.stdout)
    assert found.keys() == ENGINES[engine].keys()
    assert [fault for fault, where in found.items() if where is None] == []


def summed(first, second):
    total = first
    total += second
    return total


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (Fault("summed", "second", "-second"), -1),
        (Fault("summed", "total += X", "total += 2 * X"), 8),
        (Fault("summed", "return T", "pass"), None),
    ],
)
def test_an_edit_replaces_expressions_and_statements_by_structure(fault, result):
    before = summed.__code__
    summed.__code__ = edited(summed, fault)
    try:
        assert summed(2, 3) == result
    finally:
        summed.__code__ = before


@pytest.mark.parametrize(("found", "times"), [("X - Y", 0), ("total", 3)])
def test_an_edit_of_what_is_not_there_once_is_refused(found, times):
    with pytest.raises(ValueError, match=f"{times} times"):
        edited(summed, Fault("summed", found, "None"))
