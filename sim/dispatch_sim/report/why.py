"""Explanation of a decision as a page: cost breakdown, sensitivity, switching values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dispatch_sim.decide.explanation import Explanation
from dispatch_sim.decide.sensitivity import LARGEST
from dispatch_sim.decide.switching_values import SwitchingValue
from dispatch_sim.report.attachments import WHY_FILE, to_text
from dispatch_sim.report.figures.tornado import tornado
from dispatch_sim.report.format import MEASURES, clean, instruction, named
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.study.files import write_texts

COMPONENTS = {
    "waiting": "waiting for the batch",
    "money_work": "tokens: the work itself, by cache hits",
    "money_spawn": "tokens: prompts of new agents",
    "money_return": "tokens: reading results",
    "money_coordination": "tokens: dispatch and communication",
    "money_context": "tokens: the coordinator's context",
    "money_merge": "tokens: merging",
    "money_rework": "tokens: rework",
    "money_wasted": "tokens: failed attempts",
    "people_merge": "people: merging",
    "people_recovery": "people: manual completion",
    "people_conflicts": "people: conflicts",
    "people_review": "people: reviews",
    "other": "other components",
}
"""Names of the components of a difference."""


def components_table(found: Explanation) -> Table:
    """Return the cost breakdown of the differences, the largest component first, and their sum."""
    estimate = MEASURES[found.objective].estimate
    causes = {each.name: each.cause for comparison in found.comparisons for each in comparison.components}
    columns = [{each.name: each.difference for each in c.components} for c in found.comparisons]

    def size(name: str) -> float:
        return max(abs(column[name].mean) for column in columns if name in column)

    rows = [
        (
            COMPONENTS[name],
            causes[name],
            *(estimate(column[name]) if name in column else "the same" for column in columns),
        )
        for name in sorted(causes, key=lambda name: (name == "other", -size(name)))
    ]
    rows.append(("sum", "", *(estimate(each.difference) for each in found.comparisons)))
    best = named(found.recommended)
    heads = ("Component", "Cause", *(f"{named(each.strategy)} minus {best}" for each in found.comparisons))
    return Table("", heads, tuple(rows), numbers=False)


def switching_table(values: Sequence[SwitchingValue]) -> Table | None:
    """Return the switching values, the nearest to the present value first; None if there are none."""

    def distance(each: SwitchingValue) -> float:
        value, at = each.parameter.value, each.at or 0.0
        return abs(math.log(at / value)) if at > 0 and value > 0 else math.inf

    rows = [
        (
            clean(each.parameter.path),
            each.parameter.show(each.parameter.value),
            each.parameter.show(each.at) + ("" if each.resolved else " ?"),
            _interval(each) + (" (preliminary)" if each.is_preliminary else ""),
            named(each.becomes),
        )
        for each in sorted(values, key=distance)
        if each.at is not None and each.becomes is not None
    ]
    heads = ("Parameter", "Now", "Switching value", "Interval", "Best beyond it")
    return Table("", heads, tuple(rows), numbers=False) if rows else None


def _interval(value: SwitchingValue) -> str:
    show, low, high = value.parameter.show, value.low, value.high
    if low is None:
        return "open" if high is None else f"up to {show(high)}"
    if high is None:
        return f"from {show(low)}"
    return show(low) if low == high else f"{show(low)} to {show(high)}"


def swings_table(found: Explanation) -> Table:
    """Return the difference at both ends of the range of each parameter."""
    measure = MEASURES[found.objective]

    def at(estimate: Estimate | None) -> str:
        return "cannot be simulated" if estimate is None else measure.estimate(estimate)

    rows = [
        (
            clean(swing.parameter.path),
            swing.parameter.show(swing.parameter.low),
            swing.parameter.show(swing.parameter.high),
            at(swing.low),
            at(swing.high),
        )
        for swing in found.swings[:LARGEST]
    ]
    heads = ("Parameter", "Low", "High", "Difference at low", "Difference at high")
    return Table("", heads, tuple(rows), numbers=False)


def why_parts(found: Explanation, *, pictures: bool = True) -> dict[str, Any]:
    """Return the content of `why.md`, for the macros of `explained.md`."""
    measure, rival, best = MEASURES[found.objective], named(found.rival), named(found.recommended)
    kinds, others = (
        [value for value in found.switching_values if value.to_another == to_another]
        for to_another in ("kind", "strategy")
    )
    switching = [("kind", kinds)]
    if [value.at for value in others] != [value.at for value in kinds]:
        switching.append(("strategy", others))
    kind = found.recommended.kind_in(found.tasks)
    pacing = [
        value
        for value in others
        if (to := value.becomes) and to.kind_in(found.tasks) == kind and to.pace != found.recommended.pace
    ]
    alike = [each for each in found.winner.best_subset if each.label == found.recommended.label]
    concurrencies = sorted(each.concurrency or found.tasks for each in alike)
    return {
        "found": found,
        "measure": measure,
        "rival": rival,
        "best": best,
        "instruction": instruction(found.recommended, found.tasks),
        "concurrencies": list(map(str, concurrencies)) if len(alike) > 1 else [],
        "best_subset": list(map(named, found.winner.best_subset)),
        "threshold": measure.show(found.indifference),
        "components": components_table(found),
        "switching_values": [
            (to_another, switching_table(values), [_range(value) for value in values if value.at is None])
            for to_another, values in switching
        ],
        "nearest": switching_table([*kinds, *pacing]),
        "tornado": tornado(found, rival, best) if pictures else None,
        "swings": swings_table(found),
        "bars": [end for swing in found.swings[:LARGEST] for end in (swing.low, swing.high) if end],
    }


def _range(value: SwitchingValue) -> str:
    parameter = value.parameter
    return f"{clean(parameter.path)} ({parameter.show(parameter.low)} to {parameter.show(parameter.high)})"


def why_document(found: Explanation, *, pictures: bool = True) -> Document:
    """Return an explanation as a page."""
    parts = why_parts(found, pictures=pictures)
    return document("why.md", [parts["tornado"]], why=parts)


def write_why(found: Explanation, folder: Path) -> list[Path]:
    """Write `why.md`, `why.json` and `tornado.svg` into a folder.

    Raises
    ------
    ResultsError
        If the folder cannot be written to.
    """
    return write_texts(why_document(found).files("why") | {WHY_FILE: to_text(found)}, folder)
