"""Short answers as plain text, for the command line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from dispatch_sim.report import combinations
from dispatch_sim.report.breaking import break_even_sentences
from dispatch_sim.report.decision import decide
from dispatch_sim.report.naming import option_sentences, plainly_named
from dispatch_sim.report.reached import along_factors, front, reached, slots
from dispatch_sim.report.reasons import why
from dispatch_sim.report.view import View, views
from dispatch_sim.report.words import (
    Point,
    about,
    capital,
    clean,
    duration,
    factors_words,
    kind_of,
    options_of,
    span,
    tokens,
    way,
    wrapped,
)
from dispatch_sim.study.answer import Answer

MOST_ROWS = 20
"""Alternatives side by side; those that follow are counted."""

MOST_COMBINATIONS = 30

_WIDTH, _WIDEST = 100, 110
_NARROWEST_NAME = 16

_SHORT = {
    "barrier": "merged last",
    "as-completed": "merged early",
    "agent": "agent",
    "script": "script",
    "stagger": "staggered",
    "prewarm": "warmed",
    "longest-first": "longest first",
    "shortest-first": "shortest first",
    "shared": "shared files",
    "worktree": "worktrees",
    "locks": "locks",
    "none": "no communication",
    "rounds": "two rounds",
    "blackboard": "blackboard",
}
"""Options of a way in a table."""


def sweep_text(answer: Answer) -> str:
    """Return what a sweep found: the decision and the break-evens, or a table over further factors."""
    found, options = views(plainly_named(answer)), _options(answer)
    if len(found) > 1:
        return _combinations(answer, found, options)
    lines, sentences = paragraph(decide(found[0]).text), list(_break_evens(found[0]))
    lines += ["", *sentences] if sentences else []
    lines += _beside(found[0])
    return "\n".join([*lines, *options]).rstrip() + "\n"


def _beside(view: View) -> list[str]:
    """Return, after an empty line, slots, the front of time and money, and the precision reached."""
    told = [*slots(view), front(view), reached(view)]
    return ["", *(line for text in told if text for line in paragraph(text))]


def _options(answer: Answer) -> list[str]:
    """Return an empty line and one with the options that names leave out; nothing where there are none."""
    sentences = option_sentences(answer)
    return ["", *paragraph(" ".join(sentences))] if sentences else []


def _reached_by_all(found: Sequence[View]) -> str:
    settled = sum(view.choice.settled for view in found)
    played = f"{found[0].choice.replications:,} replications of each way"
    return f"Precision: {played} settle {settled} of {len(found)} choices to within what nobody would act on."


def _combinations(answer: Answer, found: Sequence[View], options: list[str]) -> str:
    """Return one row a combination of further factors, and what holds over all of them."""
    table = combinations.by_factors(found)
    assert table is not None
    first = found[0]
    title = f"{table.caption}; {first.choice.replications:,} replications of each"
    factors, open_ = len(first.choice.factors), False
    rows = [list(table.heads[:-1])]
    for view, (*row, as_good) in zip(found[:MOST_COMBINATIONS], table.rows, strict=False):
        row[factors] = wrapped(capital(_short(view.recommended)), 40, 1)
        if as_good != combinations.NONE:
            row[factors], open_ = f"{row[factors]} *", True
        rows.append(row)
    lines = [*paragraph(title), "", *_columns(rows)]
    if len(found) > MOST_COMBINATIONS:
        lines.append(f"and {len(found) - MOST_COMBINATIONS} more combinations, which the files hold.")
    for text in (
        "* Others may be as good; the report names them." if open_ else "",
        " ".join(combinations.over_all(found)),
        *along_factors(plainly_named(answer)),
        combinations.how_to_read(found),
        _reached_by_all(found),
        " ".join(decide(first).caution),
    ):
        lines += ["", *paragraph(text)] if text else []
    return "\n".join([*lines, *options]).rstrip() + "\n"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set rows in columns; where that is too wide, the widest columns are cut."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > _WIDEST:
        widths[widths.index(max(widths))] -= 1
    return [
        "  ".join(
            set_cell_size(wrapped(cell, width, 1), width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _break_evens(view: View, width: int = _WIDTH) -> Iterator[str]:
    for sentence in break_even_sentences(view):
        yield from paragraph(f"Break-even: {sentence}", width)


def paragraph(text: str, width: int = _WIDTH) -> list[str]:
    """Return a text in lines of a terminal's width."""
    return textwrap.wrap(text, width, break_long_words=True, break_on_hyphens=False)


