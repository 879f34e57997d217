"""What a backtest came to: on a terminal, as a page with a picture, and for programs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dispatch_sim.logs.backtest.backtest import Backtest
from dispatch_sim.logs.backtest.conclusions import Conclusions, Coverage, judge_backtest
from dispatch_sim.report.figures.backtest import backtest_picture
from dispatch_sim.report.format import listed, percent
from dispatch_sim.report.log_tables import Block, block_document
from dispatch_sim.study.files import write_texts

_MARGIN = 0.95
"""Part of resamplings from which one of two is said to be better."""

METHOD = (
    "Replay: each group's launches, starts and durations as observed, simulated by the dispatch model; its "
    "wall-clock is compared to the observed one, from the first launch to the last end. A start that is not "
    "in the log is taken for the launch. 'By the model' gives it the durations only: the coordinator "
    "launches one agent after another, and briefs and starts take as long as in the other sessions.",
    "Forecast: only the kinds and the number of tasks go in, with a scenario calibrated without the group's "
    "session. 'Single runs' are the durations of completed runs, in the intervals of their kinds. 'Widened' "
    "multiplies a forecast's spread, on a logarithmic scale, by what the forecasts of other sessions' groups "
    "would have needed for nine in ten to lie in their 90% intervals (hierarchical conformal prediction; "
    "from 9 sessions on).",
    "CRPS: the continuous ranked probability score, in seconds, less is better; for a rule that names one "
    "value it is the absolute error. Intervals, and how often the model is better, come from drawing "
    "the sessions again, 2,000 times.",
)


def write_backtest(found: Backtest, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `backtest.md` and, where there are forecasts, its picture; returns these.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    blocks = _blocks(found, judge_backtest(found), METHOD)
    title, picture = "How well the model predicts these logs", backtest_picture(found)
    page = block_document(blocks, title, picture)
    pictures = {f"{name}.svg": shown.svg for name, shown in page.pictures.items()}
    return write_texts({"backtest.md": page.markdown} | pictures, Path(folder))


def backtest_text(found: Backtest) -> str:
    """Return what a backtest came to, for a terminal."""
    return block_document(backtest_blocks(found)).text


def backtest_blocks(found: Backtest) -> Iterator[Block]:
    """Return the same, part by part."""
    return _blocks(found, judge_backtest(found), ())


def verdict(found: Backtest, judged: Conclusions) -> str:
    """Return what to think of the model on these logs, in sentences."""
    replay = (
        f"Given the durations, the model's wall-clock is off by {_error(judged.replay.median)} (median), "
        f"and by at most {_error(judged.replay.p90)} for nine groups in ten"
    )
    if judged.starts_recorded is not None:
        replay += (
            f"; where every agent's start is in the log, by {_error(judged.starts_recorded.median)} (median)"
        )
    if not found.forecasted:
        return f"{replay}. No forecasts: {'; '.join(found.not_forecast)}."
    return f"{replay}. {_interval_words(judged)} {_baseline_words(judged)}"


def _interval_words(judged: Conclusions) -> str:
    ninety = judged.wall[-1]
    said = f"{percent(ninety.widened)} of groups are within the widened 90% intervals"
    sure = f"95% interval {percent(ninety.low)} to {percent(ninety.high)}"
    if ninety.low <= ninety.level <= ninety.high:
        said += f", which is in keeping with 90% ({sure})"
    elif ninety.widened < ninety.level:
        said += f": they are too narrow ({sure})"
    else:
        said += f": they are wider than they need be ({sure})"
    alone = f"as calibrated, without widening, {percent(ninety.as_calibrated)} are"
    return f"{said}; {alone}."


def _baseline_words(judged: Conclusions) -> str:
    better = [baseline.name for baseline in judged.baselines if baseline.model_better >= _MARGIN]
    worse = [baseline.name for baseline in judged.baselines if baseline.model_better <= 1 - _MARGIN]
    open_ = [baseline.name for baseline in judged.baselines if 1 - _MARGIN < baseline.model_better < _MARGIN]
    parts = [
        f"{say} {listed(names)}"
        for say, names in (
            ("it is better than", better),
            ("it loses to", worse),
            ("it cannot be told apart from", open_),
        )
        if names
    ]
    said = f"By the CRPS of its forecasts as calibrated, {'; '.join(parts)}."
    lost = [
        baseline.name
        for baseline in judged.baselines
        if baseline.model_better > 0.5 > baseline.widened_better
    ]
    return f"{said} Widened, its score is worse than that of {listed(lost)}." if lost else said


def _blocks(found: Backtest, judged: Conclusions, method: tuple[str, ...]) -> Iterator[Block]:
    yield Block("", (verdict(found, judged), _groups(found)))
    yield Block(
        "Replay: error of a group's wall-clock",
        (),
        (
            ("launches and starts", "groups", "median", "nine in ten"),
            *(
                (name, str(errors.groups), _error(errors.median), _error(errors.p90))
                for name, errors in (
                    ("as observed", judged.replay),
                    ("as observed, every start in the log", judged.starts_recorded),
                    ("by the model", judged.launched_by_model),
                )
                if errors is not None
            ),
        ),
    )
    heads = ("agents", "groups", "speed-up observed", "replayed", "forecast")
    rows = [
        (
            str(row.size),
            str(row.groups),
            f"{row.observed:.2f}",
            f"{row.replayed:.2f}",
            "" if math.isnan(row.forecast) else f"{row.forecast:.2f}",
        )
        for row in judged.speed_ups
    ]
    yield Block("Speed-up: work together over wall-clock, medians", (), (heads, *rows))
    if found.forecasted:
        yield from _forecast_blocks(found, judged)
    if method:
        yield Block("How it was made", method)


def _forecast_blocks(found: Backtest, judged: Conclusions) -> Iterator[Block]:
    error = judged.error
    assert error is not None
    by = f"{found.folds} folds" if found.folds else "the scenario given"
    yield Block(
        "Forecast: groups within its intervals",
        (
            f"{len(found.forecasted)} groups, by {by}, {found.replications} replications of each; widened "
            f"by {judged.widening:.2f} (median). The middle of a forecast is off by {percent(error.median)} "
            f"(median), {percent(error.p90)} for nine in ten: how long a group takes is mostly chance that "
            "nobody knows beforehand.",
        ),
        (
            (
                "interval",
                "single runs",
                "time, as calibrated",
                "widened",
                "(95% interval)",
                "tokens, as calibrated",
                "widened",
            ),
            *_coverage_rows(judged.wall, judged.tokens),
        ),
    )
    yield Block(
        "Forecast: CRPS, less is better",
        (),
        (
            ("", "seconds", "model better in", "widened better in"),
            ("the model, as calibrated", f"{judged.crps_s:.0f}", "", ""),
            ("the model, widened", f"{judged.widened_crps_s:.0f}", "", ""),
            *(
                (
                    baseline.name,
                    f"{baseline.crps_s:.0f}",
                    percent(baseline.model_better),
                    percent(baseline.widened_better),
                )
                for baseline in judged.baselines
            ),
        ),
    )


def _coverage_rows(wall: tuple[Coverage, ...], tokens: tuple[Coverage, ...]) -> Iterator[tuple[str, ...]]:
    for place, row in enumerate(wall):
        of_tokens = (
            (percent(tokens[place].as_calibrated), percent(tokens[place].widened)) if tokens else ("", "")
        )
        yield (
            percent(row.level),
            "" if math.isnan(row.runs) else percent(row.runs),
            percent(row.as_calibrated),
            percent(row.widened),
            f"({percent(row.low)} to {percent(row.high)})",
            *of_tokens,
        )


def _error(share: float) -> str:
    return f"{100 * share:.1f}%"


def _groups(found: Backtest) -> str:
    played, sessions = len(found.replayed), len({each.group.session for each in found.replayed})
    text = f"{played} parallel groups of {sessions} session{'s' if sessions > 1 else ''} were played."
    if found.left_out:
        reasons = "; ".join(f"{count}: {reason}" for reason, count in found.left_out.most_common())
        text += f" {found.left_out.total()} were left out ({reasons})."
    if found.not_forecast and found.forecasted:
        reasons = "; ".join(f"{count}: {reason}" for reason, count in found.not_forecast.most_common())
        text += f" {found.not_forecast.total()} are not forecast ({reasons})."
    return text


def backtest_json(found: Backtest) -> dict[str, Any]:
    """Return the same for programs; what is not known is null."""
    judged = judge_backtest(found)
    answer: dict[str, Any] = _finite(
        {
            "verdict": verdict(found, judged),
            "left_out": dict(found.left_out),
            "not_forecast": dict(found.not_forecast),
            "folds": found.folds,
            "replications": found.replications,
            "replay": asdict(judged.replay),
            "starts_recorded": None if judged.starts_recorded is None else asdict(judged.starts_recorded),
            "launched_by_model": asdict(judged.launched_by_model),
            "speed_ups": [asdict(row) for row in judged.speed_ups],
            "forecast": {
                "error": None if judged.error is None else asdict(judged.error),
                "widening": judged.widening,
                "wall": [asdict(row) for row in judged.wall],
                "tokens": [asdict(row) for row in judged.tokens],
                "crps_s": judged.crps_s,
                "widened_crps_s": judged.widened_crps_s,
                "baselines": [asdict(row) for row in judged.baselines],
            },
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
    )
    return answer


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
