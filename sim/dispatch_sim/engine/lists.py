"""Lists of tasks, or of writes, by their numbers."""

from __future__ import annotations

from dispatch_sim.engine.records import NumberList


def append(of: NumberList, number: int) -> None:
    """Append a number."""
    of.numbers[of.length] = number
    of.length += 1


def remove(of: NumberList, number: int) -> None:
    """Remove a number; the others keep their order."""
    kept = 0
    for i in range(of.length):
        of.numbers[kept] = of.numbers[i]
        if of.numbers[i] != number:
            kept += 1
    of.length = kept
