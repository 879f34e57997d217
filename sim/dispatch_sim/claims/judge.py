"""Simulates the scenarios of claims, and judges every case of each claim."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_jsonable_python

from dispatch_sim.claims.break_even_map import MapFinding, judge_map
from dispatch_sim.claims.cases import RatioFinding, judge_ratio
from dispatch_sim.claims.rule_of_thumb import RegretFinding, judge_regret
from dispatch_sim.claims.simulation import NotSimulatedError, Points
from dispatch_sim.claims.statements import Case, Claim, Claims, Ratio, Regret
from dispatch_sim.claims.verdicts import Verdict, verdict_of_cases
from dispatch_sim.scenario.problems import Finding, UserError
from dispatch_sim.study.runner import OnProgress

Found = RatioFinding | MapFinding | RegretFinding


@dataclass(frozen=True)
class ClaimFinding:
    """A claim, what was found in each of its cases, and the verdict on its own terms and beyond them."""

    claim: Claim
    cases: tuple[Found, ...]
    verdict: Verdict
    beyond: Verdict | None


@dataclass(frozen=True)
class Findings:
    """What was found for the claims that were asked for, and their simulated scenarios, by file name.

    `replications` is the number of every design point, where it was given.
    """

    asked: Claims
    claims: tuple[ClaimFinding, ...]
    points: Mapping[str, Points]
    replications: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON; a number that is not finite is None."""
        file = self.asked.file
        found = {"source": file.source, "confidence": file.confidence, "claims": self.claims}
        return dict(to_jsonable_python(found, inf_nan_mode="null"))


def judge_claims(
    claims: Claims,
    *,
    only: Collection[int] = (),
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Findings:
    """Simulate the scenarios of claims, and judge each claim.

    `only` has the numbers of the claims to judge (none given is all), and `replications` is the number of
    every design point, in place of those that each case needs. `on_progress` is called with the number of
    claims done and of all. Raises `UserError` where there is no claim of a number asked for, or a scenario
    does not simulate what a case is about.
    """
    missing = sorted(set(only) - {claim.number for claim in claims.file.claims})
    if missing:
        last = max(claim.number for claim in claims.file.claims)
        raise UserError(f"there is no claim {missing[0]}; they are numbered up to {last}")
    asked = [claim for claim in claims.file.claims if not only or claim.number in only]
    cases = [case for claim in asked for case in claim.cases]
    # A rule of thumb is judged over the scenarios of all claims, asked for or not.
    over_all = any(case.regret is not None for case in cases)
    measures = {"cost_usd", "makespan_s"} | {name for case in cases for name in _measures(case)}
    points = {
        name: Points(source, measures, replications, jobs)
        for name, source in claims.scenarios.items()
        if over_all or name in {case.scenario for case in cases}
    }
    found: list[ClaimFinding] = []
    for claim in asked:
        if on_progress is not None:
            on_progress(len(found), len(asked))
        found.append(_judge_claim(claim, claims, points))
    return Findings(claims, tuple(found), points, replications)


def _measures(case: Case) -> list[str]:
    """Return the columns of the results that a case is about."""
    if case.ratio is not None:
        return [measure.removeprefix("-") for term in case.ratio.terms for measure in term.measure]
    return [] if case.break_even is None else [case.break_even.measure]


def _judge_claim(claim: Claim, claims: Claims, points: Mapping[str, Points]) -> ClaimFinding:
    found: list[Found] = []
    for number, case in enumerate(claim.cases):
        try:
            found.append(_judge(case, claims, points))
        except NotSimulatedError as error:
            where = ("claims", claims.file.claims.index(claim), "cases", number)
            raise claims.source.error([Finding(where, str(error))]) from None
    own, beyond = (
        [each.verdict for case, each in zip(claim.cases, found, strict=True) if case.beyond is is_beyond]
        for is_beyond in (False, True)
    )
    verdict_beyond = verdict_of_cases(beyond) if beyond else None
    return ClaimFinding(claim, tuple(found), verdict_of_cases(own), verdict_beyond)


def _judge(case: Case, claims: Claims, points: Mapping[str, Points]) -> Found:
    statement, confidence = case.statement, claims.file.confidence
    if isinstance(statement, Regret):
        return judge_regret(statement, points, confidence)
    if statement is None or case.scenario is None:
        raise NotSimulatedError("write a scenario, and a ratio or a break_even; or a regret")
    if isinstance(statement, Ratio):
        return judge_ratio(statement, points[case.scenario], confidence)
    return judge_map(statement, points[case.scenario], confidence)
