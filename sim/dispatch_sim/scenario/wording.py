"""Parts of error messages: what was found, and what to write instead."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

_MOST_CHOICES = 60

Read = TypeVar("Read")

Path = tuple[int | str, ...]
"""Where in a scenario: keys and indices from the top."""


def shown(value: Any) -> str:
    """Return a value as an error message shows it: escaped, on one line, and short.

    Numbers are shown as they are written, text in quotes, lists and mappings by their kind and size.
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind} of {len(value)}" if value else f"an empty {kind}"
    if isinstance(value, int) and abs(value) > 10**12:
        return f"a number of {int(math.log10(abs(value))) + 1} digits"
    text = ascii(value[:200]) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else f"{text[:50]}...{text[-5:]}"


def wrong(message: str, path: Path = (), *, at_key: bool = False) -> PydanticCustomError:
    """Return the error of a value (or of its key) at `path` below the field that is being read."""
    return _error([(path, message, at_key)])


def _error(errors: list[tuple[Path, str, bool]]) -> PydanticCustomError:
    return PydanticCustomError("scenario", "{message}", {"message": errors[0][1], "errors": errors})


def below(key: int | str, read: Callable[[], Read]) -> Read:
    """Return what a reader of the value under a key returns, or raise its errors."""
    return all_of([(key, read)])[0]


def all_of(readers: Iterable[tuple[int | str, Callable[[], Read]]]) -> list[Read]:
    """Return what readers of the values under some keys return, or raise all their errors as one."""
    values, errors = [], []
    for key, read in readers:
        try:
            values.append(read())
        except PydanticCustomError as error:
            errors += [((key, *path), *rest) for path, *rest in (error.context or {})["errors"]]
    if errors:
        raise _error(errors)
    return values


def unknown(kind: str, found: str, choices: Sequence[str]) -> str:
    """Return the message about a word that is not one of `choices`, with the most similar one.

    Choices can be untrusted too, as the headings of a csv file.
    """
    if (close := nearest(found, choices)) is not None:
        return f"unknown {kind} {shown(found)}; did you mean {shown(close)}?"
    named = [word(choice) for choice in choices[:_MOST_CHOICES]]
    if len(choices) > _MOST_CHOICES:
        named.append(f"{len(choices) - _MOST_CHOICES} more")
    return f"unknown {kind} {shown(found)}; there {'is' if len(choices) == 1 else 'are'} {listed(named)}"


def nearest(found: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is most similar to a word; None where none is similar."""
    plain = found[:40].lower().replace("-", "_")
    by_plain = {choice.replace("-", "_"): choice for choice in choices}
    same = [choice for word, choice in by_plain.items() if word.replace("_", "") == plain.replace("_", "")]
    close = same or [by_plain[word] for word in difflib.get_close_matches(plain, by_plain, 1)]
    return close[0] if close else None


def word(text: str) -> str:
    """Return a word as it is, or as `shown` does where it is long or not printable."""
    return text if text.isprintable() and 0 < len(text) <= 40 else shown(text)


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return words as a list in a sentence: `a, b and c`."""
    *most, final = [*words] or [""]
    return f"{', '.join(most)} {last} {final}" if most else final


def spelled(path: Path) -> str:
    """Return a path as messages write it: ``tasks[0].tokens``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{word(part)}" if text else word(part)
    return text
