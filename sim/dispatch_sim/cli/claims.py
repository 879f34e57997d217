"""The command that tests claims: claims."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from dispatch_sim.cli.options import DataFolder, Jobs, Json, Replications, output, text, threads
from dispatch_sim.cli.output import fail, print_answer, print_written, progress


def claims(
    only: Annotated[str | None, text("NUMBERS", help="Claims to test, such as 7,9. Default: all.")] = None,
    replications: Replications = None,
    jobs: Jobs = None,
    file: Annotated[Path | None, text("FILE", help="File of claims. Default: the packaged claims.")] = None,
    out: Annotated[Path, output("DIR", help="Output folder.")] = Path("reports/claims"),
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Test claims about dispatching by simulation, and report a verdict on each."""
    from dispatch_sim.claims.judge import judge_claims
    from dispatch_sim.claims.statements import SHIPPED, load_claims
    from dispatch_sim.report.claims import verdicts_text, write_claims_report
    from dispatch_sim.study.files import check_folder

    if data is not None and file is None:
        fail("--data: needs --file; the packaged claims have no csv files")
    numbers = _numbers(only)
    loaded = load_claims(file or SHIPPED, data)
    check_folder(out)
    with progress("claims") as on_progress:
        findings = judge_claims(
            loaded, only=numbers, replications=replications, jobs=threads(jobs), on_progress=on_progress
        )
    try:
        print_written(write_claims_report(findings, out))
    finally:  # also where a text of the report does not fit the figures
        print_answer(findings if as_json else verdicts_text(findings), as_json)


def _numbers(only: str | None) -> tuple[int, ...]:
    """Read the numbers of claims: `7,9`."""
    parts = [part.strip() for part in only.split(",")] if only is not None else []
    wrong = next((part for part in parts if not (part.isascii() and part.isdigit())), None)
    if wrong is not None:
        fail(f"--only: {wrong!r} is not the number of a claim; write numbers such as 7,9")
    return tuple(map(int, parts))
