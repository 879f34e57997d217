"""Reads and writes what a report shows besides its study, from the same folder: `map.json`, `why.json`.

They store a `StrategyMap` and an `Explanation` field by field, as pydantic writes a dataclass.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import TypeAdapter

MAP_FILE, WHY_FILE = "map.json", "why.json"


class _OfScenario(Protocol):
    @property
    def sha256(self) -> str: ...


Stored = TypeVar("Stored", bound=_OfScenario)


def to_text(found: _OfScenario) -> str:
    """Return a map or an explanation as the text of its file."""
    return TypeAdapter(type(found)).dump_json(found, indent=1).decode("utf-8") + "\n"


def read(path: Path, kind: type[Stored], hashes: set[str]) -> Stored | None:
    """Read a map or an explanation.

    Parameters
    ----------
    path : the file.
    kind : `StrategyMap` or `Explanation`.
    hashes : SHA-256 of the scenarios that it may belong to.

    Returns
    -------
    None where there is no such file, where it has another structure, or where it belongs to another scenario.
    """
    try:
        found = TypeAdapter(kind).validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if found.sha256 in hashes else None
