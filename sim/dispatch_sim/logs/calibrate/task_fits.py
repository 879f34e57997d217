"""What agents' own work is like, by kind of task: durations, tokens, calls, and whose the variance is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.logs.calibrate import distribution_fits as fits
from dispatch_sim.logs.calibrate.intervals import Interval, Values, bootstrapped
from dispatch_sim.logs.calibrate.observations import ALL_KINDS, Observations, codes
from dispatch_sim.logs.calibrate.scenario_text import (
    BORROWED,
    DEFAULT,
    MEASURED,
    Figure,
    distribution_yaml,
    number,
    share_yaml,
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

OWN_GROUPS = 10
"""Groups with two or more runs of a kind from which it has a share of variance of its own."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A distribution fitted to a column, with intervals of two of its quantiles."""

    fit: fits.Fit
    sessions: int
    median: Interval
    p90: Interval


class Work:
    """What the runs of logs say about work, by kind of task.

    Attributes
    ----------
    group_of : for each kind the group of tasks that stands for it: its own, or that of all kinds.
    intervals : whether figures are to have intervals.
    """

    def __init__(self, seen: Observations, *, intervals: bool) -> None:
        self.intervals = intervals
        self._runs = _with_work(seen)
        counts = self._runs["kind"].value_counts()
        self.group_of = {
            str(kind): str(kind) if count >= fits.LEAST else ALL_KINDS
            for kind, count in sorted(counts.items(), key=lambda of: str(of[0]))
        }
        self._pooled = self._components(self._runs, centred=True)

    def figures(self, name: str) -> Iterator[Figure]:
        """Yield the figures of a group of tasks."""
        yield self._figure(("tasks", name, "duration"), "duration_s", "s", LARGEST)
        yield self._figure(("tasks", name, "tokens"), "work_tokens", "", LARGEST)
        yield self._figure(("tasks", name, "calls"), "calls", "", MOST_CALLS)
        yield self._output_share(name)
        yield self._variance(name)

    def measure(self, values: pd.Series, unit_most: float = LARGEST) -> Measured | None:
        """Fit a distribution to a column of the runs; None where there are too few values."""
        there = values[values > 0]
        if len(there) < fits.LEAST:
            return None
        runs = self._runs.loc[there.index]
        data = there.to_numpy(dtype=float)
        weights = weights_of_runs(codes(runs["group"] + "/" + runs["kind"]), self._pooled.ratio)
        found = fits.fit(data, weights, unit_most)

        def quantiles(often: Values) -> list[float]:
            if not (often > 0).any():
                return [1.0, 1.0]
            again = fits.refit(found.family, data, weights * often)
            return [again.quantile(0.5), again.quantile(0.9)]

        median, p90 = bootstrapped(quantiles, sessions_of(runs), asked=self.intervals)
        return Measured(found, int(runs["session"].nunique()), median, p90)

    @property
    def runs(self) -> pd.DataFrame:
        """The runs that completed work, with a column of their work tokens."""
        return self._runs

    def _of(self, name: str) -> pd.DataFrame:
        return self._runs if name == ALL_KINDS else self._runs[self._runs["kind"] == name]

    def _figure(self, path: tuple[str, str, str], column: str, unit: str, most: float) -> Figure:
        name = path[1]
        own = self._of(name)[column]
        found = self.measure(own, most)
        origin = MEASURED if name != ALL_KINDS else BORROWED
        few = ""
        if found is None and name != ALL_KINDS:
            n = int((own > 0).sum())
            few = f"{n} runs of this kind show it, fewer than {fits.LEAST}: those of all kinds. "
            found, origin = self.measure(self._runs[column], most), BORROWED
        if found is None:
            return too_few(path, int((own > 0).sum()))
        text = distribution_yaml(found.fit.distribution, unit)
        return Figure(path, text, origin, few + in_words(found, unit), found.fit.n)

    def _output_share(self, name: str) -> Figure:
        path = ("tasks", name, "output_share")
        for origin, runs in ((MEASURED, self._of(name)), (BORROWED, self._runs)):
            there = runs[(runs["output_tokens"] > 0) & (runs["work_tokens"] > 0)]
            if len(there) >= fits.LEAST:
                written = there["output_tokens"].to_numpy(dtype=float)
                work = there["work_tokens"].to_numpy(dtype=float)

                def part(often: Values, written: Values = written, work: Values = work) -> list[float]:
                    return [min(float(often @ written) / max(float(often @ work), 1.0), 1.0)]

                share = bootstrapped(part, sessions_of(there), asked=self.intervals)[0]
                origin = BORROWED if name == ALL_KINDS else origin
                guessed = float((there["output_estimated"].fillna(0.0) * written).sum() / written.sum())
                how = f"; {guessed:.0%} estimated from texts, without what is not kept" if guessed else ""
                source = f"n={len(there)}, tokens written over tokens of work{spread(share, share_yaml)}{how}"
                return Figure(path, share_yaml(share.estimate), origin, source, len(there))
        return too_few(path, int((self._of(name)["output_tokens"] > 0).sum()))

    def _components(self, runs: pd.DataFrame, *, centred: bool) -> Components:
        groups = codes(runs["group"])
        return components(_log_durations(runs, centred), groups, np.ones(int(groups.max()) + 1))

    def _variance(self, name: str) -> Figure:
        path = ("tasks", name, "variance")
        own = self._of(name)
        found, origin = self._components(own, centred=name == ALL_KINDS), MEASURED
        if name == ALL_KINDS or found.groups < OWN_GROUPS:
            own, found, origin = self._runs, self._pooled, BORROWED
        if found.groups < LEAST_GROUPS:
            few = f"{found.groups} parallel groups show it, fewer than {LEAST_GROUPS}"
            return Figure(path, _shares(0.0), DEFAULT, f"{few}; see docs/parameters.md")
        share = self._share_interval(own, found, centred=origin == BORROWED)
        usual = Variance()
        return Figure(
            path,
            _shares(found.share),
            origin,
            f"batch: REML on log-durations over {found.groups} parallel groups, "
            f"sd {number(math.sqrt(found.between))} between and {number(math.sqrt(found.within))} within them"
            f"{spread(share, share_yaml)}. How the rest is shared cannot be seen: the default's "
            f"{usual.task:.0%} to {usual.attempt:.0%}",
            found.groups,
        )

    def _share_interval(self, runs: pd.DataFrame, found: Components, *, centred: bool) -> Interval:
        if not self.intervals or found.share >= 1:
            return Interval(found.share, math.nan, math.nan)
        groups, values = codes(runs["group"]), _log_durations(runs, centred)
        if found.share == 0:
            return Interval(0.0, 0.0, highest_share(values, groups))
        clusters = sessions_of(runs)
        first = np.unique(groups, return_index=True)[1]

        def odds(often: Values) -> list[float]:
            share = components(values, groups, often[first]).share
            return [max(share, 1e-3) / max(1 - share, 1e-3)]

        of_odds = bootstrapped(odds, clusters)[0]
        low, high = (end / (1 + end) if end < 1e12 else 1.0 for end in (of_odds.low, of_odds.high))
        return Interval(found.share, low, high)


