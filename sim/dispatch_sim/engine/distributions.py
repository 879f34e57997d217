"""The distributions of a design point as rows of a table."""

from dispatch_sim.engine import codes, store
from dispatch_sim.scenario import distributions as families
from dispatch_sim.scenario.composites import Empirical, Mixture
from dispatch_sim.scenario.distributions import Constant, Distribution


class Distributions:
    """Distributions as rows of a table, with the values of samples in another."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.samples: list[float] = []

    def add(self, distribution: Distribution) -> int:
        """Add a distribution; return its row."""
        row = self._row(distribution, 0.0)
        self.rows.append(row)
        return len(self.rows) - 1

    def _row(self, distribution: Distribution, weight: float) -> tuple[float, ...]:
        family, a, b, c, first, count = codes.CONSTANT, 0.0, 0.0, 0.0, 0, 0
        match distribution:
            case Constant(value):
                a = value
            case families.Uniform(low, high):
                family, a, b = codes.UNIFORM, low, high
            case families.Triangular(low, mode, high):
                family, a, b, c = codes.TRIANGULAR, low, mode, high
            case families.Exponential(mean):
                family, a = codes.EXPONENTIAL, mean
            case families.LogNormal(mu, sigma):
                family, a, b = codes.LOGNORMAL, mu, sigma
            case families.Gamma(shape, scale):
                store.provide_gamma()
                family, a, b = codes.GAMMA, shape, scale
            case families.Weibull(shape, scale):
                family, a, b, c = codes.WEIBULL, shape, scale, 1 / shape
            case families.LogLogistic(shape, median):
                family, a, b, c = codes.LOGLOGISTIC, shape, median, 1 / shape
            case Empirical(sample):
                family, first, count = codes.EMPIRICAL, len(self.samples), len(sample)
                self.samples += sample
            case Mixture():
                weighted = zip(distribution.components, distribution.weights, strict=True)
                parts = [self._row(component, of) for component, of in weighted]
                family, (a, b) = codes.MIXTURE, distribution.bracket
                first, count = len(self.rows), len(parts)
                self.rows += parts
            case _:
                raise TypeError(f"a distribution of an unknown kind: {distribution!r}")
        return family, a, b, c, first, count, weight
