"""A quick answer: some replications of all strategies, and more of those that may be the best or are quoted.

Their number depends on simulated calls alone, so the same question has the same answer everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dispatch_sim.decide.binding import Binding, find_binding
from dispatch_sim.decide.choice import Alternative, Choice
from dispatch_sim.decide.grid import make_grid_point, warn_about_concurrencies
from dispatch_sim.decide.quick_sample import Sample, affordable_runs, first_sample
from dispatch_sim.decide.rare_events import next_number
from dispatch_sim.decide.winners import Winner
from dispatch_sim.display import Displayed
from dispatch_sim.model.events import Activity
from dispatch_sim.model.plan import Plan
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.stats.percentile import MIN_REPLICATIONS
from dispatch_sim.study.design import Design
from dispatch_sim.study.engines import choose_engine, simulate_one

CALLS_TO_BIND = 4000
"""Model calls of the recommended strategy, and as many without each resource, to find what binds."""

MUCH_COORDINATION = 0.2
"""Share of the makespan above which the coordinator's work is reported."""

NEARLY_ALL = 0.99
"""Share of the tasks that people complete with every strategy above which none is recommended."""

LOGGED = 8
"""Replications whose events show how long the coordinator works."""


@dataclass(frozen=True)
class Coordination:
    """The coordinator's share of the makespan, and what a script in its place comes to.

    `strategy` is the best one of few replications with `manager: script`; `means` are as in `QuickAnswer`.
    """

    briefs: float
    merges: float
    strategy: Strategy
    means: Mapping[str, float]

    def to_json(self, tasks: int) -> dict[str, Any]:
        """Return a dict for JSON."""
        script = {**self.strategy.to_json(tasks), "means": dict(self.means)}
        return {"briefs": self.briefs, "merges": self.merges, "with_script": script}


@dataclass(frozen=True)
class QuickAnswer(Displayed):
    """The recommended strategy for a question, and what it rests on.

    Attributes
    ----------
    source, scenario : the question as a scenario, as written and resolved.
    winner : the recommended strategy, and whether it is significantly the best.
    choice : the recommended strategy and those compared with it, all in the same replications: what may be
        the best, and the usual strategies. Its best subset has identical ones as well, that of `winner` not.
    means : of each of these, of every measure that can be minimised, and of the tasks that people complete.
    reference : the strategy whose bill is not low because tasks fail; see `Sample`.
    dropped : the other strategies, with their differences in the first replications. They were significantly
        worse, identical, or missed the limits.
    all_fail : whether people complete nearly all tasks with every strategy, so that none is recommended.
    coordination : None where the coordinator works for no more than `MUCH_COORDINATION` of the makespan, a
        script does not cost less, or the question is not about cost alone.
    """

    source: Source
    scenario: Scenario
    winner: Winner
    choice: Choice
    means: Mapping[Strategy, Mapping[str, float]]
    reference: Strategy
    dropped: Mapping[Strategy, Estimate]
    binding: Binding
    all_fail: bool
    coordination: Coordination | None = None

    def __repr__(self) -> str:
        return f"<QuickAnswer: {self.recommended} for {self.tasks:,} tasks>"

    @property
    def recommended(self) -> Strategy:
        """The recommended strategy."""
        return self.choice.strategy

    @property
    def rivals(self) -> list[Alternative]:
        """The strategies that the recommended one is the best of, the nearest first.

        They are not identical, and meet the limits as surely; none where it misses them.
        """
        return [each for each in self.choice.as_feasible if self.choice.feasible and not each.identical]

    @property
    def rival(self) -> Alternative | None:
        """The nearest of `rivals`; None where there is none."""
        return next(iter(self.rivals), None)

    @property
    def replications(self) -> int:
        """Number of replications of each strategy of the choice."""
        return self.choice.replications

    @property
    def needed(self) -> int:
        """About how many replications the intervals need to cover as often as stated."""
        return self.choice.estimate.needed

    @property
    def is_preliminary(self) -> bool:
        """Whether more replications are needed."""
        return self.choice.estimate.is_preliminary

    @property
    def tasks(self) -> int:
        """Size of the batch."""
        return self.scenario.batch_size

    @property
    def by_script(self) -> bool:
        """Whether a script dispatches the tasks, in all strategies."""
        return all(strategy.manager == "script" for strategy in self.scenario.strategies)

    @property
    def no_difference(self) -> Estimate:
        """The difference of the recommended strategy from itself."""
        return Estimate(0.0, 0.0, 0.0, self.replications, self.needed)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        compared: list[tuple[Choice | Alternative, Estimate]] = [(self.choice, self.no_difference)]
        compared += [(other, other.difference) for other in self.choice.alternatives]
        return {
            **self.recommended.to_json(self.tasks),
            "standing": str(self.winner.standing),
            "best_subset": [strategy.to_json(self.tasks) for strategy in self.winner.best_subset],
            "objective": self.choice.objective,
            "replications": self.replications,
            "replications_needed": self.needed,
            "preliminary": self.is_preliminary,
            "all_fail": self.all_fail,
            "seed": self.scenario.study.seed,
            "confidence": self.scenario.study.confidence,
            "strategies": [
                {
                    **each.strategy.to_json(self.tasks),
                    "estimate": each.estimate.to_json(),
                    "difference": difference.to_json(),
                    "means": dict(self.means[each.strategy]),
                    "feasibility": each.feasibility and each.feasibility.to_json(),
                }
                for each, difference in compared
            ],
            "dropped": [
                {**strategy.to_json(self.tasks), "difference": difference.to_json()}
                for strategy, difference in self.dropped.items()
            ],
            "binding": self.binding.to_json(),
            "coordination": self.coordination and self.coordination.to_json(self.tasks),
            "scenario": self.scenario.resolved(),
        }


