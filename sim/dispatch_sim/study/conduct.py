"""Whole studies, from a scenario to its results."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dispatch_sim.scenario.loader import Given, Source, as_source
from dispatch_sim.study.answer import choices
from dispatch_sim.study.cluster import connected
from dispatch_sim.study.design import Design, design_comparison, design_sweep
from dispatch_sim.study.files import alone_in
from dispatch_sim.study.journal import saying_what_is_kept
from dispatch_sim.study.playing import Playing
from dispatch_sim.study.results import Results, Stopped, collect, identity, with_end
from dispatch_sim.study.runner import OnProgress
from dispatch_sim.study.stored import finished_study


def sweep(
    scenario: Given,
    *,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool | None = None,
    cluster: str | None = None,
) -> Results:
    """Play every strategy at every width, batch size and factor level of the scenario's sweep.

    Parameters
    ----------
    scenario : a file, or a source that was read from one.
    seed, replications : in place of those in the scenario.
    jobs : workers on this machine; results do not depend on it. A script that asks for more than one has to
        guard its main part with ``if __name__ == "__main__":``, since worker processes import it.
    on_progress : called with the replications done and all of them.
    folder : where what has been played is kept until `write_results` writes it there, so that whatever ends
        the study, it can be resumed; without it, nowhere.
    resume : whether to go on with what lies there; where that is finished, nothing is played. False throws it
        away, and so does None, unless it had been played for more than a minute and is not finished.
    cluster : a Dask scheduler, `tcp://HOST:PORT`, whose workers play in place of this machine's, or
        `local:N`.

    Returns
    -------
    With `replications: auto`, these are doubled until every choice is settled or a budget ends. Where
    interrupted (Ctrl-C) the replications that are done; the manifest says so.

    Raises
    ------
    ScenarioError, DesignError, ResultsError, ClusterError, WorkerError
        With a message for the user. Where there is a folder, what was played before is kept.
    """
    return _conduct(design_sweep, scenario, seed, replications, jobs, on_progress, folder, resume, cluster)


def compare(
    scenario: Given,
    *,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool | None = None,
    cluster: str | None = None,
) -> Results:
    """Play the scenario's strategies side by side at the batch's own size; otherwise as `sweep`."""
    return _conduct(
        design_comparison, scenario, seed, replications, jobs, on_progress, folder, resume, cluster
    )


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
    folder: str | os.PathLike[str] | None,
    resume: bool | None,
    cluster: str | None,
) -> Results:
    source = with_study(as_source(scenario), seed, replications)
    points = design(source)
    seconds = source.scenario().study.seconds
    with ExitStack() as held:
        playing = Playing(points, on_progress)
        if folder is not None:
            held.enter_context(alone_in(Path(folder)))
            if resume and (finished := finished_study(Path(folder), identity(source, points))):
                return finished
        # Before what lies in the folder is thrown away for this.
        workers = held.enter_context(connected(cluster)) if cluster is not None else None
        if folder is not None:
            playing.keep_in(Path(folder), identity(source, points), resume)
            held.enter_context(saying_what_is_kept(Path(folder)))
        while True:
            played = playing.play(jobs, workers)
            results = collect(source, playing.design, played)
            stopped = _stopped(results, playing, seconds)
            if stopped is not None:
                return with_end(results, stopped)
            playing.double()


def _stopped(results: Results, playing: Playing, seconds: float | None) -> Stopped | None:
    """Return why no more replications are played; None where they are doubled once more."""
    if results.manifest["interrupted"]:
        return "interrupted"
    if playing.design.at_most is None:
        return "asked"
    if all(choice.ends_early for choice in choices(results)):
        return "settled"
    if playing.design.replications >= playing.design.at_most:
        return "at_most"
    # Doubling plays as many again, in as much time again.
    taken = playing.elapsed() * playing.doubled / playing.design.replications
    if seconds is not None and taken > seconds and not playing.is_behind:
        return "seconds"
    return None
