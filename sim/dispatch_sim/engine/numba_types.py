"""Numba's types of annotations: numbers, records, and tuples of numbers."""

import typing
from functools import cache
from typing import Any

from numba import types
from numba.extending import models, register_model

from dispatch_sim.engine.layout import dtype_of
from dispatch_sim.engine.parameters import Prices, Values
from dispatch_sim.engine.records import Ledger, Limiter, Row
from dispatch_sim.engine.task_records import Usage

_NUMBERS: dict[Any, types.Type] = {
    int: types.int64,
    float: types.float64,
    bool: types.boolean,
    type(None): types.none,
}

_RECORDS: dict[str, type] = {
    "Ledger": Ledger,
    "Prices": Prices,
    "RateLimiter": Limiter,
    "Row": Row,
    "Usage": Usage,
    "Values": Values,
}
"""The records that stand for classes of these names in `model.closing`, which both engines call."""


class _RecordType(types.Record):
    """The type of a record under its class's name; numba would spell out all fields in each symbol."""

    def __init__(self, record: type) -> None:
        dtype: Any = dtype_of(record)
        hints = typing.get_type_hints(record, include_extras=True)
        fields: Any = [
            (name, {"type": _field_type(hint), "offset": dtype.fields[name][1]})
            for name, hint in hints.items()
        ]
        super().__init__(fields, dtype.itemsize, True)
        self.name = record.__name__

    def __repr__(self) -> str:
        return self.name


register_model(_RecordType)(models.RecordModel)


def _field_type(hint: Any) -> types.Type:
    if typing.get_origin(hint) is not typing.Annotated:
        return types.int64 if hint is bool else numba_type(hint)
    inner, *shape = typing.get_args(hint)
    return types.NestedArray(_field_type(typing.get_args(inner)[0]), tuple(shape))


@cache
def numba_type(hint: Any) -> types.Type:
    """Return the type of an annotation."""
    if typing.get_origin(hint) is tuple:
        return types.Tuple([numba_type(part) for part in typing.get_args(hint)])
    return _NUMBERS.get(hint) or _RecordType(_RECORDS.get(hint.__name__, hint))
