"""The map of the break-even in words: what each of its cells shows, and what all of them come to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from dispatch_sim.report.claim_relations import COST
from dispatch_sim.report.words import clean, count, listed, short_factors
from dispatch_sim.study.axes import axis_place
from dispatch_sim.study.claim_map import Cell, MapFinding
from dispatch_sim.study.claims import BreakEvenMap
from dispatch_sim.study.verdicts import State


def cell_kind(cell: Cell) -> str:
    """Return what a cell shows.

    Returns
    -------
    `parallel` or `queue` for who wins at every size; `from` or `up to` for the queue's winning from or up
    to some size; `between` for several crossings; `at last` or `at first` for the queue's being shown to
    win from some size on, or up to one, while the rest is open; `once at last`, `once at first` likewise
    for parallel; else `open`.
    """
    found = cell.break_even
    if found.favours:
        return found.favours
    resolved = [crossing for crossing in found.crossings if crossing.resolved]
    if len(resolved) > 1:
        return "between"
    if resolved:
        return "from" if resolved[0].direction == "queue_wins_above" else "up to"
    first, last = found.range
    for region in reversed(found.decided):
        if region.high == last:
            return "at last" if region.favours == "queue" else "once at last"
        if region.low == first:
            return "at first" if region.favours == "queue" else "once at first"
    return "open"


def cell_size(cell: Cell) -> int | None:
    """Return the first size at which the queue wins, or the last; None where it is not one size."""
    kind = cell_kind(cell)
    found = cell.break_even
    if kind in ("from", "up to", "between"):
        crossing = next(crossing for crossing in found.crossings if crossing.resolved)
        first = found.first(crossing)
        return first if crossing.direction == "queue_wins_above" else first - 1
    if kind in ("at last", "once at last"):
        return math.floor(found.decided[-1].low) + 1  # its end belongs to what is open
    if kind in ("at first", "once at first"):
        return math.ceil(found.decided[0].high) - 1
    return None


def cell_words(cell: Cell) -> str:
    """Return a cell in two short lines."""
    kind, size = cell_kind(cell), cell_size(cell)
    if kind in ("from", "up to", "between"):
        first, *more = [crossing for crossing in cell.break_even.crossings if crossing.resolved]
        assert first.low is not None
        assert first.high is not None
        until = f" to {cell.break_even.first(more[0]) - 1}" if more and kind == "between" else ""
        name = "queue up to" if first.direction != "queue_wins_above" else "queue from"
        return f"{name} {size}{until}\n({first.low:.1f} to {first.high:.1f})"
    return {
        "parallel": "all at once,\nevery size",
        "queue": "queue,\nevery size",
        "at last": f"queue from {size},\nbelow open",
        "at first": f"queue up to {size},\nabove open",
        "once at last": f"all at once\nfrom {size}, below open",
        "once at first": f"all at once\nto {size}, above open",
        "open": "open",
    }[kind]


def level_words(name: str, level: Any) -> str:
    """Return a level of a factor: `15K tokens`, `scale 2`."""
    return f"{clean(level)} tokens" if name == "tokens" else f"{name} {clean(level)}"


def short_factors_of(factors: dict[str, Any]) -> dict[str, Any]:
    """Return factors under short names; the mean of a group's tokens is its tokens."""
    names = short_factors(factors)
    plain = {path: "tokens" if ".tokens" in path else name for path, name in names.items()}
    return {plain[path]: level for path, level in factors.items()}


def map_sentences(found: MapFinding, bounds: str) -> list[str]:
    """Return what a map shows, over all of its cells."""
    states = Counter(cell.state for cell in found.cells)
    widths = sorted({cell.width for cell in found.cells})
    sentences = [
        f"The break-even is shown to lie within {bounds} in {states[State.HOLDS]} of {len(found.cells)} "
        f"places of the map, and not to in {states[State.FAILS]}; {states[State.UNDECIDED]} are not settled.",
        f"Cheaper is {kinds_words(found.cells)}.",
    ]
    if len(widths) > 1:
        sentences.append(f"In the largest batches the best queue is {widths[0]} to {widths[-1]} wide.")
    return sentences


def kinds_words(cells: Sequence[Cell]) -> str:
    """Return what cells show, with how many of them do where not all do the same."""
    sizes: dict[str, list[int]] = {}
    for cell in cells:
        sizes.setdefault(cell_kind(cell), []).append(cell_size(cell) or 0)
    parts = []
    for kind in _KINDS:
        if kind in sizes:
            where = f" in {len(sizes[kind])} of {len(cells)}" if len(sizes[kind]) < len(cells) else ""
            low, high = min(sizes[kind]), max(sizes[kind])
            size = f"{low}" if low == high else f"{low} to {high}"
            parts.append(_KINDS[kind].format(size=size) + where)
    return "; ".join(parts)


