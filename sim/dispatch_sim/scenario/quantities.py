"""Quantities as people write them, and the units they are held in.

===================  =================================  ======================
Type                 Written                            Held in
===================  =================================  ======================
`Seconds`            ``45s``, ``500ms``, ``1h30m``      seconds
`Tokens`             ``240``, ``15K``, ``2M``           tokens
`Limit`              ``50/min``, ``1/s``, `unlimited`   a minute; None
`Share`              ``20%``, ``0.2``                   0 to 1
`Dollars`            ``$0.05``, ``0.05``                dollars
`DollarsPerHour`     ``$40/h``                          dollars an hour
`DollarsPerMillion`  ``$3/M``, ``$3.75/MTok``           dollars a million tokens
`Integers`           ``1..20``, ``2..20 step 2``        a tuple, increasing
`Number`             ``0.5``                            itself
===================  =================================  ======================

Nothing is negative, infinite or above 1e12. The `parse_*` functions take what a YAML file holds and
raise `PydanticCustomError` with a message that says what was found and what to write instead. The way
back, for reports, is in `dispatch_sim.scenario.formats`.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from dispatch_sim.scenario.formats import format_dollars as format_dollars
from dispatch_sim.scenario.formats import format_duration as format_duration
from dispatch_sim.scenario.formats import format_tokens as format_tokens
from dispatch_sim.scenario.wording import shown, wrong

LARGEST = 1e12
"""No quantity is larger: 30,000 years in seconds."""

SMALLEST_LIMIT = 0.001
"""Smallest limit, a minute; with smaller ones simulated time runs out of digits."""

MOST_INTEGERS = 10_000
"""Most values of one list of whole numbers."""

LARGEST_INTEGER = 100_000
"""Largest value in a list of whole numbers."""

_LONGEST = 200
_NUMBER = r"(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_TIMES = (("d", 86400.0), ("h", 3600.0), ("(?:min|m)", 60.0), ("s", 1.0), ("ms", 0.001))
# Blanks go with the part before them. With a place of their own between any two parts, all of which may be
# missing, a few hundred of them could be shared out in millions of ways.
_TIME = "".join(f"(?:({_NUMBER})\\s*{unit}\\s*)?" for unit, _ in _TIMES)
_SCALES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9}
_SCALED = f"({_NUMBER})\\s*([kKMB]?)"
_PER_MINUTE = {"s": 60.0, "sec": 60.0, "m": 1.0, "min": 1.0, "h": 1 / 60, "d": 1 / 1440}
_RATE = _SCALED + r"\s*/\s*(sec|s|min|m|h|d)"
_PERCENT = f"({_NUMBER})\\s*(%?)"
_PRICE = f"\\$?\\s*{_SCALED}"
_HOURLY = _PRICE + r"\s*/\s*(?:h|hour)"
_PER_MILLION = _PRICE + r"\s*/\s*(?:M|MTok|Mtok)"
_RANGE = re.compile(r"([0-9]{1,9})\s*\.\.\s*([0-9]{1,9})(?:\s+step\s+([0-9]{1,9}))?|([0-9]{1,9})")


def whole(amount: float) -> int:
    """Return the nearest whole number, of two the larger: tokens and calls are whole."""
    return int(amount + 0.5)


def plain(raw: Any) -> float | None:
    """Return a number that has been read as one, or None for anything else (a bool is no number)."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return math.inf if isinstance(raw, int) and raw > LARGEST else float(max(raw, -1.0))


def bounded(value: float, raw: Any) -> float:
    """Return `value`, or raise if it is negative, not finite or larger than anything in a scenario."""
    if math.isnan(value):
        raise wrong("nan is not a number; write one")
    if value < 0:
        raise wrong(f"{shown(raw)} is negative; write 0 or more")
    if value > LARGEST:
        raise wrong(f"{shown(raw)} is too large; at most {LARGEST:.0e} is possible")
    return value


def _match(pattern: str, raw: Any) -> re.Match[str] | None:
    if not isinstance(raw, str) or len(raw) > _LONGEST:
        return None
    return re.fullmatch(pattern, raw.strip(), re.ASCII)


def _scaled(found: re.Match[str]) -> float:
    return float(found[1]) * _SCALES[found[2].upper()]


