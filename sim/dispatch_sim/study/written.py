"""Values as a scenario writes them: numbers with their units, and distributions at another mean."""

from __future__ import annotations

from typing import Any

_SCALED = ("value", "low", "mode", "high", "mean", "median", "scale")
"""Parameters of distributions that are in the unit of the values."""


def scaled(raw: Any, factor: float) -> Any:
    """Return a dumped distribution with all of its values multiplied."""
    if isinstance(raw, int | float):
        return raw * factor
    ((name, inner),) = raw.items()
    if name == "empirical":
        return {name: [value * factor for value in inner]}
    if name == "mixture":
        return {name: [{"weight": part["weight"], "of": scaled(part["of"], factor)} for part in inner]}
    return {name: {key: value * factor if key in _SCALED else value for key, value in inner.items()}}


def as_written(raw: Any, unit: str) -> Any:
    """Return a number, or a dumped distribution, as a scenario writes it."""
    if isinstance(raw, dict):
        ((name, inner),) = raw.items()
        if name == "empirical":
            return {name: [as_written(value, unit) for value in inner]}
        if name == "mixture":
            return {name: [{"weight": part["weight"], "of": as_written(part["of"], unit)} for part in inner]}
        return {
            name: {key: as_written(value, unit) if key in _SCALED else value for key, value in inner.items()}
        }
    match unit:
        case "seconds":
            return f"{raw:.15g}s"
        case "limit":
            return f"{raw:.15g}/min"
        case "dollars per hour":
            return f"${raw:.15g}/h"
        case "dollars per million":
            return f"${raw:.15g}/M"
        case "whole number":
            return round(raw)
        case _:
            return raw
