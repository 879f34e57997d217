"""Holds what lies in a folder against what has to: read here once more, without the product's own reader."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

RESULTS = ("results.parquet", "manifest.json")


class LostError(AssertionError):
    """Something is lost, or not as it has to be."""


def kept_in(folder: Path) -> set[int] | None:
    """Return which replications a folder's journal keeps; None where there is none.

    Raises
    ------
    LostError
        Where a replication is in two parts, or a line in the midst of the journal cannot be read.
    """
    unfinished = folder / "unfinished"
    if not (unfinished / "journal.jsonl").exists():
        return None
    kept: set[int] = set()
    lines = (unfinished / "journal.jsonl").read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1]):
        try:
            part = json.loads(line)
        except ValueError as error:
            if number == len(lines) - 2 or not b"".join(lines[number + 1 :]).strip(b"\0"):
                break
            raise LostError(f"line {number + 1} of the journal cannot be read") from error
        if "part" not in part:
            continue
        path = unfinished / part["part"]
        if (
            not path.exists()
            or hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() != part["digest"]
        ):
            continue
        of_part = replications(part["pieces"])
        if kept & of_part:
            raise LostError(f"in two parts: {sorted(kept & of_part)[:5]}")
        kept |= of_part
    return kept


def replications(pieces: list[list[int]]) -> set[int]:
    """Return the replications of pieces."""
    found: set[int] = set()
    for first, count in pieces:
        of_piece = set(range(first, first + count))
        if found & of_piece:
            raise LostError(f"in two pieces: {sorted(found & of_piece)[:5]}")
        found |= of_piece
    return found


def results_of(folder: Path) -> tuple[bytes, ...] | None:
    """Return the bytes of a folder's results; None where one of the files is not there."""
    if not all((folder / name).exists() for name in RESULTS):
        return None
    return tuple((folder / name).read_bytes() for name in RESULTS)
