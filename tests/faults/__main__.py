"""Kills and interrupts sweeps at random moments, fills their disk, and resumes them: `make faults`.

After each fault no process may be left, and the folder has to hold complete results: the earlier ones of
another study that lay there, or the new ones. Then the sweep is resumed, has to simulate only what its
checkpoint lacks, and has to come to the bytes of an undisturbed one. Exits with 1 where anything is lost.
"""

import argparse
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from functools import cache
from importlib import import_module
from itertools import pairwise, product
from pathlib import Path

from dispatch_sim import cli
from dispatch_sim.cli import studies
from dispatch_sim.engine.store import engine
from dispatch_sim.study import runner
from dispatch_sim.study.checkpoint import CHECKPOINT_FILE
from dispatch_sim.study.results import read_results

NEEDED = """
dispatch_sim.decide.grid dispatch_sim.decide.studies dispatch_sim.decide.thresholds
dispatch_sim.engine.machine dispatch_sim.model.simulation dispatch_sim.report.attachments
dispatch_sim.study.cluster pyarrow.pandas_compat scipy.special
"""
"""Modules that a sweep imports. With them, a process that is forked off starts at once."""

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
ENDS_WITHIN_S = 120
FILES = ("results.parquet", "manifest.json")

Pair = tuple[bytes, ...]


class LostError(AssertionError):
    """Something is lost, or not as it has to be."""


class Trial:
    """A sweep by the command line, in a folder where another study's results lie, and what happens to it."""

    def __init__(self, place: Path, text: str, folder: Path | None = None) -> None:
        self.folder = folder or place / "out"
        self.scenario, self.output = place / "study.yaml", place / "output"
        self.scenario.write_text(text)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *options: str) -> int:
        """Start the sweep in a session of its own; returns the process."""
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            os.setsid()
            output = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.stdout = sys.stderr = os.fdopen(1, "w")
            runner.TASKS_OF_A_CHUNK = {"simpy": 60, "compiled": 3000}
            studies._print_study = lambda *_, **__: None  # all is written by then
            sys.argv = ["dispatch-sim", "sweep", str(self.scenario), "--out", str(self.folder), "--jobs", "2"]
            sys.argv += ["--no-report", *options]
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def end(self, pid: int) -> int:
        """Wait until the sweep has ended; returns its exit code. No other process of it may be left."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                os.killpg(pid, signal.SIGKILL)
                raise LostError(f"hangs for {ENDS_WITHIN_S} s: {self.output.read_text()}")
            time.sleep(0.002)
        code = os.waitstatus_to_exitcode(ended[1])
        if left := alive_in_session(pid):
            raise LostError(f"left behind: processes {left}")
        return code

    def run(self, *options: str) -> int:
        return self.end(self.start(*options))

    def pair(self) -> Pair | None:
        paths = [self.folder / name for name in FILES]
        return tuple(path.read_bytes() for path in paths) if all(path.exists() for path in paths) else None

    def put(self, pair: Pair) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, data in zip(FILES, pair, strict=True):
            (self.folder / name).write_bytes(data)

    def kept(self) -> int:
        """Return how many replications of all points the checkpoint has: each measure once in each chunk."""
        if not (self.folder / CHECKPOINT_FILE).is_file():
            return 0
        with closing(sqlite3.connect(self.folder / CHECKPOINT_FILE)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                return 0
            query = "SELECT stage, first, replications FROM chunk ORDER BY stage, first"
            chunks = db.execute(query).fetchall()
            measures = {count for (count,) in db.execute("SELECT count(*) FROM measure GROUP BY number")}
        overlaps = (
            stage == other_stage and first + count > other
            for (stage, first, count), (other_stage, other, _) in pairwise(chunks)
        )
        if measures - {len(chunks)} or any(overlaps):
            raise LostError("the checkpoint is not whole")
        return sum(count for stage, _, count in chunks if stage == 0)

    def check(self, reference: Pair, *, complete: bool = True) -> None:
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


def alive_in_session(leader: int) -> list[int]:
    """Return the processes of a session that are alive: not those that nobody has reaped; needs /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        if int(session) == leader and state != "Z":
            found.append(int(path.parent.name))
    return found


