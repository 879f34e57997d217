"""The scenario and the design of stored results, read again from their manifest."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dispatch_sim.model.plan import Plan
from dispatch_sim.scenario.loader import Source, load, parse_source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.checkpoint import is_unfinished
from dispatch_sim.study.design import Design, DesignError, design_comparison, design_sweep
from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.manifest import has_same_versions, identity, is_same_scenario
from dispatch_sim.study.results import Results, read_results

_LOG = logging.getLogger("dispatch_sim")


def finished_study(folder: Path, manifest: dict[str, Any]) -> Results | None:
    """Return the complete results of the study of a manifest in a folder; None where there are none."""
    try:
        results = read_results(folder)
    except ResultsError:
        return None
    stored = results.manifest
    is_same = identity(stored) == identity(manifest) and has_same_versions(stored, manifest)
    if stored["interrupted"] or not is_same:
        return None
    _LOG.warning("%s: holds this study, finished; nothing is simulated", folder)
    return results


def check_replaceable(folder: Path, manifest: dict[str, Any], design: Design, resume: bool | None) -> None:
    """Check that a folder holds no finished study of the same scenario that is larger than another one.

    Parameters
    ----------
    manifest, design : of the study that is to be simulated.
    resume : whether it may be continued; if it is, it was begun on request.

    Raises
    ------
    ResultsError
        Where it does: there are more design points, or as many with more replications.
    """
    if resume and is_unfinished(folder):
        return
    try:
        stored = read_results(folder)
    except ResultsError:
        return
    here, there = (
        (design.points, design.at_most or design.replications),
        (len(stored.points), int(stored.counts.max())),
    )
    if there > here and not stored.manifest["interrupted"] and is_same_scenario(stored.manifest, manifest):
        raise ResultsError(
            f"{folder}: holds a larger study of this scenario, with {there[1]:,} replications of "
            f"{there[0]:,} design points; this one has at most {here[1]:,} of {here[0]:,}. Replace it with "
            "--restart, or name another folder with --out"
        )


def stored_source(results: Results, folder: Path | None = None, data: Path | None = None) -> Source | None:
    """Return the scenario of a study, read again from its manifest; None where it has other values now.

    It has where a profile or the manifest has changed, and where a csv file is missing: results are stored
    without it, and it is read from `folder` and `data` only.
    """
    scenario = results.manifest["scenario"]
    try:
        # By the reader of files, which limits depth and size.
        text = json.dumps(scenario["as_written"], ensure_ascii=False, allow_nan=False)
        source = load(parse_source(text, scenario["file"], folder), data)
        read = source.scenario()
    except (ScenarioError, ValueError, RecursionError):
        return None
    same = read.fingerprint == scenario["sha256"] and read.study.seed == results.manifest["seed"]
    return source if same and scenario["resolved"] == read.resolved() else None


def stored_design(source: Source, results: Results) -> Design | None:
    """Return the design of a study, a sweep or a comparison; None where it is neither of the scenario's."""
    designs: tuple[Callable[[Source], Design], ...] = (design_sweep, design_comparison)
    manifest = results.manifest
    for design_of in designs:
        try:
            design = design_of(source)
        except (ScenarioError, DesignError):
            continue
        if (list(design.factors), design.batch_sizes) == (manifest["factors"], manifest["batch_sizes"]):
            return design
    return None


def find_stored_plan(design: Design, strategy: Strategy, tasks: int, factors: dict[str, Any]) -> Plan:
    """Return the plan of a design point.

    Raises
    ------
    KeyError
        Where it was not simulated.
    """
    for variant in design.variants:
        levels = zip(variant.levels, factors.values(), strict=True)
        # A column of numbers and texts is stored as texts.
        if all(level == value or str(level) == value for level, value in levels):
            for plan in variant.plans:
                if (plan.strategy, len(plan.tasks)) == (strategy, tasks):
                    return plan
    raise KeyError(strategy)
