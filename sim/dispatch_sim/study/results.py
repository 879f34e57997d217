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
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dispatch_sim.dispatch.outcome import WHOLE
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.factors import MOST_FACTORS
from dispatch_sim.scenario.files import find_inside, has_more_values, read_file
from dispatch_sim.scenario.loader import Source
from dispatch_sim.study.design import MAX_ROWS, Design
from dispatch_sim.study.estimates import averaged
from dispatch_sim.study.files import ResultsError, alone_in, write_together, writing_to
from dispatch_sim.study.gathering import AVERAGED, Keep
from dispatch_sim.study.journal import discard, is_unfinished, saying_what_is_kept
from dispatch_sim.study.makespans import MAKESPAN_COLUMNS, makespan_table
from dispatch_sim.study.parquet import Kind, TableError, read_table
from dispatch_sim.study.reduction import columns_kept
from dispatch_sim.study.runner import Played
from dispatch_sim.study.versions import package_version, playing_with
from dispatch_sim.study.workers import all_cores

_LOG = logging.getLogger("dispatch_sim")

RESULTS_FILE = "results.parquet"
MAKESPANS_FILE = "makespans.parquet"
MANIFEST_FILE = "manifest.json"

_HOW_OFTEN = ("replications", "at_most", "seconds")

_LARGEST_WHOLE = 2.0**53
_MOST_MANIFEST = 64 * 2**20
_MOST_MANIFEST_VALUES = 4_000_000
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
        `replication`, and the measures of `dispatch_sim.dispatch.outcome.Outcome`. Of aggregates a row is the
        mean of a block: `replication` is its number, `averaged` how many replications it has, `share_won` and
        `within_limits` in what part of them the way is the best of its batch size, and keeps the limits.
    manifest : resolved scenario and its hash, seed, engine, versions, machine.
    makespans : of aggregates, how the makespans of each design point are distributed: a row for each bin from
        `from_s` to `to_s` that holds some of its `replications`. Of a study that was interrupted it also
        counts those of blocks that are not whole.
    """

    frame: pd.DataFrame
    manifest: dict[str, Any]
    makespans: pd.DataFrame | None = None

    @property
    def sample_size(self) -> int:
        """Independent values of every design point: replications, or blocks of them."""
        return int(self.frame["replication"].nunique())

    @property
    def replications(self) -> int:
        """Replications played of every design point."""
        return self.sample_size * averaged(self.frame)


def collect(source: Source, design: Design, played: Played) -> Results:
    """Put what was played into a table and write its manifest."""
    points = named_points(design)
    replications = len(played.replications)
    columns: dict[str, Any] = {name: np.repeat(values, replications) for name, values in points.items()}
    columns["replication"] = np.tile(played.replications, design.points)
    if played.keep == "aggregates":
        columns[AVERAGED] = np.full(design.points * replications, played.averaged)
    for number, measure in enumerate(played.columns):
        values = played.measures[:, :, number].ravel()
        whole = measure in WHOLE and played.averaged == 1 and bool(np.all(values < _LARGEST_WHOLE))
        columns[measure] = values.astype(np.int64) if whole else values
    makespans = None if played.makespans is None else makespan_table(points, played.makespans)
    return Results(pd.DataFrame(columns, copy=False), _manifest(source, design, played), makespans)


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
    frames = {folder / RESULTS_FILE: results.frame, folder / MAKESPANS_FILE: results.makespans}
    manifest = folder / MANIFEST_FILE
    with saying_what_is_kept(folder), alone_in(folder), writing_to(folder):
        if results.manifest["interrupted"] and (fuller := _fuller_played(results, folder)):
            _LOG.warning(
                "%s: has this study with %s replications; it stays, as this one was interrupted at %s",
                *(folder, f"{fuller:,}", f"{results.manifest['replications']['played']:,}"),
            )
            return []
        tables = {
            path: None
            if frame is None
            else partial(_write_table, table=pa.Table.from_pandas(frame, preserve_index=False))
            for path, frame in frames.items()
        }
        text = json.dumps(results.manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        write_together(tables, manifest, lambda file: file.write(text.encode("utf-8")))
        if not results.manifest["interrupted"]:
            discard(folder, results.manifest["scenario"]["sha256"])
    return [*(path for path, frame in frames.items() if frame is not None), manifest]


def _fuller_played(results: Results, folder: Path) -> int:
    """Return how often the same study in a folder was played; 0 where it is not there, or less often."""
    try:
        there = _read_manifest(find_inside(MANIFEST_FILE, [folder]))
        played = there["replications"]["played"]
        same = _but_for_replications(there) == _but_for_replications(results.manifest)
        more = isinstance(played, int) and played >= results.manifest["replications"]["played"]
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError):
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
        Where the folder holds no results, or they cannot be read.
    """
    folder = Path(folder)
    try:
        manifest = _read_manifest(find_inside(MANIFEST_FILE, [folder]))
        found = read_table(find_inside(RESULTS_FILE, [folder]), _columns(manifest), MAX_ROWS)
        makespans = None
        if _under(manifest, "keep") == "aggregates":
            columns = _point_columns(manifest) | MAKESPAN_COLUMNS
            makespans = read_table(find_inside(MAKESPANS_FILE, [folder]), columns, MAX_ROWS).to_pandas()
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
    except (OSError, ValueError, RuntimeError, TableError) as error:
        said = str(error).removeprefix(f"{folder.resolve()}{os.sep}")
        raise ResultsError(f"{folder}: cannot be read: {said[:300]}") from error
    return Results(found.to_pandas(), manifest, makespans)