@cache
def undisturbed(text: str, *options: str) -> tuple[Pair, float]:
    """Return what a study comes to, and in how many seconds."""
    with tempfile.TemporaryDirectory(prefix="dispatch-sim-faults-") as place:
        trial, began = Trial(Path(place), text), time.monotonic()
        code, seconds, pair = trial.run(*options), time.monotonic() - began, trial.pair()
        if code != 0 or pair is None:
            raise LostError(f"undisturbed, it ends with {code}: {trial.output.read_text()}")
    return pair, seconds


def earlier() -> Pair:
    """Return the results of another study, which lie in the folder before it is simulated."""
    return undisturbed(STUDIES["compiled"], "--seed", "7")[0]


def killed(place: Path, text: str, chance: random.Random, times: int) -> str:
    """kill -9 at random moments, up to three times before the sweep is resumed to its end."""
    reference, seconds = undisturbed(text)
    kills = resumed = 0
    while kills < times:
        trial = Trial(place, text)
        trial.put(earlier())
        for again in range(chance.randint(1, 3)):
            pid = trial.start(*(["--resume"] if again else []))
            time.sleep(chance.uniform(0, seconds))
            os.killpg(pid, signal.SIGKILL) if os.getpgid(pid) == pid else os.kill(pid, signal.SIGKILL)
            kills += trial.end(pid) == -signal.SIGKILL
        resumed += trial.kept() > 0
        trial.check(reference)
    return f"killed {kills} times, resumed from {resumed} checkpoints"


def interrupted(place: Path, text: str, chance: random.Random, times: int) -> str:
    """Ctrl-C at random moments: it is over soon, and says so."""
    reference, seconds = undisturbed(text)
    codes, slowest = [], 0.0
    for _ in range(times):
        trial = Trial(place, text)
        trial.put(earlier())
        pid = trial.start()
        time.sleep(chance.uniform(0.1, seconds))
        began = time.monotonic()
        os.kill(pid, signal.SIGINT)
        codes.append(trial.end(pid))
        slowest = max(slowest, time.monotonic() - began)
        if codes[-1] not in (0, 130) or "Traceback" in trial.output.read_text():
            raise LostError(f"interrupted, it ends with {codes[-1]}: {trial.output.read_text()}")
        trial.check(reference, complete=False)
    return f"interrupted {codes.count(130)} times before its end, over in {slowest:.1f} s at most"


def full(place: Path, text: str, chance: random.Random, times: int) -> str:
    """A small file system that is full sooner or later, and made larger for the resume."""
    disk = place / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "dispatch-sim-trial", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        return "SKIPPED: a small file system may not be mounted here; needs root"
    try:
        reference, _ = undisturbed(text)
        refused = 0
        for _ in range(times):
            trial = Trial(place, text, disk / "out")
            trial.put(earlier())
            more = sum(map(len, earlier())) // 1024 + chance.randint(4, 3 * sum(map(len, reference)) // 1024)
            _resize(disk, f"{more}k")
            code, said = trial.run(), trial.output.read_text()
            _resize(disk, "64m")
            is_explained = code == 0 or (code == 2 and "cannot be written to" in said)
            if not is_explained or "Traceback" in said:
                raise LostError(f"on a full disk, it ends with {code}: {said}")
            if code == 2 and trial.kept() and "--resume" not in said:
                raise LostError(f"does not say how to continue: {said}")
            refused += code == 2
            trial.check(reference)
        return f"{refused} disks full of {times}"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


TRIALS: dict[str, Callable[[Path, str, random.Random, int], str]] = {
    "killed": killed,
    "interrupted": interrupted,
    "full": full,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of all moments (default %(default)s)")
    parser.add_argument("--times", type=int, default=34, help="faults of each kind and study (%(default)s)")
    parser.add_argument("--few", action="store_true", help="one study for each kind of fault")
    given = parser.parse_args()
    engine()
    for module in NEEDED.split():
        import_module(module)
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
