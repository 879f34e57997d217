"""Reads scenarios from files, YAML text and dicts.

`Source` is a scenario as written. A sweep replaces values in it by their paths, and checks each result like a
file.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
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
    filename : its name in error messages.
    folders : where csv files may lie, in the order of the search.
    """

    tree: Tree
    filename: str = "<string>"
    folders: tuple[FilePath, ...] = ()

    def __repr__(self) -> str:
        return f"<Source: {self.filename}>"

    @property
    def raw(self) -> Any:
        """The plain data: dicts, lists and scalars. Not to be altered."""
        return self.tree.raw

    def scenario(self) -> Scenario:
        """Return the scenario; raises ScenarioError with all its problems."""
        return self._scenario

    @cached_property
    def _scenario(self) -> Scenario:
        if self.raw is None:
            raise self.error([Finding((), _EMPTY)])
        raw, found = profiles.expand(self.raw)
        samples = Samples(self.folders)
        scenario, rest, invalid = validated(raw, samples)
        if any(finding.path == ("profile",) for finding in found):  # it may have stated what is missing
            invalid = [finding for finding in invalid if factors.value_at(raw, finding.path) is not None]
        found += invalid
        if scenario is not None:
            keys = dict.fromkeys(key_of(finding.path) for finding in found)
            found += checks.problems(scenario, [*keys])
            found += factors.findings(rest, scenario, samples)
        if scenario is None or found or self.tree.problems:
            raise self.error(found)
        return scenario

    def replaced(self, values: Mapping[str, Any]) -> Source:
        """Return the source with other values, by their paths.

        A path is written as in `sweep`: ``provider.limits.scale``. ``tasks.tokens`` stands for the tokens of
        all groups, ``tasks.NAME.tokens`` for those of the group called NAME. Missing sections are added.
        `scenario` checks whether the keys exist.

        Raises
        ------
        ScenarioError
            Where a part of a path is a value and not a section.
        """
        raw, places = self.raw, dict(self.tree.values)
        for dotted, value in values.items():
            written = ("sweep", dotted)
            for path in factors.paths(raw, dotted):
                try:
                    raw = factors.with_value(raw, path, value)
                except factors.PathError as error:
                    raise self.error([error.args[0]]) from None
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


Given = Source | str | os.PathLike[str] | Mapping[str, Any]
"""A scenario as `load` accepts it."""


def load(scenario: Given, data: str | os.PathLike[str] | None = None) -> Source:
    """Return a scenario as written, without checking it; see `Source.scenario`.

    Parameters
    ----------
    scenario : the path of a file; YAML text, which has a line break or ``key: value``; a dict; or a source.
    data : a folder that csv files may lie in, besides that of the file.

    Raises
    ------
    ScenarioError
        Where a file cannot be read, or is not YAML.
    """
    if isinstance(scenario, Source):
        found = scenario
    elif isinstance(scenario, Mapping):
        try:
            raw = json.loads(json.dumps(dict(scenario)))
        except (TypeError, ValueError, RecursionError) as error:
            raise ScenarioError([Problem("<dict>", 1, 1, (), f"not plain data: {error}")]) from None
        found = Source(Tree(raw, {}, {}), "<dict>")
    elif isinstance(scenario, str) and ("\n" in scenario or ": " in scenario):
        found = parse_source(scenario)
    else:
        found = load_source(scenario)
    return found if data is None else replace(found, folders=(*found.folders, FilePath(data)))


def load_source(path: str | os.PathLike[str]) -> Source:
    """Read a file, without checking the scenario; its csv files lie in the same folder, or below it."""
    file = FilePath(path)
    name = os.fspath(path)

    def error(message: str, line: int = 1) -> ScenarioError:
        return ScenarioError([Problem(name, line, 1, (), message)])

    try:
        if stat.S_ISFIFO(file.stat().st_mode) and not name.startswith("/dev/"):
            raise error("is a named pipe, which may never be written to; read it through /dev/stdin", 0)
        with file.open("rb") as stream:
            content = stream.read(MOST_CHARACTERS + 1)
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise error(f"cannot be read: {reason}; check the path", 0) from None
    except ValueError:
        raise error("cannot be read: not a path", 0) from None
    if len(content) > MOST_CHARACTERS:
        raise error(TOO_LONG)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise error(f"not text: byte {failure.start + 1} is not UTF-8; save the file as UTF-8") from None
    return parse_source(text, name, file.parent)


def parse_source(text: str, filename: str = "<string>", folder: FilePath | None = None) -> Source:
    """Read a text, without checking the scenario; its csv files lie in `folder`, or below it."""
    return Source(read_tree(text, filename), filename, () if folder is None else (folder,))


def load_scenario(path: str | os.PathLike[str]) -> Scenario:
    """Read and check a scenario file; see `load_source` and `Source.scenario`."""
    return load_source(path).scenario()


def parse_scenario(text: str, filename: str = "<string>", folder: FilePath | None = None) -> Scenario:
    """Read and check a text; see `parse_source` and `Source.scenario`."""
    return parse_source(text, filename, folder).scenario()
