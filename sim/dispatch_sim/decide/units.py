"""Units of values: each is read, formatted for people, and written into a scenario."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

from dispatch_sim.scenario import quantities
from dispatch_sim.scenario.distribution_text import dump
from dispatch_sim.scenario.distributions import Distribution
from dispatch_sim.scenario.formats import format_duration, format_tokens
from dispatch_sim.scenario.problems import UserError

WHOLE = "whole number"


def _number(value: float) -> str:
    """Return a number to three digits or, if it is whole or has more of them, as a whole number."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of values.

    `parse` reads text; it raises PydanticCustomError, or returns None where there is no number (`unlimited`).
    `show` writes for people, to three digits (`15K`, `1m 30s`, `20%`), `write` for a scenario, to the last
    digit.
    """

    parse: Callable[[Any], float | None]
    show: Callable[[float], str] = _number
    write: Callable[[float], Any] = float


def _rate(parse: Callable[[Any], float | None], per: str) -> Unit:
    return Unit(parse, lambda value: f"${_number(value)}/{per}", lambda value: f"${value:.15g}/{per}")


UNITS: Mapping[str, Unit] = {
    "seconds": Unit(quantities.parse_seconds, format_duration, lambda value: f"{value:.15g}s"),
    "tokens": Unit(quantities.parse_tokens, format_tokens),
    "limit": Unit(
        quantities.parse_limit, lambda value: f"{format_tokens(value)}/min", lambda value: f"{value:.15g}/min"
    ),
    "share": Unit(quantities.parse_share, lambda value: f"{_number(100 * value)}%"),
    "number": Unit(quantities.parse_number),
    "dollars": Unit(quantities.parse_dollars, lambda value: f"${_number(value)}"),
    "dollars per hour": _rate(quantities.parse_dollars_per_hour, "h"),
    "dollars per million": _rate(quantities.parse_dollars_per_million, "M"),
    WHOLE: Unit(quantities.parse_number, write=round),
}


def unit_of(measure: str) -> str:
    """Return the unit of a measure: `seconds`, `dollars`, `tokens` or `number`."""
    if measure.endswith("_s"):
        return "seconds"
    if measure.endswith("_usd"):
        return "dollars"
    return "tokens" if "tokens" in measure else "number"


_SCALED = ("value", "low", "mode", "high", "mean", "median", "scale")
"""Parameters of distributions that are in the unit of the values."""


def write_scaled(distribution: Distribution, factor: float, unit: str) -> Any:
    """Return a distribution whose values are multiplied, as a scenario writes it."""

    def written(raw: Any) -> Any:
        if not isinstance(raw, dict):
            return UNITS[unit].write(raw * factor)
        ((name, inner),) = raw.items()
        if name == "empirical":
            return {name: [written(value) for value in inner]}
        if name == "mixture":
            return {name: [{"weight": part["weight"], "of": written(part["of"])} for part in inner]}
        return {name: {key: written(value) if key in _SCALED else value for key, value in inner.items()}}

    return written(dump(distribution))


_UNITS_BY_SIGN: Mapping[str, Sequence[str]] = {
    "%": ("share",),
    "$": ("dollars", "dollars per hour", "dollars per million"),
    "": ("seconds", "limit", "tokens"),
}
"""Units that a text may be in, by the sign in it."""

_WORDS: Mapping[str, Any] = {"none": None, "true": True, "false": False}
"""Levels that are no text in a resolved scenario."""


def axis_position(level: Any) -> float:
    """Return the position of a level on its axis, in base units: 60 for `1m`, 0.05 for `5%`, 80 for `$80/h`.

    Raises UserError where it is no quantity.
    """
    return _position(level)[0]


def axis_unit(levels: Sequence[Any]) -> str:
    """Return the unit of levels: `percent` for shares, or else a key of `UNITS`."""
    units = {unit for _, unit in map(_position, levels)}
    return next(iter(sorted(units - {"number"})), "number")


def in_base_units(level: Any) -> Any:
    """Return a level of a factor, as tables of results have it, as a resolved scenario has it.

    A time, a number of tokens, a limit or a share is a number; `none` and `unlimited` are None.
    """
    try:
        position = axis_position(level)
    except UserError:
        return _WORDS.get(level, level) if isinstance(level, str) else level
    return position if math.isfinite(position) else None


def _position(level: Any) -> tuple[float, str]:
    if isinstance(level, int | float):
        return float(level), "number"
    text = str(level)
    sign = next((sign for sign in "%$" if sign in text), "")
    for unit in _UNITS_BY_SIGN[sign]:
        try:
            value = UNITS[unit].parse(text)
        except PydanticCustomError:
            continue
        bare = unit == "tokens" and text.replace(".", "").isdigit()
        named = "percent" if unit == "share" else unit
        return (math.inf if value is None else value), "number" if bare or value == 0 else named
    raise UserError(f"{text!r} is not a level of an axis; write numbers, times, tokens, shares or dollars")
