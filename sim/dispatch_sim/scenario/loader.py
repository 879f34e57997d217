"""Reads scenario files.

`load_scenario` is all that playing one takes. A sweep keeps the `Source`, puts other values into it by
path, and reads the result again, so that every point of a sweep has been checked like a file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from dispatch_sim.display import Displayed
from dispatch_sim.scenario import checks, factors, profiles
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding, Problem, ScenarioError
from dispatch_sim.scenario.samples import Samples
from dispatch_sim.scenario.tree import MOST_CHARACTERS, TOO_LONG, Tree, read_tree
from dispatch_sim.scenario.validation import key_of, validated

_EMPTY = "the file is empty; write at least tasks: [{name: research, tokens: 15K, duration: 60s}]"


@dataclass(frozen=True)
class Source(Displayed):
    """A scenario as written.

    Attributes
    ----------
    tree : the plain data, and the place of each value in the file.
    filename : what error messages call it.
    folder : where csv files are looked for; None if nowhere.
    data : where they may lie besides; None if nowhere.
    """

    tree: Tree
    filename: str = "<string>"
    folder: FilePath | None = None
    data: FilePath | None = None

    @property
    def folders(self) -> tuple[FilePath, ...]:
        """The folders that csv files may lie in, in the order in which they are looked for there."""
        return tuple(each for each in (self.folder, self.data) if each is not None)

    @property
    def raw(self) -> Any:
        """The plain data: dicts, lists and scalars. Not to be altered."""
        return self.tree.raw

    def scenario(self) -> Scenario:
        """Return what is written, checked.

        Where it cannot be played without a key that only an axis of the sweep gives, that axis's first value
        stands for it.

        Raises
        ------
        ScenarioError
            with everything that is wrong.
        """
        try:
            return self._checked()
        except ScenarioError:
            levels = factors.first_levels(self.raw)
            if levels:
                with suppress(ScenarioError):
                    return self.replaced(levels)._checked()
            raise

    def _checked(self) -> Scenario:
        if self.raw is None:
            raise self.error([Finding((), _EMPTY)])
        raw, found = profiles.expand(self.raw)
        samples = Samples(self.folders)
        scenario, raw, invalid = validated(raw, samples)
        found += invalid
        if scenario is not None:
            found += checks.problems(scenario, [key_of(finding.path) for finding in found])
            found += factors.findings(raw, scenario, samples)
        if scenario is None or found or self.tree.problems:
            raise self.error(found)
        return scenario

    def replaced(self, values: Mapping[str, Any]) -> Source:
        """Return the source with other values, each given by the path of what it replaces.

        A path is written as in `sweep`: ``provider.limits.scale``; ``tasks.tokens`` stands for the tokens
        of all groups and ``tasks.NAME.tokens`` for those of the group called NAME. Mappings that are
        missing on the way are made. Whether the key exists is checked when the scenario is read.

        Raises
        ------
        ScenarioError
            if something on a path is there and is not a mapping.
        """
        raw, places = self.raw, dict(self.tree.values)
        for dotted, value in values.items():
            written = ("sweep", dotted)
            for path in factors.paths(raw, dotted):
                try:
                    raw = factors.with_value(raw, path, value)
                except factors.PathError as error:
                    raise self.error([error.finding]) from None
                places = {old: place for old, place in places.items() if old[: len(path)] != path}
                if written in self.tree.values:
                    places[path] = self.tree.values[written]
        return replace(self, tree=replace(self.tree, raw=raw, values=places))

    def error(self, findings: Iterable[Finding]) -> ScenarioError:
        """Return the error with these findings, each at its place in the file."""
        found = (
            Problem(self.filename, *self.tree.place(each.path, each.at_key), each.path, each.message)
            for each in findings
        )
        return ScenarioError([*self.tree.problems, *found])


Given = Source | str | os.PathLike[str]
"""A scenario, or the file that it stands in."""


def as_source(given: Given) -> Source:
    """Return a scenario as it is, or read it from its file."""
    return given if isinstance(given, Source) else load_source(given)


def load_source(path: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> Source:
    """Read a file, without checking what it says; see `Source.scenario`.

    Parameters
    ----------
    path : the file; its csv files lie in the same folder, or below it.
    data : another folder that they may lie in.

    Raises
    ------
    ScenarioError
        Where it cannot be read, or is not YAML.
    """
    file = FilePath(path)
    name = os.fspath(path)

    def refused(message: str) -> ScenarioError:
        return ScenarioError([Problem(name, 1, 1, (), message)])

    try:
        if stat.S_ISFIFO(file.stat().st_mode) and not name.startswith("/dev/"):
            raise refused("is a pipe with a name, which may never be written to; read it through /dev/stdin")
        with file.open("rb") as stream:
            held = stream.read(MOST_CHARACTERS + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise refused(f"cannot be read: {reason}; check the path") from None
    except ValueError:
        raise refused("cannot be read: not a path") from None
    if len(held) > MOST_CHARACTERS:
        raise refused(TOO_LONG)
    try:
        text = held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(f"not text: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None
    return parse_source(text, name, file.parent, None if data is None else FilePath(data))


def parse_source(
    text: str, filename: str = "<string>", folder: FilePath | None = None, data: FilePath | None = None
) -> Source:
    """Read a text, without checking what it says; see `Source.scenario`."""
    return Source(read_tree(text, filename), filename, folder, data)


def load_scenario(path: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> Scenario:
    """Read and check a scenario file; csv files may lie in its folder, and in `data`.

    Raises
    ------
    ScenarioError
        with everything that is wrong with it.
    """
    return load_source(path, data).scenario()


def parse_scenario(text: str, filename: str = "<string>", folder: FilePath | None = None) -> Scenario:
    """Read and check a scenario; csv files are looked for in `folder`.

    Raises
    ------
    ScenarioError
        with everything that is wrong with it.
    """
    return parse_source(text, filename, folder).scenario()
