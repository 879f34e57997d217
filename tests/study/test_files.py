"""How files are written: whole or not at all, and safe when the power goes."""

import errno
import os
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from dispatch_sim.study import files
from dispatch_sim.study.files import (
    ResultsError,
    alone_in,
    check_folder,
    finish_pair,
    newest_of_pair,
    write_pair,
    writing_to,
)


def put(text):
    return lambda file: file.write(text.encode())


@pytest.fixture
def pair(tmp_path):
    about, table = tmp_path / "about", tmp_path / "table"
    write_pair(about, "old about", table, put("old table"))
    return about, table


def texts(*paths):
    return [path.read_text() for path in paths]


class EndedError(BaseException):
    """The process ends."""


@pytest.mark.parametrize("call", range(1, 12))
def test_pair_is_replaced_atomically(pair, monkeypatch, call):
    """Before any of the calls that change the disk: the pair that is read is the old or the new one."""
    about, table = pair
    calls = []

    def ending(function):
        def called(*arguments, **named):
            calls.append(function)
            if len(calls) >= call:
                raise EndedError
            return function(*arguments, **named)

        return called

    with monkeypatch.context() as patch:
        for module, name in ((os, "replace"), (os, "fsync"), (Path, "open"), (Path, "unlink")):
            patch.setattr(module, name, ending(getattr(module, name)))
        ended = suppress(EndedError) if call < 11 else nullcontext()
        with ended:
            write_pair(about, "new about", table, put("new table"))
    state = [about.read_text(), newest_of_pair(about, table).read_text()]
    assert state in (["old about", "old table"], ["new about", "new table"])
    finish_pair(about, table)
    assert texts(about, table) == state
    assert sorted(path.name for path in about.parent.iterdir()) == ["about", "table"]
    assert call < 11 or state == ["new about", "new table"]


def test_failed_write_leaves_the_earlier_pair(pair):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    about, table = pair
    with pytest.raises(OSError, match="No space"):
        write_pair(about, "new about", table, full)
    assert texts(about, table) == ["old about", "old table"]
    assert sorted(path.name for path in about.parent.iterdir()) == ["about", "table"]


def test_new_folders_are_synced_first(tmp_path, monkeypatch):
    """So are those above it that had to be made; a file in a folder that is lost is lost."""
    forced = []
    monkeypatch.setattr(files, "_sync_folder", forced.append)
    with writing_to(tmp_path / "reports" / "out"):
        assert forced == [tmp_path, tmp_path / "reports"]


@pytest.mark.parametrize(
    ("number", "raised"), [(errno.EINVAL, False), (errno.EBADF, False), (errno.EIO, True)]
)
def test_unsupported_folder_sync_is_ignored(tmp_path, monkeypatch, number, raised):
    """Some refuse that for folders; a disk that fails is another matter."""

    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output") if raised else nullcontext():
        files._sync_folder(tmp_path)


def test_write_error_is_raised_when_the_lock_cannot_be_removed(tmp_path, monkeypatch):
    """In a folder that becomes read-only neither can; the folder is free all the same."""

    def refuse(path, missing_ok=False):
        raise OSError(errno.EROFS, "Read-only file system")

    def write():
        with alone_in(tmp_path), writing_to(tmp_path):
            monkeypatch.setattr(type(tmp_path), "unlink", refuse)
            raise OSError(errno.EROFS, "Read-only file system")

    with pytest.raises(ResultsError, match="Read-only file system"):
        write()
    monkeypatch.undo()
    with alone_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "told"),
    [(None, "Not a directory"), (errno.EROFS, "Read-only file"), (errno.EACCES, "Permission")],
)
def test_unwritable_folder_is_an_error_before_the_simulation(tmp_path, monkeypatch, error, told):
    (tmp_path / "taken").write_text("")
    if error is not None:

        def refuse(dir):
            raise OSError(error, os.strerror(error))

        monkeypatch.setattr(files, "TemporaryFile", refuse)
    with pytest.raises(ResultsError, match=told):
        check_folder(tmp_path / "taken" / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("make", ["link", "folder"])
def test_lock_through_link_empties_no_file(tmp_path, make):
    """Opened through a link, the file behind it would be cut off, and removed with the lock."""
    theirs, folder = tmp_path / "letter.txt", tmp_path / "folder"
    theirs.write_text("Dear Sir")
    folder.mkdir()
    lock = folder / files.LOCK_FILE
    lock.symlink_to(theirs) if make == "link" else lock.mkdir()
    with pytest.raises(ResultsError, match="cannot be written to"), alone_in(folder):
        pass
    assert theirs.read_text() == "Dear Sir"


def test_lock_that_is_a_pipe_does_not_block(tmp_path):
    """It locks as well as a file does, and is removed as one is."""
    os.mkfifo(tmp_path / files.LOCK_FILE)
    with alone_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
