"""What a study has played so far, on the disk: so that whatever ends it, what is done need not be done again.

In the folder that a study is written to, `unfinished` holds parts, Parquet files of what has been played, and
the journal, a line of JSON for each of them. A part is written whole, and counts once the journal names it.
So a kill or a power cut loses what was played since the last part, and leaves at most a file that no line
names, or half a line. When all is played and the results are written, the folder is removed.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dispatch_sim.scenario.files import read_file
from dispatch_sim.study.files import (
    ResultsError,
    append_line,
    remove_empty,
    remove_left_over,
    write_whole,
    writing_to,
)
from dispatch_sim.study.gathering import Piece, block_size
from dispatch_sim.study.histogram import are_counts
from dispatch_sim.study.journal_lines import (
    JOURNAL_FILE,
    Begin,
    Line,
    Part,
    Stage,
    differing,
    problem_of_pieces,
    read_lines,
    refused,
)
from dispatch_sim.study.parquet import TableError, parse_table
from dispatch_sim.study.reduction import Reduction

UNFINISHED = "unfinished"

FORMAT = 1

MOST_HELD_BYTES = 256 * 1024 * 1024
"""Of what is held back for the next part."""

KEPT_AT_LEAST_S = 60.0
"""A study that has played for longer is not thrown away unasked."""

_KEPT = "what was played until then is kept: go on with it by --resume"

_PART_FILE = re.compile(r"part-[0-9]{6,9}\.parquet")

_COUNTS = ("point", "bin", "count")
"""Columns of a part in whose last rows `Piece.makespans` stands."""


class Journal:
    """The parts of a study in a folder that this process is alone in.

    Parameters
    ----------
    folder : that the study is written to. Nothing is made there until the first part is written.
    study : what makes the study what it is; to go on with another is refused.
    points : design points.
    most : replications that it has at most.
    reduction : what is kept of a replication.

    Attributes
    ----------
    seconds : for how long the study had been played before this process took it up.
    engines : by the first replication of a stage, the engine that plays it.
    """

    def __init__(
        self, folder: Path, study: Mapping[str, Any], points: int, most: int, reduction: Reduction
    ) -> None:
        self._folder = folder / UNFINISHED
        self._study = dict(study)
        self._points, self._most, self._reduction = points, most, reduction
        self._lines: list[Line] = [Begin(journal=FORMAT, study=self._study)]
        self._on_disk = False
        self._parts = 0
        self._pending = reduction.empty()
        self._pending_bytes = 0
        self._began = self._last = time.monotonic()
        self.seconds = 0.0
        self.engines: dict[int, str] = {}

    def begin(self, *, anew: bool) -> None:
        """Begin from the first replication, and remove what an earlier study has left unfinished.

        Raises
        ------
        ResultsError
            Where that had been played for more than a minute, and beginning `anew` was not asked for.
        """
        if not anew:
            lines = read_lines(self._folder)
            seconds = max((line.seconds for line in lines if isinstance(line, Part)), default=0.0)
            if seconds >= KEPT_AT_LEAST_S:
                raise ResultsError(
                    f"{self._folder.parent}: holds a study that was played for {seconds / 60:.0f} minutes "
                    "and is not finished; go on with it by --resume, or throw it away by --restart"
                )
        discard(self._folder.parent)

    def resume(self) -> Iterator[Piece]:
        """Go on with what lies in the folder: yield what it holds of the study.

        What is not whole, by a crash or a failing disk, is left out, to be played again.

        Raises
        ------
        ResultsError
            Where it is of another study, or is not a journal.
        """
        lines = read_lines(self._folder)
        if not lines:
            discard(self._folder.parent)
            return
        begin, *others = lines
        if not isinstance(begin, Begin) or begin.journal != FORMAT:
            raise refused(self._folder, "was not begun by this version of dispatch-sim")
        if different := differing(begin.study, self._study):
            raise refused(self._folder, f"is of another study: {different}")
        parts = [line for line in others if isinstance(line, Part)]
        largest = block_size(self._most) if self._reduction.keep == "aggregates" else 1
        if problem := problem_of_pieces(parts, self._points, self._most, largest):
            raise refused(self._folder, problem)
        for line in others:
            if isinstance(line, Stage):
                self.engines[line.stage] = line.engine
            elif isinstance(line, Part):
                pieces = self._pieces(line)
                if pieces is None:
                    continue
                self.seconds = max(self.seconds, line.seconds)
                self._parts = max(self._parts, int(line.part[5:-8]))
                yield from pieces
            else:
                raise refused(self._folder, "has two beginnings")
            self._lines.append(line)
        named = {line.part for line in self._lines if isinstance(line, Part)}
        with self._writing():
            self._write_journal()
            remove_left_over(self._folder)
            for path in _part_files(self._folder):
                if path.name not in named:
                    path.unlink()

    def stage(self, first: int, engine: str, reduction: Reduction) -> None:
        """Note which engine plays the replications from `first` on, and what is kept of them."""
        if reduction.size > self._reduction.size:
            # In a part of its own: earlier stages, when they are resumed, need the shorter blocks.
            self.write_part()
            self._reduction, self._pending = reduction, reduction.empty()
        if first not in self.engines:
            self.engines[first] = engine
            with self._writing():
                self._tell(Stage(stage=first, engine=engine))

    def add(self, piece: Piece) -> None:
        """Take up a piece; written with others to a part as soon as that is worth it."""
        self._pending.add(piece)
        self._pending_bytes += piece.values.nbytes
        if time.monotonic() - self._last >= self._pause() or self._pending_bytes > MOST_HELD_BYTES:
            self.write_part()

    def write_part(self) -> None:
        """Write what has been taken up since the last part.

        Raises
        ------
        ResultsError
            Where it cannot be written; the parts before it are as they were.
        """
        pieces = self._pending.pieces()
        if not pieces:
            return
        table = _table(pieces, self._reduction.columns)
        self._parts += 1
        name = f"part-{self._parts:06d}.parquet"
        hashed = _Hashed()
        with self._writing():
            if not self._on_disk:
                self._write_journal()
            write_whole(self._folder / name, lambda file: hashed.write(file, table))
            self._tell(
                Part(
                    part=name,
                    pieces=[(piece.first, piece.size, piece.values.shape[1]) for piece in pieces],
                    columns=table.column_names,
                    counts=0 if pieces[0].makespans is None else len(pieces[0].makespans),
                    digest=hashed.digest,
                    seconds=round(self.elapsed(), 3),
                )
            )
        self._pending = self._reduction.empty()
        self._pending_bytes = 0
        self._last = time.monotonic()

    def elapsed(self) -> float:
        """Return for how long the study has been played, by this process and those before."""
        return self.seconds + time.monotonic() - self._began

    def _pause(self) -> float:
        """Return after how long a part is written: a twentieth of what was played is lost at most.

        Or a second, and a minute at most; written more often, parts would take part of a short study's time.
        """
        return min(max(self.elapsed() / 20, 1.0), 60.0)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with writing_to(self._folder):
                yield
        except ResultsError:
            # Whether a line that could not be added is there, or half of it, nobody knows: the next time the
            # journal is written as a whole.
            self._on_disk = False
            raise

    def _tell(self, line: Line) -> None:
        if self._on_disk:
            append_line(self._folder / JOURNAL_FILE, line.model_dump_json())
        self._lines.append(line)

    def _write_journal(self) -> None:
        text = "".join(line.model_dump_json() + "\n" for line in self._lines)
        write_whole(self._folder / JOURNAL_FILE, lambda file: file.write(text.encode("utf-8")))
        self._on_disk = True

    def _pieces(self, line: Part) -> list[Piece] | None:
        """Read a part; None where it is not there, or not what was written."""
        columns = self._reduction.columns
        rows = self._points * line.rows
        path = self._folder / line.part
        try:
            data = read_file(path, 2 * (rows + line.counts) * 8 * (len(columns) + 3) + 2**20)
        except ValueError:  # larger than it can be, or no file at all
            return None
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EIO):
                return None
            # To be thrown away because it may not be read just now, it was too dear.
            why = f"has a {line.part} that cannot be read: {error.strerror}"
            raise refused(self._folder, why) from error
        if _digest(data) != line.digest:
            return None
        none_of_this = f"has a {line.part} that is none of this study"
        own = columns if self._reduction.keep == "rows" else (*columns, *_COUNTS)
        if not set(line.columns) <= set(own):
            raise refused(self._folder, none_of_this)
        # That its digest is the journal's shows that it is whole, not whose it is.
        try:
            table = parse_table(data, dict.fromkeys(line.columns, "number"), rows + line.counts, path)
        except TableError as error:
            raise refused(self._folder, f"{none_of_this} ({error})") from error
        if table.num_rows != rows + line.counts:
            raise refused(self._folder, none_of_this)
        found = np.zeros((rows + line.counts, len(own)))
        for name in line.columns:
            found[:, own.index(name)] = table.column(name).to_numpy()
        values = found[:rows, : len(columns)]
        ends = np.cumsum([self._points * count for _, _, count in line.pieces])[:-1]
        pieces = [
            Piece(first, size, part.reshape(self._points, count, len(columns)))
            for (first, size, count), part in zip(line.pieces, np.split(values, ends), strict=True)
        ]
        if self._reduction.keep == "aggregates":
            counts = found[rows:, len(columns) :].astype(np.int64)
            if not are_counts(counts, self._points, sum(size * count for _, size, count in line.pieces)):
                raise refused(self._folder, none_of_this)
            pieces[0] = pieces[0]._replace(makespans=counts)
        return pieces


@contextmanager
def saying_what_is_kept(folder: Path) -> Iterator[None]:
    """Say, where something cannot be written, that a study need not be played again."""
    try:
        yield
    except ResultsError as error:
        if _part_files(folder / UNFINISHED):
            raise ResultsError(f"{error}; {_KEPT}") from error
        raise


def discard(folder: Path, sha256: str | None = None) -> None:
    """Remove what lies unfinished in a folder, the journal first: without it, parts are nothing.

    Nothing else that lies there is touched.

    Parameters
    ----------
    sha256 : of a scenario, to remove it only where it is a study of that.

    Raises
    ------
    ResultsError
        Where it cannot be removed.
    """
    unfinished = folder / UNFINISHED
    if not unfinished.is_dir():
        return
    if sha256 is not None:
        begin = next(iter(read_lines(unfinished)), None)
        if isinstance(begin, Begin) and begin.study.get("sha256") != sha256:
            return
    with writing_to(unfinished):
        (unfinished / JOURNAL_FILE).unlink(missing_ok=True)
        for path in _part_files(unfinished):
            path.unlink()
    remove_left_over(unfinished)
    remove_empty(unfinished)


def _part_files(unfinished: Path) -> list[Path]:
    return [path for path in unfinished.glob("part-*.parquet") if _PART_FILE.fullmatch(path.name)]


def _table(pieces: list[Piece], names: tuple[str, ...]) -> pa.Table:
    """Return pieces as a table, one row a design point and row of each, without columns that are all zero.

    What is counted of makespans stands in rows behind those, in columns of its own.
    """
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


class _Hashed:
    """Writes a table and says what its bytes are, without reading them again."""

    def __init__(self) -> None:
        self.digest = ""

    def write(self, file: IO[bytes], table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        # Quick rather than small: a part is read once, if at all.
        pq.write_table(table, sink, compression="lz4", use_dictionary=False, write_statistics=False)
        data = memoryview(sink.getvalue())
        self.digest = _digest(data)
        file.write(data)


def _digest(data: bytes | memoryview) -> str:
    return blake2b(data, digest_size=16).hexdigest()
