"""What observed groups would have taken another way, for a terminal and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from dispatch_sim.logs.backtest.what_if import ASSUMPTIONS, GroupOutcome, WhatIf
from dispatch_sim.report.format import dollars, duration, tokens
from dispatch_sim.report.log_tables import Block, block_document

MOST_GROUPS = 20
"""Groups that have a row of their own on a terminal, the longest; the rest are counted."""


def what_if_text(found: WhatIf) -> str:
    """Return the totals, the longest groups, and what is assumed."""
    return block_document(what_if_blocks(found)).text


def what_if_blocks(found: WhatIf) -> Iterator[Block]:
    """Return the same, part by part."""
    observed = sum(group.wall_s for group in found.groups)
    agents = sum(group.size for group in found.groups)
    waited = duration(observed)
    text = f"{len(found.groups)} parallel groups, {agents} agents: {waited} of waiting in all, as it was."
    if found.left_out:
        reasons = "; ".join(f"{count}: {reason}" for reason, count in found.left_out.most_common())
        text += f" {found.left_out.total()} were left out ({reasons})."
    yield Block("", (text,))
    base = next(iter(found.totals.values()))
    rows = [
        (name, duration(outcome.wall_s), _times(outcome, base), tokens(outcome.tokens), dollars(outcome.usd))
        for name, outcome in found.totals.items()
    ]
    yield Block("In all", (), (("had they been dispatched", "time", "", "tokens", "money"), *rows))
    order = sorted(range(len(found.groups)), key=lambda place: -found.groups[place].wall_s)
    names = list(found.outcomes)
    heads = ("group", "agents", "observed", *names, *(f"{name}: money" for name in (names[0], names[-1])))
    lines = [
        (
            found.groups[place].name,
            str(found.groups[place].size),
            duration(found.groups[place].wall_s),
            *(duration(found.outcomes[name][place].wall_s) for name in names),
            *(dollars(found.outcomes[name][place].usd) for name in (names[0], names[-1])),
        )
        for place in order[:MOST_GROUPS]
    ]
    heading = (
        "By group" if len(order) <= MOST_GROUPS else f"By group, the {MOST_GROUPS} longest of {len(order)}"
    )
    yield Block(heading, (), (heads, *lines))
    yield Block("Assumed", ASSUMPTIONS)


def _times(outcome: GroupOutcome, base: GroupOutcome) -> str:
    return f"x {outcome.wall_s / base.wall_s:.2f}" if base.wall_s > 0 else ""


def what_if_json(found: WhatIf) -> dict[str, Any]:
    """Return the same for programs, every group."""
    return {
        "left_out": dict(found.left_out),
        "assumptions": list(ASSUMPTIONS),
        "totals": {name: asdict(total) for name, total in found.totals.items()},
        "groups": [
            {
                "group": group.name,
                "agents": group.size,
                "observed_wall_s": group.wall_s,
                "strategies": {name: asdict(of[place]) for name, of in found.outcomes.items()},
            }
            for place, group in enumerate(found.groups)
        ],
    }
