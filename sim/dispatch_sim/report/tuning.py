"""Tuning as a page: the best value of each decision variable, and its best subset."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

from dispatch_sim.decide.tuning import Tuned, Tuning
from dispatch_sim.report.format import listed
from dispatch_sim.report.render import Document, document
from dispatch_sim.study.files import write_texts


def best_subset_text(tuned: Tuned) -> str:
    """Return the values that are not significantly worse than the best: `3 to 8`, `4 to 6 and 10`."""
    by_subset = groupby(tuned.trials, key=lambda trial: trial.in_best_subset)
    runs = [[trial.label for trial in trials] for in_best_subset, trials in by_subset if in_best_subset]
    return listed([run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs])


def tuning_document(found: Tuning, *, pictures: bool = True) -> Document:
    """Return a tuning as a page."""
    return document("tuning.md", found=found, best_subset=best_subset_text)


def write_tuning(found: Tuning, folder: Path) -> list[Path]:
    """Write `tuning.md` and `tuning.json` into a folder."""
    data = json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return write_texts(tuning_document(found).files("tuning") | {"tuning.json": data}, folder)
