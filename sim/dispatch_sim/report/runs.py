"""Simulates a typical and a bad run of the recommended strategy again, and draws them.

Random variates are keyed by seed and replication, so a run has the same outcome to the last bit. Where it has
another one, nothing is drawn.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.model.events import Event
from dispatch_sim.model.outcome import Outcome
from dispatch_sim.report.figures.gantt import gantt
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import named
from dispatch_sim.report.sentences import sentence
from dispatch_sim.report.timeline import failures_text
from dispatch_sim.report.view import View
from dispatch_sim.scenario.loader import Source
from dispatch_sim.study.engines import simulate_one
from dispatch_sim.study.stored import find_stored_plan, stored_design

MOST_TASKS = 1000
"""Tasks of a batch beyond which nobody would read its timeline, or wait for it."""


class Runs(NamedTuple):
    """Pictures of a typical and a bad run, one where all makespans are equal; or the reason for none."""

    pictures: list[Picture]
    why_none: str


def two_runs(view: View, source: Source | None) -> Runs:
    """Draw the replications with the median and the 95th percentile of the recommended strategy's makespan.

    `source` is the scenario, as `stored_source` returns it.
    """
    if view.tasks > MOST_TASKS:
        return Runs([], f"batches of more than {MOST_TASKS:,} tasks are not drawn.")
    if source is None:
        return Runs([], "the scenario stored with the results cannot be read.")
    design = stored_design(source, view.answer.results)
    plan = find_stored_plan(design, view.recommended, view.tasks, view.choice.factors)
    makespans = view.samples("makespan_s", view.recommended)
    wanted = [("typical", 0.5), ("bad", 0.95)] if np.ptp(makespans) > 0 else [("typical", 0.5)]
    runs: list[tuple[str, int, Outcome, list[Event]]] = []
    for name, part in wanted:
        replication = _at(makespans, part)
        outcome, log = simulate_one(plan, replication)
        if outcome.makespan_s != makespans[replication]:
            return Runs([], "this version simulates the scenario with another outcome than the stored one.")
        runs.append((name, replication, outcome, log))
    end_s = max((event.end_s for *_, log in runs for event in log), default=0.0)
    pictures = []
    for name, replication, outcome, log in runs:
        failures = failures_text(plan, outcome)
        says = sentence("runs.txt", name, view, replication, outcome, failures, runs[0][2])
        title = f"A {name} run, {named(view.recommended)}"
        pictures.append(gantt(plan, log, f"run-{name}", title, says, end_s))
    return Runs([each for each in pictures if each is not None], "")


def _at(values: NDArray[np.float64], part: float) -> int:
    """Return where a sample has its quantile: the first of those that are equal."""
    wanted = np.sort(values)[math.ceil(values.size * part - 1e-9) - 1]
    return int(np.flatnonzero(values == wanted)[0])
