"""Tables of a report, as text: a page only sets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dispatch_sim.report.breaking import break_even_cell, queue_name
from dispatch_sim.report.view import View
from dispatch_sim.report.words import (
    Point,
    about,
    capital,
    clean,
    dollars,
    duration,
    factors_words,
    tokens,
    way,
)
from dispatch_sim.study.answer import Answer

MOST_ROWS = 200
"""Rows of a long table; the files of the results hold all."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text.

    Attributes
    ----------
    caption : what it shows.
    heads : of the columns; the first column names the rows.
    rows : one cell a column.
    numbers : whether all columns but the first are numbers, and so aligned to the right.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: bool = True


def main_table(view: View) -> Table:
    """Return the three to six main alternatives side by side."""
    return _alternatives(view, view.main_points(), f"The main ways to dispatch {view.tasks:,} tasks")


def all_points(view: View) -> Table:
    """Return everything that was played at the batch size."""
    return _alternatives(view, view.points[:MOST_ROWS], f"All that was played with {view.tasks:,} tasks")


def _alternatives(view: View, points: Sequence[Point], caption: str) -> Table:
    measure, confidence = view.measure, f"{100 * view.choice.confidence:g}%"
    heads = [
        "Way to dispatch",
        f"{measure.title} ({confidence} interval)",
        "More than the recommended",
        *(["Cost"] if measure.column != "cost_usd" else []),
        "Makespan",
        "19 of 20 done in",
        "Tokens",
        "API money",
        "People's time",
        "Tasks left to a person",
    ]
    rows = []
    for point in points:
        estimate = view.estimate(measure.column, point)
        row = [
            capital(way(point)),
            f"{measure.show(estimate.mean)} ({measure.show(estimate.low)} to {measure.show(estimate.high)})",
            _more(view, point),
            *([dollars(view.mean("cost_usd", point))] if measure.column != "cost_usd" else []),
            duration(view.mean("makespan_s", point)),
            duration(view.p95("makespan_s", point)),
            tokens(view.mean("tokens", point)),
            dollars(view.mean("money_usd", point)),
            duration(view.mean("people_s", point)),
            f"{about(view.mean('recovered_tasks', point))} of {view.tasks:,}",
        ]
        rows.append(tuple(row))
    return Table(caption, tuple(heads), tuple(rows))


def _more(view: View, point: Point) -> str:
    other = view.alternative(point)
    if other is None:
        return "recommended"
    if other.identical:
        return "exactly the same"
    measure, difference = view.measure, other.difference
    low, high = measure.signed(difference.low), measure.signed(difference.high)
    text = f"{measure.signed(difference.mean)} ({low} to {high})"
    if other.practically_equal:
        return f"{text}, as good"
    return f"{text}, not settled" if other.in_best_subset else text


def fixed_queues(view: View) -> Table | None:
    """Return the break-even with each fixed queue, or None where there is none."""
    found = [b for b in view.against_fixed if b.range[0] < b.range[1]][:MOST_ROWS]
    if not found:
        return None
    confidence = f"{100 * view.choice.confidence:g}%"
    rows = [
        (capital(queue_name(b)), f"{b.range[0]} to {b.range[1]} tasks", capital(break_even_cell(b)))
        for b in found
    ]
    heads = (
        "All at once against",
        "Played",
        f"Who is {view.measure.better}, from how many tasks ({confidence} set)",
    )
    return Table("Break-even with each width of the queue", heads, tuple(rows), numbers=False)


def by_factors(answer: Answer, views: Sequence[View]) -> Table | None:
    """Return the recommendation and the break-even at each combination of further factors, or None."""
    if len(views) < 2:
        return None
    confidence = f"{100 * views[0].choice.confidence:g}%"
    measure = views[0].measure
    rows = []
    for view in views[:MOST_ROWS]:
        found = view.break_even("tasks") or view.break_even("concurrency")
        estimate = view.choice.estimate
        rows.append(
            (
                factors_words(view.choice.factors),
                capital(way(view.recommended)),
                f"{measure.show(estimate.mean)} ({measure.show(estimate.low)} to "
                f"{measure.show(estimate.high)})",
                capital(break_even_cell(found)) if found is not None else "not played",
            )
        )
    heads = (
        "Where",
        "Recommended",
        f"{measure.title} ({confidence} interval)",
        f"Break-even ({confidence} set)",
    )
    caption = (
        f"What to do with {answer.batch_size:,} tasks, by {clean(' and '.join(views[0].choice.factors))}"
    )
    return Table(caption, heads, tuple(rows), numbers=False)
