"""Plays thousands of cases by both engines: `make conformance`.

Exits with 1 where they differ, or cover too little.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed

from .cases import ADAPTIVE, Case, numbered_case, single_option_cases
from .comparison import Coverage, compare_cases

CHUNK = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="how many (default %(default)s)")
    parser.add_argument(
        "--adaptive", type=int, default=2_000, help="more, all adaptive (default %(default)s)"
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    given = parser.parse_args()
    begin = time.monotonic()
    compare_cases([numbered_case(0)])  # compiles the engine, or reads it
    chunks = [
        *_chunks(given.first, given.cases, {}),
        *_chunks(given.first, given.adaptive, ADAPTIVE),
        single_option_cases(),
    ]
    cases = sum(map(len, chunks))
    coverage, differences = Coverage(), []
    with ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(compare_cases, chunk) for chunk in chunks]):
            of_chunk, found = future.result()
            coverage.merge(of_chunk)
            for line in found:
                print(line, flush=True)
            differences += found
            print(
                f"{coverage.cases:,} of {cases:,} cases, {time.monotonic() - begin:.0f} s,"
                f" {len(differences)} different",
                flush=True,
            )
    missing = coverage.missing()
    for line in missing:
        print(line)
    print(
        f"{coverage.cases:,} cases, {coverage.events:,} events, {coverage.tied_events / coverage.events:.0%}"
        f" of them at one moment with another task's, in {time.monotonic() - begin:.0f} s."
    )
    if differences or missing:
        print(f"FAILED: {len(differences)} cases differ, {len(missing)} things have not occurred")
        return 1
    print("Both engines gave the same outcomes and the same event logs, with ==.")
    return 0


def _chunks(first: int, count: int, fixed: Mapping[str, str]) -> list[list[Case]]:
    numbers = range(first, first + count)
    return [[numbered_case(at, fixed) for at in numbers[i : i + CHUNK]] for i in range(0, count, CHUNK)]


if __name__ == "__main__":
    sys.exit(main())
