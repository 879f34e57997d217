"""The layout of record classes in memory: as C structures and as numpy's structured types."""

import ctypes
import typing
from functools import cache
from typing import Annotated, Any

import numpy as np

_C_TYPES: dict[Any, Any] = {int: ctypes.c_int64, float: ctypes.c_double, bool: ctypes.c_int64}


@cache
def structure_of(record: type) -> type[ctypes.Structure]:
    """Return a record class as a C structure; truth values take a word, as all numbers do."""
    hints = typing.get_type_hints(record, include_extras=True)
    fields = [(name, _c_type(hint)) for name, hint in hints.items()]
    return type(record.__name__, (ctypes.Structure,), {"_fields_": fields})


def _c_type(hint: Any) -> Any:
    if typing.get_origin(hint) is Annotated:
        inner, extent = typing.get_args(hint)
        (element,) = typing.get_args(inner)
        return _c_type(element) * extent
    return _C_TYPES.get(hint) or structure_of(hint)


def dtype_of(record: type) -> np.dtype[Any]:
    """Return the structured type of a record class."""
    return np.dtype(structure_of(record))


def record_of(dtype: np.dtype[Any], values: dict[str, Any]) -> np.void:
    """Return a record with values by field; the other fields are 0."""
    record: np.void = np.zeros(1, dtype)[0]
    fill(record, values)
    return record


def fill(record: Any, values: dict[str, Any]) -> None:
    """Set fields of a record, and of the records in it."""
    for name, value in values.items():
        if isinstance(value, dict):
            fill(record[name], value)
        else:
            record[name] = value
