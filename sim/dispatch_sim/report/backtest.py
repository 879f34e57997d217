"""A backtest as a page with a figure, and as JSON."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from dispatch_sim.logs.backtest.backtest import Backtest
from dispatch_sim.logs.backtest.conclusions import LEAST_SESSIONS, judge_backtest
from dispatch_sim.logs.calibrate.intervals import Interval
from dispatch_sim.report.figures.backtest import backtest_picture
from dispatch_sim.report.format import MINUS
from dispatch_sim.report.render import Document, document
from dispatch_sim.study.files import write_texts


def write_backtest(found: Backtest, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `backtest.md` and, if there are forecasts, its figure; return the files."""
    return write_texts(backtest_document(found, page=True).files("backtest"), Path(folder))


def backtest_document(found: Backtest, *, pictures: bool = True, page: bool = False) -> Document:
    """Return a backtest as a page, with its title and method if it is a `page` of its own."""
    picture = backtest_picture(found) if pictures else None
    return document("backtest.md", [picture], picture=picture, page=page, **_content(found))


def _content(found: Backtest) -> dict[str, Any]:
    """Return the content of `backtest-verdict.md` and of the tables."""
    judged = judge_backtest(found)
    return {
        "found": found,
        "judged": judged,
        "is_enough": judged.sessions >= LEAST_SESSIONS,
        "error": lambda share: f"{100 * share:.1f}%",
        "known": lambda value: not math.isnan(value),
        "seconds": _seconds,
        "least": LEAST_SESSIONS,
    }


def _seconds(interval: Interval) -> str:
    text = f"{interval.estimate:z.0f} ({interval.low:z.0f} to {interval.high:z.0f})"
    return text.replace("-", MINUS)


def backtest_json(found: Backtest) -> dict[str, Any]:
    """Return a backtest for programs."""
    content = _content(found)
    conclusions = dict(vars(content["judged"]))
    names = ("sessions", "error", "widening", "wall", "tokens", "crps_s", "widened_crps_s", "baselines")
    forecast = {name: conclusions.pop(name) for name in names}
    return {
        "verdict": " ".join(document("backtest-verdict.md", **content).text.split()),
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
