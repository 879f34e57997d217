"""Quantities as people write them, and the units they are held in.

===================  =================================  ======================
Type                 Written                            Held in
===================  =================================  ======================
`Seconds`            ``45s``, ``500ms``, ``1h30m``      seconds
`Tokens`             ``240``, ``15,000``, ``15K``       tokens
`Limit`              ``50/min``, ``1/s``, `unlimited`   a minute; None
`Share`              ``20%``, ``0.2``                   0 to 1
`Dollars`            ``$0.05``, ``0.05``                dollars
`DollarsPerHour`     ``$40/h``                          dollars an hour
`DollarsPerMillion`  ``$3/M``, ``$3.75/MTok``           dollars a million tokens
`Integers`           ``1..20``, ``2..20 step 2``        a tuple, increasing
`Number`             ``0.5``                            itself
===================  =================================  ======================

Nothing is negative, infinite or above 1e12. Numbers may have commas: ``1,500s``. The `parse_*` functions take
what a YAML file holds. They raise `PydanticCustomError` with what was found and what to write instead.
`dispatch_sim.scenario.formats` writes quantities for reports.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypeAliasType

from dispatch_sim.scenario.wording import all_of, shown, wrong

LARGEST = 1e12
"""No quantity is larger: 30,000 years in seconds."""

SMALLEST_LIMIT = 0.001
"""Smallest limit, a minute; with smaller ones simulated time runs out of digits."""

MOST_INTEGERS = 10_000
"""Most values of one list of whole numbers."""

LARGEST_INTEGER = 100_000
"""Largest batch size or concurrency; a larger batch is rejected rather than left to run for hours."""

_LONGEST = 200
_NUMBER = r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:_[0-9]+)*)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_TIMES = (("d", 86400.0), ("h", 3600.0), ("(?:min|m)", 60.0), ("s", 1.0), ("ms", 0.001))
# Blanks go with the part before them. With a place of their own between any two parts, all of which may be
# missing, a few hundred of them could be shared out in millions of ways.
_TIME = "(?=[0-9.])" + "".join(f"(?:({_NUMBER})\\s*{unit}\\s*)?" for unit, _ in _TIMES)
_SCALES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9}
_SCALED = f"({_NUMBER})\\s*([kKMB]?)"
_PER_MINUTE = {"s": 60.0, "sec": 60.0, "m": 1.0, "min": 1.0, "h": 1 / 60, "d": 1 / 1440}
_RATE = _SCALED + r"\s*/\s*(sec|s|min|m|h|d)"
_PERCENT = f"({_NUMBER})\\s*%"
_PRICE = f"\\$?\\s*{_SCALED}"
_HOURLY = _PRICE + r"\s*/\s*(?:h|hour)"
_PER_MILLION = _PRICE + r"\s*/\s*(?:M|MTok|Mtok)"
_RANGE = r"([0-9]{1,9})\s*\.\.\s*([0-9]{1,9})(?:\s+step\s+([0-9]{1,9}))?|([0-9]{1,9})"


def whole(amount: float) -> int:
    """Return the nearest whole number, of two the larger: tokens and calls are whole."""
    return int(amount + 0.5)


def plain(raw: Any) -> float | None:
    """Return the value of an int or a float, None for anything else; a bool is not a number."""
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


def _float(text: str) -> float:
    return float(text.replace(",", ""))


def _scaled(found: re.Match[str]) -> float:
    return _float(found[1]) * _SCALES[found[2].upper()]


def _read(
    raw: Any, kind: str, pattern: str, amount: Callable[[re.Match[str]], float] = _scaled, with_unit: str = ""
) -> float:
    """Read a number, or text of the form `pattern`, which stands for an `amount`.

    `kind` is the end of the error about any other value. Where there is a `with_unit`, a bare number is
    possible only as 0, and `with_unit` says how to write one.
    """
    number = plain(raw)
    if number is None and _match(_NUMBER, raw):
        number = _float(raw)
    if number is not None:
        if bounded(number, raw) and with_unit:
            raise wrong(f"{shown(raw)} has no unit; write {with_unit.format(str(raw).strip())}")
        return number
    found = _match(pattern, raw)
    if found is None:
        if isinstance(raw, str) and re.match(r"\s*\$?\s*-\s*\$?\s*[.0-9]", raw[:_LONGEST]):
            raise wrong(f"{shown(raw)} is negative; write 0 or more")
        raise wrong(f"{shown(raw)} is not {kind}")
    return bounded(amount(found), raw)


def parse_seconds(raw: Any) -> float:
    """Read a time: ``45s``, ``500ms``, ``5m``, ``1h30m``, ``1d``; in seconds. A bare number is only 0."""

    def amount(found: re.Match[str]) -> float:
        seconds = 0.0  # added in turn: `sum` rounds differently from one version of Python to the next
        for part, (_, unit) in zip(found.groups(), _TIMES, strict=True):
            seconds += _float(part) * unit if part else 0.0
        return seconds

    return _read(raw, "a time; write 60s, 5m or 1h30m", _TIME, amount, "{}s, 5m or 1h30m")


def parse_tokens(raw: Any) -> float:
    """Read a number of tokens: ``240``, ``15,000``, ``15K``, ``2.5K``, ``2M``."""
    return _read(raw, "a number of tokens; write 240, 15K or 2M", _SCALED)


def parse_limit(raw: Any) -> float | None:
    """Read a rate, held a minute: ``50/min``, ``2M/min``, ``1/s``, ``1000/h``; None where unlimited."""
    if raw == "unlimited":
        return None

    def amount(found: re.Match[str]) -> float:
        return _scaled(found) * _PER_MINUTE[found[3]]

    kind = "a limit; write 50/min, 2M/min, 1/s or unlimited"
    rate = _read(raw, kind, _RATE, amount, "{}/min, 1/s or unlimited")
    if rate < SMALLEST_LIMIT:
        raise wrong(f"{shown(raw)} admits no requests; write {SMALLEST_LIMIT:g}/min or more, or unlimited")
    return rate


def parse_share(raw: Any) -> float:
    """Read a part of a whole: ``20%`` or ``0.2``, from 0 to 1."""
    number = _read(raw, "a share; write 20% or 0.2", _PERCENT, lambda found: _float(found[1]) / 100)
    if number > 1:
        percent = f"{number:g}%" if _match(_NUMBER, str(raw)) and number <= 100 else "20%"
        raise wrong(f"{shown(raw)} exceeds 100%; write {percent} or another share up to 100%")
    return number


def parse_dollars(raw: Any) -> float:
    """Read an amount of money: ``$0.05`` or ``0.05``."""
    return _read(raw, "an amount of money; write $0.05", _PRICE)


def parse_dollars_per_hour(raw: Any) -> float:
    """Read what an hour is worth: ``$40/h``. A bare number is only 0."""
    return _read(raw, "a rate of pay; write $40/h", _HOURLY, with_unit="${}/h")


def parse_dollars_per_million(raw: Any) -> float:
    """Read a price of tokens: ``$3/M`` or ``$3.75/MTok``. A bare number is only 0."""
    kind = "a price of tokens; write $3/M, dollars a million tokens"
    return _read(raw, kind, _PER_MILLION, with_unit="${}/M")


def parse_number(raw: Any, example: str = "0.5") -> float:
    """Read a plain number, 0 or more."""
    return _read(raw, f"a number; write one without a unit, such as {example}", _NUMBER)


def parse_integers(raw: Any) -> tuple[int, ...]:
    """Read whole numbers from 1: ``5``, ``1..20``, ``2..20 step 2``, or a list of these; increasing."""
    many = isinstance(raw, list | tuple)
    if many and not raw:
        raise wrong("an empty list has no values; write 1..20 or [1, 2, 5, 10]")
    ranges = all_of(enumerate(partial(_range, part) for part in raw)) if many else [_range(raw)]
    if sum(map(len, ranges)) > MOST_INTEGERS:
        raise wrong(f"more than {MOST_INTEGERS:,} values; take fewer, for example with a step")
    values = sorted(chain.from_iterable(ranges))
    for first, second in pairwise(values):
        if first == second:
            raise wrong(f"{first} is repeated; remove one")
    return tuple(values)


def _range(raw: Any) -> range:
    found = _match(_RANGE, str(raw)) if type(raw) in (int, str) else None
    if found is None:
        raise wrong(f"{shown(raw)} is not a list of whole numbers; write 5, 1..20 or 2..20 step 2")
    low, high, step = (int(part) for part in (found[1] or found[4], found[2] or found[4], found[3] or "1"))
    if low < 1:
        raise wrong(f"{shown(raw)} starts below 1; write 1..20")
    if high > LARGEST_INTEGER:
        raise wrong(f"{shown(raw)} goes above {LARGEST_INTEGER:,}; write smaller numbers")
    if high < low:
        raise wrong(f"{shown(raw)} runs backwards; write {high}..{low}")
    if step < 1:
        raise wrong(f"{shown(raw)} has no step; write step 1 or more")
    return range(low, high + 1, step)


@dataclass(frozen=True)
class _Written:
    """Annotates a type with how it is read, and with its JSON schema: text of a form, or a number if any."""

    read: Callable[[Any], Any]
    description: str
    pattern: str
    number: dict[str, Any] | None
    many: bool = False
    """Whether a list of such values is possible as well."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        text = {"type": "string", "pattern": f"^\\s*(?:{self.pattern})\\s*$"}
        one: list[dict[str, Any]] = [*([] if self.number is None else [self.number]), text]
        lists = [{"type": "array", "minItems": 1, "items": {"anyOf": one}}] if self.many else []
        return {"description": self.description, "anyOf": one + lists}


