"""The checkpoint of a study: one SQLite database, to which each chunk is written in one transaction.

It is the file `checkpoint.sqlite` of a folder, or in memory. A study is resumed from it after any end: SQLite
has a chunk on the disk when its transaction ends (`synchronous=FULL`). Each measure of a chunk is stored by
itself, compressed, so that a statistic reads only the measures it needs.
"""

from __future__ import annotations

import json
import sqlite3
import time
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dispatch_sim.interruption import uninterrupted
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.study.files import ResultsError, writing_to
from dispatch_sim.study.manifest import differences_of

CHECKPOINT_FILE = "checkpoint.sqlite"

FORMAT = 2
"""Version of the database's tables; another version cannot be resumed."""

KEPT_AT_LEAST_S = 60.0
"""A study that was simulated for longer is discarded only on request."""

_CREATE = (
    "BEGIN",
    "CREATE TABLE study (identity TEXT NOT NULL, engine TEXT NOT NULL, seconds REAL NOT NULL)",
    "CREATE TABLE chunk (stage INTEGER NOT NULL, first INTEGER NOT NULL, replications INTEGER NOT NULL, "
    "points INTEGER NOT NULL, PRIMARY KEY (stage, first))",
    "CREATE TABLE measure (number INTEGER NOT NULL, stage INTEGER NOT NULL, first INTEGER NOT NULL, "
    "data BLOB NOT NULL, PRIMARY KEY (number, stage, first))",
    f"PRAGMA user_version = {FORMAT}",
)


def encode(values: NDArray[np.float64]) -> list[bytes]:
    """Return the measures of a chunk, shape (points, replications, measures), each compressed."""
    return [pa.compress(column.tobytes(), "lz4", asbytes=True) for column in np.moveaxis(values, 2, 0)]


def concatenated(
    counts: Sequence[int], start: int, stop: int, read: Callable[[int], NDArray[Any]]
) -> NDArray[Any]:
    """Return columns `start` to `stop` of the concatenation of arrays, and read only the arrays needed.

    `counts` are their numbers of columns; `read` returns one by its number, shape (points, columns).
    """
    parts, begin = [], 0
    for number, count in enumerate(counts):
        low, high = max(start, begin), min(stop, begin + count)
        if low < high:
            parts.append(read(number)[:, low - begin : high - begin])
        begin += count
    return np.concatenate(parts, axis=1)


