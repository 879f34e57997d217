"""Why the recommended way wins and what would flip the decision, as it is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from dispatch_sim.report.beside import WHY_FILE, to_text
from dispatch_sim.report.setting import markdown
from dispatch_sim.report.terminal import paragraph
from dispatch_sim.report.why_figure import tornado_picture
from dispatch_sim.report.words import (
    MEASURES,
    Measure,
    capital,
    clean,
    instruction,
    listed,
    span,
    way,
)
from dispatch_sim.study.estimates import Estimate
from dispatch_sim.study.explanation import Explanation
from dispatch_sim.study.files import write_texts
from dispatch_sim.study.flips import Flip
from dispatch_sim.study.winners import Point, Standing

MOST_SWINGS = 12
"""Keys of the tornado that are told; the file holds all."""

STEADY = "None in its range: "
"""What the list of keys begins with that flip nothing."""

Rows = list[list[str]]

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


def named(point: Point) -> str:
    """Return what a way is called."""
    return way(point)


def decision_sentence(found: Explanation) -> str:
    """Return what is recommended, and how far the best other kind of way is behind."""
    measure, estimate = MEASURES[found.objective], found.difference
    do = instruction((found.recommended[0], found.recommended[1] or found.tasks), found.tasks)
    if estimate.low == estimate.high == 0:
        return f"{do}. It makes no difference: {named(found.rival)} comes to the same in every replication."
    which = "the next best way" if found.winner.rival is None else "the best way of another kind"
    text = (
        f"{do}: {named(found.rival)}, {which}, {measure.verb} {_estimate(measure, estimate)} {measure.more}."
    )
    if found.winner.standing is Standing.WIDTH_OPEN:
        widths = sorted({width for label, width in found.winner.as_good if label == found.recommended[0]})
        if len(widths) > 1:
            text += f" Which width from {widths[0]} to {widths[-1]} is the best is open."
    elif found.winner.standing is Standing.EQUAL:
        text += f" The two are practically equal: that is less than {measure.show(found.indifference)}."
    elif found.winner.standing is Standing.OPEN:
        text += f" That is not more than chance with {found.replications:,} replications."
    return text


def parts_table(found: Explanation) -> Rows:
    """Return what the differences are made of: part and cause, with the amount for each way, and the sum."""
    measure = MEASURES[found.objective]
    told = {part.name: part.cause for comparison in found.comparisons for part in comparison.parts}
    by_way = [{part.name: part.difference for part in each.parts} for each in found.comparisons]
    rows = [["part", "cause", *(f"more with {named(each.point)}" for each in found.comparisons)]]
    for name, cause in sorted(
        told.items(), key=lambda item: -max(_size(parts.get(item[0])) for parts in by_way)
    ):
        amounts = [_estimate(measure, parts[name]) if name in parts else "the same" for parts in by_way]
        rows.append([PARTS[name], cause, *amounts])
    return [*rows, ["together", "", *(_estimate(measure, each.difference) for each in found.comparisons)]]


def _size(estimate: Estimate | None) -> float:
    return 0.0 if estimate is None else abs(estimate.mean)


def flips_table(flips: Sequence[Flip]) -> Rows:
    """Return what would flip the decision: the key, its value, where it flips, and to which way."""
    rows = [["key", "now", "flips at", "set", "to"]]
    for flip in sorted((f for f in flips if f.at is not None), key=_nearness):
        assert flip.at is not None
        assert flip.becomes is not None
        parameter = flip.parameter
        rows.append(
            [
                clean(parameter.path),
                parameter.show(parameter.value),
                parameter.show(flip.at) + ("" if flip.resolved else " ?"),
                _set(flip),
                named(flip.becomes),
            ]
        )
    return rows


def _nearness(flip: Flip) -> float:
    value, at = flip.parameter.value, flip.at or 0.0
    return abs(math.log(at / value)) if at > 0 and value > 0 else math.inf


def _set(flip: Flip) -> str:
    show = flip.parameter.show
    if flip.low is None and flip.high is None:
        return "open"
    if flip.low is None:
        return f"up to {show(flip.high or 0.0)}"
    if flip.high is None:
        return f"from {show(flip.low)}"
    return show(flip.low) if flip.low == flip.high else f"{show(flip.low)} to {show(flip.high)}"


def steady_sentence(flips: Sequence[Flip]) -> str:
    """Return which keys flip nothing anywhere in their range."""
    steady = [
        f"{clean(flip.parameter.path)} ({flip.parameter.show(flip.parameter.low)} to "
        f"{flip.parameter.show(flip.parameter.high)})"
        for flip in flips
        if flip.at is None
    ]
    return f"{STEADY}{listed(steady)}." if steady else ""


def swings_table(found: Explanation) -> Rows:
    """Return the tornado: the key, its range, and the difference at either end."""
    measure = MEASURES[found.objective]

    def at(estimate: Estimate | None) -> str:
        return "cannot be played" if estimate is None else _estimate(measure, estimate)

    return [
        ["key", "from", "to", "difference there", "and there"],
        *(
            [
                clean(swing.parameter.path),
                swing.parameter.show(swing.parameter.low),
                swing.parameter.show(swing.parameter.high),
                at(swing.low),
                at(swing.high),
            ]
            for swing in found.swings[:MOST_SWINGS]
        ),
    ]


def sections(found: Explanation) -> list[tuple[str, str, Rows]]:
    """Return title, sentence and table of each part, in the order in which they are read."""
    rival, best = named(found.rival), named(found.recommended)
    measure = MEASURES[found.objective]
    worse = f"costs over {measure.show(found.indifference)} more" if found.indifference else "is worse"
    any_way = [flip for flip in found.flips if not flip.of_kind]
    kinds = [flip for flip in found.flips if flip.of_kind]
    told = [
        (
            "What the difference is made of",
            "Parts of the books; they add up to the difference.",
            parts_table(found),
        ),
        (
            "What would flip it to another kind of way",
            f"The nearest value at which the best way of the recommended kind {worse} than that of another, "
            f"each key by itself, with its {100 * found.confidence:g}% confidence set; ? where that is not "
            f"shown on both sides. {steady_sentence(kinds)}",
            flips_table(kinds),
        ),
    ]
    if [flip.at for flip in any_way] != [flip.at for flip in kinds]:
        told.append(
            (
                "What would flip it to any other way",
                f"Likewise for {best} itself, as it is: mostly another width is better then. "
                f"{steady_sentence(any_way)}",
                flips_table(any_way),
            )
        )
    told.append(
        (
            "One at a time",
            f"What {rival} has more than {best} where one key is changed, the largest change first.",
            swings_table(found),
        )
    )
    return told


def why_text(found: Explanation) -> str:
    """Return an explanation as plain text."""
    blocks = [paragraph(decision_sentence(found))]
    for title, sentence, rows in sections(found):
        blocks += [[*paragraph(f"{title}. {sentence}"), *(columns(rows) if len(rows) > 1 else ["  nothing"])]]
    blocks.append(paragraph(basis(found)))
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def why_markdown(found: Explanation) -> str:
    """Return an explanation as a page of Markdown, which refers to its figure."""
    parts = [
        f"# {markdown(clean(found.name))}: why, and what would flip it",
        markdown(decision_sentence(found)),
    ]
    for heading, sentence, rows in sections(found):
        parts += [f"## {heading}", markdown(sentence)]
        if heading == "One at a time":
            parts.append(f"![{markdown(sentence)}](tornado.svg)")
        parts.append(table(rows) if len(rows) > 1 else "Nothing.")
    return "\n\n".join([*parts, markdown(basis(found))]) + "\n"


def basis(found: Explanation) -> str:
    """Return what an explanation rests on."""
    return (
        f"{found.replications:,} replications of each way at each value, the same luck everywhere. Keys that "
        f"are off, or without effect here, are left out. Seed {found.seed}, scenario {found.sha256[:12]}."
    )


def write_why(found: Explanation, folder: Path) -> list[Path]:
    """Write `why.md`, `why.json` and `tornado.svg` into a folder.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    texts = {
        "why.md": why_markdown(found),
        WHY_FILE: to_text(found),
    }
    if found.swings:
        rival, best = named(found.rival), named(found.recommended)
        texts["tornado.svg"] = tornado_picture(found, rival, best).svg
    return write_texts(texts, folder)


def _estimate(measure: Measure, estimate: Estimate) -> str:
    return measure.show(estimate.mean) + span(measure.show, estimate.low, estimate.high)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as columns of plain text."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table of Markdown, the first as its head."""
    head, *body = [[markdown(cell) for cell in row] for row in rows]
    lines = [[capital(cell) for cell in head], ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
