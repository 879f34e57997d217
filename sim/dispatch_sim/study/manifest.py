"""The manifest of a study: its scenario, seed, replications, engine, versions and machine."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from dispatch_sim.scenario.loader import Source
from dispatch_sim.study.design import Design
from dispatch_sim.study.runner import all_cores
from dispatch_sim.study.versions import package_version

_MOST_DIFFERENCES = 5
_HOW_OFTEN = ("replications", "at_most", "calls", "seconds")
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

Stopped = Literal["asked", "settled", "at_most", "calls", "rows", "seconds", "interrupted"]
"""Why a study ended: it has all replications or, with `auto`, is precise enough or at a limit. `calls` is
that of `study.calls`, and `rows` that of the memory."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Replications(_Section):
    asked: int
    simulated: Annotated[int, Field(validation_alias=AliasChoices("simulated", "played"))]  # until 0.1.0
    at_most: int
    stopped: Stopped


class Recorded(_Section):
    """A stage of a study: the numbers of its design points, and of its replications the number simulated."""

    points: list[int]
    simulated: int


class _Scenario(_Section):
    file: str
    sha256: str
    as_written: Any
    resolved: dict[str, Any]


class Manifest(_Section):
    """The required content of `manifest.json`."""

    dispatch_sim: str | None
    engine: str
    seed: int
    replications: _Replications
    stages: list[Recorded] = []
    interrupted: bool
    design_points: int
    factors: list[str]
    scenario: _Scenario
    versions: dict[str, str | None]
    machine: dict[str, str | int]

    @model_validator(mode="after")
    def _with_stages(self) -> Self:
        """Add the only stage of a study of 0.1.0, and check the points of the others."""
        if not self.stages:
            points = list(range(self.design_points))
            self.stages = [Recorded(points=points, simulated=self.replications.simulated)]
        for stage in self.stages:
            if not stage.points or not 0 <= min(stage.points) <= max(stage.points) < self.design_points:
                raise ValueError("stages: have points that the design does not have")
        return self


def manifest_of(
    source: Source,
    design: Design,
    engine: str = "",
    asked: int = 0,
    stages: Sequence[tuple[Sequence[int], int]] = (),
    stopped: Stopped = "asked",
    needed: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """Return the manifest of a study.

    Parameters
    ----------
    asked : the most replications of a design point that the last stage asks for.
    stages : the numbers of the points of each, and its number of replications.
    stopped : why the study ended.
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
            "simulated": _most(stages),
            "at_most": design.at_most or design.replications,
            "stopped": stopped,
            "needed": needed[0],
            "of_needed": needed[1],
        },
        "stages": [{"points": list(map(int, points)), "simulated": number} for points, number in stages],
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


def _most(stages: Sequence[tuple[Sequence[int], int]]) -> int:
    """Return the most replications of a design point."""
    counts: Counter[int] = Counter()
    for points, number in stages:
        counts.update(dict.fromkeys(points, number))
    return max(counts.values(), default=0)


def identity(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a manifest that identifies a study, whatever it is simulated with."""
    return {
        **_axes(manifest),
        "scenario": manifest["scenario"]["resolved"],
        "sha256": manifest["scenario"]["sha256"],
    }


def has_same_versions(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two manifests are of the same versions of dispatch-sim, its packages and Python."""
    first, second = (
        (each["dispatch_sim"], each["versions"], each["machine"].get("python")) for each in (one, other)
    )
    return first == second


def is_same_study(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two manifests differ at most in engine, versions and the number of replications."""
    return _axes(one) == _axes(other) and is_same_scenario(one, other)


def is_same_scenario(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two manifests have the same scenario, but for the engine and the replications."""
    return _but_for_replications(one) == _but_for_replications(other)


def _axes(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what tells a sweep from a comparison of the same scenario."""
    return {name: manifest[name] for name in ("factors", "batch_sizes")}


def _but_for_replications(manifest: dict[str, Any]) -> dict[str, Any]:
    scenario: dict[str, Any] = manifest["scenario"]["resolved"]
    study = {key: value for key, value in scenario.get("study", {}).items() if key not in _HOW_OFTEN}
    return scenario | {"study": study, "engine": None}


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
