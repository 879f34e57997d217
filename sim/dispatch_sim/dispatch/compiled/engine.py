"""The compiled engine, as the study sees it: replications of a plan are played on its arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.compiled import layout as at
from dispatch_sim.dispatch.compiled.flat_plan import FlatPlan, Size
from dispatch_sim.dispatch.compiled.header import words_of
from dispatch_sim.dispatch.compiled.store import engine
from dispatch_sim.dispatch.log import Event, EventKind
from dispatch_sim.dispatch.outcome import MEASURES, WHOLE, Outcome
from dispatch_sim.dispatch.plan import Plan

_FIRST_LOG = 256
"""Events that a log has room for before it has to grow."""


class Drawn:
    """What first attempts meet in some replications: drawn once, for all plans of a scenario.

    Parameters
    ----------
    plans : that are to share it, all of one scenario; none to share nothing.
    replications : what can be played with it.
    """

    def __init__(self, plans: Sequence[FlatPlan] = (), replications: range = range(0)) -> None:
        sizes = np.max([plan.group_sizes for plan in plans], axis=0) if plans else np.zeros(0, np.int64)
        ends = np.cumsum(sizes)
        tasks = int(ends[-1]) if plans else 0
        self._arrays = {
            "drawn": np.zeros((len(replications) * tasks, at.SIZE_L + 1), np.int64),
            "drawn_times": np.empty((len(replications) * tasks, at.SIZE_L_TIME)),
            "drawn_first": np.array([*(ends - sizes), tasks, replications.start], np.int64),
        }
        self.words = words_of(self._arrays)


_NOTHING_DRAWN = Drawn()


class Machine:
    """Plays one replication at a time, in arrays that it keeps from one plan to the next of the same size."""

    def __init__(self) -> None:
        self._size: Size | None = None
        self._room, self._log = 0, 0

    def play_block(
        self,
        plan: FlatPlan,
        first: int,
        count: int,
        *,
        drawn: Drawn = _NOTHING_DRAWN,
        stop: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the measures of replications, shape (count, measures).

        Parameters
        ----------
        plan : what is played.
        first, count : which replications.
        drawn : what other plans have drawn for these; not to be used by two threads at once.
        stop : where another thread sets its number to something, this ends after the replication that it is
            at; the rows of the others then hold nothing.
        """
        rows = np.empty((count, len(MEASURES)))
        stop = np.zeros(1, np.int64) if stop is None else stop
        done = 0
        if plan.size != self._size:
            self._room, self._log = 0, min(self._log, _FIRST_LOG)
            self._allocate(plan.size)
        while True:
            header = plan.words + self._words + drawn.words + words_of({"rows": rows[done:], "stop": stop})
            done += engine()(header.ctypes.data, first + done, count - done)
            if done == count or stop[0]:
                return rows
            self._room += 1
            self._log *= 4
            self._allocate(plan.size)

    def play(self, plan: Plan, replication: int, log: list[Event] | None = None) -> Outcome:
        """Play one replication, as `engine.play`."""
        if (log is not None) != bool(self._log):
            self._log = 0 if log is None else _FIRST_LOG
            self._size = None
        outcome = outcome_of(self.play_block(FlatPlan(plan), replication, 1)[0])
        if log is not None:
            kinds = list(EventKind)
            count = int(self._arrays["n"][at.LOG_LENGTH])
            times, rests = self._arrays["log_times"][:count], self._arrays["log_rest"][:count]
            for (start, end), (kind, *rest) in zip(times.tolist(), rests.tolist(), strict=True):
                log.append(Event(start, end, kinds[kind], *rest))
        return outcome

    def _allocate(self, size: Size) -> None:
        """Make the arrays of a replication's state."""
        room = 4**self._room
        processes, several = size.tasks + 2 + size.groups, room * (64 + 4 * size.tasks)
        writes = several if size.writes else 1
        lengths = {
            **dict.fromkeys(("ti", "tf", "books", "saved", "made", "made_time"), size.tasks),
            **dict.fromkeys(("qi", "qf"), processes),
            **dict.fromkeys(("wi", "wf"), writes),
            **dict.fromkeys(("when", "order", "event", "urgent", "soon"), several + room * 2 * size.groups),
            **dict.fromkeys(("pending_first", "pending"), size.tasks + 1),
            **dict.fromkeys(("log_times", "log_rest"), self._log),
            "ri": at.FIRST_OF_LOCKS + size.locks,
            "lists": several,
            "group_state": size.groups,
        }
        shapes = {
            name: tuple(lengths[name] if length is None else length for length in at.FIELDS[name][1])
            for name in at.STATE_FIELDS
            if name not in ("fresh", "merged")
        } | {"merged": (size.groups + 1, room * 2 * size.tasks)}
        # What begins at zero stands in one piece of memory.
        fresh = np.zeros(sum(math.prod(shapes[name]) for name in at.FRESH), np.int64)
        parts = np.split(fresh, np.cumsum([math.prod(shapes[name]) for name in at.FRESH])[:-1])
        self._arrays: dict[str, NDArray[Any]] = {"fresh": fresh} | {
            name: part.view(at.FIELDS[name][0]).reshape(shapes[name])
            for name, part in zip(at.FRESH, parts, strict=True)
        }
        for name, shape in shapes.items():
            if name not in at.FRESH:
                self._arrays[name] = np.zeros(shape, at.FIELDS[name][0])
        self._words = words_of(self._arrays)
        self._size = size


def outcome_of(row: NDArray[np.float64]) -> Outcome:
    """Return a row of measures as an outcome, whole numbers as such."""
    values: list[Any] = [
        int(value) if name in WHOLE else value for name, value in zip(MEASURES, row.tolist(), strict=True)
    ]
    return Outcome(*values)
