"""A lower bound on the makespan and on the bill of the strategies compared, replication by replication.

Of n tasks, a person completes m, and agents complete the others, each by one *final attempt*. No strategy
avoids what final attempts need (`final_attempts`). Together they need at least what all n tasks need without
the m that need most. The makespan T is at least as long as each of these:

- *Chain*: after its arrival, and after all groups that it waits for, a task takes a turn with its brief, its
  final attempt, its merge and its part of a review, one after another. Of each group, m tasks are left out.
- *Concurrency*: each final attempt holds one of N slots, so their times add up to at most N x T.
- *Coordinator*: turns of at most N briefs, and merges, are done one at a time. The agent of the last brief
  begins after all briefs.
- *People*: manual completions (the m shortest), merges and reviews are done one at a time.
- *Limits*: up to a time t, a bucket admits at most `capacity + rate x t`. Let t be when the last call of all
  final attempts is admitted. All their requests and new input are admitted by then. Output counts when a call
  ends, and at most N calls have not ended at t.

The bill is at least that of the final attempts and of the coordinator's turns and merges. Each of these sends
at least the start of its context. Failed attempts, rework, waits and all else that a strategy adds are left
out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.binding import Binding, find_binding
from dispatch_sim.decide.choice import Choice
from dispatch_sim.decide.final_attempts import Known, Mode, find_needs, needs_of_common
from dispatch_sim.model.arithmetic import MILLION, MINUTE_S
from dispatch_sim.model.outcome import MEASURES, Outcome, outcome_of
from dispatch_sim.model.plan import Plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.coordination import MergeCost
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.results import Results
from dispatch_sim.study.runner import simulate_design
from dispatch_sim.study.stored import find_stored_plan, stored_design, stored_source

TASKS = 640
"""Tasks of all replications together, for each of which variates are computed: some 0.2 s."""

MOST_CALLS = 200_000
"""Model calls of a batch: of a larger one, the simulations would take longer than ten seconds."""

FEWEST, MOST = 4, 32
"""Replications."""

_ROUNDING = 1 - 1e-9
"""A simulation's sums may be smaller than exact ones by less than this."""


