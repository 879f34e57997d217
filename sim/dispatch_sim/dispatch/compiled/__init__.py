"""The compiled engine: the model told a second time, by numba, as one loop over arrays.

It gives the same outcomes and the same event logs as the SimPy engine, to the last bit, some sixty times as fast. Its
first use on a machine compiles it, which takes half a minute; the result is kept in the user's cache folder, under
the name of all the sources that go into it, so that a changed source is never run in its old form.

Needs the extra ``dispatch-sim[compiled]``.
"""

from __future__ import annotations

import atexit
import os
import platform
import shutil
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numba

_HERE = Path(__file__).parent
_SOURCES = [
    *sorted(_HERE.glob("*.py")),
    _HERE.parent / "rules.py",
    _HERE.parent / "draws.py",
    _HERE.parent.parent / "scenario" / "tasks.py",
]
"""What compiled code is made of: its own modules, and the ones that it takes rules and numbers from."""


def _cache_folder() -> Path:
    """Return a folder for compiled code that can be written; if there is none of the user's, a passing one."""
    digest = blake2b(f"{numba.__version__} {platform.python_version()}".encode(), digest_size=12)
    for source in _SOURCES:
        digest.update(source.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "dispatch-sim" / digest.hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        passing = tempfile.mkdtemp(prefix="dispatch-sim-")
        atexit.register(shutil.rmtree, passing, ignore_errors=True)
        return Path(passing)


FOLDER = _cache_folder()
"""Where compiled code is kept."""

PASSING = FOLDER.name.startswith("dispatch-sim-")
"""Whether it is kept for this run only, as the user's cache folder cannot be written."""

_config: Any = numba.config
_usual = _config.CACHE_DIR
_config.CACHE_DIR = str(FOLDER)  # read as functions are decorated, so while the module is imported
from dispatch_sim.dispatch.compiled import kernel as kernel  # noqa: E402

_config.CACHE_DIR = _usual


def is_compiled() -> bool:
    """Whether the engine has been compiled before, so that it is only read."""
    return (FOLDER / "compiled").exists()


def note_compiled() -> None:
    """Note that it has been compiled."""
    (FOLDER / "compiled").touch()
