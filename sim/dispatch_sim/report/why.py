"""Explanation of a decision as a page: cost breakdown, sensitivity, switching values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dispatch_sim.decide.explanation import Explanation
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.sensitivity import LARGEST
from dispatch_sim.decide.switching_values import SwitchingValue
from dispatch_sim.report.attachments import WHY_FILE, to_text
from dispatch_sim.report.figures.tornado import tornado
from dispatch_sim.report.format import clean, named
from dispatch_sim.report.render import Document, document
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.study.files import write_texts


def _components(found: Explanation) -> list[tuple[str, str, list[Estimate | None]]]:
    """Return the key, the cause and the differences of each component, the largest first."""
    causes = {each.name: each.cause for comparison in found.comparisons for each in comparison.components}
    columns = [{each.name: each.difference for each in c.components} for c in found.comparisons]

    def size(name: str) -> float:
        return max(abs(column[name].mean) for column in columns if name in column)

    names = sorted(causes, key=lambda name: (name == "other", -size(name)))
    return [(name, causes[name], [column.get(name) for column in columns]) for name in names]


def _found(values: Sequence[SwitchingValue]) -> list[SwitchingValue]:
    """Return the values at which the decision switches, the nearest to the present value first."""

    def distance(each: SwitchingValue) -> float:
        value, at = each.parameter.value, each.at or 0.0
        return abs(math.log(at / value)) if at > 0 and value > 0 else math.inf

    return sorted((each for each in values if each.at is not None and each.becomes is not None), key=distance)


def _range(parameter: Parameter) -> str:
    return f"{clean(parameter.path)} ({parameter.show(parameter.low)} to {parameter.show(parameter.high)})"


def why_parts(found: Explanation, *, pictures: bool = True) -> dict[str, Any]:
    """Return the content of `why.md`, for the macros of `explained.md`."""
    rival, best = named(found.rival), named(found.recommended)
    kinds, others = (
        [value for value in found.switching_values if value.to_another == to_another]
        for to_another in ("kind", "strategy")
    )
    switching = {"kind": kinds}
    if [value.at for value in others] != [value.at for value in kinds]:
        switching["strategy"] = others
    kind = found.recommended.kind_in(found.tasks)
    pacing = [
        value
        for value in others
        if (to := value.becomes) and to.kind_in(found.tasks) == kind and to.pace != found.recommended.pace
    ]
    alike = [each for each in found.winner.best_subset if each.label == found.recommended.label]
    swings = found.swings[:LARGEST]
    return {
        "found": found,
        "rival": rival,
        "best": best,
        "concurrencies": sorted(each.concurrency or found.tasks for each in alike) if len(alike) > 1 else [],
        "components": _components(found),
        "switching_values": [
            (to_another, _found(values), [_range(value.parameter) for value in values if value.at is None])
            for to_another, values in switching.items()
        ],
        "nearest": _found([*kinds, *pacing]),
        "tornado": tornado(found, rival, best) if pictures else None,
        "swings": swings,
        "bars": [end for swing in swings for end in (swing.low, swing.high) if end],
    }


def why_document(found: Explanation, *, pictures: bool = True) -> Document:
    """Return an explanation as a page."""
    parts = why_parts(found, pictures=pictures)
    return document("why.md", [parts["tornado"]], why=parts)


def write_why(found: Explanation, folder: Path) -> list[Path]:
    """Write `why.md`, `why.json` and `tornado.svg` into a folder."""
    return write_texts(why_document(found).files("why") | {WHY_FILE: to_text(found)}, folder)
