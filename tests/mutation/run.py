"""Runs mutmut on a copy of the project, and reads what became of each mutant."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .explained import change_of
from .judging import Mutant

PACKAGE = "src/dispatch_sim/"


def stage(project: Path, copy: Path) -> None:
    """Copy what mutmut needs, with `src/` for `sim/`: it takes a module's name to be its path less `src/`.

    What is there from another run goes: mutmut would not try its mutants again where only a test has changed.
    """
    shutil.rmtree(copy, ignore_errors=True)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
    shutil.copytree(project / "sim", copy / "src", ignore=unwanted)
    shutil.copytree(project / "tests", copy / "tests", ignore=unwanted)
    shutil.copy(project / "pyproject.toml", copy)


def run_mutmut(copy: Path, children: int) -> int:
    """Let mutmut make its mutants and try them, in so many processes at a time; return its exit code."""
    command = [Path(sys.executable).with_name("mutmut"), "run", "--max-children", str(children)]
    # The order of tests, and of any set, is that of hashes: the same each time.
    env = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=copy, env=env, check=False).returncode


def read_mutants(copy: Path) -> list[Mutant]:
    """Return all mutants of a run, in the order of modules and lines."""
    # Here, as the judging is tested where mutmut is not installed.
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import walk_mutatable_files
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    found = []
    with contextlib.chdir(copy):  # mutmut finds its configuration and its results there
        for path in sorted(walk_mutatable_files()):
            results = SourceFileMutationData(path=path)
            results.load()
            for name, code in results.exit_code_by_key.items():
                function, owner = orig_function_and_class_names_from_key(name)
                change = change_of(
                    path.as_posix().removeprefix(PACKAGE),
                    f"{owner}.{function}" if owner else function,
                    get_diff_for_mutant(name, path=path),
                )
                found.append(Mutant(change, status_by_exit_code[code]))
    return found
