"""The engine as machine code: where it is kept, and how it is loaded. Numba is needed to make it, not to use it.

The file is named after all that goes into it, so that a changed source is never run in its old form.
"""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from numpy.typing import NDArray

from dispatch_sim.engine.linking import IS_PYTHON, link, target_machine
from dispatch_sim.scenario.files import read_file

_HERE = Path(__file__).parent
_SOURCES = [
    *sorted(_HERE.glob("*.py")),
    *sorted((_HERE.parent / "model").glob("*.py")),
    _HERE.parent / "interruption.py",
    _HERE.parent / "scenario" / "files.py",
    _HERE.parent / "scenario" / "tasks.py",
    _HERE.parent / "scenario" / "quantities.py",
]
"""What compiled code is made of: its own modules, and the ones that it takes rules and numbers from."""

_MOST_BYTES = 64 * 2**20
"""Of machine code; ours takes one."""

ENTRY = "dispatch_sim_simulate_block"
"""The symbol of `simulation.simulate_block`."""


def kept_at() -> Path:
    """Return where the engine's machine code is kept, or would be."""
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
    return _caches() / "dispatch-sim" / f"{digest.hexdigest()}.o"


def _caches() -> Path:
    """Return the user's folder for what can be made anew; where there is none, one that nothing can be in."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(stated):  # by that standard, another is to be ignored
        return Path(stated)
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        return Path(os.devnull)


def is_compiled() -> bool:
    """Whether the engine has been compiled before, so that it is only read."""
    return _read(kept_at()) is not None


@cache
def engine() -> Callable[[NDArray[Any], NDArray[Any], int, int], int]:
    """Return `simulation.simulate_block` as machine code, on arrays of one record; other threads may run beside it.

    Without numba's compiler (`NUMBA_DISABLE_JIT=1`) it is the Python function.
    """
    if IS_PYTHON:
        from dispatch_sim.engine.records import Control, State, structure_of
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
def _linked() -> Any:
    """Return the linker that owns the engine's code.

    It is compiled where the cache does not have it whole, and stored there if the folder can be written.
    """
    code = _read(kept_at())
    if code is None:
        logging.getLogger("dispatch_sim").warning("compiling the engine, once: about ten seconds")
        code = _compile()
        _keep(code, kept_at())
    return link(code)


def _compile() -> bytes:
    """Return the object code of the engine; it takes some seconds."""
    from dispatch_sim.engine.simulation import simulate_block

    return object_code({ENTRY: simulate_block})


def object_code(entries: Mapping[str, Callable[..., Any]]) -> bytes:
    """Return functions and all that they call as object code, by the symbols that they get."""
    from dispatch_sim.engine.jit import lower

    return bytes(target_machine().emit_object(llvm.parse_assembly(lower(entries))))


def _read(kept: Path) -> bytes | None:
    """Read what is kept; nothing where it is not there, cut off, or where anybody else could have put it.

    What is read is run: a cache folder that is not the user's own alone, such as one below `/tmp`, holds nothing.
    """
    try:
        if not (_is_own(kept.parent) and _is_own(kept)):
            return None
        digest, code = read_file(kept, _MOST_BYTES).split(b"\n", 1)
    except (OSError, ValueError):
        return None
    return code if digest == _digest(code) else None


def _is_own(path: Path) -> bool:
    """Whether nobody but this user and the system's administrator can have written to a file or folder."""
    if not hasattr(os, "geteuid"):  # where there are no such users, a home is the user's own
        return True
    status = path.stat()
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _keep(code: bytes, kept: Path) -> None:
    """Write code whole or not at all; without a folder to write to, it is compiled anew next time."""
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.parent.chmod(0o700)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
            unfinished = Path(file.name)
        try:
            unfinished.write_bytes(_digest(code) + b"\n" + code)
            os.replace(unfinished, kept)
        finally:
            unfinished.unlink(missing_ok=True)


def _digest(code: bytes) -> bytes:
    return blake2b(code).hexdigest().encode()
