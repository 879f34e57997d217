"""Distributions as a scenario writes them: ``{lognormal: {mean: 60s, cv: 0.5}}``, or just ``60s``.

A parameter that is a time or a number of tokens is written like any other; `cv`, `shape` and `log_sd`
are plain numbers. JSON has distributions in base units, with the values that were read from csv files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypeAliasType

from dispatch_sim.scenario import quantities
from dispatch_sim.scenario.composites import Empirical, Mixture
from dispatch_sim.scenario.distributions import (
    Constant,
    Distribution,
    Exponential,
    Gamma,
    LogLogistic,
    LogNormal,
    Triangular,
    Uniform,
    Weibull,
)
from dispatch_sim.scenario.json_forms import distribution_schema
from dispatch_sim.scenario.quantities import Number, Seconds, Tokens
from dispatch_sim.scenario.samples import Samples
from dispatch_sim.scenario.wording import all_of, below, listed, shown, unknown, wrong

MOST_COMPONENTS = 100
"""Most components of a mixture, those of mixtures within it included."""

MOST_CALLS = 1_000_000
"""Largest count that a distribution may ever give."""

_TAIL = 1 - 2.0**-52
_POSITIVE = ("mean", "median", "scale")
SHAPES = {"cv": (0.001, 100.0), "log_sd": (0.0005, 10.0), "shape": (1e-4, 1e6)}
"""Parameters without a unit, with their ranges: each `cv` has a `log_sd` and, of a gamma, a `shape`."""

FAMILIES: Mapping[str, Mapping[tuple[str, ...], Callable[..., Distribution]]] = {
    "uniform": {("low", "high"): Uniform},
    "triangular": {("low", "mode", "high"): Triangular},
    "exponential": {("mean",): lambda mean: Exponential(mean)},
    "lognormal": {
        ("mean", "cv"): LogNormal.of,
        ("median", "log_sd"): LogNormal.of,
        ("median", "cv"): LogNormal.of,
        ("mean", "log_sd"): LogNormal.of,
    },
    "gamma": {
        ("mean", "cv"): lambda mean, cv: Gamma(1 / (cv * cv), mean * cv * cv),
        ("shape", "scale"): Gamma,
    },
    "weibull": {("shape", "scale"): Weibull},
    "loglogistic": {("shape", "median"): LogLogistic},
}
"""The families with parameters: the sets of parameters that each is given by."""

NAMES = ("constant", *FAMILIES, "empirical", "mixture")
"""Keys that a distribution can have."""


@dataclass(frozen=True, eq=False)
class _Scale:
    """The values of a distribution; annotates a type with how a distribution of them is read.

    Attributes
    ----------
    kind : type of one value.
    read : reads one value.
    example : how one is written.
    description : of the distribution, in the JSON schema.
    low, high : least and greatest value that a distribution may give.
    """

    kind: Any
    read: Callable[[Any], float]
    example: str
    description: str
    low: float = 0.0
    high: float = quantities.LARGEST

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._read,
            serialization=core_schema.plain_serializer_function_ser_schema(dump, when_used="json"),
            json_schema_input_schema=handler.generate_schema(self.kind),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"description": self.description, **distribution_schema(handler(schema), FAMILIES, SHAPES)}

    def _read(self, raw: Any, info: ValidationInfo) -> Distribution:
        if isinstance(raw, Distribution):
            return raw
        return parse_distribution(raw, self, info.context or Samples())


_SECONDS = _Scale(Seconds, quantities.parse_seconds, "60s", "A time, or a distribution of times.")
_TOKENS = _Scale(
    Tokens, quantities.parse_tokens, "15K", "A number of tokens, or a distribution of such numbers."
)
_COUNT = _Scale(
    Number,
    partial(quantities.parse_number, example="5"),
    "5",
    "A number from 1, or a distribution of such numbers.",
    1.0,
    MOST_CALLS,
)


def _value(raw: Any, scale: _Scale) -> float:
    """Read one value of the distribution's own kind."""
    value = scale.read(raw)
    if value < scale.low:
        raise wrong(f"{shown(raw)} is too small; write {scale.low:g} or more")
    if value > scale.high:
        raise wrong(f"{shown(raw)} is too large; at most {scale.high:,.0f} is possible")
    return value


