"""Axes of a sweep: values that replace others in a scenario, by their paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from dispatch_sim.scenario import profiles
from dispatch_sim.scenario.base import fields_by_key
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.samples import Samples
from dispatch_sim.scenario.tasks import TaskGroup
from dispatch_sim.scenario.validation import findings_of
from dispatch_sim.scenario.wording import Path, shown, spelled, unknown

MOST_FACTORS = 8
"""Maximum number of axes of a sweep, without tasks and concurrency."""

MOST_LEVELS = 100
"""Maximum number of values of such an axis."""

NOT_SWEPT = ("sweep", "study", "engine", "objective", "strategies", "name", "description")
"""Keys that are not of the batch or of its environment: they cannot be varied."""


class PathError(Exception):
    """A part of a path is not a section; its argument is the finding."""


def paths(raw: Any, dotted: str) -> list[Path]:
    """Return the paths in a scenario that a path of a sweep stands for.

    ``tasks.tokens`` stands for the tokens of every group, ``tasks.NAME.tokens`` for those of the group
    called NAME, ``sweep.client.retries`` for an axis, any other path for itself.
    """
    first, _, rest = dotted.partition(".")
    if first == "sweep" and rest:
        return [(first, rest)]
    groups = raw.get("tasks") if isinstance(raw, dict) else None
    if first != "tasks" or not rest or not isinstance(groups, list):
        return [tuple(dotted.split("."))]
    names = [group.get("name") if isinstance(group, dict) else None for group in groups]
    if (name := group_in(rest, names)) is not None:
        return [("tasks", names.index(name), *rest[len(name) + 1 :].split("."))]
    return [("tasks", index, *rest.split(".")) for index in range(len(groups))]


def group_in(rest: str, names: Iterable[Any]) -> str | None:
    """Return the name of the group with which a path below `tasks` begins: ``a`` of ``a.tokens``."""
    found = (name for name in names if isinstance(name, str) and name and rest.startswith(f"{name}."))
    return max(found, key=len, default=None)


def by_setting(raw: Any, finding: Finding, keys: Iterable[str]) -> tuple[str, str] | None:
    """Return the last of some keys, by their paths, that a finding is about, and the message for it."""
    for key in reversed([*keys]):
        for path in paths(raw, key):
            if path[: len(finding.path)] == finding.path:
                return key, finding.message
            if finding.path[: len(path)] == path:
                return key, str(finding)
    return None


def value_at(tree: Any, path: Iterable[str | int]) -> Any:
    """Return what stands at a path of a scenario; None where there is nothing."""
    for key in path:
        if isinstance(tree, dict):
            tree = tree.get(key)
        else:
            tree = tree[key] if isinstance(tree, list) and isinstance(key, int) else None
    return tree


def with_value(raw: Any, path: Path, value: Any, done: int = 0) -> Any:
    """Return a copy of `raw` with a value at `path`; missing sections are added.

    Raises PathError where a part of the path is a value and not a section.
    """
    if done == len(path):
        return value
    key = path[done]
    if isinstance(raw, list) and isinstance(key, int):
        return [*raw[:key], with_value(raw[key], path, value, done + 1), *raw[key + 1 :]]
    if not isinstance(raw, dict | None):
        message = f"found {shown(raw)}, so there is no {spelled(path)} to put a value in"
        raise PathError(Finding(path[:done], message))
    mapping = raw or {}
    return {**mapping, key: with_value(mapping.get(key), path, value, done + 1)}


def findings(raw: Any, scenario: Scenario, samples: Samples) -> list[Finding]:
    """Return the problems of the axes of a scenario's sweep and of their values.

    Each value is checked within its section alone, so that the check takes no longer for a larger scenario.
    """
    factors = scenario.sweep.factors
    if len(factors) > MOST_FACTORS:
        message = f"{len(factors)} axes besides tasks and concurrency; at most {MOST_FACTORS} can be swept"
        return [Finding(("sweep",), message)]
    found = []
    for dotted, levels in factors.items():
        here = ("sweep", dotted)
        if (why_not := _about_key(scenario, dotted)) is not None:
            found.append(Finding(here, why_not, at_key=True))
        elif not isinstance(levels, list) or not 1 <= len(levels) <= MOST_LEVELS:
            found.append(Finding(here, f"found {shown(levels)}; write a list of 1 to {MOST_LEVELS} values"))
        elif (repeated := _repeated(levels)) is not None:
            found.append(Finding(here, f"{shown(levels[repeated])} is repeated; remove one"))
        else:
            part, path = _part(raw, paths(raw, dotted)[0])
            found += _level_findings(part, path, levels, dotted, samples)
    return found


def _about_key(scenario: Scenario, dotted: str) -> str | None:
    """Return why a key cannot be swept, or None."""
    first, dot, rest = dotted.partition(".")
    name, _, key = rest.partition(".")
    names = [group.name for group in scenario.tasks]
    if not dot:
        return "an axis is a key by its path, such as provider.limits.scale or client.retries"
    if first in NOT_SWEPT:
        return "this cannot be swept; sweep a key of the tasks or of their environment"
    if dotted == "tasks.count" or (len(names) == 1 and dotted == f"tasks.{names[0]}.count"):
        return "has no effect, as the sweep has batch sizes of its own; write sweep.tasks instead"
    if first == "tasks" and key and name not in fields_by_key(TaskGroup) and group_in(rest, names) is None:
        return unknown("group of tasks", name, names)
    return None


def _repeated(levels: list[Any]) -> int | None:
    """Return the number of the first level that has the value or the text of an earlier one."""
    for number, level in enumerate(levels):
        if level in levels[:number] or str(level) in map(str, levels[:number]):
            return number
    return None


def _part(raw: Any, path: Path) -> tuple[Any, Path]:
    """Return a minimal scenario with the section in which `path` ends, and the path in it."""
    group: dict[Any, Any] = {"name": "task", "tokens": "1", "duration": "1s"}
    if path[0] != "tasks":
        return {"tasks": [group], path[0]: raw.get(path[0])}, path
    if len(path) < 3 or not isinstance(path[1], int):
        return {"tasks": [group]}, path
    written = raw["tasks"][path[1]]
    if path[2] in written:
        group[path[2]] = written[path[2]]
    return {"tasks": [group]}, ("tasks", 0, *path[2:])


def _level_findings(part: Any, path: Path, levels: list[Any], dotted: str, samples: Samples) -> list[Finding]:
    here = ("sweep", dotted)
    found = []
    for index, level in enumerate(levels):
        if level is None:
            message = "found nothing, which stands for the default; write a value, none or unlimited"
            found.append(Finding((*here, index), message))
            continue
        try:
            filled, problems = profiles.expand(with_value(part, path, level))
            Scenario.model_validate(filled, context=samples)
        except PathError as error:
            # The part that is a value can be swept as a whole, unless it is a section of the top.
            key = dotted.rsplit(".", len(path) - len(error.args[0].path))[0]
            instead = f"sweep {key}" if "." in key else f"write {key} as a mapping"
            return [Finding(here, f"{error}; {instead}", at_key=True)]
        except ValidationError as error:
            problems += findings_of(error, filled)
        for problem in problems[:1]:
            if problem.at_key and len(problem.path) <= len(path):
                return [Finding(here, problem.message, at_key=True)]
            found.append(Finding((*here, index), problem.message))
    return found