def parse_seconds(raw: Any) -> float:
    """Read a time: ``45s``, ``500ms``, ``5m``, ``1h30m``, ``1d``; in seconds. A bare number is only 0."""
    number = plain(raw)
    if number is not None:
        if bounded(number, raw) == 0:
            return 0.0
        raise wrong(f"{shown(raw)} has no unit; write {shown(raw)}s, 5m or 1h30m")
    found = _match(_TIME, raw)
    if found is None or not any(found.groups()):
        if _match("0+", raw):
            return 0.0
        if _match(_NUMBER, raw):
            raise wrong(f"{shown(raw)} has no unit; write {raw.strip()}s, 5m or 1h30m")
        _refuse_negative(raw)
        raise wrong(f"{shown(raw)} is not a time; write 60s, 5m or 1h30m")
    seconds = 0.0  # added one by one: `sum` rounds differently from one version of Python to the next
    for part, (_, unit) in zip(found.groups(), _TIMES, strict=True):
        seconds += float(part) * unit if part else 0.0
    return bounded(seconds, raw)


def parse_tokens(raw: Any) -> float:
    """Read a number of tokens: ``240``, ``15K``, ``2.5K``, ``2M``."""
    number = plain(raw)
    if number is not None:
        return bounded(number, raw)
    found = _match(_SCALED, raw)
    if found is None:
        _refuse_negative(raw)
        raise wrong(f"{shown(raw)} is not a number of tokens; write 240, 15K or 2M")
    return bounded(_scaled(found), raw)


def parse_limit(raw: Any) -> float | None:
    """Read a rate, held a minute: ``50/min``, ``2M/min``, ``1/s``, ``1000/h``; None where unlimited."""
    if raw is None or raw == "unlimited":
        return None
    number = plain(raw)
    if number is not None:
        bounded(number, raw)
        raise wrong(f"{shown(raw)} has no unit; write {shown(raw)}/min, 1/s or unlimited")
    found = _match(_RATE, raw)
    if found is None:
        _refuse_negative(raw)
        raise wrong(f"{shown(raw)} is not a limit; write 50/min, 2M/min, 1/s or unlimited")
    rate = bounded(_scaled(found) * _PER_MINUTE[found[3]], raw)
    if rate < SMALLEST_LIMIT:
        raise wrong(f"{shown(raw)} lets nothing through; write {SMALLEST_LIMIT:g}/min or more, or unlimited")
    return rate


def parse_share(raw: Any) -> float:
    """Read a part of a whole: ``20%`` or ``0.2``, from 0 to 1."""
    number = plain(raw)
    if number is None:
        found = _match(_PERCENT, raw)
        if found is None:
            _refuse_negative(raw)
            raise wrong(f"{shown(raw)} is not a share; write 20% or 0.2")
        number = float(found[1]) / (100 if found[2] else 1)
    if bounded(number, raw) > 1:
        percent = f"{shown(raw)}%" if plain(raw) is not None and number <= 100 else "20%"
        raise wrong(f"{shown(raw)} is more than the whole; write {percent}, at most 100%")
    return number


def parse_dollars(raw: Any) -> float:
    """Read an amount of money: ``$0.05`` or ``0.05``."""
    number = plain(raw)
    if number is not None:
        return bounded(number, raw)
    return _money(raw, _PRICE, "an amount of money; write $0.05")


def parse_dollars_per_hour(raw: Any) -> float:
    """Read what an hour is worth: ``$40/h``. A bare number is only 0."""
    return _money(raw, _HOURLY, "a rate of pay; write $40/h", "/h")


def parse_dollars_per_million(raw: Any) -> float:
    """Read a price of tokens: ``$3/M`` or ``$3.75/MTok``. A bare number is only 0."""
    return _money(raw, _PER_MILLION, "a price of tokens; write $3/M, dollars a million tokens", "/M")


def _money(raw: Any, pattern: str, kind: str, unit: str = "") -> float:
    number = plain(raw)
    if number is not None:
        if bounded(number, raw) == 0:
            return 0.0
        raise wrong(f"{shown(raw)} has no unit; write ${shown(raw)}{unit}")
    found = _match(pattern, raw)
    if found is None:
        _refuse_negative(raw)
        raise wrong(f"{shown(raw)} is not {kind}")
    return bounded(_scaled(found), raw)


def parse_number(raw: Any) -> float:
    """Read a plain number, 0 or more."""
    number = plain(raw)
    if number is None:
        found = _match(_NUMBER, raw)
        if found is None:
            _refuse_negative(raw)
            raise wrong(f"{shown(raw)} is not a number; write one without a unit, such as 0.5")
        number = float(found[0])
    return bounded(number, raw)


