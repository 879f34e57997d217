"""Tuning as a page: the best value of each decision variable, and its best subset."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

from dispatch_sim.decide.tuning import Trial, Tuned, Tuning
from dispatch_sim.report.format import MEASURES, capital, listed, named, span
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.study.files import write_texts


def variables_table(found: Tuning) -> Table:
    """Return the decision variables: now, chosen, and which values are as good."""
    rows = []
    for tuned in found.tuned:
        variable = tuned.variable
        now = variable.labels[variable.present]
        if _is_chosen(found, tuned):
            now += " (best with these)"
        others = best_subset_text(tuned) if tuned.matters else "all values"
        rows.append((variable.name, now, variable.labels[tuned.best], others))
    head = "Not significantly worse"
    if found.indifference:
        head += f", or within {MEASURES[found.objective].show(found.indifference)}"
    heads = ("Decision variable", "Now", "Chosen", head)
    return Table("", heads, tuple(rows), numbers=False)


def _is_chosen(found: Tuning, tuned: Tuned) -> bool:
    """Whether the present value is one that the search chose, as the scenario has none."""
    return tuned.variable.path == "concurrency" and not found.has_concurrency


def _not_worse(trial: Trial) -> str:
    """Return in which sense a value of the best subset is as good as the chosen one."""
    if trial.difference is not None and trial.difference.low > 0:
        return "worse by less than the indifference threshold"
    return "not significantly worse"


def best_subset_text(tuned: Tuned) -> str:
    """Return the values that are not significantly worse than the best: `3 to 8`, `4 to 6 and 10`."""
    by_subset = groupby(tuned.trials, key=lambda trial: trial.in_best_subset)
    runs = [[trial.label for trial in trials] for in_best_subset, trials in by_subset if in_best_subset]
    return listed([run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs])


def values_table(found: Tuning, tuned: Tuned) -> Table:
    """Return the values of a decision variable with their differences from the chosen one."""
    measure = MEASURES[found.objective]
    rows = []
    for number, trial in enumerate(tuned.trials):
        more = trial.difference
        if more is None:
            text = "cannot be simulated"
        elif number == tuned.best:
            text = "chosen"
        else:
            text = measure.signed(more.mean) + span(measure.show, more.low, more.high)
            text += "" if trial.in_best_subset else " *"
        rows.append((trial.label, text))
    return Table("", (capital(tuned.variable.name), "Minus the chosen one"), tuple(rows), numbers=False)


def tuning_document(found: Tuning, *, pictures: bool = True) -> Document:
    """Return a tuning as a page."""
    changed = [each for each in found.tuned if each.best != each.variable.present]
    changes, alike = [], []
    for tuned in changed:
        variable = tuned.variable
        now, joined = f"now {variable.labels[variable.present]}", ", which is"
        if _is_chosen(found, tuned):
            now = f"{variable.labels[variable.present]} is the best one with the other settings as they are"
            joined = ", and with these is"
        present = tuned.trials[variable.present]
        if present.in_best_subset:
            now += f"{joined} {_not_worse(present)}"
        elif len(tuned.best_subset) > 1:
            alike.append(f"{variable.name} {best_subset_text(tuned)}")
        changes.append(f"{variable.name} to {variable.labels[tuned.best]} ({now})")
    return document(
        "tuning.md",
        found=found,
        measure=MEASURES[found.objective],
        queue=named(found.strategy),
        changes=changes,
        alike=alike,
        variables=variables_table(found),
        values=[values_table(found, tuned) for tuned in found.tuned],
    )


def write_tuning(found: Tuning, folder: Path) -> list[Path]:
    """Write `tuning.md` and `tuning.json` into a folder.

    Raises
    ------
    ResultsError
        If the folder cannot be written to.
    """
    data = json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return write_texts(tuning_document(found).files("tuning") | {"tuning.json": data}, folder)
