"""Crossings along an axis, the best subset, feasibility, gains and Pareto status."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.random import Generator

from dispatch_sim.decide.choice import Choice, choose
from dispatch_sim.decide.constraints import Limits
from dispatch_sim.decide.diminishing_returns import diminishing_returns
from dispatch_sim.decide.pareto import pareto_points
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.crossings import SignChanges, sign_changes
from dispatch_sim.stats.estimates import share_estimate
from dispatch_sim.stats.paired_comparison import compare_best, sign_changes_along
from dispatch_sim.stats.percentile import linearised
from dispatch_sim.study.objectives import P95
from validation.samples import SKEWED, Problem, Sample, holds, like, table

AXIS = np.arange(2.0, 13.0)
TWICE = 0.25 * (AXIS - 4.5) * (AXIS - 9.5)
"""A curve along the axis with two zeros."""


def noise(rng: Generator, kind: str = "skewed") -> tuple[Sample, Sample]:
    """Return what all points of a replication have in common, and what each has of its own; means 0."""
    if kind == "normal":
        return rng.normal(size=256), rng.normal(size=(AXIS.size, 256))
    return SKEWED.draw(rng.normal(size=256)) - 1, 2 * (rng.exponential(size=(AXIS.size, 256)) - 1)


def region_holds(found: SignChanges, truth: float) -> bool:
    """Whether a point is in an undecided region, as confidence regions are."""
    return any(not region.favours and holds(region.low, truth, region.high) for region in found.regions)


def zero(values: Sequence[float]) -> float:
    """Return the first zero of a curve that is linear between the points of the axis."""
    curve = np.asarray(values)
    i = int(np.flatnonzero(np.sign(curve[:-1]) != np.sign(curve[1:]))[0])
    return float(AXIS[i] + (AXIS[i + 1] - AXIS[i]) * curve[i] / (curve[i] - curve[i + 1]))


def crossings() -> Iterator[Problem]:
    """Break-evens along an axis of 11 points."""
    group = "Crossings"

    def one(truth: float, kind: str) -> Callable[[Generator], bool]:
        def run(rng: Generator) -> bool:
            common, own = noise(rng, kind)
            return region_holds(sign_changes(AXIS, (AXIS - truth)[:, None] * (1 + 0.5 * common) + own), truth)

        return run

    yield Problem(group, "one crossing, between two points; normal", one(6.4, "normal"))
    yield Problem(group, "one crossing, between two points; skewed", one(6.4, "skewed"))
    yield Problem(group, "one crossing, on a point; skewed", one(7.0, "skewed"))

    def two(which: int) -> Callable[[Generator], bool]:
        def run(rng: Generator) -> bool:
            common, own = noise(rng)
            first = zero(TWICE.tolist())
            truth = (first, AXIS[-1] + AXIS[0] - first)[which]
            return region_holds(sign_changes(AXIS, TWICE[:, None] * (1 + 0.5 * common) + own), truth)

        return run

    yield Problem(group, "two crossings, the set of the first", two(0))
    yield Problem(group, "two crossings, the set of the second", two(1))
    yield Problem(group, "two crossings, found as two that are resolved", _two_found, at_least=True)
    note = "It covers what either judgement of the best leaves open, so it is wider than either."
    name = "against the best of eight queues, "
    yield Problem(group, name + "one of them slightly the best", _best_of_eight(0.1), note=note)
    yield Problem(group, name + "all equal", _best_of_eight(0.0), note=note)
    yield Problem(group, "best of two against best of eight", _best_of_both, note=note)
    yield Problem(group, "of 95th percentiles, linearised", _crossing_p95)
    name = "nothing differs at any point, independent noise: no crossing is said to be resolved"
    note = "Whether there is one is judged at all points together."
    yield Problem(group, name, _none_found, at_least=True, note=note)


def _two_found(rng: Generator) -> bool:
    common, own = noise(rng)
    found = sign_changes(AXIS, TWICE[:, None] * (1 + 0.5 * common) + own)
    return [c.favours_above for c in found.crossings if c.resolved] == ["negative", "positive"]


def _none_found(rng: Generator) -> bool:
    return sign_changes(AXIS, rng.normal(size=(AXIS.size, 256))).status != "crossing"


def _best_of_eight(lead: float) -> Callable[[Generator], bool]:
    def run(rng: Generator) -> bool:
        common, own = noise(rng)
        queues = common + rng.exponential(size=(AXIS.size, 8, 256)) - 1
        queues[:, 3] -= lead
        one = common + own + 0.3 * (AXIS - 6.4)[:, None] - lead
        comparisons = [compare_best(here[None], there) for here, there in zip(one, queues, strict=True)]
        return region_holds(sign_changes_along(AXIS.tolist(), comparisons, 0.95), 6.4)

    return run


def _best_of_both(rng: Generator) -> bool:
    common, _ = noise(rng)
    slopes = 0.3 * (AXIS - 6.4)
    together = common + rng.exponential(size=(AXIS.size, 2, 256)) - 1 + slopes[:, None, None]
    together[:, 1] += 0.1
    queues = common + rng.exponential(size=(AXIS.size, 8, 256)) - 1
    queues += 0.1 * np.abs(np.arange(8) - 3)[:, None]
    comparisons = [compare_best(one, other) for one, other in zip(together, queues, strict=True)]
    return region_holds(sign_changes_along(AXIS.tolist(), comparisons, 0.95), 6.4)


def _crossing_p95(rng: Generator) -> bool:
    common = rng.normal(size=256)
    pairs = [
        (scale * SKEWED.draw(like(rng, common)), SKEWED.draw(like(rng, common)))
        for scale in 1 + 0.15 * (AXIS - 6.4)
    ]
    d = np.stack([linearised(one, 0.95) - linearised(other, 0.95) for one, other in pairs])
    return region_holds(sign_changes(AXIS, d), 6.4)


def choices() -> Iterator[Problem]:
    """The best subset, feasibility, gains and Pareto status."""

    def keeps(leads: Sequence[float], kind: str = "cost_usd") -> Callable[[Generator], bool]:
        points = [("queue", number) for number in range(1, len(leads) + 1)]

        def run(rng: Generator) -> bool:
            common = rng.normal(size=256)
            if kind == P95:
                samples = {
                    p: (1 + lead) * SKEWED.draw(like(rng, common))
                    for p, lead in zip(points, leads, strict=True)
                }
                return Strategy(*points[0]) in choose(table(samples, "makespan_s"), 20, P95).best_subset
            batch = SKEWED.draw(common)
            samples = {
                p: batch + rng.exponential(size=256) + lead for p, lead in zip(points, leads, strict=True)
            }
            return Strategy(*points[0]) in choose(table(samples), 20).best_subset

        return run

    def problem(name: str, trial: Callable[[Generator], bool], n: int = 256, note: str = "") -> Problem:
        return Problem("Choice", name, trial, n, at_least=True, note=note)

    near = [0.0] + [0.05] * 9
    best = "the best subset holds the best of"
    note = "Bonferroni: more than 95% where several are alike or far off."
    yield problem(f"{best} 10, the others slightly worse", keeps(near), note=note)
    yield problem(f"{best} 2, the other slightly worse", keeps(near[:2]))
    yield problem("the best subset holds one of 10 equal ones, named beforehand", keeps([0.0] * 10))
    yield problem(f"{best} 5 by 95th percentile", keeps([0] + [0.03] * 4, P95))
    yield problem("with a deadline that the best just keeps, the best subset holds it", _deadline)
    name = "with a deadline that only the more expensive of 2 just meets, the best subset has it"
    yield problem(name, _more_expensive)
    name = (
        "the best subset holds one of 2 equal ones, named beforehand, after doubling until nothing is open, "
        "or 4,096"
    )
    yield problem(name, _waited, 4096, "Ending early takes a fiftieth of the error.")
    name = "with a deadline that the best of 3 just keeps, the best subset holds it, after such doubling"
    yield problem(name, _waited_for_deadline, 4096)
    name = "Clopper and Pearson's interval holds the probability of keeping a deadline, 97%"
    yield problem(name, _share, note="Shares of whole replications come in steps, too.")
    yield problem("all gains of nine further slots are in their intervals", _gains, note="Bonferroni.")
    name = "none of 8 Pareto-optimal strategies is classified as dominated"
    yield problem(name, _front, note="Bonferroni, for all pairs in both measures.")


def _deadline(rng: Generator) -> bool:
    points = [("queue", number) for number in range(1, 7)]
    batch = rng.exponential(size=256)
    samples = {p: batch + rng.exponential(size=256) + 0.1 * i for i, p in enumerate(points)}
    results = table(samples, **_late(rng, 0.049, *[0.05] * 5))
    return Strategy(*points[0]) in choose(results, 20, limits=Limits(50.0, None, 0.95)).best_subset


def _late(rng: Generator, *shares: float, n: int = 256) -> dict[str, Sample]:
    late = np.concatenate([rng.random(n) < share for share in shares])
    return {"makespan_s": np.where(late, 100.0, 1.0), "money_usd": np.ones(late.size)}


def _more_expensive(rng: Generator) -> bool:
    cheap, dear = ("queue", 1), ("queue", 2)
    samples = {cheap: rng.exponential(size=256), dear: rng.exponential(size=256) + 0.6}
    results = table(samples, **_late(rng, 0.06, 0.04))
    return Strategy(*dear) in choose(results, 20, limits=Limits(50.0, None, 0.95)).best_subset


def _doubled(results: pd.DataFrame, limits: Limits | None = None) -> Choice:
    """Return the choice of a study that goes on as `run_study` does."""
    n, most = 256, int(results["replication"].max()) + 1
    while True:
        found = choose(results[results["replication"] < n], 20, limits=limits)
        if found.is_resolved or n >= most:
            return found
        n *= 2


def _waited(rng: Generator) -> bool:
    samples = {("queue", number): rng.exponential(size=4096) for number in (1, 2)}
    return Strategy("queue", 1) in _doubled(table(samples)).best_subset


def _waited_for_deadline(rng: Generator) -> bool:
    samples = {("queue", number): rng.exponential(size=4096) + 0.1 * number for number in (1, 2, 3)}
    results = table(samples, **_late(rng, 0.05, 0.05, 0.05, n=4096))
    return Strategy("queue", 1) in _doubled(results, Limits(50.0, None, 0.95)).best_subset


def _share(rng: Generator) -> bool:
    found = share_estimate(int(rng.binomial(256, 0.97)), 256)
    return holds(found.low, 0.97, found.high)


def _gains(rng: Generator) -> bool:
    concurrencies = range(1, 11)
    batch = SKEWED.draw(rng.normal(size=256))
    samples = {("queue", w): batch + rng.exponential(size=256) + 5.0 / w for w in concurrencies}
    (found,) = diminishing_returns(table(samples), 20)
    return all(holds(s.gain.low, 5.0 / s.concurrency - 5.0 / s.to, s.gain.high) for s in found.steps)


def _front(rng: Generator) -> bool:
    batch = rng.exponential(size=256)
    points = [("queue", number) for number in range(1, 9)]
    times = {p: batch + rng.exponential(size=256) + 0.05 * i for i, p in enumerate(points)}
    spent = np.concatenate([rng.exponential(size=256) - 0.05 * i for i in range(8)])
    results = table(times, "makespan_s", money_usd=spent, cost_people_usd=np.zeros(8 * 256))
    return all(point.status != "dominated" for point in pareto_points(results))
