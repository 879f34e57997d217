"""The manifest of a study: its scenario, seed, replications, engine, versions and machine."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, model_validator

from dispatch_sim.scenario.loader import Source
from dispatch_sim.study.design import Command, Design, Stage
from dispatch_sim.study.runner import all_cores
from dispatch_sim.study.versions import package_version

_MOST_DIFFERENCES = 5
_HOW_OFTEN = ("replications", "at_most", "calls")
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

Stopped = Literal["asked", "settled", "at_most", "calls", "rows", "interrupted"]
"""Why a study ended: it has all replications or, with `auto`, is precise enough or at a limit. `calls` is
that of `study.calls`, and `rows` that of the memory."""


class _Replications(BaseModel):
    asked: int
    simulated: int
    at_most: int
    stopped: Stopped
    needed: int
    of_needed: int


class _Stage(BaseModel):
    points: list[int]
    simulated: int


class _Scenario(BaseModel):
    file: str
    sha256: str
    as_written: Any
    resolved: dict[str, Any]


class Manifest(BaseModel):
    """The required content of `manifest.json`."""

    dispatch_sim: str | None
    command: Command
    engine: str
    seed: int
    replications: _Replications
    stages: list[_Stage]
    interrupted: bool
    design_points: int
    factors: list[str]
    batch_sizes: list[int]
    scenario: _Scenario
    versions: dict[str, str | None]
    machine: dict[str, str | int]

    @model_validator(mode="after")
    def _check_points(self) -> Self:
        for stage in self.stages:
            if not stage.points or not 0 <= min(stage.points) <= max(stage.points) < self.design_points:
                raise ValueError("stages: have points that the design does not have")
        return self


def manifest_of(
    source: Source,
    design: Design,
    engine: str = "",
    asked: int = 0,
    stages: Sequence[Stage] = (),
    stopped: Stopped = "asked",
    needed: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """Return the manifest of a study.

    Parameters
    ----------
    asked : the most replications of a design point that the last stage asks for.
    needed : about how many replications valid intervals need of the design point that needs most, and how
        many it has; 0 where each has as many as it needs.
    """
    scenario = source.scenario()
    return {
        "dispatch_sim": package_version("dispatch-sim"),
        "command": design.command,
        "engine": engine,
        "seed": scenario.study.seed,
        "replications": {
            "asked": asked,
            "simulated": max((stage.replications.stop for stage in stages), default=0),
            "at_most": design.at_most or design.replications,
            "stopped": stopped,
            "needed": needed[0],
            "of_needed": needed[1],
        },
        "stages": [{"points": list(stage.points), "simulated": len(stage.replications)} for stage in stages],
        "interrupted": stopped == "interrupted",
        "design_points": design.points,
        "factors": list(design.factors),
        "batch_sizes": design.batch_sizes,
        "scenario": {
            "file": Path(source.filename).name.encode("utf-8", "replace").decode(),
            "sha256": scenario.fingerprint,
            "as_written": source.raw,
            "resolved": scenario.resolved(),
        },
        "versions": {name: package_version(name) for name in _PACKAGES},
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": all_cores(),
        },
    }


def identity(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a manifest that identifies a study, whatever it is simulated with."""
    return {
        **axes(manifest),
        "scenario": manifest["scenario"]["resolved"],
        "sha256": manifest["scenario"]["sha256"],
    }


def axes(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what tells a sweep from a comparison of the same scenario."""
    return {name: manifest[name] for name in ("factors", "batch_sizes")}


def is_same_scenario(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two manifests have the same scenario, but for the engine and the replications."""

    def compared(manifest: dict[str, Any]) -> dict[str, Any]:
        scenario: dict[str, Any] = manifest["scenario"]["resolved"]
        study = scenario.get("study", {}) | dict.fromkeys(_HOW_OFTEN)
        return scenario | {"study": study, "engine": None}

    return compared(one) == compared(other)


def differences_of(there: dict[str, Any], here: dict[str, Any]) -> str:
    """Return where two identities differ, for a message; nothing where they are the same."""
    found = list(islice(_differences(there, here), 1000))
    # A digest of the scenario is no news next to its differences.
    found = [each for each in found if not each.startswith("sha256 ")] or found
    more = len(found) - _MOST_DIFFERENCES
    return "; ".join(found[:_MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")


def _differences(there: Any, here: Any, path: str = "") -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            yield from _differences(there.get(key), here.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif there != here:
        yield f"{path} was {_short(there)}, is {_short(here)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
