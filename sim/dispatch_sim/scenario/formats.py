"""Quantities in the form that a scenario reads."""

from __future__ import annotations

import math


def format_duration(seconds: float) -> str:
    """Return a time to two units at most: ``500ms``, ``5.7s``, ``45s``, ``1m 30s``, ``1h 30m``, ``2d 3h``."""
    if not math.isfinite(seconds):
        return str(seconds)
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if seconds == 0:
        return "0s"
    if seconds < 0.9995:
        return f"{float(f'{seconds * 1000:.3g}'):g}ms"
    if seconds < 9.95:
        return f"{round(seconds, 2 if seconds < 2 else 1):g}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return _two(whole, 60, "m", "s")
    minutes = round(seconds / 60)
    if minutes < 1440:
        return _two(minutes, 60, "h", "m")
    return _two(round(seconds / 3600), 24, "d", "h")


def _two(value: int, base: int, large: str, small: str) -> str:
    """Return `value` of the small unit as so many of the large one and the rest."""
    many, rest = divmod(value, base)
    return f"{many}{large} {rest}{small}" if rest else f"{many}{large}"


def format_tokens(tokens: float) -> str:
    """Return a number of tokens to three digits: ``240``, ``15K``, ``2.35M``."""
    if not math.isfinite(tokens):
        return str(tokens)
    if tokens < 0:
        return f"-{format_tokens(-tokens)}"
    if tokens < 999.5:
        return f"{float(f'{tokens:.3g}'):g}"
    value, unit = tokens, ""
    for larger in ("K", "M", "B"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:,.0f}{unit}" if value >= 999.5 else f"{float(f'{value:.3g}'):g}{unit}"


def format_dollars(dollars: float) -> str:
    """Return an amount of money: ``$1.23``, ``$1,234.50``; below a cent to two digits, ``$0.0042``."""
    if not math.isfinite(dollars):
        return str(dollars)
    if dollars < 0:
        return f"-{format_dollars(-dollars)}"
    if 0 < dollars < 0.00995:
        digits = 1 - math.floor(math.log10(dollars))
        return f"${dollars:.{min(digits, 12)}f}"
    return f"${dollars:,.2f}"
