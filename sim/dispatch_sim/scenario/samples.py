"""Samples of measured values, read from a column of a csv file beside the scenario."""

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
"""Most rows of a csv file."""

MOST_COLUMNS = 1000
"""Most columns of a csv file."""

MOST_SAMPLES = 32
"""Most columns of csv files that a scenario names; they are kept, so that each is read once."""

LONGEST_LINE = 1024 * 1024
"""Characters of the longest line of a csv file."""


@dataclass(frozen=True)
class Samples:
    """Reads the samples that a scenario names.

    Attributes
    ----------
    folders : in which csv files may lie, links followed: the scenario's own first.
    """

    folders: tuple[Path, ...] = ()
    _named: set[tuple[str, str]] = field(default_factory=set)

    def read(self, name: str, column: str) -> tuple[float, ...]:
        """Return the numbers in a column of the csv file `name`, in base units, in the order of the file.

        Raises
        ------
        ValueError
            with a message about what is wrong with the file or with one of its rows.
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
        raise ValueError("a csv file is looked for beside the scenario file, and this scenario is in none")
    try:
        path = find_inside(name, folders)
        there = path.is_file()
    except OutsideError:
        raise ValueError(
            f"{shown(name)} is outside the scenario's folder; move it there, or allow the folder that it is "
            "in: --data DIR, in Python load_source(..., data=DIR)"
        ) from None
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, characters no name may have
        raise ValueError(f"{shown(name)} cannot be read: {type(error).__name__}") from error
    if not there:
        raise ValueError(f"there is no file {shown(name)} in the scenario's folder")
    return path


@lru_cache(maxsize=MOST_SAMPLES)
def _column(path: Path, column: str, modified: int, size: int) -> tuple[float, ...]:
    """Read the column; cached, since the points of a sweep read the same file again."""
    values: list[float] = []
    try:
        rows = csv.reader(_lines(read_file(path, MOST_BYTES)))
        heading = [name.strip() for name in next(rows, [])]
        if len(heading) > MOST_COLUMNS:
            raise ValueError(f"the csv file has more than {MOST_COLUMNS:,} columns; take out some")
        if column not in heading:
            raise ValueError(unknown("column", column, heading) if heading else "the csv file is empty")
        index = heading.index(column)
        for row in rows:
            if row:
                values.append(_cell(row, index, rows.line_num))
            if len(values) > MOST_ROWS:
                raise ValueError(f"the csv file has more than {MOST_ROWS:,} rows; take a sample of them")
    except (OSError, csv.Error, UnicodeError) as error:
        raise ValueError(f"the csv file cannot be read: {shown(str(error))}") from error
    if not values:
        raise ValueError("the csv file has no rows below its heading")
    return tuple(values)


def _lines(data: bytes) -> Iterator[str]:
    """Yield the lines of a csv file; each becomes a list of as many texts as it has commas."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise ValueError(f"the csv file has a line of more than {LONGEST_LINE:,} characters")
        yield line


def _cell(row: list[str], index: int, line: int) -> float:
    text = row[index].strip() if index < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"line {line} of the csv file has {shown(text)}, not a plain number") from None
    if not math.isfinite(value):
        raise ValueError(f"line {line} of the csv file has {shown(text)}, not a finite number")
    return value