_KINDS = {
    "from": "the queue from {size} tasks on",
    "between": "the queue from {size} tasks on but not in the largest batches",
    "at last": "the queue from {size} tasks on, fewer open",
    "queue": "the queue at every size",
    "parallel": "all at once at every size",
    "up to": "the queue up to {size} tasks, all at once above",
    "at first": "the queue up to {size} tasks, more open",
    "once at last": "all at once from {size} tasks on, fewer open",
    "once at first": "all at once up to {size} tasks, more open",
    "open": "open",
}
"""What cells of each kind show, in the order in which it is told."""


def by_column(found: MapFinding) -> list[tuple[list[Any], list[Cell]]]:
    """Return the cells by levels of the last factor; neighbours of which the same is said stand together."""
    columns: dict[Any, list[Cell]] = {}
    for cell in found.cells:
        columns.setdefault(list(cell.factors.values())[-1], []).append(cell)
    grouped: list[tuple[list[Any], list[Cell]]] = []
    for level in sorted(columns, key=axis_place):
        if grouped and queue_words(grouped[-1][1]) == queue_words(columns[level]):
            grouped[-1][0].append(level)
            grouped[-1][1].extend(columns[level])
        else:
            grouped.append(([level], columns[level]))
    return grouped


def queue_words(cells: Sequence[Cell]) -> str:
    """Return from how many tasks on the queue is shown to be cheaper, and in how many cells it nowhere is."""
    sizes = [cell_size(cell) or 0 for cell in cells if cell_kind(cell) in ("from", "between", "at last")]
    known = {"from", "between", "at last", *_NEVER_QUEUE}
    if any(cell_kind(cell) not in known for cell in cells):
        return kinds_words(cells)
    if not sizes:
        return "the queue is nowhere shown to be cheaper"
    low, high = min(sizes), max(sizes)
    where = f" for {len(sizes)} of {len(cells)} sizes of a task" if len(sizes) < len(cells) else ""
    words = f"the queue is cheaper from {low if low == high else f'{low} to {high}'} tasks on{where}"
    return f"{words}, for the others it is nowhere shown to be" if where else words


_NEVER_QUEUE = ("parallel", "once at last", "once at first", "open")


def column_words(found: MapFinding, statement: BreakEvenMap) -> list[str]:
    """Return what a map shows at each level of its last factor, with what is at stake, a sentence each."""
    return [
        f"At {_levels(levels)} {statement.columns or 'of the last factor'}, {queue_words(cells)}."
        f"{_stake(cells)}"
        for levels, cells in by_column(found)
    ]


def map_advice(found: MapFinding, statement: BreakEvenMap) -> str:
    """Return what to do by a map, as short as a table needs it."""
    (levels, cells), *others = by_column(found)
    first = f"At {_levels(levels)} {statement.columns or 'of the last factor'} {queue_words(cells)}"
    return ". ".join([first, *(f"At {_levels(more)} {queue_words(each)}" for more, each in others)]) + "."


def _levels(levels: Sequence[Any]) -> str:
    return listed([f"{axis_place(level):g}" for level in levels])


def _stake(cells: Sequence[Cell]) -> str:
    """Return what all at once costs beside the queue, at each size that was asked for."""
    parts = []
    for size in sorted({size for cell in cells for size in cell.more}):
        ratios = [1 + cell.more[size] for cell in cells if size in cell.more]
        parts.append(f"at {count(size)} tasks it {COST.span(min(ratios), max(ratios))}")
    return f" Beside the queue, all at once: {listed(parts)}." if parts else ""


def passing_sentences(found: MapFinding, axis: str) -> list[str]:
    """Return between which levels of the last factor the better way changes, a sentence each."""
    sentences = []
    for passing in found.passings:
        held = listed([level_words(name, level) for name, level in short_factors_of(passing.held).items()])
        winner = "all at once" if passing.favours_above == "parallel" else "the queue"
        loser = "the queue" if passing.favours_above == "parallel" else "all at once"
        low, high = f"{passing.below:g}", f"{passing.above:g}"
        where = f"For {passing.tasks} tasks of {held}" if held else f"For {passing.tasks} tasks"
        sentences.append(
            f"{where}, {loser} is cheaper up to {low} {axis}, {winner} from {high} on; between, it is open."
        )
    return sentences
