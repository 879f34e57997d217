"""Results of a study: a tidy table, one row a design point and replication, and its manifest.

The same study gives the same bytes, whatever the number of threads and however often it was interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from dispatch_sim.display import Displayed
from dispatch_sim.model.accounting import MEASURES
from dispatch_sim.scenario.loader import Source
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
from dispatch_sim.study.runner import all_cores
from dispatch_sim.study.versions import package_version, software

_LOG = logging.getLogger("dispatch_sim")

RESULTS_FILE = "results.parquet"
MANIFEST_FILE = "manifest.json"

_HOW_OFTEN = ("replications", "at_most", "seconds")
_PACKAGES = (
    "genai-prices",
    "simpy",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "pydantic",
    "ruamel.yaml",
    "matplotlib",
)

Stopped = Literal["asked", "settled", "at_most", "seconds", "interrupted"]
"""Why a study ended: it has what was asked for; or, with `auto`, all was settled, or a budget was used up."""


@dataclass(eq=False)
class Results(Displayed):
    """What a study came to. Measures stay on the disk, or compressed in memory, until they are asked for.

    Attributes
    ----------
    columns : the design points, the numbers of the replications, and the measures.
    manifest : resolved scenario and its hash, seed, engine, versions, machine.
    """

    columns: Columns
    manifest: dict[str, Any]

    def __repr__(self) -> str:
        return f"<Results: {len(self.points):,} design points, {self.replications:,} replications>"

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All of it as a tidy table.

        Columns `strategy`, `concurrency`, `tasks`, each further factor under its scenario path,
        `replication`, and the measures of `dispatch_sim.model.accounting.Outcome`. A million rows take half a
        gigabyte; `table` has only the measures that are asked for.
        """
        return self.table(MEASURES)

    def table(self, measures: Iterable[str]) -> pd.DataFrame:
        """Return some measures as a table, as `frame` has them."""
        return frame_of(self.columns, measures)

    @property
    def points(self) -> pd.DataFrame:
        """A row for each design point: `strategy`, `concurrency`, `tasks` and each further factor."""
        return self.columns.points

    @property
    def replications(self) -> int:
        """Number of replications of every design point."""
        return len(self.columns.replications)


