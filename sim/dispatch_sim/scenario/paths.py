"""Paths of keys as the axes of a sweep and settings have them: ``tasks.tokens``, ``client.retries``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.wording import Path


def paths_of(raw: Any, dotted: str) -> list[Path]:
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
        for path in paths_of(raw, key):
            if path[: len(finding.path)] == finding.path:
                return key, finding.message
            if finding.path[: len(path)] == path:
                return key, str(finding)
    return None
