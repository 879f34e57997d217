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

from pydantic import ValidationError

from dispatch_sim.display import Displayed
from dispatch_sim.scenario import checks, profiles
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.paths import paths_of
from dispatch_sim.scenario.problems import Finding, Problem, ScenarioError
from dispatch_sim.scenario.samples import Samples
from dispatch_sim.scenario.tree import MOST_CHARACTERS, TOO_LONG, Tree, read_tree
from dispatch_sim.scenario.validation import findings_of
from dispatch_sim.scenario.wording import Path, shown, spelled

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
        """Return the scenario, checked.

        Raises
        ------
        ScenarioError
            With all invalid keys; if there are none, with all that do not fit together.
        """
        return self._scenario

    @cached_property
    def _scenario(self) -> Scenario:
        scenario = self.with_valid_keys()
        if found := list(checks.problems(scenario)):
            raise self.error(found)
        return scenario

    def with_valid_keys(self) -> Scenario:
        """Return the scenario, in which each key is valid by itself; `scenario` checks how they fit together.

        Raises
        ------
        ScenarioError
            With all invalid keys.
        """
        if self.raw is None:
            raise self.error([Finding((), _EMPTY)])
        raw, found = profiles.expand(self.raw)
        try:
            scenario = Scenario.model_validate(raw, context=Samples(self.folders))
        except ValidationError as error:
            found += findings_of(error, raw)
        if found or self.tree.problems:
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
            axis = self.tree.values.get(("sweep", dotted))
            for path in paths_of(raw, dotted):
                raw = self._with_value(raw, path, value)
                places = {old: place for old, place in places.items() if old[: len(path)] != path}
                if axis is not None:
                    added = (path[:length] for length in range(1, len(path) + 1))
                    places = dict.fromkeys(added, axis) | places
        return replace(self, tree=replace(self.tree, raw=raw, values=places))

    def _with_value(self, raw: Any, path: Path, value: Any, done: int = 0) -> Any:
        """Return a copy of `raw` with a value at `path`; missing sections are added."""
        if done == len(path):
            return value
        key = path[done]
        if isinstance(raw, list) and isinstance(key, int):
            return [*raw[:key], self._with_value(raw[key], path, value, done + 1), *raw[key + 1 :]]
        if not isinstance(raw, dict | None):
            message = f"found {shown(raw)}, so there is no {spelled(path)} to put a value in"
            raise self.error([Finding(path[:done], message)])
        mapping = raw or {}
        return {**mapping, key: self._with_value(mapping.get(key), path, value, done + 1)}

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
    """Read a file, without checking the scenario; its csv files lie in the same folder, or below it.

    Raises
    ------
    ScenarioError
        Where it cannot be read, or is not YAML.
    """
    file = FilePath(path)
    name = os.fspath(path)

    def error(message: str) -> ScenarioError:
        return ScenarioError([Problem(name, 1, 1, (), message)])

    try:
        if stat.S_ISFIFO(file.stat().st_mode) and not name.startswith("/dev/"):
            raise error("is a named pipe, which may never be written to; read it through /dev/stdin")
        with file.open("rb") as stream:
            content = stream.read(MOST_CHARACTERS + 1)
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise error(f"cannot be read: {reason}; check the path") from None
    except ValueError:
        raise error("cannot be read: not a path") from None
    if len(content) > MOST_CHARACTERS:
        raise error(TOO_LONG)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise error(f"not text: byte {failure.start + 1} is not UTF-8; save the file as UTF-8") from None
    return parse_source(text, name, file.parent)


def parse_source(
    text: str, filename: str = "<string>", folder: FilePath | None = None, data: FilePath | None = None
) -> Source:
    """Read a text, without checking the scenario; see `Source.scenario`.

    Parameters
    ----------
    folder, data : where csv files may lie.
    """
    folders = tuple(each for each in (folder, data) if each is not None)
    return Source(read_tree(text, filename), filename, folders)


def load_scenario(path: str | os.PathLike[str]) -> Scenario:
    """Read and check a scenario file; see `load_source` and `Source.scenario`."""
    return load_source(path).scenario()


def parse_scenario(text: str, filename: str = "<string>", folder: FilePath | None = None) -> Scenario:
    """Read and check a text; see `parse_source` and `Source.scenario`."""
    return parse_source(text, filename, folder).scenario()
