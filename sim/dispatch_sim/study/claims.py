"""A file of claims: what each says, the scenarios that put it to the model, and what would bear it out.

The file is read as strictly as a scenario. What a claim comes to is worked out in `claim_findings`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.scenario import translation
from dispatch_sim.scenario.base import Model
from dispatch_sim.scenario.files import find_inside
from dispatch_sim.scenario.loader import Source, load_source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.quantities import Share
from dispatch_sim.scenario.strategy import DEFAULTS
from dispatch_sim.scenario.wording import Path as KeyPath
from dispatch_sim.scenario.wording import listed, shown, unknown
from dispatch_sim.study.design import design_sweep

Unit = Literal["times", "percent", "seconds", "tokens", "dollars", "number"]


def _as_list(raw: Any) -> Any:
    return raw if isinstance(raw, list | tuple) else [raw]


Words = Annotated[str, Field(min_length=1, max_length=2000)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1, strict=False)]


class Term(Model):
    """Measures of one series, added up."""

    measure: Names
    """Columns of the results, such as `makespan_s`."""
    strategy: str
    """Its label: `parallel`, `queue`, `queue (script)`."""
    width: Annotated[int, Field(ge=1)] | Literal["best", "next"] | None = None
    """Of a queue or of waves. `best` is the one with the least mean, of those narrower than the batch;
    `next`, along the axis concurrency, the next that is played."""
    tasks: Annotated[int, Field(ge=1)] | None = None
    """Size of the batch; not needed where one size is played, or sizes are the axis."""
    at: dict[str, Any] = Field(default_factory=dict)
    """Further swept paths, each at one of its levels, as written there."""
    times: Annotated[float, Field(strict=False)] = 1.0
    """Weight; -1 subtracts."""


Terms = Annotated[tuple[Term, ...], BeforeValidator(_as_list), Field(min_length=1, strict=False)]


class Bounds(Model):
    """What a number is claimed to be: at least this, at most that, these included."""

    at_least: Annotated[float, Field(strict=False)] | None = None
    at_most: Annotated[float, Field(strict=False)] | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("there is no bound; write at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is more than at_most; nothing can be both")
        return self


class Ratio(Bounds):
    """A claim that one sum of measures is so many times another, at a point or all along an axis."""

    of: Terms
    """The numerator."""
    to: Terms | None = None
    """The denominator; without one, the numerator itself is claimed to lie within the bounds."""
    over: str | None = None
    """The axis: `tasks`, `concurrency`, or a path that the scenario sweeps."""
    axis: str = ""
    """What the axis is, in words. Default its name."""
    unit: Unit = "times"
    """How the ratio is written."""


class Best(Bounds):
    """A claim that the best places of an axis, those that cannot be told from the best, lie within bounds."""

    strategy: str = "queue"
    over: str = "concurrency"
    """The axis: `concurrency`, or a path that the scenario sweeps. All else is held."""
    axis: str = ""
    """What the axis is, in words. Default its name."""
    at: dict[str, Any] = Field(default_factory=dict)
    """Further swept paths, each at one of its levels."""
    measure: str = "cost_usd"


class BreakEvenMap(Bounds):
    """A claim that from so many tasks on the best queue beats parallel, at all levels of the factors."""

    strategy: str = "parallel"
    queue: str = "queue"
    width: Annotated[int, Field(ge=1)] | None = None
    """Of the queue. Default the best at each size."""
    measure: str = "cost_usd"
    rows: str = ""
    """What the first factor is, in words. Default its name."""
    columns: str = ""
    """What the last factor is, in words. Default its name."""


class Regret(Model):
    """A claim that a rule of thumb costs little more than the best way, over the scenarios of all claims.

    The rule takes parallel where its three conditions hold, and `otherwise` where one does not. It is judged
    by how much more its choice costs than the best that was played, on average over the scenarios.
    """

    at_most: Annotated[float, Field(strict=False)]
    """Most mean regret, as a part of the cost of the best way."""
    otherwise: Literal["sequential", "queue"] = "sequential"
    width: Annotated[int, Field(ge=1)] = 3
    """Of the queue."""


class Case(Model):
    """One way of putting a claim to the model."""

    where: Words
    """What tells this case from the others of its claim, as: with real overheads."""
    what: Words
    """What is compared, in words."""
    beyond: bool = False
    """Whether it goes beyond the claim's own terms: other figures, opponents or limits than it speaks of."""
    scenario: str | None = None
    """A file beside this one."""
    ratio: Ratio | None = None
    best: Best | None = None
    break_even: BreakEvenMap | None = None
    regret: Regret | None = None

    @model_validator(mode="after")
    def _one_statement(self) -> Self:
        given = [name for name in _STATEMENTS if getattr(self, name) is not None]
        if len(given) != 1:
            found = listed(given) if given else "none"
            raise ValueError(f"a case states one of {listed(_STATEMENTS, 'or')}; found {found}")
        if (self.regret is None) == (self.scenario is None):
            raise ValueError("a regret is over all scenarios, any other statement is about one; name it so")
        return self

    @property
    def statement(self) -> Ratio | Best | BreakEvenMap | Regret:
        """What it states."""
        found: Ratio | Best | BreakEvenMap | Regret | None = (
            self.ratio or self.best or self.break_even or self.regret
        )
        assert found is not None
        return found


