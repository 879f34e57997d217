"""What a large study takes that keeps aggregates: time, memory and disk, by its replications.

`python benchmarks/scale.py` plays three ways of dispatching ten tasks behind a small account's limits, each
number of replications in a process of its own, and prints a table. Times are of the processor: what others do
on the machine is not counted, but for the caches that they share.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dispatch_sim.scenario.loader import load_source
from dispatch_sim.study.answer import answer
from dispatch_sim.study.conduct import compare, sweep
from dispatch_sim.study.engines import load_engine
from dispatch_sim.study.journal import UNFINISHED
from dispatch_sim.study.playing import Playing
from dispatch_sim.study.reduction import Reduction
from dispatch_sim.study.results import write_results
from dispatch_sim.study.workers import CompiledPlayer

SCENARIO = Path(__file__).parent.parent / "scenarios" / "ten-sources.yaml"
THREE_WAYS = {"strategies": ["sequential", "parallel", "queue: 3"], "sweep.concurrency": [3]}
PARTS = {
    "playing": (CompiledPlayer, "play_block"),
    "making sums": (Reduction, "piece"),
    "keeping": (Playing, "_take"),
}
"""What a block goes through: the first two in the workers, the last in the process that hands out."""


def _timed(spent: dict[str, float], calls: dict[str, int]) -> None:
    """Have each of `PARTS` add up the processor's time that it takes."""

    def wrapped(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            begin = time.thread_time()
            try:
                return function(*given)
            finally:
                spent[name] += time.thread_time() - begin
                calls[name] += 1

        return call

    for name, (owner, method) in PARTS.items():
        setattr(owner, method, wrapped(name, getattr(owner, method)))


def measured(replications: int, jobs: int, *, is_sweep: bool) -> dict[str, Any]:
    """Play a study, and return what it took."""
    spent, calls = dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 0)
    _timed(spent, calls)
    source = load_source(SCENARIO).replaced({"engine": "compiled"} | ({} if is_sweep else THREE_WAYS))
    load_engine()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        begin, begin_cpu = time.perf_counter(), time.process_time()
        play = sweep if is_sweep else compare
        results = play(source, replications=replications, jobs=jobs, folder=folder, keep="aggregates")
        played_s, cpu_s = time.perf_counter() - begin, time.process_time() - begin_cpu
        parts = list((folder / UNFINISHED).glob("part-*"))
        parts_bytes = sum(path.stat().st_size for path in parts)
        begin = time.process_time()
        answer(results)
        answer_s = time.process_time() - begin
        stored = sum(path.stat().st_size for path in write_results(results, folder))
    return {
        "replications": results.replications,
        "design points": results.manifest["design_points"],
        "jobs": jobs,
        "wall_s": played_s,
        "cpu_s": cpu_s,
        "answer_cpu_s": answer_s,
        "blocks": calls["keeping"],
        **{f"cpu_s of {name}": seconds for name, seconds in spent.items()},
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "parts": len(parts),
        "parts_bytes": parts_bytes,
        "results_bytes": stored,
    }


def row(found: dict[str, Any]) -> list[str]:
    """Return a study's figures, as cells."""
    each = found["cpu_s of keeping"] + found["cpu_s of making sums"]
    return [
        f"{found['replications']:,}",
        str(found["jobs"]),
        f"{found['cpu_s']:.0f} s",
        f"{found['wall_s']:.0f} s",
        f"{found['replications'] / found['cpu_s']:,.0f}",
        f"{100 * found['cpu_s of playing'] / found['cpu_s']:.0f}%",
        f"{1e3 * each / found['blocks']:.1f} ms",
        f"{found['peak_bytes'] / 2**20:.0f} MiB",
        f"{found['parts']:,}, {found['parts_bytes'] / 2**20:.1f} MiB",
        f"{found['results_bytes'] / 2**20:.1f} MiB",
    ]


HEADS = (
    "Replications of each way",
    "Threads",
    "Processor",
    "Clock",
    "Replications a processor second",
    "In the engine",
    "Besides, a block",
    "Peak memory",
    "Parts, before they are removed",
    "Results",
)


def main() -> None:
    """Measure each number of replications in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("replications", nargs="*", type=int, default=[10**5, 10**6, 10**7])
    parser.add_argument("--jobs", type=int, nargs="*", default=[2])
    parser.add_argument("--sweep", action="store_true", help="all of the scenario's design points")
    parser.add_argument("--one", action="store_true", help="measure here, and print JSON")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.replications[0], asked.jobs[0], is_sweep=asked.sweep)))
        return
    print("| " + " | ".join(HEADS) + " |\n|" + "--:|" * len(HEADS))
    for replications in asked.replications:
        for jobs in asked.jobs:
            command = [sys.executable, __file__, str(replications), "--jobs", str(jobs), "--one"]
            command += ["--sweep"] if asked.sweep else []
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print("| " + " | ".join(row(json.loads(done.stdout))) + " |", flush=True)


if __name__ == "__main__":
    main()
