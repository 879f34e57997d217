"""The search for the best settings of several decision variables.

It goes over the values of one variable at a time, then over all pairs of steps in case two variables have to
move together, until none moves. It starts from several concurrencies: an impatient client makes a wide queue
look bad, and a narrow queue needs no patient client.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.decision_variables import DecisionVariable
from dispatch_sim.decide.grid import try_grid_point
from dispatch_sim.decide.sampling import FACTOR, FIRST, Sampled, Sampler, contenders
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.strategy import Strategy

MAX_PASSES = 4
"""Most passes over all variables from one start."""

Settings = tuple[int, ...]
"""The number of each variable's value."""


class Simulator:
    """Simulates settings, those that may be the best with more replications than others."""

    def __init__(
        self, source: Source, queue: Strategy, variables: Sequence[DecisionVariable], sampler: Sampler
    ) -> None:
        self.variables = variables
        self._source, self._queue, self._sampler = source, queue, sampler
        self._confidence = source.scenario().study.confidence
        self._sampled: dict[Settings, Sampled | None] = {}
        self._sources: dict[tuple[Any, ...], Source] = {}

    def simulate(self, wanted: Sequence[Settings], replications: int, worth: float = 0.0) -> None:
        """Simulate settings, those that are worse than the best of them beyond doubt only a little.

        Parameters
        ----------
        worth : of settings that gain no more, few replications are enough as well.
        """
        left, number = list(self._possible(wanted)), min(FIRST, replications)
        while True:
            self.simulate_all(list(left), number)
            if left:
                best = contenders([self.costs(each) for each in left], self._confidence, worth)
                left = [left[i] for i in best]
            if number == replications or len(left) < 2:
                return
            number = min(FACTOR * number, replications)

    def simulate_all(self, wanted: Sequence[Settings], replications: int) -> None:
        """Simulate settings with a number of replications."""
        possible = self._possible(wanted).values()
        self._sampler.extend([(each, np.arange(1), replications) for each in possible], self._sampler.share)

    def _possible(self, wanted: Sequence[Settings]) -> dict[Settings, Sampled]:
        found = {}
        for settings in wanted:
            if settings not in self._sampled:
                values = {each.path: each.values[i] for each, i in zip(self.variables, settings, strict=True)}
                options = {path: values.pop(path) for path in list(values) if "." not in path}
                # Checking a scenario takes longer than its simulation; most differ in the queue alone.
                key = tuple(values.values())
                if key not in self._sources:
                    self._sources[key] = self._source.replaced(values)
                point = try_grid_point(self._sources[key], {}, [replace(self._queue, **options)])
                self._sampled[settings] = None if point is None else Sampled(point)
            if sampled := self._sampled[settings]:
                found[settings] = sampled
        return found

    def costs(self, settings: Settings) -> NDArray[np.float64]:
        """Return the costs of simulated settings; none where they are impossible."""
        sampled = self._sampled[settings]
        return np.empty(0) if sampled is None else sampled.samples(sampled.everything)[0]

    def gain(self, settings: Settings, here: Settings) -> float:
        """Return what settings save against others on average; minus infinity where they are impossible."""
        costs, others = self.costs(settings), self.costs(here)
        common = min(costs.size, others.size)
        if not common:
            return math.inf if costs.size else -math.inf
        return float((others[:common] - costs[:common]).mean())

    def best(self, of: Sequence[Settings]) -> Settings:
        """Return the settings with the least mean among those with the most replications."""
        most = max(self.costs(settings).size for settings in of)
        left = [settings for settings in of if self.costs(settings).size == most]
        return min(left, key=lambda settings: self.costs(settings).mean()) if most else of[0]

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
    simulator: Simulator, present: Settings, worth: float, replications: int, report: Callable[[float], None]
) -> tuple[Settings, bool]:
    """Return the best settings, and whether no step away from them gains more than it is worth.

    Parameters
    ----------
    report : called with the share of the search that is done.
    """

    def better(here: Settings, of: Sequence[Settings]) -> Settings:
        every = list(dict.fromkeys([here, *of]))
        simulator.simulate(every, replications, worth)
        best = simulator.best(every)
        return best if simulator.gain(best, here) > worth else here

    def descend(here: Settings) -> tuple[Settings, bool]:
        for _ in range(MAX_PASSES):
            before = here
            for number in reversed(range(len(present))):  # the concurrency last: it is what starts differ in
                here = better(here, simulator.line(here, number))
            here = better(here, simulator.pairs(here))
            if here == before:
                return here, True
        return here, False

    numbers = len(simulator.variables[0].values)
    further = sorted({numbers // 3, 2 * numbers // 3, numbers - 1})
    starts = list(dict.fromkeys([present, *((number, *present[1:]) for number in further)]))
    found: dict[Settings, bool] = {}
    for number, start in enumerate(starts, 1):
        here, is_end = descend(start)
        found[here] = found.get(here, False) or is_end
        report(number / len(starts))
    best = better(next(iter(found)), list(found))
    return best, found[best]
