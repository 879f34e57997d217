"""The indifference threshold: the largest difference in the objective that does not matter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from dispatch_sim.scenario.quantities import (
    Dollars,
    Seconds,
    Share,
    parse_dollars,
    parse_seconds,
    parse_share,
    parse_tokens,
    plain,
)
from dispatch_sim.scenario.wording import shown, wrong

Unit = Literal["dollars", "seconds", "tokens", "share"]

UNITS: Mapping[str, Unit] = {
    "cost": "dollars",
    "money": "dollars",
    "makespan": "seconds",
    "p95_makespan": "seconds",
    "people": "seconds",
    "tokens": "tokens",
}
"""The unit of each objective."""

EXAMPLES: Mapping[Unit, str] = {"dollars": "$0.05", "seconds": "10s", "tokens": "1K tokens", "share": "1%"}

_TOKENS = " tokens"


@dataclass(frozen=True, slots=True)
class IndifferenceThreshold:
    """The largest difference that does not matter.

    Attributes
    ----------
    amount : in the unit; for a share, the part of the better strategy's mean.
    unit : `dollars`, `seconds`, `tokens` or `share`.
    """

    amount: float
    unit: Unit

    def at(self, mean: float) -> float:
        """Return the threshold in the unit of the objective, for a mean of it."""
        return self.amount * abs(mean) if self.unit == "share" else self.amount

    def fits(self, objective: str) -> bool:
        """Whether it is a share, or in the unit of an objective."""
        return self.unit in ("share", UNITS[objective])

    def to_json(self) -> float | str:
        """Return what `parse_indifference` reads: dollars as a number, others as text."""
        if self.unit == "dollars":
            return self.amount
        amount = 100 * self.amount if self.unit == "share" else self.amount
        return f"{amount:.12g}" + {"share": "%", "seconds": "s", "tokens": _TOKENS}[self.unit]


USUAL = IndifferenceThreshold(0.05, "dollars")
USUAL_SHARE = IndifferenceThreshold(0.01, "share")
"""The defaults: for dollars, and for other units."""


def threshold_for(written: Any, objective: str) -> IndifferenceThreshold:
    """Return the threshold for an objective: as written, or a default where that has another unit."""
    threshold = parse_indifference(written)
    return threshold if threshold.fits(objective) else USUAL_SHARE


_READERS: Mapping[Unit, Callable[[Any], float]] = {
    "dollars": parse_dollars,
    "share": parse_share,
    "seconds": parse_seconds,
}


def parse_indifference(raw: Any) -> IndifferenceThreshold:
    """Read ``$0.05``, ``2%``, ``10s`` or ``1K tokens``; a bare number is dollars."""
    if isinstance(raw, IndifferenceThreshold):
        return raw
    if plain(raw) is not None:
        return IndifferenceThreshold(parse_dollars(raw), "dollars")
    if isinstance(raw, str) and raw.rstrip().endswith(_TOKENS):
        return IndifferenceThreshold(parse_tokens(raw.rstrip().removesuffix(_TOKENS)), "tokens")
    for unit, read in _READERS.items():
        try:
            return IndifferenceThreshold(read(raw), unit)
        except PydanticCustomError as error:
            if "is not " not in error.message():
                raise
    raise wrong(f"{shown(raw)} is not a difference; write {', '.join(EXAMPLES.values())}")


Indifference = Annotated[
    IndifferenceThreshold,
    BeforeValidator(
        parse_indifference,
        json_schema_input_type=Dollars | Share | Seconds | Annotated[str, Field(pattern=f"{_TOKENS}$")],
    ),
    PlainSerializer(IndifferenceThreshold.to_json, return_type=float | str),
]
