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

    def is_chosen(tuned: Tuned) -> bool:
        """Whether the present value is one that the search chose, as the scenario has none."""
        return tuned.variable.path == "concurrency" and not found.has_concurrency

    changes, alike = [], []
    for tuned in found.tuned:
        labels, present = tuned.variable.labels, tuned.variable.present
        if tuned.best == present:
            continue
        now, joined = f"now {labels[present]}", ", which is"
        if is_chosen(tuned):
            now = f"{labels[present]} is the best one with the other settings as they are"
            joined = ", and with these is"
        more = tuned.trials[present].difference
        if tuned.trials[present].in_best_subset:
            is_worse = more is not None and more.low > 0
            worse = "worse by less than the indifference threshold" if is_worse else "not significantly worse"
            now += f"{joined} {worse}"
        elif len(tuned.best_subset) > 1:
            alike.append(f"{tuned.variable.name} {best_subset_text(tuned)}")
        changes.append(f"{tuned.variable.name} to {labels[tuned.best]} ({now})")
    return document(
        "tuning.md",
        found=found,
        changes=changes,
        alike=alike,
        is_chosen=is_chosen,
        best_subset=best_subset_text,
    )


def write_tuning(found: Tuning, folder: Path) -> list[Path]:
    """Write `tuning.md` and `tuning.json` into a folder."""
    data = json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return write_texts(tuning_document(found).files("tuning") | {"tuning.json": data}, folder)
