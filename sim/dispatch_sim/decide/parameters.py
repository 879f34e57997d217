"""Numeric keys of a scenario: the range in which each may be tried, and how a value is put there.

A key that holds a distribution stands for its mean. Another value scales it and keeps its shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from dispatch_sim.decide.grid import BATCH
from dispatch_sim.decide.units import UNITS, WHOLE, write_scaled
from dispatch_sim.scenario import factors, quantities
from dispatch_sim.scenario.distribution_text import TokensDistribution
from dispatch_sim.scenario.distributions import LogNormal
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError, UserError
from dispatch_sim.scenario.schema import keys
from dispatch_sim.scenario.tasks import TaskGroup
from dispatch_sim.scenario.wording import listed, nearest, shown

SPAN = 10.0
"""A range that is not given goes from a tenth of the present value to ten times it."""

MAX_GROUPS = 10
"""Groups of tasks whose own keys are varied: the largest ones."""

_MOST_NAMED = 4
_EXAMPLES = ("tasks.tokens", "provider.limits.scale", "client.retries")
"""Keys to offer where none is similar to the one that was named."""


class ParameterError(UserError):
    """A key that cannot be varied, or a range that cannot be tried; the message says why.

    `key` is the key that it is about, by its path; empty where it is about none.
    """

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(f"{key}: {message}" if key else message)


@dataclass(frozen=True)
class Parameter:
    """A numeric key at its present value.

    Attributes
    ----------
    path, unit : as in `sweep` (`tasks` is the size of the batch), and a key of `units.UNITS`.
    value : of the scenario, in base units; of a distribution the mean, or else the median.
    low, high : the range in which it is tried.
    distribution : the distribution that is scaled; None where the key holds one number.
    is_spread : whether the group's `spread` makes the distribution, of a number that the key holds.
    """

    path: str
    unit: str
    value: float
    low: float
    high: float
    distribution: TokensDistribution | None = None
    is_spread: bool = False

    def write(self, value: float) -> Any:
        """Return a value as a scenario has it at the path."""
        if self.distribution is not None and not self.is_spread:
            return write_scaled(self.distribution, value / self.value, self.unit)
        return UNITS[self.unit].write(value)

    def show(self, value: float) -> str:
        """Return a value as people write it: `15K`, `1m 30s`, `20%`, `50/min`."""
        return UNITS[self.unit].show(value)

    def read(self, text: str) -> float:
        """Return the value that a text names; raises ParameterError where it is none."""
        try:
            value = UNITS[self.unit].parse(text)
        except PydanticCustomError as error:
            raise ParameterError(self.path, error.message()) from None
        if value is None:
            raise ParameterError(self.path, f"{shown(text)} is not a number")
        if self.is_whole and value != round(value):
            raise ParameterError(self.path, f"{shown(text)} is not a whole number")
        return value

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are possible."""
        return self.unit == WHOLE

    @property
    def is_off(self) -> bool:
        """Whether the scenario has no number there, as with a limit that is off."""
        return math.isnan(self.value)

    def clipped(self, value: float) -> float:
        """Return the nearest possible value in the range."""
        return self.rounded(min(max(value, self.low), self.high))

    def rounded(self, value: float) -> float:
        """Return the nearest possible value, in the range or not."""
        return float(round(value)) if self.is_whole else value

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {"path": self.path, "unit": self.unit, "value": self.value, "range": [self.low, self.high]}


def find_parameters(source: Source) -> list[Parameter]:
    """Return the size of the batch and every numeric key above zero that can be changed by itself.

    Left out are keys without a number (none, unlimited) and keys of groups beyond the `MAX_GROUPS` largest.
    """
    scenario = source.scenario()
    found = [_batch(scenario)]
    for key, kind in _keys().items():
        for path, section in _paths(scenario, key):
            parameter = _parameter(path, _value_at(section, key), kind, section)
            if parameter is not None and _can_change(source, parameter):
                found.append(parameter)
    return found


def parameter_at(source: Source, path: str) -> Parameter:
    """Return one numeric key, with a range of `SPAN` around its value; see `Parameter.is_off`.

    Raises ParameterError where there is no such key, it is not numeric, or groups of tasks differ in it.
    """
    scenario = source.scenario()
    if path == BATCH:
        return _batch(scenario)
    first, _, rest = path.partition(".")
    own = factors.group_in(rest, (group.name for group in scenario.tasks if first == BATCH))
    key = f"{BATCH}[].{rest.removeprefix(f'{own}.')}" if first == BATCH else path
    kind = _keys().get(key)
    if kind is None:
        raise ParameterError(path, _not_a_key(path, key))
    groups = [group for group in scenario.tasks if own in (None, group.name)]
    sections: list[BaseModel] = [*groups] if first == BATCH else [scenario]
    value, *others = [_value_at(section, key) for section in sections]
    if any(other != value for other in others):
        paths = " or ".join(f"{BATCH}.{group.name}.{rest}" for group in groups)
        raise ParameterError(path, f"groups of tasks differ in it; write {paths}")
    off = Parameter(path, _unit_of(kind), math.nan, math.nan, math.nan)
    return _parameter(path, value, kind, sections[0]) or off


