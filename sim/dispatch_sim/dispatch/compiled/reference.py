"""Many arrays handed to compiled functions as one reference.

A tuple of thirty arrays is two hundred words, copied at every call, and slow to compile. Here the words stand in one
array, the *header*: of each field the address of its data and its shape. Compiled code has the address of the header,
and `s.ti[t, X]` reads what it needs from there. Nothing is counted or freed: whoever makes the header keeps the arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model
from numba.np.arrayobj import make_array, populate_array
from numpy.typing import NDArray

from dispatch_sim.dispatch.compiled.layout import FIELDS, State

_WORDS = 5
"""Of a field in the header: an address and up to four dimensions."""

_PLACES = {name: place for place, name in enumerate(FIELDS)}
_TYPES = {
    name: types.Array(getattr(types, kind), dimensions, "C") for name, (kind, dimensions) in FIELDS.items()
}


class _StateType(types.Type):
    """The type of a reference."""

    def __init__(self) -> None:
        super().__init__(name="dispatch_sim_state")


_STATE = _StateType()
register_model(_StateType)(models.OpaqueModel)


@infer_getattr
class _Fields(AttributeTemplate):
    key = _StateType

    def generic_resolve(self, typ: Any, attr: str) -> Any:  # type: ignore[override]
        """Return the type of a field."""
        return _TYPES.get(attr)


@lower_getattr_generic(_StateType)
def _field(context: Any, builder: Any, typ: Any, value: Any, attr: str) -> Any:
    """Return a field as an array that does not own its data."""
    kind = _TYPES[attr]
    word = ir.IntType(64)
    header = builder.bitcast(value, word.as_pointer())

    def load(offset: int) -> Any:
        at = builder.gep(header, [ir.Constant(word, _PLACES[attr] * _WORDS + offset)])
        return builder.load(at)

    array = make_array(kind)(context, builder)
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    shape = [load(1 + axis) for axis in range(kind.ndim)]
    strides = []
    stride: Any = ir.Constant(word, size)
    for length in reversed(shape):
        strides.append(stride)
        stride = builder.mul(stride, length)
    populate_array(
        array,
        data=builder.inttoptr(load(0), array.data.type),
        shape=shape,
        strides=strides[::-1],
        itemsize=ir.Constant(word, size),
        meminfo=None,
    )
    return array._getvalue()


@intrinsic
def state_at(typingctx: Any, address: Any) -> Any:
    """Return the state whose header is at an address."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return _STATE(types.int64), codegen


def header_of(state: State) -> NDArray[np.int64]:
    """Return the header of a state's arrays, which have to outlive it."""
    header = np.zeros(len(FIELDS) * _WORDS, np.int64)
    for name, place in _PLACES.items():
        array = getattr(state, name)
        kind, dimensions = FIELDS[name]
        if (
            array.dtype != np.dtype("bool" if kind == "boolean" else kind)
            or array.ndim != dimensions
            or not array.flags.c_contiguous
        ):
            raise TypeError(f"{name} is {array.dtype} in {array.ndim} dimensions, not {kind} in {dimensions}")
        header[place * _WORDS] = array.ctypes.data
        header[place * _WORDS + 1 : place * _WORDS + 1 + dimensions] = array.shape
    return header
