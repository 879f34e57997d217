"""What to see in each figure, in a sentence or two."""

from __future__ import annotations

from dispatch_sim.decide.answer import Answer
from dispatch_sim.report import figures, rows
from dispatch_sim.report.break_evens import break_even_sentence, queue_name, winner_above
from dispatch_sim.report.format import amount, clean, listed, percent, place, way
from dispatch_sim.report.svg import Picture, picture
from dispatch_sim.report.view import View


def difference_figure(view: View) -> Picture | None:
    """Return the figure of the paired difference along tasks."""
    figure = figures.paired_difference_along_tasks(view)
    found = view.break_even("tasks")
    if figure is None or found is None:
        return None
    says = (
        f"Above the zero line the best queue is {view.measure.better}, below it all at once. "
        f"The band is the {_confidence(view)} interval, the shaded columns are where the break-even lies."
        if any(crossing.resolved for crossing in found.crossings)
        else f"Above the zero line the best queue is {view.measure.better}, below it all at once; "
        f"where the {_confidence(view)} band holds zero, neither is shown to be. {break_even_sentence(found)}"
    )
    one, queue = way(found.parallel), queue_name(found)
    title = f"What {one} {_verb(view)} more than {queue}"
    return picture(figure, "break-even", title, says)


def _verb(view: View) -> str:
    return view.measure.verb


def _confidence(view: View) -> str:
    return f"{100 * view.choice.confidence:g}%"


def tasks_figure(view: View) -> Picture | None:
    """Return the figure of the objective along tasks."""
    figure = figures.cost_along_tasks(view)
    if figure is None:
        return None
    size = view.sizes[-1]
    points = {
        view.way(p): p
        for p in (view.first("parallel", size), view.first("sequential", size))
        if p is not None
    }
    found = view.break_even("tasks")
    queue = view.best("queue", size, None if found is None else found.queue)
    ends = [
        f"{amount(view.measure, view.estimate(view.measure.column, p, size).mean)} {name}"
        for name, p in points.items()
    ]
    if queue is not None:
        ends.append(
            f"{amount(view.measure, view.estimate(view.measure.column, queue, size).mean)} through "
            f"{view.way(queue)}"
        )
    says = f"A batch of {size:,} {view.measure.verb} {listed(ends)}. Bands are {_confidence(view)} intervals."
    if found is not None and any(crossing.resolved for crossing in found.crossings):
        says += " The shaded columns are where all at once and the best queue change places."
    return picture(figure, "cost-along-tasks", f"{view.measure.title} by size of the batch", says)


def concurrency_figure(view: View) -> Picture | None:
    """Return the figure of the objective along the width of the queue."""
    figure = figures.cost_along_concurrency(view)
    if figure is None:
        return None
    column, best = view.measure.column, view.recommended
    least = amount(view.measure, view.choice.estimate.mean)
    says = f"At {view.tasks:,} tasks the least is {least}, by {view.way(best)}. "
    others = [each for each in view.played(best.kind) if each.at(None) == best.at(None)]
    wider = next((each for each in others if (each.concurrency or 0) > (best.concurrency or 0)), None)
    if best.kind in ("queue", "waves") and wider is not None:
        ratio = view.mean(column, wider) / view.choice.estimate.mean if view.choice.estimate.mean else 1.0
        change = ratio - 1
        says += f"Going up to {view.way(wider)} adds {percent(change)}. " if change >= 0.005 else ""
    says += f"Bands are {_confidence(view)} intervals."
    return picture(figure, "cost-along-concurrency", f"{view.measure.title} by tasks at once", says)


def parts_figure(view: View) -> Picture | None:
    """Return the figure of what the cost is made of."""
    figure = rows.cost_parts(view)
    if figure is None:
        return None
    parts = {"cost_waiting_usd": "waiting", "cost_people_usd": "people's time", "money_usd": "API money"}
    words = []
    for point in dict.fromkeys([view.recommended, view.first("parallel") or view.recommended]):
        total = view.mean("cost_usd", point)
        if total > 0:
            largest = max(parts, key=lambda column: view.mean(column, point))
            words.append(
                f"{view.way(point)} it is {parts[largest]} ({percent(view.mean(largest, point) / total)})"
            )
    says = (
        f"The largest part of the cost: for {'; for '.join(words)}. "
        f"Lines at the ends are {_confidence(view)} intervals of the whole."
    )
    return picture(figure, "cost-parts", "What the cost is made of", says)


def factors_figure(answer: Answer) -> Picture | None:
    """Return the figure of the break-even at each combination of further factors."""
    figure = rows.break_even_by_factors(answer)
    if figure is None:
        return None
    found = rows.factor_rows(answer)
    at = [c.at for b in found for c in b.crossings if c.resolved]
    if at:
        same = {winner_above(b, c) for b in found for c in b.crossings if c.resolved}
        above = (
            f"; above it {next(iter(same))} wins"
            if len(same) == 1
            else " (diamond: above it all at once wins)"
        )
        low, high = place(min(at)), place(max(at))
        where = f"between {low} and {high}" if low != high else f"at {low}"
        says = f"The break-even (dot) lies {where} tasks{above}."
    else:
        says = "Nowhere in the range is there a break-even that these replications settle."
    resolved = sum(any(c.resolved for c in b.crossings) for b in found)
    if at and resolved < len(found):
        without = len(found) - resolved
        says += f" {without} of {len(found)} rows have none in range, or none that is settled."
    says += f" Lines are {100 * found[0].confidence:g}% confidence sets." if at else ""
    if len(found) > rows.MOST_ROWS:
        says += f" The first {rows.MOST_ROWS} of {len(found)} rows are drawn."
    factors = clean(" and ".join(found[0].factors), 120)
    return picture(figure, "break-even-by-factors", f"The break-even by {factors}", says)
