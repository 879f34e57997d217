"""Runs a study from a scenario to its results, with a checkpoint, until it is precise enough."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Container, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.scenario.loader import Given, Source, load
from dispatch_sim.study.checkpoint import Checkpoint, begin_anew, encode
from dispatch_sim.study.cluster import Cluster, connected
from dispatch_sim.study.columns import CheckpointColumns
from dispatch_sim.study.design import MAX_ROWS, Design, Stage, left_out
from dispatch_sim.study.engines import choose_engine
from dispatch_sim.study.files import alone_in
from dispatch_sim.study.manifest import Stopped, identity, manifest_of
from dispatch_sim.study.results import Results, named_points
from dispatch_sim.study.runner import OnProgress, simulate
from dispatch_sim.study.stored import finished_study
from dispatch_sim.study.versions import software

FIRST_FACTOR = 4
"""By which the first number of replications of the design points grows; after that it doubles."""

_LOG = logging.getLogger("dispatch_sim")


@dataclass(frozen=True, slots=True)
class Needed:
    """How many replications each design point needs: for valid intervals, and to resolve the best too.

    Shape (points,).
    """

    for_intervals: NDArray[np.int64]
    in_all: NDArray[np.int64]


def with_study(source: Source, seed: int | None, replications: int | None) -> Source:
    """Return a source with another seed or number of replications, where they are given."""
    asked = {"study.seed": seed, "study.replications": replications}
    values: dict[str, Any] = {path: value for path, value in asked.items() if value is not None}
    return source.replaced(values) if values else source


def run_study(
    design_of: Callable[[Source], Design],
    needed_by: Callable[[Design, Results], Needed],
    scenario: Given,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool | None = None,
    cluster: str | None = None,
    warned: Container[str] = (),
) -> Results:
    """Run a study; the other parameters are those of `decide.studies.sweep`.

    Parameters
    ----------
    design_of : the design points of a scenario.
    needed_by : how many replications each design point needs, by the results so far.
    warned : messages on strategies that are left out which need not be logged again.
    """
    source = with_study(load(scenario), seed, replications)
    design, folder = design_of(source), None if out is None else Path(out)
    for message in left_out(design.variants[0].scenario, design.batch_sizes[-1]):
        if message not in warned:
            _LOG.warning(message)
    study: dict[str, Any] = {}
    with ExitStack() as held:
        if folder is not None:
            held.enter_context(alone_in(folder))
            about = manifest_of(source, design)
            # Replications of other sources or of another processor may differ.
            study = identity(about) | {"software": software()}
            if resume is not False and (finished := finished_study(folder, about, design, resume)):
                return finished
        # Before the folder's checkpoint is discarded.
        workers = held.enter_context(connected(cluster)) if cluster is not None else None
        checkpoint = _checkpoint(folder, study, design, resume)
        points = named_points(design)
        stages = design.first_stages
        begun, short = 0, (0, 0)

        def results_so_far(stopped: Stopped = "asked") -> Results:
            columns = CheckpointColumns(checkpoint, points, stages)
            asked, engine = max(stage.replications.stop for stage in stages), checkpoint.engine
            about = manifest_of(source, design, engine, asked, columns.stages, stopped, short)
            return Results(columns, about)

        while True:
            try:
                for number in range(begun, len(stages)):
                    _simulate(number, stages, design, checkpoint, workers, jobs, on_progress)
                results = results_so_far()
                needed = needed_by(design, results)
            except KeyboardInterrupt:
                return results_so_far("interrupted")
            more, stopped = _next_stages(results.counts, needed.in_all, design)
            missing = np.where(needed.for_intervals > results.counts, needed.for_intervals, 0)
            most = missing.argmax()
            short = (int(missing[most]), int(results.counts[most]) if missing[most] else 0)
            if stopped is not None:
                return results_so_far(stopped)
            begun, stages = len(stages), [*stages, *more]


def _simulate(
    number: int,
    stages: list[Stage],
    design: Design,
    checkpoint: Checkpoint,
    workers: Cluster | None,
    jobs: int,
    on_progress: OnProgress | None,
) -> None:
    """Simulate what a checkpoint misses of a stage."""
    stage = stages[number]
    part = design.part(stage.points)
    sizes = [len(each.points) * len(each.replications) for each in stages]

    def keep(chunk: range, measures: list[bytes]) -> None:
        checkpoint.add(number, chunk, part.points, measures)
        if on_progress is not None:
            on_progress(sum(sizes[:number]) + part.points * checkpoint.count(number), sum(sizes))

    missing = checkpoint.missing(number, stage.replications)
    if workers is None:
        simulate(part, missing, checkpoint.engine, jobs, encode, keep)
    else:
        workers.simulate(part, missing, checkpoint.engine, keep)


def _next_stages(
    counts: NDArray[np.int64], needed: NDArray[np.int64], design: Design
) -> tuple[list[Stage], Stopped | None]:
    """Return the stages that follow, or why the study ends.

    A point gets the first number of replications, four times as many, then twice as many each time.
    """
    if design.at_most is None:
        return [], "asked"
    short = needed > counts
    if not short.any():
        return [], "settled"
    first = design.replications
    larger = np.select(
        [counts < first, counts < FIRST_FACTOR * first], [first, FIRST_FACTOR * first], 2 * counts
    )
    targets = np.where(short, np.minimum(larger, design.at_most), counts)
    growing = np.flatnonzero(targets > counts)
    if not growing.size:
        return [], "at_most"
    budget = design.variants[0].scenario.study.calls
    if targets.sum() > MAX_ROWS:
        return [], "rows"
    if budget is not None and targets @ np.array([plan.calls for plan in design.plans]) > budget:
        return [], "calls"
    ranges = dict.fromkeys((int(counts[point]), int(targets[point])) for point in growing)
    return [
        Stage(
            tuple(point for point in growing.tolist() if (counts[point], targets[point]) == ends),
            range(*ends),
        )
        for ends in ranges
    ], None


def _checkpoint(
    folder: Path | None, study: Mapping[str, Any], design: Design, resume: bool | None
) -> Checkpoint:
    """Return the checkpoint of a study: that of an earlier run in its folder, or an empty one."""
    if folder is not None and resume:
        found = Checkpoint.resume(folder, study)
        if found is not None:
            _LOG.warning("resumed: each design point has at least %s replications", f"{found.count(0):,}")
            return found
        _LOG.warning("%s: holds nothing unfinished; simulating from the beginning", folder)
    if folder is not None:
        begin_anew(folder, asked=resume is False)
    return Checkpoint(folder, study, choose_engine(design))
