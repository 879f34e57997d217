"""Reading logs: from paths to the two tables, in one pass and in bounded memory.

Every line is parsed: measured, that is faster than looking for words in its bytes, and it cannot miss one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, Protocol

from dispatch_sim.logs.readers.claude_code import ClaudeCode
from dispatch_sim.logs.readers.codex import Codex
from dispatch_sim.logs.readers.files import LONGEST_LINE, LogFile, LogsError, Tally, lines_of, log_files
from dispatch_sim.logs.readers.json_values import NotAnObject, Record, TooDeep, parse
from dispatch_sim.logs.readers.otel import OpenTelemetry
from dispatch_sim.logs.readers.parsed_runs import ParsedRun, rows
from dispatch_sim.logs.readers.tables import Logs, make_tables
from dispatch_sim.scenario.files import has_more_values

MOST_VALUES = 2_000_000
"""Most values of a line, about; each takes up to a hundred bytes once it is parsed."""


class Reader(Protocol):
    """Reads one format: is asked for each file's first lines, then gets all that follow."""

    name: str

    @staticmethod
    def recognises(record: Record) -> bool:
        """Whether a record is of this format."""

    def open(self, file: LogFile) -> None:
        """Begin a file."""

    def take(self, record: Record) -> None:
        """Take a record of the file."""

    def close(self) -> None:
        """End the file."""

    def found(self, tally: Tally) -> Iterable[ParsedRun]:
        """Return the runs that all files come to."""


def read_logs(*paths: str | os.PathLike[str]) -> Logs:
    """Read logs of agents: transcripts of Claude Code, rollouts of Codex, OpenTelemetry traces.

    Parameters
    ----------
    paths : log files, and folders with logs anywhere below.

    Raises
    ------
    LogsError
        Where a path cannot be read, or nothing below the paths is a log of a known format.
    """
    tally = Tally()
    return make_tables(rows(find_runs(paths, tally)), tally)


def find_runs(paths: Sequence[str | os.PathLike[str]], tally: Tally) -> list[ParsedRun]:
    """Return the runs in logs as `read_logs` does, but with the ids and times of day that tables leave out.

    Raises
    ------
    LogsError
        as `read_logs` does.
    """
    readers: list[Reader] = [ClaudeCode(), Codex(), OpenTelemetry()]
    for file in log_files(paths, tally):
        _read(file, readers, tally)
    if not tally.formats:
        raise LogsError(_nothing(paths, tally))
    return [run for reader in readers for run in reader.found(tally)]


def _read(file: LogFile, readers: Sequence[Reader], tally: Tally) -> None:
    """Read one file; what stands before the first record of a known format is passed over."""
    reader: Reader | None = None
    try:
        with open(file.path, "rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            for record in _records(opened, size, file.label, tally):
                if reader is None:
                    reader = next((each for each in readers if each.recognises(record)), None)
                    if reader is None:
                        continue
                    reader.open(file)
                reader.take(record)
    except OSError:
        tally.skip("file that cannot be read", file.label)
    if reader is None:
        tally.skip("file of no format that is known here", file.label)
        return
    reader.close()
    tally.formats[reader.name] = tally.formats.get(reader.name, 0) + 1


def _records(opened: BinaryIO, size: int, label: str, tally: Tally) -> Iterator[Record]:
    """Yield the JSON objects of a file: of each line, or of one document over many lines."""
    for number, line in lines_of(opened, size, label, tally):
        where = f"{label}, line {number}"
        if has_more_values(line, MOST_VALUES):
            tally.skip("line of too many values", where)
            continue
        try:
            yield from parse(line)
        except NotAnObject:
            tally.skip("line that is no JSON object", where)
        except TooDeep:
            tally.skip("line that is nested too deeply", where)
        except ValueError:
            if number == 1 and line.strip() in (b"{", b"[") and size > LONGEST_LINE:
                tally.skip(f"document over {LONGEST_LINE >> 20} MiB on many lines", label)
                return
            document = _document(opened, size, line) if number == 1 else []
            if document:
                tally.bytes += size - len(line)
                yield from document
                return
            tally.skip(
                "line that is not JSON" if line.endswith(b"\n") else "last line that is cut off", where
            )


def _document(opened: BinaryIO, size: int, line: bytes) -> list[Record]:
    """Return the objects of a file that is one document, of which this is the first line; else none."""
    if size > LONGEST_LINE or not line.lstrip().startswith((b"{", b"[")):
        return []
    here = opened.tell()
    whole = line + opened.read(size - here)
    with suppress(ValueError):
        if not has_more_values(whole, MOST_VALUES):
            return parse(whole)
    opened.seek(here)
    return []


def _nothing(paths: Sequence[str | os.PathLike[str]], tally: Tally) -> str:
    """Say that nothing was a log, and what was there instead."""
    named = ", ".join(map(str, paths[:3])) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    found = [f"{skipped.count} x {reason}" for reason, skipped in tally.skipped.items()]
    return (
        f"{named}: no log of a known format ({', '.join(found) or 'no file'}); "
        "Claude Code keeps its logs in ~/.claude/projects, Codex in ~/.codex/sessions; "
        "of OpenTelemetry, traces as OTLP JSON are read"
    )
