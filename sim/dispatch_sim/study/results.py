"""Results of a study: a tidy table with a row per design point and replication, and its manifest.

The same study gives the same bytes, with any number of threads and after any number of interruptions.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from dispatch_sim.display import Displayed
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.study.checkpoint import discard, is_unfinished
from dispatch_sim.study.columns import Columns, StoredColumns, frame_of, write_columns
from dispatch_sim.study.design import Design
from dispatch_sim.study.files import (
    ResultsError,
    alone_in,
    finish_pair,
    newest_of_pair,
    write_pair,
    writing_to,
)
from dispatch_sim.study.manifest import Manifest, axes, is_same_scenario

_LOG = logging.getLogger("dispatch_sim")

RESULTS_FILE = "results.parquet"
MANIFEST_FILE = "manifest.json"


@dataclass(eq=False)
class Results(Displayed):
    """The results of a study. Measures stay on the disk, or compressed in memory, until they are read.

    `manifest` has the resolved scenario and its hash, seed, engine, versions and machine.
    """

    columns: Columns
    manifest: dict[str, Any]

    def __repr__(self) -> str:
        return f"<Results: {len(self.points):,} design points, {self.counts.sum():,} replications>"

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All results as a tidy table.

        Its columns are `strategy`, `concurrency`, `tasks`, each further factor by its scenario path,
        `replication`, and the measures of `dispatch_sim.model.outcome.Outcome`. A million rows take half a
        gigabyte; `table` returns only some measures.
        """
        return self.table(MEASURES)

    def table(self, measures: Iterable[str]) -> pd.DataFrame:
        """Return some measures as a table, as `frame` has them."""
        stages = range(len(self.columns.stages))
        parts = [frame_of(self.columns, tuple(measures), stage) for stage in stages]
        return pd.concat(parts, ignore_index=True) if len(parts) != 1 else parts[0]

    def samples(self, measure: str) -> list[np.ndarray[Any, Any]]:
        """Return a measure of each design point, along its replications from the first on."""
        found: list[list[NDArray[Any]]] = [[] for _ in range(len(self.points))]
        for number, stage in enumerate(self.columns.stages):
            for point, values in zip(stage.points, self.columns.read(number, measure), strict=True):
                found[point].append(values)
        return [np.concatenate([np.empty(0), *parts]) if len(parts) != 1 else parts[0] for parts in found]

    @property
    def points(self) -> pd.DataFrame:
        """A row for each design point: `strategy`, `concurrency`, `tasks` and each further factor."""
        return self.columns.points

    @property
    def replications(self) -> int:
        """Number of replications that every design point has; some have more, see `counts`."""
        return int(self.counts.min())

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number of replications of each design point."""
        found = np.zeros(len(self.points), np.int64)
        for stage in self.columns.stages:
            found[list(stage.points)] += len(stage.replications)
        return found


def named_points(design: Design) -> pd.DataFrame:
    """Return the columns that name design points, a row for each, in the order of the design."""
    columns = {
        "strategy": np.array([plan.strategy.label for plan in design.plans], object),
        "concurrency": np.array([plan.concurrency for plan in design.plans]),
        "tasks": np.array([len(plan.tasks) for plan in design.plans]),
    }
    for number, factor in enumerate(design.factors):
        levels = [variant.levels[number] for variant in design.variants for _ in variant.plans]
        words = any(isinstance(level, str) for level in levels)
        columns[factor] = np.array([str(level) for level in levels], object) if words else np.array(levels)
    return pd.DataFrame(columns)


def write_results(results: Results, folder: str | os.PathLike[str]) -> list[Path]:
    """Write the table and its manifest into a folder, and remove the checkpoint of the study from it.

    Both files are replaced, or neither. The checkpoint stays until they are on the disk; that of an
    interrupted study stays. Afterwards the results are read from the file.

    Returns
    -------
    The files; none where nothing was simulated, or where an interrupted study has fewer replications than the
    folder holds of it, or would replace another one that is finished.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    folder = Path(folder)
    table, about, manifest = folder / RESULTS_FILE, folder / MANIFEST_FILE, results.manifest
    if not results.replications:
        return []
    with alone_in(folder):
        try:
            with writing_to(folder):
                finish_pair(about, table)
                if manifest["interrupted"] and (why := _why_stored_results_stay(folder, results)):
                    at = f"{results.replications:,}"
                    _LOG.warning("%s: has %s; it stays, as this one was interrupted at %s", folder, why, at)
                    return []
                text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
                write_pair(about, text, table, lambda file: write_columns(results.columns, file))
                results.columns = StoredColumns(table, manifest)
                if not manifest["interrupted"]:
                    discard(folder, manifest["scenario"]["sha256"])
        except ResultsError as error:
            if is_unfinished(folder):
                raise ResultsError(f"{error}; the checkpoint stays: continue with --resume") from error
            raise
    return [table, about]


def _why_stored_results_stay(folder: Path, results: Results) -> str:
    """Return why results in a folder are not replaced by those of an interrupted study; '' if they are."""
    try:
        stored = read_results(folder)
    except ResultsError:
        return ""
    one, other = stored.manifest, results.manifest
    is_same = axes(one) == axes(other) and is_same_scenario(one, other)
    if is_same and stored.counts.sum() >= results.counts.sum():
        return f"this study with {stored.replications:,} replications"
    return "" if is_same or one["interrupted"] else "another study, which is finished"


def read_results(folder: str | os.PathLike[str]) -> Results:
    """Read a study's results from its folder.

    Raises
    ------
    ResultsError
        Where the folder holds no results of a study, or incomplete ones.
    """
    folder = Path(folder)
    table, about = folder / RESULTS_FILE, folder / MANIFEST_FILE
    try:
        manifest = json.loads(about.read_bytes())
        Manifest.model_validate(manifest)
        return Results(StoredColumns(newest_of_pair(about, table), manifest), manifest)
    except FileNotFoundError as error:
        if is_unfinished(folder):
            raise ResultsError(
                f"{folder}: holds a study that is not finished, and no results yet; continue it with: "
                f"dispatch-sim sweep SCENARIO --out {shlex.quote(str(folder))} --resume"
            ) from error
        raise ResultsError(
            f"{folder}: has no {Path(error.filename or RESULTS_FILE).name}; "
            "name the folder of a sweep's results"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ResultsError(f"{about}: {where}: {first['msg']}; sweep the scenario again") from error
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise ResultsError(f"{folder}: cannot be read: {str(error).splitlines()[0]}") from error


def folder_name(name: str) -> str:
    """Return a name, as that of a scenario's file, as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "unnamed"
