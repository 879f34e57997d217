"""Standard output and standard error that are closed or full."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import start


def test_closed_standard_error_changes_nothing(scenario):
    command = f"{sys.executable} -m dispatch_sim sweep small.yaml --replications 4 --no-report --json 2>&-"
    result = subprocess.run(command, shell=True, cwd=scenario.parent, stdout=subprocess.PIPE, text=True)
    assert result.returncode == 0
    assert json.loads(result.stdout)["recommended"]
    assert (scenario.parent / "reports" / "small" / "results.parquet").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_standard_output_is_an_error_without_traceback(scenario):
    with open("/dev/full", "w") as full:
        process = start(
            "check", scenario.name, cwd=scenario.parent, stdout=full, stderr=subprocess.PIPE, text=True
        )
        _, errors = process.communicate()
    assert process.returncode == 2
    assert errors == "standard output cannot be written to: No space left on device\n"


def test_report_is_written_although_standard_output_is_closed(scenario):
    read, write = os.pipe()
    os.close(read)
    arguments = ("sweep", scenario.name, "--replications", 4)
    process = start(*arguments, cwd=scenario.parent, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    _, errors = process.communicate()
    assert process.returncode == 141
    assert errors.startswith("wrote to ")
    assert errors.count("\n") == 1
    assert (scenario.parent / "reports" / "small" / "report.html").exists()
