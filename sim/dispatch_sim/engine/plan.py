"""Scenarios and design points as records, as the compiled engine reads them."""

from ctypes import c_int64
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import codes, parameters, records, store
from dispatch_sim.engine.layout import fields_of, fill, number_of, values_of
from dispatch_sim.engine.records import STATE
from dispatch_sim.model.accounting import Purpose
from dispatch_sim.model.api import Latency, RateLimiter, make_latency, make_limiter
from dispatch_sim.model.arithmetic import FIRST_ADAPTIVE_WINDOW
from dispatch_sim.model.cache import Context, PromptCache, make_cache, make_context
from dispatch_sim.model.plan import Plan
from dispatch_sim.model.streams import group_key
from dispatch_sim.scenario import distributions as families
from dispatch_sim.scenario.composites import Empirical, Mixture
from dispatch_sim.scenario.coordination import Communication
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.failure import Conflicts
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.tasks import TaskGroup

# The state's own types, as numpy copies records of one type without comparing their fields.
PLAN, WORLD, MEMBER = STATE["plan"], STATE["new_world"], STATE["batch"].base
GROUP, DISTRIBUTION = STATE["groups"].base, STATE["distributions"].base

FAMILIES = (
    Constant,
    families.Uniform,
    families.Triangular,
    families.Exponential,
    families.LogNormal,
    families.Gamma,
    families.Weibull,
    families.LogLogistic,
    Empirical,
    Mixture,
)
"""In the order of their codes."""


