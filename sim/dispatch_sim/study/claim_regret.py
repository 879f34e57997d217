"""A rule of thumb, judged by its regret: what following it costs more than the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from dispatch_sim.dispatch.rules import HOUR_S
from dispatch_sim.scenario.indifference import zone_for
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.study.claims import Regret
from dispatch_sim.study.design import Variant, design_sweep
from dispatch_sim.study.estimates import (
    Estimate,
    mean_and_deviations,
    mean_estimate,
    paired_samples,
)
from dispatch_sim.study.results import Results
from dispatch_sim.study.verdicts import Verdict


@dataclass(frozen=True)
class RegretEntry:
    """What a rule of thumb costs in one scenario at one combination of its factors.

    Attributes
    ----------
    scenario : its file.
    factors : the levels.
    tasks : size of the batch.
    independent, structured, matters : the rule's three conditions, as read off the scenario.
    picked, best : the rule's choice and the best plain way that was played, as label and width.
    regret : how much more the choice costs, as a part of the cost of the best.
    """

    scenario: str
    factors: dict[str, Any]
    tasks: int
    independent: bool
    structured: bool
    matters: bool
    picked: tuple[str, int]
    best: tuple[str, int]
    regret: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "scenario": self.scenario,
            "factors": self.factors,
            "tasks": self.tasks,
            "independent": self.independent,
            "structured": self.structured,
            "matters": self.matters,
            "picked": list(self.picked),
            "best": list(self.best),
            "regret": self.regret.to_json(),
        }


@dataclass(frozen=True)
class RegretFinding:
    """What a rule of thumb costs, over scenarios of equal weight.

    Attributes
    ----------
    entries : one a scenario and combination of its factors.
    mean : over scenarios, of the mean over each one's combinations.
    always : likewise of doing the same everywhere: `sequential`, `parallel`, `queue`.
    verdict : confirmed where the interval of the mean is within the bound, refuted where it is above.
    """

    entries: tuple[RegretEntry, ...]
    mean: Estimate
    always: dict[str, Estimate]
    verdict: Verdict

    @property
    def worst(self) -> RegretEntry:
        """The entry with the greatest regret."""
        return max(self.entries, key=lambda entry: entry.regret.mean)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "mean": self.mean.to_json(),
            "always": {name: estimate.to_json() for name, estimate in self.always.items()},
            "entries": [entry.to_json() for entry in self.entries],
        }


def find_regret(
    claim: Regret, sources: Mapping[str, Source], results: Mapping[str, Results], confidence: float
) -> RegretFinding:
    """Judge a rule of thumb by its mean regret over scenarios.

    The best way is the one with the least mean among plain ones: a rule about how many run at once does not
    choose worktrees, a blackboard or who launches. It is picked from the same replications that it is judged
    by, which makes it look a little better, and the regret a little larger, than it is. Scenarios in which
    sequential or parallel is not played at the batch's own size are left out.

    Notes
    -----
    The regret of a scenario is a ratio of means; its error is that of its linearisation, one value a
    replication. Scenarios have seeds of their own, so their errors are independent, and Welch and
    Satterthwaite's degrees of freedom go with their sum.
    """
    entries: list[RegretEntry] = []
    by_rule: dict[str, list[NDArray[np.float64]]] = {rule: [] for rule in ("conditions", *_ALWAYS)}
    for name, played in results.items():
        of_scenario: list[dict[str, NDArray[np.float64]]] = []
        design = design_sweep(sources[name])
        for variant in design.variants:
            found = _entry(claim, name, design.factors, variant, played.frame, confidence)
            if found is not None:
                entries.append(found[0])
                of_scenario.append(found[1])
        for rule, samples in by_rule.items():
            if of_scenario:
                samples.append(np.mean([values[rule] for values in of_scenario], axis=0))
    if not entries:
        nothing = Estimate(math.nan, -math.inf, math.inf, 0)
        return RegretFinding((), nothing, {}, Verdict.NOT_SHOWN)
    means = {rule: _mean_of_means(samples, confidence) for rule, samples in by_rule.items()}
    mean = means.pop("conditions")
    verdict = Verdict.NOT_SHOWN
    if mean.high <= claim.at_most:
        verdict = Verdict.CONFIRMED
    elif mean.low > claim.at_most:
        verdict = Verdict.REFUTED
    return RegretFinding(tuple(entries), mean, means, verdict)


_ALWAYS = ("sequential", "parallel", "queue")
"""What the rule is put beside: doing the same everywhere."""


def _entry(
    claim: Regret,
    name: str,
    factors: Sequence[str],
    variant: Variant,
    frame: pd.DataFrame,
    confidence: float,
) -> tuple[RegretEntry, dict[str, NDArray[np.float64]]] | None:
    """Return a scenario's entry at one combination, and by rule the linearised regret of each replication."""
    scenario = variant.scenario
    plain = ~frame["strategy"].str.contains(" ", regex=False)
    part = frame[(frame["tasks"] == scenario.batch_size) & plain]
    for factor, level in zip(factors, variant.levels, strict=True):
        column = part[factor]
        part = part[column == (str(level) if column.dtype == object else level)]
    if part.empty:
        return None
    keys = ["strategy", "concurrency"]
    costs = paired_samples(part, "cost_usd", keys)
    ways = {kind: point for point in reversed(costs) if (kind := _kind(point[0])) != "queue"}
    if not {"sequential", "parallel"} <= set(ways):
        return None
    # Without a queue in a scenario, the rule's queue is one by one.
    queues = [point for point in costs if _kind(point[0]) == "queue"] or [ways["sequential"]]
    ways["queue"] = min(queues, key=lambda point: (abs(point[1] - claim.width), point[1]))
    makespans = paired_samples(part, "makespan_s", keys)
    saved_s = float(makespans[ways["sequential"]].mean() - makespans[ways["parallel"]].mean())
    saved_usd = saved_s / HOUR_S * scenario.values.waiting
    zone = zone_for(scenario.study.indifference, "cost").at(float(costs[ways["sequential"]].mean()))
    conditions = (is_independent(scenario), is_structured(scenario), saved_usd > zone)
    best = min(costs, key=lambda point: float(costs[point].mean()))
    least = float(costs[best].mean())
    if least <= 0:
        return None
    ways["conditions"] = picked = ways["parallel" if all(conditions) else claim.otherwise]
    values = {}
    for rule in ("conditions", *_ALWAYS):
        cost = costs[ways[rule]]
        ratio = float(cost.mean()) / least
        values[rule] = (ratio - 1) + (cost - ratio * costs[best]) / least
    entry = RegretEntry(
        name,
        dict(zip(factors, variant.levels, strict=True)),
        scenario.batch_size,
        *conditions,
        (picked[0], int(picked[1])),
        (best[0], int(best[1])),
        mean_estimate(values["conditions"], confidence),
    )
    return entry, values


