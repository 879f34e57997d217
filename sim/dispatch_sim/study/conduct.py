"""Whole studies, from a scenario to its results."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from dispatch_sim.scenario.loader import Given, Source, as_source
from dispatch_sim.study.answer import choices
from dispatch_sim.study.design import Design, design_comparison, design_sweep
from dispatch_sim.study.results import Results, Stopped, collect, with_end
from dispatch_sim.study.runner import OnProgress, Played, play_design


def sweep(
    scenario: Given,
    *,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Results:
    """Play every strategy at every width, batch size and factor level of the scenario's sweep.

    Parameters
    ----------
    scenario : a file, or a source that was read from one.
    seed, replications : in place of those in the scenario.
    jobs : worker processes; results do not depend on it. A script that asks for more than one has to
        guard its main part with ``if __name__ == "__main__":``, since workers import it.
    on_progress : called with the replications done and all of them.

    Returns
    -------
    With `replications: auto`, these are doubled until every choice is settled or a budget ends. Where
    interrupted (Ctrl-C) the replications that are done; the manifest says so.

    Raises
    ------
    ScenarioError, DesignError, WorkerError
        With a message for the user.
    """
    return _conduct(design_sweep, scenario, seed, replications, jobs, on_progress)


def compare(
    scenario: Given,
    *,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Results:
    """Play the scenario's strategies side by side at the batch's own size; otherwise as `sweep`."""
    return _conduct(design_comparison, scenario, seed, replications, jobs, on_progress)


def with_study(source: Source, seed: int | None, replications: int | None) -> Source:
    """Return a source with another seed or number of replications, where they are given."""
    asked = {"study.seed": seed, "study.replications": replications}
    values: dict[str, Any] = {path: value for path, value in asked.items() if value is not None}
    return source.replaced(values) if values else source


def _conduct(
    design: Callable[[Source], Design],
    scenario: Given,
    seed: int | None,
    replications: int | None,
    jobs: int,
    on_progress: OnProgress | None,
) -> Results:
    began = time.monotonic()
    source = with_study(as_source(scenario), seed, replications)
    points, seconds = design(source), source.scenario().study.seconds
    played = play_design(points, jobs, on_progress)
    results = collect(source, points, played)
    while (stopped := _stopped(results, points, seconds, time.monotonic() - began)) is None:
        first, points = points.replications, replace(points, replications=_doubled(points))
        played = _joined(played, play_design(points, jobs, on_progress, first))
        results = collect(source, points, played)
    return with_end(results, stopped)


def _doubled(points: Design) -> int:
    return min(2 * points.replications, points.at_most or points.replications)


def _joined(played: Played, more: Played) -> Played:
    engine = played.engine
    if more.engine not in engine:
        engine = f"{engine} and {more.engine}"
    return Played(
        np.concatenate([played.replications, more.replications]),
        np.concatenate([played.measures, more.measures], axis=1),
        more.interrupted,
        engine,
    )


def _stopped(results: Results, points: Design, seconds: float | None, taken: float) -> Stopped | None:
    """Return why no more replications are played; None where they are doubled once more."""
    if results.manifest["interrupted"]:
        return "interrupted"
    if points.at_most is None:
        return "asked"
    if all(choice.ends_early for choice in choices(results)):
        return "settled"
    if points.replications >= points.at_most:
        return "at_most"
    # Doubling plays as many again, in as much time again.
    if seconds is not None and taken * _doubled(points) / points.replications > seconds:
        return "seconds"
    return None
