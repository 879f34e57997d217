"""How files are written: whole or not at all, and safe when the power goes."""

import errno
import os
from types import SimpleNamespace

import pytest

from dispatch_sim.study import files
from dispatch_sim.study.files import (
    ResultsError,
    alone_in,
    check_folder,
    write_together,
    write_whole,
    writing_to,
)


def put(text):
    """Return what writes a text."""
    return lambda file: file.write(text.encode())


@pytest.fixture
def pair(tmp_path):
    """Return the paths of a pair of files that has been written."""
    table, about = tmp_path / "table", tmp_path / "about"
    write_together({table: put("old table")}, about, put("old about"))
    return table, about


def texts(*paths):
    """Return what stands in files."""
    return [path.read_text() for path in paths]


def test_a_pair_is_written_together(pair):
    """The new ones stand in the place of the old, and nothing else is left."""
    table, about = pair
    write_together({table: put("new table")}, about, put("new about"))
    assert texts(*pair) == ["new table", "new about"]
    assert sorted(path.name for path in table.parent.iterdir()) == ["about", "table"]


@pytest.mark.parametrize("failing", range(1, 5))
def test_a_pair_that_cannot_be_put_in_place_leaves_the_one_before(pair, monkeypatch, failing):
    """Whichever of the four renames fails."""
    table, about = pair
    replace, calls = os.replace, []

    def refuse(one, other):
        calls.append(one)
        if len(calls) == failing:
            raise OSError(errno.EIO, "Input/output error")
        replace(one, other)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="Input/output"):
        write_together({table: put("new table")}, about, put("new about"))
    assert texts(*pair) == ["old table", "old about"]
    assert sorted(path.name for path in table.parent.iterdir()) == ["about", "table"]


def test_a_table_never_stands_beside_what_is_said_of_another(pair, monkeypatch):
    """At each rename and removal, `about` is gone, or is of the table that is there."""
    seen = []

    def look(function):
        def called(*arguments):
            function(*arguments)
            if pair[1].exists():
                seen.append(tuple(texts(*pair)))

        return called

    monkeypatch.setattr(os, "replace", look(os.replace))
    write_together({pair[0]: put("new table")}, pair[1], put("new about"))
    assert seen == [("new table", "new about")]


def test_a_folder_is_on_the_disk_before_what_comes_into_it(tmp_path, monkeypatch):
    """So are those above it that had to be made; a file in a folder that is lost is lost."""
    forced = []
    monkeypatch.setattr(files, "sync_folder", forced.append)
    with writing_to(tmp_path / "reports" / "out"):
        assert forced == [tmp_path, tmp_path / "reports"]


@pytest.mark.parametrize(
    ("number", "raised"), [(errno.EINVAL, False), (errno.EBADF, False), (errno.EIO, True)]
)
def test_a_system_on_which_folders_cannot_be_forced_to_the_disk_is_written_to(
    tmp_path, monkeypatch, number, raised
):
    """Some refuse that for folders; a disk that fails is another matter."""

    def refuse(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system does not tell what a descriptor is of")
    monkeypatch.setattr(os, "fsync", refuse)
    if raised:
        with pytest.raises(OSError, match="Input/output"):
            write_whole(tmp_path / "file", put("text"))
    else:
        write_whole(tmp_path / "file", put("text"))
        assert texts(tmp_path / "file") == ["text"]


def test_what_cannot_be_written_is_told_though_the_lock_cannot_be_removed(tmp_path, monkeypatch):
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


def test_what_killed_processes_have_left_half_written_is_removed_by_the_next(tmp_path):
    """Of ours; nobody else's."""
    for name in (".results.parquet.new.17.partial", ".mine.partial", "results.parquet.17.partial"):
        (tmp_path / name).write_text("")
    with alone_in(tmp_path):
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {".mine.partial", "results.parquet.17.partial", files.LOCK_FILE}


@pytest.mark.parametrize(
    ("flags", "why"), [(0, "Permission denied"), (os.ST_RDONLY, "Read-only file system")]
)
def test_why_a_folder_cannot_be_written_to_is_told_before_anything_is_played(
    tmp_path, monkeypatch, flags, why
):
    """Who is told of rights where the disk is read-only, looks in the wrong place."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=flags))
    with pytest.raises(ResultsError, match=why):
        check_folder(tmp_path / "new")


@pytest.mark.parametrize("make", ["link", "folder"])
def test_a_lock_that_lies_in_a_strangers_folder_empties_no_file(tmp_path, make):
    """Opened through a link, the file behind it would be cut off, and removed with the lock."""
    theirs, folder = tmp_path / "letter.txt", tmp_path / "folder"
    theirs.write_text("Dear Sir")
    folder.mkdir()
    lock = folder / files.LOCK_FILE
    lock.symlink_to(theirs) if make == "link" else lock.mkdir()
    with pytest.raises(ResultsError, match="cannot be written to"), alone_in(folder):
        pass
    assert theirs.read_text() == "Dear Sir"


def test_a_pipe_in_the_place_of_the_lock_is_not_waited_for(tmp_path):
    """It locks as well as a file does, and is removed as one is."""
    os.mkfifo(tmp_path / files.LOCK_FILE)
    with alone_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
