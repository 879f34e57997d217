"""Problems of a scenario, and their places in the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dispatch_sim.scenario.wording import Path, spelled

MOST_PROBLEMS = 100
"""Maximum number of problems of a scenario that a message lists."""

Place = tuple[int, int]
"""A line and a column; both count from 1."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An error or a warning about a scenario, by path.

    Attributes
    ----------
    path : keys and indices from the top.
    message : what was found, and what to write instead.
    at_key : whether it is about the key rather than its value.
    """

    path: Path
    message: str
    at_key: bool = False

    def __str__(self) -> str:
        return f"{spelled(self.path)}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in a scenario, with its place in the file; the line is 0 where it is about the whole file."""

    filename: str
    line: int
    column: int
    path: Path
    message: str

    def __str__(self) -> str:
        where = f"{self.filename}:{self.line}:{self.column}" if self.line else self.filename
        return f"{where}: {Finding(self.path, self.message)}"


class UserError(Exception):
    """An error that the user can fix; the message says where, what was found, and what to do.

    Attributes
    ----------
    is_bad_input : whether it is in what the user wrote, rather than in a machine.
    """

    is_bad_input = True

    def _render_traceback_(self) -> list[str]:
        """Return the message, which a notebook shows in place of a traceback."""
        return [str(self)]


class ScenarioError(UserError):
    """A scenario that cannot be used. Holds all problems, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:MOST_PROBLEMS]]
        if len(self.problems) > MOST_PROBLEMS:
            lines.append(
                f"{self.problems[0].filename}: and {len(self.problems) - MOST_PROBLEMS} more problems"
            )
        return "\n".join(lines)
