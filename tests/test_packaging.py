"""The version, the tools that two files name, and imports by name."""

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


def test_only_the_package_itself_imports_by_name():
    """Import contracts cannot see these."""
    package = ROOT / "sim" / "dispatch_sim"
    by_name = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\b(import_module|__import__)\b", path.read_text(encoding="utf-8"))
    }
    assert by_name == {"__init__.py"}
