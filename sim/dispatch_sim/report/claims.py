"""The report on claims: a table of verdicts, and a section on each, in Markdown with its figures."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

from dispatch_sim.report.claim_figures import break_even_map, curves
from dispatch_sim.report.claim_maps import column_words, passing_sentences
from dispatch_sim.report.claim_overview import beyond_words, decides, overview_table, what_to_do
from dispatch_sim.report.claim_words import MARKS, came_out, claimed, regret_note, regret_rows
from dispatch_sim.report.setting import markdown, rule, templates
from dispatch_sim.report.svg import Picture
from dispatch_sim.report.tables import Table
from dispatch_sim.report.words import capital, clean
from dispatch_sim.study.claim_findings import ClaimFinding, Findings
from dispatch_sim.study.claim_map import MapFinding
from dispatch_sim.study.claim_regret import RegretFinding
from dispatch_sim.study.claims import BreakEvenMap, Regret
from dispatch_sim.study.files import write_texts
from dispatch_sim.study.verdicts import Verdict


def write_claims_report(findings: Findings, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `report.md`, its figures as SVG, and `results.json`.

    Parameters
    ----------
    findings : what the claims come to.
    folder : made where it is not there; files of the same names are replaced.

    Returns
    -------
    The files written, the report first. The same findings give the same bytes.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    pictures = {claim.claim.number: _pictures(claim) for claim in findings.claims}
    files = {"report.md": claims_page(findings, pictures)}
    files |= {f"{shown.name}.svg": shown.svg for each in pictures.values() for shown in each}
    text = json.dumps(claims_json(findings), indent=1, ensure_ascii=False, allow_nan=False)
    files["results.json"] = text + "\n"
    return write_texts(files, Path(folder))


def _pictures(claim: ClaimFinding) -> list[Picture]:
    shown = break_even_map(claim)
    return [*([shown] if shown is not None else []), *curves(claim)]


def claims_page(findings: Findings, pictures: dict[int, list[Picture]]) -> str:
    """Set the report as Markdown, which refers to the figures' files."""
    environment = templates(autoescape=False)
    environment.filters["md"] = markdown
    environment.filters["rule"] = rule
    page = environment.get_template("claims.md").render(
        {
            "source": clean(findings.asked.file.source, 400),
            "confidence": f"{100 * findings.asked.file.confidence:g}%",
            "tally": _tally(findings),
            "overview": overview(findings),
            "claims": [
                _section(claim, pictures[claim.claim.number])
                for claim in sorted(findings.claims, key=lambda each: not each.claim.main)
            ],
            "scenarios": _scenarios(findings),
        }
    )
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def verdicts_text(findings: Findings) -> str:
    """Return the verdicts for a terminal, a line each: on a claim's own terms, and beyond them."""
    lines = [
        f"{each.claim.number:>3}  {MARKS[each.verdict]:<11}  {_beyond(each):<20}  "
        f"{clean(each.claim.title, 90)}"
        for each in findings.claims
    ]
    return "\n".join([*lines, _tally(findings)]) + "\n"


def overview(findings: Findings) -> Table:
    """Return the table of all verdicts."""
    return overview_table(findings.claims)


def _beyond(claim: ClaimFinding) -> str:
    return f"beyond: {MARKS[claim.beyond]}" if claim.beyond is not None else ""


def _tally(findings: Findings) -> str:
    counts = [
        f"{MARKS[verdict]} {n}"
        for verdict in Verdict
        if (n := sum(1 for each in findings.claims if each.verdict is verdict))
    ]
    return f"Of {len(findings.claims)} claims: {', '.join(counts)}."


def _section(claim: ClaimFinding, pictures: list[Picture]) -> dict[str, Any]:
    rows = tuple(
        (
            capital(clean(case.case.where, 120)),
            "beyond" if case.case.beyond else "own",
            clean(case.case.what, 200),
            claimed(case),
            came_out(case),
            MARKS[case.verdict],
        )
        for case in claim.cases
    )
    heads = ("Case", "Terms", "Compared", "Claimed", "What came out", "Verdict")
    return {
        "number": claim.claim.number,
        "title": clean(claim.claim.title, 120),
        "verdict": MARKS[claim.verdict],
        "says": clean(claim.claim.says, 600),
        "note": clean(claim.claim.note, 2000),
        "cases": Table("", heads, rows, numbers=False),
        "decides": decides(claim),
        "beyond": beyond_words(claim),
        "do": what_to_do(claim),
        "maps": [
            {
                "where": capital(clean(case.case.where, 120)),
                "sentences": _map_sentences(case.found, statement),
            }
            for case in claim.cases
            if isinstance(case.found, MapFinding)
            and isinstance(statement := case.case.statement, BreakEvenMap)
        ],
        "tables": [
            _regret_table(case.found, case.case.statement)
            for case in claim.cases
            if isinstance(case.found, RegretFinding) and isinstance(case.case.statement, Regret)
        ],
        "pictures": pictures,
    }


def _map_sentences(found: MapFinding, statement: BreakEvenMap) -> list[str]:
    axis = statement.columns or "of the last factor"
    return [*column_words(found, statement), *passing_sentences(found, axis)]


def _regret_table(found: RegretFinding, statement: Regret) -> Table:
    heads = (
        "Scenario",
        "Settings",
        "Independent",
        "Structured",
        "Time matters",
        "The rule says",
        "Best",
        "Mean regret",
        "Worst",
    )
    caption = f"The rule's regret by scenario, otherwise {regret_note(statement)}"
    return Table(caption, heads, tuple(regret_rows(found)), numbers=False)


def _scenarios(findings: Findings) -> Table:
    rows = tuple(
        (
            name,
            f"{results.manifest['design_points']:,}",
            f"{results.replications:,}",
            f"{results.manifest['seed']}",
            results.manifest["scenario"]["sha256"][:12],
        )
        for name, results in findings.results.items()
    )
    heads = ("Scenario", "Design points", "Replications of each", "Seed", "SHA-256")
    return Table("What was played", heads, rows)


def claims_json(findings: Findings) -> dict[str, Any]:
    """Return the findings for programs, as `results.json` has them."""
    found: dict[str, Any] = _finite(findings.to_json())
    return found


def _finite(value: Any) -> Any:
    """Return what JSON can say: an end that is unbounded, or a ratio by nothing, is null."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
