"""Finds the Pythons that the project supports, and makes an environment for each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .comparison import ROOT


def supported() -> list[int]:
    """Return the minor versions that `pyproject.toml` names."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return [int(minor) for minor in re.findall(r"Python :: 3\.(\d+)", text)]


def find(minor: int) -> str | None:
    """Return a Python 3 of a minor version that can make environments: on PATH, or one of pyenv's."""
    name = f"python3.{minor}"
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    of_pyenv = sorted(
        versions.glob(f"3.{minor}.*/bin/{name}"), key=lambda path: int(path.parts[-3].split(".")[2])
    )
    on_path = shutil.which(name)
    candidates = [*([on_path] if on_path else []), *map(str, reversed(of_pyenv))]
    return next((each for each in candidates if _answers(each, minor)), None)


def _answers(python: str, minor: int) -> bool:
    """Whether it starts and is what it is called: pyenv puts names on PATH that lead nowhere."""
    asked = "import ensurepip, sys, venv; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
    return done.stdout.split() == ["3", str(minor)]


def environment(minor: int, python: str) -> str:
    """Return the Python of an environment of ours, made by `make` where it is not there or out of date."""
    if sys.version_info[1] == minor:
        return sys.executable
    folder = f".venv-3{minor}"
    make = ["make", "--silent", f"VENV={folder}", f"PYTHON={python}", f"{folder}/.ready"]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the environment of Python 3.{minor} cannot be made:\n{done.stderr[-2000:]}")
    return str(ROOT / folder / "bin" / "python")
