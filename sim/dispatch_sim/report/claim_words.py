"""What became of claims, in words: every sentence is made from the findings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from dispatch_sim.report.words import (
    about,
    capital,
    clean,
    dollars,
    duration,
    listed,
    percent,
    short_factors,
    tokens,
    way,
)
from dispatch_sim.study.advice import BestFinding, Cell, MapFinding, RegretEntry, RegretFinding
from dispatch_sim.study.axes import axis_place
from dispatch_sim.study.claim_findings import CaseFinding, ClaimFinding, RatioFinding
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
    """Write a ratio to three digits: `0.333`, `1.09`, `12.4`."""
    return f"{float(f'{value:.3g}'):g}" if math.isfinite(value) else "not known"


def _share(value: float) -> str:
    return f"{float(f'{100 * value:.2g}'):g}%" if 0 < abs(value) < 0.1 else percent(value)


_SHOW: dict[str, Show] = {
    "times": _times,
    "percent": _share,
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
    return f"{float(f'{value:.3g}'):g}"


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
        return _bounds(statement, _SHOW[statement.unit])
    if isinstance(statement, Best):
        assert isinstance(case.found, BestFinding)
        return _bounds(statement, show_axis(case.found.unit_of_axis))
    if isinstance(statement, BreakEvenMap):
        return f"{_bounds(statement, about)} tasks"
    return f"at most {percent(statement.at_most)}"


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
    show = _SHOW[statement.unit]
    points = found.points
    queue = f" The best queue is {found.best_width} wide." if found.best_width is not None else ""
    if statement.over is None:
        return estimate_words(points[0].ratio, show) + ("." + queue if queue else "")
    axis = show_axis(found.unit_of_axis)
    name = axis_words(statement)
    first, last = points[0], points[-1]
    ends = (
        f"{estimate_words(first.ratio, show)} at {axis(axis_place(first.at))}, "
        f"{estimate_words(last.ratio, show)} at {axis(axis_place(last.at))} ({name})."
    )
    turns = []
    if found.thresholds:
        turns = [f"Holds {_turns(found, statement)}."]
    elif found.verdict in (Verdict.DEPENDS, Verdict.NOT_SHOWN):
        turns = [capital(_where(found, axis)) + "."]
    return " ".join([*turns, capital(ends)]) + queue


def _where(found: RatioFinding, axis: Show) -> str:
    """Return at which points a statement holds, fails and is undecided."""
    words = {State.HOLDS: "holds", State.FAILS: "fails", State.UNDECIDED: "not settled"}
    parts = []
    for state, word in words.items():
        at = [axis(axis_place(point.at)) for point in found.points if point.state is state]
        if at:
            parts.append(f"{word} at {listed(at)}")
    return "; ".join(parts)


def threshold_words(threshold: Threshold, axis: Show, *, whole: bool) -> str:
    """Return where a statement holds: `from 3m 15s on`, with its confidence set where that is wider.

    On an axis of `whole` numbers the place is the first, or the last, at which it holds.
    """
    at, low, high = (axis(x) for x in (threshold.at, threshold.low, threshold.high))
    if whole:
        at = f"{math.floor(threshold.at) + threshold.holds_above}"
    where = f"from {at} on" if threshold.holds_above else f"up to {at}"
    return where if low == high else f"{where} (95% set {low} to {high})"


def _turns(found: RatioFinding, statement: Ratio) -> str:
    """Return all places at which a statement turns."""
    axis, whole = show_axis(found.unit_of_axis), statement.over in ("tasks", "concurrency")
    return listed([threshold_words(each, axis, whole=whole) for each in found.thresholds])


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


def map_sentences(found: MapFinding, bounds: str) -> list[str]:
    """Return what a map shows, over all of its cells."""
    states = Counter(cell.state for cell in found.cells)
    n = len(found.cells)
    kinds = Counter(cell_kind(cell) for cell in found.cells)
    widths = sorted({cell.width for cell in found.cells if cell_kind(cell) != "parallel"})
    sentences = [
        f"The break-even is shown to lie within {bounds} in {states[State.HOLDS]} of {n} places of the map, "
        f"and not to in {states[State.FAILS]}; {states[State.UNDECIDED]} are not settled."
    ]
    wins = []
    if kinds["parallel"]:
        wins.append(f"all at once wins at every size in {kinds['parallel']}")
    if kinds["queue"]:
        wins.append(f"the queue wins at every size in {kinds['queue']}")
    if kinds["crossing"]:
        firsts = [_first(cell) for cell in found.cells if cell_kind(cell) == "crossing"]
        if min(firsts) == max(firsts):
            wins.append(f"the queue wins from {min(firsts)} tasks on in {kinds['crossing']}")
        else:
            wins.append(
                f"the queue wins from some size between {min(firsts)} and {max(firsts)} tasks on in "
                f"{kinds['crossing']}"
            )
    if wins:
        sentences.append(capital("; ".join(wins)) + ".")
    if widths and len({cell.width for cell in found.cells}) > 1:
        ends = f"{widths[0]}" if len(widths) == 1 else f"{widths[0]} to {widths[-1]}"
        sentences.append(f"The queue that wins in the largest batches is {ends} wide.")
    return sentences


def passing_sentences(found: MapFinding, axis: str) -> list[str]:
    """Return between which levels of the last factor the better way changes, a sentence each."""
    sentences = []
    for passing in found.passings:
        held = listed([_level(name, level) for name, level in short_factors_of(passing.held).items()])
        winner = "all at once" if passing.favours_above == "parallel" else "the queue"
        loser = "the queue" if passing.favours_above == "parallel" else "all at once"
        low, high = _axis_number(passing.below), _axis_number(passing.above)
        where = f"For {passing.tasks} tasks of {held}" if held else f"For {passing.tasks} tasks"
        sentences.append(
            f"{where}, {loser} is cheaper up to {low} {axis}, {winner} from {high} on; between, it is open."
        )
    return sentences


def _level(name: str, level: Any) -> str:
    return f"{clean(level)} tokens" if name == "tokens" else f"{name} {clean(level)}"


def short_factors_of(factors: dict[str, Any]) -> dict[str, Any]:
    """Return factors under short names; the mean of a group's tokens is its tokens."""
    names = short_factors(factors)
    plain = {path: "tokens" if ".tokens" in path else name for path, name in names.items()}
    return {plain[path]: level for path, level in factors.items()}


