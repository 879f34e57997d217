"""Axes of a sweep as places on a line: levels as they are written, and what they are in base units."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from pydantic_core import PydanticCustomError

from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.quantities import parse_limit, parse_seconds, parse_share, parse_tokens

_PARSERS: tuple[tuple[str, Callable[[Any], float | None]], ...] = (
    ("seconds", parse_seconds),
    ("limit", parse_limit),
    ("tokens", parse_tokens),
)


def axis_place(level: Any) -> float:
    """Return where a level stands on its axis, in base units: 60 for `1m`, 15000 for `15K`, 0.05 for `5%`.

    Raises
    ------
    UserError
        Where it is no quantity.
    """
    return _place(level)[0]


def axis_unit(levels: Sequence[Any]) -> str:
    """Return what places of levels are: `seconds`, `tokens`, `percent`, `limit` (a minute) or `number`."""
    units = {unit for _, unit in map(_place, levels)}
    return next(iter(sorted(units - {"number"})), "number")


def _place(level: Any) -> tuple[float, str]:
    if isinstance(level, int | float):
        return float(level), "number"
    text = str(level)
    parsers = (("percent", parse_share),) if "%" in text else _PARSERS
    for unit, parse in parsers:
        try:
            value = parse(text)
        except PydanticCustomError:
            continue
        bare = unit == "tokens" and text.replace(".", "").isdigit()
        return (math.inf if value is None else value), "number" if bare or value == 0 else unit
    raise UserError(f"{text!r} is no place on an axis; an axis has numbers, times, tokens or shares")
