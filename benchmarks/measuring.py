"""Measuring side by side: every peer once a round, so that a machine whose speed drifts favours none."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """What is measured: `play()` plays `units` of work."""

    play: Callable[[], object]
    units: int


def rates(
    peers: Mapping[str, Peer], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Return units a second of each peer, a figure a round; by default seconds of CPU time."""
    measured: dict[str, list[float]] = {name: [] for name in peers}
    for peer in peers.values():
        peer.play()  # compiles, imports, fills what is kept
    for _ in range(rounds):
        for name, peer in peers.items():
            begin = clock()
            peer.play()
            measured[name].append(peer.units / (clock() - begin))
    return measured


def ratio(one: list[float], other: list[float]) -> float:
    """Return the median of the ratios of the same rounds."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def summary(measured: Mapping[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return the median, lowest and highest rate of each peer."""
    return {
        name: {"median": statistics.median(of), "lowest": min(of), "highest": max(of)}
        for name, of in measured.items()
    }
