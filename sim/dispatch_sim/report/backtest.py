"""A backtest as a page with a figure, and as JSON."""

from __future__ import annotations

import math
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from dispatch_sim.logs.backtest.backtest import Backtest
from dispatch_sim.logs.backtest.conclusions import Conclusions, judge_backtest
from dispatch_sim.report.figures.backtest import backtest_picture
from dispatch_sim.report.format import percent
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.study.files import write_texts

_MARGIN = 0.95
"""Share of bootstrap samples from which one forecast counts as better than another."""


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
    baselines = judged.baselines
    better = [each.name for each in baselines if each.model_better >= _MARGIN]
    worse = [each.name for each in baselines if each.model_better <= 1 - _MARGIN]
    others = [each.name for each in baselines if 1 - _MARGIN < each.model_better < _MARGIN]
    return {
        "found": found,
        "judged": judged,
        "error": _error,
        "comparisons": (
            ("better than", better),
            ("worse than", worse),
            ("not significantly different from", others),
        ),
        "lost": [each.name for each in baselines if each.model_better > 0.5 > each.widened_better],
    }


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
        of_tokens = judged.tokens[at] if judged.tokens else None
        rows.append(
            (
                percent(wall.level),
                "" if math.isnan(wall.runs) else percent(wall.runs),
                percent(wall.as_calibrated),
                percent(wall.widened),
                f"({percent(wall.low)} to {percent(wall.high)})",
                "" if of_tokens is None else percent(of_tokens.as_calibrated),
                "" if of_tokens is None else percent(of_tokens.widened),
            )
        )
    heads = (
        "Interval",
        "Single runs",
        "Time, as calibrated",
        "Widened",
        "(95% interval)",
        "Tokens, as calibrated",
        "Widened",
    )
    return Table("Share of outcomes in the intervals", heads, tuple(rows))


def _scores(judged: Conclusions) -> Table:
    rows = [
        ("the model, as calibrated", f"{judged.crps_s:.0f}", "", ""),
        ("the model, widened", f"{judged.widened_crps_s:.0f}", "", ""),
        *(
            (each.name, f"{each.crps_s:.0f}", percent(each.model_better), percent(each.widened_better))
            for each in judged.baselines
        ),
    ]
    heads = ("Forecast", "Seconds", "Model better in", "Widened better in")
    return Table("CRPS (less is better)", heads, tuple(rows))


def _error(share: float) -> str:
    return f"{100 * share:.1f}%"


def backtest_json(found: Backtest) -> dict[str, Any]:
    """Return a backtest for programs."""
    judged = judge_backtest(found)
    conclusions = {field.name: getattr(judged, field.name) for field in fields(judged)}
    names = ("error", "widening", "wall", "tokens", "crps_s", "widened_crps_s", "baselines")
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
