"""Reads the measures of a study separately, from its checkpoint or from its `results.parquet`.

A study consists of blocks: design points that have the same replications. Each point has all replications up
to its own number of them, but for those that an interrupted study lacks.

The file has a row for each design point and replication. A row group holds some replications of all points of
a block, one point after another, so that a file of any length is written, and a measure read, in bounded
memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dispatch_sim.model.outcome import MEASURES, WHOLE
from dispatch_sim.study.checkpoint import Checkpoint, concatenated
from dispatch_sim.study.design import Stage
from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.manifest import Recorded

ROWS_OF_A_GROUP = 2**17
"""Maximum, unless one replication has more: all measures of this many rows are 60 MB."""

FORMER_NAMES = {
    "rejected_requests": "rejected_tries",
    "rate_limited_attempts": "refused_attempts",
    "manual_completions": "recovered_tasks",
}
"""Columns of results that 0.1.0 has written."""

_LARGEST_WHOLE = 2.0**53


@dataclass(frozen=True, slots=True)
class Block:
    """Design points that have the same replications.

    Attributes
    ----------
    points : the numbers of the points, increasing.
    replications : the numbers of the replications, increasing.
    """

    points: NDArray[np.int64]
    replications: NDArray[np.int64]


class Columns(Protocol):
    """The measures of a study.

    Attributes
    ----------
    points : a row for each design point: `strategy`, `concurrency`, `tasks` and each further factor.
    blocks : what was simulated, in the order in which it was.
    """

    points: pd.DataFrame
    blocks: list[Block]

    def read(self, block: int, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return a measure of some replications of a block, by their positions.

        Returns
        -------
        Shape (points of the block, replications).
        """
        ...


def replications_of(columns: Columns) -> NDArray[np.int64]:
    """Return the number of replications of each design point."""
    found = np.zeros(len(columns.points), np.int64)
    for block in columns.blocks:
        found[block.points] += len(block.replications)
    return found


def samples_of(columns: Columns, measure: str) -> list[NDArray[Any]]:
    """Return a measure of each design point, along its replications."""
    found: list[list[NDArray[Any]]] = [[] for _ in range(len(columns.points))]
    for number, block in enumerate(columns.blocks):
        for point, values in zip(block.points, columns.read(number, measure), strict=True):
            found[point].append(values)
    return [np.concatenate([np.empty(0), *parts]) if len(parts) != 1 else parts[0] for parts in found]


