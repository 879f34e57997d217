"""The axes of a map: a key of the scenario and its levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dispatch_sim.decide.parameters import (
    Parameter,
    ParameterError,
    check_levels,
    parameter_at,
    read_levels,
    spaced,
    with_range,
)
from dispatch_sim.scenario.loader import Source

CELLS = 12
"""Levels of an axis that does not name its own."""

MAX_LEVELS = 60


@dataclass(frozen=True)
class Axis:
    """One side of a map.

    Attributes
    ----------
    parameter : the key.
    levels : its values, increasing, in base units.
    """

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
        raise ParameterError(f"cells: {cells} levels of an axis; write 2 to {MAX_LEVELS}")
    path, given, levels = text.partition("=")
    parameter = parameter_at(source, path.strip())
    if not given and parameter.is_off:
        raise ParameterError(f"{path}: the scenario has no value there; name the range: {path}=LOW..HIGH")
    if given and ".." not in levels:
        named = read_levels(parameter, levels)
        if len(named) > MAX_LEVELS:
            raise ParameterError(f"{path}: {len(named)} levels; at most {MAX_LEVELS} are mapped")
    else:
        parameter = with_range(parameter, levels) if given else parameter
        named = _through(parameter.value, spaced(parameter, cells))
    check_levels(source, parameter, named)
    return Axis(parameter, tuple(named))


def _through(value: float, levels: list[float]) -> list[float]:
    """Return the levels with the nearest one moved to the scenario's own value, if that is among them.

    The ends stay: they were asked for.
    """
    if len(levels) > 2 and levels[0] < value < levels[-1]:
        levels[min(range(1, len(levels) - 1), key=lambda i: abs(levels[i] - value))] = value
    return levels
