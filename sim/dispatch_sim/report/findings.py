"""States what a study finds besides its decision: concurrency, Pareto optimality, factors, thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.thresholds import Check
from dispatch_sim.report.break_evens import factor_break_even_sentence, queue_name
from dispatch_sim.report.format import (
    axis_point,
    clean,
    confidence,
    dollars,
    duration,
    factors_text,
    named,
    show_of,
    span,
)
from dispatch_sim.report.sentences import sentence
from dispatch_sim.report.view import View

TEMPLATE = "findings.txt"

MOST_FACTORS = 6
"""Sentences on break-evens along factors."""


def concurrency(view: View) -> Iterator[str]:
    """Yield what the steps to and beyond the best concurrency bring, for each strategy with several.

    Only the steps next to the recommended concurrency, or to the best one, are described, and so agree.
    """
    for found in view.answer.diminishing_returns:
        if found.factors != view.choice.factors:
            continue
        widths = [found.steps[0].concurrency, *(step.to for step in found.steps)]
        strategies, best = [found.strategy.at(width) for width in widths], view.recommended
        if best not in strategies:
            best = min(strategies, key=lambda strategy: view.mean(view.measure.column, strategy))
        before = next((step for step in found.steps if step.to == best.concurrency), None)
        after = next((step for step in found.steps if step.concurrency == best.concurrency), None)
        yield sentence(TEMPLATE, "concurrency", view, best, before, after)


def pareto(view: View) -> str:
    """Return which strategies are Pareto-optimal in time and money, and which may be."""
    points = view.answer.pareto[view.answer.choices.index(view.choice)] if view.answer.pareto else ()
    if len(points) < 2:
        return ""
    optimal = [
        f"{named(p.strategy)} ({duration(p.makespan_s.mean)}, {dollars(p.spent_usd.mean)})"
        for p in points
        if p.status == "optimal"
    ]
    undecided = [named(p.strategy) for p in points if p.status == "undecided"]
    return sentence(TEMPLATE, "pareto", optimal, undecided)


def along_factors(answer: Answer) -> list[str]:
    """Return where parallel and the best queue break even along each factor that was swept."""
    found = answer.factor_break_evens
    sentences = [factor_break_even_sentence(each) for each in found[:MOST_FACTORS]]
    more = len(found) - MOST_FACTORS
    return sentences if more <= 0 else [*sentences, f"The files have {more} more along factors."]


def over_all(views: Sequence[View]) -> list[str]:
    """Return what holds over all combinations of factors: the recommendation, and the break-even."""
    if len(views) < 2:
        return []
    strategies = list(dict.fromkeys(named(view.recommended) for view in views))
    return [sentence(TEMPLATE, "recommendations", strategies, len(views)), *_break_evens(views)]


def _break_evens(views: Sequence[View]) -> Iterator[str]:
    found = [b for view in views if (b := view.break_even) is not None and b.range[0] < b.range[1]]
    queue_wins = [b for b in found if [crossing.favours_above for crossing in b.resolved] == ["queue"]]
    if len(found) < 2 or not queue_wins:
        return
    first, points = queue_wins[0], [b.resolved[0].at for b in queue_wins]
    sides = queue_name(first), str(first.parallel), views[0].measure.better
    ends = axis_point(min(points)), axis_point(max(points))
    yield sentence(TEMPLATE, "break_evens", len(queue_wins), len(found), *sides, *ends)


def check_line(found: Check) -> str:
    """Return whether a threshold is violated, the estimate, and whether its interval includes the bound."""
    show, estimate, choice = show_of(found.threshold.measure), found.estimate, found.choice
    verdict = "violated" if found.violated else "passed"
    where = f" with {factors_text(choice.factors)}" if choice.factors else ""
    value = f"{show(estimate.mean)}{span(show, estimate.low, estimate.high)}"
    line = f"--fail-on {clean(found.threshold.text)}: {verdict}; {choice.strategy}{where}: {value}"
    if found.settled:
        return line
    interval = f"the {confidence(choice.confidence)} confidence interval"
    if found.includes_bound:
        return f"{line}; {interval} includes the bound"
    return f"{line}; {interval} may include the bound, as one of its ends is not known"
