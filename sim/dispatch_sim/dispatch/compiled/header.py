"""The arrays of the compiled engine as one array of words, the header: of each field its address and its shape.

Words of some fields are zero for all others, so that those of a plan, of a state and of a block add up to a header.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.compiled.layout import FIELDS

WORDS = 5
"""Of a field in the header: an address and up to four dimensions."""

PLACES = {name: place for place, name in enumerate(FIELDS)}


def words_of(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return the words of a header that tell of some fields; the arrays have to outlive it.

    Raises
    ------
    TypeError : an array is not what `FIELDS` says.
    """
    words = np.zeros((len(FIELDS), WORDS), np.int64)
    for name, array in arrays.items():
        kind, dimensions = FIELDS[name]
        fits = len(dimensions) == array.ndim and all(
            length in (None, there) for length, there in zip(dimensions, array.shape, strict=True)
        )
        if array.dtype != np.dtype(kind) or not fits:
            raise TypeError(f"{name} is {array.dtype} of shape {array.shape}, not {kind} of {dimensions}")
        if not array.flags.c_contiguous:
            raise TypeError(f"{name} is not contiguous")
        words[PLACES[name], : 1 + array.ndim] = array.ctypes.data, *array.shape
    return words
