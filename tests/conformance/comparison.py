"""Plays a case by both engines and compares; counts what has occurred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from unittest.mock import patch

from dispatch_sim.engine import machine
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.events import Activity, Event, Failure
from dispatch_sim.model.outcome import Outcome, outcome_of
from dispatch_sim.model.plan import Plan, make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.loader import load
from dispatch_sim.scenario.strategy import parse_strategy

from .cases import FACTORS, GROUP, STRATEGY, TIED, TIED_GROUP, Case

Replication = tuple[Outcome, list[Event]]
Choice = tuple[str, str]

_MACHINE = machine.Machine()
"""One for all cases: nothing of one may be left over in the next."""


def plan_of(case: Case) -> Plan:
    return make_plan(load(case.scenario).scenario(), parse_strategy(case.strategy))


def simulate_by_simpy(plan: Plan, replication: int) -> Replication:
    log: list[Event] = []
    return simulate(plan, Variates(plan.scenario, replication), log), log


def simulate_compiled(plan: Plan, replication: int) -> Replication:
    """Simulate by the compiled engine alone; a RuntimeError where it would leave the replication to SimPy."""
    log: list[Event] = []
    with patch.object(machine, "_by_simpy", _does_not_fit):
        return _MACHINE.simulate(FlatPlan(plan), replication, log), log


def simulate_without_log(plan: Plan, replication: int) -> Replication:
    """Simulate as studies do, by the compiled engine alone; the log is empty."""
    with patch.object(machine, "_by_simpy", _does_not_fit):
        rows = _MACHINE.simulate_priced(
            [FlatPlan(plan)], range(replication, replication + 1), [plan.scenario]
        )
    return outcome_of(rows[0, 0, 0].tolist()), []


def _does_not_fit(*_: object) -> Outcome:
    raise RuntimeError("the replication does not fit the state of the compiled engine")


def difference(one: Replication, other: Replication) -> str:
    """Say where two plays differ first, in their logs and then in their outcomes; empty where they do not.

    A whole number differs from the same one with a point: a report would say `0.0 refused tries`.
    """
    (outcome, log), (outcome2, log2) = one, other
    for number, (event, event2) in enumerate(zip(log, log2, strict=False)):
        if event != event2:
            return f"event {number}: {event} and {event2}"
    if len(log) != len(log2):
        return f"{len(log)} and {len(log2)} events"
    for name, value, value2 in zip(Outcome._fields, outcome, outcome2, strict=True):
        if value != value2 or type(value) is not type(value2):
            return f"{name}: {value!r} and {value2!r}"
    return ""


def difference_by(
    simulate: Callable[[Plan, int], Replication], plan: Plan, replication: int, expected: Replication
) -> str:
    """Say where an engine differs from what is expected, or the error that it ends with."""
    try:
        return difference(expected, simulate(plan, replication))
    except RuntimeError as error:
        return str(error)


@dataclass
class Coverage:
    """What has occurred in the cases that were played.

    Attributes
    ----------
    cases, events : how many.
    tied_events : how many of the events ended when another task's did.
    kinds : events of each kind.
    failures : attempts that failed, by why.
    choices : cases of each key and what was drawn for it.
    """

    cases: int = 0
    events: int = 0
    tied_events: int = 0
    kinds: Counter[Activity] = field(default_factory=Counter)
    failures: Counter[Failure] = field(default_factory=Counter)
    choices: Counter[Choice] = field(default_factory=Counter)

    def add(self, case: Case, played: Replication) -> None:
        outcome, log = played
        self.cases += 1
        self.events += len(log)
        at = Counter((event.end_s, event.task) for event in log)
        tasks_at = Counter(end_s for end_s, _ in at)
        self.tied_events += sum(count for (end_s, _), count in at.items() if tasks_at[end_s] > 1)
        self.kinds.update(event.kind for event in log)
        for failure in Failure:
            self.failures[failure] += getattr(outcome, _FIELDS.get(failure, f"{failure}_attempts"))
        self.choices.update(case.choices.items())

    def merge(self, other: Coverage) -> None:
        for name in ("cases", "events", "tied_events", "kinds", "failures", "choices"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def missing(self) -> list[str]:
        choices = sorted(choice for choice in all_choices() if not self.choices[choice])
        return [
            *(f"no event of the kind '{kind}'" for kind in Activity if not self.kinds[kind]),
            *(f"no attempt that failed as '{failure}'" for failure in Failure if not self.failures[failure]),
            *(f"no case of {key}: {option}" for key, option in choices),
        ]


_FIELDS = {Failure.CRASH: "crashed_attempts", Failure.BAD_OUTPUT: "bad_outputs"}


def all_choices() -> set[Choice]:
    """Return every key with everything that may be drawn for it."""
    tables = (
        ("", FACTORS),
        ("", TIED),
        ("tasks.", GROUP),
        ("tasks.", TIED_GROUP),
        ("strategies.", STRATEGY),
        ("tasks.", {"after": ("[]", "[g0]", "[g1]")}),
        ("", {"tied": ("True", "False")}),
    )
    keyed = [(prefix + key, options) for prefix, table in tables for key, options in table.items()]
    return {(key, option) for key, options in keyed for option in options}


def compare_cases(cases: Iterable[Case]) -> tuple[Coverage, list[str]]:
    """Simulate cases by both engines, the compiled one with and without a log.

    Returns what has occurred, and where they differ.
    """
    coverage, differences = Coverage(), []
    for case in cases:
        plan = plan_of(case)
        played = simulate_by_simpy(plan, case.replication)
        without_log = (played[0], [])
        found = difference_by(simulate_compiled, plan, case.replication, played) or difference_by(
            simulate_without_log, plan, case.replication, without_log
        )
        if found:
            differences.append(f"{case.strategy}, replication {case.replication}: {found}\n{case.scenario}")
        coverage.add(case, played)
    return coverage, differences
