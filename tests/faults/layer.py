"""A failing layer under `dispatch_sim.study.files`: counts what is written, and fails at a given point.

It also keeps a model of the disk: what of each file and folder has been forced to it. A power cut leaves
that, and of the rest whatever it likes (Pillai et al., All File Systems Are Not Created Equal, OSDI 2014).
"""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ERRORS = ("ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO")

FAILS_AT = {
    "ENOSPC": {"open", "write", "fsync", "mkdir"},
    "EDQUOT": {"open", "write", "fsync", "mkdir"},
    "EACCES": {"open", "replace", "unlink", "mkdir", "rmdir"},
    "EROFS": {"open", "replace", "unlink", "mkdir", "rmdir"},
    "EIO": {"open", "write", "flush", "fsync", "replace", "unlink", "mkdir", "rmdir", "open folder"},
}
"""At which points a fault that lasts shows: a full disk lets files be removed, one that may not be written to
has files that are open written."""


@dataclass(frozen=True)
class Fault:
    """What happens at the `at`-th point.

    Attributes
    ----------
    how : `before` or `within`, killed there, or in the middle of what is done; `cut before` or `cut within`,
        likewise by a power cut; or the name of an error.
    lasting : whether an error stays.
    seed : of what a power cut leaves.
    """

    at: int
    how: str
    lasting: bool = False
    seed: int = 0


@dataclass
class _File:
    """A file of the model: its bytes, and those that are on the disk."""

    data: bytes = b""
    on_disk: bytes = b""


_Names = dict[str, "_File | _Folder"]


class _Folder:
    """A folder of the model: its names, and those that are on the disk."""

    def __init__(self) -> None:
        self.names: _Names = {}
        self.on_disk: _Names = {}

    @classmethod
    def of(cls, folder: Path) -> _Folder:
        """Return a folder as it is, all of it on the disk."""
        made = cls()
        for path in folder.iterdir():
            data = path.read_bytes() if path.is_file() else b""
            made.names[path.name] = cls.of(path) if path.is_dir() else _File(data, data)
        made.on_disk = dict(made.names)
        return made


