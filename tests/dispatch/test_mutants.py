"""A fault in either engine is found by comparing them: a table of seeded faults, each of them found."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dispatch_sim

from .conformance.mutants import ENGINES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_seeded_fault_is_found(engine, tmp_path):
    """Each edit of the source, alone, makes one of the compared cases differ; nothing is compiled."""
    shutil.copytree(
        Path(dispatch_sim.__file__).parent,
        tmp_path / "dispatch_sim",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    played = subprocess.run(
        [sys.executable, "-m", "tests.dispatch.conformance.kill", engine],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            "NUMBA_DISABLE_JIT": "1",
            "XDG_CACHE_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert played.returncode == 0, played.stderr
    found = json.loads(played.stdout)
    assert [*found] == [mutant.fault for mutant in ENGINES[engine]]
    assert [fault for fault, where in found.items() if where is None] == []
