"""Lets an interruption wait while something must not be left half way, or leave processes alone."""

from __future__ import annotations

import multiprocessing.resource_tracker
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the end of this, where they have handlers."""
    if threading.current_thread() is not threading.main_thread():  # it is never interrupted
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


@contextmanager
def processes_uninterrupted() -> Iterator[None]:
    """Have processes that are started in here never interrupted: the parent decides when a study ends.

    Ctrl-C goes to all processes of a terminal, also to one that is too young to have said so itself. Threads
    hand on what they have blocked, so that holds for what a thread from in here starts later as well.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    multiprocessing.resource_tracker.ensure_running()  # started with a worker, that would undo the next line
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