class Checkpoint:
    """The replications of a study that have been simulated, by the number of their stage.

    Parameters
    ----------
    folder : of the study, locked by this process; None for memory. Nothing is created there before a chunk
        is added.
    identity : what identifies the study.
    engine : `simpy` or `compiled`.
    """

    def __init__(self, folder: Path | None, identity: Mapping[str, Any], engine: str) -> None:
        self.engine = engine
        self._path = None if folder is None else folder / CHECKPOINT_FILE
        self._identity = json.dumps(identity)
        self._chunks: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self._seconds, self._began = 0.0, time.monotonic()  # of earlier runs, and the start of this one
        self._db: sqlite3.Connection | None = None

    @classmethod
    def resume(cls, folder: Path, identity: Mapping[str, Any]) -> Self | None:
        """Return the checkpoint of an earlier run in a folder; None where there is none.

        Raises ResultsError where it is of another study, or cannot be read.
        """
        path = folder / CHECKPOINT_FILE
        if not is_unfinished(folder):
            return None
        found = cls(folder, identity, "")
        with _as_results_error(path, "read"):
            found._db = db = _connect(path)
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != FORMAT:
                raise _refused(path, "was written by another version of dispatch-sim")
            there, found.engine, found._seconds = db.execute("SELECT * FROM study").fetchone()
            if different := differences_of(json.loads(there), json.loads(found._identity)):
                raise _refused(path, f"is of another study: {different}", "undo that, ")
            for stage, *chunk in db.execute("SELECT * FROM chunk ORDER BY stage, first"):
                found._chunks[stage].append(tuple(chunk))
        return found

    def __del__(self) -> None:
        if self._db is not None:
            self._db.close()

    def missing(self, stage: int, replications: range) -> list[range]:
        """Return the replications of a stage that are not stored, in order."""
        gaps, reached = [], replications.start
        for first, count, _ in [*self._chunks[stage], (replications.stop, 0, 0)]:
            if reached < first:
                gaps.append(range(reached, first))
            reached = first + count
        return gaps

    def count(self, stage: int) -> int:
        """Return how many replications of a stage are stored."""
        return sum(count for _, count, _ in self._chunks[stage])

    def add(self, stage: int, chunk: range, points: int, measures: list[bytes]) -> None:
        """Add replications of the points of a stage that are not stored yet, with the result of `encode`.

        Raises ResultsError where they cannot be written; earlier ones stay.
        """
        has_earlier = any(self._chunks.values())
        hint = "; earlier chunks are stored: continue with --resume" if has_earlier else ""
        rows = ((number, stage, chunk.start, data) for number, data in enumerate(measures))
        added = (chunk.start, len(chunk), points)
        with uninterrupted():
            with _as_results_error(self._path, "written to", hint):
                self._db = self._db or _connect(self._path or ":memory:")
                with self._db as db:
                    if not has_earlier:
                        for statement in _CREATE:
                            db.execute(statement)
                        db.execute("INSERT INTO study VALUES (?, ?, 0.0)", (self._identity, self.engine))
                    db.execute("INSERT INTO chunk VALUES (?, ?, ?, ?)", (stage, *added))
                    db.executemany("INSERT INTO measure VALUES (?, ?, ?, ?)", rows)
                    seconds = self._seconds + time.monotonic() - self._began
                    db.execute("UPDATE study SET seconds = ?", (seconds,))
            insort(self._chunks[stage], added)

    def read(self, stage: int, measure: str, start: int, stop: int) -> NDArray[np.float64]:
        """Return a measure of some replications, by their positions among those that are stored of a stage.

        It has the shape (points, replications).
        """
        query = "SELECT data FROM measure WHERE number = ? AND stage = ? AND first = ?"
        chunks = self._chunks[stage]

        def chunk(number: int) -> NDArray[np.float64]:
            assert self._db is not None
            first, count, points = chunks[number]
            with _as_results_error(self._path, "read"):
                (data,) = self._db.execute(query, (MEASURES.index(measure), stage, first)).fetchone()
                values = pa.decompress(data, 8 * points * count, "lz4")
            return np.frombuffer(values, np.float64).reshape(points, count)

        return concatenated([count for _, count, _ in chunks], start, stop, chunk)


def begin_anew(folder: Path, *, asked: bool) -> None:
    """Discard the checkpoint of an earlier run in a folder.

    Raises ResultsError where it was simulated for more than a minute, and discarding it was not requested.
    """
    if not asked and is_unfinished(folder):
        (seconds,) = _first_row(folder / CHECKPOINT_FILE, "SELECT seconds FROM study")
        if seconds >= KEPT_AT_LEAST_S:
            minutes = f"{round(seconds / 60):,} minute{'s' if seconds >= 90 else ''}"
            raise ResultsError(
                f"{folder}: holds a study that was simulated for {minutes} and is not finished; continue it "
                "with --resume, or discard it with --restart"
            )
    discard(folder)


def discard(folder: Path, sha256: str | None = None) -> None:
    """Remove a checkpoint from a folder; with the digest of a scenario only if it is of that."""
    path = folder / CHECKPOINT_FILE
    if sha256 is not None and is_unfinished(folder):
        (identity,) = _first_row(path, "SELECT identity FROM study")
        if json.loads(identity)["sha256"] != sha256:
            return
    with writing_to(folder):
        path.unlink(missing_ok=True)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)


def is_unfinished(folder: Path) -> bool:
    """Return whether a folder holds replications that `--resume` can continue from."""
    path = folder / CHECKPOINT_FILE
    # Its tables are of the transaction of the first chunk.
    return path.is_file() and _first_row(path, "SELECT 1 FROM sqlite_master") is not None


def _first_row(path: Path, query: str) -> Any:
    with _as_results_error(path, "read"), closing(_connect(path)) as db:
        return db.execute(query).fetchone()


def _connect(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False)
    db.execute("PRAGMA synchronous = FULL")
    return db


@contextmanager
def _as_results_error(path: Path | None, what: str, more: str = "") -> Iterator[None]:
    """Raise an error of SQLite as a `ResultsError`."""
    try:
        yield
    except (sqlite3.Error, pa.ArrowException) as error:
        if what == "read":
            raise _refused(path, f"cannot be read: {error}") from error
        raise ResultsError(f"{path}: cannot be {what}: {error}{more}") from error


def _refused(path: Path | None, why: str, first: str = "") -> ResultsError:
    return ResultsError(f"{path}: {why}; {first}discard it with --restart, or name another folder with --out")
