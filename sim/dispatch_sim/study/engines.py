"""Which engine plays a design: the one that is asked for or, left to us, the one that is done first.

Results do not depend on it. The SimPy engine plays at once; the compiled one has to be loaded, and at its
first use on a machine compiled.
"""

from __future__ import annotations

import logging

from dispatch_sim.dispatch.compiled import store
from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.log import Event
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import Outcome
from dispatch_sim.dispatch.plan import Plan
from dispatch_sim.study.design import Design

TASKS_A_SECOND = 7000
"""What the SimPy engine plays, about, on one core: twenty tasks of five calls take 3 ms."""

LOADING_S = 1.0
COMPILING_S = 10.0
"""What it takes until the compiled engine plays, about, kept or not."""

_LOG = logging.getLogger("dispatch_sim")


def choose_engine(design: Design, first: int = 0) -> str:
    """Return what plays a design's replications from `first` on, `simpy` or `compiled`."""
    if design.engine == "simpy":
        return "simpy"
    if design.engine == "auto":
        # Whatever the number of workers, so that a manifest does not depend on it.
        simpy_s = design.tasks * (design.replications - first) / TASKS_A_SECOND
        if simpy_s < (LOADING_S if store.is_compiled() else COMPILING_S):
            return "simpy"
    return "compiled"


def play_one(plan: Plan, replication: int) -> tuple[Outcome, list[Event]]:
    """Play one replication by the engine that its scenario asks for: SimPy unless that is `compiled`.

    Returns
    -------
    What came of it, and its event log.
    """
    log: list[Event] = []
    if plan.scenario.engine != "compiled":
        return play(plan, Luck(plan.scenario, replication), log), log
    from dispatch_sim.dispatch.compiled.engine import Machine

    load_engine()
    return Machine().play(plan, replication, log), log


def load_engine() -> None:
    """Have the compiled engine compiled, or read, once, before its threads start."""
    if not store.is_compiled():
        _LOG.warning("compiling the engine, once: about ten seconds")
    store.engine()
