"""Results of a study: a tidy table, one row a design point and replication, and its manifest.

Both are written whole or not at all, and the same study gives the same bytes, however it was run.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from dispatch_sim.dispatch.outcome import MEASURES, WHOLE
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.loader import Source
from dispatch_sim.study.design import Design
from dispatch_sim.study.files import ResultsError, alone_in, write_together, writing_to
from dispatch_sim.study.journal import discard, is_unfinished, saying_what_is_kept
from dispatch_sim.study.runner import Played
from dispatch_sim.study.versions import package_version, playing_with
from dispatch_sim.study.workers import all_cores

_LOG = logging.getLogger("dispatch_sim")

RESULTS_FILE = "results.parquet"
MANIFEST_FILE = "manifest.json"

_HOW_OFTEN = ("replications", "at_most", "seconds")

_LARGEST_WHOLE = 2.0**53
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
"""Why a study ended: it played what was asked for; or, with `auto`, all was settled, or a budget ended."""


@dataclass(frozen=True)
class Results(Displayed):
    """What a study came to.

    Attributes
    ----------
    frame : columns `strategy`, `concurrency`, `tasks`, each further factor under its scenario path,
        `replication`, and the measures of `dispatch_sim.dispatch.outcome.Outcome`.
    manifest : resolved scenario and its hash, seed, engine, versions, machine.
    """

    frame: pd.DataFrame
    manifest: dict[str, Any]

    @property
    def replications(self) -> int:
        """Number of replications of every design point."""
        return int(self.frame["replication"].nunique())


class _Section(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Replications(_Section):
    asked: int
    played: int
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


def collect(source: Source, design: Design, played: Played) -> Results:
    """Put what was played into a table and write its manifest."""
    points = named_points(design)
    replications = len(played.replications)
    columns: dict[str, Any] = {name: np.repeat(values, replications) for name, values in points.items()}
    columns["replication"] = np.tile(played.replications, design.points)
    for number, measure in enumerate(MEASURES):
        values = played.measures[:, :, number].ravel()
        whole = measure in WHOLE and bool(np.all(values < _LARGEST_WHOLE))
        columns[measure] = values.astype(np.int64) if whole else values
    return Results(pd.DataFrame(columns, copy=False), _manifest(source, design, played))


def named_points(design: Design) -> dict[str, NDArray[Any]]:
    """Return the columns that name a design point, with a value for each of a design's, in order."""
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
    return columns


def with_end(results: Results, stopped: Stopped) -> Results:
    """Note in the manifest why no more replications were played."""
    replications = results.manifest["replications"] | {"stopped": stopped}
    return replace(results, manifest=results.manifest | {"replications": replications})


def write_results(results: Results, folder: str | os.PathLike[str]) -> list[Path]:
    """Write the table and its manifest into a folder, and remove what was kept there to resume the study.

    A manifest never stands beside another study's table, and where they cannot be written, what was there
    stays. What is kept to resume the study stays until all is safe from a power cut, and for a study that is
    not done.

    Returns
    -------
    The files; none where an interrupted study was played less often than the same that lies there.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    folder = Path(folder)
    table, manifest = folder / RESULTS_FILE, folder / MANIFEST_FILE
    with saying_what_is_kept(folder), alone_in(folder), writing_to(folder):
        if results.manifest["interrupted"] and (fuller := _fuller_played(results, folder)):
            _LOG.warning(
                "%s: has this study with %s replications; it stays, as this one was interrupted at %s",
                *(folder, f"{fuller:,}", f"{results.manifest['replications']['played']:,}"),
            )
            return []
        rows = pa.Table.from_pandas(results.frame, preserve_index=False)
        text = json.dumps(results.manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        write_together(
            {table: lambda file: _write_table(file, rows)},
            manifest,
            lambda file: file.write(text.encode("utf-8")),
        )
        if not results.manifest["interrupted"]:
            discard(folder, results.manifest["scenario"]["sha256"])
    return [table, manifest]


def _fuller_played(results: Results, folder: Path) -> int:
    """Return how often the same study in a folder was played; 0 where it is not there, or less often."""
    try:
        there = json.loads((folder / MANIFEST_FILE).read_bytes())
        played = there["replications"]["played"]
        same = _but_for_replications(there) == _but_for_replications(results.manifest)
        more = isinstance(played, int) and played >= results.manifest["replications"]["played"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0
    return played if same and more and (folder / RESULTS_FILE).is_file() else 0


def _but_for_replications(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what a study is of, however often and by which engine it is played."""
    scenario: dict[str, Any] = manifest["scenario"]["resolved"]
    study = {key: value for key, value in scenario["study"].items() if key not in _HOW_OFTEN}
    return scenario | {"study": study, "engine": None, "points": manifest["design_points"]}


