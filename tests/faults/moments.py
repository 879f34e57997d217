"""Trials at random moments: processes are killed, and interrupted.

Each yields what it has shown, or raises `LostError`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

from .asked import PACE_S, Asked
from .checks import LostError
from .runs import STUDIES, Trial, a_moment, in_session, reference_of, workers_of

SOON_S = 15.0
"""In which an interrupted study has to be over, on a machine that has other things to do."""


def killed(asked: Asked) -> Iterator[str]:
    """Kill -9 of all processes of a study, some times in a row, and then a resume to its end."""
    chance = asked.chance("killed")
    kinds = [study for study in STUDIES.values() if study.name != "rows"]
    for study in kinds:
        reference, total, _ = reference_of(asked.place, study)
        kills = resumed = unheard = 0
        while kills < asked.kills / len(kinds) or kills == 0:
            trial = Trial(asked.place, study)
            for again in range(chance.randint(1, 4)):
                _kill_group(trial, chance, again > 0)
                trial.check_kept(reference)
                kills += 1
                unheard += not trial.noted("safe")
            trial.check_resumed(reference, total)
            resumed += 1
        yield f"{study.name}: killed {kills} times, {unheard} before the first part; {resumed} times resumed"


def _kill_group(trial: Trial, chance: random.Random, again: bool) -> None:
    """Kill a run at some moment: of all its time, or, as often, of that in which it plays."""
    options = ("--resume",) if again else ()
    before = len(trial.noted("played")), len(trial.noted("begun"))
    if trial.study.name.endswith("processes"):
        with trial.process(*options, pace=PACE_S) as process:
            if chance.random() < 0.75:
                trial.wait_for("played", before[0] + 1, process.pid)
            else:
                trial.wait_for("begun", before[1] + 1, process.pid)
            a_moment(chance, 1.5)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return
    pid = trial.fork(*options, pace=PACE_S)
    if chance.random() < 0.75:
        trial.wait_for("played", before[0] + 1, pid)
    a_moment(chance, 1.5)
    os.kill(pid, signal.SIGKILL)
    trial.ended(pid)


def workers_killed(asked: Asked) -> Iterator[str]:
    """Kill -9 of single worker processes: others play what they had."""
    chance = asked.chance("workers")
    study = STUDIES["rows in processes"]
    reference, total, _ = reference_of(asked.place, study)
    kills = studies = resumed = 0
    while kills < asked.kills:
        trial = Trial(asked.place, study)
        with trial.process(pace=PACE_S) as process:
            while process.poll() is None and kills < asked.kills:
                # One after another, and not all before anything is played: that is given up, as it should be.
                trial.wait_for("played", len(trial.noted("played")) + 1, process.pid)
                a_moment(chance, 0.2)
                if process.poll() is None and (alive := workers_of(process.pid)):
                    os.kill(chance.choice(alive), signal.SIGKILL)
                    kills += 1
            errors = process.communicate(timeout=120)[1]
            if process.returncode == 1 and "one worker process after another" in errors:
                trial.check_kept(reference)
                trial.check_resumed(reference, total)
                resumed += 1
            elif process.returncode != 0:
                raise LostError(f"ends with {process.returncode}: {errors[-2000:]}")
            if left := in_session(process.pid):
                raise LostError(f"left behind: {left}")
        trial.check_same(reference)
        studies += 1
    yield f"{kills} workers of {studies} studies killed; {resumed} of these gave up and were resumed"


def interrupted(asked: Asked) -> Iterator[str]:
    """Ctrl-C during processes: it is over soon, no process is left, and a resume comes to the same."""
    chance = asked.chance("interrupted")
    study = STUDIES["rows in processes"]
    reference, total, _ = reference_of(asked.place, study)
    slowest, codes = 0.0, []
    for _ in range(max(1, asked.kills // 3)):
        trial = Trial(asked.place, study)
        with trial.process(pace=PACE_S) as process:
            # Before it is begun no command of ours is there to be interrupted.
            trial.wait_for("begun", 1, process.pid)
            a_moment(chance, 4.0)
            begin = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            try:
                errors = process.communicate(timeout=60)[1]
            except subprocess.TimeoutExpired as error:
                raise LostError("interrupted, it goes on for a minute") from error
            taken = time.monotonic() - begin
            slowest = max(slowest, taken)
            # In an exec, as of a dataclass that is being imported, Python ends by the signal in the end
            # (`unhandled_keyboard_interrupt` in its pythonrun.c); a shell calls that 130, too.
            code = 130 if process.returncode == -signal.SIGINT else process.returncode
            codes.append(code)
            if code not in (0, 130) or "Traceback" in errors:
                raise LostError(f"interrupted, it ends with {process.returncode}: {errors[-3000:]}")
            if taken > SOON_S:
                raise LostError(f"interrupted, it takes {taken:.1f} s to end")
            _wait_until(lambda leader=process.pid: not in_session(leader), "a process is left behind")
        trial.check_kept(reference)
        if code == 130:
            trial.check_resumed(reference, total)
        trial.check_same(reference)
    at_work = codes.count(130)
    yield f"interrupted at {len(codes)} moments, {at_work} before the end; over in {slowest:.1f} s at most"


def _wait_until(holds: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + 5
    while not holds():
        if time.monotonic() > end:
            raise LostError(otherwise)
        time.sleep(0.05)
