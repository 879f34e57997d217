"""A few of the faults of `make faults`."""

import subprocess
import sys
from pathlib import Path

import pytest

from dispatch_sim.engine.store import engine

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
def test_study_is_resumed_after_each_kind_of_fault():
    """Whatever ends it, it is resumed to the same bytes; in a process of its own, which forks others."""
    engine()  # otherwise the process would say that it compiles
    command = [sys.executable, "-m", "tests.faults", "--times", "1", "--few", "--seed", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    if "SKIPPED" in done.stdout:
        pytest.skip(done.stdout.partition("SKIPPED: ")[2].partition("\n")[0])
    assert "1 disks full of 1" in done.stdout
