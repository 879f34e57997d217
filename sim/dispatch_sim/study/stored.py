"""Stored results, held against the scenario that they say they are of, before anything is made of them.

A folder of results may come from anybody. What it holds is used only where it is what a sweep or a comparison
of this version would have written: the scenario is read once more, as a file is, and has to resolve to what
the manifest says, and the table has to have the rows of its design.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dispatch_sim.dispatch.plan import Plan
from dispatch_sim.scenario.factors import MOST_FACTORS
from dispatch_sim.scenario.loader import Source, parse_source
from dispatch_sim.scenario.model import MOST_REPLICATIONS
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.study.design import MAX_ROWS, Design, DesignError, design_comparison, design_sweep
from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.gathering import (
    AVERAGED,
    SHARE_WON,
    WITHIN_LIMITS,
    Keep,
    block_size,
    whole_blocks,
)
from dispatch_sim.study.makespans import unlike_makespans
from dispatch_sim.study.reduction import Reduction, aggregation
from dispatch_sim.study.results import Results, Stopped, is_of, named_points, read_results
from dispatch_sim.study.versions import package_version

_MOST_NAMES = 100

_LOG = logging.getLogger("dispatch_sim")


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Replications(_Section):
    asked: int = Field(ge=1, le=MOST_REPLICATIONS)
    played: int = Field(ge=0, le=whole_blocks(MOST_REPLICATIONS))
    at_most: int = Field(ge=1, le=MOST_REPLICATIONS)
    stopped: Stopped


class _Scenario(_Section):
    file: str
    sha256: str
    as_written: Any
    resolved: dict[str, Any]


class _Manifest(_Section):
    dispatch_sim: str | None
    engine: Literal["simpy", "compiled", "simpy and compiled", "compiled and simpy"]
    seed: int = Field(ge=0, lt=2**64)
    replications: _Replications
    interrupted: bool
    keep: Literal["rows", "aggregates"]
    design_points: int = Field(ge=0, le=MAX_ROWS)
    factors: list[str] = Field(max_length=MOST_FACTORS)
    scenario: _Scenario
    versions: dict[str, str | None] = Field(max_length=_MOST_NAMES)
    machine: dict[str, str | int] = Field(max_length=_MOST_NAMES)


def read_stored(folder: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> Results:
    """Read a study's results, and check that they are what they say.

    Values that the scenario takes from a csv file are not stored with them: that is looked for in the folder,
    and in `data`.

    Raises
    ------
    ResultsError
        Where the folder holds no results, or not those of a study that this version would have made.
    """
    results = read_results(folder)
    try:
        _Manifest.model_validate(results.manifest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))[:80] or "it"
        raise ResultsError(f"{folder}: manifest.json: {where}: {first['msg']}; sweep again") from error
    source = played_source(results, Path(folder), None if data is None else Path(data))
    design = None if source is None else played_design(source, results)
    problem = _why_not(results) if design is None else _unlike(results, design)
    if problem is not None:
        raise ResultsError(f"{Path(folder)}: {problem}; or sweep the scenario again")
    return results


def finished_study(folder: Path, study: Mapping[str, Any]) -> Results | None:
    """Return what a study came to, where it lies finished in a folder; None where it does not.

    Parameters
    ----------
    study : what it is of, as `identity` says.
    """
    try:
        results = read_stored(folder)
        if results.manifest["interrupted"] or not is_of(results.manifest, study):
            return None
    except (ResultsError, KeyError, TypeError):
        return None
    _LOG.warning("%s: holds this study, finished; nothing is played", folder)
    return results


def _why_not(results: Results) -> str:
    version, ours = results.manifest["dispatch_sim"], package_version("dispatch-sim")
    written = f"dispatch-sim {version}" if isinstance(version, str) else "another version"
    by = f" (written by {written[:40]}, this is {ours})" if version != ours else ""
    return (
        f"the scenario in manifest.json does not come to what is said of it there{by}; if it takes values "
        "from a csv file, copy that into the folder, or name its own: --data DIR"
    )


def played_source(results: Results, folder: Path | None = None, data: Path | None = None) -> Source | None:
    """Return the scenario of a study, read again from its manifest; None where it does not come to the same.

    It does not where a profile has changed since, where the manifest was, and where values stand in a csv
    file: results are stored without, and it is looked for in `folder` and `data` only.
    """
    scenario = results.manifest["scenario"]
    try:
        # Through the reader of files, which bounds depth and size.
        text = json.dumps(scenario["as_written"], ensure_ascii=False, allow_nan=False)
        source = parse_source(text, scenario["file"], folder, data)
        read = source.scenario()
    except (ScenarioError, ValueError, RecursionError):
        return None
    same = read.fingerprint == scenario["sha256"] and read.study.seed == results.manifest["seed"]
    return source if same and scenario["resolved"] == read.model_dump(mode="json", by_alias=True) else None


def played_design(source: Source, results: Results) -> Design | None:
    """Return the design of a study: a sweep, or a comparison; None where it is neither of the scenario's."""
    ways: tuple[Callable[[Source, Keep], Design], ...] = (design_sweep, design_comparison)
    manifest = results.manifest
    for way in ways:
        try:
            design = way(source, manifest["keep"])
        except (ScenarioError, DesignError):
            continue
        if list(design.factors) == manifest["factors"] and design.points == manifest["design_points"]:
            return design
    return None


