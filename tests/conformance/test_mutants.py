"""A fault in either engine is found by comparing them: a table of seeded faults, each of them found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.mutants import Fault, edited, faults, undetected

ROOT = Path(__file__).parents[2]


def test_all_84_faults_are_read():
    """As many as `docs/architecture.md` says; a line that was read as another would be a fault less."""
    assert len(faults("simpy")) + len(faults("compiled")) == 84


def test_every_fault_of_simpy_is_found():
    assert undetected("simpy") == []


def test_every_fault_of_the_compiled_engine_is_found():
    command = [sys.executable, "-m", "tests.conformance.mutants"]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


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
