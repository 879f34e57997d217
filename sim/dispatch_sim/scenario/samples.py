"""Samples of measured values, read from a column of a csv file beside the scenario."""

from __future__ import annotations

import csv
import math
from functools import lru_cache
from pathlib import Path

from dispatch_sim.scenario.wording import shown, unknown

MOST_BYTES = 64 * 1024 * 1024
"""Largest csv file that is read."""

MOST_ROWS = 1_000_000
"""Most rows of a csv file."""


def read_column(folder: Path | None, name: str, column: str) -> tuple[float, ...]:
    """Return the numbers in a column of the csv file `name`, in base units, in the order of the file.

    Parameters
    ----------
    folder : the scenario file's folder, in which the csv file must lie (links are followed first).
    name : the csv file, relative to `folder`.
    column : its heading in the first row.

    Raises
    ------
    ValueError
        with a message about what is wrong with the file or with one of its rows.
    """
    if folder is None:
        raise ValueError("a csv file is looked for beside the scenario file, and this scenario is in none")
    try:
        home = folder.resolve()
        path = (home / name).resolve()
        inside, there = path.is_relative_to(home), path.is_file()
        status = path.stat() if inside and there else None
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, characters no name may have
        raise ValueError(f"{shown(name)} cannot be read: {type(error).__name__}") from error
    if not inside:
        raise ValueError(f"{shown(name)} is outside the scenario's folder; move it there")
    if status is None:
        raise ValueError(f"there is no file {shown(name)} in the scenario's folder")
    if status.st_size > MOST_BYTES:
        raise ValueError(f"{shown(name)} is larger than {MOST_BYTES // 2**20} MiB; take a sample of its rows")
    return _column(path, column, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _column(path: Path, column: str, modified: int, size: int) -> tuple[float, ...]:
    """Read the column; cached, since the points of a sweep read the same file again."""
    values: list[float] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            heading = [name.strip() for name in next(rows, [])]
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


def _cell(row: list[str], index: int, line: int) -> float:
    text = row[index].strip() if index < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"line {line} of the csv file has {shown(text)}, not a plain number") from None
    if not math.isfinite(value):
        raise ValueError(f"line {line} of the csv file has {shown(text)}, not a finite number")
    return value
