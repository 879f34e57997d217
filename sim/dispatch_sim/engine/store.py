"""Compiles the engine once per machine, stores its machine code in the user's cache folder, and loads it.

The file is named by a digest of all sources and versions, so outdated code is never run. Loading needs no
numba.
"""

import ctypes
import logging
import os
import platform
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from numpy.typing import NDArray

from dispatch_sim.engine.linking import IS_PYTHON, link, set_special_functions, target_machine
from dispatch_sim.engine.records import STATE
from dispatch_sim.scenario.files import read_file

_HERE = Path(__file__).parents[1]
_SOURCES = [
    *(file for package in ("engine", "model", "scenario") for file in sorted((_HERE / package).glob("*.py"))),
    _HERE / "interruption.py",
]
"""The sources of compiled code: its modules, and those that it takes rules, records and numbers from."""

_MOST_BYTES = 64 * 2**20
"""Of machine code; the engine's has about one."""

ENTRY = "dispatch_sim_simulate_block"
"""The symbol of `simulation.simulate_block`."""


def cache_path() -> Path:
    """Return the path of the engine's machine code in the cache."""
    digest = blake2b(digest_size=12)
    for part in (
        *(version(package) for package in ("numba", "llvmlite")),
        platform.python_version(),
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    ):
        digest.update(part.encode() + b"\0")
    for source in _SOURCES:
        digest.update(source.read_bytes())
    digest.update(str(STATE).encode())  # in this process, whose sources may have been other ones
    return _caches() / "dispatch-sim" / f"{digest.hexdigest()}.o"


def _caches() -> Path:
    """Return the user's cache folder; without a home, a path in which nothing can be stored."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(stated):  # the XDG standard ignores relative paths
        return Path(stated)
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        return Path(os.devnull)


def is_compiled() -> bool:
    """Whether the cache holds the compiled engine."""
    return _read(cache_path()) is not None


@cache
def engine() -> Callable[[NDArray[Any], NDArray[Any], int, int], int]:
    """Return `simulation.simulate_block` as machine code on arrays of one record; it releases Python's lock.

    With `NUMBA_DISABLE_JIT=1` it is the Python function, on C structures in the same memory.
    """
    if IS_PYTHON:
        from dispatch_sim.engine.layout import structure_of
        from dispatch_sim.engine.records import Control, State
        from dispatch_sim.engine.simulation import simulate_block

        def in_python(state: NDArray[Any], control: NDArray[Any], first: int, count: int) -> int:
            memory: Any = structure_of(State).from_address(state.ctypes.data)
            stop: Any = structure_of(Control).from_address(control.ctypes.data)
            return simulate_block(memory, stop, first, count)

        return in_python
    entry = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)(_linked().get_function_address(ENTRY))

    def compiled(state: NDArray[Any], control: NDArray[Any], first: int, count: int) -> int:
        return int(entry(state.ctypes.data, control.ctypes.data, first, count))

    return compiled


@cache
def provide_gamma() -> None:
    """Have the engine call SciPy's functions, which gamma distributions need."""
    if not IS_PYTHON:
        set_special_functions(_linked())


@cache
def _linked() -> Any:
    """Return the linker that owns the engine's code, read from the cache or compiled and stored there."""
    path = cache_path()
    code = _read(path)
    if code is None:
        logging.getLogger("dispatch_sim").warning("compiling the engine, once: up to half a minute")
        from dispatch_sim.engine.simulation import simulate_block

        code = object_code(simulate_block, ENTRY)
        if cache_path() == path:  # no source has changed meanwhile
            _write(code, path)
    return link(code)


def object_code(function: Callable[..., Any], symbol: str) -> bytes:
    """Return a function and all that it calls as object code, in which it has a symbol; it takes seconds."""
    from dispatch_sim.engine.jit import lower

    return bytes(target_machine().emit_object(llvm.parse_assembly(lower(function, symbol))))


def _read(path: Path) -> bytes | None:
    """Read stored code; None if it is missing, incomplete, or if another user could have written it.

    The code is run, so a cache folder that others can write to, such as one below `/tmp`, is not trusted.
    """
    try:
        if not (_is_own(path.parent) and _is_own(path)):
            return None
        digest, code = read_file(path, _MOST_BYTES).split(b"\n", 1)
    except (OSError, ValueError):
        return None
    return code if digest == _digest(code) else None


def _is_own(path: Path) -> bool:
    """Whether only this user and the administrator can write to a file or folder."""
    status = path.stat()
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _write(code: bytes, path: Path) -> None:
    """Store code, whole or not at all; if the folder cannot be written, it is compiled again next time."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            unfinished = Path(file.name)
        try:
            unfinished.write_bytes(_digest(code) + b"\n" + code)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


def _digest(code: bytes) -> bytes:
    return blake2b(code).hexdigest().encode()
