"""Trials at every point at which something is written.

Each yields what it has shown, or raises `LostError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .asked import Asked, check_in_words, check_resumes
from .checks import RESULTS, LostError, results_of
from .layer import ERRORS, Fault
from .runs import KILLED, STUDIES, Study, Trial, reference_of


def ended_at_points(asked: Asked) -> Iterator[str]:
    """The process ends just before each point at which something is written, and in the middle of it."""
    for study, reference, total, points in _in_one_process(asked):
        tried = 0
        for at in _some(asked, points):
            for how in ("before", "within"):
                trial = Trial(asked.place, study)
                code = trial.run(fault=Fault(at, how))
                if code != KILLED:
                    raise LostError(f"{study.name}, {how} point {at}: ends with {code}: {trial.errors}")
                check_resumes(
                    trial, reference, total, f"{study.name}, ended {how} point {at} ({points[at - 1]})"
                )
                tried += 1
        yield f"{study.name}: {len(points)} points, ended at {tried}"


def failing_at_points(asked: Asked) -> Iterator[str]:
    """Each point at which something is written fails, once or from then on, over earlier results."""
    for study, reference, total, _ in _in_one_process(asked):
        earlier = _earlier(asked, study)
        undisturbed = Trial(asked.place, study)
        _put(undisturbed, earlier)
        undisturbed.run()
        points = undisturbed.points()
        tried = refused = 0
        for at in _some(asked, points):
            for how in ERRORS:
                for lasting in (False, True):
                    where = f"{study.name}, {how}{' from' * lasting} at point {at} ({points[at - 1]})"
                    trial = Trial(asked.place, study)
                    _put(trial, earlier)
                    code = trial.run(fault=Fault(at, how, lasting))
                    check_in_words(trial, code, where)
                    refused += code == 2
                    there = results_of(trial.folder) or _put_aside(trial.folder)
                    if there not in (earlier, reference):
                        raise LostError(f"{where}: earlier results are harmed")
                    if code == 0 and there != reference:
                        raise LostError(f"{where}: it says nothing, and has written nothing")
                    check_resumes(trial, reference, total, where)
                    tried += 1
        yield f"{study.name}: {len(points)} points, {tried} errors, {refused} of them fatal"


def power_cut(asked: Asked) -> Iterator[str]:
    """The power goes at each point: what was not forced to the disk is lost, or half there."""
    chance = asked.chance("power")
    for study, reference, total, points in _in_one_process(asked):
        tried = 0
        for at in _some(asked, points):
            for how in ("cut before", "cut within", "cut within"):
                trial = Trial(asked.place, study)
                fault = Fault(at, how, seed=chance.randrange(2**32))
                where = f"{study.name}, {how} point {at} ({points[at - 1]}), left by {fault.seed}"
                code = trial.run(fault=fault)
                if code != KILLED:
                    raise LostError(f"{where}: ends with {code}: {trial.errors}")
                check_resumes(trial, reference, total, where)
                tried += 1
        yield f"{study.name}: {len(points)} points, {tried} power cuts"


def _in_one_process(asked: Asked) -> Iterator[tuple[Study, tuple[bytes, ...], int, list[str]]]:
    for name in ("rows", "rows that double"):
        yield STUDIES[name], *reference_of(asked.place, STUDIES[name])


def _some(asked: Asked, points: list[str]) -> list[int]:
    """Return which points are tried: each so manieth, and others with another seed.

    A table is written in a hundred pieces, one after another: of these the ends, and each tenth.
    """
    among = [
        at
        for at, what in enumerate(points, 1)
        if at % 10 == 0 or what != "write" or {what} != set(points[at - 2 : at + 1])
    ]
    return among[asked.seed % asked.every :: asked.every]


def _earlier(asked: Asked, study: Study) -> tuple[bytes, ...]:
    """Return results of another study, which may lie in the folder already."""
    other = Study("earlier", study.scenario, (*study.options, "--seed", "7"))
    return reference_of(asked.place, other)[0]


def _put(trial: Trial, earlier: tuple[bytes, ...]) -> None:
    trial.folder.mkdir(parents=True)
    for name, data in zip(RESULTS, earlier, strict=False):
        (trial.folder / name).write_bytes(data)


def _put_aside(folder: Path) -> tuple[bytes, ...]:
    """Return results that could not be put back, as the disk began to refuse all in the midst of that."""
    found = []
    for name in RESULTS:
        paths = [*folder.glob(f".{name}.old.*.partial"), folder / name]
        found += [path.read_bytes() for path in paths if path.exists()][:1]
    return tuple(found)
