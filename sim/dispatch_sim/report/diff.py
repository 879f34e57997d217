"""Two scenarios side by side, as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dispatch_sim.decide.diff import Diff
from dispatch_sim.report.answers import MOST_ROWS
from dispatch_sim.report.format import MEASURES, clean
from dispatch_sim.report.render import Document, document


def diff_document(found: Diff, *, pictures: bool = True) -> Document:
    """Return the difference between two scenarios as a page."""
    return document("diff.md", found=found, measures=MEASURES, value=_value, most=MOST_ROWS)


def _value(value: Any) -> str:
    """Return a value of a scenario as it is written, on one short line."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.12g}"
    return clean(_yaml(value), 40)


def _yaml(value: Any) -> str:
    """Return plain data as YAML on one line, without the quotes of texts."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)
