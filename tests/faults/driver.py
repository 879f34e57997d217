"""Runs the command line as a trial wants it: parts are frequent, and what is safe is noted elsewhere.

As a process of its own, `python -m tests.faults.driver NOTES PACE ARGUMENTS`, or in one that was forked.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from dispatch_sim import cli
from dispatch_sim.study import runner
from dispatch_sim.study.journal import Journal
from dispatch_sim.study.playing import Playing


def note(notes: Path, **what: Any) -> None:
    """Add a line to the notes: in one call, so that it is there whole or not at all."""
    descriptor = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, json.dumps(what).encode() + b"\n")
    os.close(descriptor)


def run(notes: Path, pace: float, arguments: list[str]) -> None:
    """Run the command line.

    Parameters
    ----------
    notes : where it is noted which pieces of a study are safe, as far as it knows, and what is played.
    pace : seconds that each block takes more, and between parts.
    """
    write_part, take = Journal.write_part, Playing._take

    def written(journal: Journal) -> None:
        before = len(journal._lines)
        write_part(journal)
        if len(journal._lines) > before:
            note(notes, safe=journal._lines[-1].model_dump()["pieces"])

    def taken(playing: Playing, block: range, piece: Any) -> None:
        time.sleep(pace)
        take(playing, block, piece)
        note(notes, played=[block.start, block.stop])

    Journal.write_part = written
    Journal._pause = lambda journal: pace
    Playing._take = taken
    if pace:  # many blocks, and by several processes
        runner.WORTH_A_POOL = 0
        runner.TASKS_OF_A_BLOCK = {"simpy": 60, "compiled": 600}
    sys.argv = ["dispatch-sim", *arguments]
    note(notes, begun=os.getpid())
    cli.main()


if __name__ == "__main__":
    run(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