def find_played(design: Design, point: tuple[str, int], tasks: int, factors: dict[str, Any]) -> Plan:
    """Return the plan of a design point, by its columns in the results.

    Raises
    ------
    KeyError
        Where it was not played.
    """
    for variant in design.variants:
        levels = zip(variant.levels, factors.values(), strict=True)
        # A column of numbers and words is one of words.
        if all(level == value or str(level) == value for level, value in levels):
            for plan in variant.plans:
                if (plan.strategy.label, plan.width, len(plan.tasks)) == (*point, tasks):
                    return plan
    raise KeyError(point)


def _unlike(results: Results, design: Design) -> str | None:
    """Return in what a table is not one of a design; None where it is."""
    frame, manifest = results.frame, results.manifest
    points = named_points(design)
    aggregates = manifest["keep"] == "aggregates"
    block = block_size(manifest["replications"]["asked"])
    reduction = aggregation(design, block) if aggregates else Reduction()
    wanted = [*points, "replication", *([AVERAGED] if aggregates else []), *reduction.columns]
    if list(map(str, frame.columns)) != wanted:
        return "results.parquet does not have the columns of a study"
    for column in ("concurrency", "tasks", "replication", *([AVERAGED] if aggregates else [])):
        if not pd.api.types.is_integer_dtype(frame[column]):
            return f"results.parquet: {column} is not a whole number everywhere"
    for column in reduction.columns:
        kind = frame[column].dtype
        if not (pd.api.types.is_integer_dtype(kind) or pd.api.types.is_float_dtype(kind)):
            return f"results.parquet: {column} is not a number everywhere"
        if not np.isfinite(frame[column].to_numpy(dtype=float)).all():
            return f"results.parquet: {column} is not a finite number everywhere"
    replications = sorted(frame["replication"].unique())
    if len(replications) * reduction.size != manifest["replications"]["played"]:
        return "results.parquet does not have the replications that manifest.json says were played"
    if problem := _unlike_ending(manifest, design, np.array(replications)):
        return problem
    expected = {name: np.repeat(values, len(replications)) for name, values in points.items()}
    expected["replication"] = np.tile(replications, design.points)
    for column, values in expected.items():
        if len(values) != len(frame) or not (frame[column].to_numpy() == values).all():
            return "results.parquet does not have the rows of its scenario's design points"
    return _unlike_aggregates(results, points, reduction) if aggregates else None


def _unlike_ending(
    manifest: Mapping[str, Any], design: Design, replications: NDArray[np.int64]
) -> str | None:
    """Return in what a study did not end as its manifest says; None where it did.

    Parameters
    ----------
    replications : the numbers that the table has, of them or of blocks, in order.
    """
    said, interrupted = manifest["replications"], manifest["interrupted"]
    asked = said["asked"]
    whole = whole_blocks(asked) if manifest["keep"] == "aggregates" else asked
    is_auto = design.at_most is not None
    ends = ("interrupted",) if interrupted else ("settled", "at_most", "seconds") if is_auto else ("asked",)
    if said["stopped"] not in ends or not (is_auto or asked == design.replications):
        return "manifest.json says that it ended as its scenario does not"
    if not interrupted and said["played"] != whole:
        return "manifest.json says that all was played, which are not the replications that were asked for"
    first, last = (int(replications[0]), int(replications[-1])) if len(replications) else (0, -1)
    blocks = len(replications) if not interrupted else whole
    if first < 0 or last >= blocks:
        return "results.parquet has other replications than those that were played"
    return None


def _unlike_aggregates(
    results: Results, points: Mapping[str, NDArray[Any]], reduction: Reduction
) -> str | None:
    frame, replications = results.frame, results.manifest["replications"]
    if not (frame[AVERAGED] == reduction.size).all():
        return f"results.parquet: {AVERAGED} is not {reduction.size:,} everywhere"
    for column in reduction.columns:
        if column in (SHARE_WON, WITHIN_LIMITS) and not frame[column].between(0, 1).all():
            return f"results.parquet: {column} is not a part of the replications everywhere"
    assert results.makespans is not None  # as the manifest says aggregates
    played = replications["played"]
    most = whole_blocks(replications["asked"]) if results.manifest["interrupted"] else played
    problem = unlike_makespans(results.makespans, points, played, most)
    return None if problem is None else f"makespans.parquet {problem}"
