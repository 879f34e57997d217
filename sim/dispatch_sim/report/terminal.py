"""Short answers as plain text, for the command line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size

from dispatch_sim.report.decision import break_even_sentences, decide, why
from dispatch_sim.report.view import View, views
from dispatch_sim.report.words import (
    Measure,
    Point,
    about,
    capital,
    clean,
    duration,
    factors_words,
    tokens,
    way,
)
from dispatch_sim.study.answer import Answer
from dispatch_sim.study.estimates import Estimate

MOST_ROWS = 20
"""Alternatives side by side; those that follow are counted."""

MOST_COMBINATIONS = 30

_WIDTH, _WIDEST = 100, 110


def sweep_text(answer: Answer) -> str:
    """Return what a sweep found: the decision, the break-evens, and both at each level of further factors."""
    found = views(answer)
    if len(found) == 1:
        return "\n".join([*_paragraph(decide(found[0]).text), "", *_break_evens(found[0])]).rstrip() + "\n"
    lines: list[str] = []
    for view in found[:MOST_COMBINATIONS]:
        lines.append(f"With {factors_words(view.choice.factors)}:")
        lines += [f"  {line}" for line in _paragraph(_short_decision(view), _WIDTH - 2)]
        lines += [f"  {line}" for line in _break_evens(view, _WIDTH - 2)]
        lines.append("")
    if len(found) > MOST_COMBINATIONS:
        lines.append(f"and {len(found) - MOST_COMBINATIONS} more combinations, which the files hold.\n")
    caution = decide(found[0]).caution
    return "\n".join([*lines, *(_paragraph(" ".join(caution)) if caution else [])]).rstrip() + "\n"


def _short_decision(view: View) -> str:
    decision = decide(view)
    return " ".join([decision.headline, *decision.comparison])


def _break_evens(view: View, width: int = _WIDTH) -> Iterator[str]:
    for sentence in break_even_sentences(view):
        yield from _paragraph(f"Break-even: {sentence}", width)


def _paragraph(text: str, width: int = _WIDTH) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=True, break_on_hyphens=False)


def comparison_text(answer: Answer) -> str:
    """Return the strategies side by side at the batch size, the best first, at most 110 columns wide."""
    blocks = []
    for view in views(answer)[:MOST_COMBINATIONS]:
        factors = f"With {factors_words(view.choice.factors)}: " if view.choice.factors else ""
        tasks = f"{view.tasks:,} task{'s' if view.tasks > 1 else ''}"
        title = f"{factors}{tasks}, {view.choice.replications:,} replications of each"
        blocks += [title, "", *_table(view), "", *_paragraph(decide(view).text), ""]
        blocks += [*_paragraph(" ".join(why(view))), ""] if why(view) else []
    return "\n".join(blocks).rstrip() + "\n"


def _table(view: View) -> list[str]:
    rows = [_row(view, point) for point in view.points[:MOST_ROWS]]
    heads = list(rows[0])
    widths = {head: max(cell_len(head), *(cell_len(row[head]) for row in rows)) for head in heads}
    for head in ("tokens", "people", "left"):
        if sum(widths[head] + 2 for head in heads) - 2 > _WIDEST:
            heads.remove(head)
    lines = []
    for row in [dict(zip(heads, heads, strict=True)), *rows]:
        cells = [" " * (widths[head] - cell_len(row[head])) + row[head] for head in heads[1:]]
        name = set_cell_size(row[heads[0]], widths[heads[0]])
        lines.append("  ".join([name, *cells]).rstrip())
    hidden = len(view.points) - MOST_ROWS
    if hidden > 0:
        lines.append(f"and {hidden} more that are worse.")
    note = "19 in 20: 95% of batches are done by then."
    lines.append(note + (" left: tasks of a batch that a person has to finish." if "left" in heads else ""))
    return lines


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
        more = f"{measure.signed(difference.mean)} ({_span(measure, difference)})"
    row = {
        "way": clean(capital(_short(point)), 40),
        f"{measure.title.lower()} ({100 * view.choice.confidence:g}% interval)": (
            f"{measure.show(estimate.mean)} ({_span(measure, estimate)})"
        ),
        "more than the best": more,
    }
    if measure.column != "makespan_s":
        row["makespan"] = duration(view.mean("makespan_s", point))
    return row | {
        "19 in 20": duration(view.p95("makespan_s", point)),
        "tokens": tokens(view.mean("tokens", point)),
        "people": duration(view.mean("people_s", point)),
        "left": about(view.mean("recovered_tasks", point)),
    }


def _span(measure: Measure, estimate: Estimate) -> str:
    return f"{measure.show(estimate.low)} to {measure.show(estimate.high)}"


def _short(point: Point) -> str:
    """Return a way with its options in fewer words."""
    words = {
        " run by a script": ", script",
        " merged as results come in": ", merged early",
        " merged at the end": ", merged last",
        " and run": " run",
    }
    name = way(point)
    for long, short in reversed(words.items()):
        name = name.replace(long, short)
    return name
