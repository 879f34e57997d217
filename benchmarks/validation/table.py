"""The table: in which part of the repeats of each problem what is said is so."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from validation.decisions import choices, crossings
from validation.estimates import differences, means, percentiles
from validation.samples import Problem

INTRODUCTION = """\
# How often what is said is so

Each line is a problem whose answer is known, put to the statistics of this package {repeats:,} times with
new samples. *Held* is in how many of them the 95% set held the true answer (or, where the line says so, how
often what was said was not wrong). Read it so: 95% is what is promised; 93 to 97% is what {repeats:,}
repeats can tell from it. More is *conservative*: the set is wider than it need be, and the line says why.
Less is *short*: the set is narrower than it says, and the line says when. Written by `make validate`.
"""


@dataclass(frozen=True)
class Row:
    """A problem and in which part of the repeats its set held the truth."""

    problem: Problem
    held: float

    @property
    def verdict(self) -> str:
        """What the part says of the set."""
        if self.held < LOW:
            return "short"
        if self.problem.at_least:
            return "at least 95%, as promised" if self.held >= 0.95 else "as promised"
        return "conservative" if self.held > HIGH else "as promised"


LOW, HIGH = 0.93, 0.97


def held(problem: Problem, repeats: int) -> int:
    """Return in how many of the repeats the set of a problem held the truth; the same in every run."""
    rng = np.random.default_rng(zlib.crc32(f"{problem.group}: {problem.name}".encode()))
    return sum(problem.trial(rng) for _ in range(repeats))


def rows(problems: Iterable[Problem], repeats: int) -> list[Row]:
    """Put each problem to the statistics."""
    return [Row(problem, held(problem, repeats) / repeats) for problem in problems]


def report(found: Iterable[Row], repeats: int) -> str:
    """Return the page."""
    lines = [INTRODUCTION.format(repeats=repeats)]
    group = ""
    for row in found:
        if row.problem.group != group:
            group = row.problem.group
            lines += [f"\n## {group}\n", "| Problem | Replications | Held | |", "| --- | ---: | ---: | --- |"]
        note = f"{row.verdict}. {row.problem.note}".strip() if row.problem.note else row.verdict
        lines.append(
            f"| {row.problem.name} | {row.problem.replications:,} | {100 * row.held:.1f}% | {note} |"
        )
    return "\n".join(lines) + "\n"


def problems() -> Iterator[Problem]:
    """Yield the problems whose answer is analytic."""
    for group in (means, percentiles, differences, crossings, choices):
        yield from group()
