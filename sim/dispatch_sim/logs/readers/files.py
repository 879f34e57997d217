"""From paths to lines: which files are read, in which order, and what is left out of them and why.

Names of files below a path that the user gave can tell of their owner, so nothing here tells them: places are
'file 3, line 17', in the order of reading, or the path itself where that was a file.
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
"""Bytes of the longest line that is read; longer ones are passed over piece by piece."""

SUFFIXES = (".jsonl", ".ndjson", ".json")
"""Endings of the names of files in a folder that are read as logs. A file given by itself may have any."""

_DEEPEST = 64


class LogsError(UserError):
    """Logs cannot be read at all; the message says which path, why, and what to do."""


@dataclass(slots=True)
class Skipped:
    """Something passed over: how often, and where first (empty where that is no one place)."""

    count: int
    first: str


@dataclass(slots=True)
class Tally:
    """What was read, and what was passed over.

    Attributes
    ----------
    files, lines, bytes : read, whatever was in them.
    formats : files by what wrote them.
    coordinator_calls, coordinator_retries : model calls of main agents, which are in no table, and API errors
        after which they tried again.
    skipped : by reason, in the order of meeting them.
    """

    files: int = 0
    lines: int = 0
    bytes: int = 0
    coordinator_calls: int = 0
    coordinator_retries: int = 0
    formats: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)

    def skip(self, reason: str, where: str = "", count: int = 1) -> None:
        """Count something passed over."""
        known = self.skipped.setdefault(reason, Skipped(0, where))
        known.count += count


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file to read, and what messages call it."""

    path: str
    label: str


def log_files(paths: Sequence[str | os.PathLike[str]], tally: Tally) -> Iterator[LogFile]:
    """Yield the files of logs: each path that is a file, and in folders those named like logs, by name.

    The names of one folder and of those above it are held at a time. Links are followed; a folder that lies
    in itself is entered once.

    Raises
    ------
    LogsError
        Where a path is not there or cannot be read.
    """
    for path in map(Path, paths):
        try:
            kind = path.stat().st_mode
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no name that a file can have"
            raise LogsError(f"{path}: cannot be read: {why}; name a log or a folder of logs") from None
        if stat.S_ISDIR(kind):
            for found in _below(str(path), tally, (), 0):
                tally.files += 1
                yield LogFile(found, f"file {tally.files}")
        elif stat.S_ISREG(kind):
            tally.files += 1
            yield LogFile(str(path), str(path))
        else:
            raise LogsError(f"{path}: is neither a file nor a folder; name a log or a folder of logs")


def _below(folder: str, tally: Tally, above: tuple[tuple[int, int], ...], depth: int) -> Iterator[str]:
    where = f"after file {tally.files}"
    try:
        status = os.stat(folder)
        names = sorted(os.listdir(folder))
    except OSError:
        tally.skip("folder that cannot be read", where)
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        tally.skip("folder that lies in itself by a link", where)
        return
    if depth > _DEEPEST:
        tally.skip("folder that lies too deep", where)
        return
    for name in names:
        path = os.path.join(folder, name)
        try:
            kind = os.stat(path).st_mode
        except OSError:
            tally.skip("link or file that cannot be read", where)
            continue
        if stat.S_ISDIR(kind):
            yield from _below(path, tally, (*above, here), depth + 1)
        elif not stat.S_ISREG(kind):
            tally.skip("neither a file nor a folder", where)
        elif not name.lower().endswith(SUFFIXES):
            tally.skip("file that is not named like a log", where)
        else:
            yield path


def lines_of(file: BinaryIO, size: int, label: str, tally: Tally) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file with their numbers, from 1, as far as it went when it was opened.

    A line without its end is yielded too: the last line of a whole file may have none, and half a line is
    found out by what reads it. Lines over `LONGEST_LINE` are passed over, and empty ones in silence.
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
