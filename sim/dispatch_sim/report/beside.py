"""What other commands left in a study's folder: `map.json` and `why.json` of the same scenario.

They are read like anybody's file: only what has the form of an answer is taken, and drawn anew.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dispatch_sim.report.why import PARTS
from dispatch_sim.report.words import MEASURES
from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.files import find_inside, has_more_values, read_file
from dispatch_sim.study.estimates import Estimate
from dispatch_sim.study.explanation import Explanation
from dispatch_sim.study.flips import Flip
from dispatch_sim.study.ledger import Comparison, Part
from dispatch_sim.study.parameter import Parameter
from dispatch_sim.study.sensitivity import Index, Swing
from dispatch_sim.study.two_factor_map import MOST_LEVELS, Axis, Cell, StrategyMap
from dispatch_sim.study.winners import Point, Standing, Winner, kind_of

MAP_FILE, WHY_FILE = "map.json", "why.json"

_MOST_BYTES = 8 * 1024 * 1024
_MOST_VALUES = 1_000_000


def _known_part(name: str) -> str:
    if name not in PARTS:
        raise ValueError("is not a part of a difference")
    return name


def _increasing(levels: list[float]) -> list[float]:
    if any(low >= high for low, high in pairwise(levels)):
        raise ValueError("are not increasing")
    return levels


_Text = Annotated[str, Field(max_length=10_000)]
_Label = Annotated[str, Field(pattern=r"^(sequential|parallel|queue|waves|adaptive)( \([a-z, -]{1,100}\))?$")]
_Kind = Literal["one", "all", "queue", "waves", "adaptive"]
_Width = Annotated[int, Field(ge=0, le=100_000)]
_Whole = Annotated[int, Field(ge=0, le=10**12)]
_Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]
_Levels = Annotated[list[_Number], Field(min_length=1, max_length=MOST_LEVELS), AfterValidator(_increasing)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Way(_Section):
    strategy: _Label
    concurrency: _Width | None

    @property
    def point(self) -> Point:
        return self.strategy, self.concurrency or 0


class _Estimate(_Section):
    mean: _Number
    low: _Number | None
    high: _Number | None
    n: _Whole

    @property
    def estimate(self) -> Estimate:
        low = -math.inf if self.low is None else self.low
        return Estimate(self.mean, low, math.inf if self.high is None else self.high, self.n)


class _Study(_Section):
    scenario: _Text
    sha256: str
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    replications: _Whole
    objective: _Text
    confidence: Annotated[float, Field(gt=0, lt=1)]
    indifference: _Number


class _Axis(_Section):
    path: _Text
    unit: _Text
    levels: _Levels
    of_the_scenario: _Number | None
    is_mean: bool

    @property
    def axis(self) -> Axis:
        value = math.nan if self.of_the_scenario is None else self.of_the_scenario
        ends = (self.levels[0], self.levels[-1])
        return Axis(
            # Of a distribution a picture says no more than that it is one.
            Parameter(self.path, self.unit, value, *ends, Constant(value) if self.is_mean else None),
            tuple(self.levels),
        )


class _Cell(_Section):
    x: _Number
    y: _Number
    kind: _Kind | None
    strategy: _Label | None
    concurrency: _Width | None
    standing: Standing | None
    as_good: Annotated[list[_Way], Field(max_length=10_000)]
    mean: _Number | None
    margin: _Number | None
    margin_low: _Number | None
    margin_high: _Number | None
    why_not: _Text | None

    @property
    def cell(self) -> Cell:
        if self.strategy is None or self.kind is None or self.standing is None or self.mean is None:
            return Cell(self.x, self.y, None, self.why_not or "")
        margin, low, high = (
            math.nan if value is None else value for value in (self.margin, self.margin_low, self.margin_high)
        )
        winner = Winner(
            (self.strategy, self.concurrency or 0),
            self.kind,
            self.standing,
            tuple(way.point for way in self.as_good),
            self.mean,
            None,
            margin,
            low,
            high,
        )
        return Cell(self.x, self.y, winner)


class _Map(_Study):
    x: _Axis
    y: _Axis
    cells: Annotated[list[_Cell], Field(max_length=MOST_LEVELS**2)]


class _Key(_Section):
    path: _Text
    range: tuple[_Number, _Number]
    unit: _Text = ""
    value: _Number | None = None

    @property
    def parameter(self) -> Parameter:
        value = math.nan if self.value is None else self.value
        return Parameter(self.path, self.unit, value, *self.range)


class _Flip(_Key):
    to_another: Literal["kind", "way"]
    flips_at: _Number | None
    low: _Number | None
    high: _Number | None
    becomes: _Way | None
    resolved: bool

    @property
    def flip(self) -> Flip:
        becomes = self.becomes.point if self.becomes is not None else None
        at = self.flips_at if becomes is not None else None
        of_kind = self.to_another == "kind"
        return Flip(self.parameter, of_kind, at, self.low, self.high, becomes, self.resolved)


class _Swing(_Key):
    difference_at_low: _Estimate | None
    difference_at_high: _Estimate | None
    swing_: Annotated[_Number, Field(alias="swing")]

    @property
    def swing(self) -> Swing:
        ends = (self.difference_at_low, self.difference_at_high)
        low, high = (None if end is None else end.estimate for end in ends)
        return Swing(self.parameter, low, high, self.swing_)


class _Index(_Key):
    first_order: _Number
    total_order: _Number
    first_order_half_width: _Number
    total_order_half_width: _Number


class _Part(_Section):
    part: Annotated[str, AfterValidator(_known_part)]
    cause: Annotated[str, Field(pattern=r"^[a-z ]{1,40}$")]
    difference: _Estimate


class _Comparison(_Way):
    difference: _Estimate
    parts: Annotated[list[_Part], Field(max_length=100)]

    @property
    def comparison(self) -> Comparison:
        parts = tuple(Part(each.part, each.cause, each.difference.estimate) for each in self.parts)
        return Comparison(self.point, self.difference.estimate, parts)


class _Why(_Study):
    tasks: _Width
    recommended: _Way
    standing: Standing
    rival: _Way
    comparisons: Annotated[list[_Comparison], Field(min_length=1, max_length=20)]
    one_at_a_time: Annotated[list[_Swing], Field(max_length=1000)]
    sobol: Annotated[list[_Index], Field(max_length=1000)]
    flips: Annotated[list[_Flip], Field(max_length=1000)]


def stored_map(folder: Path, of: set[str]) -> StrategyMap | None:
    """Return the map in a folder; None where there is none, or it is not of these scenarios (by SHA-256)."""
    text = _text(folder, MAP_FILE)
    try:
        found = _Map.model_validate_json(text)
    except ValidationError:
        return None
    x, y = found.x.axis, found.y.axis
    if found.sha256 not in of or found.objective not in MEASURES:
        return None
    if len(found.cells) != len(x.levels) * len(y.levels):
        return None
    cells = tuple(each.cell for each in found.cells)
    return StrategyMap(
        found.scenario,
        x,
        y,
        cells,
        found.objective,
        found.confidence,
        found.indifference,
        found.replications,
        found.seed,
        found.sha256,
    )


def stored_explanation(folder: Path, of: set[str]) -> Explanation | None:
    """Return the explanation in a folder; None where there is none, or it is not of these scenarios."""
    text = _text(folder, WHY_FILE)
    try:
        found = _Why.model_validate_json(text)
    except ValidationError:
        return None
    if found.sha256 not in of or found.objective not in MEASURES:
        return None
    units = {swing.path: swing.unit for swing in found.one_at_a_time}
    return Explanation(
        name=found.scenario,
        tasks=found.tasks,
        winner=_winner(found),
        rival=found.rival.point,
        comparisons=tuple(each.comparison for each in found.comparisons),
        swings=tuple(each.swing for each in found.one_at_a_time),
        indices=tuple(
            Index(
                each.model_copy(update={"unit": units.get(each.path, "")}).parameter,
                each.first_order,
                each.total_order,
                each.first_order_half_width,
                each.total_order_half_width,
            )
            for each in found.sobol
        ),
        flips=tuple(each.flip for each in found.flips),
        objective=found.objective,
        confidence=found.confidence,
        indifference=found.indifference,
        replications=found.replications,
        seed=found.seed,
        sha256=found.sha256,
    )


def _winner(found: _Why) -> Winner:
    """Return who wins, and how surely; the file has no more of it."""
    point, unknown = found.recommended.point, math.nan
    kind = kind_of(point, found.tasks)
    return Winner(point, kind, found.standing, (point,), unknown, None, unknown, unknown, unknown)


def _text(folder: Path, name: str) -> bytes:
    """Return what a file in the folder holds; nothing where it is not there, or may be too much to read."""
    try:
        data = read_file(find_inside(name, [folder]), _MOST_BYTES)
    except (OSError, RuntimeError, ValueError):
        return b""
    return b"" if has_more_values(data, _MOST_VALUES) else data