def cell_kind(cell: Cell) -> str:
    """Return what a cell shows: `crossing`, `parallel` or `queue` for who wins all over, or `unresolved`."""
    found = cell.break_even
    if found.status == "crossing":
        return "crossing"
    return found.favours or "unresolved"


def _first(cell: Cell) -> int:
    crossing = next(crossing for crossing in cell.break_even.crossings if crossing.resolved)
    return cell.break_even.first(crossing)


def cell_words(cell: Cell) -> str:
    """Return a cell in two short lines."""
    kind = cell_kind(cell)
    if kind == "crossing":
        found = cell.break_even
        first, *more = [crossing for crossing in found.crossings if crossing.resolved]
        queue_first = first.direction == "queue_wins_above"
        name = "from" if queue_first else "up to"
        size = found.first(first) if queue_first else found.first(first) - 1
        until = f" to {found.first(more[0]) - 1}" if queue_first and more else ""
        assert first.low is not None
        assert first.high is not None
        return f"{name} {size}{until}\n({first.low:.1f} to {first.high:.1f})"
    return {
        "parallel": "all at once,\nevery size",
        "queue": "queue,\nevery size",
        "unresolved": "not\nsettled",
    }[kind]


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
    levels = [_level(name, level) for name, level in short_factors_of(entry.factors).items()]
    return f" ({listed(levels)})" if levels else ""


def depends_on(claim: ClaimFinding) -> str:
    """Return what decides a claim that depends: axes along which it turns, and what its cases differ in."""
    if claim.verdict is not Verdict.DEPENDS:
        return ""
    axes = [
        axis_words(case.case.statement)
        for case in claim.cases
        if isinstance(case.case.statement, Ratio)
        and isinstance(case.found, RatioFinding)
        and case.found.thresholds
    ]
    varies = [clean(claim.claim.varies)] if claim.claim.varies else []
    return capital("; ".join(dict.fromkeys([*axes, *varies])))


def summary(claim: ClaimFinding) -> str:
    """Return what came out of a claim, as short as a table needs it."""
    parts = []
    for verdict, word in (
        (Verdict.CONFIRMED, "Confirmed"),
        (Verdict.DEPENDS, "Depends"),
        (Verdict.REFUTED, "Refuted"),
        (Verdict.NOT_SHOWN, "Not shown"),
    ):
        results: dict[str, list[str]] = {}
        for case in claim.cases:
            if case.verdict is verdict:
                results.setdefault(clean(case.case.where, 120), []).append(_result(case))
        if results:
            told = [f"{where} \N{EN DASH} {', '.join(each)}" for where, each in results.items()]
            parts.append(f"{word}: {'; '.join(told)}.")
    return " ".join(parts)


def _result(case: CaseFinding) -> str:
    """Return what came out of a case, in a few words."""
    found, statement = case.found, case.case.statement
    if isinstance(found, RatioFinding) and isinstance(statement, Ratio):
        show = _SHOW[statement.unit]
        if found.thresholds:
            return f"holds {_turns(found, statement)}"
        if statement.over is None:
            return estimate_words(found.points[0].ratio, show)
        values = [point.ratio.mean for point in found.points]
        low, high = show(min(values)), show(max(values))
        return low if low == high else f"{low} to {high}"
    if isinstance(found, BestFinding):
        show = show_axis(found.unit_of_axis)
        best = [show(axis_place(level)) for level in found.best]
        return f"best {best[0]} to {best[-1]}" if len(best) > 2 else f"best {listed(best)}"
    if isinstance(found, MapFinding):
        return _map_result(found)
    assert isinstance(found, RegretFinding)
    return f"mean regret {estimate_words(found.mean, percent)}"


def _map_result(found: MapFinding) -> str:
    n, kinds = len(found.cells), Counter(cell_kind(cell) for cell in found.cells)
    firsts = [_first(cell) for cell in found.cells if cell_kind(cell) == "crossing"]
    parts = []
    if firsts:
        ends = f"{min(firsts)}" if min(firsts) == max(firsts) else f"{min(firsts)} to {max(firsts)}"
        parts.append(f"the queue wins from {ends} tasks on at {len(firsts)} of {n} places")
    if kinds["parallel"]:
        parts.append(f"all at once always at {kinds['parallel']} of {n}")
    if kinds["queue"]:
        parts.append(f"the queue always at {kinds['queue']} of {n}")
    if kinds["unresolved"]:
        parts.append(f"not settled at {kinds['unresolved']} of {n}")
    return ", ".join(parts)


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
