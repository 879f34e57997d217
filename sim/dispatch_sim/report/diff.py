"""Two scenarios side by side, as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dispatch_sim.decide.diff import Diff
from dispatch_sim.report.answers import MOST_ROWS
from dispatch_sim.report.format import MEASURES, clean, confidence, instruction
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.stats.estimates import Estimate

MOST_CHANGES = 10
"""Rows of the table of keys that differ."""

_AMOUNTS = ("money_usd", "makespan_s", "people_s")
"""Measures that are stated next to the objective."""


def diff_document(found: Diff, *, pictures: bool = True) -> Document:
    """Return the difference between two scenarios as a page."""
    measure = MEASURES[found.objective]
    others = [name for name in _AMOUNTS if name != found.objective]
    groups = [{group.name for group in side.scenario.tasks} for side in (found.a, found.b)]
    return document(
        "diff.md",
        found=found,
        measure=measure,
        others=[(MEASURES[name], found.recommended[name].difference) for name in others],
        sides=[
            (label, side, instruction(side.choice.strategy, side.choice.tasks))
            for label, side in (("A", found.a), ("B", found.b))
        ],
        confidence=confidence(found.a.choice.confidence),
        changes=_changes_table(found),
        recommended=_recommended_table(found),
        strategies=_strategies_table(found, others),
        same_values=found.a.scenario.values == found.b.scenario.values,
        same_groups=groups[0] == groups[1],
        most=MOST_ROWS,
        most_changes=MOST_CHANGES,
    )


def _changes_table(found: Diff) -> Table:
    rows = tuple((clean(each.path, 50), _value(each.a), _value(each.b)) for each in found.changes)
    return Table("Keys that differ", ("Key", "A", "B"), rows, numbers=False)


def _value(value: Any) -> str:
    """Return a value of a scenario as it is written, on one short line."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.12g}"
    return clean(_yaml(value), 40)


def _yaml(value: Any) -> str:
    """Return plain data as YAML on one line, without the quotes of texts."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _recommended_table(found: Diff) -> Table:
    """Return each measure of the two recommended strategies."""
    rows = [("Strategy", str(found.a.choice.strategy), str(found.b.choice.strategy), "")]
    for name, measure in MEASURES.items():
        if name in found.recommended:
            of = found.recommended[name]
            rows.append(
                (measure.title, measure.show(of.a), measure.show(of.b), measure.difference(of.difference))
            )
    heads = ("", "A", "B", f"B minus A ({confidence(found.a.choice.confidence)} interval)")
    return Table(f"The recommended strategies, {_replications(found.difference)}", heads, tuple(rows))


def _replications(difference: Estimate) -> str:
    return f"means of {difference.n:,} replications"


def _strategies_table(found: Diff, others: list[str]) -> Table | None:
    """Return the strategies that both scenarios have; None where there is none."""
    if not found.strategies:
        return None
    objective = MEASURES[found.objective]
    rows = []
    for strategy, measures in found.strategies.items():
        of = measures[found.objective]
        differences = (MEASURES[name].signed(measures[name].difference.mean) for name in others)
        shown = objective.show(of.a), objective.show(of.b), objective.difference(of.difference)
        rows.append((str(strategy), *shown, *differences))
    title = objective.title
    minus = f"{title}: B minus A ({confidence(found.a.choice.confidence)} interval)"
    heads = ("Strategy", f"{title}: A", f"{title}: B", minus, *(MEASURES[name].title for name in others))
    over = _replications(next(iter(found.strategies.values()))[objective.column].difference)
    caption = f"The same strategy in both scenarios, {over}; further columns are B minus A"
    return Table(caption, heads, tuple(rows))
