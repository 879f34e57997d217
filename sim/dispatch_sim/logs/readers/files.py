"""Log files below the paths given, their lines, and a tally of what was read and skipped.

Names of files can tell of their owner. Messages call a file below a folder 'file 3', in the order of
reading; a file that the user named keeps the path as given.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dispatch_sim.scenario.problems import UserError

LONGEST_LINE = 32 * 1024 * 1024
"""Bytes of the longest line that is read; longer ones are skipped chunk by chunk."""

SUFFIXES = (".jsonl", ".ndjson", ".json")
"""Names of log files in a folder end in these. A file given by itself may have any name."""


class LogsError(UserError):
    """Logs cannot be read; the message says which path, why, and what to do."""


@dataclass(slots=True)
class Skipped:
    """How often something was skipped, and where first (empty if that is no single place)."""

    count: int
    first: str


@dataclass(slots=True)
class Tally:
    """Counts of what was read and what was skipped.

    Attributes
    ----------
    files, lines, bytes : read, whatever was in them.
    formats : files by format.
    coordinator_calls, coordinator_retries : model calls of main agents, which are in no table, and their
        retries after API errors; not of Codex, whose logs do not hold retries.
    skipped : by reason, in the order of first occurrence.
    """

    files: int = 0
    lines: int = 0
    bytes: int = 0
    coordinator_calls: int = 0
    coordinator_retries: int = 0
    formats: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)

    def skip(self, reason: str, where: str = "", count: int = 1) -> None:
        """Count something skipped, if there is any."""
        if count:
            self.skipped.setdefault(reason, Skipped(0, where)).count += count


def log_files(paths: Sequence[str | os.PathLike[str]], tally: Tally) -> Iterator[tuple[str, str]]:
    """Yield each path that is a file, and the files named like logs below each folder, sorted by name.

    With each comes its name in messages. Links are followed, and below a path each folder is listed once.
    Only the names in one folder and in those above it are in memory, and a number for each folder listed.
    Raises LogsError if a path does not exist or cannot be read.
    """
    for path in map(Path, paths):
        try:
            kind = path.stat().st_mode
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no name that a file can have"
            raise LogsError(f"{path}: cannot be read: {why}; name a log or a folder of logs") from None
        if stat.S_ISDIR(kind):
            for name in _files_below(str(path), tally):
                tally.files += 1
                yield name, f"file {tally.files}"
        elif stat.S_ISREG(kind):
            tally.files += 1
            yield str(path), str(path)
        else:
            raise LogsError(f"{path}: is neither a file nor a folder; name a log or a folder of logs")


def _files_below(folder: str, tally: Tally) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    left: list[tuple[str, list[str]]] = [("", [folder])]
    while left:
        above, names = left[-1]
        if not names:
            left.pop()
            continue
        path = os.path.join(above, names.pop())
        where = f"after file {tally.files}"
        try:
            status = os.stat(path)
        except OSError:
            tally.skip("link or file that cannot be read", where)
            continue
        if stat.S_ISDIR(status.st_mode):
            identity = (status.st_dev, status.st_ino)
            if identity in seen:
                tally.skip("folder that was listed before", where)
                continue
            seen.add(identity)
            try:
                left.append((path, sorted(os.listdir(path), reverse=True)))
            except OSError:
                tally.skip("folder that cannot be read", where)
        elif not stat.S_ISREG(status.st_mode):
            tally.skip("neither a file nor a folder", where)
        elif not path.lower().endswith(SUFFIXES):
            tally.skip("file that is not named like a log", where)
        else:
            yield path


def read_lines(file: BinaryIO, size: int, label: str, tally: Tally) -> Iterator[tuple[int, bytes]]:
    """Yield the numbered lines within the first `size` bytes of a file, without the empty ones.

    The last line may have no line end. Lines over `LONGEST_LINE` are skipped.
    """
    left = size
    number = 0
    while left > 0:
        line = file.readline(min(LONGEST_LINE, left))
        if not line:
            break
        number += 1
        left -= len(line)
        tally.bytes += len(line)
        if len(line) == LONGEST_LINE and not line.endswith(b"\n") and left > 0:
            tally.skip("line that is too long", f"{label}, line {number}")
            while left > 0 and line and not line.endswith(b"\n"):
                line = file.readline(min(LONGEST_LINE, left))
                left -= len(line)
                tally.bytes += len(line)
            continue
        tally.lines += 1
        if len(line) > 2 or line.strip():
            yield number, line