def with_range(parameter: Parameter, text: str) -> Parameter:
    """Return a parameter with a range that is written `LOW..HIGH`.

    Raises ParameterError where it is no such range.
    """
    low, dots, high = text.partition("..")
    if not dots:
        raise ParameterError(parameter.path, f"{shown(text)} is not a range; write it as 1K..1M")
    ends = [parameter.read(end.strip()) for end in (low, high)]
    if not ends[0] < ends[1]:
        raise ParameterError(parameter.path, f"{shown(text)} descends; write the smaller value first")
    return replace(parameter, low=ends[0], high=ends[1])


def _batch(scenario: Scenario) -> Parameter:
    size = scenario.batch_size
    return Parameter(BATCH, WHOLE, size, max(1, round(size / SPAN)), 4 * size)


@cache
def _keys() -> Mapping[str, str]:
    """Return the kind of each numeric key, by its path with `[]` for any group."""
    return {
        path: key.kind
        for path, key in keys().items()
        if _unit_of(key.kind) and path.partition(".")[0].removesuffix("[]") not in factors.NOT_SWEPT
    }


def _unit_of(kind: str) -> str:
    plain = kind.partition(" or ")[0].removesuffix(" distribution")
    if plain == "count":
        return "number"
    if plain.startswith(WHOLE):
        return WHOLE
    return plain if plain in UNITS else ""


def _not_a_key(path: str, key: str) -> str:
    if path.partition(".")[0] in factors.NOT_SWEPT:
        return "cannot be varied here; write a key of the tasks, or of what they meet"
    if key in keys():
        return f"is {keys()[key].kind}, not a number; only numbers can be varied here"
    choices = [each.replace("tasks[]", BATCH) for each in _keys()]
    close, lasts = nearest(path, choices), [each.rpartition(".")[2] for each in choices]
    last = nearest(path.rpartition(".")[2], lasts)
    alike = [choice for choice, each in zip(choices, lasts, strict=True) if each == last]
    named = [close] if close else alike[:_MOST_NAMED]
    if named:
        return f"unknown key {shown(path)}; did you mean {listed(map(shown, named), 'or')}?"
    return f"unknown key {shown(path)}; write one such as {listed(_EXAMPLES, 'or')}"


def _paths(scenario: Scenario, key: str) -> Iterator[tuple[str, BaseModel]]:
    """Yield the paths that a key stands for, each with the section from which it is reached."""
    if not key.startswith(f"{BATCH}[]."):
        yield key, scenario
        return
    rest = key.removeprefix(f"{BATCH}[].")
    if rest == "count":  # the size of the batch, of which a group's is a part
        return
    largest = sorted(scenario.tasks, key=lambda group: -group.count)[:MAX_GROUPS]
    for group in (group for group in scenario.tasks if group in largest):
        yield (f"{BATCH}.{rest}" if len(scenario.tasks) == 1 else f"{BATCH}.{group.name}.{rest}"), group


def _value_at(section: BaseModel, path: str) -> Any:
    """Return the value at a path below a section; None where a section on the way is off."""
    found: Any = section
    for key in path.rpartition("[].")[2].split("."):
        if not isinstance(found, BaseModel):
            return None
        names = {field.alias or name: name for name, field in type(found).model_fields.items()}
        found = getattr(found, names[key])
    return found


def _parameter(path: str, value: Any, kind: str, section: BaseModel) -> Parameter | None:
    unit, distribution = _unit_of(kind), None
    is_spread = (
        isinstance(section, TaskGroup)
        and path.endswith((".tokens", ".duration"))
        and isinstance(value, LogNormal)
        and value.sigma == LogNormal.of(mean=1.0, cv=section.spread).sigma
    )
    if hasattr(value, "quantile"):
        distribution = value
        value = value.mean if math.isfinite(value.mean) else value.quantile(0.5)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    low, high = value / SPAN, min(value * SPAN, quantities.LARGEST)
    if unit == "share":
        high = min(high, 1.0)
    if unit == WHOLE:
        least = int(kind.removeprefix(f"{WHOLE} from ").split()[0])
        low, high = max(least, math.floor(low)), math.ceil(high)
    if kind == "count distribution":
        low = max(1.0, low)
    # A mean that was computed from other parameters: without what rounding has added.
    low, value, high = (float(f"{number:.12g}") for number in (low, value, high))
    return Parameter(path, unit, value, low, high, distribution, is_spread)


def _can_change(source: Source, parameter: Parameter) -> bool:
    """Return whether a little more, or a little less, is still a scenario."""
    step = 1 if parameter.is_whole else 0.01 * parameter.value
    for value in (parameter.value + step, parameter.value - step):
        with suppress(ScenarioError):
            source.replaced({parameter.path: parameter.write(value)}).scenario()
            return True
    return False
