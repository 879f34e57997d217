"""The decision variables of `tune`: concurrency, pacing, attempts, timeout, retries and backoff of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dispatch_sim.decide.units import UNITS
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy

_TIMEOUTS = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0)
"""Of the median time of an unimpeded attempt of the slowest group."""

_CONCURRENCIES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96)
_ATTEMPTS = (1, 2, 3, 4, 5, 8)
_RETRIES = (0, 1, 2, 3, 5, 8, 12, 20)
_BACKOFFS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class DecisionVariable:
    """A setting that is tuned.

    Attributes
    ----------
    name, path : for people, and the key of the scenario; without a dot, an option of the queue.
    values : as a scenario writes them, in order.
    labels : as people write them.
    present : the number of the scenario's own value.
    """

    name: str
    path: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    present: int


def find_decision_variables(scenario: Scenario, queue: Strategy) -> list[DecisionVariable]:
    """Return the decision variables, each with its values, the scenario's own among them.

    Pacing is one where the scenario has queues with and without it.
    """
    usual = max(scenario.median_time(group) for group in scenario.tasks)
    concurrencies = [each for each in _CONCURRENCIES if each <= scenario.batch_size]
    own = min(queue.concurrency or max(scenario.sweep.concurrency), scenario.batch_size)
    timeouts = [float(f"{part * usual:.2g}") for part in _TIMEOUTS]
    retry, client, hard = scenario.retry, scenario.client, scenario.timeouts.hard
    paces = tuple(dict.fromkeys([queue.pace, *(s.pace for s in scenario.strategies if s.kind == "queue")]))
    pacing = [DecisionVariable("pacing of calls", "pace", paces, paces, 0)]
    return [
        _variable("concurrency of the queue", "concurrency", concurrencies, own),
        _variable("attempts of a task", "retry.max_attempts", _ATTEMPTS, retry.max_attempts),
        _variable("retries of a rate-limited call", "client.retries", _RETRIES, client.retries),
        _variable("first backoff", "client.initial", _BACKOFFS, client.initial, "seconds"),
        _variable("timeout of an attempt", "timeouts.hard", timeouts, hard, "seconds", none=True),
        *(pacing if len(paces) > 1 else []),
    ]


def _variable(
    name: str,
    path: str,
    values: Sequence[float],
    own: float | None,
    unit: str = "",
    *,
    none: bool = False,
) -> DecisionVariable:
    """Return a variable; with `none`, that it is off comes last."""
    numbers = sorted({*values} if own is None else {*values, own})
    show: Callable[[float], str] = UNITS[unit].show if unit else str
    written = [UNITS[unit].write(number) if unit else number for number in numbers]
    labels = [show(number) for number in numbers]
    present = len(numbers) if own is None else numbers.index(own)
    off = ["none"] if none else []
    return DecisionVariable(name, path, (*written, *off), (*labels, *off), present)
