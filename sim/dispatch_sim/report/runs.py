"""A typical and a bad run of the recommended way, played once more and drawn.

Draws are keyed by seed and replication, so that what is drawn is what was counted, to the last bit; where it
is not, nothing is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.model.accounting import Outcome
from dispatch_sim.model.events import Event
from dispatch_sim.model.plan import Plan
from dispatch_sim.report.figures.gantt import gantt
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import capital, duration
from dispatch_sim.report.timeline import failures_text
from dispatch_sim.report.view import View
from dispatch_sim.scenario.loader import Source
from dispatch_sim.study.engines import simulate_one
from dispatch_sim.study.stored import find_stored_plan, stored_design

MOST_TASKS = 1000
"""Tasks of a batch beyond which nobody would read its timeline, or wait for it."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Pictures of runs.

    Attributes
    ----------
    pictures : the typical and the bad one; one where all runs are alike, none where `why_not` says why.
    why_not : empty where there are pictures.
    """

    pictures: tuple[Picture, ...]
    why_not: str = ""


def two_runs(view: View, source: Source | None) -> Runs:
    """Draw the replications whose makespans are the median, and the 95th percentile, of the recommended way.

    Parameters
    ----------
    view : of an answer.
    source : the scenario, as `stored_source` returns it.
    """
    if view.tasks > MOST_TASKS:
        return Runs((), f"batches of more than {MOST_TASKS:,} tasks are not drawn.")
    design = None if source is None else stored_design(source, view.answer.results)
    if design is None:
        return Runs((), "the scenario cannot be read again from what was stored with the results.")
    plan = find_stored_plan(design, view.recommended, view.tasks, view.choice.factors)
    makespans = view.samples("makespan_s", view.recommended)
    ordered = view.answer.results.columns.replications
    wanted = [("typical", 0.5), ("bad", 0.95)] if np.ptp(makespans) > 0 else [("typical", 0.5)]
    runs: list[tuple[str, int, Outcome, list[Event]]] = []
    for name, part in wanted:
        place = _at(makespans, part)
        outcome, log = simulate_one(plan, int(ordered[place]))
        if outcome.makespan_s != makespans[place]:
            return Runs((), "this version plays the scenario differently from the one that made the results.")
        runs.append((name, int(ordered[place]), outcome, log))
    end_s = max((event.end_s for *_, log in runs for event in log), default=0.0)
    typical = runs[0][2]
    pictures = [_picture(view, plan, *run, typical, end_s) for run in runs]
    return Runs(tuple(each for each in pictures if each is not None))


def _at(values: NDArray[np.float64], part: float) -> int:
    """Return where a sample has its quantile: the first of those that are equal."""
    wanted = np.sort(values)[math.ceil(values.size * part - 1e-9) - 1]
    return int(np.flatnonzero(values == wanted)[0])


def _picture(
    view: View,
    plan: Plan,
    name: str,
    replication: int,
    outcome: Outcome,
    log: list[Event],
    typical: Outcome,
    end_s: float,
) -> Picture | None:
    took = duration(outcome.makespan_s)
    if name == "typical":
        says = f"It took {took}: half of the {view.choice.replications:,} took longer."
    else:
        says = (
            f"It took {took}: one in twenty takes longer. Its attempts worked "
            f"{duration(outcome.service_s)} in all, those of the typical run {duration(typical.service_s)}."
        )
    says += f" {capital(failures_text(plan, outcome))} (replication {replication})."
    title = f"A {name} run, {view.way(view.recommended)}"
    return gantt(plan, log, f"run-{name}", title, says, end_s)
