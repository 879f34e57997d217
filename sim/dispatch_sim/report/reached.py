"""What a study reached, and what it tells beside the choice: precision, limits, slots, the front, factors."""

from __future__ import annotations

from collections.abc import Iterator

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.diminishing_returns import DiminishingReturns
from dispatch_sim.decide.factor_break_even import FactorBreakEven
from dispatch_sim.report.break_evens import crossing_words
from dispatch_sim.report.format import (
    amount,
    capital,
    clean,
    count,
    dollars,
    duration,
    factors_words,
    kind_words,
    listed,
    percent,
)
from dispatch_sim.report.view import View, views
from dispatch_sim.stats.crossings import Crossing

MOST_FACTORS = 6
"""Break-evens along factors that are told one by one."""

_ENDS = {
    "at_most": "More would need a larger study.at_most.",
    "seconds": "The time of study.seconds was over.",
    "asked": "More replications would tell, or study: {replications: auto}.",
    "interrupted": "",
    "settled": "",
}


def reached(view: View) -> str:
    """Return how many replications were played, and how well they know the difference that decides."""
    choice, rival = view.choice, view.choice.deciding
    played = f"{choice.replications:,} replications of each way"
    if not choice.alternatives:
        return f"Precision: {played}."
    if rival is None:
        return f"Precision: {played}; no other is left that may be better."
    half = rival.difference.half_width
    beside = f"{view.way(view.recommended)} and its nearest rival, {view.way(rival.strategy)},"
    text = (
        f"Precision: {played} tell {beside} apart to within ±{amount(view.measure, half)}"
        f"{', inside' if half <= choice.indifference else ', not'} the "
        f"{amount(view.measure, choice.indifference)} that nobody would act on."
    )
    return f"{text} {_ENDS[view.answer.stopped]}".strip() if not choice.settled else text


def limits_kept(view: View) -> str:
    """Return how often the deadline and the budget are kept; nothing where there are none."""
    choice = view.choice
    if choice.limits is None or choice.feasibility is None:
        return ""
    deadline, budget = choice.limits.deadline, choice.limits.budget
    bounds = [f"the deadline of {duration(deadline)}"] if deadline is not None else []
    bounds += [f"the budget of {dollars(budget)}"] if budget is not None else []
    wanted = percent(choice.limits.probability)
    share = choice.feasibility.share
    kept = (
        f"{capital(view.way(view.recommended))} keeps {listed(bounds)} in {percent(share.mean)} of batches "
        f"({percent(share.low)} to {percent(share.high)}; asked for {wanted})"
    )
    if not choice.feasible:
        return f"No way keeps {listed(bounds)} in {wanted} of batches. {kept}, more often than the others."
    text = f"{kept}{', which is not settled' if choice.feasibility.verdict == 'undecided' else ''}."
    others = choice.alternatives
    for verdict, words in (
        ("infeasible", "Left out, as shown to miss that"),
        ("undecided", "Not settled of"),
    ):
        named = [view.way(o.strategy) for o in others if o.feasibility and o.feasibility.verdict == verdict]
        if named:
            text += f" {words}: {_few(named)}."
    return text


def slots(view: View) -> Iterator[str]:
    """Yield up to which width further slots gain, of each label."""
    for found in view.answer.diminishing_returns:
        if found.factors == view.choice.factors:
            yield _slots(view, found)


def _slots(view: View, found: DiminishingReturns) -> str:
    one = view.way(found.strategy.at(found.gains_up_to))
    last = next((step for step in found.steps if step.to == found.gains_up_to), None)
    beyond = next((step for step in found.steps if step.concurrency >= found.gains_up_to), None)
    show = view.measure.show
    parts = []
    if last is None:
        parts.append(f"No slot beyond {one} is shown to gain anything")
    else:
        slot = f"the step from {last.concurrency} to {last.to}"
        parts.append(f"Further slots gain up to {one}: {slot} gains {amount(view.measure, last.gain.mean)}")
    if beyond is not None:
        size = show(abs(beyond.gain.mean))
        ends = sorted(abs(end) for end in (beyond.gain.low, beyond.gain.high))
        told = {
            "loses": f"the next costs {size} ({show(ends[0])} to {show(ends[1])}) more",
            "practically_equal": "the next gains nothing that anyone would act on",
            "undecided": "what the next gains is not settled",
        }
        parts.append(told.get(beyond.verdict, ""))
    return "; ".join(part for part in parts if part) + "."


def front(view: View) -> str:
    """Return who is on the front of time and money, and who may be."""
    index = view.answer.choices.index(view.choice)
    points = view.answer.pareto[index] if view.answer.pareto else ()
    on = [p for p in points if p.status == "optimal"]
    if len(points) < 2:
        return ""
    may = [view.way(p.strategy) for p in points if p.status == "undecided"]
    told = [
        f"{view.way(p.strategy)} ({duration(p.makespan_s.mean)}, {dollars(p.spent_usd.mean)})" for p in on
    ]
    text = "Time against money (the bill, and people's time): "
    verb = "are" if len(on) > 1 else "is"
    text += f"{_few(told)} {verb} on the front" if on else "none is shown to be on the front"
    return text + (f"; {_few(may)} may be." if may else ".")


def along_factors(answer: Answer) -> list[str]:
    """Return where all at once and the best queue change places along each factor that was swept."""
    found, view = answer.factor_break_evens, views(answer)[0]
    told = [_along_factor(view, each) for each in found[:MOST_FACTORS]]
    more = len(found) - MOST_FACTORS
    return told if more <= 0 else [*told, f"There are {count(more)} more along factors, in the files."]


def _along_factor(view: View, found: FactorBreakEven) -> str:
    held = f"with {factors_words(found.factors)}, " if found.factors else ""
    first, last = clean(found.levels[0]), clean(found.levels[-1])
    lead = f"Along {clean(found.factor)}, {held}at {count(found.tasks or 0)} tasks, from {first} to {last}: "
    # A queue as wide as the batch stands beside parallel here, so neither's name will do.
    sides = {
        "parallel": "starting all together",
        "queue": kind_words("the best queue", view.short(found.queue)),
    }
    if found.practically_equal:
        return f"{lead}{sides['parallel']} and {sides['queue']} are practically equal."
    resolved = [crossing for crossing in found.crossings if crossing.resolved]
    if resolved:
        told = [
            f"{sides[c.favours_above]} wins above {crossing_words(c)}{_between(found, c)}" for c in resolved
        ]
        return f"{lead}{'; '.join(told)}."
    if found.changes.favours:
        return f"{lead}{sides[found.changes.favours]} wins at every level."
    return f"{lead}where the two change places is not settled."


def _between(found: FactorBreakEven, crossing: Crossing) -> str:
    """Say between which levels a place was interpolated; nothing where it is a level."""
    below = [level for place, level in zip(found.positions, found.levels, strict=True) if place < crossing.at]
    beyond = [
        level for place, level in zip(found.positions, found.levels, strict=True) if place > crossing.at
    ]
    if crossing.at in found.positions or not below or not beyond:
        return ""
    return f", between {clean(below[-1])} and {clean(beyond[0])}"


def _few(names: list[str], most: int = 5) -> str:
    return listed(names if len(names) <= most + 1 else [*names[:most], f"{count(len(names) - most)} more"])
