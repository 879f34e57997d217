"""A strategy is data: a width, how slots refill, when outputs are merged, who hands out the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import WithJsonSchema
from pydantic_core import PydanticCustomError

from dispatch_sim.scenario.wording import shown

Kind = Literal["sequential", "parallel", "queue", "waves"]
MergeTiming = Literal["barrier", "as-completed"]
Manager = Literal["agent", "script"]

MAX_WIDTH = 100_000


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to dispatch a batch.

    Attributes
    ----------
    kind : its name in a scenario.
    width : tasks at once; None where the sweep gives it (queue, waves) or the batch does (parallel).
    merge : `barrier` merges when all that runs has returned, `as-completed` as results come in.
    manager : `agent` spends a turn of the coordinator on every hand-out, `script` nothing.
    """

    kind: Kind
    width: int | None = None
    merge: MergeTiming = "as-completed"
    manager: Manager = "agent"

    @property
    def has_width(self) -> bool:
        """Whether its width is the user's choice."""
        return self.kind in ("queue", "waves")

    @property
    def refills(self) -> bool:
        """Whether a slot is refilled as it frees, rather than when the whole round is over.

        All at once without its barrier is a queue as wide as the batch.
        """
        return self.kind == "queue" or (self.kind == "parallel" and self.merge == "as-completed")

    @property
    def waits_for_recovery(self) -> bool:
        """Whether the next task needs the last one done, by whomever: one after the other."""
        return self.kind == "sequential"

    @property
    def label(self) -> str:
        """How the strategy is called in tables: its kind, and any option that is not the default."""
        standard = DEFAULTS[self.kind]
        options = [
            value
            for value, usual in ((self.merge, standard.merge), (self.manager, standard.manager))
            if value != usual
        ]
        return self.kind + (f" ({', '.join(options)})" if options else "")

    def at(self, width: int) -> Strategy:
        """Return the same strategy at another width."""
        return Strategy(self.kind, width, self.merge, self.manager)


DEFAULTS: dict[str, Strategy] = {
    "sequential": Strategy("sequential", 1),
    "parallel": Strategy("parallel", None, "barrier"),
    "queue": Strategy("queue"),
    "waves": Strategy("waves"),
}

_NOT_YET = {
    "warm_up": "none",
    "order": "as-given",
    "isolation": "shared",
    "communication": "none",
}
"""Options of the whole model that are not simulated yet, with the value that leaves them out."""


def parse_strategies(raw: Any) -> tuple[Strategy, ...]:
    """Read the list under `strategies`; raises PydanticCustomError that names the entry."""
    if isinstance(raw, tuple) and all(isinstance(entry, Strategy) for entry in raw):
        return raw
    if not isinstance(raw, list):
        raise _wrong(
            (), f"{shown(raw)} is not a list of strategies; write [sequential, parallel, 'queue: 3']"
        )
    parsed = tuple(parse_strategy(entry, (index,)) for index, entry in enumerate(raw))
    for index, strategy in enumerate(parsed):
        if strategy in parsed[:index]:
            raise _wrong((index,), "this strategy is there already; remove one of the two")
    return parsed


def parse_strategy(raw: Any, path: tuple[int | str, ...] = ()) -> Strategy:
    """Read one strategy: a name, `queue: 3`, or a mapping of kind to width with options."""
    if isinstance(raw, str):
        kind, colon, width = (part.strip() for part in raw.partition(":"))
        raw = {kind: _number(width)} if colon else {kind: None}
    if not isinstance(raw, dict) or not raw:
        raise _wrong(path, f"{shown(raw)} is not a strategy; write parallel, or {{queue: 3}}")
    kinds = [key for key in raw if key in DEFAULTS]
    if len(kinds) != 1:
        if "adaptive" in raw:
            raise _wrong((*path, "adaptive"), "adaptive dispatch is not simulated yet; remove it")
        names = ", ".join(DEFAULTS)
        raise _wrong(
            path,
            f"found {', '.join(map(shown, list(raw)[:5]))}; a strategy has one of {names} as its first key",
        )
    kind = kinds[0]
    standard = DEFAULTS[kind]
    options: dict[str, Any] = {"merge": standard.merge, "manager": standard.manager}
    for key, value in raw.items():
        if key == kind:
            continue
        here = (*path, key)
        if key in _NOT_YET:
            if value != _NOT_YET[key]:
                raise _wrong(here, f"{key}: {shown(value)} is not simulated yet; remove it")
            continue
        allowed = {"merge": ("barrier", "as-completed"), "manager": ("agent", "script")}.get(key)
        if allowed is None:
            raise _wrong(here, f"{shown(key)} is not an option of a strategy; there are merge and manager")
        if value not in allowed:
            raise _wrong(here, f"{shown(value)} is not a {key}; write {' or '.join(allowed)}")
        options[key] = value
    return Strategy(standard.kind, _width(standard, raw[kind], (*path, kind)), **options)


def _width(standard: Strategy, raw: Any, path: tuple[int | str, ...]) -> int | None:
    if not standard.has_width:
        neutral = (None, "all") if standard.kind == "parallel" else (None, 1)
        if raw not in neutral or raw is True:
            raise _wrong(
                path, f"{standard.kind} has no width; to run {shown(raw)} at once write {{queue: N}}"
            )
        return standard.width
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= MAX_WIDTH:
        raise _wrong(path, f"{shown(raw)} is not a width; write a whole number from 1 to {MAX_WIDTH}")
    return raw


def _number(text: str) -> int | str | None:
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _wrong(path: tuple[int | str, ...], message: str) -> PydanticCustomError:
    return PydanticCustomError("strategy", "{message}", {"message": message, "path": path})


strategies_schema = WithJsonSchema(
    {
        "type": "array",
        "description": "The ways to dispatch the batch: a name, or a mapping of kind to width with options.",
        "items": {
            "anyOf": [
                {"type": "string", "pattern": r"^(sequential|parallel|queue|waves)(\s*:\s*[0-9]+)?$"},
                {
                    "type": "object",
                    "properties": {
                        "sequential": {"enum": [None, 1]},
                        "parallel": {"enum": [None, "all"]},
                        "queue": {"type": ["integer", "null"], "minimum": 1},
                        "waves": {"type": ["integer", "null"], "minimum": 1},
                        "merge": {"enum": ["barrier", "as-completed"]},
                        "manager": {"enum": ["agent", "script"]},
                        "warm_up": {"const": "none"},
                        "order": {"const": "as-given"},
                    },
                    "additionalProperties": False,
                },
            ]
        },
    }
)
