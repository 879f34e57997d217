"""The report on claims in Markdown: the sections of the file, each claim with its verdict, and the method."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

from dispatch_sim.claims.break_even_map import FIRST
from dispatch_sim.claims.judge import Findings
from dispatch_sim.claims.simulation import SCREENING, STAGES
from dispatch_sim.claims.verdicts import Verdict
from dispatch_sim.report.claim_texts import Texts
from dispatch_sim.report.format import clean
from dispatch_sim.report.render import document
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.files import write_texts


def write_claims_report(findings: Findings, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `report.md` and `results.json`; the same findings give the same bytes.

    The folder is created if it is missing; files of the same names are replaced. Returns the files, the
    report first.

    Raises
    ------
    UserError
        Where a sentence does not fit the figures: each such sentence, and the values. Nothing is written.
    ResultsError
        Where the folder cannot be written to.
    """
    texts = Texts(findings)
    preliminary = [
        f"claim {each.claim.number}, {case.where}"
        for each in findings.claims
        for case, found in zip(each.claim.cases, each.cases, strict=True)
        if not found.valid
    ]
    is_complete = len(findings.claims) == len(findings.asked.file.claims)
    page = document(
        "claims.md",
        findings=findings,
        sections=findings.asked.file.sections if is_complete else (),
        tally=tally(findings),
        fill=texts.fill,
        preliminary=preliminary,
        stages=(FIRST, SCREENING, *STAGES),
    )
    for each in findings.claims:
        if each.claim.verdict not in (None, each.verdict):
            texts.problems.append(
                f'claim {each.claim.number}: its text relies on "{each.claim.verdict}", but the verdict is '
                f'"{each.verdict}"'
            )
    if texts.problems:
        raise UserError("\n".join(texts.problems))
    text = json.dumps(findings.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    return write_texts(page.files("report") | {"results.json": f"{text}\n"}, Path(folder))


def verdicts_text(findings: Findings) -> str:
    """Return the verdicts for a terminal, a line each: on a claim's own terms, and beyond them."""
    lines = [
        f"{each.claim.number:>3}  {each.verdict:<11}  {f'beyond: {each.beyond}' if each.beyond else '':<20}  "
        f"{clean(each.claim.title, 90)}"
        for each in findings.claims
    ]
    return "\n".join([*lines, tally(findings)]) + "\n"


def tally(findings: Findings) -> str:
    """Return how many claims have each verdict."""
    counts = Counter(each.verdict for each in findings.claims)
    shown = [f"{verdict} {counts[verdict]}" for verdict in Verdict if counts[verdict]]
    return f"Of {len(findings.claims)} claims: {', '.join(shown)}."
