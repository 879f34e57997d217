"""What tuning comes to, as it is told: the best setting of each knob, and which others are as good."""

from __future__ import annotations

import json
from pathlib import Path

from dispatch_sim.decide.tuning import Tuned, Tuning
from dispatch_sim.report.format import MEASURES, capital, count, listed, span, way
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.study.files import write_texts


def tuning_sentences(found: Tuning) -> list[str]:
    """Return what to set, and what that saves."""
    measure = MEASURES[found.objective]
    changed = [t for t in found.tuned if t.best != t.variable.present]
    batch = f"{count(found.tasks)} task{'' if found.tasks == 1 else 's'} through {_queue(found)}"
    if not changed:
        return [f"For {batch}, no setting is worth changing."]
    sets = [
        f"{t.variable.name} to {t.variable.labels[t.best]} (now {t.variable.labels[t.variable.present]})"
        for t in changed
    ]
    saves = found.saves
    amount = measure.show(saves.mean) + span(measure.show, saves.low, saves.high)
    text = (
        f"For {batch}, set the {listed(sets)}: at {measure.show(found.mean)} it {measure.verb} {amount} "
        f"{measure.less} than as it is."
    )
    if saves.low <= 0:
        text += " Judged on other replications, that is not more than chance."
    return [text]


def _queue(found: Tuning) -> str:
    return way(found.strategy)


def knobs_table(found: Tuning) -> Table:
    """Return the knobs: now, best, and what is as good."""
    rows = []
    for tuned in found.tuned:
        labels = tuned.variable.labels
        as_good = flat_words(tuned) if tuned.matters else "all that were tried"
        rows.append((tuned.variable.name, labels[tuned.variable.present], labels[tuned.best], as_good))
    return Table("", ("Setting", "Now", "Best", "As good"), tuple(rows), numbers=False)


def flat_words(tuned: Tuned) -> str:
    """Return which values are as good as the best one: `3 to 8`, `4 to 6 and 10`."""
    good = [number for number, trial in enumerate(tuned.trials) if trial.in_best_subset]
    runs: list[list[int]] = []
    for number in good:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    labels = tuned.variable.labels
    return listed([labels[r[0]] if len(r) == 1 else f"{labels[r[0]]} to {labels[r[-1]]}" for r in runs])


def values_table(found: Tuning, tuned: Tuned) -> Table:
    """Return the values of a knob with what each has more than the best one."""
    measure = MEASURES[found.objective]
    rows = []
    for number, trial in enumerate(tuned.trials):
        if trial.difference is None:
            more = "cannot be played"
        elif number == tuned.best:
            more = "the best"
        else:
            more = measure.signed(trial.difference.mean) + span(
                measure.show, trial.difference.low, trial.difference.high
            )
            more += "" if trial.in_best_subset else " *"
        rows.append((trial.label, more))
    return Table("", (capital(tuned.variable.name), "More than the best"), tuple(rows), numbers=False)


def basis(found: Tuning) -> str:
    """Return how it was found, and what it rests on."""
    text = (
        "From several widths each setting was varied by itself, then two at once by a step, until nothing "
        f"was worth moving (none of {found.joint} such pairs around the best settings is better). Judged on "
        f"{found.replications:,} replications other than those of the search. As good is what is not shown "
        f"to be worse with {100 * found.confidence:g}% confidence (for all values of a setting together)"
    )
    if found.indifference:
        text += f", or by less than {MEASURES[found.objective].show(found.indifference)}"
    return f"{text}. Seed {found.seed}, scenario {found.sha256[:12]}."


def tuning_document(found: Tuning, *, pictures: bool = True) -> Document:
    """Return it as a page."""
    return document(
        "tuning.md",
        found=found,
        sentences=tuning_sentences(found),
        knobs=knobs_table(found),
        values=[values_table(found, tuned) for tuned in found.tuned],
        basis=basis(found),
    )


def write_tuning(found: Tuning, folder: Path) -> list[Path]:
    """Write `tuning.md` and `tuning.json` into a folder.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    data = json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return write_texts({"tuning.md": tuning_document(found).markdown, "tuning.json": data}, folder)
