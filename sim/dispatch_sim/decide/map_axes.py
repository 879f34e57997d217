"""The axes of a map: a key of the scenario and its levels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from dispatch_sim.decide.grid import BATCH
from dispatch_sim.decide.parameters import Parameter, ParameterError, parameter_at, with_range
from dispatch_sim.scenario import factors
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Sweep
from dispatch_sim.scenario.samples import Samples
from dispatch_sim.scenario.tasks import MAX_TASKS
from dispatch_sim.scenario.wording import shown

CELLS = 12
"""Levels of an axis that does not name its own."""

MAX_LEVELS = 60


@dataclass(frozen=True)
class Axis:
    """One side of a map: a key, and its levels in base units, increasing."""

    parameter: Parameter
    levels: tuple[float, ...]

    @property
    def labels(self) -> list[str]:
        """The levels as people write them."""
        return [self.parameter.show(level) for level in self.levels]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "path": self.parameter.path,
            "unit": self.parameter.unit,
            "levels": list(self.levels),
            "of_the_scenario": None if self.parameter.is_off else self.parameter.value,
            "is_mean": self.parameter.distribution is not None,
        }


def read_axis(source: Source, text: str, cells: int) -> Axis:
    """Return the axis that a text names; of a range, or of none, with so many levels.

    Raises ParameterError for a key or levels that cannot be mapped.
    """
    if not 2 <= cells <= MAX_LEVELS:
        raise ParameterError("cells", f"{cells} levels of an axis; write 2 to {MAX_LEVELS}")
    path, given, levels = text.partition("=")
    parameter = parameter_at(source, path.strip())
    if not given and parameter.is_off:
        raise ParameterError(path, f"the scenario has no value there; name the range: {path}=LOW..HIGH")
    if given and ".." not in levels:
        named = sorted(parameter.read(part.strip()) for part in levels.strip("[] ").split(","))
        if len(set(named)) < len(named):
            raise ParameterError(parameter.path, f"level {shown(levels)} is repeated; remove one")
        if len(named) > MAX_LEVELS:
            raise ParameterError(path, f"{len(named)} levels; at most {MAX_LEVELS} are mapped")
    else:
        parameter = with_range(parameter, levels) if given else parameter
        named, value = spaced(parameter, cells), parameter.value
        if len(named) > 2 and named[0] < value < named[-1]:
            # The ends stay: they were asked for.
            named[min(range(1, len(named) - 1), key=lambda i: abs(named[i] - value))] = value
    _check_levels(source, parameter, named)
    return Axis(parameter, tuple(named))


def _check_levels(source: Source, parameter: Parameter, levels: Iterable[float]) -> None:
    """Check that values can stand at a key, whatever they mean for the rest of the scenario.

    Raises ParameterError with the first that cannot.
    """
    if parameter.path == BATCH:
        for level in levels:
            if not 1 <= level <= MAX_TASKS:
                raise ParameterError(BATCH, f"{level:,.0f} tasks; a batch has 1 to {MAX_TASKS:,}")
        return
    written = {parameter.path: [parameter.write(level) for level in levels]}
    swept = source.scenario().model_copy(update={"sweep": Sweep.model_validate(written)})
    found = factors.findings(source.raw, swept, Samples(source.folders))
    if found:
        raise ParameterError(parameter.path, found[0].message)


def spaced(parameter: Parameter, number: int) -> list[float]:
    """Return levels over the range: evenly on a logarithmic scale, or from zero on a linear one.

    They are rounded to as few digits as tell them apart; of whole numbers there may be fewer.
    """
    low, high = parameter.low, parameter.high
    if parameter.is_whole and high - low < number:
        return [float(value) for value in range(math.ceil(low), math.floor(high) + 1)]
    steps = [index / (number - 1) for index in range(number)]
    if low > 0 and high >= 3 * low:
        exact = [low * (high / low) ** step for step in steps]
    else:
        exact = [low + (high - low) * step for step in steps]
    if parameter.is_whole:
        return sorted({parameter.clipped(value) for value in exact})
    for digits in range(2, 17):
        rounded = [float(f"{value:.{digits}g}") for value in exact]
        if all(second > first for first, second in pairwise(rounded)):
            return rounded
    return exact
