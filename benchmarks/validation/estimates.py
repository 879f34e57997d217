"""Means, 95th percentiles, and paired differences of both."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dispatch_sim.stats.estimates import Estimate, mean_estimate, paired_difference, quantile_estimate
from dispatch_sim.stats.percentile import MIN_REPLICATIONS, linearised
from validation.samples import (
    FAMILIES,
    GAMMA,
    NORMAL,
    RARE,
    SKEWED,
    TENTH,
    WILD,
    Family,
    Problem,
    holds,
    like,
)


def _trial(
    estimate: Callable[[NDArray[np.float64]], Estimate], family: Family, truth: float, n: int
) -> Callable[[Generator], bool]:
    """Return a trial: whether the interval from a sample of a family holds the true value."""

    def one(rng: Generator) -> bool:
        found = estimate(family.draw(rng.normal(size=n)))
        return holds(found.low, truth, found.high)

    return one


def means() -> Iterator[Problem]:
    """Means by Student's t."""

    def trial(family: Family, n: int) -> Callable[[Generator], bool]:
        return _trial(mean_estimate, family, family.mean, n)

    for family in FAMILIES:
        yield Problem("Means", f"Student's t; {family.name}", trial(family, 256))
    name = f"Student's t; {RARE.name}"
    note = "There are 2.6 such batches in 256: a study that has seen none knows nothing of them."
    yield Problem("Means", name, trial(RARE, 256), note=note, short=True)
    yield Problem("Means", name, trial(RARE, 4096), 4096, note="With 41 of them.")


def percentiles() -> Iterator[Problem]:
    """The 95th percentile by order statistics."""
    note = "Order statistics come in steps: each end leaves out at most 2.5%, for any distribution."
    for n in (256, 1024):
        for family in (SKEWED, WILD, TENTH):
            name = f"order statistics; {family.name}"
            trial = _trial(quantile_estimate, family, family.p95, n)
            yield Problem("95th percentile", name, trial, n, at_least=True, note=note)
            note = ""


def differences() -> Iterator[Problem]:
    """Paired differences of means and of 95th percentiles."""
    group = "Paired differences"

    def trial(one: Family, other: Family, factor: float, n: int, p95: bool) -> Callable[[Generator], bool]:
        truth = one.p95 - factor * other.p95 if p95 else one.mean - factor * other.mean

        def run(rng: Generator) -> bool:
            here = rng.normal(size=n)
            samples = one.draw(here), factor * other.draw(like(rng, here))
            pair = (linearised(sample, 0.95) for sample in samples) if p95 else samples
            found = paired_difference(*pair)
            return holds(found.low, truth, found.high)

        return run

    pairs = (
        (SKEWED, SKEWED, 1.2, "log-normal, one 20% more expensive"),
        (SKEWED, WILD, 1.2, "log-normal of cv 0.53 and 1.3"),
        (GAMMA, SKEWED, 2.0, "gamma and log-normal"),
        (NORMAL, NORMAL, 1.0, "normal, equal"),
        (TENTH, SKEWED, 1.0, "one with a bad batch in 10"),
    )
    for first, second, factor, name in pairs:
        yield Problem(group, f"means; {name}", trial(first, second, factor, 256, False))
    linearised_p95 = "95th percentiles, linearised; "
    for n in (MIN_REPLICATIONS, 256, 1024):
        for first, second, factor, name in pairs[:4]:
            yield Problem(
                group, linearised_p95 + name, trial(first, second, factor, n, True), n, note=_few(n)
            )
    name = linearised_p95 + "in steps, as one batch in 20 takes twice as long, equal"
    for n in (MIN_REPLICATIONS, 256):
        yield Problem(group, name, lambda rng, n=n: _in_steps(rng, n), n, at_least=True, note=_few(n))
    name = "means, after doubling from 64 until the half-width is within 5% of the mean, or 1,024"
    note = "Looking again and again until it is narrow enough costs little."
    yield Problem(group, name, _doubled, 1024, note=note)


def _few(n: int) -> str:
    return "The fewest that are compared." if n == MIN_REPLICATIONS else ""


def _in_steps(rng: Generator, n: int) -> bool:
    one, other = (linearised(np.where(rng.random(n) < 0.05, 2.0, 1.0), 0.95) for _ in range(2))
    found = paired_difference(one, other)
    return holds(found.low, 0.0, found.high)


def _doubled(rng: Generator) -> bool:
    here = rng.normal(size=1024)
    samples = SKEWED.draw(here), 1.2 * WILD.draw(like(rng, here))
    n = 64
    while True:
        found = paired_difference(samples[0][:n], samples[1][:n])
        if found.half_width <= 0.05 or n >= 1024:
            return holds(found.low, 1 - 1.2, found.high)
        n *= 2
