"""Tables of a report, as text: a page only sets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dispatch_sim.decide.binding import Binding
from dispatch_sim.decide.choice import Alternative, Choice
from dispatch_sim.decide.winners import MANY_FAILURES
from dispatch_sim.report.binding import NOUNS
from dispatch_sim.report.break_evens import break_even_cell, queue_name
from dispatch_sim.report.format import (
    Measure,
    about,
    capital,
    clean,
    dollars,
    duration,
    few,
    limits_note,
    listed,
    percent,
    plural,
    short_factors,
    span,
    tokens,
)
from dispatch_sim.report.limits import first_cell
from dispatch_sim.report.render import Table
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy

MOST_ROWS = 200
"""Rows of a long table; the files of the results hold all."""

NONE = "-"

_MEANS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "Cost": ("cost_usd", dollars),
    "Makespan": ("makespan_s", duration),
    "Tokens": ("tokens", tokens),
    "API cost": ("money_usd", dollars),
    "People's time": ("people_s", duration),
}
"""Columns of means; the one that is minimised is a column by itself, with its interval."""


def resources_table(found: Binding) -> Table:
    """Return all resources, with their utilisation and what their removal saves."""
    rows = tuple(
        (
            capital(NOUNS[each.name].removeprefix("the ")),
            "" if each.utilisation is None else percent(each.utilisation),
            duration(each.saved_s.mean)
            + span(duration, each.saved_s.low, each.saved_s.high)
            + (" (preliminary)" if each.saved_s.is_preliminary else ""),
        )
        for each in found.resources
    )
    caption = f"Resources of {found.strategy}, {found.replications} replications"
    return Table(caption, ("Resource", "Utilisation", "Shorter makespan without it"), rows)


def main_table(view: View) -> Table:
    """Return the three to six main alternatives side by side, with what most people ask for."""
    caption = f"The main strategies for {_batch(view)}"
    means = ("Cost", "API cost", "Makespan", "People's time")
    return _alternatives(view, view.main_points(), caption, means, ("p95 makespan", "Replications"))


def compared_table(view: View) -> Table:
    """Return every alternative at the batch size, the best first, as narrow as a terminal."""
    caption = f"{_batch(view)}, {view.replications} replications per strategy"
    return _alternatives(view, view.points, caption, ("Makespan",), ("p95 makespan",))


def paired_note(view: View, points: Sequence[Strategy]) -> str:
    """Return why differences in a table are not those of its means, if one is not."""
    measure = view.measure
    best = view.mean(measure.column, view.recommended)
    for point in points:
        other = view.alternative(point)
        more = view.mean(measure.column, point) - best
        if other and not other.identical and measure.show(more) != measure.show(other.difference.mean):
            return (
                "A mean is over all replications of its strategy, and a difference over the replications that"
                " both strategies have, so it may not equal the difference of the two means."
            )
    return ""


def all_points(view: View) -> Table:
    """Return everything that was simulated at the batch size."""
    caption = f"All strategies simulated with {_batch(view)}"
    points = view.points[:MOST_ROWS]
    return _alternatives(view, points, caption, tuple(_MEANS), ("Better in", "p95 makespan", "Replications"))


def _batch(view: View) -> str:
    return f"{view.tasks:,} {plural('task', view.tasks)}"


def _alternatives(
    view: View, points: Sequence[Strategy], caption: str, means: Sequence[str], further: Sequence[str]
) -> Table:
    measure = view.measure
    means = [head for head in means if _MEANS[head][0] != measure.column]
    counts = {point: view.estimate(measure.column, point).n for point in points}
    left_out = {measure.title} if len({*counts.values()}) > 1 else {measure.title, "Replications"}
    further = [head for head in further if head not in left_out]
    heads = ("Strategy", f"{measure.title} ({view.confidence} interval)", _difference_head(view.choice))
    rows = []
    for point in points:
        of = view.alternative(point)
        cells = {
            "Better in": percent(of.better_in) if of else NONE,
            "p95 makespan": duration(view.p95(point)),
            "Replications": f"{counts[point]:,}",
        }
        cells |= {head: show(view.mean(column, point)) for head, (column, show) in _MEANS.items()}
        if _is_cheap_by_failing(view, point):
            cells["API cost"] += " (tasks fail)"
        rows.append(
            (
                str(point),
                _mean(view, point),
                _difference(view, point),
                *(cells[head] for head in (*means, *further)),
                f"{about(view.mean('manual_completions', point))} of {view.tasks:,}",
            )
        )
    return Table(caption, (*heads, *means, *further, "Manual completions"), tuple(rows))


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
    text = "identical" if other.identical else view.measure.difference(other.difference)
    standing = ""
    if other.practically_equal:
        standing = "practically equal"
    elif other.in_best_subset and other.difference.low <= 0 <= other.difference.high:
        standing = "not significant"
    if other.identical or other.infeasible:
        standing = ""
    return ", ".join(filter(None, (text, standing, limits_note(other.feasibility))))


def _difference_head(choice: Choice) -> str:
    return "Difference from the best" if choice.feasible else "Difference"


def choice_table(choice: Choice, measure: Measure) -> Table:
    """Return the alternatives of a choice, with how each compares to the recommended one."""
    heads = ("Strategy", measure.title, _difference_head(choice), "Better in", "Verdict")
    of_best = measure.estimate(choice.estimate)
    first = (str(choice.strategy), of_best, "", NONE, first_cell(choice, measure))
    rows = [
        (
            str(other.strategy),
            measure.estimate(other.estimate),
            measure.difference(other.difference),
            percent(other.better_in),
            _verdict(other),
        )
        for other in choice.alternatives
    ]
    return Table("", heads, (first, *rows))


def _verdict(other: Alternative) -> str:
    if other.identical:
        return "identical"
    if other.infeasible:
        return "excluded by the limits"
    if other.practically_equal:
        return "practically equal"
    return "may be the best" if other.in_best_subset else "worse"


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
    found = next((b for view in views if (b := view.break_even("tasks")) is not None), None)
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
    found = view.break_even("tasks")
    return NONE if found is None or found.range[0] == found.range[1] else break_even_cell(found)


def _may_be_best(view: View) -> list[Alternative]:
    return [other for other in view.choice.alternatives if other.in_best_subset or other.practically_equal]
