"""The interface of the compiled engine: a state in which replications of design points are simulated."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import codes
from dispatch_sim.engine.layout import values_of
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.engine.records import (
    CONTROL,
    MAX_DISTRIBUTIONS,
    MAX_LINKS,
    MAX_LOG,
    MAX_RESOURCES,
    MAX_ROWS,
    MAX_SAMPLE_VALUES,
    MAX_SHARED_VARIATES,
    STATE,
)
from dispatch_sim.engine.store import engine
from dispatch_sim.model.events import Activity, Event
from dispatch_sim.model.outcome import MEASURES, Outcome, outcome_of
from dispatch_sim.model.plan import Plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.model import Scenario, Values
from dispatch_sim.scenario.provider import Prices


class Machine:
    """Simulates one block of replications at a time, in a state that it keeps.

    The state reserves address space for the largest batch; of it only what is used takes memory.
    """

    def __init__(self) -> None:
        self._memory = np.zeros(1, STATE)
        self._state: Any = self._memory[0]
        self._state["new_task"]["activity_call"] = self._state["new_task"]["failure"] = -1
        self._shared: Sequence[FlatPlan] = ()
        self._replications = range(0)

    def share(self, plans: Sequence[FlatPlan], replications: range) -> None:
        """Have the variates of first attempts drawn once for all plans of a scenario."""
        sizes = np.max([plan.group_sizes for plan in plans], axis=0)
        ends = np.cumsum(sizes)
        self._first_variates = ends - sizes
        fits = len(replications) * int(ends[-1]) <= MAX_SHARED_VARIATES
        self._state["block"] += 1
        self._state["first_replication"] = replications.start
        self._state["shared_tasks"] = ends[-1] if fits else 0
        self._shared, self._replications = plans, replications

    def simulate_priced(
        self,
        plans: Sequence[FlatPlan],
        replications: range,
        scenarios: Sequence[Scenario],
        stop: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the measures of design points in scenarios that differ in prices and values alone.

        They are simulated once. Where another thread sets the number of `stop` to something, this ends after
        the current replication; the rows then hold nothing.

        Returns
        -------
        Shape (scenarios, plans, replications, measures).
        """
        control = np.zeros(1, np.int64) if stop is None else stop
        rows = np.empty((len(scenarios), len(plans), len(replications), len(MEASURES)))
        self._value(scenarios)
        for number, plan in enumerate(plans):
            self._simulate(plan, replications, scenarios, control, rows[:, number])
        return rows

    def _simulate(
        self,
        plan: FlatPlan,
        replications: range,
        scenarios: Sequence[Scenario],
        control: NDArray[np.int64],
        rows: NDArray[np.float64],
    ) -> None:
        """Simulate replications into rows; those that do not fit the state by SimPy."""
        fits = _fits(plan)
        if fits:
            self._load(plan, replications)
        measures = self._state["rows"]["measures"]
        done = 0
        while done < len(replications) and not control[0]:
            asked = min(len(replications) - done, MAX_ROWS // len(scenarios))
            simulated = self._run(control, replications[done], asked) if fits else 0
            found = measures[: simulated * len(scenarios)].reshape(simulated, len(scenarios), len(MEASURES))
            rows[:, done : done + simulated] = found.swapaxes(0, 1)
            done += simulated
            if simulated < asked and not control[0]:
                for number, scenario in enumerate(scenarios):
                    priced = replace(plan.plan, scenario=scenario)
                    rows[number, done] = _by_simpy(priced, replications[done])
                done += 1

    def simulate(self, plan: FlatPlan, replication: int, log: list[Event]) -> Outcome:
        """Simulate one replication of a design point, and append its events to a log."""
        self._value([plan.plan.scenario])
        fits = _fits(plan)
        if fits:
            self._load(plan, range(replication, replication + 1), MAX_LOG)
        if not (fits and self._run(np.zeros(1, np.int64), replication, 1)):
            return _by_simpy(plan.plan, replication, log)
        kinds = list(Activity)
        for start_s, end_s, kind, *rest in self._state["log"][: self._state["world"]["log_length"]].tolist():
            log.append(Event(start_s, end_s, kinds[kind], *rest))
        return outcome_of(self._state["rows"]["measures"][0].tolist())

    def _value(self, scenarios: Sequence[Scenario]) -> None:
        """Take the prices and values of scenarios over into the state."""
        self._state["valued"] = len(scenarios)
        for number, scenario in enumerate(scenarios):
            prices, values = scenario.provider.prices, scenario.values
            self._state["valuations"][number] = values_of(Prices, prices), values_of(Values, values)

    def _load(self, plan: FlatPlan, replications: range, log_room: int = 0) -> None:
        """Take a design point over into the state, which has room for a log of so many events."""
        self._state["log_room"] = log_room
        shares = any(plan is other for other in self._shared)
        within = replications.start in self._replications and replications[-1] in self._replications
        if not (shares and within):
            self._state["shared_tasks"] = 0
            self._shared = ()
        for name, values in plan.fields.items():
            if values.ndim == 0:
                self._state[name] = values
            else:
                self._state[name][: len(values)] = values
        if self._state["shared_tasks"]:
            self._state["groups"]["first_variates"][: len(self._first_variates)] = self._first_variates

    def _run(self, control: NDArray[np.int64], first: int, count: int) -> int:
        """Simulate replications; return how many have a result.

        Raises
        ------
        RuntimeError
            Where one never ends: an error in the engine.
        """
        simulated = engine()(self._memory, control.view(CONTROL), first, count)
        if self._state["world"]["is_deadlocked"]:
            raise RuntimeError(
                f"no event is left in replication {self._state['replication']}, which has not ended"
            )
        return simulated


def _fits(plan: FlatPlan) -> bool:
    """Whether the state's arrays have room for a design point."""
    resources = codes.FIRST_LOCK + int(plan.fields["plan"]["locks"])
    return (
        len(plan.fields["links"]) <= MAX_LINKS
        and len(plan.fields["distributions"]) <= MAX_DISTRIBUTIONS
        and len(plan.fields["samples"]) <= MAX_SAMPLE_VALUES
        and resources <= MAX_RESOURCES
    )


def _by_simpy(plan: Plan, replication: int, log: list[Event] | None = None) -> Outcome:
    """Simulate a replication that does not fit the state: more events at once, or merges of a task."""
    from dispatch_sim.model.simulation import simulate

    return simulate(plan, Variates(plan.scenario, replication), log)
