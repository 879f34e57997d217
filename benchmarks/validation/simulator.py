"""Problems of the simulator's own: the answer is that of 10^6 other replications."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.stats.estimates import Estimate, mean_estimate, paired_difference, quantile_estimate
from dispatch_sim.stats.paired_comparison import compare_best, sign_changes_along
from dispatch_sim.stats.percentile import linearised
from dispatch_sim.study.design import design_sweep
from dispatch_sim.study.runner import all_cores, simulate_design
from validation.samples import Problem, holds

SCENARIO = """
name: six summaries behind a small account's limits
tasks:
  - name: read
    count: 6
    tokens: {lognormal: {mean: 15K, cv: 0.4}}
    duration: {lognormal: {mean: 60s, cv: 0.5}}
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min, burst: 60s}}
strategies: [parallel, queue]
sweep: {tasks: [3, 4, 6], concurrency: 2..3}
engine: compiled
study: {seed: 20, replications: 2}
"""

REPLICATIONS, REFERENCE, AT_ONCE = 256, 1_000_000, 10_000
WORDS = {"cost_usd": "cost", "makespan_s": "makespan"}

RARE = "Tasks of about one batch in 60 need manual completion, and 256 replications have seen four such"
NOTES = {
    ("a queue of 2", "cost"): f"{RARE}: rare, expensive batches dominate the variance.",
    ("a queue of 2", "makespan"): f"{RARE}.",
    (
        "break-even",
        "cost",
    ): "The best queue is that of 2 there, with too few of its rare bad batches, as above.",
}
"""Reasons for coverage below 95%."""

Point = tuple[str, int, int]
Sample = NDArray[np.float64]


def costs_of_points(first: int, last: int) -> dict[Point, dict[str, Sample]]:
    """Return cost and makespan of replications, by label, concurrency and size."""
    design = design_sweep(parse_source(SCENARIO))
    columns = [MEASURES.index(measure) for measure in WORDS]
    parts = []
    for start in range(first, last, AT_ONCE):
        part = replace(design, replications=min(start + AT_ONCE, last))
        parts.append(simulate_design(part, all_cores(), first=start)[:, :, columns].copy())
    rows = np.concatenate(parts, axis=1)
    plans = [plan for variant in design.variants for plan in variant.plans]
    return {
        (plan.strategy.label, plan.concurrency, len(plan.tasks)): {
            measure: rows[number, :, column] for column, measure in enumerate(WORDS)
        }
        for number, plan in enumerate(plans)
    }


def simulated(repeats: int) -> Iterator[Problem]:
    """Yield problems of which each trial takes the next 256 replications; the reference is beyond them."""
    mine = costs_of_points(0, repeats * REPLICATIONS)
    truth = costs_of_points(repeats * REPLICATIONS, repeats * REPLICATIONS + REFERENCE)
    group = "The simulator, against 1,000,000 other replications"

    def problem(
        name: str,
        estimate: Callable[..., Estimate],
        true: Callable[[Sample], float],
        points: Sequence[Point],
        measure: str,
        note: str = "",
    ) -> Problem:
        """Return a problem about one point, or about the difference of two."""
        value = float(true(truth[points[0]][measure]))
        if len(points) == 2:
            value -= float(true(truth[points[1]][measure]))

        def trial(part: slice) -> bool:
            found = estimate(*(mine[point][measure][part] for point in points))
            return holds(found.low, value, found.high)

        # Order statistics are discrete, so their interval is one of at least 95%.
        at_least = estimate is quantile_estimate
        return Problem(group, name, _in_turn(trial), REPLICATIONS, at_least, note)

    names: Mapping[str, Point] = {
        "parallel": ("parallel", 6, 6),
        "a queue of 2": ("queue", 2, 6),
        "a queue of 3": ("queue", 3, 6),
    }
    for name, point in names.items():
        for measure, word in WORDS.items():
            note = NOTES.get((name, word), "")
            yield problem(f"mean {word} of {name}", mean_estimate, np.mean, [point], measure, note)
        of_p95 = f"95th percentile of the makespan of {name}"
        yield problem(of_p95, quantile_estimate, _p95, [point], "makespan_s")
    for one, other in (
        ("parallel", "a queue of 2"),
        ("a queue of 3", "a queue of 2"),
        ("parallel", "a queue of 3"),
    ):
        pair = names[one], names[other]
        for measure, word in WORDS.items():
            about = f"paired difference in {word}, {one} and {other}"
            yield problem(about, paired_difference, np.mean, pair, measure)
        about = f"paired difference in the 95th percentile, {one} and {other}"
        yield problem(about, _difference_p95, _p95, pair, "makespan_s")
    for measure, word in WORDS.items():
        at = _true_crossing(truth, measure)
        about = f"break-even in {word} of parallel and the best queue, along tasks ({at:.2f})"
        trial = _in_turn(lambda part, m=measure, a=at: _crossing(mine, m, part, a))
        yield Problem(group, about, trial, REPLICATIONS, note=NOTES.get(("break-even", word), ""))


def _in_turn(trial: Callable[[slice], bool]) -> Callable[[Generator], bool]:
    """Return a trial that takes the next replications each time; nothing is left to a generator."""
    begins = itertools.count(0, REPLICATIONS)

    def run(_: Generator) -> bool:
        begin = next(begins)
        return trial(slice(begin, begin + REPLICATIONS))

    return run


def _p95(sample: Sample) -> float:
    return float(np.quantile(sample, 0.95))


def _difference_p95(one: Sample, other: Sample) -> Estimate:
    return paired_difference(linearised(one, 0.95), linearised(other, 0.95))


def _sides(points: dict[Point, dict[str, Sample]], size: int) -> tuple[list[Point], list[Point]]:
    together = [p for p in points if p[2] == size and p[1] >= size]
    return together, [p for p in points if p[2] == size and p[1] < size]


def _true_crossing(truth: dict[Point, dict[str, Sample]], measure: str) -> float:
    """Return the zero of the difference of the true bests, linear between sizes."""
    sizes = sorted({size for _, _, size in truth})
    curve = [
        np.subtract(*(min(truth[p][measure].mean() for p in side) for side in _sides(truth, size)))
        for size in sizes
    ]
    for i in range(len(sizes) - 1):
        if curve[i] <= 0 < curve[i + 1]:
            return float(sizes[i] + curve[i] / (curve[i] - curve[i + 1]))
    raise ValueError(f"{measure} has no crossing along {sizes}: {curve}")


def _crossing(points: dict[Point, dict[str, Sample]], measure: str, part: slice, truth: float) -> bool:
    sizes = sorted({size for _, _, size in points})
    comparisons = [
        compare_best(*(np.stack([points[p][measure][part] for p in side]) for side in _sides(points, size)))
        for size in sizes
    ]
    found = sign_changes_along(sizes, comparisons, 0.95)
    return any(not region.favours and holds(region.low, truth, region.high) for region in found.regions)