def _parameter(name: str, raw: Any, scale: _Scale) -> float:
    """Read a parameter of a family."""
    if name not in SHAPES:
        if name in ("median", "scale"):  # of a mean of 1 or more, which is checked, they can be less
            scale = replace(scale, low=0.0)
        if name == "scale":
            scale = replace(scale, high=quantities.LARGEST)
        value = _value(raw, scale)
        if value == 0 and name in _POSITIVE:
            raise wrong(f"{name} is {shown(raw)}; write more than 0")
        return value
    number = raw
    if name == "cv" and isinstance(raw, str) and raw.strip().endswith("%"):
        number = raw.strip()[:-1]
    try:
        value = quantities.parse_number(number) / (1 if number is raw else 100)
    except PydanticCustomError:
        raise wrong(f"{shown(raw)} is not a {name}; write a plain number above 0, such as 0.5") from None
    low, high = SHAPES[name]
    if not low <= value <= high:
        raise wrong(f"{shown(raw)} is not a {name}; write a number from {low:g} to {high:,g}")
    return value


def parse_distribution(raw: Any, scale: _Scale, samples: Samples) -> Distribution:
    """Read a distribution; raises PydanticCustomError that names the part at fault by its path."""
    if not isinstance(raw, dict):
        if isinstance(raw, list | tuple):
            raise wrong(f"found {shown(raw)}; write {scale.example}, or {{empirical: [...]}}")
        return Constant(_value(raw, scale))
    _check_keys("distribution", raw, NAMES)
    if len(raw) != 1:
        raise wrong(f"found {shown(raw)}; a distribution is a mapping of one name to its parameters")
    [(name, inner)] = raw.items()
    match name:
        case "constant":
            return Constant(below(name, partial(_value, inner, scale)))
        case "empirical":
            return below(name, partial(_empirical, inner, scale, samples))
        case "mixture":
            return below(name, partial(_mixture, inner, scale, samples))
    return below(name, partial(_family, name, inner, scale))


def _family(name: str, raw: Any, scale: _Scale) -> Distribution:
    forms = FAMILIES[name]
    asked = listed((f"{{{', '.join(form)}}}" for form in list(forms)[:2]), "or")
    if not isinstance(raw, dict):
        raise wrong(f"found {shown(raw)}; {name} is given by {asked}")
    _check_keys(f"parameter of {name}", raw, list(dict.fromkeys(key for form in forms for key in form)))
    keys = next((form for form in forms if set(form) == set(raw)), None)
    if keys is None:
        raise wrong(f"found {', '.join(raw) or 'no parameters'}; {name} is given by {asked}")
    values = all_of((key, partial(_parameter, key, raw[key], scale)) for key in keys)
    given = dict(zip(keys, values, strict=True))
    if name in ("uniform", "triangular"):
        if not given["low"] < given["high"]:
            raise wrong("low is not less than high; for a fixed value write it alone")
        if not given["low"] <= given.get("mode", given["low"]) <= given["high"]:
            raise wrong("mode is not between low and high", ("mode",))
    distribution = forms[keys](**given)
    _check_values(distribution, name, scale)
    return distribution


def _check_keys(kind: str, raw: dict[str, Any], known: Sequence[str]) -> None:
    """Raise the errors of keys that are not known."""

    def check(key: str) -> None:
        if key not in known:
            raise wrong(unknown(kind, key, known), at_key=True)

    all_of((key, partial(check, key)) for key in raw)


def _check_values(distribution: Distribution, name: str, scale: _Scale) -> None:
    """Raise the error of a distribution whose tail or mean is out of the range of its values."""
    try:
        extreme = max(distribution.quantile(_TAIL), 0.0 if name == "loglogistic" else distribution.mean)
        low = distribution.quantile(2.0**-53)
    except (OverflowError, ValueError, ZeroDivisionError):
        extreme, low = math.inf, 0.0
    if not (extreme <= scale.high and low >= 0):
        narrow = "a larger shape" if name in ("weibull", "loglogistic") else "a smaller mean or spread"
        raise wrong(f"its values can exceed {scale.high:,.0f}; write {narrow}")
    if distribution.mean < scale.low * (1 - 1e-9):  # a mean that was written may be rounded
        raise wrong(f"its mean is {distribution.mean:.3g}; write one of {scale.low:g} or more")


