"""Other strategies for the parallel groups in logs, as a page and as JSON."""

from __future__ import annotations

from typing import Any

from dispatch_sim.logs.backtest.what_if import ASSUMPTIONS, WhatIf
from dispatch_sim.report.format import dollars, duration, tokens
from dispatch_sim.report.render import Document, Table, document

MOST_GROUPS = 20
"""Groups in the table: those with the longest wall-clock time."""


def what_if_document(found: WhatIf, *, pictures: bool = True) -> Document:
    """Return the totals by strategy, the longest groups, and the assumptions as a page."""
    return document(
        "what-if.md",
        found=found,
        totals=_totals(found),
        groups=_groups(found),
        assumptions=ASSUMPTIONS,
    )


def _totals(found: WhatIf) -> Table:
    totals = found.totals
    base_s = next(iter(totals.values())).wall_s
    rows = [
        (
            name,
            duration(total.wall_s),
            f"x {total.wall_s / base_s:.2f}" if base_s > 0 else "",
            tokens(total.tokens),
            dollars(total.usd),
        )
        for name, total in totals.items()
    ]
    return Table("All groups", ("Strategy", "Time", "Relative", "Tokens", "API cost"), tuple(rows))


def _groups(found: WhatIf) -> Table:
    names = list(found.outcomes)
    ends = (names[0], names[-1])
    longest = sorted(enumerate(found.groups), key=lambda each: -each[1].wall_s)[:MOST_GROUPS]
    heads = ("Group", "Agents", "Observed", *names, *(f"{name}: API cost" for name in ends))
    rows = [
        (
            group.name,
            str(group.size),
            duration(group.wall_s),
            *(duration(found.outcomes[name][at].wall_s) for name in names),
            *(dollars(found.outcomes[name][at].usd) for name in ends),
        )
        for at, group in longest
    ]
    shown = "" if len(found.groups) <= MOST_GROUPS else f": the {MOST_GROUPS} longest of {len(found.groups)}"
    return Table(f"By group{shown}", heads, tuple(rows))


def what_if_json(found: WhatIf) -> dict[str, Any]:
    """Return all groups for programs."""
    return {
        "left_out": found.left_out,
        "assumptions": ASSUMPTIONS,
        "totals": found.totals,
        "groups": [
            {
                "group": group.name,
                "agents": group.size,
                "observed_wall_s": group.wall_s,
                "strategies": {name: of[at] for name, of in found.outcomes.items()},
            }
            for at, group in enumerate(found.groups)
        ],
    }
