"""Why the recommended way wins, and what the decision hangs on, at the scenario as it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict

from dispatch_sim.display import Displayed
from dispatch_sim.scenario.loader import Given, Source
from dispatch_sim.study.design import Design, DesignError
from dispatch_sim.study.estimates import Estimate, paired_difference
from dispatch_sim.study.flips import Flip, find_flips
from dispatch_sim.study.ledger import Comparison, Part, find_parts
from dispatch_sim.study.parameter import Parameter, find_parameters, parameter_at, with_range
from dispatch_sim.study.percentile import OBJECTIVES, column_of, costs_of
from dispatch_sim.study.places import Place, find_place, strategy_of, without_factors
from dispatch_sim.study.runner import OnProgress, play_design
from dispatch_sim.study.sensitivity import Swing, around, find_swings
from dispatch_sim.study.winners import Point, Winner, find_winner, kind_of


@dataclass(frozen=True)
class Explanation(Displayed):
    """What a decision comes from, and what would change it.

    Attributes
    ----------
    name : of the scenario.
    tasks : size of the batch.
    winner : the recommended way, and how surely it is the best.
    rival : the best way of another kind, or else the second best.
    comparisons : what the rival has more, and then the best way of each further kind, part by part.
    swings : the tornado, the largest first.
    flips : what would flip the decision, key by key.
    objective, confidence, indifference, replications, seed, sha256 : what it rests on.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")

    name: str
    tasks: int
    winner: Winner
    rival: Point
    comparisons: tuple[Comparison, ...]
    swings: tuple[Swing, ...]
    flips: tuple[Flip, ...]
    objective: str
    confidence: float
    indifference: float
    replications: int
    seed: int
    sha256: str

    @property
    def recommended(self) -> Point:
        """The recommended way."""
        return self.winner.point

    @property
    def difference(self) -> Estimate:
        """What the rival has more."""
        return self.comparisons[0].difference

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "scenario": self.name,
            "sha256": self.sha256,
            "seed": self.seed,
            "replications": self.replications,
            "objective": self.objective,
            "confidence": self.confidence,
            "indifference": self.indifference,
            "tasks": self.tasks,
            "recommended": _point(self.recommended),
            "standing": str(self.winner.standing),
            "rival": _point(self.rival),
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "one_at_a_time": [swing.to_json() for swing in self.swings],
            "flips": [flip.to_json() for flip in self.flips],
        }


def explain(
    source: Given,
    *,
    ranges: Mapping[str, str] | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Explanation:
    """Explain the decision of a scenario at its own size.

    Parameters
    ----------
    source : the scenario, or its file.
    ranges : keys by path, each with the range to try (``1K..1M``), in place of those around their values.
    replications : of each way at each value; default: the scenario's.
    jobs : workers; the answer does not depend on it.
    on_progress : called with the places of the search that are played and all of them.

    Raises
    ------
    ScenarioError, ParameterError, DesignError, WorkerError
        With a message for the user.
    KeyboardInterrupt
        Where interrupted.
    """
    source = without_factors(source)
    scenario = source.scenario()
    stated = {path: with_range(_varied(source, path), text) for path, text in (ranges or {}).items()}
    parameters = [stated.pop(p.path, p) for p in find_parameters(source)]
    parameters += stated.values()
    count = replications or scenario.study.first
    here = find_place(source, {})
    played = play_design(Design((), (here.variant,), count), jobs)
    if played.interrupted:
        raise KeyboardInterrupt
    objective, confidence = OBJECTIVES[scenario.objective.minimise], scenario.study.confidence
    costs = costs_of(played.measures, objective)
    indifference = scenario.zone.at(float(costs.mean(axis=1).min()))
    winner = find_winner(here.points, costs, here.tasks, confidence, indifference)
    recommended, rival = winner.point, winner.rival or _second(here.points, costs, winner.point)
    best = here.points.index(recommended)
    comparisons = []
    for point in _one_of_each_kind(here, costs, recommended, rival):
        pair = [best, here.points.index(point)]
        difference = paired_difference(costs[pair[1]], costs[best], confidence)
        parts: list[Part] = []  # a percentile has none: only means add up
        if objective == column_of(objective):
            parts = find_parts(scenario, objective, played.measures[pair], confidence)
        comparisons.append(Comparison(point, difference, tuple(parts)))
    ways = (strategy_of(here, recommended), strategy_of(here, rival))
    flips = find_flips(
        source, parameters, recommended, replications=count, jobs=jobs, on_progress=on_progress
    )
    varied = [p if p.path in (ranges or {}) else around(p) for p in parameters]
    swings = find_swings(source, varied, ways, replications=count, jobs=jobs)
    return Explanation(
        name=scenario.name,
        tasks=here.tasks,
        winner=winner,
        rival=rival,
        comparisons=tuple(comparisons),
        swings=tuple(swings),
        flips=tuple(flips),
        objective=objective,
        confidence=confidence,
        indifference=indifference,
        replications=count,
        seed=scenario.study.seed,
        sha256=scenario.fingerprint,
    )


def _varied(source: Source, path: str) -> Parameter:
    parameter = parameter_at(source, path)
    if parameter.value != parameter.value:
        raise DesignError(f"{path}: the scenario has no value there to start from; give it one")
    return parameter


def _second(points: Sequence[Point], costs: Any, best: Point) -> Point:
    others = [number for number, point in enumerate(points) if point != best]
    if not others:
        raise DesignError("there is only one way to dispatch this batch; name more strategies to compare")
    return points[min(others, key=lambda number: float(costs[number].mean()))]


def _one_of_each_kind(here: Place, costs: Any, best: Point, rival: Point) -> list[Point]:
    """Return the rival, and the best of each kind that is neither its nor the recommended one's."""
    found = {kind_of(rival, here.tasks): rival}
    for number in sorted(range(len(here.points)), key=lambda number: float(costs[number].mean())):
        point = here.points[number]
        if (kind := kind_of(point, here.tasks)) != kind_of(best, here.tasks):
            found.setdefault(kind, point)
    return list(found.values())


def _point(point: Point) -> dict[str, Any]:
    return {"strategy": point[0], "concurrency": point[1] or None}