@dataclass(frozen=True, slots=True)
class LowerBound:
    """A lower bound for the strategies compared, and the recommended strategy in multiples of it.

    In each replication it is the lowest bound of those strategies that leave no more tasks to people than the
    recommended one does: whatever they leave saves part of the bill. Bounds are means over the replications.
    A multiple is the mean of the recommended strategy over the same ones, divided by the bound; None where
    that is 0. Rare costs that the bound leaves out may be absent from so few.
    """

    makespan_s: float
    money_usd: float
    makespan_multiple: float | None
    money_multiple: float | None
    replications: int


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The binding resource of a strategy, and the lower bound for all strategies compared."""

    binding: Binding
    lower_bound: LowerBound


def find_bottleneck(results: Results, choice: Choice) -> Bottleneck | None:
    """Simulate the recommended strategy of a study again, without each resource, and its alternatives.

    It is None if the scenario cannot be read again from the results, because it takes values from a csv file
    or has other values in this version, and if its batch is too large.
    """
    source = stored_source(results)
    if source is None:
        return None
    design = stored_design(source, results)
    try:
        plans = [find_stored_plan(design, each, choice.tasks, choice.factors) for each in choice.strategies]
    except KeyError:
        return None
    if plans[0].calls > MOST_CALLS:
        return None
    # A study that was simulated by the compiled engine has loaded it.
    engine = "compiled" if results.manifest["engine"] == "compiled" else "auto"
    scenario = plans[0].scenario.model_copy(update={"engine": engine})
    plans = [replace(plan, scenario=scenario) for plan in plans]
    return Bottleneck(find_binding(plans[0], choice.replications), find_lower_bound(plans[0], plans))


def find_lower_bound(recommended: Plan, compared: Sequence[Plan]) -> LowerBound:
    """Find the lower bound for plans of one scenario and batch, the recommended one included."""
    scenario = recommended.scenario
    replications = max(FEWEST, min(MOST, TASKS // len(recommended.tasks)))
    design = Design((), (Variant((), scenario, tuple(compared)),), replications)
    measures = simulate_design(design)
    own = measures[compared.index(recommended)]
    bounds = np.full((replications, 2), np.inf)
    for replication in range(replications):
        variates, known = Variates(scenario, replication), Known()
        manual = outcome_of(own[replication].tolist()).manual_completions
        for plan, row in zip(compared, measures[:, replication], strict=True):
            run = outcome_of(row.tolist())
            if run.manual_completions <= manual:
                bound = lower_bound(plan, variates, run, known)
                bounds[replication] = np.minimum(bounds[replication], bound)
    makespan_s, money_usd = bounds.mean(axis=0).tolist()
    own_s, own_usd = (float(own[:, MEASURES.index(name)].mean()) for name in ("makespan_s", "money_usd"))
    multiples = own_s / makespan_s if makespan_s else None, own_usd / money_usd if money_usd else None
    return LowerBound(makespan_s, money_usd, *multiples, replications)


def lower_bound(plan: Plan, variates: Variates, run: Outcome, known: Known) -> tuple[float, float]:
    """Return lower bounds on the makespan and on the bill of a run.

    Of its outcome, only failures, rework and manual completions are used. `known` has needs that were
    computed for other plans.
    """
    scenario, strategy = plan.scenario, plan.strategy
    dispatch, review, limits = scenario.dispatch, scenario.review, scenario.provider.limits
    mode = Mode.of(plan)
    manual = run.manual_completions
    done = len(plan.tasks) - manual

    def least(values: NDArray[np.float64]) -> float:
        return float(np.sort(values)[:done].sum())

    needs = find_needs(plan, mode, variates, run, known)
    common = needs_of_common(plan, mode, variates, run, known)
    kinds = [scenario.tasks[task.group].output for task in plan.tasks]
    merges = [scenario.merge.structured if kind == "structured" else scenario.merge.prose for kind in kinds]
    by_coordinator = np.array([[0.0, 0.0, 0.0] if mode.is_solo else _turn_of(merge) for merge in merges]).T
    by_person_s = np.array([merge.people for merge in merges])
    merge_turns, merges_s, written = map(least, by_coordinator)
    turns, lead_s, briefs_s = 0, 0.0, 0.0
    if strategy.manager == "agent" and not mode.is_solo:
        turns = math.ceil(done / plan.concurrency)
        lead_s = dispatch.turn.time + dispatch.brief.time
        briefs_s = turns * dispatch.turn.time + done * dispatch.brief.time
        written += turns * math.floor(dispatch.turn.tokens) + done * math.floor(dispatch.brief.tokens)

    recoveries_s = sorted(variates.recovery_s(task.group, task.index) for task in plan.tasks)
    people_s = math.fsum(recoveries_s[:manual]) + least(by_person_s)
    if review is not None and done:
        reviews = done if review.every == 1 else 1
        people_s += math.fsum(map(variates.review_s, range(reviews))) + done * review.each
    admitted = (
        (limits.requests, least(needs.calls) + common.calls + turns + merge_turns),
        (limits.input_tokens, least(needs.input) + common.input),
        (limits.output_tokens, least(needs.output) - float(np.sort(needs.in_flight)[-plan.slots :].sum())),
    )
    after_merge_s = by_coordinator[1] + by_person_s + (0.0 if review is None else review.each)
    makespan_s = max(
        _chain(plan, variates, lead_s + needs.slot_s + after_merge_s, manual),
        (least(needs.slot_s) + common.slot_s) / plan.slots,
        briefs_s + merges_s,
        briefs_s + (0.0 if mode.in_rounds or not done else float(needs.slot_s.min())),
        people_s,
        *(
            (amount - limits.capacity(limit)) / limits.per_minute(limit) * MINUTE_S
            for limit, amount in admitted
            if limit is not None
        ),
    )
    prices = scenario.provider.prices
    start = 0 if dispatch.context is None else math.floor(dispatch.context.start)
    sent_usd = (turns + merge_turns) * start * min(prices.cache_read, prices.cache_write)
    usd = least(needs.usd) + common.usd + (sent_usd + written * prices.output) / MILLION
    return float(makespan_s) * _ROUNDING, float(usd) * _ROUNDING


def _turn_of(merge: MergeCost) -> list[float]:
    """Return the coordinator's turns, time and tokens for a merge."""
    return [float(merge.tokens > 0 or merge.time > 0), merge.time, math.floor(merge.tokens)]


def _chain(plan: Plan, variates: Variates, task_s: NDArray[np.float64], manual: int) -> float:
    """Return when the last group is done, if `manual` tasks of each group take no time."""
    groups = plan.scenario.tasks
    of_group: dict[str, list[int]] = {}
    for number, task in enumerate(plan.tasks):
        of_group.setdefault(groups[task.group].name, []).append(number)
    after = {group.name: [name for name in group.after if name in of_group] for group in groups}
    done_s: dict[str, float] = {}
    for name in TopologicalSorter({name: after[name] for name in of_group}).static_order():
        ready_s = max((done_s[other] for other in after[name]), default=0.0)
        numbers = of_group[name]
        tasks = [plan.tasks[number] for number in numbers]
        begin_s = [max(ready_s, variates.arrival_s(task.group, task.index)) for task in tasks]
        ends_s = begin_s + task_s[numbers]
        done_s[name] = float(np.sort(ends_s)[-1 - manual]) if manual < len(numbers) else ready_s
    return max(done_s.values())
