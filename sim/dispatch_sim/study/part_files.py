"""The parts of a study that is not finished: Parquet files of pieces, and what of them is trusted.

A part has a row for each design point and row of its pieces, one piece after the other, without the columns
that are zero in all rows. Rows behind those count the makespans of aggregates, in columns of their own.
"""

from __future__ import annotations

import errno
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dispatch_sim.scenario.files import find_inside, read_file
from dispatch_sim.study.files import write_whole
from dispatch_sim.study.gathering import Piece
from dispatch_sim.study.histogram import are_counts
from dispatch_sim.study.journal_lines import Part, refused
from dispatch_sim.study.parquet import TableError, parse_table
from dispatch_sim.study.reduction import Reduction

_COUNTS = ("point", "bin", "count")
"""Columns in whose last rows `Piece.makespans` stands."""


def write_part(path: Path, pieces: list[Piece], reduction: Reduction, seconds: float) -> Part:
    """Write pieces to a file, whole or not at all; returns the line that names it.

    Parameters
    ----------
    seconds : for how long the study has been played.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    table = _table(pieces, reduction.columns)
    sink = pa.BufferOutputStream()
    # Quick rather than small: a part is read once, if at all.
    pq.write_table(table, sink, compression="lz4", use_dictionary=False, write_statistics=False)
    data = memoryview(sink.getvalue())
    write_whole(path, lambda file: file.write(data))
    return Part(
        part=path.name,
        pieces=[(piece.first, piece.size, piece.values.shape[1]) for piece in pieces],
        columns=table.column_names,
        counts=0 if pieces[0].makespans is None else len(pieces[0].makespans),
        digest=digest_of(data),
        seconds=seconds,
    )


def read_part(folder: Path, line: Part, points: int, reduction: Reduction) -> list[Piece] | None:
    """Read a part; None where it is not there, or not what was written.

    Parameters
    ----------
    folder : in which it lies, beside the journal.
    line : of the journal, which names it.
    points : design points.
    reduction : what is kept of a replication.

    Raises
    ------
    ResultsError
        Where it is whole, and yet none of this study; or may not be read just now.
    """
    columns = reduction.columns
    rows = points * line.rows
    path = folder / line.part
    try:
        most_bytes = 2 * (rows + line.counts) * 8 * (len(columns) + 3) + 2**20
        data = read_file(find_inside(path.name, [folder]), most_bytes)
    except (ValueError, RuntimeError):  # larger than it can be, no file at all, or a link that leads out
        return None
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EIO):
            return None
        # To be thrown away because it may not be read just now, it was too dear.
        why = f"has a {line.part} that cannot be read: {error.strerror}"
        raise refused(folder, why) from error
    if digest_of(data) != line.digest:
        return None
    none_of_this = f"has a {line.part} that is none of this study"
    own = columns if reduction.keep == "rows" else (*columns, *_COUNTS)
    if not set(line.columns) <= set(own):
        raise refused(folder, none_of_this)
    # That its digest is the journal's shows that it is whole, not whose it is.
    try:
        table = parse_table(data, dict.fromkeys(line.columns, "number"), rows + line.counts, path)
    except TableError as error:
        raise refused(folder, f"{none_of_this} ({error})") from error
    if table.num_rows != rows + line.counts:
        raise refused(folder, none_of_this)
    values, counted = np.zeros((rows, len(columns))), np.zeros((line.counts, len(_COUNTS)))
    for name in line.columns:
        column = table.column(name).to_numpy()
        if name in columns:
            values[:, columns.index(name)] = column[:rows]
        else:
            counted[:, _COUNTS.index(name)] = column[rows:]
    if not (np.isfinite(values).all() and np.isfinite(counted).all()):
        raise refused(folder, none_of_this)
    ends = np.cumsum([points * count for _, _, count in line.pieces])[:-1]
    pieces = [
        Piece(first, size, part.reshape(points, count, len(columns)))
        for (first, size, count), part in zip(line.pieces, np.split(values, ends), strict=True)
    ]
    if reduction.keep == "aggregates":
        counts = counted.astype(np.int64)
        if not are_counts(counts, points, sum(size * count for _, size, count in line.pieces)):
            raise refused(folder, none_of_this)
        pieces[0] = pieces[0]._replace(makespans=counts)
    return pieces


def _table(pieces: list[Piece], names: tuple[str, ...]) -> pa.Table:
    """Return pieces, of columns that have these names, as a table."""
    rows = sum(piece.values.shape[0] * piece.values.shape[1] for piece in pieces)
    counts = np.empty((0, 3)) if pieces[0].makespans is None else pieces[0].makespans
    values = np.zeros((len(names) + 3, rows + len(counts)))
    reached = 0
    for piece in pieces:
        of_piece = piece.values.reshape(-1, len(names))
        values[: len(names), reached : reached + len(of_piece)] = of_piece.T
        reached += len(of_piece)
    values[len(names) :, rows:] = counts.T
    columns = zip((*names, *_COUNTS), values, strict=True)
    return pa.table({name: column for name, column in columns if _any(column)})


def _any(column: NDArray[np.float64]) -> bool:
    return bool(column.any() or np.signbit(column).any())


def digest_of(data: bytes | memoryview) -> str:
    """Return the digest by which a part is known to be whole."""
    return blake2b(data, digest_size=16).hexdigest()
