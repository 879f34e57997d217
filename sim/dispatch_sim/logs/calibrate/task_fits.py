"""Fits of the work of tasks, by kind: durations, tokens, calls, and the shares of their variance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, cached_property

import numpy as np
import pandas as pd

from dispatch_sim.logs.calibrate.distribution_fits import LEAST, fit, refit
from dispatch_sim.logs.calibrate.intervals import Interval, Values, bootstrap
from dispatch_sim.logs.calibrate.observations import ALL_KINDS, Observations, codes
from dispatch_sim.logs.calibrate.scenario_text import (
    BORROWED,
    DEFAULT,
    MEASURED,
    Figure,
    distribution_yaml,
    number,
    percentage,
)
from dispatch_sim.logs.calibrate.variances import (
    LEAST_GROUPS,
    Components,
    components,
    highest_share,
    weights_of_runs,
)
from dispatch_sim.scenario.distribution_text import MOST_CALLS
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.scenario.quantities import LARGEST
from dispatch_sim.scenario.schema import keys
from dispatch_sim.scenario.tasks import Variance
from dispatch_sim.stats.estimates import Estimate

OWN_GROUPS = 10
"""Fewest groups with two or more runs of a kind for a share of variance of its own."""


class TaskFits:
    """Fits to the completed runs of logs.

    Attributes
    ----------
    seen : all runs, by what they show.
    runs : the completed runs, with columns `work_tokens` and `log_deviation`, see `_with_derived`.
    group_of : for each kind its group of tasks: its own, or that of all kinds if it has too few runs.
    intervals : whether figures get confidence intervals.
    """

    def __init__(self, seen: Observations, *, intervals: bool) -> None:
        self.seen = seen
        self.intervals = intervals
        self.runs = _with_derived(seen.completed)
        counts = self.runs["kind"].value_counts()
        kinds = sorted(map(str, counts.index))
        self.group_of = {kind: kind if counts[kind] >= LEAST else ALL_KINDS for kind in kinds}
        self._by_kind = dict(list(self.runs.groupby("kind"))) | {ALL_KINDS: self.runs}
        self._of_all_kinds: dict[str, Figure | None] = {}
        self._pooled = _components(self.runs)

    def figures(self, name: str) -> Iterator[Figure]:
        """Yield the figures of a group of tasks."""
        yield self._distribution(name, "duration", "duration_s", "s", LARGEST)
        yield self._distribution(name, "tokens", "work_tokens", "", LARGEST)
        yield self._distribution(name, "calls", "calls", "", MOST_CALLS)
        yield self._output_share(name)
        yield self._variance(name)

    def measure(
        self, path: tuple[str, ...], values: pd.Series, unit: str, most: float = LARGEST
    ) -> Figure | None:
        """Fit a distribution to a column of the runs, with intervals of two of its quantiles.

        Return None if the column has too few values.
        """
        positive = values[values > 0]
        if len(positive) < LEAST:
            return None
        runs = self.runs.loc[positive.index, ["kind", "group", "session"]]
        data = positive.to_numpy(dtype=float)
        weights = weights_of_runs(codes(runs["group"] + "/" + runs["kind"]), self._pooled.ratio)
        chosen = fit(data, weights, most)

        def quantiles(counts: Values) -> list[float]:
            if not (counts > 0).any():
                return [1.0, 1.0]
            resampled = refit(chosen.family, data, weights * counts)
            return [resampled.quantile(0.5), resampled.quantile(0.9)]

        median, p90 = self.bootstrap(quantiles, runs["session"])
        source = f"{chosen.description}; {runs['session'].nunique()} sessions"
        if not math.isnan(median.low):
            source += f"; median {_interval_text(median, unit)}, p90 {_interval_text(p90, unit)}"
        return Figure(path, distribution_yaml(chosen.distribution, unit), MEASURED, source, chosen.n)

    def bootstrap(self, statistic: Callable[[Values], list[float]], sessions: pd.Series) -> list[Interval]:
        """Return statistics of runs of these sessions with their intervals, by resampling of sessions."""
        return bootstrap(statistic, codes(sessions), intervals=self.intervals)

    @cached_property
    def _pooled_share(self) -> Interval:
        return self._share_interval(self.runs, self._pooled)

    def _distribution(self, name: str, key: str, column: str, unit: str, most: float) -> Figure:
        path, own = ("tasks", name, key), self._by_kind[name][column]
        figure = None if name == ALL_KINDS else self.measure(path, own, unit, most)
        if figure is None:
            if key not in self._of_all_kinds:
                self._of_all_kinds[key] = self.measure(path, self.runs[column], unit, most)
            n, pooled = int((own > 0).sum()), self._of_all_kinds[key]
            if pooled is None:
                return too_few(path, n)
            note = f"{n} runs of this kind show it, fewer than {LEAST}, so all kinds are used. "
            source = pooled.source if name == ALL_KINDS else note + pooled.source
            figure = replace(pooled, path=path, origin=BORROWED, source=source)
        return self._with_stopped(figure) if key == "duration" else figure

    def _with_stopped(self, figure: Figure) -> Figure:
        """Add to a duration how many runs were stopped: long ones more often, so it may be too short."""
        kinds = self.seen.stopped["kind"]
        stopped = len(kinds) if figure.origin == BORROWED else int((kinds == figure.path[1]).sum())
        if not stopped:
            return figure
        return replace(figure, source=f"{figure.source}; without {stopped} that the user stopped")

    def _output_share(self, name: str) -> Figure:
        path, own = ("tasks", name, "output_share"), self._by_kind[name]
        shown, all_shown = (
            runs[(runs["output_tokens"] > 0) & (runs["work_tokens"] > 0)] for runs in (own, self.runs)
        )
        origin = BORROWED if name == ALL_KINDS or len(shown) < LEAST else MEASURED
        shown = shown if len(shown) >= LEAST else all_shown
        if len(shown) < LEAST:
            return too_few(path, int((own["output_tokens"] > 0).sum()))
        output, work = (shown[each].to_numpy(dtype=float) for each in ("output_tokens", "work_tokens"))

        def share_of(counts: Values) -> list[float]:
            return [min(float(counts @ output) / max(float(counts @ work), 1.0), 1.0)]

        share = self.bootstrap(share_of, shown["session"])[0]
        estimated = float((shown["output_estimated"].fillna(0.0) * output).sum() / output.sum())
        note = f"; {estimated:.0%} of the output estimated from the length of texts" if estimated else ""
        source = f"n={len(shown)}, output tokens over work tokens{share_interval_text(share)}{note}"
        return Figure(path, percentage(share.estimate), origin, source, len(shown))

    def _variance(self, name: str) -> Figure:
        path, usual = ("tasks", name, "variance"), Variance()
        runs, origin = self._by_kind[name], MEASURED
        found = self._pooled if name == ALL_KINDS else _components(runs)
        if name == ALL_KINDS or found.groups < OWN_GROUPS:
            found, origin = self._pooled, BORROWED
        if found.groups < LEAST_GROUPS:
            few = f"{found.groups} parallel groups show it, fewer than {LEAST_GROUPS}"
            return Figure(path, _shares(0.0), DEFAULT, f"{few}; see docs/parameters.md")
        share = self._pooled_share if origin == BORROWED else self._share_interval(runs, found)
        source = (
            f"batch: REML on log-durations over {found.groups} parallel groups, "
            f"sd {number(math.sqrt(found.between))} between and {number(math.sqrt(found.within))} within them"
            f"{share_interval_text(share)}. Logs do not show how task and attempt share the rest: "
            f"{usual.task:.0%} to {usual.attempt:.0%}, as by default"
        )
        return Figure(path, _shares(found.share), origin, source, found.groups)

    def _share_interval(self, runs: pd.DataFrame, found: Components) -> Interval:
        if not self.intervals or found.share >= 1:
            return Interval(found.share, math.nan, math.nan)
        values, groups = runs["log_deviation"].to_numpy(), codes(runs["group"])
        if found.share == 0:
            return Interval(0.0, 0.0, highest_share(values, groups))
        first = np.unique(groups, return_index=True)[1]

        def odds(counts: Values) -> list[float]:
            share = components(values, groups, counts[first]).share
            return [max(share, 1e-3) / max(1 - share, 1e-3)]

        of_odds = self.bootstrap(odds, runs["session"])[0]
        low, high = (1 - 1 / (1 + end) for end in (of_odds.low, of_odds.high))
        return Interval(found.share, low, high)


def _with_derived(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs with their work tokens, and the logarithm of their duration less the mean of their kind.

    Work tokens are the final context less the first call's. The median first context stands in for one that
    is not in the log.
    """
    first, logs = runs["first_context_tokens"], np.log(runs["duration_s"])
    usual = first.median() if first.notna().sum() >= LEAST else math.nan
    return runs.assign(
        work_tokens=runs["final_context_tokens"] - first.fillna(usual),
        log_deviation=logs - logs.groupby(runs["kind"]).transform("mean"),
    )


