"""What logs say about dispatching: launches, briefs, returns, what is shared and what fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from dispatch_sim.logs.calibrate import distribution_fits as fits
from dispatch_sim.logs.calibrate.intervals import Interval, Values, bootstrapped, proportion
from dispatch_sim.logs.calibrate.observations import HANG_S, Observations, recorded_delays, start_delays
from dispatch_sim.logs.calibrate.scenario_text import (
    DEFAULT,
    MEASURED,
    Figure,
    distribution_yaml,
    number,
    share_yaml,
)
from dispatch_sim.logs.calibrate.task_fits import Work, default_figure, in_words, sessions_of, spread, too_few
from dispatch_sim.logs.calibrate.variances import LEAST_GROUPS
from dispatch_sim.scenario.formats import format_duration

LEAST_ATTEMPTS = 30
"""Fewest runs from which a rate of failures is told: none in 29 is in keeping with one in eight."""

LEAST_CALLS = 1000
"""Fewest model calls from which a rate of retries is told: rates of a part in a thousand are usual."""

MOSTLY = 0.5
"""Part of the runs from which what holds for them stands for all."""

NOT_IN_LOGS = (
    ("dispatch", "turn", "time"),
    ("provider", "limits", "requests"),
    ("provider", "limits", "input_tokens"),
    ("provider", "limits", "output_tokens"),
    ("failures", "bad_output"),
    ("recovery", "people"),
    ("values", "waiting"),
    ("values", "people"),
)
"""What matters and no log shows; written out so that it is looked at."""


def figures(seen: Observations, work: Work) -> list[Figure]:
    """Return the figures of all sections but the tasks', by section."""
    found = [
        *_dispatch(seen, work),
        *_provider(seen, work),
        *_failures(seen),
        *(default_figure(path, "not to be seen in logs") for path in NOT_IN_LOGS),
    ]
    order = list(dict.fromkeys(figure.path[:1] for figure in found))
    return sorted(found, key=lambda figure: order.index(figure.path[:1]))


def _dispatch(seen: Observations, work: Work) -> Iterator[Figure]:
    runs = work.runs
    later = runs[(runs["position"] > 0) & runs["first_cached_share"].notna()]
    given = seen.runs["spawn_tokens"]
    yield _distribution(("dispatch", "spawn", "tokens"), runs["first_context_tokens"], "", work)
    yield _typical(
        ("dispatch", "spawn", "shared"),
        (later["first_cached_share"] * later["first_context_tokens"]).dropna(),
        "",
        "median of what later members of a parallel group read from the cache with their first call",
        seen,
        work,
    )
    yield _spawn_time(runs, work)
    yield _distribution(("dispatch", "return", "tokens"), runs["return_tokens"], "", work)
    yield _typical(
        ("dispatch", "return", "time"),
        _return_times(runs),
        "s",
        "median of the time from an agent's end to its result",
        seen,
        work,
    )
    yield _typical(
        ("dispatch", "brief", "tokens"),
        given[given > 0],
        "",
        "mean task as given to an agent, estimated from its length",
        seen,
        work,
        statistic=_mean,
    )
    yield _brief_time(seen, work)


def _distribution(path: tuple[str, ...], values: pd.Series, unit: str, work: Work) -> Figure:
    found = work.measure(values)
    if found is None:
        return too_few(path, int((values > 0).sum()))
    text = distribution_yaml(found.fit.distribution, unit)
    return Figure(path, text, MEASURED, in_words(found, unit), found.fit.n)


def _spawn_time(runs: pd.DataFrame, work: Work) -> Figure:
    path = ("dispatch", "spawn", "time")
    delays = start_delays(runs)
    shown = int(delays.notna().sum())
    if shown >= fits.LEAST and not (delays > 0).any():
        in_it = "the log has one time for a call and its agent's start: starting is in the durations"
        return Figure(path, "0s", MEASURED, in_it, shown)
    figure = _distribution(path, delays, "s", work)
    if figure.origin == DEFAULT:
        return figure
    inferred = shown - int(recorded_delays(runs).notna().sum())
    how = "time from a call to the agent's first line"
    if inferred:
        how += f" (for {inferred} without lines: the result less the measured duration)"
    return replace(figure, source=f"{how}; {figure.source}")


def _return_times(runs: pd.DataFrame) -> pd.Series:
    """Return the seconds from the end of each agent in the foreground to its result."""
    there = runs[runs["duration_measured"] & ~runs["background"] & runs["ended_at_s"].notna()]
    ends = there["called_at_s"] + start_delays(there) + there["duration_s"]
    return (there["ended_at_s"] - ends).clip(lower=0.0).round(6)


