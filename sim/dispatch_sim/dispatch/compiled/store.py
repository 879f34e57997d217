"""Where compiled code is kept, and whether it is there. Without numba, so that asking costs nothing.

Numba's own cache does not see that another module has changed, and would run stale code: the folder is therefore named
after all that goes into it.
"""

from __future__ import annotations

import atexit
import os
import platform
import shutil
import tempfile
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_SOURCES = [
    *sorted(_HERE.glob("*.py")),
    _HERE.parent / "rules.py",
    _HERE.parent / "draws.py",
    _HERE.parent / "outcome.py",
    _HERE.parent / "width.py",
    _HERE.parent.parent / "scenario" / "tasks.py",
]
"""What compiled code is made of: its own modules, and the ones that it takes rules and numbers from."""


@cache
def folder() -> Path:
    """Return a folder for compiled code that can be written; if there is none of the user's, a passing one."""
    installed = _HERE / "kernel.py"
    # Numba looks for code by the entry point's path and time, and by the processor.
    digest = blake2b(f"{installed} {installed.stat().st_mtime_ns}".encode(), digest_size=12)
    for part in (version("numba"), version("scipy"), platform.python_version(), platform.machine()):
        digest.update(part.encode())
    for source in _SOURCES:
        digest.update(source.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = base / "dispatch-sim" / digest.hexdigest()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return place
    except OSError:
        passing = tempfile.mkdtemp(prefix="dispatch-sim-")
        atexit.register(shutil.rmtree, passing, ignore_errors=True)
        return Path(passing)


def is_passing() -> bool:
    """Whether code is kept for this run only, as the user's cache folder cannot be written."""
    return folder().name.startswith("dispatch-sim-")


def is_compiled() -> bool:
    """Whether the engine has been compiled before, so that it is only read."""
    return (folder() / "compiled").exists()


def note_compiled() -> None:
    """Note that it has been compiled."""
    (folder() / "compiled").touch()


def kept(function: Any) -> Any:
    """Return an entry point of compiled code, which other threads may run beside, and which is kept."""
    import numba

    config: Any = numba.config
    usual = config.CACHE_DIR
    config.CACHE_DIR = str(folder())  # read when a function is decorated
    try:
        return numba.njit(cache=True, nogil=True)(function)
    finally:
        config.CACHE_DIR = usual
