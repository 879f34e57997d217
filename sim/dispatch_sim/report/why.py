"""Why the recommended way wins and what would flip the decision, as it is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dispatch_sim.decide.explanation import Explanation
from dispatch_sim.decide.switching_values import SwitchingValue
from dispatch_sim.decide.winners import Standing
from dispatch_sim.report.attachments import WHY_FILE, to_text
from dispatch_sim.report.figures.tornado import tornado
from dispatch_sim.report.format import (
    MEASURES,
    clean,
    instruction,
    listed,
    way,
)
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.study.files import write_texts

MOST_SWINGS = 12
"""Keys of the tornado that are told; the file holds all."""

PARTS = {
    "waiting": "waiting for the batch",
    "money_work": "tokens: the work itself, by what the cache holds",
    "money_spawn": "tokens: prompts of new agents",
    "money_return": "tokens: reading results",
    "money_coordination": "tokens: handing out",
    "money_context": "tokens: the coordinator's context",
    "money_merge": "tokens: merging",
    "money_rework": "tokens: work done again",
    "money_wasted": "tokens: attempts that failed",
    "people_merge": "people: merging",
    "people_recovery": "people: finishing lost tasks",
    "people_conflicts": "people: conflicts",
    "people_review": "people: reviews",
}
"""What the parts of a difference are called."""


def decision_sentence(found: Explanation) -> str:
    """Return what is recommended, and how far the best other kind of way is behind."""
    measure, estimate = MEASURES[found.objective], found.difference
    do = instruction(found.recommended, found.tasks)
    if estimate.low == estimate.high == 0:
        return f"{do}. It makes no difference: {way(found.rival)} comes to the same in every replication."
    which = "the next best way" if found.winner.rival is None else "the best way of another kind"
    text = f"{do}: {way(found.rival)}, {which}, {measure.verb} {measure.estimate(estimate)} {measure.more}."
    if found.winner.standing is Standing.CONCURRENCY_OPEN:
        widths = sorted(
            each.concurrency or found.tasks
            for each in found.winner.best_subset
            if each.label == found.recommended.label
        )
        if len(widths) > 1:
            text += f" Which width from {widths[0]} to {widths[-1]} is the best is open."
    elif found.winner.standing is Standing.EQUAL:
        text += f" The two are practically equal: that is less than {measure.show(found.indifference)}."
    elif found.winner.standing is Standing.OPEN:
        text += f" That is not more than chance with {found.replications:,} replications."
    return text


def parts_table(found: Explanation) -> Table:
    """Return what the differences are made of: part and cause, with the amount for each way, and the sum."""
    measure = MEASURES[found.objective]
    told = {part.name: part.cause for comparison in found.comparisons for part in comparison.components}
    by_way = [{part.name: part.difference for part in each.components} for each in found.comparisons]
    rows = []
    for name, cause in sorted(
        told.items(), key=lambda item: -max(_size(parts.get(item[0])) for parts in by_way)
    ):
        amounts = [measure.estimate(parts[name]) if name in parts else "the same" for parts in by_way]
        rows.append((PARTS[name], cause, *amounts))
    rows.append(("together", "", *(measure.estimate(each.difference) for each in found.comparisons)))
    heads = ("Part", "Cause", *(f"More with {way(each.strategy)}" for each in found.comparisons))
    return Table("", heads, tuple(rows), numbers=False)


def _size(estimate: Estimate | None) -> float:
    return 0.0 if estimate is None else abs(estimate.mean)


def flips_table(flips: Sequence[SwitchingValue]) -> Table | None:
    """Return what would flip the decision: the key, its value, where it flips, and to which way."""
    rows = []
    for flip in sorted((f for f in flips if f.at is not None), key=_nearness):
        assert flip.at is not None
        assert flip.becomes is not None
        parameter = flip.parameter
        at = parameter.show(flip.at) + ("" if flip.resolved else " ?")
        value = parameter.show(parameter.value)
        rows.append((clean(parameter.path), value, at, _set(flip), way(flip.becomes)))
    return Table("", ("Key", "Now", "Flips at", "Set", "To"), tuple(rows), numbers=False) if rows else None


def _nearness(flip: SwitchingValue) -> float:
    value, at = flip.parameter.value, flip.at or 0.0
    return abs(math.log(at / value)) if at > 0 and value > 0 else math.inf


def _set(flip: SwitchingValue) -> str:
    show = flip.parameter.show
    if flip.low is None and flip.high is None:
        return "open"
    if flip.low is None:
        return f"up to {show(flip.high or 0.0)}"
    if flip.high is None:
        return f"from {show(flip.low)}"
    return show(flip.low) if flip.low == flip.high else f"{show(flip.low)} to {show(flip.high)}"


def steady(flips: Sequence[SwitchingValue]) -> str:
    """Return the keys that flip nothing anywhere in their range, with that."""
    return listed(
        [
            f"{clean(flip.parameter.path)} ({flip.parameter.show(flip.parameter.low)} to "
            f"{flip.parameter.show(flip.parameter.high)})"
            for flip in flips
            if flip.at is None
        ]
    )


def swings_table(found: Explanation) -> Table:
    """Return the tornado: the key, its range, and the difference at either end."""
    measure = MEASURES[found.objective]

    def at(estimate: Estimate | None) -> str:
        return "cannot be played" if estimate is None else measure.estimate(estimate)

    rows = [
        (
            clean(swing.parameter.path),
            swing.parameter.show(swing.parameter.low),
            swing.parameter.show(swing.parameter.high),
            at(swing.low),
            at(swing.high),
        )
        for swing in found.swings[:MOST_SWINGS]
    ]
    return Table("", ("Key", "From", "To", "Difference there", "And there"), tuple(rows), numbers=False)


def why_parts(found: Explanation, *, pictures: bool = True) -> dict[str, Any]:
    """Return what `why.md` says of an explanation, for its macros."""
    measure, rival, best = MEASURES[found.objective], way(found.rival), way(found.recommended)
    any_way = [flip for flip in found.switching_values if not flip.of_kind]
    kinds = [flip for flip in found.switching_values if flip.of_kind]
    flips = [("kind", kinds)]
    if [flip.at for flip in any_way] != [flip.at for flip in kinds]:
        flips.append(("way", any_way))
    return {
        "found": found,
        "rival": rival,
        "best": best,
        "decision": decision_sentence(found),
        "zone": measure.show(found.indifference) if found.indifference else "",
        "parts": parts_table(found),
        "flips": [(to, flips_table(each), steady(each)) for to, each in flips],
        "tornado": tornado(found, rival, best) if pictures else None,
        "swings": swings_table(found),
    }


def why_document(found: Explanation, *, pictures: bool = True) -> Document:
    """Return an explanation as a page."""
    parts = why_parts(found, pictures=pictures)
    return document("why.md", [parts["tornado"]], why=parts)


def write_why(found: Explanation, folder: Path) -> list[Path]:
    """Write `why.md`, `why.json` and `tornado.svg` into a folder.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    page = why_document(found)
    texts = {"why.md": page.markdown, WHY_FILE: to_text(found)}
    return write_texts(texts | {f"{shown.name}.svg": shown.svg for shown in page.pictures.values()}, folder)
