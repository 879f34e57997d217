"""How many attempts a strategy lets run at once."""

from __future__ import annotations

from dispatch_sim.dispatch.rules import grown, shrunk
from dispatch_sim.dispatch.world import Task, World

FIRST_ADAPTIVE_WIDTH = 4
"""Where adaptive dispatch begins: practitioners' 'parallel up to 3 or 4'."""


class Width:
    """The width of a strategy: as given, or adapted to the 429s that agents get.

    Adaptive width grows by one in a round of attempts that were not refused, and is halved by a 429, once for
    all agents that were at work then: they collided with each other.
    """

    def __init__(self, world: World) -> None:
        self._most = world.plan.width
        self._adaptive = world.plan.strategy.kind == "adaptive"
        self._width = float(min(FIRST_ADAPTIVE_WIDTH, self._most) if self._adaptive else self._most)
        self._shrunk_s = -1.0
        self._env = world.env
        if self._adaptive:
            world.on_limited = self._on_limited

    @property
    def slots(self) -> int:
        """Most attempts at once, now."""
        return int(self._width)

    def learn_cap(self, cap: int) -> None:
        """Keep to what the harness has been found to run."""
        self._most = min(self._most, cap)
        self._width = min(self._width, float(self._most))

    def on_end(self, task: Task, *, returned: bool) -> None:
        """Note that an attempt is over."""
        if self._adaptive and returned and task.launched_s > self._shrunk_s:
            self._width = grown(self._width, self._most)

    def _on_limited(self, task: Task) -> None:
        if task.launched_s > self._shrunk_s:
            self._width = shrunk(self._width)
            self._shrunk_s = self._env.now
