"""The table of verdicts: each claim in a line, with what decides it and what to do, all from the findings."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch_sim.report.claim_maps import map_advice
from dispatch_sim.report.claim_words import (
    MARKS,
    axis_words,
    claimed,
    relation,
    show_axis,
    show_value,
    turns,
    where_words,
)
from dispatch_sim.report.tables import Table
from dispatch_sim.report.words import capital, clean, listed, percent
from dispatch_sim.study.axes import axis_place
from dispatch_sim.study.claim_findings import CaseFinding, ClaimFinding, RatioFinding
from dispatch_sim.study.claim_map import MapFinding
from dispatch_sim.study.claim_regret import RegretFinding
from dispatch_sim.study.claim_widths import BestFinding
from dispatch_sim.study.claims import BreakEvenMap, Ratio
from dispatch_sim.study.verdicts import State, Verdict

NOTHING = "\N{EN DASH}"


def overview_table(claims: Sequence[ClaimFinding]) -> Table:
    """Return the table of all verdicts."""
    rows = tuple(
        (
            f"{each.claim.number}",
            clean(each.claim.title, 120),
            MARKS[each.verdict],
            decides(each),
            beyond_words(each),
            what_to_do(each),
        )
        for each in claims
    )
    heads = ("#", "Claim", "On its own terms", "What came out, and what decides", "Beyond them", "What to do")
    return Table("The verdicts", heads, rows, numbers=False)


def decides(claim: ClaimFinding) -> str:
    """Return what came out of a claim on its own terms: what decides and where, or the figures."""
    decided = any(isinstance(case.found, MapFinding) for case in claim.own) and claim.claim.varies
    told = results(claim.own, claim.verdict)
    return f"{told}; what decides is {clean(claim.claim.varies)}" if decided else told


def beyond_words(claim: ClaimFinding) -> str:
    """Return what becomes of a claim beyond its own terms."""
    if claim.beyond is None:
        return NOTHING
    if claim.beyond is Verdict.CONFIRMED:
        return f"holds as well ({results(claim.others, claim.beyond)})"
    if claim.beyond is Verdict.REFUTED:
        return f"does not hold ({results(claim.others, claim.beyond)})"
    if claim.beyond is Verdict.NOT_SHOWN:
        return f"not settled ({results(claim.others, claim.beyond)})"
    variables = list(dict.fromkeys(_axis(case) for case in claim.others if _turning(case)))
    if not variables and claim.claim.varies:
        variables = [clean(claim.claim.varies)]
    return f"depends on {' and '.join(variables)}: {results(claim.others, claim.beyond, axes=False)}"


def results(cases: Sequence[CaseFinding], verdict: Verdict, *, axes: bool = True) -> str:
    """Return what came out of cases, those of one kind together, in a few words each.

    What stands after a comma in `where` is the kind of a case. `axes` says of thresholds what they are on.
    Where the cases come out differently, each is told to hold or not.
    """
    differ = verdict in (Verdict.DEPENDS, Verdict.NOT_SHOWN)
    groups: dict[tuple[str, str], dict[str, list[str]]] = {}
    for case in cases:
        head, _, kind = clean(case.case.where, 120).partition(", ")
        axis = _axis(case) if axes and _turning(case) else ""
        colon = "" if _turning(case) else ":"
        groups.setdefault((kind, axis), {}).setdefault(f"{head}{colon}", []).append(
            _result(case, differ=differ)
        )
    parts = []
    for (kind, axis), heads in groups.items():
        each = ", ".join(f"{head} {listed(list(dict.fromkeys(told)))}" for head, told in heads.items())
        parts.append(f"{f'{kind}: ' if kind else ''}{each}{f' ({axis})' if axis else ''}")
    return "; ".join(parts)


def _turning(case: CaseFinding) -> bool:
    return isinstance(case.found, RatioFinding) and bool(case.found.thresholds)


def _axis(case: CaseFinding) -> str:
    statement = case.case.statement
    assert isinstance(statement, Ratio)
    return axis_words(statement)


def _result(case: CaseFinding, *, differ: bool) -> str:
    """Return what came out of a case, in a few words; where cases differ, with whether it holds."""
    found, statement = case.found, case.case.statement
    if isinstance(found, RatioFinding) and isinstance(statement, Ratio):
        if found.thresholds:
            return turns(found, statement, bare=True)
        holds = {Verdict.CONFIRMED: "yes, ", Verdict.REFUTED: "no, "}.get(found.verdict, "") if differ else ""
        if found.verdict is Verdict.NOT_SHOWN:
            return f"not settled, {_range(found, statement)}"
        if found.verdict is Verdict.DEPENDS:
            return where_words(found, show_axis(found.unit_of_axis))
        queue = f" (it is {found.best_width} wide)" if found.best_width is not None else ""
        return f"{holds}{_range(found, statement)}{queue}"
    if isinstance(found, BestFinding):
        show = show_axis(found.unit_of_axis)
        best = [show(axis_place(level)) for level in found.best]
        return f"best {best[0]} to {best[-1]}" if len(best) > 2 else f"best {listed(best)}"
    if isinstance(found, MapFinding):
        within = sum(1 for cell in found.cells if cell.state is State.HOLDS)
        outside = sum(1 for cell in found.cells if cell.state is State.FAILS)
        return f"{claimed(case)} shown in {within} of {len(found.cells)} places, shown not to be in {outside}"
    assert isinstance(found, RegretFinding)
    return f"costs {percent(found.mean.mean)} more than the best"


def _range(found: RatioFinding, statement: Ratio) -> str:
    """Return the ratio, or the least and the greatest along the axis."""
    ratios = [point.ratio.mean for point in found.points]
    low, high = min(ratios), max(ratios)
    said = relation(statement)
    if said is not None:
        return said(low) if said(low) == said(high) else said.span(low, high)
    show = show_value(statement.unit)
    return show(low) if show(low) == show(high) else f"{show(low)} to {show(high)}"


def what_to_do(claim: ClaimFinding) -> str:
    """Return what to do by a claim, as it came out on its own terms."""
    maps = [
        (case.found, case.case.statement)
        for case in claim.own
        if isinstance(case.found, MapFinding) and isinstance(case.case.statement, BreakEvenMap)
    ]
    if claim.claim.do is None:
        return map_advice(*maps[0]) if maps else NOTHING
    holds, fails = clean(claim.claim.do.holds, 160), clean(claim.claim.do.fails, 160)
    if claim.verdict is Verdict.CONFIRMED and claim.beyond in (None, Verdict.CONFIRMED):
        return f"{capital(holds)}."
    if claim.verdict is Verdict.CONFIRMED:
        where = "Beyond them" if claim.beyond is Verdict.REFUTED else "Where it does not hold beyond them"
        return f"On its own terms: {holds}. {where}: {fails}."
    if claim.verdict is Verdict.REFUTED:
        return f"{capital(fails)}."
    if claim.verdict is Verdict.NOT_SHOWN:
        return "Nothing is shown either way."
    above = {
        threshold.holds_above
        for case in claim.own
        if isinstance(case.found, RatioFinding)
        for threshold in case.found.thresholds
    }
    if len(above) == 1:
        high, low = (holds, fails) if above.pop() else (fails, holds)
        return f"Above: {high}. Below: {low}."
    sides = []
    for verdict, action in ((Verdict.CONFIRMED, holds), (Verdict.REFUTED, fails)):
        names = [clean(case.case.where, 120) for case in claim.own if case.verdict is verdict]
        if names:
            sides.append(f"{capital(listed(names))}: {action}.")
    return " ".join(sides) or f"Where it holds: {holds}. Where not: {fails}."
