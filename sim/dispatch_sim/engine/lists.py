"""Lists of the numbers of tasks, or of writes."""

from dispatch_sim.engine.records import NumberList


def append(of: NumberList, number: int) -> None:
    """Append a number to a list."""
    of.numbers[of.length] = number
    of.length += 1


def remove(of: NumberList, number: int) -> None:
    """Remove a number from a list; the others keep their order."""
    kept = 0
    for i in range(of.length):
        of.numbers[kept] = of.numbers[i]
        if of.numbers[i] != number:
            kept += 1
    of.length = kept
