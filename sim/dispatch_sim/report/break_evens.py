"""Break-evens in words, for somebody who asks 'is it 4 tasks or 7?'."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.report.format import MEASURES, capital, kind_words, listed, place, way
from dispatch_sim.report.view import View
from dispatch_sim.stats.crossings import Crossing, Region

MOST_BREAK_EVENS = 6
"""Sentences on break-evens; with several variants of a kind there is one a pair of them."""


def break_even_sentence(found: BreakEven) -> str:
    """Return where all at once and a queue change places, as a sentence or two."""
    where = f"At {found.tasks} tasks, " if found.tasks is not None else ""
    return capital(f"{where}{_finding(found)}")


def break_even_cell(found: BreakEven) -> str:
    """Return the break-even in a few words, for a table or a row of a figure."""
    resolved = _told(found)
    if resolved:
        return "; ".join(
            f"{winner_above(found, crossing)} above {crossing_words(crossing)}" for crossing in resolved
        )
    if found.practically_equal:
        return "practically equal"
    if found.favours:
        return f"none: {_side(found, found.favours)} is {_better(found)} at every {_noun(found)}"
    return "; ".join(["unresolved", *_decided(found)]) if found.range[0] < found.range[1] else "unresolved"


def break_even_short(found: BreakEven) -> str:
    """Return the break-even in the fewest words: `4.2 (3.1 to 5.0)` where the queue wins above."""
    resolved = _told(found)
    plain = [crossing.favours_above for crossing in resolved] == ["queue"]
    if resolved:
        return "; ".join(
            ("" if plain else f"{winner_above(found, crossing)} above ") + crossing_words(crossing)
            for crossing in resolved
        )
    if found.practically_equal:
        return "practically equal"
    return f"none: {_side(found, found.favours)} is {_better(found)}" if found.favours else "unresolved"


def winner_above(found: BreakEven, crossing: Crossing) -> str:
    """Return who wins above a crossing."""
    return _side(found, crossing.favours_above)


def queue_name(found: BreakEven) -> str:
    """Return what all at once is compared with: `the best queue`, `a queue of 3`, `a queue`."""
    return kind_words("the best queue", found.queue) if found.is_with_best else way(found.queue)


def decimals(values: Iterable[float | None]) -> int:
    """Return with how many decimals to write places of an axis of whole numbers side by side.

    None where all are whole; one, or two where with one some place would look whole and is not.
    """
    places = [value for value in values if value is not None]
    broken = [v for v in places if not math.isclose(v, round(v), abs_tol=1e-9)]
    return 0 if not broken else 2 if any(round(v, 1) == round(v) for v in broken) else 1


def crossing_words(crossing: Crossing, before_set: str = "") -> str:
    """Return where a crossing is, and its confidence set in brackets: `7.02 (6.80 to 7.31)`."""
    places = (crossing.at, crossing.low, crossing.high)
    digits = decimals(places)
    at, low, high = ("beyond the range" if value is None else f"{value:.{digits}f}" for value in places)
    return f"{at}{before_set or ' ('}{low} to {high}{'' if before_set else ')'}"


def _told(found: BreakEven) -> list[Crossing]:
    """Return the crossings that are told: those that are resolved, where anything is at stake."""
    return [c for c in found.crossings if c.resolved and not found.practically_equal]


def _side(found: BreakEven, side: str) -> str:
    return queue_name(found) if side == "queue" else way(found.parallel)


def _better(found: BreakEven) -> str:
    measure = MEASURES.get(found.objective)
    return measure.better if measure else "better"


def _unit(found: BreakEven) -> str:
    return "tasks" if found.axis == "tasks" else "at once"


def _noun(found: BreakEven) -> str:
    return "size" if found.axis == "tasks" else "width"


def _finding(found: BreakEven) -> str:
    low, high = found.range
    unit, better = _unit(found), _better(found)
    if found.practically_equal and low < high:
        return (
            f"{way(found.parallel)} and {queue_name(found)} are practically equal at every "
            f"{_noun(found)} from {low} to {high} {unit}: within what nobody would act on."
        )
    if low == high and not found.crossings:
        verdict = (
            f"{_side(found, found.favours)} is {better}"
            if found.favours
            else f"neither is shown to be {better}"
        )
        return f"{verdict} at {low} {unit}, the only point that was played."
    if found.favours:
        other = "parallel" if found.favours == "queue" else "queue"
        return (
            f"there is no break-even from {low} to {high} {unit}: {_side(found, found.favours)} is "
            f"{better} than "
            f"{_side(found, other)} at every {_noun(found)} in that range."
        )
    if found.status == "unresolved":
        return _unresolved(found)
    parts = [_resolved(found, crossing) for crossing in found.crossings if crossing.resolved]
    near = [place(crossing.at) for crossing in found.crossings if not crossing.resolved]
    again = f" Near {listed(near)} the two may change places again; that is within the noise." if near else ""
    return "; ".join(parts) + "." + again


def _resolved(found: BreakEven, crossing: Crossing) -> str:
    confidence = f"{100 * found.confidence:g}%"
    where = crossing_words(crossing, f", {confidence} confidence set ")
    shown = found.shown_from(crossing)
    said = f", which is shown from {shown} on" if shown not in (None, found.first(crossing)) else ""
    return (
        f"from {first_above(found, crossing)} {_unit(found)} on, {winner_above(found, crossing)} is "
        f"{_better(found)} than {_loser_above(found, crossing)}{said} "
        f"(break-even {where})"
    )


def _loser_above(found: BreakEven, crossing: Crossing) -> str:
    return _side(found, "parallel" if crossing.favours_above == "queue" else "queue")


def first_above(found: BreakEven, crossing: Crossing) -> str:
    """Return the first whole number above a crossing; `about` where it is not shown or not played."""
    first = found.first(crossing)
    played = {first, first - 1} <= set(found.values)
    return str(first) if played and found.shown_from(crossing) == first else f"about {first}"


def _unresolved(found: BreakEven) -> str:
    low, high = found.range
    text = (
        f"where {way(found.parallel)} and {queue_name(found)} change places from {low} to {high} "
        f"{_unit(found)} is not settled by {found.replications:,} replications"
    )
    decided = _decided(found)
    near = [place(crossing.at) for crossing in found.crossings]
    if decided:
        text += f": {listed(decided)}; elsewhere neither is shown to be {_better(found)}"
    elif not near:
        text += f": neither is shown to be {_better(found)} anywhere"
    if near and len(near) <= 3:
        text += f"; the means cross near {listed(near)}, within the noise"
    return f"{text}."


def _decided(found: BreakEven) -> list[str]:
    """Say for each side where it is better, at most three places of it."""
    texts = []
    for side in dict.fromkeys(region.favours for region in found.decided):
        regions = [region for region in found.decided if region.favours == side]
        places = [_span(found, region) for region in regions[:3]]
        places += ["elsewhere"] if len(regions) > 3 else []
        texts.append(f"{_side(found, side or 'queue')} is {_better(found)} {listed(places)}")
    return texts


def _span(found: BreakEven, region: Region) -> str:
    """Return where a region lies: the points in it that were played, or, where it has none, its ends.

    A point on its border is not in it: what is undecided is closed.
    """
    inside = [
        value
        for value in found.values
        if region.low <= value <= region.high
        and not any(other.low <= value <= other.high for other in found.undecided)
    ]
    low, high = (f"{inside[0]}", f"{inside[-1]}") if inside else (place(region.low), place(region.high))
    return f"from {low} to {high}" if low != high else f"at {low}"


def break_even_sentences(view: View) -> list[str]:
    """Return the break-evens with the best queue and along the widths; empty where one point was played."""
    found = [*view.along("tasks"), *view.along("concurrency")]
    found = [break_even for break_even in found if break_even.range[0] < break_even.range[1]]
    told = [sentence for break_even in found if (sentence := _break_even_sentence(view, break_even))]
    more = len(told) - MOST_BREAK_EVENS
    if told and view.is_wide_queue:
        told[-1] += (
            " A queue as wide as the batch starts all tasks together too, so it counts here as all at once."
        )
    return told if more <= 0 else [*told[:MOST_BREAK_EVENS], f"There are {more} more, in the files."]


def _break_even_sentence(view: View, found: BreakEven) -> str:
    if found.axis == "tasks" and not view.ever_differ(found):
        low, high = found.range
        return (
            f"{capital(way(found.parallel))} and {queue_name(found)} came out exactly the same at every "
            f"size from {low} to {high} tasks."
        )
    if found.axis == "concurrency" and all(other.identical for other in view.choice.alternatives):
        return ""
    return break_even_sentence(found)