_STATEMENTS = ("ratio", "best", "break_even", "regret")


class Action(Model):
    """What somebody should do who has to act on a claim, whichever way it comes out."""

    holds: Words
    """Where it holds, as: go one by one."""
    fails: Words
    """Where it does not."""


class Claim(Model):
    """What somebody says, and the cases that put it to the model."""

    number: Annotated[int, Field(ge=1)]
    title: Words
    says: Words
    """What is claimed, in our words."""
    note: str = ""
    """What a reader of the verdict has to know: how the claim is read, what is left out."""
    varies: str = ""
    """What tells its cases apart, in words."""
    main: bool = False
    """Whether it is the question that the file is about, and comes first in a report."""
    do: Action | None = None
    """Without it a report gives no advice, or what a map says by itself."""
    cases: Annotated[tuple[Case, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _has_terms_of_its_own(self) -> Self:
        if all(case.beyond for case in self.cases):
            raise ValueError("every case is beyond the claim's own terms; a verdict needs one that is not")
        return self


class ClaimsFile(Model):
    """The whole file."""

    source: Words
    """Who says so."""
    confidence: Annotated[Share, Field(gt=0.5, lt=1)] = 0.95
    """Of each statement, over all points of its axis together."""
    claims: Annotated[tuple[Claim, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _numbers_differ(self) -> Self:
        numbers = [claim.number for claim in self.claims]
        repeated = next((n for i, n in enumerate(numbers) if n in numbers[:i]), None)
        if repeated is not None:
            raise ValueError(f"two claims have the number {repeated}; numbers must differ")
        return self


@dataclass(frozen=True)
class Claims:
    """Claims that have been read and checked, and their scenarios.

    Attributes
    ----------
    file : what the file says.
    sources : the scenarios, by the names of their files.
    """

    file: ClaimsFile
    sources: dict[str, Source]


def load_claims(path: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> Claims:
    """Read a file of claims and the scenarios that it names, in the same folder or below it.

    Parameters
    ----------
    path : the file.
    data : where csv files of the scenarios may lie besides.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the file, or with a scenario.
    """
    source = load_source(path)
    try:
        file = ClaimsFile.model_validate(source.raw)
    except ValidationError as error:
        raise source.error(translation.findings(error, source.raw, ClaimsFile)) from None
    folder = Path(path).parent
    sources: dict[str, Source] = {}
    findings: list[Finding] = []
    for here, case in _cases(file):
        if case.scenario is None:
            continue
        if case.scenario not in sources:
            if not _is_beside(case.scenario, folder):
                findings.append(Finding((*here, "scenario"), f"there is no {shown(case.scenario)} beside it"))
                continue
            sources[case.scenario] = load_source(folder / case.scenario, data)
        findings += _case_findings(case, here, sources[case.scenario].scenario())
    if findings:
        raise source.error(findings)
    for scenario in sources.values():
        design_sweep(scenario)  # raises where it cannot be played
    return Claims(file, sources)


def _is_beside(name: str, folder: Path) -> bool:
    try:
        return find_inside(name, [folder]).is_file()
    except (OSError, RuntimeError, ValueError):
        return False


def _cases(file: ClaimsFile) -> Iterator[tuple[KeyPath, Case]]:
    for i, claim in enumerate(file.claims):
        for j, case in enumerate(claim.cases):
            yield ("claims", i, "cases", j), case


def _case_findings(case: Case, here: KeyPath, scenario: Scenario) -> list[Finding]:
    """Return what a case asks for that its scenario does not play."""
    labels = list(dict.fromkeys(strategy.label for strategy in scenario.strategies))
    found: list[Finding] = []

    def check(path: KeyPath, kind: str, name: str, known: Sequence[str]) -> None:
        if name not in known:
            found.append(Finding((*here, *path), unknown(kind, name, known)))

    if case.best is not None:
        axes = ["concurrency", *scenario.sweep.factors]
        check(("best", "strategy"), "strategy", case.best.strategy, labels)
        check(("best", "measure"), "measure", case.best.measure, MEASURES)
        check(("best", "over"), "axis", case.best.over, axes)
        found += _held_findings(case.best.at, case.best.over, (*here, "best"), scenario)
    if case.break_even is not None:
        check(("break_even", "strategy"), "strategy", case.break_even.strategy, labels)
        check(("break_even", "queue"), "strategy", case.break_even.queue, labels)
        check(("break_even", "measure"), "measure", case.break_even.measure, MEASURES)
    if case.ratio is not None:
        axes = ["tasks", "concurrency", *scenario.sweep.factors]
        if case.ratio.over is not None:
            check(("ratio", "over"), "axis", case.ratio.over, axes)
        for side in ("of", "to"):
            for number, term in enumerate(getattr(case.ratio, side) or ()):
                path: KeyPath = ("ratio", side, number)
                check((*path, "strategy"), "strategy", term.strategy, labels)
                for measure in term.measure:
                    check((*path, "measure"), "measure", measure, MEASURES)
                found += _term_findings(case.ratio, term, (*here, *path), scenario)
    return found


def _term_findings(ratio: Ratio, term: Term, here: KeyPath, scenario: Scenario) -> list[Finding]:
    """Return what a term leaves open, or holds at a level that is not played."""
    found: list[Finding] = []
    if term.tasks is not None and term.tasks not in scenario.sweep.tasks:
        found.append(Finding((*here, "tasks"), f"{term.tasks} tasks are not played; add them to sweep.tasks"))
    if term.tasks is None and len(scenario.sweep.tasks) > 1 and ratio.over != "tasks":
        found.append(Finding(here, "several sizes are played; write tasks: N, or over: tasks"))
    kind = DEFAULTS.get(term.strategy.partition(" ")[0])
    if kind is not None and kind.has_width and term.width is None and ratio.over != "concurrency":
        found.append(Finding(here, "a queue has a width; write width: N, or over: concurrency"))
    if term.width == "next" and ratio.over != "concurrency":
        found.append(Finding((*here, "width"), "next is along the axis; write over: concurrency"))
    return found + _held_findings(term.at, ratio.over, here, scenario)


def _held_findings(
    held: dict[str, Any], axis: str | None, here: KeyPath, scenario: Scenario
) -> list[Finding]:
    """Return what is held at a level that is not played, and what is not held."""
    found: list[Finding] = []
    factors = scenario.sweep.factors
    for path, level in held.items():
        if path not in factors:
            found.append(Finding((*here, "at", path), unknown("swept path", path, list(factors) or ["none"])))
        elif level not in factors[path]:
            found.append(
                Finding((*here, "at", path), f"{shown(level)} is not played; add it to sweep.{path}")
            )
    for path, levels in factors.items():
        if len(levels) > 1 and path not in held and path != axis:
            found.append(Finding(here, f"several levels of {path} are played; write at: {{{path}: ...}}"))
    return found
