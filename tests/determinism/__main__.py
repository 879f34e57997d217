"""Plays the same studies in every way there is, and compares bytes: `make determinism`.

Exits with 1 where any differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import pythons
from .comparison import REPORT, BrokenWayError, Found, compare
from .ways import (
    CASES,
    LEFT_OUT,
    LINES_LEFT_OUT,
    REFERENCE,
    Way,
    blocks,
    executors,
    of_python,
    platforms,
    resumed,
)

_COLUMNS = (*(case.name for case in CASES), REPORT)


def main() -> int:
    """Play, and print a table of what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.determinism", description=__doc__)
    parser.add_argument("--only", metavar="WORDS", default="", help="only ways whose names have these words")
    parser.add_argument("--jobs", type=int, default=2, help="ways played at a time (default %(default)s)")
    given = parser.parse_args()
    others = list(_other_pythons(given.only))
    begin = time.monotonic()
    for what, keys in LEFT_OUT.items():
        print(f"Of another {what} are left out of the comparison: {', '.join(keys)}; {LINES_LEFT_OUT[what]}")
    with tempfile.TemporaryDirectory() as made, ThreadPoolExecutor(given.jobs) as pool:
        folder = Path(made)
        unwritable = folder / "home"
        unwritable.write_text("no folder: nobody, root neither, can write into it\n", encoding="utf-8")
        ways = [*executors(), *blocks(), *resumed(), *platforms(unwritable), *others]
        asked = [REFERENCE, *(way for way in ways if given.only in way.name)]
        reference = folder / "reference"
        print(f"\nDigests of {', '.join(_COLUMNS)}, way by way:")
        _print(REFERENCE, compare(REFERENCE, reference, reference))
        playing = [
            (way, pool.submit(compare, way, folder / str(number), reference))
            for number, way in enumerate(asked[1:])
        ]
        wrong = 0
        for way, future in playing:
            try:
                found = future.result()
            except BrokenWayError as error:
                print(f"BROKEN: {error}", flush=True)
                wrong += 1
            else:
                _print(way, found)
                wrong += bool(found.differing)
    print(f"{len(asked)} ways in {time.monotonic() - begin:.0f} s; {wrong} differ.")
    return 1 if wrong else 0


def _other_pythons(only: str) -> Iterator[Way]:
    for minor in pythons.supported():
        found = pythons.find(minor)
        if found is None:
            print(f"Python 3.{minor}: not found, neither on PATH nor among pyenv's versions; left out")
        elif sys.version_info[1] == minor:
            print(f"Python 3.{minor}: {sys.executable}, which plays all the others")
        else:
            print(f"Python 3.{minor}: {found}", flush=True)
            if any(only in way.name for way in of_python(f"3.{minor}", found)):
                yield from of_python(f"3.{minor}", pythons.environment(minor, found))


def _print(way: Way, found: Found) -> None:
    verdict = f"differs: {', '.join(found.differing)}" if found.differing else "same"
    digests = " ".join(f"{found.digests.get(column, '-'):<8}" for column in _COLUMNS)
    print(f"{way.name:<62} {','.join(found.executors):<24} {digests} {verdict}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