def _log_durations(runs: pd.DataFrame, centred: bool) -> NDArray[np.float64]:
    """Return the logarithms of durations, less the mean of their kind where asked for."""
    logs = np.log(runs["duration_s"])
    means = logs.groupby(runs["kind"]).transform("mean") if centred else 0.0
    return np.asarray(logs - means, dtype=np.float64)


def _with_work(seen: Observations) -> pd.DataFrame:
    """Return the honest runs with their work tokens: the final context less what they began with.

    Where a run's first call is not seen, the median of those that are stands for what it began with.
    """
    runs = seen.honest.copy()
    first = runs["first_context_tokens"]
    usual = first.median() if first.notna().sum() >= fits.LEAST else math.nan
    runs["work_tokens"] = runs["final_context_tokens"] - first.fillna(usual)
    return runs


def sessions_of(runs: pd.DataFrame) -> NDArray[np.intp]:
    """Return what is drawn again for an interval: sessions."""
    return codes(runs["session"])


def _shares(batch: float) -> str:
    """Return the three shares of variance: the batch's as measured, the rest as the default shares it."""
    usual = Variance()
    tenths = round(1000 * min(max(batch, 0.0), 1.0))
    task = round((1000 - tenths) * usual.task / (usual.task + usual.attempt))
    parts = {"batch": tenths, "task": task, "attempt": 1000 - tenths - task}
    return f"{{{', '.join(f'{name}: {number(part / 10)}%' for name, part in parts.items())}}}"


def in_words(found: Measured, unit: str) -> str:
    """Return what a fitted distribution rests on."""
    text = f"{found.fit.in_words}; {found.sessions} sessions"
    if math.isnan(found.median.low):
        return text

    def amount(value: float) -> str:
        return f"{value:,.0f}" if value >= 1000 else number(float(f"{value:.3g}")) + unit

    return (
        f"{text}; median {amount(found.median.estimate)} "
        f"({amount(found.median.low)} to {amount(found.median.high)}), "
        f"p90 {amount(found.p90.estimate)} ({amount(found.p90.low)} to {amount(found.p90.high)})"
    )


def spread(interval: Interval, shown: object) -> str:
    """Return an interval in brackets, or nothing where there is none."""
    if math.isnan(interval.low) or not callable(shown):
        return ""
    return f" ({shown(interval.low)} to {shown(min(interval.high, 1.0))})"


def too_few(path: tuple[str, ...], n: int, least: int = fits.LEAST, what: str = "runs show it") -> Figure:
    """Return the default of a figure that fewer than `least` of something show."""
    return default_figure(path, f"{n} {what}, fewer than {least}")


def default_figure(path: tuple[str, ...], why: str) -> Figure:
    """Return a key's default, or what the profile of measured agents has for a key without one."""
    if path[-1] in ("duration", "tokens") and path[0] == "tasks":
        return Figure(path, _elsewhere(path[-1]), DEFAULT, f"{why}; as in the profile measured-claude-code")
    key = keys()[".".join(("tasks[]", *path[2:]) if path[0] == "tasks" else path)]
    return Figure(path, key.default, DEFAULT, f"{why}; {key.origin}")


@cache
def _elsewhere(key: str) -> str:
    """Return a figure of the packaged profile of measured agents, for a key that has no default."""
    other = parse_scenario("profile: measured-claude-code\ntasks: [{name: any}]").tasks[0]
    distribution = getattr(other, key)
    return distribution_yaml(distribution, "s" if key == "duration" else "")
