"""What a scenario assumes: the context of `assumptions.md`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dispatch_sim.report.format import about, clean, duration, listed, tokens
from dispatch_sim.scenario.distribution_text import TokensDistribution
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.strategy import parse_strategy

NOT_SIMULATED = (
    "that a turn takes the coordinator longer as its context grows",
    "pauses between a task's attempts, and a harness's own retries",
    "that people rest, work side by side, or take things in another order than they come in",
    "tasks that wait for single tasks rather than whole groups, and agents that write little by little",
    "bad results and wrong instructions that nobody notices",
    "a model API that is slower under load, or limits steep ramps",
)
"""What the model leaves out; each would make some strategy look better or worse."""

# A resolved scenario holds plain numbers in base units; of all quantities, tokens are read so.
_PLAIN: TypeAdapter[Distribution] = TypeAdapter(TokensDistribution)

_SHOW = {"about": about, "tokens": tokens, "duration": duration}


def assumed(scenario: dict[str, Any], options: Sequence[str] = (), name: str = "") -> dict[str, Any]:
    """Return what `assumptions.md` needs; what a scenario does not use, such as reviews, has no row there.

    Parameters
    ----------
    scenario : resolved, in base units, as a manifest holds it.
    options : of the strategies, a sentence each, where they are not the usual ones.
    name : of the scenario, where a page does not say it.
    """
    strategies = [parse_strategy(text) for text in scenario["strategies"]]
    conflicts, communication = scenario["conflicts"]["isolation"], scenario["communication"]["kind"]
    isolations = {strategy.isolation or conflicts for strategy in strategies}
    communications = {strategy.communication or communication for strategy in strategies}
    written = any(group["writes"] for group in scenario["tasks"])
    levels = [
        f"{clean(path, 60)} ({listed([clean(level, 24) for level in values], 'or')})"
        for path, values in sorted(scenario["sweep"].items())
        if path not in ("tasks", "concurrency")
    ]
    return {
        "s": scenario,
        "name": name,
        "options": options,
        "varied": listed(levels),
        "scripted": all(strategy.manager == "script" for strategy in strategies),
        "isolations": [kind for kind in ("shared", "worktree", "locks") if kind in isolations and written],
        "communications": [kind for kind in ("none", "rounds", "blackboard") if kind in communications],
        "outputs": {group["output"] for group in scenario["tasks"]},
        "spread": _spread,
    }


def _spread(raw: Any, unit: str) -> str:
    """Write a distribution as its mean and where the middle 80% of it lie."""
    show = _SHOW[unit]
    try:
        distribution = _PLAIN.validate_python(raw)
    except ValidationError:
        # Read by other parameters than it is kept by, and by these at the edge of what may be written.
        return json.dumps(raw)
    if isinstance(distribution, Constant):
        return show(distribution.value)
    low, high = show(distribution.quantile(0.1)), show(distribution.quantile(0.9))
    return f"{show(distribution.mean)} (10th to 90th percentile: {low} to {high})"
