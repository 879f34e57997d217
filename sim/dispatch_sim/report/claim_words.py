"""What became of claims, in words: every sentence is made from the findings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from dispatch_sim.report.claim_maps import level_words, map_sentences, short_factors_of
from dispatch_sim.report.claim_relations import COST, TIME, Relation, share
from dispatch_sim.report.words import (
    about,
    capital,
    clean,
    dollars,
    duration,
    listed,
    percent,
    tokens,
    way,
)
from dispatch_sim.study.axes import axis_place
from dispatch_sim.study.claim_findings import CaseFinding, RatioFinding
from dispatch_sim.study.claim_map import MapFinding
from dispatch_sim.study.claim_regret import RegretEntry, RegretFinding
from dispatch_sim.study.claim_widths import BestFinding
from dispatch_sim.study.claims import Best, Bounds, BreakEvenMap, Ratio, Regret
from dispatch_sim.study.estimates import Estimate
from dispatch_sim.study.verdicts import State, Threshold, Verdict

MARKS = {
    Verdict.CONFIRMED: "confirmed",
    Verdict.REFUTED: "refuted",
    Verdict.DEPENDS: "it depends",
    Verdict.NOT_SHOWN: "not shown",
}

Show = Callable[[float], str]


def _times(value: float) -> str:
    """Write a ratio to three digits: `0.333 times`, `12.4 times`."""
    return f"{_digits(value)} times" if math.isfinite(value) else "not known"


def _digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):g}"


def relation(statement: Ratio) -> Relation | None:
    """Return how a ratio is said in words, where it is one of times or of costs."""
    if statement.unit != "times" or statement.to is None:
        return None
    measures = {name for term in (*statement.of, *statement.to) for name in term.measure}
    if measures == {"makespan_s"}:
        return TIME
    return COST if all(name.endswith("_usd") for name in measures) else None


def ratio_words(statement: Ratio, estimate: Estimate) -> str:
    """Return a ratio and its interval in words."""
    said = relation(statement)
    return said.within(estimate) if said is not None else estimate_words(estimate, _SHOW[statement.unit])


_SHOW: dict[str, Show] = {
    "times": _times,
    "percent": share,
    "seconds": duration,
    "tokens": tokens,
    "dollars": dollars,
    "number": about,
    "limit": about,
}


def show_value(unit: str) -> Show:
    """Return how values of a unit are written."""
    return _SHOW[unit]


def show_axis(unit: str) -> Show:
    """Return how places of an axis are written."""
    return _axis_number if unit in ("number", "limit") else _SHOW[unit]


def _axis_number(value: float) -> str:
    return _digits(value)


def estimate_words(estimate: Estimate, show: Show) -> str:
    """Return a value and its interval, the interval only where it is not a point as written."""
    value, low, high = (show(x) for x in (estimate.mean, estimate.low, estimate.high))
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return f"{value} (interval unbounded)"
    return value if low == high else f"{value} ({low} to {high})"


def claimed(case: CaseFinding) -> str:
    """Return what a case says must come out: `at most 20%`, `0.3 to 0.367`."""
    statement = case.case.statement
    if isinstance(statement, Ratio):
        return _ratio_bounds(statement)
    if isinstance(statement, Best):
        assert isinstance(case.found, BestFinding)
        return _bounds(statement, show_axis(case.found.unit_of_axis))
    if isinstance(statement, BreakEvenMap):
        return f"{_bounds(statement, about)} tasks"
    return f"at most {percent(statement.at_most)}"


def _ratio_bounds(statement: Ratio) -> str:
    said = relation(statement)
    if said is None:
        return _bounds(statement, _SHOW[statement.unit])
    low, high = statement.at_least, statement.at_most
    if low is not None and high is not None:
        return f"{said.verb} {share(low)} to {share(high)} {said.less}"
    bound = high if high is not None else low
    assert bound is not None
    return f"{said.verb} at {'most' if high is not None else 'least'} {said.bare(bound)}"


def _bounds(bounds: Bounds, show: Show) -> str:
    low, high = bounds.at_least, bounds.at_most
    if low is None or high is None:
        return f"at most {show(high)}" if high is not None else f"at least {show(low or 0.0)}"
    return show(low) if low == high else f"{show(low)} to {show(high)}"


def axis_words(statement: Ratio | Best) -> str:
    """Return what the axis of a statement is called."""
    return clean(statement.axis or statement.over or "")


def came_out(case: CaseFinding) -> str:
    """Return what came out of a case, in a sentence or two."""
    found, statement = case.found, case.case.statement
    if isinstance(found, RatioFinding):
        assert isinstance(statement, Ratio)
        return _ratio_words(found, statement)
    if isinstance(found, BestFinding):
        assert isinstance(statement, Best)
        return _best_words(found, statement)
    if isinstance(found, MapFinding):
        return " ".join(map_sentences(found, claimed(case)))
    return _regret_words(found)


def _ratio_words(found: RatioFinding, statement: Ratio) -> str:
    points = found.points
    queue = f" The best queue is {found.best_width} wide." if found.best_width is not None else ""
    if statement.over is None:
        return f"{capital(ratio_words(statement, points[0].ratio))}.{queue}"
    axis = show_axis(found.unit_of_axis)
    name = axis_words(statement)
    ends = [
        f"{ratio_words(statement, point.ratio)} at {axis(axis_place(point.at))}"
        for point in (points[0], points[-1])
    ]
    told = []
    if found.thresholds:
        told = [f"Holds {turns(found, statement)} ({name})."]
    elif found.verdict in (Verdict.DEPENDS, Verdict.NOT_SHOWN):
        told = [capital(where_words(found, axis)) + f" ({name})."]
    else:
        ends[-1] += f" ({name})"
    return " ".join([*told, f"{capital('; '.join(ends))}.{queue}"])


def where_words(found: RatioFinding, axis: Show) -> str:
    """Return at which points a statement holds, fails and is undecided."""
    words = {State.HOLDS: "holds", State.FAILS: "fails", State.UNDECIDED: "not settled"}
    parts = []
    for state, word in words.items():
        at = [axis(axis_place(point.at)) for point in found.points if point.state is state]
        if at:
            parts.append(f"{word} at {listed(at)}")
    return "; ".join(parts)


def threshold_words(threshold: Threshold, axis: Show, *, whole: bool, bare: bool = False) -> str:
    """Return where a statement holds: `from 3m 15s on`, with its confidence set where that is wider.

    On an axis of `whole` numbers the place is the first, or the last, at which it holds. `bare` leaves the
    confidence set out, but says from where on it is shown to hold where that is much further.
    """
    at, low, high = (axis(x) for x in (threshold.at, threshold.low, threshold.high))
    if whole:
        at = f"{math.floor(threshold.at) + threshold.holds_above}"
    where = f"from {at} on" if threshold.holds_above else f"up to {at}"
    if not bare:
        return where if low == high else f"{where} (95% set {low} to {high})"
    shown, loose = (high, threshold.high) if threshold.holds_above else (low, threshold.low)
    far = abs(loose - threshold.at) > _LOOSE * abs(threshold.at)
    return f"{where} (shown {'from' if threshold.holds_above else 'up to'} {shown})" if far else where


_LOOSE = 0.25
"""By what part of a threshold its confidence set reaches further before that has to be said."""


def turns(found: RatioFinding, statement: Ratio, *, bare: bool = False) -> str:
    """Return all places at which a statement turns; `bare` without their confidence sets."""
    axis, whole = show_axis(found.unit_of_axis), statement.over in ("tasks", "concurrency")
    return listed([threshold_words(each, axis, whole=whole, bare=bare) for each in found.thresholds])


def _best_words(found: BestFinding, statement: Best) -> str:
    show = show_axis(found.unit_of_axis)
    money = statement.measure.endswith("_usd")
    value: Show = dollars if money else about
    best = [show(axis_place(level)) for level in found.best]
    least = found.levels.index(found.least)
    many = "Best" if len(best) == 1 else "Not told from the best"
    ends = [
        f"{value(found.means[i].mean)} at {show(axis_place(found.levels[i]))}"
        for i in dict.fromkeys((0, least, len(found.levels) - 1))
    ]
    return f"{many}: {listed(best)} ({axis_words(statement)}). {capital(listed(ends))}."


def _regret_words(found: RegretFinding) -> str:
    if not found.entries:
        return "No scenario has both one by one and all at once."
    worst = found.worst
    right = sum(1 for entry in found.entries if entry.picked == entry.best)
    names = {"sequential": "one by one", "parallel": "all at once", "queue": "the queue"}
    always = [f"{names[rule]} {percent(mean.mean)}" for rule, mean in found.always.items()]
    sentence = (
        f"Mean regret {estimate_words(found.mean, percent)} over {found.mean.n} scenarios; always the same "
        f"way: {listed(always)}. The rule picks the best that was played in {right} of {len(found.entries)} "
        "settings."
    )
    if worst.regret.mean > 0:
        sentence += (
            f" Worst: {estimate_words(worst.regret, percent)} more in {worst.scenario}"
            f"{_at(worst)}, where it says {way(worst.picked)} and the best is {way(worst.best)}."
        )
    return sentence


def _at(entry: RegretEntry) -> str:
    levels = [level_words(name, level) for name, level in short_factors_of(entry.factors).items()]
    return f" ({listed(levels)})" if levels else ""


def regret_rows(found: RegretFinding) -> list[tuple[str, ...]]:
    """Return one row a scenario: its conditions, what the rule says, what is best, and the regret."""
    by_scenario: dict[str, list[RegretEntry]] = {}
    for entry in found.entries:
        by_scenario.setdefault(entry.scenario, []).append(entry)
    rows = []
    for name, entries in by_scenario.items():
        mean = sum(entry.regret.mean for entry in entries) / len(entries)
        worst = max(entries, key=lambda entry: entry.regret.mean)
        rows.append(
            (
                name.removesuffix(".yaml"),
                f"{len(entries)}",
                _how_many(entries, [entry.independent for entry in entries]),
                _how_many(entries, [entry.structured for entry in entries]),
                _how_many(entries, [entry.matters for entry in entries]),
                _most(entries, [way(entry.picked) for entry in entries]),
                _most(entries, [way(entry.best) for entry in entries]),
                percent(mean),
                percent(worst.regret.mean),
            )
        )
    return sorted(rows, key=lambda row: (-float(row[-2].rstrip("%").replace("less than ", "") or 0), row[0]))


def _how_many(entries: Sequence[RegretEntry], which: Sequence[bool]) -> str:
    yes = sum(which)
    return "yes" if yes == len(entries) else "no" if not yes else f"in {yes}"


def _most(entries: Sequence[RegretEntry], names: Sequence[str]) -> str:
    (name, times), *others = Counter(names).most_common()
    return name if not others else f"{name} (in {times})"


def regret_note(statement: Regret) -> str:
    """Return what the rule falls back on."""
    return "one by one" if statement.otherwise == "sequential" else f"a queue of {statement.width}"
