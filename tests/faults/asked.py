"""What is asked of the trials, and what each of them checks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from .checks import LostError, kept_in
from .runs import Trial

PACE_S = 0.02
"""Of runs that are killed: a block takes so much more, and so long it is between parts."""


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes
    ----------
    place : a folder to work in.
    seed : of all that is left to chance.
    kills : random moments of each trial that has such.
    every : of the points at which a study writes, each so manieth is tried.
    """

    place: Path
    seed: int
    kills: int
    every: int

    def chance(self, what: str) -> random.Random:
        """Return the chance of a trial, which does not depend on what is tried before."""
        return random.Random(f"{self.seed} {what}")


def check_in_words(trial: Trial, code: int, where: str) -> None:
    """Check that a failure is told as one of the user's disk: where it is, and with what to do."""
    if code not in (0, 2) or "Traceback" in trial.errors:
        raise LostError(f"{where}: ends with {code}: {trial.errors[-3000:]}")
    if code == 2:
        if "cannot be written to" not in trial.errors or str(trial.folder) not in trial.errors:
            raise LostError(f"{where}: does not say what is wrong: {trial.errors}")
        if kept_in(trial.folder) and "--resume" not in trial.errors:
            raise LostError(f"{where}: does not say how to go on: {trial.errors}")


def check_resumes(trial: Trial, reference: tuple[bytes, ...], total: int, where: str) -> None:
    """Check that all that was safe is there, and that the study is resumed to its end."""
    try:
        trial.check_kept(reference)
        trial.check_resumed(reference, total)
    except LostError as lost:
        raise LostError(f"{where}: {lost}") from lost
