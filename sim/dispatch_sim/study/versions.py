"""The software that simulates on this machine, so that results of different machines are not mixed."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import NormalDist

import numpy as np

_PACKAGES = ("dispatch-sim", "simpy", "numba", "llvmlite", "numpy", "scipy", "pydantic")
_SOURCES = ("scenario", "model", "engine", "study", "stats", "decide")
_HERE = Path(__file__).parents[1]


@cache
def software() -> dict[str, str]:
    """Return, by name, what the results of a study may depend on apart from its scenario.

    These are versions, a digest of the sources, which may change without a new version, and a digest of
    values of mathematical functions, whose last bits differ between C libraries and processors.
    """
    found = {name: package_version(name) or "none" for name in _PACKAGES}
    return found | {
        "Python": platform.python_version(),
        "sources of dispatch-sim": _sources(),
        "arithmetic": _arithmetic(),
    }


@cache
def package_version(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sources() -> str:
    digest = blake2b(digest_size=4)
    for part in _SOURCES:
        for path in sorted((_HERE / part).rglob("*.py")):
            digest.update(path.relative_to(_HERE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _arithmetic() -> str:
    """Return a digest of values of the functions that compute random variates."""
    from scipy.special import gammainc, gammaincinv

    between = [n / 4001 for n in range(1, 4001)]
    functions: tuple[Callable[[float], float], ...] = (
        math.log,
        math.exp,
        math.log1p,
        math.expm1,
        math.erf,
        math.sin,
        lambda u: u**0.37,
        NormalDist().inv_cdf,
    )
    values = [function(u) for function in functions for u in between]
    digest = blake2b(np.array(values).tobytes(), digest_size=4)
    for shape in (0.4, 1.7, 30.0):
        quantiles = gammaincinv(shape, np.array(between[::10]))
        digest.update(quantiles.tobytes() + gammainc(shape, quantiles).tobytes())
    return digest.hexdigest()
