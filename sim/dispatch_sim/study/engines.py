"""Chooses the engine of a study: the requested one or, with `auto`, the one that finishes first.

Outcomes do not depend on it. The SimPy engine starts at once; the compiled one has to be loaded, and at its
first use on a machine compiled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dispatch_sim.engine import store
from dispatch_sim.model.events import Event
from dispatch_sim.model.outcome import Outcome
from dispatch_sim.model.plan import Plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.study.design import Design

if TYPE_CHECKING:
    from dispatch_sim.engine.machine import Machine

TASKS_A_SECOND = 7000
"""Approximate speed of the SimPy engine: twenty tasks of five calls take 3 ms."""

LOADING_S = 0.1
COMPILING_S = 10.0
"""Approximate time until the compiled engine starts, with and without the user's cache."""

_IDLE: list[Machine] = []
"""Machines that no thread uses. They are kept, as the system takes milliseconds to provide their memory."""


def choose_engine(design: Design, first: int = 0) -> str:
    """Return the engine of a design's replications from `first` on, `simpy` or `compiled`.

    `auto` is decided once for all stages of a study, by all replications that it may come to, and whatever
    the number of threads, so that a manifest does not depend on that.
    """
    replications = (design.at_most or design.replications) - first
    return engine_for(design.engine, design.tasks * replications)


def engine_for(asked: str, tasks: int) -> str:
    """Return the engine to simulate a number of tasks with; `asked` is that of the scenario."""
    if asked != "auto":
        return asked
    simpy_s = tasks / TASKS_A_SECOND
    if simpy_s >= LOADING_S and (simpy_s >= COMPILING_S or store.is_compiled()):
        return "compiled"
    return "simpy"


@contextmanager
def idle_machine() -> Iterator[Machine]:
    """Return a machine that no thread uses; afterwards it is kept for the next use."""
    from dispatch_sim.engine.machine import Machine

    try:
        machine = _IDLE.pop()
    except IndexError:
        machine = Machine()
    yield machine
    _IDLE.append(machine)


def simulate_one(plan: Plan, replication: int) -> tuple[Outcome, list[Event]]:
    """Return the outcome and the event log of a replication, by SimPy unless `engine: compiled`."""
    log: list[Event] = []
    if plan.scenario.engine != "compiled":
        from dispatch_sim.model.simulation import simulate

        return simulate(plan, Variates(plan.scenario, replication), log), log
    from dispatch_sim.engine.plan import FlatPlan

    with idle_machine() as machine:
        return machine.simulate(FlatPlan(plan), replication, log), log
