"""A backtest as a page with a figure, and as JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from dispatch_sim.logs.backtest.backtest import Backtest
from dispatch_sim.logs.backtest.conclusions import LEAST_SESSIONS, Conclusions, judge_backtest
from dispatch_sim.logs.calibrate.intervals import Interval
from dispatch_sim.report.figures.backtest import backtest_picture
from dispatch_sim.report.format import MINUS, percent
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.study.files import write_texts


def write_backtest(found: Backtest, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `backtest.md` and, if there are forecasts, its figure; return the files.

    Raises
    ------
    ResultsError
        If the folder cannot be written to.
    """
    return write_texts(backtest_document(found, page=True).files("backtest"), Path(folder))


def backtest_document(found: Backtest, *, pictures: bool = True, page: bool = False) -> Document:
    """Return a backtest as a page, with its title and method if it is a `page` of its own."""
    judged, picture = judge_backtest(found), backtest_picture(found) if pictures else None
    return document(
        "backtest.md",
        [picture],
        picture=picture,
        page=page,
        sessions=len({each.group.session for each in found.replayed}),
        replay=_replay(judged),
        speed_ups=_speed_ups(judged),
        coverage=_coverage(judged),
        scores=_scores(judged),
        **_verdict(found, judged),
    )


def _verdict(found: Backtest, judged: Conclusions) -> dict[str, Any]:
    """Return the content of `backtest-verdict.md`."""
    is_enough = judged.sessions >= LEAST_SESSIONS
    relations = ("better than", "worse than", "not significantly different from")
    compared = [(_relation(each.excess_s), each.name) for each in judged.baselines if is_enough]
    return {
        "found": found,
        "judged": judged,
        "error": _error,
        "least": LEAST_SESSIONS,
        "comparisons": [(each, [name for how, name in compared if how == each]) for each in relations],
        "lost": [
            each.name for each in judged.baselines if each.widened_excess_s.high < 0 <= each.excess_s.high
        ],
    }


def _relation(excess_s: Interval) -> str:
    """Return how the model compares with a baseline whose CRPS exceeds the model's by so much."""
    if excess_s.low > 0:
        return "better than"
    return "worse than" if excess_s.high < 0 else "not significantly different from"


def _replay(judged: Conclusions) -> Table:
    rows = [
        (name, str(errors.groups), _error(errors.median), _error(errors.p90))
        for name, errors in (
            ("as observed", judged.replay),
            ("as observed, with every start in the log", judged.starts_recorded),
            ("by the model", judged.launched_by_model),
        )
        if errors is not None
    ]
    heads = ("Launches and starts", "Groups", "Median", "90th percentile")
    return Table("Error of the simulated wall-clock time", heads, tuple(rows))


def _speed_ups(judged: Conclusions) -> Table:
    rows = [
        (
            str(row.size),
            str(row.groups),
            *(f"{ratio:.2f}" for ratio in (row.observed, row.replayed)),
            "" if math.isnan(row.forecast) else f"{row.forecast:.2f}",
        )
        for row in judged.speed_ups
    ]
    heads = ("Agents", "Groups", "Observed", "Replayed", "Forecast")
    return Table("Median speed-up: sum of durations divided by wall-clock time", heads, tuple(rows))


def _coverage(judged: Conclusions) -> Table:
    rows = []
    for at, wall in enumerate(judged.wall):
        tokens = judged.tokens[at] if judged.tokens else None
        rows.append(
            (
                percent(wall.level),
                "" if math.isnan(wall.runs) else percent(wall.runs),
                percent(wall.as_calibrated),
                "" if tokens is None else percent(tokens.as_calibrated),
                percent(wall.widened),
                "" if math.isnan(wall.low) else f"({percent(wall.low)} to {percent(wall.high)})",
                "" if tokens is None or math.isnan(tokens.widened) else percent(tokens.widened),
            )
        )
    heads = (
        "Interval",
        "Single runs",
        "Time, as calibrated",
        "Tokens, as calibrated",
        "Time, widened",
        "(95% interval)",
        "Tokens, widened",
    )
    return _if_widened(judged, "Share of outcomes in the intervals", heads, rows, always=4)


def _scores(judged: Conclusions) -> Table:
    rows = [("the model, as calibrated", f"{judged.crps_s:.0f}", "", "")]
    if judged.sessions >= LEAST_SESSIONS:
        rows.append(("the model, widened", f"{judged.widened_crps_s:.0f}", "", ""))
    rows += [
        (each.name, f"{each.crps_s:.0f}", _seconds(each.excess_s), _seconds(each.widened_excess_s))
        for each in judged.baselines
    ]
    heads = ("Forecast", "Seconds", "More than the model's", "More than widened")
    return _if_widened(judged, "CRPS (less is better)", heads, rows, always=2)


def _if_widened(
    judged: Conclusions, caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], always: int
) -> Table:
    """Return a table; if there are too few sessions for intervals and widening, the first columns of it."""
    columns = len(heads) if judged.sessions >= LEAST_SESSIONS else always
    return Table(caption, heads[:columns], tuple(row[:columns] for row in rows))


def _seconds(interval: Interval) -> str:
    text = f"{interval.estimate:z.0f} ({interval.low:z.0f} to {interval.high:z.0f})"
    return text.replace("-", MINUS)


def _error(share: float) -> str:
    return f"{100 * share:.1f}%"


def backtest_json(found: Backtest) -> dict[str, Any]:
    """Return a backtest for programs."""
    judged = judge_backtest(found)
    conclusions = {field.name: getattr(judged, field.name) for field in fields(judged)}
    names = ("sessions", "error", "widening", "wall", "tokens", "crps_s", "widened_crps_s", "baselines")
    forecast = {name: conclusions.pop(name) for name in names}
    return {
        "verdict": " ".join(document("backtest-verdict.md", **_verdict(found, judged)).text.split()),
        "left_out": found.left_out,
        "not_forecast": found.not_forecast,
        "folds": found.folds,
        "replications": found.replications,
        **conclusions,
        "forecast": forecast,
        "groups": [
            {
                "group": each.group.name,
                "agents": each.group.size,
                "wall_s": each.group.wall_s,
                "replayed_s": each.wall_s,
                "launched_by_model_s": each.launched_by_model_s,
            }
            for each in found.replayed
        ],
    }
