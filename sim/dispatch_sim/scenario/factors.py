"""Values that replace others in a scenario by their paths, as the axes of a sweep do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.wording import Path, shown, spelled


class PathError(Exception):
    """A part of a path is not a section; holds the finding."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(str(finding))


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
    for index, group in enumerate(groups):
        name = group.get("name") if isinstance(group, dict) else None
        if isinstance(name, str) and name and rest.startswith(f"{name}."):
            return [("tasks", index, *rest[len(name) + 1 :].split("."))]
    return [("tasks", index, *rest.split(".")) for index in range(len(groups))]


def by_setting(raw: Any, finding: Finding, keys: Iterable[str]) -> tuple[str, str] | None:
    """Return the last of some keys, by their paths, that a finding is about, and the message for it."""
    for key in reversed([*keys]):
        for path in paths(raw, key):
            if path[: len(finding.path)] == finding.path:
                return key, finding.message
            if finding.path[: len(path)] == path:
                return key, str(finding)
    return None


def with_value(raw: Any, path: Path, value: Any, done: int = 0) -> Any:
    """Return a copy of `raw` with a value at `path`; missing sections are added.

    Raises
    ------
    PathError
        Where a part of the path is a value and not a section.
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
