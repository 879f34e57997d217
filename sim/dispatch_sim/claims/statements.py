"""The file of claims. `data/claims.yaml`, which ships, says what its keys mean."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from dispatch_sim.claims.verdicts import Verdict
from dispatch_sim.scenario.base import Model
from dispatch_sim.scenario.files import find_inside
from dispatch_sim.scenario.loader import Source, load, load_source
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.quantities import Share
from dispatch_sim.scenario.validation import findings_of
from dispatch_sim.scenario.wording import shown

SHIPPED = Path(__file__).parent / "data" / "claims.yaml"
"""The eighteen claims that are part of the package; their scenarios are next to it."""


def _as_list(raw: Any) -> Any:
    return raw if isinstance(raw, list | tuple) else [raw]


Text = Annotated[str, Field(min_length=1, max_length=2000)]
Number = Annotated[float, Field(strict=False)]
Whole = Annotated[int, Field(ge=1)]
Levels = Annotated[dict[str, Any], Field(default_factory=dict)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1, strict=False)]


class Term(Model):
    """A sum of measures of one strategy, at levels of axes."""

    measure: Names
    strategy: str
    at: Levels


Terms = Annotated[tuple[Term, ...], BeforeValidator(_as_list), Field(min_length=1, strict=False)]


class Bounds(Model):
    """The range that a number is claimed to lie in, its ends included."""

    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("the bound is missing; write at_least, at_most or both")
        return self


class Ratio(Bounds):
    """The ratio of two sums, or one sum, lies within bounds, at a point or at every level of an axis."""

    of: Terms
    to: Terms | None = None
    over: str | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """All terms of both sums."""
        return (*self.of, *(self.to or ()))


class BreakEvenMap(Bounds):
    """The batch size from which a queue costs less than parallel lies within bounds, whatever the factors.

    Bounds are whole numbers of tasks.
    """

    measure: str = "cost_usd"
    strategy: str = "parallel"
    queue: str = "queue"
    concurrency: Whole | None = None


class Regret(Model):
    """A rule of thumb costs little more than the best strategy, on average over all scenarios of the file."""

    at_most: Number
    otherwise: Literal["sequential", "queue"] = "sequential"
    concurrency: Whole = 3


class Case(Model):
    """One test of a claim: one statement about the results of a scenario, or of all (a regret).

    Texts refer to its figures by its name.
    """

    name: str = ""
    where: Text
    what: Text
    beyond: bool = False
    scenario: str | None = None
    ratio: Ratio | None = None
    break_even: BreakEvenMap | None = None
    regret: Regret | None = None

    @property
    def statement(self) -> Ratio | BreakEvenMap | Regret | None:
        """What is claimed."""
        return self.ratio or self.break_even or self.regret


class Sentence(Model):
    """An authored sentence, or a cell of a table, and the relations between figures that it relies on."""

    say: Text
    when: Annotated[tuple[Text, ...], BeforeValidator(_as_list), Field(default=(), strict=False)]


_Sentence = Annotated[Sentence, BeforeValidator(lambda raw: {"say": raw} if isinstance(raw, str) else raw)]
_Sentences = Annotated[tuple[_Sentence, ...], Field(default=(), strict=False)]
_Row = Annotated[tuple[_Sentence, ...], Field(min_length=1, strict=False)]


class Section(Model):
    """A part of the report: sentences, and a table whose first row has the heads."""

    title: Text
    text: _Sentences
    table: Annotated[tuple[_Row, ...], Field(default=(), strict=False)]


class Claim(Section):
    """What somebody says, what was found, and the cases that test it.

    `note` says how it is tested, and `verdict` is the one that the text relies on.
    """

    number: Whole
    says: Text
    note: _Sentences
    verdict: Annotated[Verdict | None, Field(strict=False)] = None
    cases: Annotated[tuple[Case, ...], Field(min_length=1, strict=False)]


class ClaimsFile(Model):
    """The whole file."""

    title: Text = "Claims tested by simulation"
    source: Text
    confidence: Annotated[Share, Field(gt=0.5, lt=1)] = 0.95
    sections: Annotated[tuple[Section, ...], Field(strict=False)] = ()
    claims: Annotated[tuple[Claim, ...], Field(min_length=1, strict=False)]


@dataclass(frozen=True)
class Claims:
    """A file of claims as read from a source, and the scenarios that it names, by file name."""

    source: Source
    file: ClaimsFile
    scenarios: Mapping[str, Source]


def load_claims(path: str | os.PathLike[str] = SHIPPED, data: str | os.PathLike[str] | None = None) -> Claims:
    """Read a file of claims and the scenarios that it names, in the same folder or below it.

    `data` is a further folder for csv files of the scenarios. Raises `ScenarioError` with what is wrong.
    """
    source, folder = load_source(path), Path(path).parent
    try:
        file = ClaimsFile.model_validate(source.raw)
    except ValidationError as error:
        raise source.error(findings_of(error, source.raw, ClaimsFile)) from None
    scenarios: dict[str, Source] = {}
    findings: list[Finding] = []
    for i, claim in enumerate(file.claims):
        for j, name in enumerate(case.scenario for case in claim.cases):
            if name is None or name in scenarios:
                continue
            try:
                scenarios[name] = load(find_inside(name, [folder]), data)
            except (OSError, RuntimeError, ValueError):
                where = ("claims", i, "cases", j, "scenario")
                missing = f"there is no {shown(name)} next to this file; write the name of a scenario there"
                findings.append(Finding(where, missing))
    if findings:
        raise source.error(findings)
    return Claims(source, file, scenarios)
