"""What a fresh process takes: to import, to answer `--help`, and for a whole sweep."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SWEEP = """
name: twenty tasks
tasks:
  - {name: task, count: 20, tokens: {lognormal: {mean: 15K, cv: 0.4}},
     duration: {lognormal: {mean: 60s, cv: 0.5}}}
strategies: [parallel, sequential, queue]
sweep: {tasks: [20], concurrency: 1..20}
study: {replications: 1000}
"""
"""A batch of twenty tasks at twenty widths: 22 points, as two of the three ways have no width."""

ALL_SIZES = SWEEP.replace("tasks: [20]", "tasks: 1..20")
"""Batches of 1 to 20 tasks besides: 250 points, as a queue is no wider than its batch."""


def _run(arguments: list[str], folder: Path, cache: Path) -> tuple[float, float]:
    """Run a process; returns seconds by the clock and of CPU time."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    begin, before = time.perf_counter(), os.times()
    subprocess.run(arguments, cwd=folder, env=environment, check=True, capture_output=True)
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begin, cpu_s


def starts(rounds: int) -> dict[str, Any]:
    """Return seconds that fresh processes take, medians of several."""
    python = [sys.executable, "-c"]
    command = [sys.executable, "-m", "dispatch_sim"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
        (folder / "sizes.yaml").write_text(ALL_SIZES, encoding="utf-8")
        sweep = [*command, "sweep", "sweep.yaml"]
        warm = folder / "warm"
        _run([*sweep, "--no-report"], folder, warm)
        kinds = {
            "an empty Python": ([*python, "pass"], True),
            "import dispatch_sim": ([*python, "import dispatch_sim"], True),
            "--help": ([*command, "--help"], True),
            "sweep --no-report, warm": ([*sweep, "--no-report"], True),
            "sweep, warm": (sweep, True),
            "sweep of all sizes --no-report, warm": ([*command, "sweep", "sizes.yaml", "--no-report"], True),
            "sweep --no-report, cold": ([*sweep, "--no-report"], False),
        }
        taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
        for number in range(rounds):
            for kind, (arguments, is_warm) in kinds.items():
                cache = warm if is_warm else folder / f"cold {number}"
                taken[kind].append(_run(arguments, folder, cache))
    return {
        kind: {
            "clock_s": statistics.median(clock_s for clock_s, _ in of),
            "cpu_s": statistics.median(cpu_s for _, cpu_s in of),
        }
        for kind, of in taken.items()
    }
