"""External functions for compiled code: SciPy's incomplete gamma functions, and the bits of a float."""

import struct
from typing import Any

import scipy.special
from numba import types
from numba.extending import intrinsic

from dispatch_sim.engine.linking import IS_PYTHON, SPECIAL_FUNCTIONS, link_special_functions


def _external(name: str) -> Any:
    return types.ExternalFunction(SPECIAL_FUNCTIONS[name], types.float64(types.float64, types.float64))


def _same_bits(number: types.Type, other: types.Type) -> Any:
    def typed(typingctx: Any, value: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(other))

        return other(number), codegen

    return intrinsic(typed)


gammainc: Any
gammaincinv: Any

if IS_PYTHON:
    gammainc, gammaincinv = scipy.special.gammainc, scipy.special.gammaincinv

    def bits_of(value: float) -> int:
        """Return the bits of a float as a whole number."""
        return int(struct.unpack("=q", struct.pack("=d", value))[0])

    def float_of(bits: int) -> float:
        """Return the float that has these bits."""
        return float(struct.unpack("=d", struct.pack("=q", bits))[0])

else:
    link_special_functions()
    gammainc, gammaincinv = _external("gammainc"), _external("gammaincinv")
    bits_of, float_of = _same_bits(types.float64, types.int64), _same_bits(types.int64, types.float64)
