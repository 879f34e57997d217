"""An asyncio event loop on a virtual clock: it never sleeps, and jumps to the next timer instead."""

import asyncio
import selectors
from typing import Any

THREAD_S = 10.0
"""How long a thread may take, in real seconds."""


class _JumpingSelector(selectors.SelectSelector):
    """Reports what is ready now; where nothing is, the clock jumps as far as the loop would sleep."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, without waiting."""
        if timeout is None:  # for a thread, which libraries start with their first call
            ready = super().select(THREAD_S)
            if not ready:
                raise RuntimeError("deadlock: everything waits, and no timer is set")
            return ready
        ready = super().select(0)
        if not ready:
            self.now_s += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is virtual, in seconds from 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Return the virtual time."""
        return self._jumping.now_s


def run(main: Any) -> Any:
    """Run a coroutine on a virtual clock, and return what it returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
