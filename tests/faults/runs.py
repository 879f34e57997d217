"""Runs of a study in which something happens, and what has to be so after them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import driver
from .checks import RESULTS, LostError, kept_in, replications, results_of
from .layer import Fault, Layer

ROOT = Path(__file__).parents[2]

KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Study:
    """A study that is over in a second.

    Attributes
    ----------
    name : what it is called in what is said.
    scenario : its file's text.
    options : of the command.
    jobs : workers, where it runs in a process of its own.
    """

    name: str
    scenario: str
    options: tuple[str, ...] = ()
    jobs: int = 1


_TASKS = (
    "tasks: [{name: a, count: 3, tokens: 15K, duration: 60s}]\nsweep: {tasks: [3], concurrency: [1, 2]}\n"
)

STUDIES = {
    study.name: study
    for study in (
        Study("rows", f"{_TASKS}engine: simpy\n", ("--replications", "24")),
        Study("rows compiled", f"{_TASKS}engine: compiled\n", ("--replications", "2000"), jobs=2),
        Study("rows in processes", f"{_TASKS}engine: simpy\n", ("--replications", "200"), jobs=2),
        Study(
            "rows that double",
            f"{_TASKS}engine: compiled\nstudy: {{at_most: 1000, indifference: $0.00001}}\n",
            jobs=2,
        ),
    )
}


class Trial:
    """A folder in which a study is run, and whatever happens to it; made anew for each."""

    def __init__(self, place: Path, study: Study, root: Path | None = None) -> None:
        self.study = study
        self.place = place
        self.root = root or place / "disk"
        self.folder = self.root / "reports" / "out"
        self.notes = place / "notes"
        self.errors = ""
        self.begin()

    def begin(self) -> None:
        """Have nothing in the folder."""
        self.root.mkdir(parents=True, exist_ok=True)
        for path in self.root.iterdir():
            shutil.rmtree(path)
        self.notes.unlink(missing_ok=True)
        (self.place / "study.yaml").write_text(self.study.scenario)

    def arguments(self, *more: str, jobs: int = 1) -> list[str]:
        """Return the arguments of the command."""
        options = ("--no-report", "--out", str(self.folder), "--jobs", str(jobs), *self.study.options)
        return ["sweep", str(self.place / "study.yaml"), *options, *more]

    def fork(
        self,
        *more: str,
        fault: Fault | None = None,
        pace: float = 0.0,
        prepare: Callable[[], None] = lambda: None,
    ) -> int:
        """Run the command in a process that is forked off, which has all loaded already; return its id."""
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            os.setsid()
            output = os.open(self.place / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            errors = os.open(self.place / "errors", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(errors, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            prepare()
            layer = Layer(self.root, fault)
            layer.install()
            try:
                driver.run(self.notes, pace, self.arguments(*more))
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
            sys.stdout.flush()
            sys.stderr.flush()
            with os.fdopen(
                os.open(self.place / "points", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w"
            ) as file:
                json.dump(layer.points, file)
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def ended(self, pid: int) -> int:
        """Wait for a forked process; return its exit code, negative where a signal ended it."""
        _, status = os.waitpid(pid, 0)
        self.errors = (self.place / "errors").read_text()
        return os.waitstatus_to_exitcode(status)

    def run(self, *more: str, fault: Fault | None = None, pace: float = 0.0) -> int:
        """Run the command in a forked process to its end."""
        return self.ended(self.fork(*more, fault=fault, pace=pace))

    @contextmanager
    def process(self, *more: str, pace: float = 0.03) -> Iterator[subprocess.Popen[str]]:
        """Run the command in a process of its own, with workers, as the leader of its group and session."""
        command = [sys.executable, "-m", driver.__name__, str(self.notes), str(pace)]
        with subprocess.Popen(
            [*command, *self.arguments(*more, jobs=self.study.jobs)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def points(self) -> list[str]:
        """Return at which points the last run wrote something."""
        found: list[str] = json.loads((self.place / "points").read_text())
        return found

    def noted(self, what: str) -> list[list[int]]:
        """Return what has been noted of a kind, so far."""
        if not self.notes.exists():
            return []
        lines = [json.loads(line) for line in self.notes.read_text().splitlines()]
        return [line[what] for line in lines if what in line]

    def wait_for(self, what: str, count: int, pid: int) -> None:
        """Wait until something has been noted so many times, or a process is over."""
        while len(self.noted(what)) < count and not _is_over(pid):
            time.sleep(0.02)

    def check_kept(self, reference: tuple[bytes, ...]) -> None:
        """Check that all is there that the study had been told is safe, be it in parts or in results."""
        kept = kept_in(self.folder)
        if results_of(self.folder) == reference:
            return
        safe = {number for pieces in self.noted("safe") for number in replications(pieces)}
        if safe - (kept or set()):
            raise LostError(f"was safe and is gone: {sorted(safe - (kept or set()))[:5]}")

    def check_resumed(self, reference: tuple[bytes, ...], total: int, pace: float = 0.0) -> None:
        """Resume to the end, and check that it comes to the same, and that nothing was played twice."""
        kept = kept_in(self.folder)
        # A study is finished once its results are there, whether or not its parts are removed by then.
        missing = 0 if results_of(self.folder) == reference else total - len(kept or ())
        before = len(self.noted("played"))
        code = self.run("--resume", pace=pace)
        if code != 0:
            raise LostError(f"resumed, it ends with {code}: {self.errors.strip()[-2000:]}")
        self.check_same(reference)
        played = sum(stop - start for start, stop in self.noted("played")[before:])
        if played != missing:
            raise LostError(f"{len(kept or ())} of {total} were kept, and {played} were played once more")

    def check_same(self, reference: tuple[bytes, ...]) -> None:
        """Check that the results are those of a study that nothing happened to, and nothing else is there."""
        if results_of(self.folder) != reference:
            raise LostError("the results are not those of an uninterrupted study")
        left = {path.name for path in self.folder.iterdir()} - set(RESULTS)
        if left:
            raise LostError(f"left behind: {sorted(left)}")


def reference_of(place: Path, study: Study) -> tuple[tuple[bytes, ...], int, list[str]]:
    """Return what a study comes to undisturbed, how often it plays, and the points at which it writes."""
    trial = Trial(place, study)
    if (code := trial.run()) != 0:
        raise LostError(f"{study.name}: ends with {code}: {trial.errors}")
    found = results_of(trial.folder)
    if found is None:
        raise LostError(f"{study.name}: has no results")
    points = trial.points()
    total = json.loads(found[1])["replications"]["played"]
    trial.begin()
    return found, total, points


def _is_over(pid: int) -> bool:
    """Return whether a child has ended, and leave it to be waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def in_session(leader: int) -> list[int]:
    """Return the processes, other than its leader, of a session that are alive; needs /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        pid = int(path.parent.name)
        if int(session) == leader and state != "Z" and pid != leader:
            found.append(pid)
    return found


def workers_of(leader: int) -> list[int]:
    """Return the worker processes of a study."""
    found = []
    for pid in in_session(leader):
        try:
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def a_moment(chance: random.Random, longest: float) -> None:
    """Wait for a moment that nobody expects."""
    time.sleep(chance.uniform(0, longest))
