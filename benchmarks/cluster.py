"""Measures what a Dask scheduler does for a block, and so how many workers it serves.

    python benchmarks/cluster.py

Blocks that nobody plays, of the size that real ones have, go through a real scheduler to two real workers on
this machine. What the scheduler takes of a core for each says how many it can hand out.
"""

from __future__ import annotations

import json
import operator
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from pickle import dumps

import psutil

from dispatch_sim.scenario.loader import load_source
from dispatch_sim.study import cluster
from dispatch_sim.study.design import Design, design_sweep
from dispatch_sim.study.engines import load_engine
from dispatch_sim.study.gathering import aligned_parts, block_size
from dispatch_sim.study.reduction import Reduction, aggregation
from dispatch_sim.study.runner import TASKS_OF_A_BLOCK
from dispatch_sim.study.workers import CompiledPlayer, play_block

SCENARIO = Path(__file__).parents[1] / "scenarios" / "ten-sources.yaml"
HERE = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
BLOCKS = 2000


class _NotPlayed:
    """A call as large as a real one, that is answered by so many bytes."""

    times = 0

    def __init__(self, what: bytes, block: range) -> None:
        self.what = what

    def __reduce__(self) -> tuple[object, tuple[bytes, int]]:
        return operator.mul, (self.what, self.times)


@contextmanager
def _scheduler() -> Iterator[tuple[str, psutil.Process]]:
    """Start a scheduler and two workers; yields its address and its process."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        file = folder / "scheduler.json"

        def start(what: str, *arguments: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, *HERE]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            held.callback(process.wait)
            held.callback(process.kill)
            return process

        scheduler = start("scheduler", "--port", "0", "--scheduler-file", str(file))
        while not file.exists() or not file.read_text().endswith("}"):
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        for _ in range(2):
            start("worker", address, "--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
        yield address, psutil.Process(scheduler.pid)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _measure(
    there: cluster.Cluster, scheduler: psutil.Process, design: Design, blocks: int, answer: int
) -> tuple[float, float, float]:
    """Return blocks a second, and seconds of a core of the scheduler and of this process for each."""
    what = zlib.compress(dumps((design, "compiled", Reduction())))
    _NotPlayed.times = answer // len(what)
    before, mine, began = _cpu(scheduler), time.process_time(), time.perf_counter()
    there.play(design, "compiled", Reduction(), (range(n, n + 1) for n in range(blocks)), lambda *_: None)
    took = time.perf_counter() - began
    return blocks / took, (_cpu(scheduler) - before) / blocks, (time.process_time() - mine) / blocks


def main() -> None:
    """Measure, and print what was found."""
    design = design_sweep(load_source(SCENARIO))
    what = len(zlib.compress(dumps((design, "compiled", Reduction()))))
    print(f"{SCENARIO.name}: {design.points} design points, {what / 1000:.1f} kB go with each block")
    load_engine()
    played = {
        "simpy": lambda block: play_block(design, block),
        "compiled": CompiledPlayer(design).play_block,
    }
    answers, seconds = {"nothing": 0}, {}
    for engine, play in played.items():
        longest = TASKS_OF_A_BLOCK[engine] // design.tasks
        began = time.process_time()
        rows = play(range(longest))
        seconds[engine] = time.process_time() - began
        aligned = len(next(aligned_parts(range(1 << 20), longest)))
        sums = aggregation(design, block_size(10**6)).piece(0, rows[:, :aligned])
        found = {
            "rows": len(cluster._packed(Reduction().piece(0, rows))[1]),
            "aggregates": len(cluster._packed(sums)[1]),
        }
        print(f"a block of {engine}: {seconds[engine]:.2f} s, {longest} replications, {rows.nbytes:,} bytes;")
        print(f"  sent: {found['rows']:,} bytes as rows, {found['aggregates']:,} as aggregates")
        answers |= {f"{kind}, {engine}": size for kind, size in found.items()}
    cluster._Call, cluster._unpacked = _NotPlayed, lambda packed: packed  # type: ignore
    cluster.BLOCKS_AT_WORK = 100  # so that the scheduler never waits for us
    print(f"load of this machine: {os.getloadavg()[0]:.1f}")
    print(
        "answered by        bytes  blocks/s  scheduler ms  coordinator ms  workers at half its time, compiled"
    )
    with _scheduler() as (address, scheduler), cluster.connected(address) as there:
        there._client.wait_for_workers(2)
        _measure(there, scheduler, design, BLOCKS // 4, 0)
        for name, size in answers.items():
            blocks = BLOCKS if size < 1_000_000 else BLOCKS // 10
            rate, its, ours = _measure(there, scheduler, design, blocks, size)
            workers = 0.5 / its * seconds["compiled"]
            print(f"{name:20} {size:9,} {rate:6.0f} {its * 1e3:10.2f} {ours * 1e3:14.2f} {workers:14.0f}")


if __name__ == "__main__":
    main()