class _Section(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Replications(_Section):
    asked: int
    simulated: Annotated[int, Field(validation_alias=AliasChoices("simulated", "played"))]  # until 0.1.0
    at_most: int
    stopped: Stopped


class _Scenario(_Section):
    file: str
    sha256: str
    as_written: Any
    resolved: dict[str, Any]


class _Manifest(_Section):
    """What `manifest.json` has to hold."""

    dispatch_sim: str | None
    engine: str
    seed: int
    replications: _Replications
    interrupted: bool
    design_points: int
    factors: list[str]
    scenario: _Scenario
    versions: dict[str, str | None]
    machine: dict[str, str | int]


def named_points(design: Design) -> pd.DataFrame:
    """Return the columns that name design points, a row for each, in the order of the design."""
    plans = [(variant, plan) for variant in design.variants for plan in variant.plans]
    columns = {
        "strategy": np.array([plan.strategy.label for _, plan in plans], object),
        "concurrency": np.array([plan.width for _, plan in plans]),
        "tasks": np.array([len(plan.tasks) for _, plan in plans]),
    }
    for number, factor in enumerate(design.factors):
        levels = [variant.levels[number] for variant, _ in plans]
        words = any(isinstance(level, str) for level in levels)
        columns[factor] = np.array([str(level) for level in levels], object) if words else np.array(levels)
    return pd.DataFrame(columns)


def write_results(results: Results, folder: str | os.PathLike[str]) -> list[Path]:
    """Write the table and its manifest into a folder, and remove the checkpoint of the study from it.

    Both files are replaced, or neither. The checkpoint stays until they are on the disk, and for a study that
    is not finished. From then on the results are read from the file.

    Returns
    -------
    The files; none where nothing was simulated, or where the folder holds more replications of the same study
    than an interrupted one has.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    folder = Path(folder)
    table, manifest = folder / RESULTS_FILE, folder / MANIFEST_FILE
    interrupted = results.manifest["interrupted"]
    if not results.replications:
        return []
    with alone_in(folder), _keeping_checkpoint(folder), writing_to(folder):
        finish_pair(manifest, table)
        if interrupted and (fuller := _fuller_played(results, folder)):
            _LOG.warning(
                "%s: has this study with %s replications; it stays, as this one was interrupted at %s",
                *(folder, f"{fuller:,}", f"{results.replications:,}"),
            )
            return []
        text = json.dumps(results.manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        write_pair(
            manifest,
            lambda file: file.write(text.encode("utf-8")),
            table,
            lambda file: write_columns(results.columns, file),
        )
        results.columns = _stored_columns(table, results.manifest)
        if not interrupted:
            discard(folder, results.manifest["scenario"]["sha256"])
    return [table, manifest]


@contextmanager
def _keeping_checkpoint(folder: Path) -> Iterator[None]:
    """Say, where results cannot be written, that their checkpoint is kept."""
    try:
        yield
    except ResultsError as error:
        if is_unfinished(folder):
            raise ResultsError(f"{error}; the study is kept: continue with --resume") from error
        raise


def _fuller_played(results: Results, folder: Path) -> int:
    """Return how many replications of the same study a folder has; 0 where these are fewer, or none."""
    try:
        there = read_results(folder)
    except ResultsError:
        return 0
    same = _but_for_replications(there.manifest) == _but_for_replications(results.manifest)
    return there.replications if same and there.replications >= results.replications else 0


def _but_for_replications(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what a study is of, whatever its engine and its number of replications."""
    scenario: dict[str, Any] = manifest["scenario"]["resolved"]
    study = {key: value for key, value in scenario.get("study", {}).items() if key not in _HOW_OFTEN}
    return scenario | {"study": study, "engine": None, "points": manifest["design_points"]}


def read_results(folder: str | os.PathLike[str]) -> Results:
    """Read a study's results from its folder.

    Raises
    ------
    ResultsError
        Where the folder holds no results of a study, or they are not whole.
    """
    folder = Path(folder)
    table, about = folder / RESULTS_FILE, folder / MANIFEST_FILE
    try:
        manifest = json.loads(about.read_bytes())
        stated = _Manifest.model_validate(manifest)
        manifest["replications"]["simulated"] = stated.replications.simulated
        return Results(_stored_columns(newest_of_pair(about, table), manifest), manifest)
    except FileNotFoundError as error:
        if is_unfinished(folder):
            raise ResultsError(
                f"{folder}: holds a study that is not finished, and no results yet; continue it with: "
                "dispatch-sim sweep FILE --resume"
            ) from error
        raise ResultsError(
            f"{folder}: has no {Path(error.filename or RESULTS_FILE).name}; "
            "name a folder into which a sweep was written"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ResultsError(f"{about}: {where}: {first['msg']}; sweep the scenario again") from error
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise ResultsError(f"{folder}: cannot be read: {str(error).splitlines()[0]}") from error


def _stored_columns(table: Path, manifest: dict[str, Any]) -> StoredColumns:
    played: int = manifest["replications"]["simulated"]
    return StoredColumns(table, manifest["factors"], manifest["design_points"], played)


def folder_name(name: str) -> str:
    """Return a scenario's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "unnamed"


def manifest_of(source: Source, design: Design, engine: str, replications: int) -> dict[str, Any]:
    """Return the manifest of a study that has all that was asked for.

    Parameters
    ----------
    design : with the replications that were asked for by then.
    replications : how many there are.
    """
    scenario = source.scenario()
    return {
        "dispatch_sim": package_version("dispatch-sim"),
        "engine": engine,
        "seed": scenario.study.seed,
        "replications": {
            "asked": design.replications,
            "simulated": replications,
            "at_most": design.at_most or design.replications,
            "stopped": "asked",
        },
        "interrupted": False,
        "design_points": design.points,
        "factors": list(design.factors),
        "scenario": {
            "file": Path(source.filename).name.encode("utf-8", "replace").decode(),
            "sha256": scenario.fingerprint,
            "as_written": source.raw,
            "resolved": scenario.resolved(),
        },
        "versions": _versions(),
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": all_cores(),
        },
    }


def ended(manifest: dict[str, Any], stopped: Stopped) -> dict[str, Any]:
    """Return a manifest that states why no more replications were simulated."""
    replications = manifest["replications"] | {"stopped": stopped}
    return manifest | {"replications": replications, "interrupted": stopped == "interrupted"}


def identity(source: Source, design: Design) -> dict[str, Any]:
    """Return what makes a study what it is: where it differs, results do or may.

    That includes what simulates it: replications of other sources or of another processor are not mixed in,
    as those of an unlike worker of a cluster are not.
    """
    scenario = source.scenario()
    of_scenario = scenario.resolved()
    return {
        "dispatch_sim": package_version("dispatch-sim"),
        "design_points": design.points,
        "factors": list(design.factors),
        "scenario": of_scenario,
        "sha256": scenario.fingerprint,
        "versions": {**_versions(), "python": platform.python_version()},
        "software": software(),
    }


def is_of(manifest: dict[str, Any], study: Mapping[str, Any]) -> bool:
    """Whether a manifest is of the study that `identity` describes, but for what simulated it."""
    found = {
        **{name: manifest[name] for name in ("dispatch_sim", "design_points", "factors")},
        "scenario": manifest["scenario"]["resolved"],
        "sha256": manifest["scenario"]["sha256"],
        "versions": {**manifest["versions"], "python": manifest["machine"].get("python")},
        "software": study["software"],
    }
    same: bool = found == json.loads(json.dumps(study))
    return same


def _versions() -> dict[str, str | None]:
    return {name: package_version(name) for name in _PACKAGES}
