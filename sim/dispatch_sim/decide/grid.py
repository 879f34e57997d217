"""Plays a scenario with other values in place of its own, and keeps what each way costs there.

A *place* is a set of such values, by the path of the key that each replaces; `tasks` stands for the size of
the batch. All places play the same replications (common random numbers), so that what differs between two of
them is not noise between samples.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.model.plan import make_batch, plan_batch
from dispatch_sim.scenario import factors
from dispatch_sim.scenario.loader import Given, Source, as_source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.design import Design, DesignError, Variant, spread
from dispatch_sim.study.objectives import OBJECTIVES, costs_of
from dispatch_sim.study.runner import OnProgress, simulate_design

BATCH = "tasks"
"""The path that stands for the size of the batch."""

MOST_PLAYS = 20_000_000
"""Most replications of one question, all places and ways together; they take minutes."""

_ROWS_AT_ONCE = 200_000
"""Rows of all measures that are held at once, of which one column is kept: 100 MB."""


_LOG = logging.getLogger("dispatch_sim")


@dataclass(frozen=True)
class Place:
    """A scenario at one set of values, and the ways to dispatch its batch.

    Attributes
    ----------
    values : what was put in, by path.
    variant : the scenario, and a plan for each way.
    """

    values: Mapping[str, Any]
    variant: Variant

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The ways, in the order of the plans."""
        return tuple(plan.strategy for plan in self.variant.plans)

    @property
    def tasks(self) -> int:
        """Size of the batch."""
        return len(self.variant.plans[0].tasks)


def find_place(source: Source, values: Mapping[str, Any], ways: Sequence[Strategy] | None = None) -> Place:
    """Put values into a scenario.

    Parameters
    ----------
    source : as `without_factors` returns it.
    values : by path.
    ways : what to play, each with a width where it needs one; those wider than the batch are left out.
        Default: the scenario's strategies, at every width of its sweep.

    Raises
    ------
    ScenarioError
        Where a value does not fit.
    DesignError
        Where every way is wider than the batch.
    """
    put = {path: value for path, value in values.items() if path != BATCH}
    scenario = (source.replaced(put) if put else source).scenario()
    tasks = int(values.get(BATCH, scenario.batch_size))
    batch = make_batch(scenario, tasks)
    if ways is None:
        ways = spread(scenario, tasks)
    ways = [way for way in ways if (way.within(tasks).concurrency or tasks) <= tasks]
    if not ways:
        raise DesignError("there is nothing to play: every width is beyond the batch; write a smaller one")
    plans = tuple(plan_batch(scenario, way, batch) for way in ways)
    return Place(dict(values), Variant((), scenario, plans))


def play_places(
    places: Sequence[Place],
    replications: int,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
    measure: str | None = None,
) -> list[NDArray[np.float64]]:
    """Play places, and return what each of their ways comes to.

    Parameters
    ----------
    places : see `find_place`.
    replications : of each way at each place.
    jobs : workers; results do not depend on it.
    on_progress : called with the places done and all of them.
    measure : which; default: the objective of the scenario.

    Returns
    -------
    For each place shape (ways, replications), in the order of its strategies.

    Raises
    ------
    DesignError
        As `simulate_design`, and where it would take too long.
    KeyboardInterrupt
        Where interrupted: part of a picture answers nothing.
    """
    plays = replications * sum(len(place.strategies) for place in places)
    if plays > MOST_PLAYS:
        raise DesignError(
            f"{len(places):,} places of {replications:,} replications are {plays:,} plays; at most "
            f"{MOST_PLAYS:,} are made: ask for fewer replications, places or widths"
        )
    column = measure or OBJECTIVES[places[0].variant.scenario.objective.minimise]
    found: list[NDArray[np.float64]] = []
    for group in _groups(places, replications):
        design = Design((), tuple(place.variant for place in group), replications)
        measures = simulate_design(design, jobs, _of_all(on_progress, len(found), len(group), len(places)))
        ends = np.cumsum([len(place.strategies) for place in group])
        # A copy: a part of the whole would keep all of it.
        found += [part.copy() for part in np.split(costs_of(measures, column), ends[:-1])]
    return found


def _of_all(on_progress: OnProgress | None, before: int, group: int, places: int) -> OnProgress | None:
    """Return what turns a group's progress into that of all places."""
    if on_progress is None:
        return None
    return lambda done, total: on_progress(before + group * done // total, places)


def _groups(places: Sequence[Place], replications: int) -> list[list[Place]]:
    groups: list[list[Place]] = [[]]
    rows = 0
    for place in places:
        more = len(place.strategies) * replications
        if groups[-1] and rows + more > _ROWS_AT_ONCE:
            groups.append([])
            rows = 0
        groups[-1].append(place)
        rows += more
    return groups


def without_factors(given: Given) -> Source:
    """Return a source whose sweep has no further factors, so that other keys can be put into it one by one.

    What is asked of it then takes no account of a deadline or a budget, of which the user is told.

    Raises
    ------
    ScenarioError
        With what is wrong with the scenario.
    """
    source = as_source(given)
    scenario = source.scenario()
    tell_of_limits(scenario)
    if not scenario.sweep.factors:
        return source
    sweep = {"tasks": list(scenario.sweep.tasks), "concurrency": list(scenario.sweep.concurrency)}
    plain = source.replaced({"sweep": sweep})
    try:
        plain.scenario()
    except ScenarioError:
        # It cannot be played without a key that only an axis gives.
        plain = source.replaced(factors.first_levels(source.raw)).replaced({"sweep": sweep})
    return plain


def tell_of_limits(scenario: Scenario) -> None:
    """Warn where a scenario has a deadline or a budget, and what is compared is its objective alone."""
    named = [key for key in ("deadline", "budget") if getattr(scenario.objective, key) is not None]
    if named:
        _LOG.warning(
            "objective.%s: only sweep and compare leave out what misses it; what follows is by the %s alone",
            " and ".join(named),
            scenario.objective.minimise,
        )
