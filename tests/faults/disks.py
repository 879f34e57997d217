"""Trials with true file systems. Each yields what it has shown, or raises `LostError`."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .asked import PACE_S, Asked, check_in_words, check_resumes
from .runs import STUDIES, Trial, a_moment, reference_of


def small_disk(asked: Asked) -> Iterator[str]:
    """A true file system that is full sooner or later, and made larger for the resume."""
    chance = asked.chance("small")
    disk = asked.place / "small"
    disk.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "dispatch-sim-trial", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield "SKIPPED: a small file system may not be mounted here; needs root"
        return
    try:
        for study in (STUDIES["rows compiled"], STUDIES["rows that double"]):
            full = tried = 0
            _resize(disk, "64m")
            trial = Trial(asked.place, study, disk)
            reference, total, _ = reference_of(asked.place, study)
            for _ in range(max(1, asked.kills // 5)):
                trial.begin()
                size = chance.randint(4, 2 * sum(map(len, reference)) // 1024)
                _resize(disk, f"{size}k")
                code = trial.run(pace=PACE_S / 10)
                check_in_words(trial, code, f"{study.name} in {size} kB")
                full += code == 2
                _resize(disk, "64m")
                check_resumes(trial, reference, total, f"{study.name} in {size} kB")
                tried += 1
            yield f"{study.name}: {tried} file systems, {full} of them full"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def read_only(asked: Asked) -> Iterator[str]:
    """A folder becomes one that may not be written to, at some moment, for one who is not root."""
    chance = asked.chance("read-only")
    for name in ("rows compiled", "rows that double"):
        study = STUDIES[name]
        reference, total, _ = reference_of(asked.place, study)
        refused = tried = 0
        for _ in range(max(1, asked.kills // 5)):
            trial = Trial(asked.place, study)
            pid = trial.fork(pace=PACE_S, prepare=_give_up_roots_rights)
            trial.wait_for("safe", 1, pid)
            a_moment(chance, 1.0)
            shut = [path for path in (trial.folder / "unfinished", trial.folder) if path.exists()]
            for path in shut:
                path.chmod(0o555)
            code = trial.ended(pid)
            for path in shut:
                if path.exists():
                    path.chmod(0o755)
            check_in_words(trial, code, name)
            refused += code == 2
            check_resumes(trial, reference, total, name)
            tried += 1
        yield f"{name}: {tried} folders, {refused} of them in time"


def _give_up_roots_rights() -> None:
    """Be bound by permissions, as root is not: without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    rights = (ctypes.c_uint32 * 6)()
    if libc.capget(header, rights) == 0:
        rights[0] &= ~0b110
        libc.capset(header, rights)
