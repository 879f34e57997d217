"""A study while it is played: stage by stage, in memory and, where it has a folder, in parts on the disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.study.cluster import Cluster
from dispatch_sim.study.design import Design
from dispatch_sim.study.engines import choose_engine
from dispatch_sim.study.gathering import Piece, Rows
from dispatch_sim.study.journal import Journal
from dispatch_sim.study.runner import OnProgress, Played, play_blocks

_LOG = logging.getLogger("dispatch_sim")


class Playing:
    """What a study plays, and what it has played so far.

    Parameters
    ----------
    design : with the replications of the first stage.
    on_progress : called with the replications done and all of this stage and those before.

    Attributes
    ----------
    design : with the replications of this stage and those before.
    """

    def __init__(self, design: Design, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._first = 0
        self.design = design
        self._kept = Rows()
        self._engines: dict[int, str] = {}
        self._journal: Journal | None = None
        self._began = time.monotonic()

    def keep_in(self, folder: Path, study: Mapping[str, Any], resume: bool | None) -> None:
        """Keep what is played in a folder, and take up what an earlier run has left there.

        Parameters
        ----------
        study : what makes the study what it is, for the journal.
        resume : as in `conduct.sweep`.

        Raises
        ------
        ResultsError
            Where what lies there is of another study, or is not to be thrown away unasked.
        """
        most = self.design.at_most or self.design.replications
        journal = Journal(folder, study, self.design.points, most)
        if resume:
            for piece in journal.resume():
                self._kept.add(piece)
            if self._kept.played:
                _LOG.warning("resumed: %s replications of each way are done", f"{self._kept.played:,}")
            else:
                _LOG.warning("%s: holds nothing unfinished; playing from the beginning", folder)
            self._engines = dict(journal.engines)
        else:
            journal.begin(anew=resume is False)
        self._journal = journal

    def play(self, jobs: int, cluster: Cluster | None) -> Played:
        """Play what is missing of this stage, and return all that was played.

        Raises
        ------
        WorkerError, ResultsError
            What was played is on the disk then, as far as it can be written.
        """
        design = self.design
        engine = self._engines.get(self._first) or choose_engine(design, self._first)
        self._engines[self._first] = engine
        if self._journal is not None:
            self._journal.stage(self._first, engine)
        done = False
        try:
            missing = self._kept.missing(range(design.replications))
            done = play_blocks(design, missing, engine, jobs, self._take, cluster)
        finally:
            # Of a study that goes on to its results at once, the last part would be written for nothing.
            if self._journal is not None and not done:
                self._journal.write_part()
        numbers, values = self._kept.table((design.points, len(MEASURES)), design.replications)
        return Played(
            numbers,
            values,
            not done,
            " and ".join(dict.fromkeys(engine for first, engine in sorted(self._engines.items()))),
        )

    def double(self) -> None:
        """Go on to the next stage."""
        self._first = self.design.replications
        self.design = replace(self.design, replications=self.doubled)

    @property
    def doubled(self) -> int:
        """The replications of the next stage and those before it."""
        return min(2 * self.design.replications, self.design.at_most or self.design.replications)

    @property
    def is_behind(self) -> bool:
        """Whether an earlier run had gone on to the next stage, so that no budget of time ends this one."""
        return any(first > self._first for first in self._engines)

    def elapsed(self) -> float:
        """Return for how many seconds the study has been played, by this run and those it goes on with."""
        before = self._journal.seconds if self._journal is not None else 0.0
        return before + time.monotonic() - self._began

    def _take(self, block: range, piece: Piece) -> None:
        self._kept.add(piece)
        if self._journal is not None:
            self._journal.add(piece)
        if self._on_progress is not None:
            self._on_progress(self._kept.played, self.design.replications)
