"""Which mutants may survive: the changes that `docs/mutants.md` explains.

A change is named by what it does to a function, not by mutmut's number, so that it survives edits elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """What a mutant does.

    Attributes
    ----------
    module : as `study/contest.py`.
    function : as `contest` or `Contest.within`.
    lines : those that go, with `- ` before them, and those that come, with `+ `; not indented.
    """

    module: str
    function: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """Write it as it would stand in the page."""
        return "\n".join([f"## {self.module}", f"### {self.function}", "```diff", *self.lines, "```"])


def change_of(module: str, function: str, diff: str) -> Change:
    """Return the change that a diff makes; of what has no `-` or `+` before it nothing is kept."""
    lines = [line for line in diff.splitlines() if re.match(r"[-+](?![-+]{2} )", line)]
    return Change(module, function, tuple(f"{line[0]} {line[1:].strip()}" for line in lines))


def read_explained(page: Path) -> list[Change]:
    """Read the changes that a page explains.

    Under `## study/contest.py` and `### Contest.within` stand diffs, a blank line between two changes, and
    after each diff the reason.

    Raises
    ------
    ValueError : a diff without a module, a function or a reason, with the line at which it begins.
    """
    module = function = ""
    changes: list[Change] = []
    diff: list[str] | None = None
    unexplained = 0  # the line of a diff that no reason has followed yet
    for number, line in enumerate([*page.read_text(encoding="utf-8").splitlines(), "## "], 1):
        if diff is not None and line != "```":
            diff.append(line)
        elif diff is not None:
            changes += [change_of(module, function, part) for part in re.split(r"\n\s*\n", "\n".join(diff))]
            diff = None
        elif line.startswith(("#", "```diff")):
            if unexplained:
                raise ValueError(f"{page}:{unexplained}: no reason follows this diff; say why it may survive")
            if line.startswith("## "):
                module, function = line[3:].strip(" `"), ""
            elif line.startswith("### "):
                function = line[4:].strip(" `")
            elif line == "```diff":
                diff, unexplained = [], number
                if not (module and function):
                    raise ValueError(f"{page}:{number}: a diff belongs under '## module' and '### function'")
        elif line.strip():
            unexplained = 0
    return changes
