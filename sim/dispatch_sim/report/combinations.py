"""What a study with further factors finds: one row a combination of their levels, and a sentence over all."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.report.break_evens import break_even_short, first_above, queue_name, winner_above
from dispatch_sim.report.format import capital, clean, count, listed, short_factors, span, way
from dispatch_sim.report.render import Table
from dispatch_sim.report.tables import MOST_ROWS
from dispatch_sim.report.view import View
from dispatch_sim.stats.crossings import Crossing

MOST_NAMES = 3
NONE = "-"


def by_factors(views: Sequence[View]) -> Table | None:
    """Return recommendation, its value and the break-even at each combination, or None for a single one."""
    if len(views) < 2:
        return None
    confidence = f"{100 * views[0].choice.confidence:g}%"
    measure = views[0].measure
    factors = short_factors(views[0].choice.factors)
    rows = []
    for view in views[:MOST_ROWS]:
        estimate = view.choice.estimate
        row = [clean(level, 24) for level in view.choice.factors.values()]
        row.append(capital(view.way(view.recommended)))
        row.append(measure.show(estimate.mean) + span(measure.show, estimate.low, estimate.high))
        rows.append((*row, _break_even(view), as_good(view)))
    heads = (
        *map(capital, factors.values()),
        "Recommended",
        f"{measure.title} ({confidence} interval)",
        f"Break-even, tasks ({confidence} set)",
        "May be as good",
    )
    tasks = views[0].tasks
    batch = f"{tasks:,} task{'s' if tasks > 1 else ''}"
    caption = f"What to do with {batch}, by {clean(listed(list(factors)), 120)}"
    return Table(caption, heads, tuple(rows), numbers=False)


def _break_even(view: View) -> str:
    found = view.break_even("tasks")
    if found is None or found.range[0] == found.range[1]:
        return "not played"
    return break_even_short(found) if view.ever_differ(found) else "none: always the same"


def as_good(view: View) -> str:
    """Return what is not shown to be worse than the recommended way, or a dash."""
    open_ = [
        view.way(other.strategy)
        for other in view.choice.alternatives
        if other.in_best_subset or other.practically_equal
    ]
    if len(open_) > MOST_NAMES + 1:
        open_ = [*open_[:MOST_NAMES], f"{len(open_) - MOST_NAMES} more"]
    return listed(open_) or NONE


def how_to_read(views: Sequence[View]) -> str:
    """Say what the column of the break-even holds; empty where there is none."""
    found = next((b for view in views if (b := view.break_even("tasks")) is not None), None)
    if found is None or found.range[0] == found.range[1]:
        return ""
    return (
        f"Break-even: above that many tasks {queue_name(found)} is {views[0].measure.better} than "
        f"{way(found.parallel)}, unless another is named; in brackets, its confidence set."
    )


def over_all(views: Sequence[View]) -> list[str]:
    """Return what holds over all combinations, in a sentence on the advice and one on the break-even."""
    if len(views) < 2:
        return []
    advised = list(dict.fromkeys(view.way(view.recommended) for view in views))
    number = count(len(views))
    if len(advised) == 1:
        advice = f"The advice is the same in all {number} combinations: {advised[0]}."
    else:
        names = [*advised[:4], "others"] if len(advised) > 5 else advised
        advice = f"The advice depends on this: over the {number} combinations it is {listed(names, 'or')}."
    return [advice, *_break_evens(views)]


def _break_evens(views: Sequence[View]) -> list[str]:
    found = [b for view in views if (b := view.break_even("tasks")) is not None and b.range[0] < b.range[1]]
    if len(found) < 2:
        return []
    single = [(b, c) for b in found if (c := _queue_wins_from(b)) is not None]
    if not single:
        return []
    firsts = sorted((first_above(b, c) for b, c in single), key=lambda text: int(text.split()[-1]))
    every = "both" if len(found) == 2 else "all"
    where = every if len(single) == len(found) else count(len(single))
    loser, better = way(found[0].parallel), views[0].measure.better
    sizes = f"from {firsts[0]} tasks on"
    if firsts[0] != firsts[-1]:
        sizes = f"from some size between {firsts[0]} and {firsts[-1]} tasks on"
    return [f"In {where} of them {winner_above(*single[0])} is {better} than {loser} {sizes}."]


def _queue_wins_from(found: BreakEven) -> Crossing | None:
    """Return the one crossing above which the queue wins, where that is all there is."""
    resolved = [crossing for crossing in found.crossings if crossing.resolved]
    one = len(resolved) == 1 and resolved[0].favours_above == "queue"
    return resolved[0] if one else None
