"""Runs a study from a scenario to its results, with a checkpoint, until it is precise enough."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from dispatch_sim.scenario.loader import Given, Source, load
from dispatch_sim.study.checkpoint import Checkpoint, begin_anew, encode
from dispatch_sim.study.cluster import connected
from dispatch_sim.study.columns import CheckpointColumns
from dispatch_sim.study.design import Design
from dispatch_sim.study.engines import choose_engine
from dispatch_sim.study.files import alone_in
from dispatch_sim.study.manifest import Stopped, ended, identity, manifest_of
from dispatch_sim.study.results import Results, named_points
from dispatch_sim.study.runner import OnProgress, simulate
from dispatch_sim.study.stored import check_replaceable, finished_study
from dispatch_sim.study.versions import software

_LOG = logging.getLogger("dispatch_sim")


def with_study(source: Source, seed: int | None, replications: int | None) -> Source:
    """Return a source with another seed or number of replications, where they are given."""
    asked = {"study.seed": seed, "study.replications": replications}
    values: dict[str, Any] = {path: value for path, value in asked.items() if value is not None}
    return source.replaced(values) if values else source


def run_study(
    design_of: Callable[[Source], Design],
    is_settled: Callable[[Results], bool],
    scenario: Given,
    seed: int | None,
    replications: int | None,
    jobs: int,
    on_progress: OnProgress | None,
    out: str | os.PathLike[str] | None,
    resume: bool | None,
    cluster: str | None,
) -> Results:
    """Run a study; the other parameters are those of `decide.studies.sweep`.

    Parameters
    ----------
    design_of : the design points of a scenario.
    is_settled : whether the results are precise enough.
    """
    source = with_study(load(scenario), seed, replications)
    design, folder = design_of(source), None if out is None else Path(out)
    # With the software: replications of other sources or of another processor may differ.
    study = {} if folder is None else identity(manifest_of(source, design)) | {"software": software()}
    with ExitStack() as held:
        if folder is not None:
            held.enter_context(alone_in(folder))
            if resume and (finished := finished_study(folder, study)):
                return finished
            if resume is not False:
                check_replaceable(folder, manifest_of(source, design), design, resume)
        # Before the folder's checkpoint is discarded.
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
                "interrupted"
                if interrupted
                else _stopped(Results(columns, manifest), is_settled, design, checkpoint)
            )
            if stopped is not None:
                return Results(columns, ended(manifest, stopped))
            design = replace(design, replications=_doubled(design))


def _checkpoint(
    folder: Path | None, study: Mapping[str, Any], design: Design, resume: bool | None
) -> Checkpoint:
    """Return the checkpoint of a study: that of an earlier run in its folder, or an empty one."""
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


def _stopped(
    results: Results, is_settled: Callable[[Results], bool], design: Design, checkpoint: Checkpoint
) -> Stopped | None:
    """Return why the study ends; None where its replications are doubled."""
    if design.at_most is None:
        return "asked"
    if is_settled(results):
        return "settled"
    if design.replications >= design.at_most:
        return "at_most"
    seconds = design.variants[0].scenario.study.seconds
    # Doubling takes as much time again, unless an earlier run has simulated those replications.
    taken = checkpoint.elapsed() * _doubled(design) / design.replications
    if seconds is not None and taken > seconds and checkpoint.stop <= design.replications:
        return "seconds"
    return None


def _doubled(design: Design) -> int:
    return min(2 * design.replications, design.at_most or design.replications)
