"""Reads logs from paths into the two tables, in one pass and in bounded memory.

Every line is parsed: with orjson that is faster than a search of its bytes first, and no line is missed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import BinaryIO

from dispatch_sim.logs.readers.claude_code import ClaudeCode
from dispatch_sim.logs.readers.codex import Codex
from dispatch_sim.logs.readers.files import LONGEST_LINE, LogsError, Tally, log_files, read_lines
from dispatch_sim.logs.readers.json_values import Record, UnreadableLine, parse
from dispatch_sim.logs.readers.otel import OpenTelemetry
from dispatch_sim.logs.readers.parsed_runs import ParsedRun, with_rows
from dispatch_sim.logs.readers.tables import Logs, make_tables

MOST_VALUES = 2_000_000
"""Most values of a line, about; each takes up to a hundred bytes once it is parsed."""

Reader = ClaudeCode | Codex | OpenTelemetry
"""Reads one format: `read` for the records of each file; then come the `runs`."""


def read_logs(*paths: str | os.PathLike[str]) -> Logs:
    """Read logs of agents: transcripts of Claude Code, rollouts of Codex, OpenTelemetry traces.

    Parameters
    ----------
    paths : log files, and folders with logs anywhere below.

    Raises
    ------
    LogsError
        If a path cannot be read, or no file is a log of a known format.
    """
    tally = Tally()
    return make_tables([row for _, row in with_rows(parse_runs(paths, tally))], tally)


def parse_runs(paths: Sequence[str | os.PathLike[str]], tally: Tally) -> list[ParsedRun]:
    """Return the runs in logs as `read_logs` does, with the ids and times of day that tables leave out."""
    readers: list[Reader] = [ClaudeCode(), Codex(), OpenTelemetry()]
    for path, label in log_files(paths, tally):
        records = _records(path, label, tally)
        for record in records:  # those before the first one of a known format are ignored
            reader = next((each for each in readers if each.recognises(record)), None)
            if reader is not None:
                first = iter([record])
                del record  # it may be large, and is in memory only until the reader has read it
                reader.read(chain(first, records), path)
                tally.formats[reader.name] = tally.formats.get(reader.name, 0) + 1
                break
        else:
            tally.skip("file of unknown format", label)
    if not tally.formats:
        raise LogsError(_no_log(paths, tally))
    return [run for reader in readers for run in reader.runs(tally)]


def _records(path: str, label: str, tally: Tally) -> Iterator[Record]:
    """Yield the JSON objects of a file: of each line, or of one document over many lines."""
    try:
        with open(path, "rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            for number, line in read_lines(opened, size, label, tally):
                where = f"{label}, line {number}"
                if _has_too_many_values(line):
                    tally.skip("line of too many values", where)
                    continue
                try:
                    yield from parse(line)
                except UnreadableLine as why:
                    tally.skip(str(why), where)
                except ValueError:
                    if number == 1 and line.strip() in (b"{", b"[") and size > LONGEST_LINE:
                        tally.skip(f"document over {LONGEST_LINE >> 20} MiB on many lines", label)
                        return
                    document = _document(opened, size, line) if number == 1 else []
                    if document:
                        tally.bytes += size - len(line)
                        yield from document
                        return
                    is_whole = line.endswith(b"\n")
                    tally.skip("line that is not JSON" if is_whole else "last line that is cut off", where)
    except OSError:
        tally.skip("file that cannot be read", label)


def _document(opened: BinaryIO, size: int, first_line: bytes) -> list[Record]:
    """Return the objects of a file that is one document over many lines; an empty list if it is none."""
    if size > LONGEST_LINE or not first_line.lstrip().startswith((b"{", b"[")):
        return []
    position = opened.tell()
    whole = first_line + opened.read(size - position)
    with suppress(ValueError):
        if not _has_too_many_values(whole):
            return parse(whole)
    opened.seek(position)
    return []


def _has_too_many_values(data: bytes) -> bool:
    """Return whether JSON may hold too many values, before it is parsed: an empty list takes three bytes.

    Commas and brackets within texts count as well.
    """
    return len(data) > MOST_VALUES and sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES


def _no_log(paths: Sequence[str | os.PathLike[str]], tally: Tally) -> str:
    named = ", ".join(map(str, paths[:3])) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    skipped = [f"{skipped.count} x {reason}" for reason, skipped in tally.skipped.items()]
    return (
        f"{named}: no log of a known format ({', '.join(skipped) or 'no file'}); "
        "give logs of Claude Code (~/.claude/projects), of Codex (~/.codex/sessions), "
        "or OpenTelemetry traces as OTLP JSON"
    )
