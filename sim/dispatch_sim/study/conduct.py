"""Whole studies, from a scenario to its results."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from dispatch_sim.scenario.loader import Given, Source, as_source
from dispatch_sim.study.answer import choices
from dispatch_sim.study.checkpoint import Checkpoint, begin_anew, encode
from dispatch_sim.study.cluster import connected
from dispatch_sim.study.columns import CheckpointColumns
from dispatch_sim.study.design import Design, design_comparison, design_sweep
from dispatch_sim.study.engines import choose_engine
from dispatch_sim.study.files import alone_in
from dispatch_sim.study.results import Results, Stopped, ended, identity, manifest_of, named_points
from dispatch_sim.study.runner import OnProgress, simulate
from dispatch_sim.study.stored import finished_study

_LOG = logging.getLogger("dispatch_sim")


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
    """Simulate every strategy at every concurrency, batch size and factor level of the scenario's sweep.

    Parameters
    ----------
    scenario : a file, or a source that was read from one.
    seed, replications : in place of those in the scenario.
    jobs : threads of the compiled engine; results do not depend on it. The SimPy engine has one.
    on_progress : called with the replications done and all of them.
    folder : where a checkpoint is kept until `write_results` writes the results there, so that whatever ends
        the study, it can be resumed. Without it, what was simulated is held in memory.
    resume : whether to continue from the checkpoint there, or to return results that are complete. False
        discards the checkpoint, and so does None unless it took more than a minute to simulate.
    cluster : a Dask scheduler, `tcp://HOST:PORT`, whose workers simulate in place of this machine, or
        `local:N`.

    Returns
    -------
    With `replications: auto`, these are doubled until every choice is settled or a budget is used up. After
    an interruption (Ctrl-C) the replications that are done; the manifest says so.

    Raises
    ------
    ScenarioError, DesignError, ResultsError, ClusterError, WorkerError
        With a message for the user. The checkpoint is kept.
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
    """Simulate the scenario's strategies side by side at the batch's own size; otherwise as `sweep`."""
    return _conduct(
        design_comparison, scenario, seed, replications, jobs, on_progress, folder, resume, cluster
    )


def with_study(source: Source, seed: int | None, replications: int | None) -> Source:
    """Return a source with another seed or number of replications, where they are given."""
    asked = {"study.seed": seed, "study.replications": replications}
    values: dict[str, Any] = {path: value for path, value in asked.items() if value is not None}
    return source.replaced(values) if values else source


def _conduct(
    design_of: Callable[[Source], Design],
    scenario: Given,
    seed: int | None,
    replications: int | None,
    jobs: int,
    on_progress: OnProgress | None,
    out: str | os.PathLike[str] | None,
    resume: bool | None,
    cluster: str | None,
) -> Results:
    source = with_study(as_source(scenario), seed, replications)
    design, folder = design_of(source), None if out is None else Path(out)
    study = {} if folder is None else identity(source, design)
    with ExitStack() as held:
        if folder is not None:
            held.enter_context(alone_in(folder))
            if resume and (finished := finished_study(folder, study)):
                return finished
        # Before what lies in the folder is discarded for this.
        workers = held.enter_context(connected(cluster)) if cluster is not None else None
        checkpoint = _checkpoint(folder, study, design, resume)

        def keep(chunk: range, measures: list[bytes]) -> None:
            checkpoint.add(chunk, measures)
            if on_progress is not None:
                on_progress(checkpoint.count(design.replications), design.replications)

        while True:
            missing = checkpoint.missing(design.replications)
            interrupted = False
            try:
                if workers is None:
                    simulate(design, missing, checkpoint.engine, jobs, encode, keep)
                else:
                    workers.simulate(design, missing, checkpoint.engine, keep)
            except KeyboardInterrupt:
                interrupted = True
            columns = CheckpointColumns(checkpoint, named_points(design), design.replications)
            manifest = manifest_of(source, design, checkpoint.engine, len(columns.replications))
            stopped = (
                "interrupted" if interrupted else _stopped(Results(columns, manifest), design, checkpoint)
            )
            if stopped is not None:
                return Results(columns, ended(manifest, stopped))
            design = replace(design, replications=_doubled(design))


def _checkpoint(
    folder: Path | None, study: Mapping[str, Any], design: Design, resume: bool | None
) -> Checkpoint:
    """Return the checkpoint of a study: what an earlier run has left in its folder, or an empty one."""
    if folder is not None and resume:
        found = Checkpoint.resume(folder, study, design.points)
        if found is not None:
            done = found.count(found.stop)
            _LOG.warning("resumed: %s replications of each design point are done", f"{done:,}")
            return found
        _LOG.warning("%s: holds nothing unfinished; simulating from the beginning", folder)
    if folder is not None:
        begin_anew(folder, asked=resume is False)
    return Checkpoint(folder, study, design.points, choose_engine(design))


def _stopped(results: Results, design: Design, checkpoint: Checkpoint) -> Stopped | None:
    """Return why no more replications are simulated; None where they are doubled once more."""
    if design.at_most is None:
        return "asked"
    if all(choice.ends_early for choice in choices(results)):
        return "settled"
    if design.replications >= design.at_most:
        return "at_most"
    seconds = design.variants[0].scenario.study.seconds
    # Doubling simulates as many again, in as much time again; an earlier run that did so has had the time.
    taken = checkpoint.elapsed() * _doubled(design) / design.replications
    if seconds is not None and taken > seconds and checkpoint.stop <= design.replications:
        return "seconds"
    return None


def _doubled(design: Design) -> int:
    return min(2 * design.replications, design.at_most or design.replications)
