"""Tables of a report, as text: a page only sets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dispatch_sim.decide.choice import Alternative, Choice
from dispatch_sim.report.break_evens import break_even_cell, queue_name
from dispatch_sim.report.format import (
    Measure,
    about,
    capital,
    dollars,
    duration,
    percent,
    span,
    tokens,
    way,
)
from dispatch_sim.report.render import Table
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy

MOST_ROWS = 200
"""Rows of a long table; the files of the results hold all."""


_MEANS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "Cost": ("cost_usd", dollars),
    "Makespan": ("makespan_s", duration),
    "Tokens": ("tokens", tokens),
    "API money": ("money_usd", dollars),
    "People's time": ("people_s", duration),
}
"""Columns of means; the one that is to be small stands by itself, with its interval."""


def main_table(view: View) -> Table:
    """Return the three to six main alternatives side by side, with what most people ask for."""
    columns = [head for head in ("Cost", "Makespan") if _MEANS[head][0] != view.measure.column]
    caption = f"The main ways to dispatch {_batch(view)}"
    return _alternatives(view, view.main_points(), caption, columns, ("Best in", "19 of 20 done in"))


def compared_table(view: View) -> Table:
    """Return every alternative at the batch size, the best first, as narrow as a terminal."""
    columns = [head for head in ("Makespan",) if _MEANS[head][0] != view.measure.column]
    caption = f"{_batch(view)}, {view.choice.replications:,} replications of each"
    return _alternatives(view, view.points, caption, columns, ("19 of 20 done in",))


def all_points(view: View) -> Table:
    """Return everything that was played at the batch size."""
    columns = [head for head, (column, _) in _MEANS.items() if column != view.measure.column]
    caption = f"All that was played with {_batch(view)}"
    further = ("Best in", "19 of 20 done in")
    return _alternatives(view, view.points[:MOST_ROWS], caption, columns, further)


def _batch(view: View) -> str:
    return f"{view.tasks:,} task{'s' if view.tasks > 1 else ''}"


def _alternatives(
    view: View, points: Sequence[Strategy], caption: str, means: Sequence[str], further: Sequence[str]
) -> Table:
    measure, confidence = view.measure, f"{100 * view.choice.confidence:g}%"
    heads = ["Way to dispatch", f"{measure.title} ({confidence} interval)", "More than the best"]
    heads += [*further, *means, "Tasks left to a person"]
    rows = []
    for point in points:
        estimate = view.estimate(measure.column, point)
        of = view.alternative(point) or view.choice
        cells = {
            "Best in": percent(of.share_won),
            "19 of 20 done in": duration(view.p95(point)),
        }
        row = [
            capital(view.way(point)),
            measure.estimate(estimate),
            _more(view, point),
            *(cells[head] for head in further),
            *(show(view.mean(column, point)) for column, show in (_MEANS[head] for head in means)),
            f"{about(view.mean('manual_completions', point))} of {view.tasks:,}",
        ]
        rows.append(tuple(row))
    return Table(caption, tuple(heads), tuple(rows))


def choice_table(choice: Choice, measure: Measure) -> Table:
    """Return the alternatives of a choice, with how each compares to the recommended one."""
    heads = ("Way", measure.title, "More than the best", "Best in", "So")
    first = (way(choice.strategy), measure.estimate(choice.estimate), "")
    rows = [(*first, percent(choice.share_won), "recommended")]
    for other in choice.alternatives:
        difference = other.difference
        more = measure.signed(difference.mean) + span(measure.signed, difference.low, difference.high)
        name = way(other.strategy)
        cells = (name, measure.estimate(other.estimate), more, percent(other.share_won))
        rows.append((*cells, _standing(other)))
    return Table("", heads, tuple((capital(name), *cells) for name, *cells in rows))


def _standing(other: Alternative) -> str:
    if other.identical:
        return "the same"
    if other.infeasible:
        return "misses the limits"
    if other.practically_equal:
        return "practically equal"
    return "may be as good" if other.in_best_subset else "worse"


def _more(view: View, point: Strategy) -> str:
    other = view.alternative(point)
    if other is None:
        return "recommended"
    if other.identical:
        return "exactly the same"
    measure, difference = view.measure, other.difference
    text = measure.signed(difference.mean) + span(measure.signed, difference.low, difference.high)
    if other.practically_equal:
        return f"{text}, as good"
    return f"{text}, not settled" if other.in_best_subset else text


def fixed_queues(view: View) -> Table | None:
    """Return the break-even with each fixed queue, or None where there is none."""
    found = [b for b in view.against_fixed if b.range[0] < b.range[1]][:MOST_ROWS]
    if not found:
        return None
    confidence = f"{100 * view.choice.confidence:g}%"
    several = len({b.parallel for b in found}) > 1
    rows = [
        (
            capital(f"{way(b.parallel)} against {queue_name(b)}" if several else queue_name(b)),
            f"{b.range[0]} to {b.range[1]} tasks",
            capital(break_even_cell(b)),
        )
        for b in found
    ]
    heads = (
        "Compared" if several else "All at once against",
        "Played",
        f"Who is {view.measure.better}, above how many tasks ({confidence} set)",
    )
    return Table(
        "Break-even with the best width of the queue and its neighbours", heads, tuple(rows), numbers=False
    )
