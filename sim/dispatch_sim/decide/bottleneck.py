"""The binding resource of a study's recommended strategy, and a lower bound."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dispatch_sim.decide.binding import FEWEST, Binding, find_binding
from dispatch_sim.decide.choice import Choice
from dispatch_sim.decide.lower_bound import LowerBound, find_lower_bound
from dispatch_sim.study.results import Results
from dispatch_sim.study.stored import find_stored_plan, stored_design, stored_source

MOST_CALLS = 200_000
"""Model calls of a batch: of a larger one, the simulations would take longer than ten seconds."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The binding resource of a strategy, and the lower bound for all strategies compared."""

    binding: Binding
    lower_bound: LowerBound


def find_bottleneck(results: Results, choice: Choice) -> Bottleneck | None:
    """Simulate the recommended strategy of a study again, without each resource, and its alternatives.

    Returns
    -------
    None if the scenario cannot be read again from the results, because it takes values from a csv file or has
    other values in this version, and if its batch is too large.
    """
    source = stored_source(results)
    if source is None:
        return None
    design = stored_design(source, results)
    strategies = (choice.strategy, *(other.strategy for other in choice.alternatives))
    try:
        plans = [find_stored_plan(design, each, choice.tasks, choice.factors) for each in strategies]
    except KeyError:
        return None
    if plans[0].calls > MOST_CALLS:
        return None
    # A study that was simulated by the compiled engine has loaded it.
    engine = "compiled" if results.manifest["engine"] == "compiled" else "auto"
    scenario = plans[0].scenario.model_copy(update={"engine": engine})
    plans = [replace(plan, scenario=scenario) for plan in plans]
    binding = find_binding(plans[0], max(FEWEST, choice.replications))
    return Bottleneck(binding, find_lower_bound(plans[0], plans))
