"""A design point in records, as the compiled engine reads it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import codes, records
from dispatch_sim.engine.layout import fill
from dispatch_sim.engine.scenario_records import COMMUNICATIONS, ISOLATIONS, FlatScenario
from dispatch_sim.model.arithmetic import FIRST_ADAPTIVE_WINDOW
from dispatch_sim.model.plan import Plan

MEMBER = records.STATE["batch"].base


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
        parameters = _filled(of.plan, _parameters(plan))
        self.fields: dict[str, Any] = {
            "plan": parameters,
            "new_world": _filled(of.world, _world(plan)),
            "groups": _groups(of, self.group_sizes, parameters["isolation"] == codes.WORKTREE),
            "batch": np.array([(task.group, task.index) for task in plan.tasks], MEMBER),
            "links": of.links,
            "distributions": of.distributions,
            "samples": of.samples,
        }


def _filled(record: np.void, values: dict[str, Any]) -> np.void:
    filled = record.copy()
    fill(filled, values)
    return filled


def _groups(of: FlatScenario, sizes: NDArray[np.int64], in_worktrees: bool) -> NDArray[np.void]:
    groups = of.groups.copy()
    groups["size"] = sizes
    groups["merges"]["room"] = 4 * sizes
    groups["merges"]["first"] = records.MAX_MERGES + 4 * (np.cumsum(sizes) - sizes)
    groups["own_directory"] &= in_worktrees
    return groups


def _world(plan: Plan) -> dict[str, Any]:
    """Return what a replication begins with because of its strategy and batch size."""
    adaptive = plan.strategy.kind == "adaptive"
    return {
        "slots": {
            "most": plan.concurrency,
            "window": min(FIRST_ADAPTIVE_WINDOW, plan.concurrency) if adaptive else plan.concurrency,
        },
        "unfinished": len(plan.tasks),
        "merges": {"room": records.MAX_MERGES},
    }


def _parameters(plan: Plan) -> dict[str, Any]:
    strategy = plan.strategy
    is_solo = strategy.kind == "solo"
    parameters: dict[str, Any] = {
        "tasks": len(plan.tasks),
        "dispatcher": len(plan.tasks),
        "reviewer": len(plan.tasks) + 1,
        "first_interim": len(plan.tasks) + 2,
        "is_solo": is_solo,
        "refills": strategy.refills,
        "is_adaptive": strategy.kind == "adaptive",
        "merges_at_barrier": strategy.merge == "barrier",
        "by_script": strategy.manager == "script" or is_solo,
        "warm_up": ("none", "stagger", "prewarm").index(strategy.warm_up),
        "order": ("as-given", "longest-first", "shortest-first").index(strategy.order),
        "waits_for_recovery": strategy.waits_for_recovery,
        "is_paced": strategy.pace == "limits",
        "retries_after_drain": strategy.retry_when == "after_drain",
    }
    if strategy.isolation is not None:
        parameters["isolation"] = ISOLATIONS.index(strategy.isolation)
    if strategy.communication is not None:
        parameters["communication"] = COMMUNICATIONS.index(strategy.communication)
    if is_solo:  # it has the output in its context
        parameters |= {key: {"tokens": 0.0, "time_s": 0.0} for key in ("structured", "prose", "pair")}
        parameters["forks"] = False
    return parameters
