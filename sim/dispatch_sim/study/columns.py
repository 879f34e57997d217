"""Reads the measures of a study separately, from its checkpoint or from its `results.parquet`.

The file has a row for each design point and replication. A row group holds some replications of all points,
one point after another, so that a file of any length is written, and a measure read, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dispatch_sim.model.outcome import MEASURES, WHOLE
from dispatch_sim.study.checkpoint import Checkpoint, concatenated
from dispatch_sim.study.files import ResultsError

ROWS_OF_A_GROUP = 2**17
"""Maximum, unless one replication has more: all measures of this many rows are 60 MB."""

FORMER_NAMES = {
    "rejected_requests": "rejected_tries",
    "rate_limited_attempts": "refused_attempts",
    "manual_completions": "recovered_tasks",
}
"""Columns of results that 0.1.0 has written."""

_LARGEST_WHOLE = 2.0**53


class Columns(Protocol):
    """The measures of a study.

    Attributes
    ----------
    points : a row for each design point: `strategy`, `concurrency`, `tasks` and each further factor.
    replications : the numbers of those that every point has, increasing.
    """

    points: pd.DataFrame
    replications: NDArray[np.int64]

    def read(self, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return a measure of some replications, by their positions; shape (points, replications)."""
        ...


class CheckpointColumns:
    """The replications of a checkpoint before a given one."""

    def __init__(self, checkpoint: Checkpoint, points: pd.DataFrame, before: int) -> None:
        self.points = points
        self.replications = checkpoint.numbers(before)
        self._checkpoint = checkpoint
        self._types: dict[str, type] = {}

    def read(self, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return a measure of some replications; counts as `int64` where all of them fit in it."""
        end = len(self.replications)
        if measure in WHOLE and measure not in self._types:
            fits = bool(np.all(self._checkpoint.read(measure, 0, end) < _LARGEST_WHOLE))
            self._types[measure] = np.int64 if fits else np.float64
        values = self._checkpoint.read(measure, start, end if stop is None else min(stop, end))
        return values.astype(self._types.get(measure, np.float64), copy=False)


class StoredColumns:
    """The measures in a file that `write_columns` has written.

    Raises
    ------
    OSError, pyarrow.ArrowException
        Where the file cannot be read.
    ResultsError
        Where it has other columns, another number of rows or another order.
    """

    def __init__(self, path: Path, factors: Sequence[str], points: int, replications: int) -> None:
        self._path = path
        keys = ["strategy", "concurrency", "tasks", *factors]
        expected, rows = [*keys, "replication", *MEASURES], points * replications
        with pq.ParquetFile(path) as file:
            found, names = file.metadata, file.schema_arrow.names
            groups = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
            former = [FORMER_NAMES.get(name, name) for name in expected]
            self._names = dict(zip(expected, names, strict=False))
            if names not in (expected, former) or found.num_rows != rows or not groups:
                raise ResultsError(
                    f"{path}: has {found.num_rows:,} rows of {found.num_columns} columns, not the {rows:,} "
                    f"rows of {len(expected)} columns that its manifest states; sweep the scenario again"
                )
            keyed = file.read_row_group(0, columns=keys).to_pandas()
        self._counts = [rows // points for rows in groups]
        self.points = keyed.iloc[:: max(1, self._counts[0])].reset_index(drop=True)
        in_order = not any(rows % points for rows in groups)
        numbers = self.read("replication") if in_order else np.empty((0, 0), np.int64)
        if not in_order or not np.all(numbers == numbers[0]):
            raise ResultsError(f"{path}: its rows are in another order; sweep the scenario again")
        self.replications = numbers[0]

    def read(self, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return a measure of some replications, as it is stored.

        Raises
        ------
        ResultsError
            Where the file cannot be read.
        """

        def group(number: int) -> NDArray[Any]:
            column = file.read_row_group(number, columns=[self._names[measure]]).column(0)
            values: NDArray[Any] = column.to_numpy().reshape(len(self.points), -1)
            return values

        end = sum(self._counts)
        try:
            with pq.ParquetFile(self._path) as file:
                return concatenated(self._counts, start, end if stop is None else min(stop, end), group)
        except (OSError, pa.ArrowException) as error:
            raise ResultsError(
                f"{self._path}: cannot be read: {' '.join(str(error).split())[:300]}"
            ) from error


def frame_of(
    columns: Columns, measures: Iterable[str], start: int = 0, stop: int | None = None
) -> pd.DataFrame:
    """Return measures as a tidy table: a row for each design point and replication, point after point."""
    replications = columns.replications[start:stop]
    table: dict[str, Any] = {
        str(name): np.repeat(values.to_numpy(), len(replications)) for name, values in columns.points.items()
    }
    table["replication"] = np.tile(replications, len(columns.points))
    table |= {measure: columns.read(measure, start, stop).ravel() for measure in measures}
    return pd.DataFrame(table, copy=False)


def write_columns(columns: Columns, file: IO[bytes]) -> None:
    """Write all measures as a Parquet file, group by group."""
    schema = pa.Schema.from_pandas(frame_of(columns, MEASURES, 0, 1), preserve_index=False)
    # Measures hardly repeat: as a dictionary they take more room, and twice the time.
    words = [field.name for field in schema if field.type in (pa.string(), pa.large_string())]
    step = max(1, ROWS_OF_A_GROUP // len(columns.points))
    with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=words) as writer:
        for start in range(0, len(columns.replications), step):
            frame = frame_of(columns, MEASURES, start, start + step)
            writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
