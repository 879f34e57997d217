"""Many arrays handed to compiled functions as one reference.

A tuple of thirty arrays is two hundred words, copied at every call, and slow to compile. Here the words stand in one
array, the *header*: of each field the address of its data and its shape. Compiled code has the address of the header,
and `s.ti[t, X]` reads what it needs from there. That is plain address arithmetic: the header does not change while the
code runs, the inner dimensions are constants, an index is never negative and not checked. Nothing is counted or freed:
whoever makes the header keeps the arrays.

Without numba's compiler (`NUMBA_DISABLE_JIT=1`) the reference is a `State` of arrays over the same memory, so that the
engine can be stepped through, and changed, as the Python that it is.
"""

from __future__ import annotations

import ctypes
import math
import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global, signature
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_builtin,
    lower_getattr,
    lower_getattr_generic,
    models,
    register_model,
)
from numba.np.arrayobj import make_array, populate_array
from numpy.typing import NDArray

from dispatch_sim.dispatch.compiled.header import PLACES, WORDS
from dispatch_sim.dispatch.compiled.layout import FIELDS, WHOLE, State
from dispatch_sim.dispatch.compiled.store import IS_PLAIN

_WORD = ir.IntType(64)


class _StateType(types.Type):
    """The type of a reference."""

    def __init__(self) -> None:
        super().__init__(name="dispatch_sim_state")


class _FieldType(types.Type):
    """The type of a reference as one of its fields."""

    def __init__(self, field: str) -> None:
        kind, self.dimensions = FIELDS[field]
        self.field = field
        self.dtype = getattr(types, {"bool": "boolean"}.get(kind, kind))
        self.index = (
            types.int64 if len(self.dimensions) == 1 else types.UniTuple(types.int64, len(self.dimensions))
        )
        super().__init__(name=f"dispatch_sim_state.{field}")


STATE = _StateType()
_TYPES = {
    name: types.Array(getattr(types, {"bool": "boolean"}.get(kind, kind)), len(dimensions), "C")
    if name in WHOLE
    else _FieldType(name)
    for name, (kind, dimensions) in FIELDS.items()
}
register_model(_StateType)(models.OpaqueModel)
register_model(_FieldType)(models.OpaqueModel)


@infer_getattr
class _Fields(AttributeTemplate):
    key = _StateType

    def generic_resolve(self, typ: Any, attr: str) -> Any:  # type: ignore[override]
        """Return the type of a field."""
        return _TYPES.get(attr)


@infer_getattr
class _Shape(AttributeTemplate):
    key = _FieldType

    def resolve_shape(self, field: _FieldType) -> Any:
        """Return the type of a field's shape."""
        return types.UniTuple(types.int64, len(field.dimensions))


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        """Return the signature of reading a number."""
        if isinstance(args[0], _FieldType):
            return signature(args[0].dtype, args[0], args[0].index)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        """Return the signature of writing a number."""
        if isinstance(args[0], _FieldType):
            return signature(types.none, args[0], args[0].index, args[0].dtype)
        return None


def _load(builder: Any, state: Any, field: str, offset: int) -> Any:
    """Read a word of the header, which never changes."""
    header = builder.bitcast(state, _WORD.as_pointer())
    word = builder.load(builder.gep(header, [ir.Constant(_WORD, PLACES[field] * WORDS + offset)]))
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return word


def _length(builder: Any, state: Any, field: str, axis: int) -> Any:
    length = FIELDS[field][1][axis]
    return _load(builder, state, field, 1 + axis) if length is None else ir.Constant(_WORD, length)


def _place(context: Any, builder: Any, kind: _FieldType, state: Any, index: Any) -> Any:
    """Return the address of a number of a field."""
    steps = cgutils.unpack_tuple(builder, index) if len(kind.dimensions) > 1 else [index]
    at = steps[0]
    for axis, step in enumerate(steps[1:], 1):
        at = builder.add(builder.mul(at, _length(builder, state, kind.field, axis)), step)
    data = context.get_data_type(kind.dtype).as_pointer()
    return builder.gep(builder.inttoptr(_load(builder, state, kind.field, 0), data), [at])


@lower_getattr_generic(_StateType)
def _field(context: Any, builder: Any, typ: Any, value: Any, attr: str) -> Any:
    """Return the reference itself; of a field that is handed on whole, an array that does not own its data."""
    if attr not in WHOLE:
        return value
    kind = _TYPES[attr]
    array = make_array(kind)(context, builder)
    size = ir.Constant(_WORD, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    populate_array(
        array,
        data=builder.inttoptr(_load(builder, value, attr, 0), array.data.type),
        shape=[_length(builder, value, attr, 0)],
        strides=[size],
        itemsize=size,
        meminfo=None,
    )
    return array._getvalue()


@lower_getattr(_FieldType, "shape")
def _shape(context: Any, builder: Any, typ: Any, value: Any) -> Any:
    lengths = [_length(builder, value, typ.field, axis) for axis in range(len(typ.dimensions))]
    return context.make_tuple(builder, types.UniTuple(types.int64, len(lengths)), lengths)


@lower_builtin(operator.getitem, _FieldType, types.Any)
def _get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    kind = sig.args[0]
    return context.unpack_value(builder, kind.dtype, _place(context, builder, kind, *args))


@lower_builtin(operator.setitem, _FieldType, types.Any, types.Any)
def _set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    kind = sig.args[0]
    state, index, value = args
    context.pack_value(builder, kind.dtype, value, _place(context, builder, kind, state, index))
    return context.get_dummy_value()


@intrinsic
def _reference_at(typingctx: Any, address: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return STATE(types.int64), codegen


def _memory(address: int, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array over memory that others keep."""
    dtype = np.dtype(kind)
    memory: Any = (ctypes.c_byte * (math.prod(shape) * dtype.itemsize)).from_address(address)
    return np.ndarray(shape, dtype, memory)


def _arrays_at(address: int) -> State:
    header = _memory(address, "int64", (len(FIELDS), WORDS)).tolist()
    return State(
        **{
            name: _memory(words[0], kind, tuple(words[1 : 1 + len(dimensions)]))
            for (name, (kind, dimensions)), words in zip(FIELDS.items(), header, strict=True)
        }
    )


state_at: Any = _arrays_at if IS_PLAIN else _reference_at
"""Returns the state whose header is at an address."""
