"""The parts of a page that come from a stored map and a stored explanation."""

from __future__ import annotations

from typing import Any

from dispatch_sim.report.map_figure import map_picture
from dispatch_sim.report.maps import axis_words, basis, cell_sign, legend, map_sentences
from dispatch_sim.report.tables import Table
from dispatch_sim.report.why import STEADY, Rows, named, sections
from dispatch_sim.report.why import basis as basis_of
from dispatch_sim.report.why_figure import tornado_picture
from dispatch_sim.report.words import capital
from dispatch_sim.study.explanation import Explanation
from dispatch_sim.study.two_factor_map import StrategyMap

_FLIPS = "What would flip it"
"""What the titles of the parts on that begin with."""


def map_parts(found: StrategyMap) -> dict[str, Any]:
    """Return a map's figure, how to read its signs, and what it rests on."""
    return {
        "figure": map_picture(found, axis_words, map_sentences(found), cell_sign),
        "legend": legend(found),
        "basis": basis(found),
    }


def driver_parts(found: Explanation) -> dict[str, Any]:
    """Return what the difference is made of and hangs on: the tornado, and a table for each other part."""
    tables = [
        _table(f"{title}. {sentence}", rows)
        for title, sentence, rows in sections(found)
        if not title.startswith(_FLIPS) and len(rows) > 1
    ]
    figure = tornado_picture(found, named(found.rival), named(found.recommended)) if found.swings else None
    return {"figure": figure, "tables": tables, "basis": basis_of(found)}


def flip_parts(found: Explanation) -> list[dict[str, Any]]:
    """Return what would flip the decision: a table where anything does, how to read it, and what does not."""
    parts = []
    for title, sentence, rows in sections(found):
        if title.startswith(_FLIPS):
            says, _, steady = sentence.partition(STEADY)
            table = _table(title, rows) if len(rows) > 1 else None
            says = says if table is not None else f"{title}: nothing that was tried."
            parts.append({"title": title, "says": says.strip(), "steady": steady, "table": table})
    return parts


def _table(caption: str, rows: Rows) -> Table:
    head, *body = rows
    return Table(caption, tuple(map(capital, head)), tuple(map(tuple, body)), numbers=False)
