"""Lists the keys in which two scenarios differ, with the values that each has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dispatch_sim.scenario import profiles
from dispatch_sim.scenario.distribution_text import NAMES
from dispatch_sim.scenario.factors import NOT_SWEPT
from dispatch_sim.scenario.loader import Source


@dataclass(frozen=True, slots=True)
class Change:
    """A key in which two scenarios differ.

    Attributes
    ----------
    path : as `--set` takes it: `provider.limits.scale`, `tasks.NAME.tokens`.
    a, b : its values as written, there or in a profile; a default in base units. None for `none` and where a
        scenario has no such key.
    """

    path: str
    a: Any
    b: Any


def changes(a: Source, b: Source) -> list[Change]:
    """Return the keys of the batch, its environment and the objective whose values differ.

    Defaults and profiles are written out before, so how a scenario is written makes no difference.
    """
    values = [source.scenario().resolved(exclude={*NOT_SWEPT} - {"objective"}) for source in (a, b)]
    return list(_changes("", *values, *(profiles.expand(source.raw)[0] for source in (a, b))))


def _changes(path: str, a: Any, b: Any, written_a: Any, written_b: Any) -> Iterator[Change]:
    if path == "tasks":
        every = (a, b, written_a, written_b)
        a, b, written_a, written_b = ({group["name"]: group for group in groups} for groups in every)
    if not path.startswith("tasks."):  # where a section is off, as `review: none`, its keys are
        a, b = ({} if one is None and _is_section(other) else one for one, other in ((a, b), (b, a)))
    if _is_section(a) and _is_section(b):
        for key in dict.fromkeys([*a, *b]):
            if key == "spread" and all(a[other] == b[other] for other in ("tokens", "duration")):
                continue  # it is in these distributions
            parts = (
                each.get(key) if isinstance(each, Mapping) else None for each in (a, b, written_a, written_b)
            )
            yield from _changes(f"{path}.{key}".removeprefix("."), *parts)
    elif a != b:
        change = Change(path, a if written_a is None else written_a, b if written_b is None else written_b)
        if change.a != change.b:  # otherwise another key, such as `spread`, makes the difference
            yield change


def _is_section(value: Any) -> bool:
    """Whether a value is a mapping of keys, and not a distribution."""
    return isinstance(value, Mapping) and not (len(value) == 1 and next(iter(value)) in NAMES)
