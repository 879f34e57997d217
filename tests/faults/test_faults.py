"""A short selection of the trials; all of them: `make faults`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="worker processes are found by /proc")
@pytest.mark.parametrize(
    ("trial", "some"),
    [
        ("killed", ("--kills", "5")),
        ("workers", ("--kills", "3")),
        ("interrupted", ("--kills", "6")),
        ("ended", ("--every", "45")),
        ("failing", ("--every", "90")),
        ("power", ("--every", "40")),
        ("small", ("--kills", "5")),
        ("read-only", ("--kills", "5")),
    ],
)
def test_nothing_of_a_study_is_lost(trial, some):
    """Whatever ends it, it is resumed to the same bytes; in a process of its own, which forks others."""
    command = [sys.executable, "-m", "tests.faults", "--only", trial, *some]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    if "SKIPPED" in done.stdout:
        pytest.skip(done.stdout.partition("SKIPPED: ")[2].strip())
