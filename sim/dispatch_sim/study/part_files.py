"""The parts of a study that is not finished: Parquet files of pieces.

A part has a row for each design point and replication of its pieces, one piece after the other, without the
columns that are zero in all rows.
"""

from __future__ import annotations

import errno
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.scenario.files import find_inside, read_file
from dispatch_sim.study.files import write_whole
from dispatch_sim.study.gathering import Piece
from dispatch_sim.study.journal_lines import Part, refused


def write_part(path: Path, pieces: list[Piece], seconds: float) -> Part:
    """Write pieces to a file, whole or not at all; returns the line that names it.

    Parameters
    ----------
    seconds : for how long the study has been played.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    table = _table(pieces)
    sink = pa.BufferOutputStream()
    # Quick rather than small: a part is read once, if at all.
    pq.write_table(table, sink, compression="lz4", use_dictionary=False, write_statistics=False)
    data = memoryview(sink.getvalue())
    write_whole(path, lambda file: file.write(data))
    return Part(
        part=path.name,
        pieces=[(piece.first, piece.values.shape[1]) for piece in pieces],
        columns=table.column_names,
        digest=digest_of(data),
        seconds=seconds,
    )


def read_part(folder: Path, line: Part, points: int) -> list[Piece] | None:
    """Read a part; None where it is not there, or not what was written.

    Parameters
    ----------
    folder : in which it lies, beside the journal.
    line : of the journal, which names it.
    points : design points.

    Raises
    ------
    ResultsError
        Where it is whole, and yet none of this study; or may not be read just now.
    """
    rows = points * line.rows
    path = folder / line.part
    try:
        most_bytes = 2 * rows * 8 * len(MEASURES) + 2**20
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
    try:
        table = pq.read_table(pa.BufferReader(data))
    except pa.ArrowException as error:
        raise refused(folder, none_of_this) from error
    if table.num_rows != rows or table.column_names != line.columns or not set(line.columns) <= set(MEASURES):
        raise refused(folder, none_of_this)
    values = np.zeros((rows, len(MEASURES)))
    for name in line.columns:
        values[:, MEASURES.index(name)] = table.column(name).to_numpy()
    ends = np.cumsum([points * count for _, count in line.pieces])[:-1]
    return [
        Piece(first, part.reshape(points, count, len(MEASURES)))
        for (first, count), part in zip(line.pieces, np.split(values, ends), strict=True)
    ]


def _table(pieces: list[Piece]) -> pa.Table:
    values = np.concatenate([piece.values.reshape(-1, len(MEASURES)) for piece in pieces]).T
    columns = zip(MEASURES, values, strict=True)
    return pa.table({name: column for name, column in columns if _any(column)})


def _any(column: NDArray[np.float64]) -> bool:
    return bool(column.any() or np.signbit(column).any())


def digest_of(data: bytes | memoryview) -> str:
    """Return the digest by which a part is known to be whole."""
    return blake2b(data, digest_size=16).hexdigest()