def is_independent(scenario: Scenario) -> bool:
    """Whether no two tasks write the same thing, none bears on another, and none waits for another."""
    written = [
        name for group in scenario.tasks for name in set(group.writes) for _ in range(min(group.count, 2))
    ]
    apart = len(written) == len(set(written))
    return apart and all(group.coupling == 0 and not group.after for group in scenario.tasks)


def is_structured(scenario: Scenario) -> bool:
    """Whether all outputs are structured."""
    return all(group.output == "structured" for group in scenario.tasks)


def _mean_of_means(samples: Sequence[NDArray[np.float64]], confidence: float) -> Estimate:
    """Estimate the mean of independent samples' means."""
    means, squares, weights = [], 0.0, 0.0
    for sample in samples:
        average, deviations = mean_and_deviations(sample)
        square = float(deviations @ deviations) / (sample.size - 1) / sample.size
        means.append(float(average))
        squares += square
        weights += square**2 / (sample.size - 1)
    mean = float(np.mean(means))
    half = 0.0
    if squares > 0:
        half = float(stdtrit(squares**2 / weights, (1 + confidence) / 2)) * math.sqrt(squares) / len(samples)
    return Estimate(mean, mean - half, mean + half, len(samples))


def _kind(label: str) -> str:
    return label.partition(" ")[0]