class Distributions:
    """Distributions as rows of a table, with the values of samples in another; the first row is 0."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.samples: list[float] = []
        self.rows.append(self._row(Constant(0.0)))

    def add(self, distribution: Distribution) -> int:
        """Add a distribution; return its row: 0 for the constant 0, and for no other."""
        if distribution == Constant(0.0):
            return 0
        row = self._row(distribution)
        self.rows.append(row)
        return len(self.rows) - 1

    def _row(self, distribution: Distribution, weight: float = 0.0) -> tuple[float, ...]:
        values: dict[str, Any] = {"family": FAMILIES.index(type(distribution)), "weight": weight}
        match distribution:
            case Empirical(sample):
                values |= {"first": len(self.samples), "count": len(sample)}
                self.samples += sample
            case Mixture():
                weighted = zip(distribution.components, distribution.weights, strict=True)
                parts = [self._row(component, of) for component, of in weighted]
                values["low"], values["high"] = distribution.bracket
                values |= {"first": len(self.rows), "count": len(parts)}
                self.rows += parts
            case _:
                values |= asdict(distribution)  # type: ignore[call-overload]
                if isinstance(distribution, families.Gamma):
                    store.provide_gamma()
        return tuple(values.get(name, 0) for name in fields_of(parameters.Distribution))


class FlatScenario:
    """The records of a scenario, in which a strategy and a batch size replace some values.

    Attributes
    ----------
    plan, world, groups : the records.
    links : locks and followers of the groups.
    distributions, samples : the distributions, and the values of samples among them.
    """

    def __init__(self, scenario: Scenario) -> None:
        table = Distributions()
        self.groups, links, locks = _groups(scenario, table)
        self.links = np.array(links, np.int64)
        self.plan = np.zeros((), PLAN)
        fill(self.plan, _parameters(scenario, table) | {"locks": locks})
        self.world = np.zeros((), WORLD)
        fill(self.world, _world(scenario))
        self.distributions = np.array(table.rows, DISTRIBUTION)
        self.samples = np.array(table.samples, np.float64)

    @property
    def key(self) -> bytes:
        """What scenarios have in common that differ in prices and values alone."""
        parts = (self.plan, self.world, self.groups, self.links, self.distributions, self.samples)
        return b"".join(part.tobytes() for part in parts)


def _groups(scenario: Scenario, table: Distributions) -> tuple[NDArray[np.void], list[int], int]:
    """Return the groups, their locks and followers, and the number of locks."""
    number = {name: i for i, name in enumerate(sorted({w for group in scenario.tasks for w in group.writes}))}
    groups = np.zeros(len(scenario.tasks), GROUP)
    links: list[int] = []
    for g, group in enumerate(scenario.tasks):
        locks = sorted(number[name] for name in set(group.writes))
        followers = [f for f, other in enumerate(scenario.tasks) if group.name in other.after]
        fill(
            groups[g],
            {
                "section": values_of(TaskGroup, group, table.add),
                "key": c_int64(group_key(scenario.study.seed, group.name)).value,
                "writes": bool(group.writes),
                "own_directory": bool(group.writes) and scenario.harness.directory_in_prompt,
                "first_lock": len(links),
                "locks": len(locks),
                "first_follower": len(links) + len(locks),
                "followers": len(followers),
            },
        )
        links += locks + followers
    return groups, links, len(number)


def _world(scenario: Scenario) -> dict[str, Any]:
    """Return what a replication begins with, where that is not zero."""
    provider = scenario.provider
    counting, queues = provider.accounting, provider.on_limit == "wait"
    limiter = make_limiter(provider.limits, counting, queues=queues, is_pacing=False)
    paced = scenario.client.pacing.limits(provider.limits)
    pacing = make_limiter(paced, counting, queues=True, is_pacing=True)
    return {
        "limiter": values_of(RateLimiter, limiter),
        "pacing": values_of(RateLimiter, pacing),
        "latency": values_of(Latency, make_latency(provider)),
        "cache": values_of(PromptCache, make_cache(provider.cache)),
        "context": values_of(Context, make_context(scenario.dispatch.context)),
        "slots": {"shrunk_s": -1.0},
    }


def _parameters(scenario: Scenario, table: Distributions) -> dict[str, Any]:
    spawn, provider = scenario.dispatch.spawn, scenario.provider
    sections = {
        name: values_of(kind, getattr(scenario, name), table.add)
        for name, kind in fields_of(parameters.Plan).items()
        if name in Scenario.model_fields and name != "tasks"
    }
    return sections | {
        "seed": c_int64(scenario.study.seed).value,
        "groups": len(scenario.tasks),
        "forks": spawn.fork,
        "has_line": provider.on_limit == "wait",
        "retry_after_s": provider.retry_after or 0.0,
        "overloaded": provider.overloaded,
        "shared_prefix": 0 if spawn.fork else whole(spawn.shared),
        "cancels_others": scenario.retry.policy in ("cascade", "abort"),
    }


class FlatPlan:
    """The records of a design point; they stay as they are.

    Attributes
    ----------
    plan : the design point itself.
    fields : what a state takes over from it, by the state's field.
    group_sizes : tasks of each group.
    """

    def __init__(self, plan: Plan, scenario: FlatScenario | None = None) -> None:
        """Make the records; those of the scenario once for all of its plans, where they are passed in."""
        of = scenario or FlatScenario(plan.scenario)
        self.plan = plan
        self.group_sizes = np.bincount([task.group for task in plan.tasks], minlength=len(of.groups))
        flat, world, groups = of.plan.copy(), of.world.copy(), of.groups.copy()
        fill(flat, _strategy_parameters(plan))
        fill(world, _strategy_world(plan))
        groups["size"] = self.group_sizes
        groups["merges"]["room"] = 4 * self.group_sizes
        ends = np.cumsum(self.group_sizes)
        groups["merges"]["first"] = records.MAX_MERGES + 4 * (ends - self.group_sizes)
        groups["own_directory"] &= flat["conflicts"]["isolation"] == codes.WORKTREE
        self.fields: dict[str, Any] = {
            "plan": flat,
            "new_world": world,
            "groups": groups,
            "batch": np.array([(task.group, task.index) for task in plan.tasks], MEMBER),
            "links": of.links,
            "distributions": of.distributions,
            "samples": of.samples,
        }


def _strategy_world(plan: Plan) -> dict[str, Any]:
    """Return what a replication begins with because of its strategy and batch size."""
    kind, most = plan.strategy.kind, plan.concurrency
    return {
        "slots": {"most": most, "window": min(FIRST_ADAPTIVE_WINDOW, most) if kind == "adaptive" else most},
        "ledger": {"begun_with": Purpose.CONTEXT if kind == "solo" else Purpose.SPAWN},
        "unfinished": len(plan.tasks),
        "merges": {"room": records.MAX_MERGES},
    }


def _strategy_parameters(plan: Plan) -> dict[str, Any]:
    strategy, is_solo = plan.strategy, plan.strategy.kind == "solo"
    values: dict[str, Any] = {
        "tasks": len(plan.tasks),
        "dispatcher": len(plan.tasks),
        "reviewer": len(plan.tasks) + 1,
        "first_interim": len(plan.tasks) + 2,
        "is_solo": is_solo,
        "refills": strategy.refills,
        "by_script": strategy.manager == "script" or is_solo,
        "waits_for_recovery": strategy.waits_for_recovery,
        "strategy": values_of(Strategy, strategy),
    }
    if strategy.pace == "limits":
        values["has_line"] = True
    if strategy.isolation is not None:
        values["conflicts"] = {"isolation": number_of(Conflicts, "isolation", strategy.isolation)}
    if strategy.communication is not None:
        values["communication"] = {"kind": number_of(Communication, "kind", strategy.communication)}
    if is_solo:  # it has the output in its context
        values["merge"] = {kind: {"tokens": 0.0, "time": 0.0} for kind in ("structured", "prose", "pair")}
        values["forks"] = False
    return values
