"""A few of the faults of `make faults`."""

import subprocess
import sys
from pathlib import Path


def test_study_is_resumed_after_each_kind_of_fault():
    command = [sys.executable, "-m", "tests.faults", "--times", "1", "--few"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
