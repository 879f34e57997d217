"""Untrusted files: found in allowed folders, opened without blocking, read up to a size."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path


class OutsideError(ValueError):
    """A name leads out of the allowed folders."""


def find_inside(name: str | os.PathLike[str], folders: Sequence[Path]) -> Path:
    """Return the path of a file that lies in one of `folders`, with all links followed.

    Parameters
    ----------
    name : relative to any of the folders, or absolute.
    folders : tried in this order; where the file is in none of them, the path is of the first.

    Raises OutsideError where the name, or a link on the way, leads out of all folders; OSError, RuntimeError
    or ValueError where links go in a circle, or the name is none that a file can have.
    """
    homes = [folder.resolve() for folder in folders]
    paths = [(home / name).resolve() for home in homes]
    inside = [path for path in paths if any(path.is_relative_to(home) for home in homes)]
    there = next((path for path in inside if path.exists()), None)
    if there is None and (not inside or any(path.exists() for path in paths)):
        raise OutsideError("leads out of its folder")
    return there or inside[0]


def read_file(path: str | os.PathLike[str], most_bytes: int) -> bytes:
    """Return the content of a regular file: a named pipe may block for ever, and a device may never end.

    Raises OSError where it cannot be read, and ValueError where it is not a regular file or is too large; the
    message goes after the file's name.
    """
    # Without O_NONBLOCK, opening a named pipe blocks until it is written to.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is not a regular file; name one")
        if status.st_size > most_bytes:
            raise ValueError(f"is larger than {most_bytes / 2**20:,.0f} MiB")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(status.st_size)
    finally:
        os.close(descriptor)
