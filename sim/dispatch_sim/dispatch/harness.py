"""The harness's own limits: how many agents it runs, and a counter of calls on the client's side."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from dispatch_sim.scenario.coordination import Pace


class Pacer:
    """Counts calls, and is set back with every window; who finds it used up waits for a whole window.

    All behind wait as well, and the count then begins anew. This is how CrewAI keeps to `max_rpm`: it waits
    not until the window is over, but for as long as a window is.
    """

    def __init__(self, env: simpy.Environment, pace: Pace) -> None:
        self._env = env
        self._pace = pace
        self._turn = simpy.Resource(env, capacity=1)
        self._windows = 0
        self._calls = 0

    def take(self) -> Generator[simpy.Event, Any, None]:
        """Count a call, and wait before that if it is one too many."""
        with self._turn.request() as turn:
            yield turn
            self._set_back()
            if self._calls >= self._pace.calls:
                yield self._env.timeout(self._pace.window)
                self._windows = int(self._env.now // self._pace.window)
                self._calls = 0
            self._calls += 1

    def _set_back(self) -> None:
        windows = int(self._env.now // self._pace.window)
        if windows > self._windows:
            self._windows, self._calls = windows, 0
