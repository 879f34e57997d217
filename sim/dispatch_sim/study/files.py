"""Writes files atomically, and durably after a power cut.

A file is written under another name in its folder, synced and renamed. Then its folder is synced, as a
renamed file may otherwise be lost in a power cut (Pillai et al., All File Systems Are Not Created Equal, OSDI
2014).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from filelock import FileLock, Timeout

from dispatch_sim.interruption import uninterrupted
from dispatch_sim.scenario.problems import UserError

LOCK_FILE = ".dispatch-sim.lock"
"""In a folder while a run writes to it."""


class ResultsError(UserError):
    """A results folder that cannot be read or written; the message says which and why."""


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Create a folder, and raise errors in writing to it as a `ResultsError`."""
    try:
        _make(folder)
        yield
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written to: {error.strerror or error}") from error


def _make(folder: Path) -> None:
    """Create a folder and its parents durably: without its name, all in it is lost."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder for this process, from before the simulation until all is written.

    The lock is reentrant. It is the system's, so it ends with the process, however that ends.

    Raises ResultsError where another run has locked the folder, or it cannot be created or written to.
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
        yield
    finally:
        if lock.lock_counter == 1:
            # Before the release: a later run creates another file. A file that stays, as in a folder that has
            # become read-only, locks nothing.
            _remove(path)
        lock.release()
        if made and not lock.is_locked:
            with suppress(OSError):  # unless something is in it
                folder.rmdir()


def check_folder(folder: Path) -> None:
    """Check that a folder can be created and written to, before a long simulation; creates nothing.

    Raises ResultsError where it cannot be.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written to: {error.strerror}") from error


def write_texts(texts: Mapping[str, str | bytes], folder: Path) -> list[Path]:
    """Write texts into a folder, by the names of their files; returns these.

    The old content of a file stays until all of the new is written. Files are not synced, as they can be
    written again, and a sync takes some ten milliseconds.
    """
    with writing_to(folder):
        for name, text in texts.items():
            unfinished = folder / f".{name}.partial"
            try:
                with _create(unfinished) as file:
                    file.write(text.encode("utf-8", errors="replace") if isinstance(text, str) else text)
                os.replace(unfinished, folder / name)
            finally:
                _remove(unfinished)
    return [folder / name for name in texts]


def write_pair(about: Path, text: str, table: Path, write_table: Callable[[IO[bytes]], object]) -> None:
    """Write a text and a table into files of a folder, both or neither.

    Both are on the disk under other names before either is replaced, so a full disk leaves the earlier pair.
    Renaming `about` commits: before it, the earlier pair is valid; after it, `newest_of_pair` and
    `finish_pair` take the new one.
    """
    new_about, new_table = _new(about), _new(table)
    try:
        for path, write in ((new_about, lambda file: file.write(text.encode())), (new_table, write_table)):
            with _create(path) as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
    except BaseException:
        _remove(new_table)
        _remove(new_about)
        raise
    with uninterrupted():
        os.replace(new_about, about)
        _sync_folder(about.parent)
        os.replace(new_table, table)
        _sync_folder(about.parent)


def newest_of_pair(about: Path, table: Path) -> Path:
    """Return the path of the table that `about` describes."""
    new = _new(table)
    return new if new.is_file() and not _new(about).exists() else table


def finish_pair(about: Path, table: Path) -> None:
    """Finish, or undo, a `write_pair` whose process has ended; the folder must be locked by `alone_in`."""
    newest = newest_of_pair(about, table)
    if newest != table:
        os.replace(newest, table)
        _sync_folder(table.parent)
    _remove(_new(table))
    _remove(_new(about))


def _new(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _create(path: Path) -> IO[bytes]:
    # Otherwise, an existing link would be followed.
    path.unlink(missing_ok=True)
    return path.open("xb")


def _remove(path: Path) -> None:
    """Remove a file if possible."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Sync the names of a folder, if the system supports that.

    Some systems cannot open or sync a folder. As in PostgreSQL (`fsync_fname_ext` in its
    src/common/file_utils.c), that is not an error.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except (PermissionError, IsADirectoryError):
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EINVAL):
            raise
    finally:
        os.close(descriptor)
