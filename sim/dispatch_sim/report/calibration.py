"""A calibration as a page and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dispatch_sim.logs.calibrate.calibration import Calibration
from dispatch_sim.logs.calibrate.scenario_text import BORROWED, DEFAULT, MEASURED
from dispatch_sim.report.render import Document, Table, document

_LONGEST = 62
"""Columns of a value in the table; a sample has more."""

_COUNTS = ("runs", "sessions", "groups", "attempts", "failures", "hung")

_ORIGINS = {
    MEASURED: "Measured",
    BORROWED: "Borrowed from runs of all kinds, as there are too few of this kind",
    DEFAULT: "Defaults: absent from these logs, or in too few runs",
}


def calibration_document(found: Calibration, *, pictures: bool = True) -> Document:
    """Return each figure with its source as a page."""
    kinds = list(dict.fromkeys(found.group_of.values()))
    tables = [_table(found, origin) for origin in _ORIGINS]
    return document("calibration.md", found=found, kinds=kinds, tables=tables)


def _table(found: Calibration, origin: str) -> Table:
    rows = [
        (
            ".".join(figure.path),
            f"{figure.n:,}" if figure.n else "",
            figure.value if len(figure.value) <= _LONGEST else f"{figure.value[: _LONGEST - 3]}...",
        )
        for figure in found.figures
        if figure.origin == origin and figure.path[-1] not in ("name", "count")
    ]
    return Table(_ORIGINS[origin], ("Figure", "n", "Value"), tuple(rows))


def calibration_json(found: Calibration) -> dict[str, Any]:
    """Return a calibration for programs."""
    return {
        **{name: getattr(found, name) for name in _COUNTS},
        "kinds": found.group_of,
        "scenario_sha256": found.scenario.fingerprint,
        "figures": [{**asdict(figure), "path": ".".join(figure.path)} for figure in found.figures],
    }
