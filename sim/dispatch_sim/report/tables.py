"""Tables of a report, as text: a page only sets them."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch_sim.decide.choice import Alternative
from dispatch_sim.decide.winners import MANY_FAILURES
from dispatch_sim.report.break_evens import break_even_cell, queue_name
from dispatch_sim.report.format import (
    MEASURES,
    about,
    capital,
    clean,
    few,
    listed,
    number,
    percent,
    short_factors,
)
from dispatch_sim.report.limits import difference_cell, first_cell
from dispatch_sim.report.render import Table
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.objectives import P95

MOST_ROWS = 200
"""Rows of a long table; the files of the results hold all."""

NONE = "-"

_BETTER, _COUNT = "Better in", "Replications"
"""Columns that are not means."""


def main_table(view: View) -> Table:
    """Return the three to six main alternatives side by side, with what most people ask for."""
    columns = ("cost_usd", "money_usd", "makespan_s", "people_s", P95, _COUNT)
    return _alternatives(view, view.main_points(), f"The main strategies for {_batch(view)}", columns)


def compared_table(view: View) -> Table:
    """Return every alternative at the batch size, the best first, as narrow as a terminal."""
    caption = f"{_batch(view)}, {view.replications} replications per strategy"
    return _alternatives(view, view.points, caption, ("makespan_s", P95))


def all_points(view: View) -> Table:
    """Return everything that was simulated at the batch size."""
    columns = ("cost_usd", "makespan_s", "tokens", "money_usd", "people_s", _BETTER, P95, _COUNT)
    caption = f"All strategies simulated with {_batch(view)}"
    return _alternatives(view, view.points[:MOST_ROWS], caption, columns)


def is_paired(view: View, points: Sequence[Strategy]) -> bool:
    """Return whether a difference in a table is not that of its means, as it is paired."""
    measure = view.measure
    best = view.mean(measure.column, view.recommended)
    others = ((point, view.alternative(point)) for point in points)
    return any(
        measure.show(view.mean(measure.column, point) - best) != measure.show(other.difference.mean)
        for point, other in others
        if other and not other.identical
    )


def _batch(view: View) -> str:
    return number(view.tasks, "task")


def _alternatives(view: View, points: Sequence[Strategy], caption: str, columns: Sequence[str]) -> Table:
    measure = view.measure
    counts = {point: view.estimate(measure.column, point).n for point in points}
    left_out = (measure.column, _COUNT) if len({*counts.values()}) == 1 else (measure.column,)
    columns = [column for column in columns if column not in left_out]

    def cell(point: Strategy, column: str) -> str:
        if column == _COUNT:
            return f"{counts[point]:,}"
        if column == _BETTER:
            of = view.alternative(point)
            return percent(of.better_in) if of else NONE
        text = MEASURES[column].show(view.mean(column, point))
        fails = column == "money_usd" and _is_cheap_by_failing(view, point)
        return f"{text} (tasks fail)" if fails else text

    heads = (
        "Strategy",
        f"{measure.title} ({view.confidence} interval)",
        "Difference from the best" if view.choice.feasible else "Difference",
        *(MEASURES[column].title if column in MEASURES else column for column in columns),
        "Manual completions",
    )
    rows = [
        (
            str(point),
            _mean(view, point),
            _difference(view, point),
            *(cell(point, column) for column in columns),
            f"{about(view.mean('manual_completions', point))} of {view.tasks:,}",
        )
        for point in points
    ]
    return Table(caption, heads, tuple(rows))


def _is_cheap_by_failing(view: View, point: Strategy) -> bool:
    """Whether its bill is lower than the recommended strategy's, and people complete more of the tasks."""
    bill, completions = (
        view.mean(measure, point) - view.mean(measure, view.recommended)
        for measure in ("money_usd", "manual_completions")
    )
    return bill < 0 and completions > MANY_FAILURES * view.tasks


def _mean(view: View, point: Strategy) -> str:
    """Return what is minimised; an alternative with too few replications for an interval has none."""
    estimate, other = view.estimate(view.measure.column, point), view.alternative(point)
    if other is not None and other.identical:
        estimate = view.choice.estimate
    elif other is not None and other.estimate.is_preliminary:
        return view.measure.show(estimate.mean)
    return view.measure.estimate(estimate)


def _difference(view: View, point: Strategy) -> str:
    other = view.alternative(point)
    if other is None:
        return first_cell(view.choice, view.measure)
    is_open = other.in_best_subset and other.difference.low <= 0 <= other.difference.high
    standing = "practically equal" if other.practically_equal else "not significant" if is_open else ""
    return difference_cell(other, view.measure.difference(other.difference), standing)


def by_factors(views: Sequence[View]) -> Table | None:
    """Return the recommendation, its value and the break-even at each combination; None for a single one."""
    if len(views) < 2:
        return None
    measure, confidence = views[0].measure, views[0].confidence
    factors = short_factors(views[0].choice.factors)
    rows = [
        (
            *(clean(level, 24) for level in view.choice.factors.values()),
            str(view.recommended),
            measure.estimate(view.choice.estimate),
            _break_even(view),
            few([str(o.strategy) for o in _may_be_best(view)], most=3) or NONE,
        )
        for view in views[:MOST_ROWS]
    ]
    found = next((b for view in views if (b := view.break_even) is not None), None)
    queue = "Queue" if found is None else capital(queue_name(found))
    heads = (
        *map(capital, factors.values()),
        "Recommended",
        f"{measure.title} ({confidence} interval)",
        f"{queue} is {measure.better}, tasks",
        "May be the best, or practically equal",
    )
    caption = f"The recommendation for {_batch(views[0])}, by {clean(listed(list(factors)), 120)}"
    return Table(caption, heads, tuple(rows), numbers=False)


def _break_even(view: View) -> str:
    found = view.break_even
    return NONE if found is None or found.range[0] == found.range[1] else break_even_cell(found)


def _may_be_best(view: View) -> list[Alternative]:
    return [other for other in view.choice.alternatives if other.in_best_subset or other.practically_equal]
