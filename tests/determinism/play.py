"""Plays one leg of a way, in a process of its own, which is asked by JSON on its standard input.

Prints as JSON in what each study was played.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from dispatch_sim.scenario.loader import load_source
from dispatch_sim.study import playing, runner, workers
from dispatch_sim.study.answer import answer
from dispatch_sim.study.cluster import Cluster
from dispatch_sim.study.conduct import sweep
from dispatch_sim.study.design import design_sweep
from dispatch_sim.study.journal import Journal
from dispatch_sim.study.results import write_results

from .ways import REPORTED, Case, Leg


class Told:
    """What is noted while a study is played.

    Attributes
    ----------
    executors : that were used.
    blocks : how many were kept.
    """

    def __init__(self) -> None:
        self.executors: set[str] = set()
        self.blocks = 0

    def noting(self, name: str, play: Callable[..., Any]) -> Callable[..., Any]:
        """Return what plays, noting its name."""

        @wraps(play)
        def noted(*arguments: Any, **named: Any) -> Any:
            self.executors.add(name)
            return play(*arguments, **named)

        return noted


def play_leg(case: Case, engine: str, leg: Leg, folder: Path, *, resume: bool, reported: bool) -> Told:
    """Play a study, or a part of it, and write into a folder what the command line would."""
    source = load_source(case.path)
    source = source.replaced({"engine": "auto" if engine == "both" else engine})
    told = _set_up(engine, leg, design_sweep(source).tasks)

    def after_block(done: int, of: int) -> None:
        told.blocks += 1
        if told.blocks == leg.blocks:
            if leg.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt

    results = sweep(
        source,
        jobs=leg.jobs,
        on_progress=after_block,
        folder=folder,
        resume=True if resume else None,
        cluster=leg.cluster,
    )
    if results.replications:
        write_results(results, folder)
    if reported and case == REPORTED and not results.manifest["interrupted"]:
        from dispatch_sim.report.page import write_report  # it takes as long to load as all the rest

        write_report(answer(results), folder)
    return told


def _set_up(engine: str, leg: Leg, tasks: int) -> Told:
    """Have this process play as a leg says; `tasks` are those of a replication."""
    told = Told()
    runner.WORTH_A_POOL = 0
    if leg.block is not None:
        runner.TASKS_OF_A_BLOCK = dict.fromkeys(runner.TASKS_OF_A_BLOCK, leg.block * tasks)
    if leg.drawn is not None:
        workers.TASKS_DRAWN = leg.drawn
    if leg.blocks is not None:
        Journal._pause = lambda self: 0.0  # type: ignore[method-assign]  # a part for every block
    if leg.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if engine == "both":
        playing.choose_engine = lambda design, first=0: "compiled" if first else "simpy"
    runner.play_block = told.noting("this process", _PLAY_BLOCK)
    runner.play_in_processes = told.noting("processes", _PLAY_IN_PROCESSES)
    runner.play_in_threads = told.noting("threads", _PLAY_IN_THREADS)
    Cluster.play = told.noting("cluster", _PLAY_IN_CLUSTER)  # type: ignore[method-assign]
    return told


_PLAY_BLOCK, _PLAY_IN_PROCESSES = runner.play_block, runner.play_in_processes
_PLAY_IN_THREADS, _PLAY_IN_CLUSTER = runner.play_in_threads, Cluster.play


def main() -> None:
    """Play what is asked for on stdin."""
    asked = json.load(sys.stdin)
    told = {}
    for each in asked["cases"]:
        case = Case(**each)
        found = play_leg(
            case,
            asked["engine"],
            Leg(**asked["leg"]),
            Path(asked["folder"]) / case.name,
            resume=asked["resume"],
            reported=asked["reported"],
        )
        told[case.name] = sorted(found.executors)
    print(json.dumps(told))
