"""The version, and the tools that two files name."""

import re
from pathlib import Path

from typer.testing import CliRunner

import dispatch_sim
from dispatch_sim.cli import app

ROOT = Path(__file__).parents[1]


def test_version_option_prints_version():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"dispatch-sim {dispatch_sim.__version__}\n")


def test_pre_commit_runs_the_ruff_of_the_constraints():
    [pinned] = re.findall(r"^ruff==(.*)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    assert f"rev: v{pinned}\n" in (ROOT / ".pre-commit-config.yaml").read_text()
