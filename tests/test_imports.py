"""Imports between packages run one way, and no module is part of a cycle, lazy imports included."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sim" / "dispatch_sim"
CONFIG = PACKAGE.parents[1] / "pyproject.toml"


def check_imports(parent: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())"
    command = [sys.executable, "-c", code, "--config", str(CONFIG), "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(parent)}
    return subprocess.run(command, cwd=parent, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("scenario/quantities.py", "report.page"),
        ("decide/cost_breakdown.py", "decide.explanation"),
    ],
    ids=["against the layers", "cycle within a package"],
)
def test_lazy_import_that_closes_a_cycle_fails(tmp_path, module, imported):
    shutil.copytree(PACKAGE, tmp_path / "dispatch_sim", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "dispatch_sim" / module).open("a") as file:
        file.write(f"\n\ndef planted():\n    import dispatch_sim.{imported}\n")
    checked = check_imports(tmp_path)
    assert checked.returncode == 1
    assert imported.split(".")[-1] in checked.stdout


def test_only_the_package_itself_imports_by_name():
    """Import contracts cannot see these."""
    by_name = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name | ast.Attribute | ast.alias)
        and {getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None)}
        & {"import_module", "__import__"}
    }
    assert by_name == {"__init__.py"}
