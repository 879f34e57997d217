"""Reads, writes and removes what lies in the folder of a report: `map.json`, `why.json`, and earlier pages.

The files store a `StrategyMap` and an `Explanation` field by field, as pydantic writes a dataclass.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from dispatch_sim.decide.grid import Findings
from dispatch_sim.study.files import writing_to

MAP_FILE, WHY_FILE = "map.json", "why.json"

_OF_OTHERS = ("map.svg", "tornado.svg")
"""Figures of `map` and `why`, which a report shows as well."""

Stored = TypeVar("Stored", bound=Findings)


def to_text(found: Findings) -> str:
    """Return a map or an explanation as the text of its file."""
    return TypeAdapter(type(found)).dump_json(found, indent=1).decode("utf-8") + "\n"


def read(path: Path, kind: type[Stored], hashes: set[str]) -> Stored | None:
    """Read a map or an explanation of a scenario that has one of the SHA-256 hashes.

    It is None where there is no such file, where it has another structure, or another scenario.
    """
    try:
        found = TypeAdapter(kind).validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if found.sha256 in hashes else None


def remove_report(folder: Path) -> list[Path]:
    """Remove a report and its figures, but not those of `map` and `why`; returns the paths."""
    report = folder / "report.md"
    text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else ""
    figures = dict.fromkeys(re.findall(r"\]\(([\w-]+\.svg)\)", text))
    names = ["report.html", "report.md", *(name for name in figures if name not in _OF_OTHERS)]
    found = [folder / name for name in names if (folder / name).is_file()]
    with writing_to(folder):
        for path in found:
            path.unlink()
    return found
