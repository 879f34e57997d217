"""What it costs to keep what is played, and what a second worker gains: `python benchmarks/journal.py`.

A whole study of the ten sources each time, without a folder and with one, in turn; by one worker and by two.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping

from dispatch_sim.scenario.loader import load_source
from dispatch_sim.study.conduct import sweep

SCENARIO = "scenarios/ten-sources.yaml"


def _taken(play: Callable[[], object]) -> tuple[float, float]:
    """Return seconds by the clock, and of CPU time of this process and those that it waited for."""
    begin, before = time.perf_counter(), os.times()
    play()
    after = os.times()
    return time.perf_counter() - begin, sum(after[:4]) - sum(before[:4])


def _compare(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, play in ways.items():
            taken[name].append(_taken(play))
            print(
                f"  {name}: {taken[name][-1][0]:.1f} s by the clock, {taken[name][-1][1]:.1f} s of CPU",
                flush=True,
            )
    return taken


def _ratio(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the medians of the ratios of the same rounds: by the clock, and of CPU time."""
    return tuple(statistics.median(a[i] / b[i] for a, b in zip(one, other, strict=True)) for i in (0, 1))


def _study(
    engine: str, replications: int, jobs: int, *, kept: bool, keep: str = "rows"
) -> Callable[[], object]:
    source = load_source(SCENARIO).replaced({"engine": engine})

    def play() -> None:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            where = folder if kept else None
            sweep(source, replications=replications, jobs=jobs, folder=where, keep=keep)

    return play


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="benchmarks/journal.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--replications", type=int, default=10_000, help="of a compiled study (default 10,000)"
    )
    parser.add_argument("--simpy", type=int, default=150, help="of a study by SimPy (default 150)")
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    _study("compiled", 10, 1, kept=False)()  # compiles, imports
    for jobs in (1, 2):
        for keep in ("rows", "aggregates"):
            print(f"compiled, workers: {jobs}, {keep}")
            ways = {
                name: _study("compiled", asked.replications, jobs, kept=kept, keep=keep)
                for name, kept in (("kept nowhere", False), ("kept in parts", True))
            }
            taken = _compare(ways, asked.rounds)
            clock, cpu = _ratio(taken["kept in parts"], taken["kept nowhere"])
            print(f"  in parts: {100 * (clock - 1):+.1f}% by the clock, {100 * (cpu - 1):+.1f}% of CPU")
    for engine, replications in (("compiled", asked.replications), ("simpy", asked.simpy)):
        print(f"{engine}, one worker against two, in parts")
        ways = {str(jobs): _study(engine, replications, jobs, kept=True) for jobs in (1, 2)}
        taken = _compare(ways, asked.rounds)
        print(f"  two are {_ratio(taken['1'], taken['2'])[0]:.2f} times as fast")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
