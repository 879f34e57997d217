"""A scenario from logs: every figure that they show, and the default, marked as such, of every other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from dispatch_sim.display import Displayed
from dispatch_sim.logs.calibrate import dispatch_fits, task_fits
from dispatch_sim.logs.calibrate.observations import ALL_KINDS, observe
from dispatch_sim.logs.calibrate.scenario_text import BORROWED, DEFAULT, MEASURED, Figure, scenario_text
from dispatch_sim.logs.readers.tables import Logs
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.scenario.model import Scenario

USUAL_BATCH = 6
"""Tasks of the scenario's batch where no parallel group is in the logs: an assumption."""


@dataclass(frozen=True)
class Calibration(Displayed):
    """What logs come to.

    Attributes
    ----------
    runs, sessions, groups : runs that completed work, the sessions that they are of, and parallel groups.
    hung, attempts, failures : see `Observations`.
    group_of : the group of tasks in the scenario that stands for each kind of task in the logs.
    figures : each figure of the scenario, with its source.
    """

    runs: int
    sessions: int
    groups: int
    hung: int
    attempts: int
    failures: int
    group_of: dict[str, str]
    figures: tuple[Figure, ...]

    @property
    def text(self) -> str:
        """The scenario as a file."""
        return scenario_text(list(self._head()), self.figures)

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario, read from its own text."""
        return parse_scenario(self.text, "calibrated.yaml")

    def with_origin(self, origin: str) -> tuple[Figure, ...]:
        """Return the figures that are measured, borrowed or defaults."""
        return tuple(figure for figure in self.figures if figure.origin == origin)

    def _head(self) -> Iterator[str]:
        yield (
            f"Calibrated from logs by dispatch-sim: {self.runs} runs that completed work, of {self.sessions} "
            f"sessions, with {self.groups} parallel groups."
        )
        yield (
            f"Above each figure: `{MEASURED}`, from runs of its own kind; `{BORROWED}`, from runs of all "
            f"kinds; or `{DEFAULT}`, not to be seen in these logs, or in too few runs. Intervals are of 95%, "
            "and of sessions: what would have come of others of the same user."
        )
        yield ("Put in what you know better, and your own batch under `count`. Then: dispatch-sim sweep FILE")


def calibrate(logs: Logs, *, intervals: bool = True) -> Calibration:
    """Fit a scenario to the runs of logs.

    Parameters
    ----------
    logs : as `read_logs` returns them.
    intervals : whether to say how sure the figures are; without, it takes a tenth of the time.

    Raises
    ------
    CalibrationError
        Where no run has completed with a duration.
    """
    seen = observe(logs)
    work = task_fits.Work(seen, intervals=intervals)
    groups = logs.groups
    group_of = work.group_of
    counts = _counts(seen.honest["kind"].map(group_of), groups)
    figures: list[Figure] = [Figure(("name",), "From my own logs", DEFAULT, "a name is yours to give")]
    for name, count in counts.items():
        runs = f"{int((seen.honest['kind'].map(group_of) == name).sum())} of {len(seen.honest)} runs"
        kind = "kinds with fewer than 20" if name == ALL_KINDS else "this kind"
        source = f"{runs} are of {kind}; a batch of the usual size, to be replaced by your own"
        figures.append(Figure(("tasks", name, "count"), str(count), MEASURED, source, len(seen.honest)))
        figures += work.figures(name)
    figures += dispatch_fits.figures(seen, work)
    return Calibration(
        runs=len(seen.honest),
        sessions=seen.sessions,
        groups=len(groups),
        hung=len(seen.hung),
        attempts=seen.attempts,
        failures=seen.failures,
        group_of=group_of,
        figures=tuple(figures),
    )


def _counts(kinds: pd.Series, groups: pd.DataFrame) -> dict[str, int]:
    """Return how many tasks of each kind a batch of the usual size has, the most frequent first."""
    parts = kinds.value_counts(normalize=True, sort=True)
    size = float(groups["size"].median()) if len(groups) else USUAL_BATCH
    names = sorted(parts.index, key=lambda name: (name == ALL_KINDS, -parts[name], name))
    return {name: max(1, math.floor(size * float(parts[name]) + 0.5)) for name in names}
