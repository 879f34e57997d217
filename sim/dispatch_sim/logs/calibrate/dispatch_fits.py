"""Fits of the overheads of dispatch: launches, briefs, returns, the cache, and failures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd

from dispatch_sim.logs.calibrate.distribution_fits import LEAST, quantile
from dispatch_sim.logs.calibrate.intervals import CONFIDENCE, Values
from dispatch_sim.logs.calibrate.observations import HANG_S, Observations, recorded_delays, start_delays
from dispatch_sim.logs.calibrate.scenario_text import DEFAULT, MEASURED, Figure, number, percentage
from dispatch_sim.logs.calibrate.task_fits import TaskFits, default_figure, share_interval_text, too_few
from dispatch_sim.logs.calibrate.variances import LEAST_GROUPS
from dispatch_sim.scenario.formats import format_duration
from dispatch_sim.scenario.profiles.prices import list_prices
from dispatch_sim.scenario.provider import Prices
from dispatch_sim.stats.estimates import share_estimate

LEAST_ATTEMPTS = 30
"""Fewest runs for a rate of failures: none in 29 is consistent with one in eight."""

LEAST_CALLS = 1000
"""Fewest model calls for a rate of retries: rates of one in a thousand are usual."""

MAJORITY = 0.5
"""Share of the runs from which their model stands for all, and of the tokens written to the cache from which
their lifetime does."""

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
"""Important parameters that no log shows; written out so that the user checks them."""


def dispatch_figures(fits: TaskFits) -> list[Figure]:
    """Return the figures of all sections except `tasks`, by section."""
    figures = [
        *_dispatch(fits),
        *_provider(fits.seen, fits.runs),
        *_failures(fits.seen),
        *(default_figure(path, "logs do not show it") for path in NOT_IN_LOGS),
    ]
    order = list(dict.fromkeys(figure.path[0] for figure in figures))
    return sorted(figures, key=lambda figure: order.index(figure.path[0]))


def _dispatch(fits: TaskFits) -> Iterator[Figure]:
    runs = fits.runs
    later = runs[(runs["position"] > 0) & runs["first_cached_share"].notna()]
    shared = (later["first_cached_share"] * later["first_context_tokens"]).dropna()
    given = fits.seen.runs["spawn_tokens"]
    yield _distribution("spawn.tokens", runs["first_context_tokens"], "", fits)
    what = "median of what later members of a parallel group read from the cache in their first call"
    yield _typical("spawn.shared", shared, "", what, fits)
    yield _spawn_time(fits)
    yield _distribution("return.tokens", runs["return_tokens"], "", fits)
    what = "median of the time from an agent's end to its result"
    yield _typical("return.time", _return_times(runs), "s", what, fits)
    what = "mean task as given to an agent, estimated from its length"
    yield _typical("brief.tokens", given[given > 0], "", what, fits, _mean)
    yield _brief_time(fits)


def _distribution(key: str, values: pd.Series, unit: str, fits: TaskFits) -> Figure:
    path = _path(key)
    return fits.measure(path, values, unit) or too_few(path, int((values > 0).sum()))


def _path(key: str) -> tuple[str, ...]:
    return ("dispatch", *key.split("."))


def _spawn_time(fits: TaskFits) -> Figure:
    delays = start_delays(fits.runs)
    shown = int(delays.notna().sum())
    if shown >= LEAST and not (delays > 0).any():
        source = "the log has one time for a call and its agent's start, so durations include the start"
        return Figure(_path("spawn.time"), "0s", MEASURED, source, shown)
    figure = _distribution("spawn.time", delays, "s", fits)
    if figure.origin == DEFAULT:
        return figure
    inferred = shown - int(recorded_delays(fits.runs).notna().sum())
    what = "time from a call to the agent's first line"
    if inferred:
        what += f" (for {inferred} without lines: the result less the measured duration)"
    return replace(figure, source=f"{what}; {figure.source}")


def _return_times(runs: pd.DataFrame) -> pd.Series:
    """Return the seconds from the end of each agent in the foreground to its result.

    Where the start is inferred from the result, they are not known.
    """
    shown = runs[runs["duration_measured"] & ~runs["background"] & runs["ended_at_s"].notna()]
    ends = shown["called_at_s"] + recorded_delays(shown) + shown["duration_s"]
    return (shown["ended_at_s"] - ends).dropna().clip(lower=0.0).round(6)


def _brief_time(fits: TaskFits) -> Figure:
    runs = fits.seen.runs
    runs = runs[runs["group_size"] > 1].sort_values(["group", "called_at_s"], kind="stable")
    gaps = runs.groupby("group")["called_at_s"].diff().dropna()
    groups = runs.loc[gaps.index, "group"].nunique()
    if groups < LEAST_GROUPS:
        return too_few(_path("brief.time"), groups, LEAST_GROUPS, "parallel groups")
    what = f"median of the time between two launches of one of {groups} parallel groups"
    figure = _typical("brief.time", gaps, "s", what, fits, least=1)
    return replace(figure, source=f"{figure.source}; mean {number(float(gaps.mean()))}s")


def _median(values: Values, counts: Values) -> float:
    return quantile(values, counts, 0.5)


def _mean(values: Values, counts: Values) -> float:
    return float(counts @ values) / max(float(counts.sum()), 1e-9)


def _typical(
    key: str,
    values: pd.Series,
    unit: str,
    what: str,
    fits: TaskFits,
    statistic: Callable[[Values, Values], float] = _median,
    least: int = LEAST,
) -> Figure:
    """Return one number for values of runs, with its interval; the default if there are too few."""
    path = _path(key)
    if len(values) < least:
        return too_few(path, len(values), least)
    data = values.to_numpy(dtype=float)
    sessions = fits.seen.runs.loc[values.index, "session"]
    found = fits.bootstrap(lambda counts: [statistic(data, counts)], sessions)[0]
    low, high = (number(float(f"{end:.3g}")) + unit for end in (found.low, found.high))
    interval = "" if math.isnan(found.low) else f" ({low} to {high})"
    source = f"n={len(values)}, {what}{interval}"
    return Figure(path, number(found.estimate) + unit, MEASURED, source, len(values))


def _provider(seen: Observations, runs: pd.DataFrame) -> Iterator[Figure]:
    models = list(_model(runs))
    yield from models
    split = runs[runs["cache_write_1h_tokens"].notna()]
    written, hour = float(split["cache_write_tokens"].sum()), float(split["cache_write_1h_tokens"].sum())
    if written > 0:
        source = f"{hour / written:.0%} of the tokens that agents wrote to the cache were to live 1 hour"
        ttl = "1h" if hour > MAJORITY * written else "5m"
        yield Figure(("provider", "cache", "ttl"), ttl, MEASURED, source, len(split))
        if ttl == "1h" and not models:
            price = f"${number(2 * Prices().input)}/M"
            source = "writes that live 1 hour cost twice the price of input (Anthropic)"
            yield Figure(("provider", "prices", "cache_write"), price, DEFAULT, source)
    elif (runs["first_cached_share"] > 0).any():
        source = "agents read from a cache; entries live 5 minutes by the vendor's default"
        yield Figure(("provider", "cache", "ttl"), "5m", DEFAULT, source)
    path = ("provider", "overloaded")
    if seen.calls < LEAST_CALLS:
        yield too_few(path, seen.calls, LEAST_CALLS, "model calls")
    else:
        attempts = seen.calls + seen.retries
        what = f"{seen.retries} of {attempts} request attempts were retried, for any reason"
        yield _rate(path, seen.retries, attempts, what, n=seen.calls)


def _rate(path: tuple[str, ...], count: int, of: int, what: str, n: int) -> Figure:
    rate = share_estimate(count, of, CONFIDENCE)
    return Figure(path, percentage(rate.mean), MEASURED, what + share_interval_text(rate), n)


def _model(runs: pd.DataFrame) -> Iterator[Figure]:
    """Yield the model whose prices apply, if the majority of runs with a known model have the same."""
    known = runs.loc[~runs["model"].isin(["unknown", "other"]), "model"]
    if known.empty:
        return
    model = str(known.mode().iloc[0])
    share = float((known == model).mean())
    if share < MAJORITY or list_prices(model) is None:
        return
    source = f"{share:.0%} of {len(known)} runs with a known model; its list prices (genai-prices)"
    yield Figure(("provider", "model"), model, MEASURED, source, len(known))


def _failures(seen: Observations) -> Iterator[Figure]:
    crash, hang = ("failures", "crash"), ("failures", "hang")
    n, hung, hour = seen.attempts, len(seen.hung), format_duration(HANG_S)
    if n < LEAST_ATTEMPTS:
        for path in (crash, hang):
            yield too_few(path, n, LEAST_ATTEMPTS, "runs ended by themselves")
        return
    yield _rate(crash, seen.failures, n, f"{seen.failures} of {n} runs failed by themselves", n)
    figure = _rate(hang, hung, n, f"{hung} of {n} runs took over {hour}", n)
    if math.isinf(seen.hang_after_s):
        source = f"more than one run in twenty took over {hour}, so such runs count as work and not as hung"
        yield replace(figure, source=source)
    else:
        yield replace(figure, source=f"{figure.source}; not in the durations")
    if hung:
        median = format_duration(float(seen.hung["duration_s"].median()))
        source = f"a run of over {hour} counts as hung; without a timeout they took {median} (median)"
        yield Figure(("timeouts", "hard"), f"{number(HANG_S)}s", DEFAULT, source)