class CheckpointColumns:
    """What a checkpoint holds of the stages of a study."""

    def __init__(self, checkpoint: Checkpoint, points: pd.DataFrame, stages: Sequence[Stage]) -> None:
        self.points = points
        found = [
            Block(np.array(stage.points, np.int64), checkpoint.numbers(number))
            for number, stage in enumerate(stages)
        ]
        self.blocks = [block for block in found if block.replications.size]
        self._checkpoint = checkpoint
        self._types: dict[str, type] = {}

    def read(self, block: int, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return a measure of some replications; counts as `int64` where all of them fit in it."""
        if measure in WHOLE and measure not in self._types:
            fits = all(np.all(self._read(n, measure) < _LARGEST_WHOLE) for n in range(len(self.blocks)))
            self._types[measure] = np.int64 if fits else np.float64
        values = self._read(block, measure, start, stop)
        return values.astype(self._types.get(measure, np.float64), copy=False)

    def _read(self, block: int, measure: str, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        end = len(self.blocks[block].replications)
        return self._checkpoint.read(block, measure, start, end if stop is None else min(stop, end))


class StoredColumns:
    """The measures in a file that `write_columns` has written.

    Raises
    ------
    OSError, pyarrow.ArrowException
        Where the file cannot be read.
    ResultsError
        Where it has other columns, another number of rows or another order.
    """

    def __init__(self, path: Path, factors: Sequence[str], points: int, stages: Sequence[Recorded]) -> None:
        self._path = path
        keys = ["strategy", "concurrency", "tasks", *factors]
        expected = [*keys, "replication", *MEASURES]
        rows = sum(len(stage.points) * stage.simulated for stage in stages)
        with pq.ParquetFile(path) as file:
            self._metadata = found = file.metadata
            names = file.schema_arrow.names
            groups = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
            former = [FORMER_NAMES.get(name, name) for name in expected]
            self._names = dict(zip(expected, names, strict=False))
            if names not in (expected, former) or found.num_rows != rows or not groups:
                raise ResultsError(
                    f"{path}: has {found.num_rows:,} rows of {found.num_columns} columns, not the {rows:,} "
                    f"rows of {len(expected)} columns that its manifest states; sweep the scenario again"
                )
            keyed = file.read_row_group(0, columns=keys).to_pandas()
        self._groups = _groups_of(groups, stages)
        if not self._groups:
            raise ResultsError(f"{path}: its rows are in another order; sweep the scenario again")
        self.points = keyed.iloc[:: self._groups[0][0][1]].reset_index(drop=True)
        self.blocks = [Block(np.array(stage.points, np.int64), np.empty(0, np.int64)) for stage in stages]
        for number, block in enumerate(self.blocks):
            numbers = self.read(number, "replication")
            if len(self.points) != points or not np.all(numbers == numbers[0]):
                raise ResultsError(f"{path}: its rows are in another order; sweep the scenario again")
            self.blocks[number] = replace(block, replications=numbers[0])

    def read(self, block: int, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return a measure of some replications, as it is stored.

        Raises
        ------
        ResultsError
            Where the file cannot be read.
        """

        def group(number: int) -> NDArray[Any]:
            column = file.read_row_group(groups[number][0], columns=[self._names[measure]]).column(0)
            values: NDArray[Any] = column.to_numpy().reshape(len(self.blocks[block].points), -1)
            return values

        groups = self._groups[block]
        counts = [count for _, count in groups]
        end = sum(counts)
        try:
            with pq.ParquetFile(self._path, metadata=self._metadata) as file:
                return concatenated(counts, start, end if stop is None else min(stop, end), group)
        except (OSError, pa.ArrowException) as error:
            raise ResultsError(
                f"{self._path}: cannot be read: {' '.join(str(error).split())[:300]}"
            ) from error


def _groups_of(rows: list[int], stages: Sequence[Recorded]) -> list[list[tuple[int, int]]]:
    """Return the row groups of each stage: their numbers and replications; nothing where they do not fit."""
    found: list[list[tuple[int, int]]] = []
    number = 0
    for stage in stages:
        left, groups = stage.simulated, []
        while left > 0 and number < len(rows):
            count, rest = divmod(rows[number], len(stage.points))
            if rest or not 0 < count <= left:
                return []
            groups.append((number, count))
            left, number = left - count, number + 1
        found.append(groups)
    return found if number == len(rows) else []


def frame_of(
    columns: Columns, measures: Iterable[str], block: int, start: int = 0, stop: int | None = None
) -> pd.DataFrame:
    """Return measures of a block as a tidy table: a row for each point and replication, point after point."""
    here = columns.blocks[block]
    replications = here.replications[start:stop]
    table: dict[str, Any] = {
        str(name): np.repeat(values.to_numpy()[here.points], len(replications))
        for name, values in columns.points.items()
    }
    table["replication"] = np.tile(replications, len(here.points))
    table |= {measure: columns.read(block, measure, start, stop).ravel() for measure in measures}
    return pd.DataFrame(table, copy=False)


def write_columns(columns: Columns, file: IO[bytes]) -> None:
    """Write all measures as a Parquet file, group by group."""
    schema = pa.Schema.from_pandas(frame_of(columns, MEASURES, 0, 0, 1), preserve_index=False)
    # Measures hardly repeat: as a dictionary they take more room, and twice the time.
    words = [field.name for field in schema if field.type in (pa.string(), pa.large_string())]
    with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=words) as writer:
        for number, block in enumerate(columns.blocks):
            step = max(1, ROWS_OF_A_GROUP // len(block.points))
            for start in range(0, len(block.replications), step):
                frame = frame_of(columns, MEASURES, number, start, start + step)
                writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
