"""What a study has played so far, on the disk: so that whatever ends it, what is done need not be done again.

In the folder that a study is written to, `unfinished` holds parts, Parquet files of what has been played, and
the journal, a line of JSON for each of them. A part is written whole, and counts once the journal names it.
So a kill or a power cut loses what was played since the last part, and leaves at most a file that no line
names, or half a line. When all is played and the results are written, the folder is removed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dispatch_sim.study.files import (
    ResultsError,
    append_line,
    remove_empty,
    remove_left_over,
    write_whole,
    writing_to,
)
from dispatch_sim.study.gathering import Piece, Rows
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
from dispatch_sim.study.part_files import read_part, write_part

UNFINISHED = "unfinished"

FORMAT = 1

MOST_HELD_BYTES = 256 * 1024 * 1024
"""Of what is held back for the next part."""

KEPT_AT_LEAST_S = 60.0
"""A study that has played for longer is not thrown away unasked."""

_KEPT = "what was played until then is kept: go on with it by --resume"

_PART_FILE = re.compile(r"part-[0-9]{6,9}\.parquet")


class Journal:
    """The parts of a study in a folder that this process is alone in.

    Parameters
    ----------
    folder : that the study is written to. Nothing is made there until the first part is written.
    study : what makes the study what it is; to go on with another is refused.
    points : design points.
    most : replications that it has at most.

    Attributes
    ----------
    seconds : for how long the study had been played before this process took it up.
    engines : by the first replication of a stage, the engine that plays it.
    """

    def __init__(
        self,
        folder: Path,
        study: Mapping[str, Any],
        points: int,
        most: int,
    ) -> None:
        self._folder = folder / UNFINISHED
        self._study = dict(study)
        self._points, self._most = points, most
        self._lines: list[Line] = [Begin(journal=FORMAT, study=self._study)]
        self._on_disk = False
        self._parts = 0
        self._pending = Rows()
        self._pending_bytes = 0
        self._began = self._last = time.monotonic()
        self.seconds = 0.0
        self.engines: dict[int, str] = {}

    def begin(self, *, anew: bool) -> None:
        """Begin from the first replication, and remove what an earlier study has left unfinished.

        Raises
        ------
        ResultsError
            Where that had been played for more than a minute, and beginning `anew` was not asked for; or
            where a link leads elsewhere.
        """
        self._refuse_link()
        if not anew:
            lines = read_lines(self._folder)
            seconds = max((line.seconds for line in lines if isinstance(line, Part)), default=0.0)
            if seconds >= KEPT_AT_LEAST_S:
                raise ResultsError(
                    f"{self._folder.parent}: holds a study that was played for {_minutes(seconds)} and is "
                    "not finished; go on with it by --resume, or throw it away by --restart"
                )
        discard(self._folder.parent)

    def resume(self) -> Iterator[Piece]:
        """Go on with what lies in the folder: yield what it holds of the study.

        What is not whole, by a crash or a failing disk, is left out, to be played again.

        Raises
        ------
        ResultsError
            Where it is of another study, or is not a journal; or where a link leads elsewhere.
        """
        self._refuse_link()
        lines = read_lines(self._folder)
        if not lines:
            discard(self._folder.parent)
            return
        begin, *others = lines
        if not isinstance(begin, Begin) or begin.journal != FORMAT:
            raise refused(self._folder, "was not begun by this version of dispatch-sim")
        if different := differing(begin.study, self._study):
            raise refused(self._folder, f"is of another study: {different}", "undo that, ")
        parts = [line for line in others if isinstance(line, Part)]
        if problem := problem_of_pieces(parts, self._points, self._most):
            raise refused(self._folder, problem)
        for line in others:
            if isinstance(line, Stage):
                self.engines[line.stage] = line.engine
            elif isinstance(line, Part):
                pieces = read_part(self._folder, line, self._points)
                if pieces is None:
                    continue
                self.seconds = max(self.seconds, line.seconds)
                self._parts = max(self._parts, line.number)
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

    def stage(self, first: int, engine: str) -> None:
        """Note which engine plays the replications from `first` on."""
        if first not in self.engines:
            self.engines[first] = engine
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
        self._parts += 1
        path = self._folder / f"part-{self._parts:06d}.parquet"
        with self._writing():
            if not self._on_disk:
                self._write_journal()
            self._tell(write_part(path, pieces, round(self.elapsed(), 3)))
        self._pending = Rows()
        self._pending_bytes = 0
        self._last = time.monotonic()

    def elapsed(self) -> float:
        """Return for how long the study has been played, by this process and those before."""
        return self.seconds + time.monotonic() - self._began

    def _refuse_link(self) -> None:
        """Refuse a link in the place of the folder: where it leads, parts would be written and removed."""
        if self._folder.is_symlink():
            raise ResultsError(f"{self._folder}: is a link; remove it, or name another folder with --out")

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
            with self._writing():
                append_line(self._folder / JOURNAL_FILE, line.model_dump_json())
        self._lines.append(line)

    def _write_journal(self) -> None:
        text = "".join(line.model_dump_json() + "\n" for line in self._lines)
        write_whole(self._folder / JOURNAL_FILE, lambda file: file.write(text.encode("utf-8")))
        self._on_disk = True


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
    if unfinished.is_symlink() or not unfinished.is_dir():
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


def is_unfinished(folder: Path) -> bool:
    """Return whether something lies in a folder that `--resume` can go on with."""
    unfinished = folder / UNFINISHED
    return (unfinished / JOURNAL_FILE).is_file() and bool(_part_files(unfinished))


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes:,} minute{'s' if minutes != 1 else ''}"


def _part_files(unfinished: Path) -> list[Path]:
    return [path for path in unfinished.glob("part-*.parquet") if _PART_FILE.fullmatch(path.name)]
