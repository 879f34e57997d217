"""Records: classes of annotated fields as C structures, as numpy's structured types, and filled from objects.

A class is a record of this package, a dataclass of the model, a section of a scenario or a strategy. In these
two, a word is the number of its place among those of its key, a distribution is a row of
`State.distributions`, and what is absent is 0; texts and lists are left out.
"""

import ctypes
import math
import typing
from collections.abc import Callable
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union

import numpy as np
from pydantic import BaseModel

from dispatch_sim.engine import codes
from dispatch_sim.scenario.distributions import Distribution

_C_TYPES: dict[Any, Any] = {int: ctypes.c_int64, float: ctypes.c_double, bool: ctypes.c_int64}

_IN_PLACE_OF_NUMBERS = {"unlimited": math.inf, "round": codes.AFTER_WAVE, "provider": 0.0}
"""What stands for words of keys that have a number otherwise."""


@cache
def _hints(record: type) -> dict[str, Any]:
    if issubclass(record, BaseModel):
        return {name: field.annotation for name, field in record.model_fields.items()}
    return typing.get_type_hints(record, include_extras=True)


@cache
def fields_of(record: type) -> dict[str, Any]:
    """Return the types of a record's fields: numbers, other records, and arrays as `Annotated[list, n]`."""
    plain = {name: _plain(hint) for name, hint in _hints(record).items()}
    return {name: kind for name, kind in plain.items() if kind not in (str, tuple)}


def _plain(hint: Any) -> Any:
    """Return the type of a field by its annotation."""
    hint = getattr(hint, "__value__", hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        if isinstance(arguments[1], int):
            return hint
        return arguments[1] if arguments[0] is Any else _plain(arguments[0])
    if origin in (Union, UnionType):
        return _plain(arguments[0])
    if origin is Literal or (isinstance(hint, type) and issubclass(hint, Enum | Distribution)):
        return int
    return origin or hint


@cache
def structure_of(record: type) -> type[ctypes.Structure]:
    """Return a record class as a C structure; truth values take a word, as all numbers do."""
    fields = [(name, _c_type(kind)) for name, kind in fields_of(record).items()]
    if not fields:
        raise TypeError(f"{record} is no number, and no record of any")
    return type(record.__name__, (ctypes.Structure,), {"_fields_": fields})


def _c_type(kind: Any) -> Any:
    if typing.get_origin(kind) is Annotated:
        inner, extent = typing.get_args(kind)
        return _c_type(_plain(typing.get_args(inner)[0])) * extent
    return _C_TYPES.get(kind) or structure_of(kind)


def dtype_of(record: type) -> np.dtype[Any]:
    """Return the structured type of a record class."""
    return np.dtype(structure_of(record))


def values_of(record: type, source: Any, row_of: Callable[[Distribution], int] | None = None) -> Any:
    """Return the values of a record's fields by the attributes of an object, for numpy to assign.

    `row_of` returns the row of a distribution.
    """

    def value_of(name: str, kind: Any) -> Any:
        value = None if source is None else getattr(source, name)
        if kind not in _C_TYPES:
            return values_of(kind, value, row_of)
        if isinstance(value, str):
            return number_of(record, name, value)
        if isinstance(value, Distribution):
            assert row_of is not None
            return row_of(value)
        return value or 0

    return tuple(value_of(name, kind) for name, kind in fields_of(record).items())


def number_of(record: type, name: str, word: str) -> float:
    """Return the number of a word in a field."""
    hint = _hints(record)[name]
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint).index(word)
    return _IN_PLACE_OF_NUMBERS[word]


def fill(record: Any, values: dict[str, Any]) -> None:
    """Set fields of a record, and of the records in it."""
    for name, value in values.items():
        if isinstance(value, dict):
            fill(record[name], value)
        else:
            record[name] = value