def _empirical(raw: Any, scale: _Scale, samples: Samples) -> Distribution:
    if isinstance(raw, dict):
        _check_keys("key of empirical", raw, ("csv", "column"))
        name, column = raw.get("csv"), raw.get("column")
        if not (isinstance(name, str) and name and isinstance(column, str)):
            raise wrong("write {csv: FILE, column: NAME}")
        try:
            values = samples.read(name, column)
        except ValueError as error:
            raise wrong(str(error)) from None
        for extreme in (min(values), max(values)):
            if not scale.low <= extreme <= scale.high:
                bounds = f"{scale.low:g} to {scale.high:,.0f}"
                raise wrong(f"the csv file has {extreme:g} in {shown(column)}; values go from {bounds}")
        return Empirical(values)
    if not isinstance(raw, list | tuple) or not raw:
        raise wrong(f"found {shown(raw)}; write a list of values, or {{csv: FILE, column: NAME}}")
    return Empirical(tuple(all_of(enumerate(partial(_value, value, scale) for value in raw))))


def _mixture(raw: Any, scale: _Scale, samples: Samples) -> Distribution:
    form = f"{{weight: 90%, of: {scale.example}}}"
    if not isinstance(raw, list | tuple) or not raw:
        raise wrong(f"found {shown(raw)}; write a list of {form}")
    if len(raw) > MOST_COMPONENTS:
        raise wrong(f"found {shown(raw)}; a mixture has at most {MOST_COMPONENTS} components")

    def component(entry: Any) -> tuple[float, Mixture]:
        if not isinstance(entry, dict) or set(entry) != {"weight", "of"}:
            raise wrong(f"found {shown(entry)}; write {form}")
        weight = below("weight", partial(quantities.parse_share, entry["weight"]))
        if weight == 0:
            raise wrong("a component of weight 0 has no effect; remove it", ("weight",))
        part = below("of", partial(parse_distribution, entry["of"], scale, samples))
        return weight, part if isinstance(part, Mixture) else Mixture((1.0,), (part,))

    parts = all_of(enumerate(partial(component, entry) for entry in raw))
    written = sum(weight for weight, _ in parts)
    if abs(written - 1) > 1e-9:
        raise wrong(f"the weights add up to {written:.6g}; they must be 100% together")
    weights = [weight * share for weight, inner in parts for share in inner.weights]
    components = [part for _, inner in parts for part in inner.components]
    if len(components) > MOST_COMPONENTS:
        raise wrong(f"a mixture has at most {MOST_COMPONENTS} components")
    total = math.fsum(weights)
    return Mixture(tuple(weight / total for weight in weights), tuple(components))


def dump(distribution: Distribution) -> Any:
    """Return a distribution as plain data in base units; a constant as its number."""
    match distribution:
        case Constant(value):
            return value
        case LogNormal():
            return {"lognormal": {"median": distribution.median, "log_sd": distribution.sigma}}
        case Empirical(values):
            return {"empirical": list(values)}
        case Mixture():
            parts = zip(distribution.weights, distribution.components, strict=True)
            return {"mixture": [{"weight": weight, "of": dump(part)} for weight, part in parts]}
    name = type(distribution).__name__.lower()
    keys = next(keys for keys in FAMILIES[name] if all(hasattr(distribution, key) for key in keys))
    return {name: {key: getattr(distribution, key) for key in keys}}


SecondsDistribution = TypeAliasType("SecondsDistribution", Annotated[Distribution, _SECONDS])
TokensDistribution = TypeAliasType("TokensDistribution", Annotated[Distribution, _TOKENS])
CountDistribution = TypeAliasType("CountDistribution", Annotated[Distribution, _COUNT])