def comparison_text(answer: Answer) -> str:
    """Return the strategies side by side at the batch size, the best first, at most 110 columns wide."""
    blocks = []
    for view in views(plainly_named(answer))[:MOST_COMBINATIONS]:
        factors = f"With {factors_words(view.choice.factors)}: " if view.choice.factors else ""
        tasks = f"{view.tasks:,} task{'s' if view.tasks > 1 else ''}"
        title = f"{factors}{tasks}, {view.choice.replications:,} replications of each"
        blocks += [title, "", *_table(view), "", *paragraph(decide(view).text), ""]
        blocks += [*paragraph(" ".join(why(view))), ""] if why(view) else []
        blocks += [*_beside(view)[1:], ""]
    return "\n".join([*blocks, *_options(answer)[1:]]).rstrip() + "\n"


def _table(view: View) -> list[str]:
    rows = [_row(view, point) for point in view.points[:MOST_ROWS]]
    heads = list(rows[0])
    widths = {head: max(cell_len(head), *(cell_len(row[head]) for row in rows)) for head in heads}
    for head in ("tokens", "people", "left"):
        if sum(widths[head] + 2 for head in heads) - 2 > _WIDEST:
            heads.remove(head)
    excess = sum(widths[head] + 2 for head in heads) - 2 - _WIDEST
    widths[heads[0]] -= max(0, min(excess, widths[heads[0]] - _NARROWEST_NAME))
    lines = []
    for row in [dict(zip(heads, heads, strict=True)), *rows]:
        cells = [" " * (widths[head] - cell_len(row[head])) + row[head] for head in heads[1:]]
        name = set_cell_size(wrapped(row[heads[0]], widths[heads[0]], 1), widths[heads[0]])
        lines.append("  ".join([name, *cells]).rstrip())
    hidden = len(view.points) - MOST_ROWS
    if hidden > 0:
        lines.append(f"and {hidden} more that are worse.")
    note = "makespan: until all is done, on average. 19 in 20: 95% of batches are done by then."
    note += " left: tasks that a person has to finish." if "left" in heads else ""
    return [*lines, *paragraph(note)]


def _row(view: View, point: Point) -> dict[str, str]:
    """Return the cells of a row under the heads of their columns, in order."""
    measure, other = view.measure, view.alternative(point)
    estimate = view.estimate(measure.column, point)
    if other is None:
        more = "recommended"
    elif other.identical:
        more = "the same"
    else:
        difference = other.difference
        more = measure.signed(difference.mean) + span(measure.show, difference.low, difference.high)
    row = {
        "way": clean(capital(_short(point)), 40),
        f"{measure.title.lower()} ({100 * view.choice.confidence:g}% interval)": (
            measure.show(estimate.mean) + span(measure.show, estimate.low, estimate.high)
        ),
        "more than the best": more,
    }
    if measure.column != "makespan_s":
        row["makespan"] = duration(view.mean("makespan_s", point))
    return row | {
        "19 in 20": duration(view.p95(point)),
        "tokens": tokens(view.mean("tokens", point)),
        "people": duration(view.mean("people_s", point)),
        "left": about(view.mean("recovered_tasks", point)),
    }


def _short(point: Point) -> str:
    """Return the name of a way with its options in fewer words."""
    label, width = point
    plain = way((kind_of(label), width))
    return ", ".join([plain, *(_SHORT.get(option, option) for option in options_of(label))])
