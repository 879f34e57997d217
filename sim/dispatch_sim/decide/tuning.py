"""Tuning: the timeout, retries, backoff, pacing and concurrency that minimise the objective.

The settings that the search finds are judged on other replications than those of the search, as the least of
noisy means looks better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dispatch_sim.decide.grid import Findings, basis, warn_about_limits, without_factors
from dispatch_sim.decide.rare_events import next_number, replications_to_quote
from dispatch_sim.decide.sampling import LATER, Sampler
from dispatch_sim.decide.settings_search import (
    DecisionVariable,
    Settings,
    Simulator,
    find_best,
    find_decision_variables,
)
from dispatch_sim.scenario.loader import Given
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.stats.screening import screen
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.runner import OnProgress


@dataclass(frozen=True, slots=True)
class Trial:
    """One value of a decision variable, all others at their best.

    Its difference from the best value is paired, and simultaneous over the values of the variable; None where
    the batch cannot be simulated. It is in the best subset if it is not significantly worse, or by less than
    the indifference threshold.
    """

    label: str
    difference: Estimate | None
    in_best_subset: bool

    @property
    def is_worse(self) -> bool:
        """Whether it is significantly worse, if only by less than the indifference threshold."""
        return self.difference is not None and self.difference.low > 0

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        difference = self.difference and self.difference.to_json()
        return {"value": self.label, "difference": difference, "in_best_subset": self.in_best_subset}


@dataclass(frozen=True, slots=True)
class Tuned:
    """A decision variable, the number of its best value, and the trials of all its values, in order."""

    variable: DecisionVariable
    best: int
    trials: tuple[Trial, ...]

    @property
    def best_trial(self) -> Trial:
        """The best value."""
        return self.trials[self.best]

    @property
    def present_trial(self) -> Trial:
        """The present value."""
        return self.trials[self.variable.present]

    @property
    def changes(self) -> bool:
        """Whether another value than the present one is the best."""
        return self.best != self.variable.present

    @property
    def has_similar_values(self) -> bool:
        """Whether several values may be the best, the present one not among them."""
        return len(self.best_subset) > 1 and not self.present_trial.in_best_subset

    @property
    def best_subset(self) -> tuple[str, ...]:
        """The values that may be the best."""
        return tuple(trial.label for trial in self.trials if trial.in_best_subset)

    @property
    def matters(self) -> bool:
        """Whether any value is significantly worse."""
        return len(self.best_subset) < len(self.trials)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "name": self.variable.name,
            "path": self.variable.path,
            "best": self.variable.labels[self.best],
            "now": self.variable.labels[self.variable.present],
            "best_subset": list(self.best_subset),
            "matters": self.matters,
            "values": [trial.to_json() for trial in self.trials],
        }


@dataclass(frozen=True, kw_only=True, repr=False)
class Tuning(Findings):
    """The best settings of a queue.

    Attributes
    ----------
    strategy : the queue whose concurrency is tuned.
    tuned : the decision variables.
    has_concurrency : whether the scenario gives the queue a concurrency. Otherwise the present one is the
        best with the other settings as they are.
    saves : what the best settings save against the scenario's own, on replications of their own.
    mean : of the best settings, on these.
    joint : number of pairs of steps away from the best settings in two variables, none of which was better;
        None where the search ended before that.
    """

    tasks: int
    strategy: Strategy
    tuned: tuple[Tuned, ...]
    has_concurrency: bool
    saves: Estimate
    mean: float
    joint: int | None

    def is_present_found(self, tuned: Tuned) -> bool:
        """Whether the search found the present value of a variable, as the scenario gives none."""
        return tuned.variable.path == "concurrency" and not self.has_concurrency

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return super().to_json() | {
            "tasks": self.tasks,
            "strategy": self.strategy.label,
            "mean": self.mean,
            "saves": self.saves.to_json(),
            "decision_variables": [tuned.to_json() for tuned in self.tuned],
            "joint_steps_tried": self.joint,
        }


def tune(
    source: Given,
    *,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Tuning:
    """Find the timeout, retries, backoff, pacing and concurrency of a queue that minimise the objective.

    A variable whose change gains less than the indifference threshold stays as it is.

    Raises ScenarioError or DesignError with a message for the user, and KeyboardInterrupt where interrupted.

    Parameters
    ----------
    source : a scenario, as `load` accepts it; its first queue, or a plain one, is tuned.
    replications : of settings that may be the best, in the search and once more in judging; others have
        fewer. Default: the scenario's, or else 1,024, and as many as a valid interval needs of what is saved.
    jobs : threads of the compiled engine; results do not depend on it.
    on_progress : called with the share of the work that is done, in percent, and 100.
    """
    source = without_factors(source)
    warn_about_limits(source.scenario())
    scenario = source.scenario()
    fixed = replications or scenario.study.replications
    queue = next((s for s in scenario.strategies if s.kind == "queue"), Strategy("queue"))
    variables = find_decision_variables(scenario, queue)
    sampler = Sampler(scenario, jobs, on_progress)
    count = fixed or LATER
    simulator = Simulator(source, queue, variables, sampler)
    if queue.concurrency is None:  # the present one is then the best as things are
        line = simulator.line(tuple(each.present for each in variables), 0)
        simulator.simulate(line, count)
        variables[0] = replace(variables[0], present=simulator.best(line)[0])
    present = tuple(each.present for each in variables)
    simulator.simulate([present], count)
    now = simulator.costs(present)
    indifference = scenario.threshold.at(float(now.mean()) if now.size else 0.0)
    best, is_end = find_best(
        simulator, present, indifference, count, lambda share: sampler.report(0.8 * share)
    )

    other_seed = (scenario.study.seed + 1) % 2**64
    judge = Simulator(source.replaced({"study.seed": other_seed}), queue, variables, sampler)
    for number in range(len(variables)):
        judge.simulate(judge.line(best, number), count, indifference)
    judge.simulate_all([best, present], count)
    if not judge.costs(best).size:
        raise DesignError("none of the settings can be simulated; dispatch-sim check says why")
    confidence = scenario.study.confidence
    while True:
        now, chosen = judge.costs(present), judge.costs(best)
        saves = paired_difference(now if now.size else chosen, chosen, confidence)
        needed = replications_to_quote(scenario, scenario.batch_size, indifference, [saves])
        more = next_number(saves.n, needed, scenario.study.at_most)
        if fixed is not None or more == saves.n:
            break
        judge.simulate_all([best, present], more)
    return Tuning(
        **basis(scenario, saves.n, indifference),
        tasks=scenario.batch_size,
        strategy=queue.at(None),
        tuned=tuple(
            _judged(judge, best, number, confidence, indifference) for number in range(len(variables))
        ),
        has_concurrency=queue.concurrency is not None,
        saves=saves,
        mean=float(chosen.mean()),
        joint=len(judge.pairs(best)) if is_end else None,
    )


def _judged(judge: Simulator, best: Settings, number: int, confidence: float, indifference: float) -> Tuned:
    """Compare the values of one variable with its best one."""
    here, variable = judge.costs(best), judge.variables[number]
    others = {
        value: np.pad(costs, (0, here.size - costs.size), constant_values=np.nan)
        for value, settings in enumerate(judge.line(best, number))
        if value != best[number] and (costs := judge.costs(settings)).size
    }
    screened = screen(list(others.values()), here, confidence, indifference)
    good = (~screened.is_worse | screened.is_equal).tolist()
    judged = {value: (screened.difference(at), good[at]) for at, value in enumerate(others)}
    judged[best[number]] = Estimate(0.0, 0.0, 0.0, here.size), True
    trials = (Trial(label, *judged.get(value, (None, False))) for value, label in enumerate(variable.labels))
    return Tuned(variable, best[number], tuple(trials))
