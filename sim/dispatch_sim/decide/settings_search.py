"""The search for the best settings of several decision variables.

It goes over the values of one variable at a time, then over all pairs of steps in case two variables have to
move together, until none moves. It starts from several concurrencies: an impatient client makes a wide queue
look bad, and a narrow queue needs no patient client.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.decision_variables import DecisionVariable
from dispatch_sim.decide.grid import simulate_points, try_grid_point
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.runner import OnProgress

MAX_PASSES = 4
"""Most passes over all variables from one start."""

Settings = tuple[int, ...]
"""The number of each variable's value."""


class Simulator:
    """Simulates settings, each once."""

    def __init__(
        self,
        source: Source,
        queue: Strategy,
        variables: Sequence[DecisionVariable],
        replications: int,
        jobs: int,
    ) -> None:
        self.variables = variables
        self._source, self._queue = source, queue
        self._replications, self._jobs = replications, jobs
        self._costs: dict[Settings, NDArray[np.float64] | None] = {}

    def simulate(self, wanted: Sequence[Settings]) -> None:
        """Simulate settings that have not been simulated yet."""
        points = {}
        for settings in dict.fromkeys(wanted):
            if settings in self._costs:
                continue
            values = {each.path: each.values[i] for each, i in zip(self.variables, settings, strict=True)}
            queue = self._queue.at(values.pop("concurrency"))
            self._costs[settings] = None
            if point := try_grid_point(self._source, values, [queue]):
                points[settings] = point
        if points:
            costs = simulate_points(list(points.values()), self._replications, self._jobs)
            self._costs |= {settings: cost[0] for settings, cost in zip(points, costs, strict=True)}

    def costs(self, settings: Settings) -> NDArray[np.float64] | None:
        """Return the costs of simulated settings; None where they are impossible."""
        return self._costs[settings]

    def mean(self, settings: Settings) -> float:
        """Return their mean, infinite where they are impossible."""
        costs = self._costs[settings]
        return float("inf") if costs is None else float(costs.mean())

    def line(self, around: Settings, number: int) -> list[Settings]:
        """Return the settings that differ in one variable alone."""
        values = range(len(self.variables[number].values))
        return [(*around[:number], value, *around[number + 1 :]) for value in values]

    def pairs(self, around: Settings) -> list[Settings]:
        """Return the settings that are one step away in each of two variables."""
        found = []
        for one, other in combinations(range(len(self.variables)), 2):
            for step, other_step in product((-1, 1), repeat=2):
                settings = list(around)
                settings[one] += step
                settings[other] += other_step
                if all(0 <= settings[i] < len(self.variables[i].values) for i in (one, other)):
                    found.append(tuple(settings))
        return found


def find_best(
    simulator: Simulator, present: Settings, worth: float, on_progress: OnProgress | None
) -> Settings:
    """Return the best settings. A change that gains no more than it is worth is not made."""

    def better(here: Settings, of: Sequence[Settings]) -> Settings:
        simulator.simulate(of)
        least = min([here, *of], key=simulator.mean)
        return least if simulator.mean(least) < simulator.mean(here) - worth else here

    def descend(here: Settings) -> Settings:
        for _ in range(MAX_PASSES):
            before = here
            for number in reversed(range(len(present))):  # the concurrency last: it is what starts differ in
                here = better(here, simulator.line(here, number))
            here = better(here, simulator.pairs(here))
            if here == before:
                break
        return here

    numbers = len(simulator.variables[0].values)
    further = sorted({numbers // 3, 2 * numbers // 3, numbers - 1})
    starts = list(dict.fromkeys([present, *((number, *present[1:]) for number in further)]))
    simulator.simulate(starts)
    found = []
    for number, start in enumerate(starts):
        found.append(descend(start))
        if on_progress is not None:
            on_progress(number + 1, len(starts))
    return better(found[0], found)
