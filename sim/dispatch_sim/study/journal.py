"""What a study has played so far, on the disk: so that whatever ends it, what is done need not be done again.

In the folder that a study is written to, `unfinished` holds parts, Parquet files of what has been played, and
the journal, a line of JSON for each of them. A part is written whole, and counts once the journal names it.
So a kill or a power cut loses what was played since the last part, and leaves at most a file that no line
names, or half a line. When all is played and the results are written, the folder is removed.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from dispatch_sim.scenario.files import read_file
from dispatch_sim.study.files import ResultsError, append_line, remove_left_over, write_whole, writing_to
from dispatch_sim.study.gathering import Piece
from dispatch_sim.study.parquet import TableError, parse_table
from dispatch_sim.study.reduction import Reduction

UNFINISHED, JOURNAL_FILE = "unfinished", "journal.jsonl"

FORMAT = 1

MOST_BYTES = 256 * 1024 * 1024
"""Of a journal, and of what is held back for the next part."""

MOST_PART_BYTES = 8 * MOST_BYTES
"""Of a part: a little more than is held back, and what the last piece brought."""

KEPT_AT_LEAST_S = 60.0
"""A study that has played for longer is not thrown away unasked."""

_MOST_DIFFERENCES = 5


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Begin(_Line):
    """The first line: of which study this is."""

    journal: int
    study: dict[str, Any]


class _Stage(_Line):
    """Which engine plays the replications from `stage` on."""

    stage: int = Field(ge=0)
    engine: str = Field(pattern="^(simpy|compiled)$")


_Number = Annotated[int, Field(ge=0, le=10**9)]


class _Part(_Line):
    """A part: its file and what it has to hold.

    Attributes
    ----------
    pieces : first replication, replications of a row and rows of each piece, in the order of the file.
    columns : those that are not zero in every row.
    digest : of the file's bytes.
    seconds : for how long the study had been played.
    """

    part: str = Field(pattern=r"^part-[0-9]{6,9}\.parquet$")
    pieces: list[tuple[_Number, _Number, _Number]]
    columns: list[str]
    digest: str
    seconds: float = Field(ge=0, allow_inf_nan=False)


class Journal:
    """The parts of a study in a folder that this process is alone in.

    Parameters
    ----------
    folder : that the study is written to. Nothing is made there until the first part is written.
    study : what makes the study what it is; to go on with another is refused.
    points : design points.
    reduction : what is kept of a replication.

    Attributes
    ----------
    seconds : for how long the study had been played before this process took it up.
    engines : by the first replication of a stage, the engine that plays it.
    """

    def __init__(self, folder: Path, study: Mapping[str, Any], points: int, reduction: Reduction) -> None:
        self._folder = folder / UNFINISHED
        self._study = dict(study)
        self._points, self._reduction = points, reduction
        self._lines: list[_Line] = [_Begin(journal=FORMAT, study=self._study)]
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
        if not self._folder.exists():
            return
        lines = list(_lines(self._folder)) if not anew else []
        seconds = max((line.seconds for line in lines if isinstance(line, _Part)), default=0.0)
        if seconds >= KEPT_AT_LEAST_S:
            raise ResultsError(
                f"{self._folder.parent}: holds a study that was played for {seconds / 60:.0f} minutes and is "
                "not finished; go on with it by --resume, or throw it away by --restart"
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
        lines = list(_lines(self._folder))
        if not lines:
            discard(self._folder.parent)
            return
        begin = lines[0]
        if not isinstance(begin, _Begin) or begin.journal != FORMAT:
            raise self._refused("was not begun by this version of dispatch-sim")
        differing = list(_differences(begin.study, self._study))
        if differing:
            more = len(differing) - _MOST_DIFFERENCES
            told = "; ".join(differing[:_MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
            raise self._refused(f"is of another study: {told}")
        named = set()
        for line in lines[1:]:
            if isinstance(line, _Stage):
                self.engines[line.stage] = line.engine
            elif isinstance(line, _Part):
                pieces = self._pieces(line)
                if pieces is None:
                    continue
                named.add(line.part)
                self.seconds = max(self.seconds, line.seconds)
                self._parts = max(self._parts, int(line.part[5:-8]))
                yield from pieces
            else:
                raise self._refused("has two beginnings")
            self._lines.append(line)
        with writing_to(self._folder):
            for path in self._folder.glob("part-*"):
                if path.name not in named:
                    path.unlink()
            remove_left_over(self._folder)
            self._write_journal()

    def stage(self, first: int, engine: str) -> None:
        """Note which engine plays the replications from `first` on."""
        if first not in self.engines:
            self.engines[first] = engine
            self._tell(_Stage(stage=first, engine=engine))

    def add(self, piece: Piece) -> None:
        """Take up a piece; written with others to a part as soon as that is worth it."""
        self._pending.add(piece)
        self._pending_bytes += piece.values.nbytes
        if time.monotonic() - self._last >= self._pause() or self._pending_bytes > MOST_BYTES:
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
        with writing_to(self._folder):
            if not self._on_disk:
                self._write_journal()
            write_whole(self._folder / name, lambda file: hashed.write(file, table))
            self._tell(
                _Part(
                    part=name,
                    pieces=[(piece.first, piece.size, piece.values.shape[1]) for piece in pieces],
                    columns=table.column_names,
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

    def _tell(self, line: _Line) -> None:
        if self._on_disk:
            append_line(self._folder / JOURNAL_FILE, line.model_dump_json())
        self._lines.append(line)

    def _write_journal(self) -> None:
        text = "".join(line.model_dump_json() + "\n" for line in self._lines)
        write_whole(self._folder / JOURNAL_FILE, lambda file: file.write(text.encode("utf-8")))
        self._on_disk = True

    def _pieces(self, line: _Part) -> list[Piece] | None:
        """Read a part; None where it is not there, or not what was written."""
        columns = self._reduction.columns
        rows = self._points * sum(count for _, _, count in line.pieces)
        path = self._folder / line.part
        try:
            data = read_file(path, MOST_PART_BYTES)
        except (OSError, ValueError):
            return None
        if _digest(data) != line.digest:
            return None
        if not set(line.columns) <= set(columns):
            raise self._refused(f"has a {line.part} that is none of this study")
        # That its digest is the journal's shows that it is whole, not whose it is.
        try:
            table = parse_table(data, dict.fromkeys(line.columns, "number"), rows, path)
        except TableError as error:
            raise self._refused(f"has a {line.part} that is none of this study ({error})") from error
        if table.num_rows != rows:
            raise self._refused(f"has a {line.part} that is none of this study")
        values = np.zeros((rows, len(columns)))
        for name in line.columns:
            values[:, columns.index(name)] = table.column(name).to_numpy()
        ends = np.cumsum([self._points * count for _, _, count in line.pieces])[:-1]
        return [
            Piece(first, size, part.reshape(self._points, count, len(columns)))
            for (first, size, count), part in zip(line.pieces, np.split(values, ends), strict=True)
        ]

    def _refused(self, why: str) -> ResultsError:
        return _refused(self._folder, why)


def _refused(unfinished: Path, why: str) -> ResultsError:
    return ResultsError(f"{unfinished}: {why}; throw it away by --restart, or name another folder with --out")


def discard(folder: Path, sha256: str | None = None) -> None:
    """Remove what lies unfinished in a folder, the journal first: without it, parts are nothing.

    Parameters
    ----------
    sha256 : of a scenario, to remove it only where it is a study of that.

    Raises
    ------
    ResultsError
        Where it cannot be removed.
    """
    unfinished = folder / UNFINISHED
    if not unfinished.exists():
        return
    if sha256 is not None:
        begin = next(_lines(unfinished), None)
        if isinstance(begin, _Begin) and begin.study.get("sha256") != sha256:
            return
    with writing_to(folder):
        (unfinished / JOURNAL_FILE).unlink(missing_ok=True)
        shutil.rmtree(unfinished)


def _lines(unfinished: Path) -> Iterator[_Line]:
    """Yield a journal's lines, up to one that a crash has cut off; nothing where there is none."""
    path = unfinished / JOURNAL_FILE
    if path.exists() and not path.is_file():
        raise _refused(unfinished, "has a journal that is no plain file")
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refused(unfinished, f"cannot be read: {error.strerror}") from error
    if len(text) > MOST_BYTES:
        raise _refused(unfinished, f"has a journal of more than {MOST_BYTES // 2**20} MiB")
    for line in text.split(b"\n")[:-1]:
        try:
            yield _read_line(line)
        except (ValueError, RecursionError):  # pydantic's are ValueErrors
            return


def _read_line(line: bytes) -> _Line:
    found = json.loads(line)
    kinds: dict[str, type[_Line]] = {"journal": _Begin, "stage": _Stage, "part": _Part}
    kind = next((kinds[name] for name in kinds if name in found), _Begin)
    return kind.model_validate_json(line)


def _table(pieces: list[Piece], names: tuple[str, ...]) -> pa.Table:
    """Return pieces as a table, one row a design point and row of each, without columns that are all zero."""
    values = np.empty((len(names), sum(piece.values.shape[0] * piece.values.shape[1] for piece in pieces)))
    reached = 0
    for piece in pieces:
        rows = piece.values.reshape(-1, len(names))
        values[:, reached : reached + len(rows)] = rows.T
        reached += len(rows)
    return pa.table({name: column for name, column in zip(names, values, strict=True) if _any(column)})


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


def _differences(there: Any, here: Any, path: str = "") -> Iterator[str]:
    """Yield in words where two studies differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            yield from _differences(there.get(key), here.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif there != here:
        yield f"{path} was {_short(there)}, is {_short(here)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
