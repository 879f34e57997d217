"""The harness's own limits: a cap on agents, and a counter of calls on the client's side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

from dispatch_sim.model import recovery
from dispatch_sim.model.attempt import Attempt
from dispatch_sim.model.events import Activity
from dispatch_sim.scenario.coordination import Pace

if TYPE_CHECKING:
    from dispatch_sim.model.backlog import Task
    from dispatch_sim.model.simulation import Process, Simulation


class Harness:
    """Caps agents at once, where a launch over the cap waits for a place or is refused; counts calls."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        harness = sim.scenario.harness
        self._cap = harness.cap
        self._refuses = harness.over == "refuse"
        self.places = None
        if harness.cap is not None and not self._refuses:
            self.places = simpy.Resource(sim.env, capacity=harness.cap)
        self._refused: list[Task] = []
        self._window = simpy.Resource(sim.env, capacity=1)
        self._windows = 0
        self._calls = 0

    def launch(self, task: Task) -> None:
        """Begin an attempt in a free slot, unless the harness refuses it or the run is aborted."""
        sim = self._sim
        if sim.backlog.aborted:
            recovery.leave_to_person(task)
        elif self._refuses and self._cap is not None and sim.slots.count >= self._cap:
            sim.ledger.refused_launches += 1
            task.log(Activity.REFUSED_LAUNCH)
            sim.slots.limit_to(self._cap)
            self._refused.append(task)
        else:
            task.attempts += 1
            # Its request is granted at once: whoever dispatches has seen that a slot is free.
            task.attempt = attempt = Attempt(sim, task, sim.slots.request())
            task.instructions = attempt.instructions
            task.enter(Activity.HARNESS)
            task.log(Activity.LAUNCH)
            sim.active[attempt] = None
            attempt.process = sim.env.process(attempt.run())

    def on_return(self) -> None:
        """Requeue the refused tasks now that an agent has returned."""
        if self._refused:
            self._sim.backlog.add_first(self._refused)
            self._refused.clear()

    def count_call(self, pace: Pace) -> Process[None]:
        """Count a call in the present window; one that finds the count used up waits for a whole window.

        All calls behind it wait too, and the count then starts anew. CrewAI keeps to `max_rpm` like this: it
        waits for the length of a window, not until its end.
        """
        env = self._sim.env
        with self._window.request() as turn:
            yield turn
            windows = int(env.now // pace.window)
            if windows > self._windows:
                self._windows, self._calls = windows, 0
            if self._calls >= pace.calls:
                yield env.timeout(pace.window)
                self._windows, self._calls = int(env.now // pace.window), 0
            self._calls += 1
