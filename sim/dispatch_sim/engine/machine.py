"""The interface of the compiled engine: a state in which replications of design points are simulated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import codes
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.engine.records import (
    CONTROL,
    MAX_DISTRIBUTIONS,
    MAX_LINKS,
    MAX_LOG,
    MAX_RESOURCES,
    MAX_RESULTS,
    MAX_SAMPLE_VALUES,
    MAX_SHARED_VARIATES,
    RESULT,
    STATE,
)
from dispatch_sim.engine.store import engine
from dispatch_sim.model.accounting import Ledger, Purpose, Usage
from dispatch_sim.model.events import Activity, Event, State
from dispatch_sim.model.failures import Failure
from dispatch_sim.model.outcome import MEASURES, WHOLE, Outcome
from dispatch_sim.model.plan import Plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy


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
        """Have the variates of first attempts drawn once for all plans of a scenario, in these replications."""
        sizes = np.max([plan.group_sizes for plan in plans], axis=0)
        ends = np.cumsum(sizes)
        self._first_variates = ends - sizes
        fits = len(replications) * int(ends[-1]) <= MAX_SHARED_VARIATES
        self._state["block"] += 1
        self._state["first_replication"] = replications.start
        self._state["shared_tasks"] = ends[-1] if fits else 0
        self._shared, self._replications = plans, replications

    def simulate_block(
        self, plan: FlatPlan, first: int, count: int, stop: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Return the measures of replications, shape (count, measures).

        Parameters
        ----------
        plan : the design point.
        first, count : which replications.
        stop : where another thread sets its number to something, this ends after the current replication;
            the rows then hold nothing.
        """
        return np.asarray(self.simulate_plans([plan], range(first, first + count), stop)[0])

    def simulate_plans(
        self, plans: Sequence[FlatPlan], replications: range, stop: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Return the measures of design points of one scenario, shape (plans, replications, measures)."""
        return np.asarray(self.simulate_priced(plans, replications, [plans[0].plan.scenario], stop)[0])

    def simulate_priced(
        self,
        plans: Sequence[FlatPlan],
        replications: range,
        scenarios: Sequence[Scenario],
        stop: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the measures of design points in scenarios that differ in prices and values alone.

        They are simulated once. Their ledgers are closed together, as closing one takes as long as the
        simulation of 15 replications.

        Returns
        -------
        Shape (scenarios, plans, replications, measures).
        """
        control = np.zeros(1, np.int64) if stop is None else stop
        results = np.zeros((len(plans), len(replications)), RESULT)
        unfit = [
            (number, i)
            for number, plan in enumerate(plans)
            for i in self._simulate(plan, replications, control, results[number])
        ]
        rows = np.zeros((len(scenarios), *results.shape, len(MEASURES)))
        if control[0]:
            return rows
        is_solo = np.array([plan.plan.strategy.kind == "solo" for plan in plans])
        for alike in (is_solo, ~is_solo):
            if alike.any():
                strategy = plans[int(alike.argmax())].plan.strategy
                for number, scenario in enumerate(scenarios):
                    ended = results[alike].ravel()  # a copy, as closing changes it
                    closed = _outcomes(ended, scenario, strategy)
                    rows[number, alike] = closed.reshape(-1, *rows.shape[2:])
        for number, scenario in enumerate(scenarios):
            for point, i in unfit:
                plan = replace(plans[point].plan, scenario=scenario)
                rows[number, point, i] = _by_simpy(plan, replications[i])
        return rows

    def _simulate(
        self, plan: FlatPlan, replications: range, control: NDArray[np.int64], results: NDArray[np.void]
    ) -> Iterator[int]:
        """Simulate replications into `results`; yield the numbers of those that do not fit the state."""
        if not _fits(plan):
            yield from range(len(replications))
            return
        self._load(plan, replications)
        done = 0
        while done < len(replications) and not control[0]:
            asked = min(len(replications) - done, MAX_RESULTS)
            simulated = self._run(control, replications[done], asked)
            results[done : done + simulated] = self._state["results"][:simulated]
            done += simulated
            if simulated < asked and not control[0]:
                yield done
                done += 1

    def simulate(self, plan: Plan, replication: int, log: list[Event] | None = None) -> Outcome:
        """Simulate one replication, as `model.simulation.simulate`."""
        flat = FlatPlan(plan)
        if log is None:
            return outcome_of(self.simulate_block(flat, replication, 1)[0])
        self._load(flat, range(replication, replication + 1))
        self._state["log_room"] = MAX_LOG
        simulated = self._run(np.zeros(1, np.int64), replication, 1)
        self._state["log_room"] = 0
        if not simulated:
            return _by_simpy(plan, replication, log)
        kinds = list(Activity)
        for start_s, end_s, kind, *rest in self._state["log"][: self._state["world"]["log_length"]].tolist():
            log.append(Event(start_s, end_s, kinds[kind], *rest))
        return outcome_of(_outcomes(self._state["results"][:1], plan.scenario, plan.strategy)[0])

    def _load(self, plan: FlatPlan, replications: range) -> None:
        """Take a design point over into the state."""
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
        """Simulate replications; return how many have a result."""
        return engine()(self._memory, control.view(CONTROL), first, count)


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


def _outcomes(results: Any, scenario: Scenario, strategy: Strategy) -> NDArray[np.float64]:
    """Close the ledgers of replications as the model closes one, a column at a time."""
    ledgers = results["ledger"]

    def usage(of: Any) -> Usage:
        return Usage(*(of[name] for name in ("tokens", "input", "cache_write", "cache_read", "output")))

    ledger = Ledger(
        usage={purpose: usage(ledgers["usage"][:, i]) for i, purpose in enumerate(Purpose)},
        killed=usage(ledgers["killed"]),
        time_s={state: ledgers["time_s"][:, i] for i, state in enumerate(State)},
        failures={failure: ledgers["failures"][:, i] for i, failure in enumerate(Failure)},
        **{name: ledgers[name] for name in ledgers.dtype.names if name not in _BY_KIND},
    )
    quota = (results["requests"], results["input_tokens"], results["output_tokens"])
    columns = ledger.close(results["makespan_s"], quota, scenario, strategy)
    return np.stack(columns, axis=1).astype(np.float64, copy=False)


_BY_KIND = ("usage", "killed", "time_s", "failures")
"""The ledger's tables by purpose, state or failure."""


def outcome_of(row: NDArray[np.float64]) -> Outcome:
    """Return a row of measures as an outcome, whole numbers as such."""
    values: list[Any] = [
        int(value) if name in WHOLE else value for name, value in zip(MEASURES, row.tolist(), strict=True)
    ]
    return Outcome(*values)
