"""A strategy is data: a width, how slots refill, when outputs are merged, who hands out the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from pydantic import WithJsonSchema
from pydantic_core import PydanticCustomError

from dispatch_sim.scenario.wording import listed, shown

Kind = Literal["sequential", "parallel", "queue", "waves", "adaptive"]
WarmUp = Literal["none", "stagger", "prewarm"]
MergeTiming = Literal["barrier", "as-completed"]
Manager = Literal["agent", "script"]
Order = Literal["as-given", "longest-first", "shortest-first"]
Isolation = Literal["shared", "worktree", "locks"]
CommunicationKind = Literal["none", "rounds", "blackboard"]

MAX_WIDTH = 100_000
MOST_STRATEGIES = 100


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to dispatch a batch.

    Attributes
    ----------
    kind : its name in a scenario; `KINDS` says what each does.
    width : tasks at once; None where the sweep gives it (queue, waves) or the batch does (parallel). Of
        adaptive, the most.
    merge, manager, warm_up, order, isolation, communication : `OPTIONS` says what each means. None is what
        the scenario says.
    """

    kind: Kind
    width: int | None = None
    merge: MergeTiming = "as-completed"
    manager: Manager = "agent"
    warm_up: WarmUp = "none"
    order: Order = "as-given"
    isolation: Isolation | None = None
    communication: CommunicationKind | None = None

    @property
    def has_width(self) -> bool:
        """Whether its width is the user's choice."""
        return self.kind in ("queue", "waves")

    @property
    def refills(self) -> bool:
        """Whether a slot is refilled as it frees, rather than when the whole round is over.

        All at once without its barrier is a queue as wide as the batch.
        """
        return self.kind in ("queue", "adaptive") or (
            self.kind == "parallel" and self.merge == "as-completed"
        )

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
            for value, usual in (
                (self.merge, standard.merge),
                (self.manager, standard.manager),
                (self.warm_up, standard.warm_up),
                (self.order, standard.order),
                (self.isolation, None),
                (self.communication, None),
            )
            if value != usual and value is not None
        ]
        return self.kind + (f" ({', '.join(options)})" if options else "")

    def at(self, width: int | None) -> Strategy:
        """Return the same strategy at another width."""
        return replace(self, width=width)


DEFAULTS: dict[str, Strategy] = {
    "sequential": Strategy("sequential", 1),
    "parallel": Strategy("parallel", None, "barrier"),
    "queue": Strategy("queue"),
    "waves": Strategy("waves"),
    "adaptive": Strategy("adaptive"),
}

KINDS: Mapping[str, str] = {
    "sequential": "One at a time, each handed out after the last one is done.",
    "parallel": "All at once; retries after the barrier.",
    "queue": "So many at once; a slot is refilled as it frees. A width is one more of `sweep.concurrency`.",
    "waves": "So many at once; the next so many when all of these are over. A width is as with `queue`.",
    "adaptive": (
        "A queue that finds its width: one wider after a round of attempts that were not refused, half as"
        " wide on a 429. A number is the most it may come to."
    ),
}
"""What each kind of strategy does."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a strategy: what it may be, and what it means and is by default."""

    choices: tuple[str, ...]
    text: str


OPTIONS: Mapping[str, Option] = {
    "merge": Option(
        get_args(MergeTiming),
        "`barrier` merges when all that runs has returned, `as-completed` as results come in. Default"
        " as-completed: but barrier for parallel, which is what calling agents in one message does.",
    ),
    "manager": Option(
        get_args(Manager),
        "`agent` spends a turn of the coordinator on every hand-out, `script` nothing. Default agent: so that"
        " no strategy wins by its manager.",
    ),
    "warm_up": Option(
        get_args(WarmUp),
        "For a timed cache: `stagger` holds agents while another's writing of the shared prefix is on its"
        " way, `prewarm` has the coordinator write it before a hand-out that would find it cold. Default"
        " none: what happens where nothing is done about it.",
    ),
    "order": Option(
        get_args(Order),
        "In which waiting tasks are taken; by length as though the time of their first attempt were known."
        " Default as-given: lengths are seldom known.",
    ),
    "isolation": Option(
        get_args(Isolation),
        "For this strategy, in place of `conflicts.isolation`. Default none: what the scenario says.",
    ),
    "communication": Option(
        get_args(CommunicationKind),
        "For this strategy, in place of `communication.kind`. Default none: what the scenario says.",
    ),
}
"""Options of a strategy."""


