"""Values out of a log that may hold anything: each of the type asked for, or nothing.

Nothing here raises, whatever the log holds, and nothing keeps a text for longer than its measure.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from typing import Any

import orjson

from dispatch_sim.logs.readers.tables import NAN

CHARACTERS_A_TOKEN = 3.3
"""Median over 135 returns of sub-agents with both in public logs; 10th to 90th percentile 1.7 to 3.7."""

LARGEST = 1e15
"""Largest amount that is believed: more tokens or milliseconds are no measurement."""

Record = dict[str, Any]


class NotAnObject(ValueError):  # noqa: N818 - the reason, as it is counted
    """A line is JSON, but no object."""


class TooDeep(ValueError):  # noqa: N818
    """A line is nested too deeply to be read."""


def parse(line: bytes) -> list[Record]:
    """Return the JSON object on a line, or the objects in a list there.

    Standard JSON goes the fast way. What real programs write besides is read too: halves of surrogate pairs,
    NaN, bytes that are not UTF-8, control characters in texts, the NULs that a crash leaves before a line.

    Raises
    ------
    ValueError
        Where it is not JSON; `NotAnObject` and `TooDeep` where that is what is wrong.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        text = line.strip(b"\0 \t\r\n").decode("utf-8-sig", "replace")
        try:
            found = json.loads(text, strict=False)
        except RecursionError:
            raise TooDeep from None
    records = found if isinstance(found, list) else [found]
    kept = [record for record in records if isinstance(record, dict)]
    if not kept:
        raise NotAnObject
    return kept


def text(record: Record, key: str) -> str | None:
    """Return the text under a key."""
    found = record.get(key)
    return found if isinstance(found, str) else None


def mapping(record: Record, key: str) -> Record:
    """Return the object under a key, or an empty one."""
    found = record.get(key)
    return found if isinstance(found, dict) else {}


def objects(record: Record, key: str) -> list[Record]:
    """Return the objects in the list under a key."""
    found = record.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def amount(record: Record, *keys: str) -> float:
    """Return the number under the first of the keys that has one from 0 to `LARGEST`, or NaN."""
    for key in keys:
        found = believed(record.get(key))
        if not math.isnan(found):
            return found
    return NAN


def believed(found: object) -> float:
    """Return a number from 0 to `LARGEST` as it is, anything else as NaN."""
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= LARGEST:
        return float(found)
    return NAN


def first_known(*numbers: float) -> float:
    """Return the first number that is not NaN, else NaN."""
    return next((number for number in numbers if not math.isnan(number)), NAN)


def or_zero(number: float) -> float:
    """Return a number, and 0 for NaN."""
    return 0.0 if math.isnan(number) else number


def moment(found: object) -> int | None:
    """Return the microseconds since 1970 of an ISO 8601 text; without a zone it is read as UTC."""
    if not isinstance(found, str):
        return None
    try:
        at = datetime.fromisoformat(found)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        passed = at - _EPOCH
    except (ValueError, OverflowError):
        return None
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def seconds_between(start: int | None, end: int | None) -> float:
    """Return the seconds between two moments; NaN where one is missing, or the clock went backwards."""
    if start is None or end is None or end < start:
        return NAN
    return (end - start) / 1e6


def tokens_of(characters: float) -> float:
    """Return about how many tokens a text of that length has, in whole tokens."""
    return NAN if math.isnan(characters) else float(round(characters / CHARACTERS_A_TOKEN))


def fingerprint(found: str) -> bytes:
    """Return what tells a text from others without keeping it."""
    return hashlib.blake2b(found.encode("utf-8", "surrogatepass"), digest_size=12).digest()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
