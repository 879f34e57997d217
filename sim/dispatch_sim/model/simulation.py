"""One replication: the environment, what its processes share, and its ledger and event log."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import simpy

from dispatch_sim.model.accounting import Ledger, Purpose
from dispatch_sim.model.api import input_counted
from dispatch_sim.model.backlog import Backlog
from dispatch_sim.model.cache import Prompt, cached_tokens, make_cache
from dispatch_sim.model.closing import Row, close
from dispatch_sim.model.communication import Communication
from dispatch_sim.model.conflicts import Isolation
from dispatch_sim.model.coordinator import Coordinator
from dispatch_sim.model.events import Activity, Event
from dispatch_sim.model.gateway import Api
from dispatch_sim.model.harness import Harness
from dispatch_sim.model.merge import MergeRecord
from dispatch_sim.model.outcome import Outcome, outcome_of
from dispatch_sim.model.plan import Plan
from dispatch_sim.model.review import Review
from dispatch_sim.model.strategies import Slots, dispatch
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.quantities import whole

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt
    from dispatch_sim.model.backlog import Task

Result = TypeVar("Result")
Process = Generator[simpy.Event, Any, Result]
"""A SimPy process, or a part of one that another runs by `yield from`, with what it returns."""


class Condition:
    """A condition variable for one process, as `threading.Condition`: waits until a predicate holds."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._predicate: Callable[[], bool] | None = None
        self._event: simpy.Event

    def wait_for(self, predicate: Callable[[], bool]) -> Process[None]:
        """Wait until a predicate holds; no event passes if it holds already."""
        if not predicate():
            self._predicate, self._event = predicate, self._env.event()
            yield self._event

    def notify(self) -> None:
        """Wake the waiting process if its predicate now holds."""
        if self._predicate is not None and self._predicate():
            self._predicate = None
            self._event.succeed()


class Simulation:
    """A replication of a design point: dispatches a batch until every task is done and merged."""

    def __init__(self, plan: Plan, variates: Variates, log: list[Event] | None = None) -> None:
        self.env = env = simpy.Environment()
        self.plan = plan
        self.strategy = strategy = plan.strategy
        self.scenario = scenario = plan.scenario
        self.is_solo = strategy.kind == "solo"
        self.forks = scenario.dispatch.spawn.fork and not self.is_solo
        self.variates = variates
        self.ledger = Ledger(begun_with=Purpose.CONTEXT if self.is_solo else Purpose.SPAWN)
        self.event_log = log

        self.api = Api(env, scenario, paces=strategy.pace == "limits")
        self.cache = make_cache(scenario.provider.cache)

        self.slots = Slots(env, plan.concurrency, is_adaptive=strategy.kind == "adaptive")
        self.harness = Harness(self)
        self.coordinator = Coordinator(self)
        self.person = simpy.Resource(env, capacity=1)
        self.barrier = env.event()
        """That the barrier at which attempts wait is lifted; later ones wait for the next lift."""
        self.changed = Condition(env)

        self.isolation = Isolation(self, strategy.isolation or scenario.conflicts.isolation)
        self.shared_prefix = 0 if self.forks else whole(scenario.dispatch.spawn.shared)
        self.backlog = Backlog(self)
        self.communication = Communication(self, strategy.communication or scenario.communication.kind)
        self.merges = MergeRecord(self)
        self.review = Review(self)

        self.active: dict[Attempt, None] = {}
        """Attempts from their launch until their outcome is known, in order."""
        self.failed: list[Task] = []
        """Tasks that wait for the next wave, or until all has drained."""
        self.common_done: set[int] = set()
        """Groups whose common part the coordinator has in its context."""
        self.recovering = 0
        """Tasks left to a person and not finished yet."""

    def run(self) -> Outcome:
        """Simulate the replication."""
        self.env.run(until=self.env.process(dispatch(self)))
        row, prices, values = Row(), self.scenario.provider.prices, self.scenario.values
        close(self.ledger, self.env.now, self.api.limiter, prices, values, row)
        return outcome_of(row.measures)

    def lift_barrier(self) -> None:
        """Release the attempts at the barrier."""
        lifted, self.barrier = self.barrier, self.env.event()
        lifted.succeed()

    def notify(self) -> None:
        """Notify the dispatcher, and a final review, of a change they may be waiting for."""
        self.review.start_if_nothing_else_is_left()
        self.changed.notify()

    def log(
        self, start_s: float, kind: Activity, task: int, attempt: int = 0, call: int = -1, tokens: int = 0
    ) -> None:
        """Write an event that ends now into the log, where there is one."""
        if self.event_log is not None:
            self.event_log.append(Event(start_s, self.env.now, kind, task, attempt, call, tokens))

    def cached_tokens(self, prompt: Prompt) -> int:
        """Return how many tokens of a prompt could be read from the cache if it were sent now."""
        return cached_tokens(self.cache, prompt, self.coordinator.context, self.env.now)

    def input_needed(self, prompt: Prompt) -> int:
        """Return the input tokens that the limiter would count for a prompt if it were sent now."""
        return input_counted(self.api.limiter, prompt, self.cached_tokens(prompt), self.is_solo)


def simulate(plan: Plan, variates: Variates, log: list[Event] | None = None) -> Outcome:
    """Simulate one replication: dispatch the batch until every task is done and merged.

    Parameters
    ----------
    plan : the design point.
    variates : of the replication, for the plan's scenario.
    log : where given, events are appended to it, in the order in which they end.

    Raises
    ------
    ValueError
        Where the variates are another scenario's.
    """
    if variates.scenario is not plan.scenario and variates.scenario != plan.scenario:
        raise ValueError("the variates belong to another scenario than the plan's")
    return Simulation(plan, variates, log).run()
