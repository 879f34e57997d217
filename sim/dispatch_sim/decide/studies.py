"""Sweeps and comparisons: studies that simulate until what they quote is precise enough."""

from __future__ import annotations

import os

from dispatch_sim.decide.replications import replications_needed
from dispatch_sim.scenario.loader import Given
from dispatch_sim.study.design import design_comparison, design_sweep
from dispatch_sim.study.results import Results
from dispatch_sim.study.run_study import run_study
from dispatch_sim.study.runner import OnProgress


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
    scenario : as `load` accepts it.
    seed, replications : in place of those in the scenario.
    jobs : threads of the compiled engine; results do not depend on it. The SimPy engine has one.
    on_progress : called with the replications done and all of them.
    folder : where a checkpoint is stored until `write_results` writes the results there. A study that is
        interrupted can be resumed from it. Without a folder it is held in memory.
    resume : whether to continue from the checkpoint, or to return complete results. False discards the
        checkpoint, and so does None unless it took more than a minute to simulate. Only False replaces a
        larger study of the scenario in the folder: with more design points, or more replications of them.
    cluster : a Dask scheduler, `tcp://HOST:PORT`, whose workers simulate in place of this machine, or
        `local:N`.

    Returns
    -------
    With `replications: auto`, each design point has as many as `decide.replications` asks for. After an
    interruption (Ctrl-C) the results have the replications that are done, and the manifest says so.

    Raises
    ------
    ScenarioError, DesignError, ResultsError, ClusterError, WorkerError
        With a message for the user. The checkpoint stays.
    """
    study = (scenario, seed, replications, jobs, on_progress, folder, resume, cluster)
    return run_study(design_sweep, replications_needed, *study)


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
    study = (scenario, seed, replications, jobs, on_progress, folder, resume, cluster)
    return run_study(design_comparison, replications_needed, *study)
