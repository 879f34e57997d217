"""Compares two scenarios: their recommendations, and each strategy that both have, paired by replication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.answer import choices
from dispatch_sim.decide.choice import Choice
from dispatch_sim.decide.studies import replications_needed
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.changes import Change, changes
from dispatch_sim.scenario.loader import Given, load
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy, strategy_of
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.stats.percentile import MIN_REPLICATIONS
from dispatch_sim.study.design import design_comparison, left_out
from dispatch_sim.study.objectives import OBJECTIVES, P95, as_means, column_of
from dispatch_sim.study.results import Results
from dispatch_sim.study.run_study import run_study, with_study
from dispatch_sim.study.runner import OnProgress

Verdict = Literal["identical", "practically_equal", "b_lower", "b_higher", "not_significant"]
"""How the second recommendation compares with the first, in the objective."""

_COLUMNS = tuple(dict.fromkeys(map(column_of, OBJECTIVES.values())))


@dataclass(frozen=True, slots=True)
class Paired:
    """A measure in both scenarios: its means, and the second minus the first."""

    a: float
    b: float
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two scenarios, and its recommended strategy by its own objective.

    The second has the seed, replications and confidence of the first.
    """

    file: str
    scenario: Scenario
    choice: Choice

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "file": self.file,
            "scenario": self.scenario.name,
            "sha256": self.scenario.fingerprint,
            "tasks": self.choice.tasks,
            "objective": self.choice.objective,
            "feasible": self.choice.feasible,
            "recommended": self.choice.strategy.to_json(self.choice.tasks),
        }


@dataclass(frozen=True)
class Diff(Displayed):
    """The difference between two scenarios, B minus A, of a batch.

    Attributes
    ----------
    a, b, changes : the scenarios, and the keys in which they differ.
    recommended : each measure of the recommended strategies.
    strategies : of each strategy that both have, over the replications that all of them have, from the least
        mean in A to the largest.
    only_a, only_b : strategies that one scenario has.
    indifference : the threshold of A, in the unit of its objective.
    """

    a: Side
    b: Side
    changes: tuple[Change, ...]
    recommended: Mapping[str, Paired]
    strategies: Mapping[Strategy, Mapping[str, Paired]]
    only_a: tuple[Strategy, ...]
    only_b: tuple[Strategy, ...]
    indifference: float

    def __repr__(self) -> str:
        return f"<Diff: {self.a.choice.strategy} in A, {self.b.choice.strategy} in B, {self.verdict}>"

    @property
    def objective(self) -> str:
        """The measure that A minimises; the difference is judged by it."""
        return self.a.choice.objective

    @property
    def difference(self) -> Estimate:
        """The difference of the recommended strategies in the objective."""
        return self.recommended[self.objective].difference

    @property
    def verdict(self) -> Verdict:
        """How the second recommendation compares with the first."""
        found = self.difference
        if found.low == found.high == 0:
            return "identical"
        if -self.indifference <= found.low and found.high <= self.indifference:
            return "practically_equal"
        if found.low <= 0 <= found.high:
            return "not_significant"
        return "b_lower" if found.mean < 0 else "b_higher"

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        tasks = self.a.choice.tasks
        return {
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "changes": [asdict(change) for change in self.changes],
            "seed": self.a.scenario.study.seed,
            "objective": self.objective,
            "confidence": self.a.choice.confidence,
            "indifference": self.indifference,
            "verdict": self.verdict,
            "recommended": _measures_json(self.recommended),
            "strategies": [
                {**strategy.to_json(tasks), "measures": _measures_json(measures)}
                for strategy, measures in self.strategies.items()
            ],
            "only_a": [str(strategy) for strategy in self.only_a],
            "only_b": [str(strategy) for strategy in self.only_b],
        }


def _measures_json(measures: Mapping[str, Paired]) -> dict[str, Any]:
    return {name: asdict(each) | {"difference": each.difference.to_json()} for name, each in measures.items()}


def diff(
    a: Given,
    b: Given,
    *,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Diff:
    """Compare two scenarios under common random numbers, each at its own batch size.

    Each has the recommendation that `compare` gives it, by its own objective and limits. Differences are
    paired by replication. Tasks of groups with the same name share their random variates.

    Raises ScenarioError or DesignError with a message for the user.

    Parameters
    ----------
    a, b : as `load` accepts them. Both are simulated with the seed, replications and confidence of the first.
    seed, replications, jobs, on_progress : as in `compare`.
    """
    one = with_study(load(a), seed, replications)
    # The indifference has a unit of its own.
    study = {key: each for key, each in one.scenario().resolved()["study"].items() if key != "indifference"}
    off = {"replications": "auto", "calls": "none"}
    other = load(b).replaced(
        {f"study.{key}": off[key] if value is None else value for key, value in study.items()}
    )
    sources, results = (one, other), []
    warned: list[str] = []
    for source in sources:
        found = run_study(
            design_comparison,
            replications_needed,
            source,
            jobs=jobs,
            on_progress=on_progress,
            warned=warned,
        )
        if found.manifest["interrupted"]:
            raise KeyboardInterrupt
        results.append(found)
        warned = left_out(one.scenario(), one.scenario().batch_size)
    side_a, side_b = (
        Side(source.filename, source.scenario(), choices(found)[0])
        for source, found in zip(sources, results, strict=True)
    )
    values_a, values_b = map(_values, results)
    objective, confidence = side_a.choice.objective, side_a.choice.confidence
    best = values_a[side_a.choice.strategy], values_b[side_b.choice.strategy]
    recommended = _pairs(*best, objective, confidence)
    shared = [each for each in side_a.choice.strategies if each in values_b]
    # So that their means compare.
    common = min((values[each].shape[1] for each in shared for values in (values_a, values_b)), default=0)
    pairs = {
        each: _pairs(values_a[each][:, :common], values_b[each][:, :common], objective, confidence)
        for each in shared
    }
    means = recommended[objective].a, recommended[objective].b
    return Diff(
        side_a,
        side_b,
        tuple(changes(*sources)),
        recommended,
        dict(sorted(pairs.items(), key=lambda pair: pair[1][objective].a)),
        tuple(strategy for strategy in side_a.choice.strategies if strategy not in values_b),
        tuple(strategy for strategy in side_b.choice.strategies if strategy not in values_a),
        one.scenario().threshold.at(min(means)),
    )


def _values(results: Results) -> dict[Strategy, NDArray[np.float64]]:
    """Return `_COLUMNS` of each strategy, shape (columns, replications)."""
    samples = [results.samples(column) for column in _COLUMNS]
    points = results.points[["strategy", "concurrency", "tasks"]].itertuples(index=False, name=None)
    return {
        strategy_of(*point): np.stack([of_points[number] for of_points in samples]).astype(np.float64)
        for number, point in enumerate(points)
    }


def _pairs(
    a: NDArray[np.float64], b: NDArray[np.float64], objective: str, confidence: float
) -> dict[str, Paired]:
    """Compare two strategies, each given by `_COLUMNS`, over the replications that both have.

    There is a pair for each objective of a scenario. A 95th percentile is left out where these are too few
    for one, unless it is the objective.
    """
    common = min(a.shape[1], b.shape[1])
    found = {}
    for measure in OBJECTIVES.values():
        if measure == P95 != objective and common < MIN_REPLICATIONS:
            continue
        row = _COLUMNS.index(column_of(measure))
        values_a, values_b = (as_means(measure, values[row, :common]) for values in (a, b))
        difference = paired_difference(values_b, values_a, confidence)
        found[measure] = Paired(float(values_a.mean()), float(values_b.mean()), difference)
    return found
