"""Simulates blocks: some replications of some strategies of a scenario.

A study simulates chunks of all its design points. A search has thousands of points with few replications
each, so its threads take whole blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import store
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.engines import idle_machine
from dispatch_sim.study.runner import cut_for_cache, in_threads, simulate_chunk


@dataclass(frozen=True, slots=True)
class Block:
    """Some replications of the design points of a variant."""

    variant: Variant
    replications: range

    @property
    def tasks(self) -> int:
        """Number of tasks that are simulated."""
        return len(self.replications) * sum(len(plan.tasks) for plan in self.variant.plans)

    def parts(self) -> Iterator[range]:
        """Yield the replications in parts that a thread simulates at a time."""
        return cut_for_cache(self.replications, self.variant.plans)


def simulate_blocks(
    blocks: Sequence[Block],
    engine: str,
    jobs: int,
    keep: Callable[[int, range, NDArray[np.float64]], None],
) -> None:
    """Simulate blocks; those whose scenarios differ in prices and values alone are simulated once.

    Parameters
    ----------
    engine : `simpy` or `compiled`.
    jobs : threads of the compiled engine.
    keep : called in this thread with the number of a block, a part of its replications, and their measures,
        shape (plans, replications, measures).

    Raises
    ------
    KeyboardInterrupt
        Where interrupted, within a moment.
    """
    if engine != "compiled":
        for number, block in enumerate(blocks):
            for part in block.parts():
                keep(number, part, simulate_chunk(Design((), (block.variant,), 0), part))
        return
    from dispatch_sim.engine.plan import FlatPlan
    from dispatch_sim.engine.scenario_records import FlatScenario

    store.engine()  # compiled or loaded once, before threads use it
    records: dict[int, FlatScenario] = {}
    alike: dict[tuple[object, ...], tuple[range, list[int]]] = {}
    for number, block in enumerate(blocks):
        variant = block.variant
        if id(variant.scenario) not in records:
            records[id(variant.scenario)] = FlatScenario(variant.scenario)
        points = tuple((plan.strategy, len(plan.tasks)) for plan in variant.plans)
        for part in block.parts():
            key = (records[id(variant.scenario)].key, points, part)
            alike.setdefault(key, (part, []))[1].append(number)

    def simulate(work: tuple[range, list[int]], stop: NDArray[np.int64]) -> NDArray[np.float64]:
        part, numbers = work
        variant = blocks[numbers[0]].variant
        plans = [FlatPlan(plan, records[id(variant.scenario)]) for plan in variant.plans]
        scenarios = [blocks[number].variant.scenario for number in numbers]
        with idle_machine() as machine:
            machine.share(plans, part)
            return machine.simulate_priced(plans, part, scenarios, stop)

    def keep_all(work: tuple[range, list[int]], measures: NDArray[np.float64]) -> None:
        part, numbers = work
        for number, of_block in zip(numbers, measures, strict=True):
            keep(number, part, of_block)

    in_threads(iter(alike.values()), simulate, jobs, keep_all)
