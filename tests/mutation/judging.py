"""What a run of mutmut comes to: counts, survivors that nobody has explained, explanations of no survivor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .explained import Change

KILLED = {"killed", "timeout"}
"""As mutmut calls them. A mutant that no test reaches, or whose end is suspicious, is not killed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutant, and what mutmut says became of it."""

    change: Change
    status: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a run.

    Attributes
    ----------
    counts : mutants by module and status.
    unexplained : those that were not killed, without a reason.
    stale : changes that are explained, and with what became of them: killed, or not made.
    untouched : modules of which no mutant was made.
    """

    counts: dict[str, Counter[str]]
    unexplained: tuple[Mutant, ...]
    stale: tuple[tuple[Change, str], ...]
    untouched: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every survivor is explained, every explanation needed, and every module mutated."""
        return not (self.unexplained or self.stale or self.untouched)

    def __str__(self) -> str:
        """Write a table of the counts, and then what is wrong."""
        total = sum(self.counts.values(), Counter())
        statuses = [s for s in ("killed", "timeout", "survived") if s in total]
        statuses += sorted(total.keys() - {*statuses})
        rows = [["module", "made", *statuses]]
        rows += [
            [name, str(count.total()), *(str(count[s]) for s in statuses)]
            for name, count in [*self.counts.items(), ("all", total)]
        ]
        wide = max(len(row[0]) for row in rows)
        lines = [row[0].ljust(wide) + "".join(cell.rjust(12) for cell in row[1:]) for row in rows]
        for mutant in self.unexplained:
            lines += ["", f"not explained ({mutant.status}):", str(mutant.change)]
        for change, fate in self.stale:
            lines += ["", f"explained, but {fate}; take it out of the page:", str(change)]
        lines += [f"\nno mutant was made of {module}" for module in self.untouched]
        return "\n".join(lines)


def judge(mutants: Sequence[Mutant], explained: Sequence[Change], modules: Sequence[str]) -> Verdict:
    """Judge a run.

    Parameters
    ----------
    mutants : all that were made.
    explained : the changes that may survive.
    modules : of which there has to be a mutant.
    """
    counts = {module: Counter[str]() for module in modules}
    for mutant in mutants:
        counts.setdefault(mutant.change.module, Counter())[mutant.status] += 1
    made = {mutant.change for mutant in mutants}
    survivors = [mutant for mutant in mutants if mutant.status not in KILLED]
    alive = {mutant.change for mutant in survivors}
    return Verdict(
        counts,
        tuple(mutant for mutant in survivors if mutant.change not in explained),
        tuple(
            (change, "killed" if change in made else "not made")
            for change in explained
            if change not in alive
        ),
        tuple(module for module, count in counts.items() if not count),
    )
