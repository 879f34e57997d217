"""Lists the assumptions of a scenario, for `templates/assumptions.md`."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dispatch_sim.report.format import about, clean, duration, listed, tokens
from dispatch_sim.scenario.distribution_text import TokensDistribution
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.strategy import parse_strategy

NOT_SIMULATED = (
    "turns of the coordinator take no longer as its context grows",
    "no pauses between the attempts at a task, and no retries by the harness",
    "people do not rest, do not work in parallel, and take work in the order in which it arrives",
    "tasks wait for whole groups of tasks only, and an agent writes all its files at the end",
    "nobody acts on bad results or wrong instructions that remain unnoticed",
    "the model API is not slower under load, and has no limits on the increase of load",
)
"""Simplifications of the model; each may favour one of the strategies."""

# A resolved scenario holds plain numbers in base units; of all quantities, tokens are read so.
_PLAIN: TypeAdapter[Distribution] = TypeAdapter(TokensDistribution)

_SHOW = {"about": about, "tokens": tokens, "duration": duration}


def assumed(scenario: dict[str, Any], name: str = "") -> dict[str, Any]:
    """Return what `assumptions.md` reads; what a scenario does not use, such as reviews, has no row there.

    The scenario is resolved, in base units, as a manifest holds it; its name is given where a page lacks it.
    """
    strategies = [parse_strategy(text) for text in scenario["strategies"]]
    conflicts, communication = scenario["conflicts"]["isolation"], scenario["communication"]["kind"]
    with_agents = [strategy for strategy in strategies if strategy.kind != "solo"] or strategies
    isolations = {strategy.isolation or conflicts for strategy in with_agents}
    communications = {strategy.communication or communication for strategy in with_agents}
    written = any(group["writes"] for group in scenario["tasks"])
    levels = [
        f"{clean(path, 60)} ({listed([clean(level, 24) for level in values], 'or')})"
        for path, values in sorted(scenario["sweep"].items())
        if path not in ("tasks", "concurrency")
    ]
    return {
        "s": scenario,
        "name": name,
        "varied": listed(levels),
        "scripted": all(strategy.manager == "script" for strategy in strategies),
        "isolations": [kind for kind in ("shared", "worktree", "locks") if kind in isolations and written],
        "communications": [kind for kind in ("none", "rounds", "blackboard") if kind in communications],
        "outputs": {group["output"] for group in scenario["tasks"]},
        "spread": _spread,
    }


def _spread(raw: Any, unit: str) -> str:
    """Write a distribution as its mean, and its 10th and 90th percentile."""
    show = _SHOW[unit]
    try:
        distribution = _PLAIN.validate_python(raw)
    except ValidationError:
        # The parameters that are stored are not those that were read, and may be just beyond their bounds.
        return json.dumps(raw)
    if isinstance(distribution, Constant):
        return show(distribution.value)
    low, high = show(distribution.quantile(0.1)), show(distribution.quantile(0.9))
    return f"{show(distribution.mean)} (10th to 90th percentile: {low} to {high})"