def parse_integers(raw: Any) -> tuple[int, ...]:
    """Read whole numbers from 1: ``5``, ``1..20``, ``2..20 step 2``, or a list of these; increasing."""
    parts = raw if isinstance(raw, list | tuple) else [raw]
    if not parts:
        raise wrong("an empty list has no values; write 1..20 or [1, 2, 5, 10]")
    values: list[int] = []
    for index, part in enumerate(parts):
        path = (index,) if isinstance(raw, list | tuple) else ()
        found = _range(part, path)
        if len(values) + len(found) > MOST_INTEGERS:
            raise wrong(f"more than {MOST_INTEGERS:,} values; take fewer, for example with a step", path)
        values.extend(found)
    values.sort()
    for first, second in pairwise(values):
        if first == second:
            raise wrong(f"{first} is there twice; remove one")
    return tuple(values)


def _range(raw: Any, path: tuple[int | str, ...]) -> range:
    found = _match(_RANGE.pattern, str(raw)) if type(raw) in (int, str) else None
    if found is None:
        raise wrong(f"{shown(raw)} is not a list of whole numbers; write 5, 1..20 or 2..20 step 2", path)
    low, high, step = (int(part) for part in (found[1] or found[4], found[2] or found[4], found[3] or "1"))
    if low < 1:
        raise wrong(f"{shown(raw)} starts below 1; write 1..20", path)
    if high > LARGEST_INTEGER:
        raise wrong(f"{shown(raw)} goes above {LARGEST_INTEGER:,}; write smaller numbers", path)
    if high < low:
        raise wrong(f"{shown(raw)} runs backwards; write {high}..{low}", path)
    if step < 1:
        raise wrong(f"{shown(raw)} has no step; write step 1 or more", path)
    return range(low, high + 1, step)


def _refuse_negative(raw: Any) -> None:
    """Raise if the text starts like a negative quantity: the likeliest reason that it was not read."""
    if isinstance(raw, str) and re.match(r"\s*\$?\s*-\s*\$?\s*[.0-9]", raw[:_LONGEST]):
        raise wrong(f"{shown(raw)} is negative; write 0 or more")


def one_of(*patterns: str, numbers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON schema of a quantity: text of one of these forms, or a number."""
    text = {"type": "string", "pattern": f"^\\s*(?:{'|'.join(patterns)})\\s*$"}
    return {"anyOf": [numbers or {"type": "number", "minimum": 0, "maximum": LARGEST}, text]}


_ONLY_ZERO = {"const": 0}
SECONDS_SCHEMA = one_of("0+", f"(?=[0-9.]){_TIME}", numbers=_ONLY_ZERO)
TOKENS_SCHEMA = one_of(_SCALED)
NUMBER_SCHEMA = one_of(_NUMBER)
DOLLARS_SCHEMA = one_of(_PRICE)
SHARE_SCHEMA = one_of(_PERCENT, numbers={"type": "number", "minimum": 0, "maximum": 1})
_LIMIT_SCHEMA = {"anyOf": [*one_of(_RATE, "unlimited", numbers={"type": "null"})["anyOf"]]}
_INTEGER_SCHEMA = {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER}
_RANGE_SCHEMA = one_of(_RANGE.pattern, numbers=_INTEGER_SCHEMA)
_INTEGERS_SCHEMA = {
    "anyOf": [*_RANGE_SCHEMA["anyOf"], {"type": "array", "minItems": 1, "items": _RANGE_SCHEMA}]
}

Seconds = Annotated[float, BeforeValidator(parse_seconds), WithJsonSchema(SECONDS_SCHEMA)]
Tokens = Annotated[float, BeforeValidator(parse_tokens), WithJsonSchema(TOKENS_SCHEMA)]
Limit = Annotated[float | None, BeforeValidator(parse_limit), WithJsonSchema(_LIMIT_SCHEMA)]
Share = Annotated[float, BeforeValidator(parse_share), WithJsonSchema(SHARE_SCHEMA)]
Number = Annotated[float, BeforeValidator(parse_number), WithJsonSchema(NUMBER_SCHEMA)]
Dollars = Annotated[float, BeforeValidator(parse_dollars), WithJsonSchema(DOLLARS_SCHEMA)]
DollarsPerHour = Annotated[
    float, BeforeValidator(parse_dollars_per_hour), WithJsonSchema(one_of(_HOURLY, numbers=_ONLY_ZERO))
]
DollarsPerMillion = Annotated[
    float,
    BeforeValidator(parse_dollars_per_million),
    WithJsonSchema(one_of(_PER_MILLION, numbers=_ONLY_ZERO)),
]
Integers = Annotated[tuple[int, ...], BeforeValidator(parse_integers), WithJsonSchema(_INTEGERS_SCHEMA)]
