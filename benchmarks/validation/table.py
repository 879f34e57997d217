"""The table of coverage."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from validation.decisions import choices, crossings
from validation.estimates import differences, means, percentiles
from validation.samples import Problem

INTRODUCTION = """\
# Coverage of the statistics

Each line is a problem with a known answer. The statistics of this package are applied to it {repeats:,}
times, with new samples each time. *Coverage* is the share of repeats whose 95% interval or region holds the
true answer or, where the line says so, whose statement is true. Of {repeats:,} repeats, 93 to 97% is
consistent with 95%. Higher coverage is *conservative*: the interval is wider than needed, and the line says
why. Lower coverage is *short*: the interval is too narrow, and the line says when. Written by
`make validate`.
"""


@dataclass(frozen=True)
class Row:
    """A problem, and the share of repeats whose interval held the truth."""

    problem: Problem
    held: float

    @property
    def verdict(self) -> str:
        """The judgement of the coverage."""
        if self.held < LOW:
            return "short"
        if self.problem.at_least:
            return "at least 95%, as promised" if self.held >= 0.95 else "as promised"
        return "conservative" if self.held > HIGH else "as promised"


LOW, HIGH = 0.93, 0.97


def held(problem: Problem, repeats: int) -> int:
    """Return the number of repeats whose interval held the truth; the same in every run."""
    rng = np.random.default_rng(zlib.crc32(f"{problem.group}: {problem.name}".encode()))
    return sum(problem.trial(rng) for _ in range(repeats))


def report(found: Iterable[Row], repeats: int) -> str:
    """Return the page."""
    lines = [INTRODUCTION.format(repeats=repeats)]
    group = ""
    for row in found:
        if row.problem.group != group:
            group = row.problem.group
            lines += [
                f"\n## {group}\n",
                "| Problem | Replications | Coverage | |",
                "| --- | ---: | ---: | --- |",
            ]
        note = f"{row.verdict}. {row.problem.note}".strip() if row.problem.note else row.verdict
        lines.append(
            f"| {row.problem.name} | {row.problem.replications:,} | {100 * row.held:.1f}% | {note} |"
        )
    return "\n".join(lines) + "\n"


def problems() -> Iterator[Problem]:
    """Yield the problems whose answer is analytic."""
    for group in (means, percentiles, differences, crossings, choices):
        yield from group()
