"""The strategies of a quick answer, with their estimates, and how many replications these need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dispatch_sim.decide.constraints import Feasibility, Verdict
from dispatch_sim.decide.quick_sample import Sample
from dispatch_sim.decide.rare_events import replications_to_quote
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate


@dataclass(frozen=True)
class Candidate:
    """A strategy that was compared.

    Attributes
    ----------
    strategy : the strategy.
    means : of every measure that can be minimised, and of the tasks that people complete.
    estimate : of the objective.
    difference : of the objective from the recommended strategy, paired, and simultaneous over all candidates.
    feasibility : how often it meets the limits; None where there are none.
    """

    strategy: Strategy
    means: Mapping[str, float]
    estimate: Estimate
    difference: Estimate
    feasibility: Feasibility | None = None

    @property
    def is_identical(self) -> bool:
        """Whether it equals the recommended strategy in every replication."""
        return self.difference.low == self.difference.high == 0

    @property
    def manual_completions(self) -> float:
        """The mean number of tasks that fail, and that people complete."""
        return self.means["manual_completions"]

    @property
    def verdict(self) -> Verdict | None:
        """Whether it is shown to meet the limits; None where there are none."""
        return None if self.feasibility is None else self.feasibility.verdict

    @property
    def misses_limits(self) -> bool:
        """Whether it is shown to miss the limits."""
        return self.verdict == "infeasible"


def rank_candidates(sample: Sample) -> tuple[Candidate, ...]:
    """Return the strategies of a sample, the best first, and how many replications all of them need."""
    scenario, best = sample.scenario, sample.winner.strategy
    others, screened = sample.against(best)
    numbers = [sample.strategies.index(best), *others]
    same = Estimate(0.0, 0.0, 0.0, sample.replications)
    differences = [same, *map(screened.difference, range(len(others)))]
    estimates = [sample.estimate(number) for number in numbers]
    indifference = scenario.threshold.at(sample.winner.mean)
    quoted = [estimates[0], *differences]
    needed = replications_to_quote(scenario, scenario.batch_size, indifference, quoted)
    return tuple(
        Candidate(
            sample.strategies[number],
            sample.means(number),
            replace(estimate, needed=needed),
            replace(difference, needed=needed),
            sample.feasibility.get(sample.strategies[number]),
        )
        for number, estimate, difference in zip(numbers, estimates, differences, strict=True)
    )
