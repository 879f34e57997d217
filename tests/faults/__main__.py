"""Runs the trials: `make faults`. Exits with 1 where anything is lost."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .asked import Asked
from .checks import LostError
from .disks import read_only, small_disk
from .moments import interrupted, killed, workers_killed
from .points import ended_at_points, failing_at_points, power_cut

TRIALS: dict[str, Callable[[Asked], Iterator[str]]] = {
    "killed": killed,
    "workers": workers_killed,
    "interrupted": interrupted,
    "ended": ended_at_points,
    "failing": failing_at_points,
    "power": power_cut,
    "small": small_disk,
    "read-only": read_only,
}


def main() -> int:
    """Run them, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=1, help="of all that is left to chance (default %(default)s)"
    )
    parser.add_argument("--kills", type=int, default=100, help="random moments (default %(default)s)")
    parser.add_argument(
        "--every", type=int, default=1, help="try each so manieth point (default %(default)s)"
    )
    parser.add_argument("--only", choices=list(TRIALS), action="append", help="this trial; may be repeated")
    given = parser.parse_args()
    _load()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="dispatch-sim-faults-") as place:
        asked = Asked(Path(place), given.seed, given.kills, given.every)
        for name in given.only or TRIALS:
            begin = time.monotonic()
            print(f"{name}: {TRIALS[name].__doc__}", flush=True)
            try:
                for line in TRIALS[name](asked):
                    print(f"  {line}, {time.monotonic() - begin:.0f} s", flush=True)
            except LostError as lost:
                print(f"  FAILED (seed {given.seed}): {lost}", flush=True)
                failed += 1
    print(f"{failed} trials failed" if failed else "Nothing is lost.")
    return 1 if failed else 0


def _load() -> None:
    """Load all that a study needs, so that a process that is forked off has it."""
    import dispatch_sim.dispatch.compiled.engine
    import dispatch_sim.dispatch.compiled.flat_plan
    import dispatch_sim.report.answers
    import dispatch_sim.study.conduct  # noqa: F401
    from dispatch_sim.study.engines import load_engine

    load_engine()


if __name__ == "__main__":
    sys.exit(main())
