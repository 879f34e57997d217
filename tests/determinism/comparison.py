"""Plays a way in processes of their own, and holds what it wrote against what the reference did."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .ways import LEFT_OUT, LINES_LEFT_OUT, REPORTED, Case, Leg, Way

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 600

REPORT = "report"
"""What the digest of a report is called."""


class BrokenWayError(Exception):
    """A way that was not played as it says; the message says how."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a way came to.

    Attributes
    ----------
    digests : by case, and of the report, of all its files, each without what may differ.
    differing : the files that differ from the reference's, as `case/name`; empty where it is the same.
    executors : in what it was played.
    """

    digests: dict[str, str]
    differing: tuple[str, ...]
    executors: tuple[str, ...]


def play_way(way: Way, folder: Path) -> tuple[str, ...]:
    """Play all legs of a way; returns the executors that were used.

    Raises
    ------
    BrokenWayError
        Where a leg failed, or did not end as it was to.
    """
    executors: set[str] = set()
    for number, leg in enumerate(way.legs):
        # One that is killed takes its process with it.
        for cases in [[case] for case in way.cases] if leg.killed else [list(way.cases)]:
            executors |= _play_leg(way, number, leg, cases, folder)
    return tuple(sorted(executors))


def _play_leg(way: Way, number: int, leg: Leg, cases: Sequence[Case], folder: Path) -> set[str]:
    asked = {
        "cases": [asdict(case) for case in cases],
        "engine": way.engine,
        "leg": asdict(leg),
        "folder": str(folder),
        "resume": number > 0,
        "reported": way.reported,
    }
    environment = {**os.environ, "PYTHONPATH": str(ROOT)} | way.environment
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        # Not with `-m`: worker processes, started afresh, would import all that the main module does.
        [way.python, "-c", f"from {__package__}.play import main; main()"],
        input=json.dumps(asked),
        env={name: value for name, value in environment.items() if value is not None},
        cwd=elsewhere if way.elsewhere else ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != (-9 if leg.killed else 0):
        raise BrokenWayError(
            f"{way.name}: leg {number + 1} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    unfinished = [
        case.name for case in cases if (folder / case.name / "unfinished" / "journal.jsonl").exists()
    ]
    if len(unfinished) != (len(cases) if leg.blocks is not None else 0):
        raise BrokenWayError(f"{way.name}: leg {number + 1} left unfinished: {unfinished or 'nothing'}")
    if leg.killed:
        return set()
    told: dict[str, list[str]] = json.loads(done.stdout)
    return {executor for of_case in told.values() for executor in of_case}


def compare(way: Way, folder: Path, reference: Path) -> Found:
    """Play a way into a folder, and hold its files against those of the reference, byte by byte.

    Raises
    ------
    BrokenWayError
        Where it was not played as it says.
    """
    executors = play_way(way, folder)
    digests, differing = {}, []
    for case in way.cases:
        of_case = {case.name: ["results.parquet", "manifest.json"]}
        if way.reported and case == REPORTED:
            of_case[REPORT] = report_names(reference / case.name)
        for what, names in of_case.items():
            digest = hashlib.blake2b(digest_size=4)
            for name in names:
                theirs = reference / case.name / name
                data = without_what_may_differ(folder / case.name / name, theirs, way.differing)
                digest.update(f"{name} {len(data)}\n".encode() + data)
                if data != theirs.read_bytes():
                    differing.append(f"{case.name}/{name}")
            digests[what] = digest.hexdigest()
    return Found(digests, tuple(differing), executors)


def report_names(folder: Path) -> list[str]:
    """Return the names of a report in Markdown and its figures."""
    return sorted(path.name for path in folder.iterdir() if path.suffix in (".md", ".svg"))


def without_what_may_differ(path: Path, reference: Path, differing: Sequence[str]) -> bytes:
    """Return a file's bytes, the reference's values in place of those that may differ; empty if not there."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    if path.name == "manifest.json":
        manifest, of_reference = json.loads(data), json.loads(reference.read_bytes())
        if _written(manifest) != data:
            return data
        for key in (key for each in differing for key in LEFT_OUT[each]):
            _put(manifest, key.split("."), _get(of_reference, key.split(".")))
        return _written(manifest)
    if path.name == "report.md":
        marks = [LINES_LEFT_OUT[each] for each in differing]
        lines, of_reference_lines = data.split(b"\n"), reference.read_bytes().split(b"\n")
        for number, (line, other) in enumerate(zip(lines, of_reference_lines, strict=False)):
            if any(mark.encode() in line and mark.encode() in other for mark in marks):
                lines[number] = other
        return b"\n".join(lines)
    return data


def _written(manifest: dict[str, Any]) -> bytes:
    """Return a manifest as `write_results` writes it."""
    return (json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _get(tree: Any, path: Sequence[str]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _put(tree: Any, path: Sequence[str], value: Any) -> None:
    _get(tree, path[:-1])[path[-1]] = value
