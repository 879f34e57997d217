"""Reads the measures of a study separately, from its checkpoint or from its `results.parquet`.

A study consists of stages: design points with the same replications. Each point has all replications up to
its own number of them; what an interrupted study has beyond a gap stays in its checkpoint.

The file has a row for each design point and replication. A row group holds some replications of all points of
a stage, one point after another, so that a file of any length is written, and a measure read, in bounded
memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dispatch_sim.model.outcome import MEASURES, WHOLE
from dispatch_sim.study.checkpoint import Checkpoint, concatenated
from dispatch_sim.study.design import Stage
from dispatch_sim.study.files import ResultsError

ROWS_OF_A_GROUP = 2**17
"""Maximum, unless one replication has more: all measures of this many rows are 60 MB."""

_LARGEST_WHOLE = 2.0**53


class CheckpointColumns:
    """What a checkpoint holds of the stages of a study, up to the first replication that it lacks.

    Attributes
    ----------
    points : a row for each design point: `strategy`, `concurrency`, `tasks` and each further factor.
    stages : what was simulated, in the order in which it was.
    """

    def __init__(self, checkpoint: Checkpoint, points: pd.DataFrame, stages: Sequence[Stage]) -> None:
        self.points = points
        self.stages: list[Stage] = []
        for number, stage in enumerate(stages):
            first, missing = stage.replications.start, checkpoint.missing(number, stage.replications)
            end = missing[0].start if missing else stage.replications.stop
            if end > first:
                self.stages.append(replace(stage, replications=range(first, end)))
            if missing:
                break
        self._checkpoint = checkpoint
        self._types: dict[str, type] = {}

    def read(self, stage: int, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return a measure of some replications of a stage, by their positions.

        It has the shape (points of the stage, replications); counts are `int64` where all of them fit in it.
        """
        if measure in WHOLE and measure not in self._types:
            fits = all(np.all(self._read(n, measure) < _LARGEST_WHOLE) for n in range(len(self.stages)))
            self._types[measure] = np.int64 if fits else np.float64
        values = self._read(stage, measure, start, stop)
        return values.astype(self._types.get(measure, np.float64), copy=False)

    def _read(self, stage: int, measure: str, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        end = len(self.stages[stage].replications)
        return self._checkpoint.read(stage, measure, start, end if stop is None else min(stop, end))


class StoredColumns:
    """Reads measures as `CheckpointColumns` does, from a file of `write_columns` whose manifest is valid.

    Raises OSError or pyarrow.ArrowException where the file cannot be read, and ResultsError where it has
    other columns, another number of rows or another order.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self._path = path
        keys = ["strategy", "concurrency", "tasks", *manifest["factors"]]
        expected = [*keys, "replication", *MEASURES]
        self.stages: list[Stage] = []
        counts = [0] * manifest["design_points"]
        for stage in manifest["stages"]:
            first = counts[stage["points"][0]]
            self.stages.append(Stage(tuple(stage["points"]), range(first, first + stage["simulated"])))
            for point in stage["points"]:
                counts[point] += stage["simulated"]
        numbers = itertools.count()
        self._groups = [[(next(numbers), len(group)) for group in _groups(stage)] for stage in self.stages]
        with pq.ParquetFile(path) as file:
            self._metadata = found = file.metadata
            if file.schema_arrow.names != expected or found.num_rows != sum(counts) or not self.stages:
                raise ResultsError(
                    f"{path}: has {found.num_rows:,} rows of {found.num_columns} columns, not the "
                    f"{sum(counts):,} rows of {len(expected)} columns that its manifest states; sweep the "
                    "scenario again"
                )
            keyed = file.read_row_group(0, columns=keys).to_pandas()
        # The first stage has all points.
        self.points = keyed.iloc[:: self._groups[0][0][1]].reset_index(drop=True)
        if not all(
            np.all(self.read(number, "replication") == stage.replications)
            for number, stage in enumerate(self.stages)
        ):
            raise ResultsError(f"{path}: its rows are in another order; sweep the scenario again")

    def read(self, stage: int, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return a measure of some replications of a stage, shape (points of the stage, replications)."""

        def group(number: int) -> NDArray[Any]:
            column = file.read_row_group(groups[number][0], columns=[measure]).column(0)
            values: NDArray[Any] = column.to_numpy().reshape(len(self.stages[stage].points), -1)
            return values

        groups = self._groups[stage]
        counts = [count for _, count in groups]
        end = sum(counts)
        try:
            with pq.ParquetFile(self._path, metadata=self._metadata) as file:
                return concatenated(counts, start, end if stop is None else min(stop, end), group)
        except (OSError, pa.ArrowException) as error:
            raise ResultsError(
                f"{self._path}: cannot be read: {' '.join(str(error).split())[:300]}"
            ) from error


Columns = CheckpointColumns | StoredColumns
"""The measures of a study."""


def _groups(stage: Stage) -> list[range]:
    """Return the row groups of a stage: the positions of the replications in each."""
    step, count = max(1, ROWS_OF_A_GROUP // len(stage.points)), len(stage.replications)
    return [range(start, min(start + step, count)) for start in range(0, count, step)]


def frame_of(
    columns: Columns, measures: Iterable[str], stage: int, start: int = 0, stop: int | None = None
) -> pd.DataFrame:
    """Return measures of a stage as a tidy table: a row for each point and replication, point after point."""
    here = columns.stages[stage]
    replications = here.replications[start:stop]
    table: dict[str, Any] = {
        str(name): np.repeat(values.to_numpy()[list(here.points)], len(replications))
        for name, values in columns.points.items()
    }
    table["replication"] = np.tile(np.arange(replications.start, replications.stop), len(here.points))
    table |= {measure: columns.read(stage, measure, start, stop).ravel() for measure in measures}
    return pd.DataFrame(table, copy=False)


def write_columns(columns: Columns, file: IO[bytes]) -> None:
    """Write all measures as a Parquet file, group by group."""
    schema = pa.Schema.from_pandas(frame_of(columns, MEASURES, 0, 0, 1), preserve_index=False)
    # Measures hardly repeat: as a dictionary they take more room, and twice the time.
    words = [field.name for field in schema if field.type in (pa.string(), pa.large_string())]
    with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=words) as writer:
        for number, stage in enumerate(columns.stages):
            for group in _groups(stage):
                frame = frame_of(columns, MEASURES, number, group.start, group.stop)
                writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
