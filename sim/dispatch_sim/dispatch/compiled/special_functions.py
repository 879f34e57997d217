"""SciPy's incomplete gamma functions, as symbols that compiled code can be linked with and kept on disk."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba import types
from numba.extending import get_cython_function_address


def _external(name: str) -> Any:
    address = get_cython_function_address("scipy.special.cython_special", name)
    symbol = f"dispatch_sim_{name}"
    llvm.add_symbol(symbol, address)
    return types.ExternalFunction(symbol, types.float64(types.float64, types.float64))


gammainc = _external("gammainc")
gammaincinv = _external("gammaincinv")
