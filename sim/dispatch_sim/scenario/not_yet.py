"""Keys of the whole format that are not simulated yet.

A key that is there but leaves its subject out (an empty `budget:`) is dropped; any other use is an error,
since a scenario must not be played without something that it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.wording import Path

KEYS: Mapping[tuple[str, ...], tuple[Any, ...]] = {
    ("objective", "deadline"): (),
    ("objective", "budget"): (),
}
"""Where each key stands, and the values that leave its subject out; an empty key always does."""

VALUES: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("objective", "minimise"): ("p95_makespan",),
}
"""Values of keys that are simulated."""


def set_aside(raw: Any) -> tuple[Any, list[Finding]]:
    """Return the scenario without what is not simulated yet, and the errors about what that changes.

    `raw` is not altered; the parts that stay are shared with it.
    """
    findings: list[Finding] = []
    for pattern, neutral in KEYS.items():
        raw = _without(raw, pattern, (), neutral, findings)
    for pattern, words in VALUES.items():
        section, key = pattern
        inner = raw.get(section) if isinstance(raw, dict) else None
        word = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and isinstance(word, str) and word in words:
            findings.append(Finding(pattern, f"{word} is not simulated yet; remove the key"))
            raw = {**raw, section: {name: value for name, value in inner.items() if name != key}}
    return raw, findings


def _without(
    raw: Any, pattern: tuple[str, ...], path: Path, neutral: tuple[Any, ...], findings: list[Finding]
) -> Any:
    """Return `raw` without the keys that the pattern leads to."""
    key, *rest = pattern
    if not isinstance(raw, dict) or key not in raw:
        return raw
    here = (*path, key)
    if rest:
        return {**raw, key: _without(raw[key], tuple(rest), here, neutral, findings)}
    value = raw[key]
    left_out = value is None or (not isinstance(value, bool) and value in neutral)
    if not left_out:
        findings.append(Finding(here, f"{key} is not simulated yet; remove the key", at_key=True))
    return {name: inner for name, inner in raw.items() if name != key}
