"""Keys of the whole format that are not simulated yet.

A key that is there but leaves its subject out (`coupling: 0%`) is dropped; any other use is an error,
since a scenario must not be played without something that it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.wording import Path, shown

_ZERO = (0, "0", "0%", "0s", "$0")

KEYS: Mapping[tuple[str, ...], tuple[Any, ...]] = {
    ("tasks", "*", "writes"): ([],),
    ("tasks", "*", "after"): ([],),
    ("tasks", "*", "coupling"): _ZERO,
    ("dispatch", "context"): (),
    ("harness",): (),
    ("failures", "hang"): _ZERO,
    ("timeouts",): (),
    ("conflicts",): (),
    ("review",): (),
    ("communication",): ("none",),
    ("objective", "deadline"): (),
    ("objective", "budget"): (),
    ("engine",): ("simpy",),
}
"""Where each key stands (`*` is any item of a list), and the values that leave its subject out; an
empty key always does."""

VALUES: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("retry", "policy"): ("resume", "cascade"),
    ("objective", "minimise"): ("p95_makespan",),
}
"""Values of keys that are simulated."""


def set_aside(raw: Any) -> tuple[Any, list[Finding]]:
    """Return the scenario without what is not simulated yet, and the errors about what that changes.

    `raw` is not altered; the parts that stay are shared with it.
    """
    findings = _cycles(raw)
    waiting = {finding.path for finding in findings}
    for pattern, neutral in KEYS.items():
        raw = _without(raw, pattern, (), neutral, findings, waiting)
    for pattern, words in VALUES.items():
        section, key = pattern
        inner = raw.get(section) if isinstance(raw, dict) else None
        word = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and isinstance(word, str) and word in words:
            findings.append(Finding(pattern, f"{word} is not simulated yet; remove the key"))
            raw = {**raw, section: {name: value for name, value in inner.items() if name != key}}
    return raw, findings


def _without(
    raw: Any,
    pattern: tuple[str, ...],
    path: Path,
    neutral: tuple[Any, ...],
    findings: list[Finding],
    told: set[Path],
) -> Any:
    """Return `raw` without the keys that the pattern leads to."""
    key, *rest = pattern
    if key == "*":
        if not isinstance(raw, list):
            return raw
        deeper = tuple(rest)
        return [
            _without(item, deeper, (*path, index), neutral, findings, told) for index, item in enumerate(raw)
        ]
    if not isinstance(raw, dict) or key not in raw:
        return raw
    here = (*path, key)
    if rest:
        return {**raw, key: _without(raw[key], tuple(rest), here, neutral, findings, told)}
    value = raw[key]
    left_out = value is None or (not isinstance(value, bool) and value in neutral)
    if not left_out and here not in told:
        findings.append(Finding(here, f"{key} is not simulated yet; remove the key", at_key=True))
    return {name: inner for name, inner in raw.items() if name != key}


def _cycles(raw: Any) -> list[Finding]:
    """Return an error for each set of task groups that wait for each other in a circle."""
    groups = raw.get("tasks") if isinstance(raw, dict) else None
    if not isinstance(groups, list):
        return []
    after: dict[str, list[str]] = {}
    index: dict[str, int] = {}
    for number, group in enumerate(groups):
        if isinstance(group, dict) and isinstance(group.get("name"), str):
            named = group.get("after")
            named = [named] if isinstance(named, str) else named if isinstance(named, list) else []
            after.setdefault(group["name"], [name for name in named if isinstance(name, str)])
            index.setdefault(group["name"], number)
    findings: dict[Path, Finding] = {}
    done: set[str] = set()
    for start in after:
        trail: list[str] = []
        todo = [(start, False)]
        while todo:
            name, leaving = todo.pop()
            if leaving:
                done.add(trail.pop())
            elif name in trail:
                circle = [*trail[trail.index(name) :], name]
                here = ("tasks", index[circle[0]], "after")
                findings.setdefault(here, Finding(here, _told(circle)))
            elif name in after and name not in done:
                trail.append(name)
                todo.append((name, True))
                todo.extend((other, False) for other in after[name])
    return list(findings.values())


def _told(circle: list[str]) -> str:
    names = circle if len(circle) <= 10 else [*circle[:8], "...", circle[-1]]
    words = [name if name.isprintable() and len(name) <= 40 else shown(name) for name in names]
    return f"tasks wait for each other: {' -> '.join(words)}; remove one of the dependencies"