def _read_manifest(path: Path) -> Any:
    """Read a manifest that may be anybody's.

    It has the scenario's samples in it, those from a csv file too, which are by far the most of it.
    """
    data = read_file(path, _MOST_MANIFEST)
    if has_more_values(data, _MOST_MANIFEST_VALUES):
        raise ValueError(f"{MANIFEST_FILE} has more than {_MOST_MANIFEST_VALUES:,} values")
    return json.loads(data.decode("utf-8"), parse_constant=_no_number)


def _columns(manifest: Any) -> dict[str, Kind]:
    """Return the columns of a study's table, and what each holds, as far as its manifest says."""
    objective = ("scenario", "resolved", "objective")
    is_limited = any(_under(manifest, *objective, limit) is not None for limit in ("deadline", "budget"))
    keep: Keep = "aggregates" if _under(manifest, "keep") == "aggregates" else "rows"
    return {
        **_point_columns(manifest),
        "replication": "whole",
        **dict.fromkeys([AVERAGED] if keep == "aggregates" else [], "whole"),
        **dict.fromkeys(columns_kept(keep, limited=is_limited), "number"),
    }


def _point_columns(manifest: Any) -> dict[str, Kind]:
    factors = _under(manifest, "factors")
    if not isinstance(factors, list) or not all(isinstance(each, str) for each in factors[:MOST_FACTORS]):
        factors = []
    return {
        "strategy": "text",
        "concurrency": "whole",
        "tasks": "whole",
        **dict.fromkeys(factors[:MOST_FACTORS], "level"),
    }


def _under(manifest: Any, *path: str) -> Any:
    """Return what stands at a path of a manifest that may be anybody's; None where nothing does."""
    for key in path:
        manifest = manifest.get(key) if isinstance(manifest, dict) else None
    return manifest


def _no_number(text: str) -> float:
    raise ValueError(f"{MANIFEST_FILE} has {text}, which is not a number")


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
    # Not rounded up to whole blocks, as what the design has is.
    asked = scenario.study.replications or min(design.replications, design.at_most or design.replications)
    return {
        "dispatch_sim": package_version("dispatch-sim"),
        "engine": played.engine,
        "seed": scenario.study.seed,
        "replications": {
            "asked": asked,
            "played": len(played.replications) * played.averaged,
            "at_most": design.at_most or asked,
            "stopped": "interrupted" if played.interrupted else "asked",
        },
        "interrupted": played.interrupted,
        "keep": played.keep,
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


def identity(source: Source, design: Design, keep: Keep) -> dict[str, Any]:
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
        "keep": keep,
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
        **{name: manifest[name] for name in ("dispatch_sim", "design_points", "factors", "keep")},
        "scenario": manifest["scenario"]["resolved"],
        "sha256": manifest["scenario"]["sha256"],
        "versions": {**manifest["versions"], "python": manifest["machine"]["python"]},
        "playing_with": study["playing_with"],
    }
    same: bool = found == json.loads(json.dumps(study))
    return same


def _versions() -> dict[str, str | None]:
    return {name: package_version(name) for name in _PACKAGES}
