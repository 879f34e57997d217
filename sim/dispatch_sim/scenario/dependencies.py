"""Which groups of tasks wait for which: names that no group has, and circles."""

from __future__ import annotations

import difflib

from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.wording import Path, shown


def problems(scenario: Scenario) -> list[Finding]:
    """Return an error for each name in `after` that no group has, or else for each circle."""
    names = {group.name for group in scenario.tasks}
    strangers = [
        Finding(("tasks", number, "after", position), _unknown(name, names))
        for number, group in enumerate(scenario.tasks)
        for position, name in enumerate(group.after)
        if name not in names
    ]
    return strangers or _circles(scenario)


def _circles(scenario: Scenario) -> list[Finding]:
    """Return an error for each set of task groups that wait for each other in a circle."""
    after = {group.name: group.after for group in scenario.tasks}
    index = {group.name: number for number, group in enumerate(scenario.tasks)}
    findings: dict[Path, Finding] = {}
    done: set[str] = set()
    for start in after:
        trail: dict[str, None] = {}  # in order, and quick to look a name up in
        todo = [(start, False)]
        while todo:
            name, leaving = todo.pop()
            if leaving:
                done.add(trail.popitem()[0])
            elif name in trail:
                names = list(trail)
                circle = [*names[names.index(name) :], name]
                here = ("tasks", index[circle[0]], "after")
                findings.setdefault(here, Finding(here, _told(circle)))
            elif name not in done:
                trail[name] = None
                todo.append((name, True))
                todo.extend((other, False) for other in after[name])
    return list(findings.values())


def _unknown(name: str, names: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(names), 1) if len(names) <= 100 else []
    hint = f"did you mean {shown(close[0])}?" if close else "write a name that is in tasks"
    return f"no group of tasks is called {shown(name)}; {hint}"


def _told(circle: list[str]) -> str:
    names = circle if len(circle) <= 10 else [*circle[:8], "...", circle[-1]]
    words = [name if name.isprintable() and len(name) <= 40 else shown(name) for name in names]
    return f"tasks wait for each other: {' -> '.join(words)}; remove one of the dependencies"
