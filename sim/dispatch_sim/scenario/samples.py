"""Samples of measured values, read from columns of csv files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dispatch_sim.scenario.files import OutsideError, find_inside, read_file
from dispatch_sim.scenario.wording import shown, unknown

MOST_BYTES = 64 * 1024 * 1024
"""Largest csv file that is read."""

MOST_ROWS = 1_000_000
"""Maximum number of rows of a csv file."""

MOST_COLUMNS = 1000
"""Maximum number of columns of a csv file."""

MOST_SAMPLES = 32
"""Maximum number of columns that a scenario names; they are cached, so that each is read once."""

LONGEST_LINE = 1024 * 1024
"""Maximum length of a line of a csv file, in characters."""


@dataclass(frozen=True)
class Samples:
    """Reads the samples of a scenario.

    Attributes
    ----------
    folders : where csv files may lie, with links followed; the scenario's own is the first.
    """

    folders: tuple[Path, ...] = ()
    _named: set[tuple[str, str]] = field(default_factory=set)

    def read(self, name: str, column: str) -> tuple[float, ...]:
        """Return the numbers in a column of the csv file `name`, in base units, in the order of the file.

        Raises ValueError where the file or one of its rows cannot be read.
        """
        self._named.add((name, column))
        if len(self._named) > MOST_SAMPLES:
            raise ValueError(f"more than {MOST_SAMPLES} columns of csv files; write fewer")
        path = _find(name, self.folders)
        status = path.stat()
        if status.st_size > MOST_BYTES:
            raise ValueError(
                f"{shown(name)} is larger than {MOST_BYTES // 2**20} MiB; take a sample of its rows"
            )
        return _column(path, column, status.st_mtime_ns, status.st_size)


def _find(name: str, folders: tuple[Path, ...]) -> Path:
    if not folders:
        raise ValueError("csv files are read from the folder of a scenario file; this scenario has no file")
    try:
        path = find_inside(name, folders)
        there = path.is_file()
    except OutsideError:
        raise ValueError(
            f"{shown(name)} is outside the scenario's folder; move it there, or allow its folder:"
            " --data DIR, in Python load(..., data=DIR)"
        ) from None
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, characters no name may have
        raise ValueError(f"{shown(name)} cannot be read: {type(error).__name__}") from error
    if not there:
        raise ValueError(f"there is no file {shown(name)} in the scenario's folder; check its name")
    return path


@lru_cache(maxsize=MOST_SAMPLES)
def _column(path: Path, column: str, modified: int, size: int) -> tuple[float, ...]:
    """Read a column; cached, as each design point reads the same file again."""
    values: list[float] = []
    try:
        data = read_file(path, MOST_BYTES)
        rows = csv.reader(_lines(data))
        heading = [name.strip() for name in next(rows, [])]
        if len(heading) > MOST_COLUMNS:
            raise ValueError(f"the csv file has more than {MOST_COLUMNS:,} columns; remove some")
        if column not in heading:
            raise ValueError(unknown("column", column, heading) if heading else "the csv file is empty")
        if heading.count(column) > 1:
            raise ValueError(f"the csv file has {heading.count(column)} columns {shown(column)}; rename one")
        index = heading.index(column)
        for row in rows:
            if any(cell.strip() for cell in row[len(heading) :]):
                raise ValueError(
                    f"line {rows.line_num} of the csv file has more values than its heading; write numbers"
                    " without commas"
                )
            if row:
                values.append(_cell(row, index, rows.line_num))
            if len(values) > MOST_ROWS:
                raise ValueError(f"the csv file has more than {MOST_ROWS:,} rows; take a sample of them")
    except UnicodeDecodeError as error:
        byte = _byte_that_is_not_utf8(data)
        message = f"{shown(path.name)} is not text: byte {byte} is not UTF-8; save the file as UTF-8"
        raise ValueError(message) from error
    except (OSError, csv.Error) as error:
        raise ValueError(f"the csv file cannot be read: {shown(str(error))}") from error
    if not values:
        raise ValueError("the csv file has no rows below its heading; add values")
    return tuple(values)


def _lines(data: bytes) -> Iterator[str]:
    """Yield the lines of a csv file, of limited length: each comma becomes an item of a list."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise ValueError(f"the csv file has a line of more than {LONGEST_LINE:,} characters")
        yield line


def _byte_that_is_not_utf8(data: bytes) -> int:
    """Return the number, from 1, of the first byte that is not UTF-8; the error of a stream counts anew."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start + 1
    return 0


def _cell(row: list[str], index: int, line: int) -> float:
    text = row[index].strip() if index < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"line {line} of the csv file has {shown(text)}, not a plain number") from None
    if not math.isfinite(value):
        raise ValueError(f"line {line} of the csv file has {shown(text)}, not a finite number; remove it")
    return value