_PLAIN = {"type": "number", "minimum": 0, "maximum": LARGEST}
_ZERO = {"const": 0}
_PART = {"type": "number", "minimum": 0, "maximum": 1}
_WHOLE = {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER}

_SECONDS = _Written(parse_seconds, "A time: 45s, 500ms, 5m, 1h30m or 1d.", _TIME, _ZERO)
_TOKENS = _Written(parse_tokens, "A number of tokens: 240, 15,000, 15K or 2M.", _SCALED, _PLAIN)
_LIMIT = _Written(
    parse_limit, "A rate: 50/min, 2M/min, 1/s, 1000/h, or unlimited.", f"{_RATE}|unlimited", None
)
_SHARE = _Written(parse_share, "A part of a whole: 20% or 0.2.", f"{_NUMBER}\\s*%?", _PART)
_DOLLARS = _Written(parse_dollars, "An amount of money: $0.05 or 0.05.", _PRICE, _PLAIN)
_DOLLARS_PER_HOUR = _Written(parse_dollars_per_hour, "What an hour is worth: $40/h.", _HOURLY, _ZERO)
_DOLLARS_PER_MILLION = _Written(parse_dollars_per_million, "A price of tokens: $3/M.", _PER_MILLION, _ZERO)
_INTEGERS = _Written(
    parse_integers, "Whole numbers from 1: 5, 1..20, 2..20 step 2, or a list of these.", _RANGE, _WHOLE, True
)

# Named types: the JSON schema defines each once and refers to it by its name.
Seconds = TypeAliasType("Seconds", Annotated[float, _SECONDS])
Tokens = TypeAliasType("Tokens", Annotated[float, _TOKENS])
Limit = TypeAliasType("Limit", Annotated[float | None, _LIMIT])
Share = TypeAliasType("Share", Annotated[float, _SHARE])
Number = TypeAliasType(
    "Number", Annotated[float, _Written(parse_number, "A number, 0 or more.", _NUMBER, _PLAIN)]
)
Dollars = TypeAliasType("Dollars", Annotated[float, _DOLLARS])
DollarsPerHour = TypeAliasType("DollarsPerHour", Annotated[float, _DOLLARS_PER_HOUR])
DollarsPerMillion = TypeAliasType("DollarsPerMillion", Annotated[float, _DOLLARS_PER_MILLION])
Integers = TypeAliasType("Integers", Annotated[tuple[int, ...], _INTEGERS])
