"""Results of a study: a tidy table, one row a design point and replication, and its manifest.

Both are written whole or not at all, and the same study gives the same bytes, however it was run.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dispatch_sim.dispatch.outcome import MEASURES, Outcome
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.design import MAX_ROWS, Design
from dispatch_sim.study.runner import Played, all_cores

RESULTS_FILE = "results.parquet"
MANIFEST_FILE = "manifest.json"

_WHOLE = frozenset(name for name, kind in get_type_hints(Outcome).items() if kind is int)
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


class ResultsError(UserError):
    """A results folder that cannot be read or written; the message says which and why."""


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
        """Replications played of every design point."""
        return int(self.frame["replication"].nunique())


def collect(source: Source, design: Design, played: Played) -> Results:
    """Put what was played into a table and write its manifest."""
    plans = [(variant, plan) for variant in design.variants for plan in variant.plans]
    replications = len(played.replications)
    columns: dict[str, Any] = {
        "strategy": np.repeat([plan.strategy.label for _, plan in plans], replications),
        "concurrency": np.repeat([plan.width for _, plan in plans], replications),
        "tasks": np.repeat([len(plan.tasks) for _, plan in plans], replications),
    }
    for number, factor in enumerate(design.factors):
        levels = [variant.levels[number] for variant, _ in plans]
        if any(isinstance(level, str) for level in levels):
            levels = [str(level) for level in levels]
        columns[factor] = np.repeat(levels, replications)
    columns["replication"] = np.tile(played.replications, len(plans))
    for number, measure in enumerate(MEASURES):
        values = played.measures[:, :, number].ravel()
        whole = measure in _WHOLE and bool(np.all(values < _LARGEST_WHOLE))
        columns[measure] = values.astype(np.int64) if whole else values
    return Results(pd.DataFrame(columns), _manifest(source, design, played))


def with_end(results: Results, stopped: Stopped) -> Results:
    """Note in the manifest why no more replications were played."""
    replications = results.manifest["replications"] | {"stopped": stopped}
    return Results(results.frame, results.manifest | {"replications": replications})


def write_results(results: Results, folder: str | os.PathLike[str]) -> list[Path]:
    """Write the table and its manifest into a folder; each file appears whole or not at all.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    folder = Path(folder)
    with writing_to(folder):
        table = pa.Table.from_pandas(results.frame, preserve_index=False)
        write_whole(folder / RESULTS_FILE, partial(_write_table, table=table))
        text = json.dumps(results.manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        write_whole(folder / MANIFEST_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    return [folder / RESULTS_FILE, folder / MANIFEST_FILE]


def read_results(folder: str | os.PathLike[str]) -> Results:
    """Read a study's results from its folder.

    Raises
    ------
    ResultsError
        Where the folder holds no results, or they cannot be read.
    """
    folder = Path(folder)
    try:
        text = (folder / MANIFEST_FILE).read_text(encoding="utf-8")
        manifest = json.loads(text, parse_constant=_no_number)
        with pq.ParquetFile(folder / RESULTS_FILE) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise ValueError(f"{RESULTS_FILE} has more than {MAX_ROWS:,} rows")
            # What a stranger's file says of indices and types of pandas is not followed.
            frame = file.read().to_pandas(ignore_metadata=True)
    except FileNotFoundError as error:
        raise ResultsError(
            f"{folder}: has no {Path(error.filename or RESULTS_FILE).name}; "
            "name a folder into which a sweep was written"
        ) from error
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise ResultsError(f"{folder}: cannot be read: {str(error)[:300]}") from error
    return Results(frame, manifest)


def _no_number(text: str) -> float:
    raise ValueError(f"{MANIFEST_FILE} has {text}, which is not a number")


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Make a folder, and turn what goes wrong in writing to it into a `ResultsError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written to: {error.strerror or error}") from error


def check_folder(folder: Path) -> None:
    """Check that a folder can be made and written to, before something long is played for it; makes nothing.

    Raises
    ------
    ResultsError
        Where it cannot be.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ResultsError(f"{folder}: cannot be written to: {os.strerror(errno.ENOTDIR)}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ResultsError(f"{folder}: cannot be written to: {os.strerror(errno.EACCES)}")


def write_texts(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write texts into a folder, by the names of their files; returns these."""
    with writing_to(folder):
        for name, text in texts.items():
            data = text.encode("utf-8", errors="replace")
            write_whole(folder / name, partial(_write_bytes, data=data))
    return [folder / name for name in texts]


def _write_table(path: Path, table: pa.Table) -> None:
    with path.open("wb") as file:  # opened here: pyarrow cannot take every name that a file may have
        # Measures hardly repeat: as a dictionary they take more room, and twice the time.
        of_text = (pa.string(), pa.large_string())
        words = [field.name for field in table.schema if field.type in of_text]
        pq.write_table(table, file, compression="zstd", use_dictionary=words)


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name in the same folder, then rename it: it is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


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
        "versions": {name: package_version(name) for name in _PACKAGES},
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": all_cores(),
        },
    }


def package_version(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
