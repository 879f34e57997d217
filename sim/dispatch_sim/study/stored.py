"""What a folder holds of a study, and its scenario and design, read again from their manifest."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from dispatch_sim.model.plan import Plan
from dispatch_sim.scenario.loader import Source, load, parse_source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.checkpoint import is_unfinished
from dispatch_sim.study.design import Design, design_comparison, design_sweep
from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.manifest import identity, is_same_scenario
from dispatch_sim.study.results import Results, read_results

_LOG = logging.getLogger("dispatch_sim")


def finished_study(
    folder: Path, manifest: dict[str, Any], design: Design, resume: bool | None
) -> Results | None:
    """Return the results of a study that a folder holds, if they are complete and it is to be resumed.

    Raises ResultsError where the folder holds a larger finished study of the same scenario: more design
    points, or as many with more replications. A checkpoint that is to be resumed was begun on request.
    """
    try:
        results = read_results(folder)
    except ResultsError:
        return None
    stored = results.manifest
    if stored["interrupted"]:
        return None
    is_same = identity(stored) == identity(manifest) and _versions(stored) == _versions(manifest)
    if resume and is_same:
        _LOG.warning("%s: holds this study, finished; nothing is simulated", folder)
        return results
    here = design.points, design.at_most or design.replications
    there = len(results.points), int(results.counts.max())
    is_resumed = resume and is_unfinished(folder)
    if there > here and not is_resumed and is_same_scenario(stored, manifest):
        raise ResultsError(
            f"{folder}: holds a larger study of this scenario, with {there[1]:,} replications of "
            f"{there[0]:,} design points; this one has at most {here[1]:,} of {here[0]:,}. Replace it with "
            "--restart, or name another folder with --out"
        )
    return None


def _versions(manifest: dict[str, Any]) -> tuple[Any, ...]:
    return manifest["dispatch_sim"], manifest["versions"], manifest["machine"].get("python")


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


def stored_design(source: Source, results: Results) -> Design:
    """Return the design of a study from its scenario."""
    return {"sweep": design_sweep, "compare": design_comparison}[results.manifest["command"]](source)


def find_stored_plan(design: Design, strategy: Strategy, tasks: int, factors: dict[str, Any]) -> Plan:
    """Return the plan of a design point.

    Raises KeyError where it was not simulated.
    """
    for variant in design.variants:
        levels = zip(variant.levels, factors.values(), strict=True)
        # A column of numbers and texts is stored as texts.
        if all(level == value or str(level) == value for level, value in levels):
            for plan in variant.plans:
                if (plan.strategy, len(plan.tasks)) == (strategy, tasks):
                    return plan
    raise KeyError(strategy)
