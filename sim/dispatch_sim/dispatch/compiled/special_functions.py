"""SciPy's incomplete gamma functions, as symbols that compiled code can be linked with and kept on disk.

Without numba's compiler (`NUMBA_DISABLE_JIT=1`) they are SciPy's own.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numba
import scipy.special
from numba import types
from numba.extending import get_cython_function_address


def _external(name: str) -> Any:
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return getattr(scipy.special, name)
    address = get_cython_function_address("scipy.special.cython_special", name)
    symbol = f"dispatch_sim_{name}"
    llvm.add_symbol(symbol, address)
    return types.ExternalFunction(symbol, types.float64(types.float64, types.float64))


gammainc = _external("gammainc")
gammaincinv = _external("gammaincinv")