def _components(runs: pd.DataFrame) -> Components:
    return components(runs["log_deviation"].to_numpy(), codes(runs["group"]))


def _shares(batch: float) -> str:
    """Return the three shares of variance: the batch's as measured, the rest in the default's proportion."""
    usual = Variance()
    tenths = round(1000 * min(max(batch, 0.0), 1.0))
    task = round((1000 - tenths) * usual.task / (usual.task + usual.attempt))
    parts = {"batch": tenths, "task": task, "attempt": 1000 - tenths - task}
    return f"{{{', '.join(f'{name}: {number(part / 10)}%' for name, part in parts.items())}}}"


def _interval_text(interval: Interval, unit: str) -> str:
    estimate, low, high = (
        (f"{value:,.0f}" if value >= 1000 else number(float(f"{value:.3g}"))) + unit
        for value in (interval.estimate, interval.low, interval.high)
    )
    return f"{estimate} ({low} to {high})"


def share_interval_text(share: Interval | Estimate) -> str:
    """Return an interval of shares in brackets, or nothing if there is none."""
    return (
        "" if math.isnan(share.low) else f" ({percentage(share.low)} to {percentage(min(share.high, 1.0))})"
    )


def too_few(path: tuple[str, ...], n: int, least: int = LEAST, what: str = "runs show it") -> Figure:
    """Return the default of a figure that fewer than `least` of something show."""
    return default_figure(path, f"{n} {what}, fewer than {least}")


def default_figure(path: tuple[str, ...], why: str) -> Figure:
    """Return a key's default, or for a key without one the figure of the profile measured-claude-code."""
    if path[-1] in ("duration", "tokens") and path[0] == "tasks":
        return Figure(
            path, _profile_figure(path[-1]), DEFAULT, f"{why}; as in the profile measured-claude-code"
        )
    key = keys()[".".join(("tasks[]", *path[2:]) if path[0] == "tasks" else path)]
    return Figure(path, key.default, DEFAULT, f"{why}; {key.origin}")


@cache
def _profile_figure(key: str) -> str:
    profile = parse_scenario("profile: measured-claude-code\ntasks: [{name: any}]").tasks[0]
    return distribution_yaml(getattr(profile, key), "s" if key == "duration" else "")
