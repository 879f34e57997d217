"""Standard output and standard error that are closed or full."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dispatch_sim.cli import output
from tests.command import start


def test_closed_standard_error_changes_nothing(scenario):
    """There is progress to be shown."""
    command = f"{sys.executable} -m dispatch_sim compare small.yaml --set strategies=[sequential]"
    command += " --replications 2 --json 2>&-"
    result = subprocess.run(command, shell=True, cwd=scenario.parent, stdout=subprocess.PIPE, text=True)
    assert result.returncode == 0
    assert json.loads(result.stdout)["recommended"]


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
    small = ("--set", "strategies=[sequential]", "--set", "sweep={tasks: [2]}")
    arguments = ("sweep", scenario.name, *small, "--replications", 4)
    process = start(*arguments, cwd=scenario.parent, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    _, errors = process.communicate()
    assert process.returncode == 141
    lines = [line for line in errors.splitlines() if not line.startswith("simulating, which takes more")]
    assert len(lines) == 1
    assert lines[0].startswith("wrote to ")
    assert (scenario.parent / "reports" / "small" / "report.html").exists()


@pytest.mark.parametrize(
    ("seconds", "reported", "printed"),
    [
        (0.01, [(3, 100)], "simulating, which takes more than 0.01 seconds: 3% done\n"),
        (0.01, [], "simulating, which takes more than 0.01 seconds\n"),
        (60, [(3, 100)], ""),
    ],
)
def test_long_command_without_a_terminal_prints_a_line(monkeypatch, capsys, seconds, reported, printed):
    monkeypatch.setattr(output, "LONG_S", seconds)
    with output.progress("percent") as on_progress:
        for each in reported:
            on_progress(*each)
        time.sleep(0.2)
    assert capsys.readouterr() == ("", printed)