def answer_quickly(source: Source, by_script: Callable[[], Source]) -> QuickAnswer:
    """Answer a question, which is a scenario; `by_script` returns the same with a script as the manager."""
    variant = make_grid_point(source, {})
    scenario, replications = variant.scenario, variant.scenario.study.first
    warn_about_concurrencies(scenario, scenario.batch_size)
    first = first_sample(variant, replications)
    sample = _extend_sample(first)
    best = sample.choice.strategy
    manual = [first.means(each)["manual_completions"] for each in first.values]
    plan = next(plan for plan in variant.plans if plan.strategy == best)
    engine = choose_engine(Design((), (variant,), replications))  # the one that is loaded
    plan = replace(plan, scenario=scenario.model_copy(update={"engine": engine}))
    return QuickAnswer(
        source=source,
        scenario=scenario,
        winner=sample.winner,
        choice=sample.choice,
        means={each: sample.means(each) for each in sample.values},
        reference=sample.reference,
        dropped={
            other: difference
            for other, difference in first.differences(best).items()
            if other not in sample.values
        },
        binding=find_binding(plan, int(CALLS_TO_BIND / variant.plans[0].calls)),
        all_fail=min(manual) >= NEARLY_ALL * scenario.batch_size,
        coordination=_coordination(plan, sample, by_script),
    )


def _extend_sample(first: Sample) -> Sample:
    """Simulate more replications of what is quoted, as far as they are needed and affordable."""
    study, sample = first.scenario.study, first
    if first.replications >= MIN_REPLICATIONS:
        sample = first.of(set(first.strategies_to_extend()))
    left = affordable_runs(first.variant) - first.replications * len(first.values)
    while True:
        n, kept = sample.replications, len(sample.values)
        most = min(study.replications or study.at_most, n + int(left / kept))
        target = next_number(n, sample.choice.estimate.needed, most)
        if target == n:
            return sample
        sample = sample.extended(target)
        left -= kept * (target - n)


def _coordination(plan: Plan, sample: Sample, by_script: Callable[[], Source]) -> Coordination | None:
    """Return the coordinator's share of the makespan, if it is large and a script costs less."""
    best, choice = plan.strategy, sample.choice
    if best.manager == "script" or choice.objective != "cost_usd" or choice.limits is not None:
        return None
    replications = max(1, min(LOGGED, 500 // len(plan.tasks)))
    logs = [simulate_one(plan, number)[1] for number in range(replications)]
    briefs, merges = (
        sum(event.end_s - event.start_s for log in logs for event in log if event.kind is kind)
        / (replications * sample.means(best)["makespan_s"])
        for kind in (Activity.TURN, Activity.MERGE)
    )
    if briefs + merges <= MUCH_COORDINATION:
        return None
    few = first_sample(make_grid_point(by_script(), {}), min(MIN_REPLICATIONS, sample.replications // 2))
    strategy = few.winner.strategy
    script = few.of([strategy]).extended(sample.replications)
    if script.costs[strategy].mean() >= sample.winner.mean:
        return None
    return Coordination(briefs, merges, strategy, script.means(strategy))
