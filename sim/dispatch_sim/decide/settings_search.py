"""The decision variables of a queue: concurrency, pacing, timeout, retries, backoff; and their best settings.

The search goes over the values of one variable at a time, then over all pairs of steps in case two variables
have to move together, until none moves. It starts from several concurrencies: an impatient client makes a
wide queue look bad, and a narrow queue needs no patient client.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.sampling import FACTOR, FIRST, Sampled, Sampler, contenders, try_sampled
from dispatch_sim.decide.units import UNITS
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy

MAX_PASSES = 4
"""Most passes over all variables from one start."""

_TIMEOUTS = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0)
"""Of the median time of an unimpeded attempt of the slowest group."""

_CONCURRENCIES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96)
_ATTEMPTS = (1, 2, 3, 4, 5, 8)
_RETRIES = (0, 1, 2, 3, 5, 8, 12, 20)
_BACKOFFS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class DecisionVariable:
    """A setting that is tuned: its values in order, and the number of the scenario's own one.

    Values are as a scenario writes them, labels as people do. A path without a dot is an option of the queue.
    """

    name: str
    path: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    present: int


def find_decision_variables(scenario: Scenario, queue: Strategy) -> list[DecisionVariable]:
    """Return the decision variables, each with its values, the scenario's own among them.

    Pacing is one where the scenario has queues with and without it.
    """
    usual = max(scenario.median_time(group) for group in scenario.tasks)
    concurrencies = [each for each in _CONCURRENCIES if each <= scenario.batch_size]
    own = min(queue.concurrency or max(scenario.sweep.concurrency), scenario.batch_size)
    timeouts = [float(f"{part * usual:.2g}") for part in _TIMEOUTS]
    retry, client, hard = scenario.retry, scenario.client, scenario.timeouts.hard
    paces = tuple(dict.fromkeys([queue.pace, *(s.pace for s in scenario.strategies if s.kind == "queue")]))
    pacing = [DecisionVariable("pacing of calls", "pace", paces, paces, 0)]
    return [
        _variable("concurrency of the queue", "concurrency", concurrencies, own),
        _variable("attempts of a task", "retry.max_attempts", _ATTEMPTS, retry.max_attempts),
        _variable("retries of a rate-limited call", "client.retries", _RETRIES, client.retries),
        _variable("first backoff", "client.initial", _BACKOFFS, client.initial, "seconds"),
        _variable("timeout of an attempt", "timeouts.hard", timeouts, hard, "seconds", ("none",)),
        *(pacing if len(paces) > 1 else []),
    ]


def _variable(
    name: str,
    path: str,
    values: Sequence[float],
    own: float | None,
    unit: str = "",
    off: tuple[str, ...] = (),
) -> DecisionVariable:
    """Return a variable; that it is off comes last, if it may be."""
    numbers = sorted({*values} if own is None else {*values, own})
    show: Callable[[float], str] = UNITS[unit].show if unit else str
    written = [UNITS[unit].write(number) if unit else number for number in numbers]
    labels = [show(number) for number in numbers]
    present = len(numbers) if own is None else numbers.index(own)
    return DecisionVariable(name, path, (*written, *off), (*labels, *off), present)


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

        Of settings that gain no more than they are worth, few replications are enough as well.
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
                queue = replace(self._queue, **options)
                self._sampled[settings] = try_sampled(self._sources[key], {}, [queue])
            if sampled := self._sampled[settings]:
                found[settings] = sampled
        return found

    def costs(self, settings: Settings) -> NDArray[np.float64]:
        """Return the costs of simulated settings; none where they are impossible."""
        sampled = self._sampled[settings]
        return np.empty(0) if sampled is None else sampled.samples[0]

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

    `report` is called with the share of the search that is done.
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
