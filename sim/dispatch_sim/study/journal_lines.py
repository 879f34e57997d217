"""What stands in the journal of a study that is not finished, and whether it can be so.

A journal lies on a disk that may fail, in a folder that anybody may have sent; so every line is checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field

from dispatch_sim.scenario.files import find_inside, has_more_values, read_file
from dispatch_sim.study.design import MAX_ROWS
from dispatch_sim.study.files import ResultsError

JOURNAL_FILE = "journal.jsonl"

MOST_BYTES = 256 * 1024 * 1024
"""Of a journal."""

MOST_LINES, MOST_VALUES = 100_000, 8_000_000
"""Of a journal: a part is written a minute, and names a few thousand numbers."""

MOST_PARTS = 10_000_000
"""Their numbers are below, so that names for more of them are left."""

_MOST_DIFFERENCES = 5


class Line(BaseModel):
    """A line of a journal."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Begin(Line):
    """The first line: of which study this is."""

    journal: int
    study: dict[str, Any]


class Stage(Line):
    """Which engine plays the replications from `stage` on."""

    stage: int = Field(ge=0)
    engine: str = Field(pattern="^(simpy|compiled)$")


class Part(Line):
    """A part: its file and what it has to hold.

    Attributes
    ----------
    pieces : first replication and number of replications of each piece, in the order of the file.
    columns : those that are not zero in every row.
    digest : of the file's bytes.
    seconds : for how long the study had been played.
    """

    part: str = Field(pattern=r"^part-[0-9]{6,9}\.parquet$")
    # What is wrong in one item says enough: an error for each of millions takes gigabytes.
    pieces: Annotated[list[tuple[int, int]], Field(min_length=1), FailFast()]
    columns: Annotated[list[str], FailFast()]
    digest: str
    seconds: float = Field(ge=0, allow_inf_nan=False)

    @property
    def number(self) -> int:
        """Of the part, by its name."""
        return int(self.part[5:-8])

    @property
    def rows(self) -> int:
        """Rows of each design point."""
        return sum(count for _, count in self.pieces)


def read_lines(unfinished: Path) -> list[Line]:
    """Return the lines of the journal in a folder; none where there is no journal.

    A line that cannot be read is left out, as one that a crash has cut off: each stands for itself.

    Raises
    ------
    ResultsError
        Where the journal cannot be read at all.
    """
    try:
        text = read_file(find_inside(JOURNAL_FILE, [unfinished]), MOST_BYTES)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise refused(unfinished, f"has a {JOURNAL_FILE} that cannot be read: {error.strerror}") from error
    except (ValueError, RuntimeError) as error:  # links in a circle are a RuntimeError until Python 3.13
        raise refused(unfinished, f"has a {JOURNAL_FILE} that {error}") from error
    if text.count(b"\n") > MOST_LINES or has_more_values(text, MOST_VALUES):
        raise refused(unfinished, f"has a {JOURNAL_FILE} that has more in it than any study writes")
    found = []
    for line in text.split(b"\n")[:-1]:
        try:
            found.append(read_line(line))
        except (ValueError, RecursionError):  # pydantic's are ValueErrors
            continue
    if not found:
        raise refused(unfinished, f"has a {JOURNAL_FILE} that says nothing")
    return found


def read_line(line: bytes) -> Line:
    """Return a line of a journal; raises ValueError or RecursionError where it is none."""
    found = json.loads(line)
    kinds: dict[str, type[Line]] = {"journal": Begin, "stage": Stage, "part": Part}
    kind = next((kinds[name] for name in kinds if name in found), Begin) if isinstance(found, dict) else Begin
    if isinstance(found, dict) and len(found) > len(Part.model_fields):
        raise ValueError("has more fields than any line")
    return kind.model_validate_json(line)


def refused(unfinished: Path, why: str, first: str = "") -> ResultsError:
    """Return the error of a study that cannot be gone on with; `first` says what else can be done."""
    return ResultsError(
        f"{unfinished}: {why}; {first}throw it away by --restart, or name another folder with --out"
    )


def differing(there: dict[str, Any], here: dict[str, Any]) -> str:
    """Return in words where two studies differ; nothing where they are the same."""
    found = list(islice(_differences(there, here), 1000))
    # A digest of the scenario says nothing beside what differs in it.
    found = [each for each in found if not each.startswith("sha256 ")] or found
    more = len(found) - _MOST_DIFFERENCES
    return "; ".join(found[:_MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")


def _differences(there: Any, here: Any, path: str = "") -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            yield from _differences(there.get(key), here.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif there != here:
        yield f"{_printable(path)} was {_short(there)}, is {_short(here)}"


def _short(value: Any) -> str:
    return _printable(json.dumps(value, ensure_ascii=False))


def _printable(text: str) -> str:
    """Return a text of a journal as a terminal may be shown it."""
    text = text if len(text) <= 60 else text[:57] + "..."
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def problem_of_pieces(parts: Iterable[Part], points: int, most: int) -> str | None:
    """Return what is wrong with the pieces of a study's parts, in words; None where they can be.

    Parameters
    ----------
    points : design points.
    most : replications that the study has at most.
    """
    pieces = []
    for part in parts:
        none_of_this = f"has a {part.part} that is none of this study"
        if part.number >= MOST_PARTS:
            return f"{none_of_this} (no study has so many)"
        for first, count in part.pieces:
            if first < 0 or count < 1 or first + count > most:
                return f"{none_of_this} (its replications are others)"
            pieces.append((first, first + count))
        if points * part.rows > MAX_ROWS:
            return f"{none_of_this} (it has more rows than one can have)"
    pieces.sort()
    for (_, stop), (first, _) in pairwise(pieces):
        if first < stop:
            return f"has replication {first:,} in two parts"
    return None