def _brief_time(seen: Observations, work: Work) -> Figure:
    path = ("dispatch", "brief", "time")
    runs = seen.runs[seen.runs["group_size"] > 1].sort_values(["group", "called_at_s"], kind="stable")
    gaps = runs.groupby("group")["called_at_s"].diff().dropna()
    groups = runs.loc[gaps.index, "group"].nunique()
    if groups < LEAST_GROUPS:
        return too_few(path, groups, LEAST_GROUPS, "parallel groups")
    what = f"median of the time between two launches of one of {groups} parallel groups"
    figure = _typical(path, gaps, "s", what, seen, work, least=1)
    return replace(figure, source=f"{figure.source}; mean {number(float(gaps.mean()))}s")


def _median(data: Values, often: Values) -> float:
    return fits.quantile(data, often, 0.5)


def _mean(data: Values, often: Values) -> float:
    return float(often @ data) / max(float(often.sum()), 1e-9)


def _typical(
    path: tuple[str, ...],
    values: pd.Series,
    unit: str,
    what: str,
    seen: Observations,
    work: Work,
    *,
    statistic: Callable[[Values, Values], float] = _median,
    least: int = fits.LEAST,
) -> Figure:
    """Return one number that stands for values of runs, with its interval; the default for too few."""
    if len(values) < least:
        return too_few(path, len(values), least)
    data = values.to_numpy(dtype=float)

    def positive(often: Values) -> list[float]:
        return [max(statistic(data, often), 1e-6)]

    found = Interval(0.0, math.nan, math.nan)
    if statistic(data, np.ones(len(data))) > 0:
        found = bootstrapped(positive, sessions_of(seen.runs.loc[values.index]), asked=work.intervals)[0]
    ends = [number(float(f"{end:.3g}")) for end in (found.low, found.high)]
    between = "" if math.isnan(found.low) else f" ({ends[0]} to {ends[1]})"
    source = f"n={len(values)}, the {what}{between}"
    return Figure(path, number(found.estimate) + unit, MEASURED, source, len(values))


def _provider(seen: Observations, work: Work) -> Iterator[Figure]:
    yield from _model(work.runs)
    if (work.runs["first_cached_share"] > 0).any():
        assumed = "agents did read from a cache; that entries live 5 minutes is the vendor's default"
        yield Figure(("provider", "cache", "ttl"), "5m", DEFAULT, assumed)
    calls, retries = seen.calls, seen.retries
    path = ("provider", "overloaded")
    if calls < LEAST_CALLS:
        yield too_few(path, calls, LEAST_CALLS, "model calls")
        return
    rate = proportion(retries, calls + retries)
    tries = f"{retries} of {calls + retries} tries were tried again, for whatever reason"
    source = tries + spread(rate, share_yaml)
    yield Figure(path, share_yaml(rate.estimate), MEASURED, source, calls)


def _model(runs: pd.DataFrame) -> Iterator[Figure]:
    """Yield the model whose prices count, where most runs that name one name the same."""
    named = runs.loc[~runs["model"].isin(["unknown", "other"]), "model"]
    if named.empty:
        return
    from genai_prices import Usage, calc_price

    model = str(named.mode().iloc[0])
    part = float((named == model).mean())
    if part < MOSTLY:
        return
    try:
        calc_price(Usage(input_tokens=1), model_ref=model)
    except LookupError:
        return
    source = f"{part:.0%} of {len(named)} runs that name a model; its list prices (genai-prices)"
    yield Figure(("provider", "model"), model, MEASURED, source, len(named))


def _failures(seen: Observations) -> Iterator[Figure]:
    if seen.attempts < LEAST_ATTEMPTS:
        for key in ("crash", "hang"):
            yield too_few(("failures", key), seen.attempts, LEAST_ATTEMPTS, "runs whose end is known")
        return
    rate = proportion(seen.failures, seen.attempts)
    source = f"{seen.failures} of {seen.attempts} runs failed by themselves{spread(rate, share_yaml)}"
    yield Figure(("failures", "crash"), share_yaml(rate.estimate), MEASURED, source, seen.attempts)
    hung = proportion(len(seen.hung), seen.attempts)
    hour = format_duration(HANG_S)
    if math.isinf(seen.hang_after_s):
        source = f"more than one run in twenty took over {hour}: that is how long work takes here, not a hang"
    else:
        took = f"{len(seen.hung)} of {seen.attempts} runs took over {hour}{spread(hung, share_yaml)}"
        source = f"{took}; not in the durations"
    yield Figure(("failures", "hang"), share_yaml(hung.estimate), MEASURED, source, seen.attempts)
    if len(seen.hung):
        long = format_duration(float(seen.hung["duration_s"].median()))
        source = f"the hour after which a run counts as hung; left alone they lasted {long} (median)"
        yield Figure(("timeouts", "hard"), f"{number(HANG_S)}s", DEFAULT, source)