class Layer:
    """Stands between a process and the folder that it writes to.

    Parameters
    ----------
    root : a folder; all below it is watched.
    fault : what happens, if anything.
    """

    def __init__(self, root: Path, fault: Fault | None) -> None:
        self.points: list[str] = []
        self._root = root.resolve()
        self._fault = fault
        self._disk = _Folder.of(self._root)
        self._open: dict[int, _File | _Folder] = {}

    def install(self) -> None:
        """Put the layer under this process, for good."""
        real = Path.open, os.open, os.fsync, os.replace, Path.unlink, Path.mkdir, Path.rmdir
        open_path, os_open, fsync, replace, unlink, mkdir, rmdir = real

        def opened(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
            if not self._watches(path) or mode not in ("xb", "wb", "ab"):
                return open_path(path, mode, *args, **options)

            def make() -> _Watched:
                raw = open_path(path, mode, buffering=0)
                folder, name = self._place(path)
                file = folder.names.get(name)
                if mode != "ab" or not isinstance(file, _File):
                    file = folder.names[name] = _File()
                self._open[raw.fileno()] = file
                return _Watched(raw, file, self)

            self._point("open", make)
            return make()

        def opened_by_number(path: Any, flags: int, *args: Any, **options: Any) -> int:
            watched = isinstance(path, Path) and path.is_dir() and self._watches(path)
            if watched:
                self._point("open folder", lambda: None)
            descriptor = os_open(path, flags, *args, **options)
            if watched:
                self._open[descriptor] = self._folder(path)
            return descriptor

        def forced(descriptor: int) -> None:
            it = self._open.get(descriptor)
            if it is None:
                fsync(descriptor)
                return

            def force() -> None:
                if isinstance(it, _File):
                    it.on_disk = it.data
                else:
                    it.on_disk = dict(it.names)

            # The model says what is on the disk: to wait for the true one shows nothing.
            self._point("fsync", force)
            force()

        def replaced(path: Any, to: Any) -> None:
            def move() -> None:
                replace(path, to)
                folder, name = self._place(Path(path))
                into, new = self._place(Path(to))
                into.names[new] = folder.names.pop(name)

            if not self._watches(Path(path)):
                replace(path, to)
                return
            self._point("replace", move)
            move()

        def changing(what: str, change: Callable[..., None]) -> Callable[..., None]:
            def changed(path: Path, *args: Any, **options: Any) -> None:
                def do() -> None:
                    change(path, *args, **options)
                    folder, name = self._place(path)
                    if what == "mkdir":
                        folder.names.setdefault(name, _Folder())
                    else:
                        folder.names.pop(name, None)

                if not self._watches(path) or (what == "unlink" and not os.path.lexists(path)):
                    change(path, *args, **options)
                    return
                self._point(what, do)
                do()

            return changed

        Path.open = opened
        os.open = opened_by_number
        os.fsync = forced
        os.replace = replaced
        Path.unlink = changing("unlink", unlink)
        Path.mkdir = changing("mkdir", mkdir)
        Path.rmdir = changing("rmdir", rmdir)

    def _watches(self, path: Path) -> bool:
        return path.absolute().is_relative_to(self._root)

    def _place(self, path: Path) -> tuple[_Folder, str]:
        """Return the folder of the model that a path is in, and its name there."""
        return self._folder(path.parent), path.name

    def _folder(self, path: Path) -> _Folder:
        it = self._disk
        for name in path.absolute().relative_to(self._root).parts:
            below = it.names.setdefault(name, _Folder())
            assert isinstance(below, _Folder)
            it = below
        return it

    def _point(self, what: str, do: Callable[[], object], half: Callable[[], None] | None = None) -> None:
        """Come to a point at which something is written, and fail there if it is time.

        Parameters
        ----------
        do : what is to be done; `half` of it, where it can be done by half.
        """
        self.points.append(what)
        fault = self._fault
        if fault is None or len(self.points) < fault.at:
            return
        if fault.how in ERRORS:
            lasts = fault.lasting and what in FAILS_AT[fault.how]
            if len(self.points) == fault.at or lasts:
                if half is not None:
                    half()
                number = getattr(errno, fault.how)
                raise OSError(number, os.strerror(number))
        elif len(self.points) == fault.at:
            if fault.how.endswith("within"):
                (half or do)()
            if fault.how.startswith("cut"):
                self._cut(random.Random(fault.seed))
            os.kill(os.getpid(), signal.SIGKILL)

    def _cut(self, chance: random.Random) -> None:
        """Leave on the true disk what a power cut may have left."""
        for path in self._root.iterdir():
            shutil.rmtree(str(path)) if path.is_dir() else os.unlink(path)
        _restore(self._disk, self._root, chance)


def _restore(folder: _Folder, into: Path, chance: random.Random) -> None:
    for name in sorted({*folder.names, *folder.on_disk}):
        # A name that was changed since the folder was forced to the disk is as before or as after.
        it = (folder.on_disk if chance.random() < 0.5 else folder.names).get(name)
        if isinstance(it, _Folder):
            os.mkdir(into / name)
            _restore(it, into / name, chance)
        elif it is not None:
            data = it.on_disk
            if it.data != data:
                reached = chance.randint(len(data), max(len(data), len(it.data)))
                lost = max(len(data), len(it.data)) - reached
                # What came after is cut off; or its length is there, and not its bytes.
                data = it.data[:reached] + chance.choice([b"", bytes(lost)])
            with open(into / name, "wb") as file:
                file.write(data)


class _Watched:
    """A file that is open for writing, without a buffer: what is written is there."""

    def __init__(self, raw: io.RawIOBase | Any, file: _File, layer: Layer) -> None:
        self._raw, self._file, self._layer = raw, file, layer

    def write(self, data: Any) -> int:
        """Write, all of it."""
        data = bytes(data)

        def put(part: bytes) -> None:
            while part:  # a disk that is nearly full takes less
                taken = self._raw.write(part)
                self._file.data += part[:taken]
                part = part[taken:]

        self._layer._point("write", lambda: put(data), lambda: put(data[: len(data) // 2]))
        put(data)
        return len(data)

    def flush(self) -> None:
        """Come to a point; nothing is held back."""
        self._layer._point("flush", lambda: None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def __enter__(self) -> _Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self._layer._open.pop(self._raw.fileno(), None)
        self._raw.close()
