"""The timeout, the retries, the backoff and the width that minimise the objective, and how flat it is there.

One knob at a time over its values, then all pairs of steps in case two have to move together, again and again
until none moves; from several widths, since a client that is not patient ties a wide queue down, and a narrow
queue needs no patient client. What is found is judged on other replications than those that it was found
with, as the least of noisy means looks better than it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.decision_variables import Knob, find_knobs
from dispatch_sim.decide.grid import find_place, play_places, without_factors
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.loader import Given, Source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.stats.screening import screen
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.objectives import OBJECTIVES
from dispatch_sim.study.runner import OnProgress

MOST_PASSES = 4
"""Times that all knobs are gone through from one start, at most."""

Settings = tuple[int, ...]
"""The number of each knob's value."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One value of a knob, all others at their best.

    Attributes
    ----------
    label : the value.
    more : what it has more than the best value, paired, and simultaneous over the values of the knob; None
        where the batch cannot be played.
    as_good : not shown to be worse, or worse by less than anybody would act on.
    """

    label: str
    more: Estimate | None
    as_good: bool

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        more = None if self.more is None else self.more.to_json()
        return {"value": self.label, "more": more, "as_good": self.as_good}


@dataclass(frozen=True, slots=True)
class Tuned:
    """A knob and its best value.

    Attributes
    ----------
    knob : what is set.
    best : the number of its best value.
    trials : all of its values, in order.
    """

    knob: Knob
    best: int
    trials: tuple[Trial, ...]

    @property
    def flat(self) -> tuple[str, ...]:
        """The values that are as good as the best one."""
        return tuple(trial.label for trial in self.trials if trial.as_good)

    @property
    def matters(self) -> bool:
        """Whether any value is shown to be worse."""
        return len(self.flat) < len(self.trials)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "knob": self.knob.name,
            "path": self.knob.path,
            "best": self.knob.labels[self.best],
            "now": self.knob.labels[self.knob.present],
            "flat": list(self.flat),
            "matters": self.matters,
            "values": [trial.to_json() for trial in self.trials],
        }


@dataclass(frozen=True)
class Tuning(Displayed):
    """What tuning comes to.

    Attributes
    ----------
    name : of the scenario.
    tasks : size of the batch.
    strategy : the queue whose concurrency is tuned.
    tuned : the knobs.
    saves : what the best settings save against the scenario's own, on replications of their own.
    mean : of the best settings, on these.
    joint : pairs of steps, away from the best settings in two knobs at once, none of which was better.
    objective, confidence, indifference, replications, seed, sha256 : what it rests on.
    """

    name: str
    tasks: int
    strategy: Strategy
    tuned: tuple[Tuned, ...]
    saves: Estimate
    mean: float
    joint: int
    objective: str
    confidence: float
    indifference: float
    replications: int
    seed: int
    sha256: str

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
            "strategy": self.strategy.label,
            "mean": self.mean,
            "saves": self.saves.to_json(),
            "knobs": [tuned.to_json() for tuned in self.tuned],
            "joint_steps_tried": self.joint,
        }


class _Bench:
    """Plays settings, each once."""

    def __init__(
        self, source: Source, queue: Strategy, knobs: Sequence[Knob], replications: int, jobs: int
    ) -> None:
        self._source, self._queue, self._knobs = source, queue, knobs
        self._replications, self._jobs = replications, jobs
        self._costs: dict[Settings, NDArray[np.float64] | None] = {}

    def play(self, wanted: Sequence[Settings]) -> None:
        """Play what has not been played yet; what cannot be played is remembered as such."""
        places = {}
        for settings in dict.fromkeys(wanted):
            if settings in self._costs:
                continue
            put = {knob.path: knob.values[i] for knob, i in zip(self._knobs, settings, strict=True)}
            width = put.pop("concurrency")
            try:
                places[settings] = find_place(self._source, put, [self._queue.at(width)])
            except ScenarioError:
                self._costs[settings] = None
        if places:
            played = play_places(list(places.values()), self._replications, self._jobs)
            for settings, costs in zip(places, played, strict=True):
                self._costs[settings] = costs[0]

    def costs(self, settings: Settings) -> NDArray[np.float64] | None:
        """Return the costs of settings that were asked for; None where they cannot be played."""
        return self._costs[settings]

    def mean(self, settings: Settings) -> float:
        """Return their mean, infinite where they cannot be played."""
        costs = self._costs[settings]
        return float("inf") if costs is None else float(costs.mean())


def tune(
    source: Given,
    *,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Tuning:
    """Find the timeout, retries, backoff and width of the queue that minimise the scenario's objective.

    A knob that gains no more than anybody would act on stays as it is.

    Parameters
    ----------
    source : the scenario, or its file; its first queue, or a plain one, is what is tuned.
    replications : of each setting, in the search and once more in judging; default: the scenario's.
    jobs : workers; the answer does not depend on it.
    on_progress : called with the starts done and all of them.

    Raises
    ------
    ScenarioError, DesignError
        With a message for the user.
    KeyboardInterrupt
        Where interrupted.
    """
    source = without_factors(source)
    scenario = source.scenario()
    count = replications or scenario.study.first
    queue = next((s for s in scenario.strategies if s.kind == "queue"), Strategy("queue"))
    knobs = find_knobs(scenario, queue)
    objective, confidence = OBJECTIVES[scenario.objective.minimise], scenario.study.confidence
    bench = _Bench(source, queue, knobs, count, jobs)
    if queue.concurrency is None:  # then the width that is the best as things are is what there is now
        widths = _line(knobs, tuple(knob.present for knob in knobs), 0)
        bench.play(widths)
        knobs[0] = replace(knobs[0], present=min(widths, key=bench.mean)[0])
    present = tuple(knob.present for knob in knobs)
    bench.play([present])
    now = bench.costs(present)
    indifference = scenario.threshold.at(0.0 if now is None else float(now.mean()))
    best, pairs = _search(bench, knobs, present, indifference, on_progress)

    other_seed = (scenario.study.seed + 1) % 2**64
    judge = _Bench(source.replaced({"study.seed": other_seed}), queue, knobs, count, jobs)
    judge.play([best, present, *(s for number in range(len(knobs)) for s in _line(knobs, best, number))])
    found, now = judge.costs(best), judge.costs(present)
    if found is None:
        raise DesignError("none of the settings can be played; dispatch-sim check says why")
    return Tuning(
        name=scenario.name,
        tasks=scenario.batch_size,
        strategy=queue.at(None),
        tuned=tuple(
            _judged(judge, knobs, best, number, confidence, indifference) for number in range(len(knobs))
        ),
        saves=paired_difference(found if now is None else now, found, confidence),
        mean=float(found.mean()),
        joint=len(pairs),
        objective=objective,
        confidence=confidence,
        indifference=indifference,
        replications=count,
        seed=scenario.study.seed,
        sha256=scenario.fingerprint,
    )


def _search(
    bench: _Bench,
    knobs: Sequence[Knob],
    present: Settings,
    worth: float,
    on_progress: OnProgress | None,
) -> tuple[Settings, list[Settings]]:
    """Return the best settings, and the pairs of steps around them that were tried.

    What gains no more than is worth a change stays as it is.
    """

    def better(here: Settings, of: Sequence[Settings]) -> Settings:
        bench.play(of)
        least = min([here, *of], key=bench.mean)
        return least if bench.mean(least) < bench.mean(here) - worth else here

    def descend(here: Settings) -> Settings:
        for _ in range(MOST_PASSES):
            before = here
            for number in reversed(range(len(knobs))):  # the width last: it is what the starts differ in
                here = better(here, _line(knobs, here, number))
            here = better(here, _pairs(knobs, here))
            if here == before:
                break
        return here

    widths = len(knobs[0].values)
    starts = [
        present,
        *((number, *present[1:]) for number in sorted({widths // 3, 2 * widths // 3, widths - 1})),
    ]
    bench.play(starts)
    found = []
    for number, start in enumerate(dict.fromkeys(starts)):
        found.append(descend(start))
        if on_progress is not None:
            on_progress(number + 1, len(set(starts)))
    best = better(found[0], found)
    return best, _pairs(knobs, best)


def _line(knobs: Sequence[Knob], around: Settings, number: int) -> list[Settings]:
    """Return the settings that differ in one knob alone."""
    return [(*around[:number], value, *around[number + 1 :]) for value in range(len(knobs[number].values))]


def _pairs(knobs: Sequence[Knob], around: Settings) -> list[Settings]:
    """Return the settings that are one step away in each of two knobs."""
    found = []
    for one, other in combinations(range(len(knobs)), 2):
        for step, other_step in product((-1, 1), repeat=2):
            settings = list(around)
            settings[one] += step
            settings[other] += other_step
            if all(0 <= settings[i] < len(knobs[i].values) for i in (one, other)):
                found.append(tuple(settings))
    return found


def _judged(
    judge: _Bench,
    knobs: Sequence[Knob],
    best: Settings,
    number: int,
    confidence: float,
    indifference: float,
) -> Tuned:
    here = judge.costs(best)
    assert here is not None
    knob = knobs[number]
    played = {
        value: costs
        for value, settings in enumerate(_line(knobs, best, number))
        if value != best[number] and (costs := judge.costs(settings)) is not None
    }
    screened = screen(np.array(list(played.values())).reshape(-1, here.size), here, confidence, indifference)
    as_good = ~screened.is_worse | screened.is_equal
    trials = [Trial(label, None, as_good=False) for label in knob.labels]
    trials[best[number]] = Trial(knob.labels[best[number]], Estimate(0.0, 0.0, 0.0, here.size), as_good=True)
    for at, value in enumerate(played):
        trials[value] = Trial(knob.labels[value], screened.difference(at), as_good=bool(as_good[at]))
    return Tuned(knob, best[number], tuple(trials))


def settings_of(tuning: Tuning) -> Mapping[str, Any]:
    """Return the best settings by path, as a scenario writes them."""
    return {tuned.knob.path: tuned.knob.values[tuned.best] for tuned in tuning.tuned}
