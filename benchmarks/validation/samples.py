"""What all problems are made of: samples like those of a study, made of random numbers, with known truths."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats

Sample = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A problem whose answer is known.

    Attributes
    ----------
    group, name : under which heading, and in which words.
    trial : draws a sample and returns whether what is said of it is so.
    replications : of each sample.
    at_least : whether 95% is promised as a lower bound only.
    short : whether it is known that less than 93% are held; the note says why.
    note : why it is above or below, where it is.
    """

    group: str
    name: str
    trial: Callable[[Generator], bool]
    replications: int = 256
    at_least: bool = False
    note: str = ""
    short: bool = False


@dataclass(frozen=True)
class Family:
    """Costs or times of a strategy: their transformation of standard normal numbers, true mean and p95."""

    name: str
    draw: Callable[[Sample], Sample]
    mean: float
    p95: float


Z = float(stats.norm.ppf(0.95))


def lognormal(sigma: float, name: str) -> Family:
    """Return log-normal costs of mean 1."""
    return Family(
        name,
        lambda z: np.exp(sigma * z - sigma**2 / 2),
        1.0,
        math.exp(sigma * Z - sigma**2 / 2),
    )


def rarely_bad(share: float, times: float) -> Family:
    """Return costs around 1, of which a share is so many times as large."""
    bad = float(stats.norm.ppf(1 - share))
    body = lognormal(0.2, "")

    def draw(z: Sample) -> Sample:
        # Within the good and the bad, a normal number made of the same one: its rank there.
        good = stats.norm.ppf(np.clip(stats.norm.cdf(z) / (1 - share), 1e-12, 1 - 1e-12))
        worse = stats.norm.ppf(np.clip((stats.norm.cdf(z) - (1 - share)) / share, 1e-12, 1 - 1e-12))
        return np.where(z > bad, times * body.draw(worse), body.draw(good))

    rank = 0.95 / (1 - share) if share < 0.05 else (0.95 - (1 - share)) / share
    p95 = math.exp(0.2 * float(stats.norm.ppf(rank)) - 0.02) * (1 if share < 0.05 else times)
    return Family(
        f"one batch in {round(1 / share)} costs {times:g} times as much", draw, 1 - share + times * share, p95
    )


NORMAL = Family("normal", lambda z: 10 + z, 10.0, 10 + Z)
GAMMA = Family(
    "gamma of shape 2", lambda z: stats.gamma.ppf(stats.norm.cdf(z), 2), 2.0, float(stats.gamma.ppf(0.95, 2))
)
SKEWED = lognormal(0.5, "log-normal of cv 0.53, as makespans are")
WILD = lognormal(1.0, "log-normal of cv 1.3")
TENTH, RARE = rarely_bad(0.1, 10), rarely_bad(0.01, 20)
FAMILIES = (NORMAL, GAMMA, SKEWED, WILD, TENTH)


def holds(low: float, truth: float, high: float) -> bool:
    """Whether an interval holds a value, but for rounding."""
    return bool(low - 1e-12 <= truth <= high + 1e-12)


def like(rng: Generator, common: Sample) -> Sample:
    """Return a standard normal sample that correlates by 0.7 with another, as common random numbers give."""
    return 0.7 * common + math.sqrt(0.51) * rng.normal(size=common.size)


def table(samples: dict[tuple[str, int], Sample], column: str = "cost_usd", **more: Sample) -> pd.DataFrame:
    """Return results with these samples, by label and concurrency."""
    n = len(next(iter(samples.values())))
    return pd.DataFrame(
        {
            "strategy": np.repeat([label for label, _ in samples], n),
            "concurrency": np.repeat([number for _, number in samples], n),
            "tasks": 20,
            "replication": np.tile(np.arange(n), len(samples)),
            column: np.concatenate(list(samples.values())),
            **more,
        }
    )