def parse_strategies(raw: Any) -> tuple[Strategy, ...]:
    """Read the list under `strategies`; raises PydanticCustomError that names the entry."""
    if isinstance(raw, tuple) and all(isinstance(entry, Strategy) for entry in raw):
        return raw
    if not isinstance(raw, list):
        raise _wrong(
            (), f"{shown(raw)} is not a list of strategies; write [sequential, parallel, 'queue: 3']"
        )
    if len(raw) > MOST_STRATEGIES:
        raise _wrong((), f"found {shown(raw)}; at most {MOST_STRATEGIES} strategies are compared")
    parsed = tuple(parse_strategy(entry, (index,)) for index, entry in enumerate(raw))
    for index, strategy in enumerate(parsed):
        if strategy in parsed[:index]:
            raise _wrong((index,), "this strategy is there already; remove one of the two")
    return parsed


def parse_strategy(raw: Any, path: tuple[int | str, ...] = ()) -> Strategy:
    """Read one strategy: a name, `queue: 3`, or a mapping of kind to width with options, as text too."""
    if isinstance(raw, str):
        inside = raw.strip().removeprefix("{").removesuffix("}")
        pairs = [[part.strip() for part in pair.partition(":")] for pair in inside.split(",")]
        raw = {key: _number(value) for key, _, value in pairs}
    if not isinstance(raw, dict) or not raw:
        raise _wrong(path, f"{shown(raw)} is not a strategy; write parallel, or {{queue: 3}}")
    kinds = [key for key in raw if key in DEFAULTS]
    if len(kinds) != 1:
        names = ", ".join(DEFAULTS)
        raise _wrong(
            path,
            f"found {', '.join(map(shown, list(raw)[:5]))}; a strategy has one of {names} as its first key",
        )
    kind = kinds[0]
    standard = DEFAULTS[kind]
    options: dict[str, Any] = {key: getattr(standard, key) for key in OPTIONS}
    for key, value in raw.items():
        if key == kind:
            continue
        here = (*path, key)
        option = OPTIONS.get(key)
        if option is None:
            raise _wrong(here, f"{shown(key)} is not an option of a strategy; there are {listed(OPTIONS)}")
        if value not in option.choices:
            raise _wrong(here, f"{shown(value)} is not possible; write {listed(option.choices, 'or')}")
        options[key] = value
    return Strategy(standard.kind, _width(standard, raw[kind], (*path, kind)), **options)


def _width(standard: Strategy, raw: Any, path: tuple[int | str, ...]) -> int | None:
    if standard.kind == "adaptive" and raw in (None, "all"):
        return None
    if not standard.has_width and standard.kind != "adaptive":
        neutral = (None, "all") if standard.kind == "parallel" else (None, 1)
        if raw not in neutral or raw is True:
            raise _wrong(
                path, f"{standard.kind} has no width; to run {shown(raw)} at once write {{queue: N}}"
            )
        return standard.width
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= MAX_WIDTH:
        all_ = ", or all" if standard.kind == "adaptive" else ""
        raise _wrong(path, f"{shown(raw)} is not a width; write a whole number from 1 to {MAX_WIDTH}{all_}")
    return raw


def _number(text: str) -> int | str | None:
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _wrong(path: tuple[int | str, ...], message: str) -> PydanticCustomError:
    return PydanticCustomError("strategy", "{message}", {"message": message, "path": path})


def _kind_schema(kind: str) -> dict[str, Any]:
    """Return the JSON schema of a strategy that is written as a mapping."""
    width: dict[str, Any] = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_WIDTH}
    if kind == "adaptive":
        width = {"anyOf": [width, {"const": "all"}]}
    elif not DEFAULTS[kind].has_width:
        width = {"enum": [None, "all"] if kind == "parallel" else [None, 1]}
    options = {
        key: {"enum": list(option.choices), "description": option.text} for key, option in OPTIONS.items()
    }
    return {
        "type": "object",
        "properties": {kind: {**width, "description": KINDS[kind]}, **options},
        "required": [kind],
        "additionalProperties": False,
    }


_WITH_WIDTH = "|".join([kind for kind, standard in DEFAULTS.items() if standard.has_width] + ["adaptive"])

strategies_schema = WithJsonSchema(
    {
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "string", "pattern": f"^({'|'.join(DEFAULTS)}|({_WITH_WIDTH})\\s*:\\s*[0-9]+)$"},
                *map(_kind_schema, DEFAULTS),
            ]
        },
    }
)
