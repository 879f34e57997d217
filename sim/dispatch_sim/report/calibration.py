"""What a calibration came to, for a terminal and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dispatch_sim.logs.calibrate.calibration import Calibration
from dispatch_sim.logs.calibrate.scenario_text import BORROWED, DEFAULT, MEASURED, Figure
from dispatch_sim.report.format import listed
from dispatch_sim.report.log_tables import Block, block_document

_LONGEST = 62
"""Columns of a value in the table; a sample has more."""


def calibration_text(found: Calibration) -> str:
    """Return each figure with where it comes from, and what the logs do not show."""
    return block_document(calibration_blocks(found)).text


def calibration_blocks(found: Calibration) -> Iterator[Block]:
    """Return the same, part by part."""
    yield Block("", (_seen(found),))
    for origin, heading in (
        (MEASURED, "Measured"),
        (BORROWED, "Borrowed from runs of all kinds, as there are too few of this one"),
        (DEFAULT, "Defaults: not to be seen in these logs, or in too few runs"),
    ):
        rows = [
            _row(figure) for figure in found.with_origin(origin) if figure.path[-1] not in ("name", "count")
        ]
        if rows:
            yield Block(heading, (), (("figure", "n", "value"), *rows))
    yield Block("", ("How sure each figure is, and how well it fits, stands beside it in the file.",))


def _seen(found: Calibration) -> str:
    kinds = listed([f"{name}" for name in dict.fromkeys(found.group_of.values())])
    text = (
        f"{found.runs:,} runs completed work, in {found.sessions:,} sessions; {found.groups:,} parallel "
        f"groups. Kinds of tasks: {kinds}."
    )
    if found.sessions == 1:
        text += " One session: how sessions differ cannot be seen, so no figure has an interval."
    if found.attempts:
        text += f" {found.failures:,} of {found.attempts:,} runs failed by themselves, {found.hung:,} hung."
    return text


def _row(figure: Figure) -> tuple[str, str, str]:
    value = figure.value if len(figure.value) <= _LONGEST else f"{figure.value[: _LONGEST - 3]}..."
    return ".".join(figure.path), f"{figure.n:,}" if figure.n else "", value


def calibration_json(found: Calibration) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "runs": found.runs,
        "sessions": found.sessions,
        "groups": found.groups,
        "attempts": found.attempts,
        "failures": found.failures,
        "hung": found.hung,
        "kinds": found.group_of,
        "scenario_sha256": found.scenario.fingerprint,
        "figures": [
            {
                "path": ".".join(figure.path),
                "value": figure.value,
                "origin": figure.origin,
                "n": figure.n,
                "source": figure.source,
            }
            for figure in found.figures
        ],
    }
