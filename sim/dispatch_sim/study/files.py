"""How files are written: whole or not at all, and kept when the power goes.

All that a study writes goes through here. A file is written under another name in its folder, forced to the
disk, and renamed; then its folder is forced to the disk too, without which a renamed file may be gone after a
power cut (Pillai et al., All File Systems Are Not Created Equal, OSDI 2014). A journal only ever grows, line
by line.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from dispatch_sim.interruption import uninterrupted
from dispatch_sim.scenario.problems import UserError

LOCK_FILE = ".dispatch-sim.lock"
"""In a folder that is being written to; gone when that is done."""

_PARTIAL = re.compile(r"\..+\.\d+\.partial")


class ResultsError(UserError):
    """A results folder that cannot be read or written; the message says which and why."""


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Make a folder, and turn what goes wrong in writing to it into a `ResultsError`."""
    try:
        _make(folder)
        yield
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written to: {error.strerror or error}") from error


def _make(folder: Path) -> None:
    """Make a folder, and those above it, safe from a power cut: with its name all in it were lost."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
    sync_folder(folder.parent)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone, from before anything is played for it until all is written.

    May be entered again by the one who holds it. The lock is the system's: it ends with the process, however
    that ends.

    Raises
    ------
    ResultsError
        Where another run holds the folder, or it cannot be made or written to.
    """
    made = not folder.exists()
    path = folder.resolve() / LOCK_FILE
    with writing_to(folder):
        lock = FileLock(path, timeout=0, is_singleton=True, thread_local=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise ResultsError(
                f"{folder}: another run is writing there; wait for its end, or name another folder with --out"
            ) from error
    try:
        if lock.lock_counter == 1:
            remove_left_over(folder)
        yield
    finally:
        if lock.lock_counter == 1:
            # While it is held: who opens it later makes another. Where it stays, as in a folder that has
            # become read-only, it locks nothing by being there.
            _remove(path)
        lock.release()
        if made and not lock.is_locked:
            remove_empty(folder)


def remove_empty(folder: Path) -> None:
    """Remove a folder if nothing is in it."""
    with suppress(OSError):
        folder.rmdir()


def check_folder(folder: Path) -> None:
    """Check that a folder can be made and written to, before something long is played for it; makes nothing.

    Raises
    ------
    ResultsError
        Where it cannot be.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ResultsError(f"{folder}: cannot be written to: {os.strerror(errno.ENOTDIR)}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ResultsError(f"{folder}: cannot be written to: {os.strerror(_why_not_writable(there))}")


def _why_not_writable(folder: Path) -> int:
    """Return as an error number why a folder cannot be written to: no right helps on a read-only disk."""
    if os.name != "nt" and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return errno.EROFS
    return errno.EACCES


def write_texts(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write texts into a folder, by the names of their files; returns these."""
    with writing_to(folder):
        for name, text in texts.items():
            data = text.encode("utf-8", errors="replace")
            # Not forced to the disk: a page can be made anew, and each would wait for ten milliseconds.
            write_whole(folder / name, partial(_write_bytes, data=data), synced=False)
    return [folder / name for name in texts]


def _write_bytes(file: IO[bytes], data: bytes) -> None:
    file.write(data)


def write_whole(path: Path, write: Callable[[IO[bytes]], object], *, synced: bool = True) -> None:
    """Have a file written, whole or not at all.

    Parameters
    ----------
    path : the file; what it held before stays until all of the new is there.
    write : writes into the open file.
    synced : whether it is safe from a power cut when this returns.
    """
    unfinished = _beside(path, "new")
    try:
        _write(unfinished, write, synced=synced)
        os.replace(unfinished, path)
    finally:
        _remove(unfinished)
    if synced:
        sync_folder(path.parent)


def write_together(
    tables: Mapping[Path, Callable[[IO[bytes]], object] | None],
    about: Path,
    write_about: Callable[[IO[bytes]], object],
) -> None:
    """Have files of a folder written, of which one says what the others are.

    Whatever happens, `about` never stands beside other tables than its own. All are written before what was
    there is touched, so a full disk leaves that as it was; and where a step fails, that is put back. Each
    step is on the disk before the next one: a power cut may leave tables without `about`.

    Parameters
    ----------
    tables : what writes each; None where there is to be none.
    about, write_about : what says what they are.
    """
    writes = {path: write for path, write in tables.items() if write is not None} | {about: write_about}
    new = {path: _beside(path, "new") for path in writes}
    old = {path: _beside(path, "old") for path in (about, *tables)}
    try:
        for path, write in writes.items():
            _write(new[path], write)
        with uninterrupted():
            _exchange(about, new, old)
        for path in old.values():
            _remove(path)
    finally:
        for path in new.values():
            _remove(path)


def _exchange(about: Path, new: Mapping[Path, Path], old: Mapping[Path, Path]) -> None:
    """Put new files in the place of old ones, `about` going first and coming last; or all back on failure."""
    moved = []
    try:
        for path in old:
            if path.is_file():
                os.replace(path, old[path])
                moved.append(path)
                sync_folder(path.parent)
        for path in new:
            if path != about:
                os.replace(new[path], path)
        sync_folder(about.parent)
        os.replace(new[about], about)
    except OSError:
        with suppress(OSError):
            for path in reversed(moved):
                os.replace(old[path], path)
        raise
    sync_folder(about.parent)


def _beside(path: Path, which: str) -> Path:
    """Return the name of a file, in the same folder, that is there only while another is written."""
    return path.with_name(f".{path.name}.{which}.{os.getpid()}.partial")


def _write(path: Path, write: Callable[[IO[bytes]], object], *, synced: bool = True) -> None:
    # The folder may be a stranger's: a link that lies there would be written through.
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        write(file)
        file.flush()
        if synced:
            sync(file.fileno())


def _remove(path: Path) -> None:
    """Remove a file that is of no more use, if that is possible."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, and have it safe from a power cut when this returns.

    One that is cut off by a crash is there without its end: whoever reads has to leave that out.
    """
    with path.open("ab") as file:
        file.write(line.encode("utf-8") + b"\n")
        file.flush()
        sync(file.fileno())


def sync(descriptor: int) -> None:
    """Have what was written to a file on the disk."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk, where the system knows of that.

    Some let no folder be opened, or be forced to the disk. As PostgreSQL does (`fsync_fname_ext` in its
    src/common/file_utils.c), we take that for all that can be had there.
    """
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except (PermissionError, IsADirectoryError):
        return
    try:
        sync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EINVAL):
            raise
    finally:
        os.close(descriptor)


def remove_left_over(folder: Path) -> None:
    """Remove what processes that were killed have left half written; for one who is `alone_in` the folder."""
    for path in folder.glob(".*.partial"):
        if _PARTIAL.fullmatch(path.name):
            _remove(path)
