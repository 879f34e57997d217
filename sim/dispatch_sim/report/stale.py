"""Removes the report of earlier results; apart from `page`, so that drawing is not imported for it."""

from __future__ import annotations

import re
from pathlib import Path

from dispatch_sim.study.files import writing_to

_OF_OTHERS = ("map.svg", "tornado.svg")
"""Figures of `map` and `why`, which a report shows as well."""


def remove_report(folder: Path) -> list[Path]:
    """Remove a report and its figures, but not those of `map` and `why`; returns the paths."""
    report = folder / "report.md"
    text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else ""
    figures = dict.fromkeys(re.findall(r"\]\(([\w-]+\.svg)\)", text))
    names = [
        "report.html",
        "report.md",
        *(name for name in figures if name not in _OF_OTHERS),
    ]
    found = [folder / name for name in names if (folder / name).is_file()]
    with writing_to(folder):
        for path in found:
            path.unlink()
    return found
