"""Kills and interrupts sweeps at random moments, and resumes them: `make faults`.

After each fault the folder has to hold complete results: the earlier ones of another study that lay there,
or the new ones. Then the sweep is resumed, has to simulate only what its checkpoint lacks, and has to come to
the bytes of an undisturbed one. Exits with 1 where anything is lost.
"""

import argparse
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import cache
from itertools import product
from pathlib import Path

from dispatch_sim.engine.store import engine
from dispatch_sim.study.checkpoint import CHECKPOINT_FILE, is_unfinished
from dispatch_sim.study.files import LOCK_FILE
from dispatch_sim.study.results import read_results

TASKS = """
tasks: [{name: a, count: 3, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
strategies: [parallel, queue]
sweep: {tasks: [1, 3], concurrency: [1, 2]}
"""
STUDIES = {
    "simpy": TASKS + "engine: simpy\nstudy: {replications: 120}\n",
    "compiled": TASKS + "engine: compiled\nstudy: {replications: 6000}\n",
    "compiled, doubled": TASKS + "engine: compiled\nstudy: {at_most: 5000, indifference: $0.00001}\n",
}
PROGRAM = """
from dispatch_sim.cli import main
from dispatch_sim.study import runner
runner.TASKS_OF_A_CHUNK = {"simpy": 60, "compiled": 3000}
main()
"""
ENDS_WITHIN_S = 120
FILES = ("results.parquet", "manifest.json")


class LostError(AssertionError):
    """Something is lost, or not as it has to be."""


class Trial:
    """A sweep by the command line, in a folder where another study's results lie, and what happens to it."""

    def __init__(self, place: Path, text: str) -> None:
        self.folder, self.scenario, self.output = place / "out", place / "study.yaml", place / "output"
        self.scenario.write_text(text)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the sweep, and return when it has begun."""
        command = [sys.executable, "-c", PROGRAM, "sweep", str(self.scenario), "--out", str(self.folder)]
        command += ["--jobs", "2", "--no-report", *options]
        (self.folder / LOCK_FILE).unlink(missing_ok=True)  # of a process that was killed
        with self.output.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None and not (self.folder / LOCK_FILE).exists():
            time.sleep(0.002)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """Wait until the sweep has ended, and return its exit code."""
        try:
            return process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise LostError(f"hangs for {ENDS_WITHIN_S} s: {self.output.read_text()}") from None

    def run(self, *options: str) -> int:
        return self.end(self.start(*options))

    def pair(self) -> tuple[bytes, ...]:
        return tuple((self.folder / name).read_bytes() for name in FILES)

    def put(self, pair: tuple[bytes, ...]) -> None:
        for name, data in zip(FILES, pair, strict=True):
            (self.folder / name).write_bytes(data)

    def kept(self) -> int:
        """Return how many replications of all points the checkpoint has: each measure once in each chunk."""
        if not is_unfinished(self.folder):
            return 0
        with closing(sqlite3.connect(self.folder / CHECKPOINT_FILE)) as db:
            chunks = db.execute("SELECT stage, replications FROM chunk").fetchall()
            measures = {count for (count,) in db.execute("SELECT count(*) FROM measure GROUP BY number")}
        if measures != {len(chunks)}:
            raise LostError("the checkpoint is not whole")
        return sum(count for stage, count in chunks if stage == 0)

    def check(self, reference: tuple[bytes, ...], *, complete: bool = True) -> None:
        """Check that nothing is lost, and that the sweep is resumed to the bytes of an undisturbed one."""
        found = read_results(self.folder)
        found.table(["cost_usd"])
        if complete and found.manifest["interrupted"]:
            raise LostError("the results in the folder are not complete")
        finished, kept = self.pair() == reference, self.kept()
        if (code := self.run("--resume")) != 0:
            raise LostError(f"resumed, it ends with {code}: {self.output.read_text()[-2000:]}")
        said = re.search(r"at least ([0-9,]+) replications", self.output.read_text())
        if not finished and (int(said[1].replace(",", "")) if said else 0) != kept:
            raise LostError(f"{kept} replications were kept, it says: {said and said[0]}")
        if self.pair() != reference:
            raise LostError("resumed, it comes to other bytes")
        if left := {path.name for path in self.folder.iterdir()} - set(FILES):
            raise LostError(f"left behind: {sorted(left)}")


@cache
def undisturbed(text: str) -> tuple[tuple[bytes, ...], float, tuple[bytes, ...]]:
    """Return what a study comes to, in how many seconds, and what it comes to with another seed."""
    pairs, seconds = [], 0.0
    with tempfile.TemporaryDirectory(prefix="dispatch-sim-faults-") as place:
        for options in (("--seed", "7"), ()):
            trial = Trial(Path(place), text)
            process, began = trial.start(*options), time.monotonic()
            code, seconds = trial.end(process), time.monotonic() - began
            if code != 0:
                raise LostError(f"undisturbed, it ends with {code}: {trial.output.read_text()}")
            pairs.append(trial.pair())
    return pairs[1], seconds, pairs[0]


def killed(place: Path, text: str, chance: random.Random, times: int) -> str:
    """kill -9 at random moments, up to three times before the sweep is resumed to its end."""
    reference, seconds, earlier = undisturbed(text)
    kills = resumed = 0
    while kills < times:
        trial = Trial(place, text)
        trial.put(earlier)
        for again in range(chance.randint(1, 3)):
            process = trial.start(*(["--resume"] if again else []))
            time.sleep(chance.uniform(0, seconds))
            process.kill()
            kills += trial.end(process) == -signal.SIGKILL
        resumed += trial.kept() > 0
        trial.check(reference)
    return f"killed {kills} times, resumed from {resumed} checkpoints"


def interrupted(place: Path, text: str, chance: random.Random, times: int) -> str:
    """Ctrl-C at random moments: it is over soon, and says so."""
    reference, seconds, earlier = undisturbed(text)
    codes, slowest = [], 0.0
    for _ in range(times):
        trial = Trial(place, text)
        trial.put(earlier)
        process = trial.start()
        time.sleep(chance.uniform(0, seconds))
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        codes.append(trial.end(process))
        slowest = max(slowest, time.monotonic() - began)
        if codes[-1] not in (0, 130) or "Traceback" in trial.output.read_text():
            raise LostError(f"interrupted, it ends with {codes[-1]}: {trial.output.read_text()}")
        trial.check(reference, complete=False)
    return f"interrupted {codes.count(130)} times before its end, over in {slowest:.1f} s at most"


TRIALS = {"killed": killed, "interrupted": interrupted}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of all moments (default %(default)s)")
    parser.add_argument("--times", type=int, default=34, help="faults of each kind and study (%(default)s)")
    parser.add_argument("--few", action="store_true", help="one study for each kind of fault")
    given = parser.parse_args()
    engine()
    failed = 0
    combine = zip if given.few else product
    for (fault, trial), (study, text) in combine(TRIALS.items(), STUDIES.items()):
        with tempfile.TemporaryDirectory(prefix="dispatch-sim-faults-") as place:
            chance = random.Random(f"{given.seed} {fault} {study}")
            try:
                found = trial(Path(place), text, chance, given.times)
            except LostError as lost:
                found = f"FAILED (seed {given.seed}): {lost}"
                failed += 1
            print(f"{fault}, {study}: {found}", flush=True)
    print(f"{failed} trials failed" if failed else "Nothing is lost.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
