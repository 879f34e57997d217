"""Calibration of a scenario to logs: each figure that they show, and a marked default for every other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from dispatch_sim.display import Displayed
from dispatch_sim.logs.calibrate.dispatch_fits import dispatch_figures
from dispatch_sim.logs.calibrate.distribution_fits import LEAST
from dispatch_sim.logs.calibrate.observations import ALL_KINDS, observe
from dispatch_sim.logs.calibrate.scenario_text import BORROWED, DEFAULT, MEASURED, Figure, scenario_text
from dispatch_sim.logs.calibrate.task_fits import TaskFits
from dispatch_sim.logs.readers.tables import Logs
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.scenario.model import Scenario

USUAL_BATCH = 6
"""Tasks of the scenario's batch if the logs have no parallel group: an assumption."""


@dataclass(frozen=True)
class Calibration(Displayed):
    """A scenario calibrated to logs.

    Attributes
    ----------
    runs, sessions, groups : completed runs, their sessions, and parallel groups.
    hung, attempts, failures : see `Observations`.
    group_of : the group of tasks in the scenario for each kind of task in the logs.
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
        head = (
            f"Calibrated from logs by dispatch-sim: {self.runs} completed runs of {self.sessions} sessions, "
            f"with {self.groups} parallel groups.",
            f"The comment above each figure names its source: `{MEASURED}` from runs of its own kind, "
            f"`{BORROWED}` from runs of all kinds, or `{DEFAULT}` if no or too few runs of these logs show "
            "it. Intervals in brackets are 95% confidence intervals, for other sessions of the same user.",
            "Correct what you know better and write your batch under `count`. Then: dispatch-sim sweep FILE",
        )
        return scenario_text(head, self.figures)

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario, read from its own text."""
        return parse_scenario(self.text, "calibrated.yaml")


def calibrate(logs: Logs, *, intervals: bool = True) -> Calibration:
    """Fit a scenario to the runs of logs.

    Parameters
    ----------
    logs : as `read_logs` returns them.
    intervals : False leaves out confidence intervals, which takes a tenth of the time.

    Raises
    ------
    CalibrationError
        If no run has completed with a duration.
    """
    seen = observe(logs)
    fits = TaskFits(seen, intervals=intervals)
    runs = len(seen.completed)
    task_groups = seen.completed["kind"].map(fits.group_of)
    figures: list[Figure] = [Figure(("name",), "From my own logs", DEFAULT, "choose a name")]
    for name, count in _counts(task_groups, logs.groups).items():
        which = f"kinds with fewer than {LEAST}" if name == ALL_KINDS else "this kind"
        source = f"{int((task_groups == name).sum())} of {runs} runs are of {which}; a batch of "
        if len(logs.groups):
            source += "the median size of parallel groups, to be replaced by your own"
            figures.append(Figure(("tasks", name, "count"), str(count), MEASURED, source, runs))
        else:
            source += f"{USUAL_BATCH}, an assumption; write your own"
            figures.append(Figure(("tasks", name, "count"), str(count), DEFAULT, source))
        figures += fits.figures(name)
    return Calibration(
        runs=runs,
        sessions=int(seen.completed["session"].nunique()),
        groups=len(logs.groups),
        hung=len(seen.hung),
        attempts=seen.attempts,
        failures=seen.failures,
        group_of=fits.group_of,
        figures=(*figures, *dispatch_figures(fits)),
    )


def _counts(kinds: pd.Series, groups: pd.DataFrame) -> dict[str, int]:
    """Return the number of tasks of each kind in a batch of the usual size, the most frequent first."""
    shares = kinds.value_counts(normalize=True, sort=True)
    size = float(groups["size"].median()) if len(groups) else USUAL_BATCH
    names = sorted(shares.index, key=lambda name: (name == ALL_KINDS, -shares[name], name))
    return {name: max(1, math.floor(size * float(shares[name]) + 0.5)) for name in names}
