"""Delays SIGINT and SIGTERM while a block must not be interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until the end of the block, if they have handlers."""
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield
        return
    waiting: list[int] = []
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    before = {each: handler for each, handler in before.items() if callable(handler)}
    for each in before:
        signal.signal(each, lambda number, frame: waiting.append(number))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)