def read_results(folder: str | os.PathLike[str]) -> Results:
    """Read a study's results from its folder.

    Raises
    ------
    ResultsError
        Where the folder holds no results of a study, or they are not whole.
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
        _Manifest.model_validate(manifest)
        frame = pq.read_table(folder / RESULTS_FILE).to_pandas()
    except FileNotFoundError as error:
        if is_unfinished(folder):
            raise ResultsError(
                f"{folder}: holds a study that is not finished, and no results yet; go on with it by "
                "`dispatch-sim sweep FILE --resume`"
            ) from error
        raise ResultsError(
            f"{folder}: has no {Path(error.filename or RESULTS_FILE).name}; "
            "name a folder into which a sweep was written"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ResultsError(
            f"{folder / MANIFEST_FILE}: {where}: {first['msg']}; sweep the scenario again"
        ) from error
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise ResultsError(f"{folder}: cannot be read: {' '.join(str(error).split())[:300]}") from error
    columns = ["strategy", "concurrency", "tasks", *manifest["factors"], "replication", *MEASURES]
    rows = manifest["design_points"] * manifest["replications"]["played"]
    if list(frame.columns) != columns or len(frame) != rows:
        raise ResultsError(
            f"{folder / RESULTS_FILE}: has {len(frame):,} rows of {len(frame.columns)} columns, not the "
            f"{rows:,} rows of {len(columns)} columns that {MANIFEST_FILE} states; sweep the scenario again"
        )
    return Results(frame, manifest)


def _write_table(file: IO[bytes], table: pa.Table) -> None:
    # Measures hardly repeat: as a dictionary they take more room, and twice the time.
    of_text = (pa.string(), pa.large_string())
    words = [field.name for field in table.schema if field.type in of_text]
    pq.write_table(table, file, compression="zstd", use_dictionary=words)


def folder_name(name: str) -> str:
    """Return a scenario's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "unnamed"


def _manifest(source: Source, design: Design, played: Played) -> dict[str, Any]:
    scenario = source.scenario()
    return {
        "dispatch_sim": package_version("dispatch-sim"),
        "engine": played.engine,
        "seed": scenario.study.seed,
        "replications": {
            "asked": design.replications,
            "played": len(played.replications),
            "at_most": design.at_most or design.replications,
            "stopped": "interrupted" if played.interrupted else "asked",
        },
        "interrupted": played.interrupted,
        "design_points": design.points,
        "factors": list(design.factors),
        "scenario": {
            "file": Path(source.filename).name.encode("utf-8", "replace").decode(),
            "sha256": scenario.fingerprint,
            "as_written": source.raw,
            "resolved": scenario.model_dump(mode="json", by_alias=True),
        },
        "versions": _versions(),
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": all_cores(),
        },
    }


def identity(source: Source, design: Design) -> dict[str, Any]:
    """Return what makes a study what it is: where it differs, results do or may.

    Also in what it is played with: parts that other sources or another processor have played are not mixed
    in, as those of an unlike worker of a cluster are not.
    """
    scenario = source.scenario()
    of_scenario = scenario.model_dump(mode="json", by_alias=True)
    return {
        "dispatch_sim": package_version("dispatch-sim"),
        "design_points": design.points,
        "factors": list(design.factors),
        "scenario": of_scenario,
        "sha256": scenario.fingerprint,
        "versions": {**_versions(), "python": platform.python_version()},
        "playing_with": playing_with(),
    }


def is_of(manifest: dict[str, Any], study: Mapping[str, Any]) -> bool:
    """Whether a manifest is of the study that `identity` tells.

    It does not say what all was played with; but results that are whole were played with the same throughout.
    """
    found = {
        **{name: manifest[name] for name in ("dispatch_sim", "design_points", "factors")},
        "scenario": manifest["scenario"]["resolved"],
        "sha256": manifest["scenario"]["sha256"],
        "versions": {**manifest["versions"], "python": manifest["machine"]["python"]},
        "playing_with": study["playing_with"],
    }
    same: bool = found == json.loads(json.dumps(study))
    return same


def _versions() -> dict[str, str | None]:
    return {name: package_version(name) for name in _PACKAGES}
