"""What tuning sets: width of the queue, attempts, the client's retries and backoff, timeout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dispatch_sim.scenario.formats import format_duration
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.warnings import median_time

_TIMEOUTS = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0)
"""Of the median time of an unimpeded attempt of the slowest group."""

_WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96)
_ATTEMPTS = (1, 2, 3, 4, 5, 8)
_RETRIES = (0, 1, 2, 3, 5, 8, 12, 20)
_BACKOFFS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class Knob:
    """Something that can be set.

    Attributes
    ----------
    name, path : in words, and the key; the path of the width is `concurrency`.
    values : as the scenario would have them, in order.
    labels : as people write them.
    present : the number of the scenario's own value.
    """

    name: str
    path: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    present: int


def find_knobs(scenario: Scenario, queue: Strategy) -> list[Knob]:
    """Return what is tuned, each with its values, the scenario's own among them."""
    usual = max(median_time(scenario, group) for group in scenario.tasks)
    widths = [width for width in _WIDTHS if width <= scenario.batch_size]
    own = min(queue.concurrency or max(scenario.sweep.concurrency), scenario.batch_size)
    knobs = [
        _knob("width of the queue", "concurrency", widths, own, str),
        _knob("attempts of a task", "retry.max_attempts", _ATTEMPTS, scenario.retry.max_attempts, str),
        _knob("retries of a refused call", "client.retries", _RETRIES, scenario.client.retries, str),
        _knob("first backoff", "client.initial", _BACKOFFS, scenario.client.initial, format_duration),
    ]
    hard = scenario.timeouts.hard
    seconds = sorted({float(f"{part * usual:.2g}") for part in _TIMEOUTS} | ({hard} if hard else set()))
    timeout = _knob("timeout of an attempt", "timeouts.hard", seconds, hard or seconds[0], format_duration)
    knobs.append(
        replace(
            timeout,
            values=(*timeout.values, "none"),
            labels=(*timeout.labels, "none"),
            present=timeout.present if hard else len(seconds),
        )
    )
    return [_with_units(knob) for knob in knobs]


def _knob(name: str, path: str, values: Sequence[Any], own: Any, show: Any) -> Knob:
    every = sorted({*values, own})
    return Knob(name, path, tuple(every), tuple(show(value) for value in every), every.index(own))


def _with_units(knob: Knob) -> Knob:
    """Return a knob with its times as a scenario writes them."""
    if knob.path not in ("client.initial", "timeouts.hard"):
        return knob
    values = tuple(f"{value:.15g}s" if isinstance(value, float) else value for value in knob.values)
    return replace(knob, values=values)
