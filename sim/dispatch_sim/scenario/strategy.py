"""Strategies as values: concurrency, how slots refill, when outputs are merged, and who dispatches tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Literal, get_args, get_type_hints

from pydantic_core import CoreSchema, core_schema

from dispatch_sim.scenario.quantities import LARGEST_INTEGER
from dispatch_sim.scenario.wording import all_of, listed, nearest, shown, unknown, word, wrong

Kind = Literal["solo", "sequential", "parallel", "queue", "waves", "adaptive"]

CONCURRENCIES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
"""Concurrencies to compare, up to the batch size, where a scenario does not name any."""

MOST_STRATEGIES = 100


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy to dispatch a batch. `parse_strategy` reads its text, as `queue of 3 (script)`."""

    kind: Kind
    """Its name in a scenario; see `KINDS`."""
    concurrency: int | None = None
    """Maximum number of concurrent tasks; None where the batch gives it (parallel, adaptive), or the sweep
    does (queue, waves)."""
    merge: Literal["barrier", "as-completed"] = "as-completed"
    """`barrier` merges when all running tasks have returned, `as-completed` as each returns. Default
    as-completed: but barrier for parallel, as when agents are called in one message."""
    manager: Literal["agent", "script"] = "agent"
    """Who dispatches: `agent` takes a turn of the coordinator for each dispatch, `script` dispatches without
    the coordinator and at no cost. Where all strategies have a script, it takes the results too:
    `dispatch.return` and `merge.structured` are nothing by default. Default agent: so that no strategy wins
    by its manager."""
    warm_up: Literal["none", "stagger", "prewarm"] = "none"
    """For a timed cache: `stagger` delays agents while another writes the shared prefix, `prewarm` has the
    coordinator write it before a dispatch that would miss the cache. Default none: what happens without a
    measure."""
    order: Literal["as-given", "longest-first", "shortest-first"] = "as-given"
    """The order in which waiting tasks start; by length, the time of the first attempt is taken as known.
    Default as-given: lengths are seldom known."""
    pace: Literal["none", "limits"] = "none"
    """`limits`: a limiter in the client, which agents and coordinator share, holds each call until the
    provider would admit it, first in, first out; see `client.pacing`. Default none: most clients send at
    once, and retry."""
    retry_when: Literal["immediately", "after_drain"] = "immediately"
    """When a failed task can be dispatched again: `immediately`, or `after_drain`, when no agent is at work
    and no other task is ready. Default immediately; in waves, with the next wave in any case."""
    isolation: Literal["shared", "worktree", "locks", None] = None
    """For this strategy, in place of `conflicts.isolation`. Default none: that of the scenario."""
    communication: Literal["none", "rounds", "blackboard", None] = None
    """For this strategy, in place of `communication.kind`. Default none: that of the scenario."""

    @property
    def has_number(self) -> bool:
        """Whether a concurrency can be written for its kind."""
        return self.kind in ("queue", "waves", "adaptive")

    @property
    def is_swept(self) -> bool:
        """Whether the sweep gives its concurrency."""
        return self.kind in ("queue", "waves") and self.concurrency is None

    @property
    def refills(self) -> bool:
        """Whether a slot is refilled as soon as it is free, rather than after the whole round.

        Parallel without its barrier is a queue with the concurrency of the batch.
        """
        return self.kind in ("queue", "adaptive") or (
            self.kind == "parallel" and self.merge == "as-completed"
        )

    @property
    def waits_for_recovery(self) -> bool:
        """Whether the next task starts only after a manual completion of the last one."""
        return self.kind in ("sequential", "solo")

    @property
    def options(self) -> tuple[str, ...]:
        """The options that are not the defaults of its kind."""
        standard = DEFAULTS[self.kind]
        values = (getattr(self, key) for key in OPTIONS if getattr(self, key) != getattr(standard, key))
        return tuple(_TEXTS.get(value, value) for value in values)

    @property
    def label(self) -> str:
        """Its text without the concurrency: the value of the column `strategy` of results."""
        return self.kind + self._options_text

    def __str__(self) -> str:
        """Return its text: `parallel`, `queue of 3`, `queue of 3 (barrier, script)`."""
        number = f" of {self.concurrency}" if self.has_number and self.concurrency is not None else ""
        return self.kind + number + self._options_text

    @property
    def _options_text(self) -> str:
        return f" ({', '.join(options)})" if (options := self.options) else ""

    def at(self, concurrency: int | None) -> Strategy:
        """Return the same strategy at another concurrency, where its kind has one."""
        return replace(self, concurrency=concurrency) if self.has_number else self

    def without(self, options: Iterable[str]) -> Strategy:
        """Return the same strategy with defaults in place of some options."""
        standard = DEFAULTS[self.kind]
        return replace(self, **{_KEYS[option]: getattr(standard, _KEYS[option]) for option in options})

    def within(self, tasks: int) -> Strategy:
        """Return the same strategy for a batch size: adaptive without a maximum that it cannot reach."""
        return self.at(None) if self.kind == "adaptive" and self.concurrency_in(tasks) == tasks else self

    def concurrency_in(self, tasks: int) -> int:
        """Return its concurrency for a batch size: the column `concurrency` of results."""
        return min(self.concurrency or tasks, tasks)

    def kind_in(self, tasks: int) -> Kind:
        """Return the equivalent kind for a batch size, by which strategies are grouped.

        A queue of 1 is sequential. A queue with the concurrency of the batch is parallel, but not if it is
        paced: the limiter holds calls back.
        """
        if self.concurrency_in(tasks) == 1 and self.kind != "solo":
            return "sequential"
        at_once = self.concurrency_in(tasks) == tasks and self.pace == "none"
        return "parallel" if at_once and self.kind in ("queue", "waves") else self.kind

    def to_json(self, tasks: int | None = None) -> dict[str, Any]:
        """Return the columns of results that name it, for a batch size if one is given."""
        concurrency = self.concurrency if tasks is None else self.concurrency_in(tasks)
        return {"strategy": self.label, "concurrency": concurrency}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Have pydantic read a strategy from its text, and write that."""
        return core_schema.no_info_plain_validator_function(
            parse_strategy, serialization=core_schema.to_string_ser_schema()
        )


DEFAULTS: dict[str, Strategy] = {
    "solo": Strategy("solo", 1, isolation="shared", communication="none"),
    "sequential": Strategy("sequential", 1),
    "parallel": Strategy("parallel", None, "barrier"),
    "queue": Strategy("queue"),
    "waves": Strategy("waves"),
    "adaptive": Strategy("adaptive"),
}

KINDS: Mapping[str, str] = {
    "solo": "No sub-agents: the coordinator does every task itself, one after another, in its own context.",
    "sequential": "One task at a time; the next is dispatched when the last is done.",
    "parallel": "All tasks at once; retries after the barrier.",
    "queue": (
        "This many tasks at once; a slot is refilled as soon as it is free. Without a number, each value of"
        " `sweep.concurrency`."
    ),
    "waves": "This many tasks at once; the next wave starts when all have ended. Numbers are as for `queue`.",
    "adaptive": (
        "A queue that adapts its concurrency: plus one after a round without rate limiting, half after a 429."
        " A number is its maximum."
    ),
    "paced": "A queue with `pace: limits`.",
}
"""The kinds of strategies, and a name that is short for one."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    key: tuple(choice for choice in get_args(kind) if choice is not None)
    for key, kind in get_type_hints(Strategy).items()
    if key not in ("kind", "concurrency")
}
"""The values of each option. Of `isolation` and `communication`, None is that of the scenario."""

_TEXTS = {"limits": "paced", "after_drain": "retries after drain"}
"""Values with another text in the strategy's own: `queue of 3 (paced)`."""

_KEYS = {_TEXTS.get(value, value): key for key, choices in OPTIONS.items() for value in choices}
"""The option of each value; for `none` the last, as it is the default of the others."""

_VALUES = {text: value for value, text in _TEXTS.items()}


def parse_strategy(raw: Any) -> Strategy:
    """Read one strategy, as a scenario, a command, Python or a table of results writes it.

    It is `parallel`, `queue: 3`, `queue of 3`, `queue of 3 (script)`, or a mapping such as
    `{queue: 3, manager: script}`, as text too. `paced: 3` is short for `{queue: 3, pace: limits}`.

    Raises PydanticCustomError with what was found, and what to write.
    """
    if isinstance(raw, Strategy):
        return raw
    if isinstance(raw, str):
        raw = _mapping(raw)
    if not isinstance(raw, dict) or not raw:
        raise wrong(f"{shown(raw)} is not a strategy; write parallel, or {{queue: 3}}")
    kinds = [key for key in raw if key in KINDS]
    if len(kinds) != 1:
        first = next(iter(raw))
        if not kinds and isinstance(first, str) and nearest(first, KINDS):
            raise wrong(unknown("strategy", first, list(KINDS)))
        found, names = ", ".join(map(shown, list(raw)[:5])), ", ".join(KINDS)
        raise wrong(f"found {found}; a strategy has one of {names} as its first key")
    if "paced" in raw:
        if raw.get("pace") not in (None, "limits"):
            message = f"paced has pace: limits, not {shown(raw['pace'])}; write queue, or remove it"
            raise wrong(message, ("pace",))
        raw = {"queue" if key == "paced" else key: value for key, value in raw.items()} | {"pace": "limits"}
    standard = DEFAULTS["queue" if kinds == ["paced"] else kinds[0]]

    def read(key: str) -> Any:
        value = raw[key]
        if key == standard.kind:
            return _concurrency(standard, value)
        if key not in OPTIONS:
            raise wrong(unknown("option of a strategy", key, list(OPTIONS)))
        if key not in options_of(standard.kind):
            raise wrong(f"{standard.kind} has no sub-agents, so {key} has no effect; remove it")
        if value not in OPTIONS[key]:
            raise wrong(f"{shown(value)} is not possible; write {listed(OPTIONS[key], 'or')}")
        return value

    given = dict(zip(raw, all_of((key, partial(read, key)) for key in raw), strict=True))
    return replace(standard, concurrency=given.pop(standard.kind), **given)


def options_of(kind: str) -> Iterable[str]:
    """Return the options that a kind of strategy has."""
    return ("order", "pace") if kind == "solo" else OPTIONS


@lru_cache(maxsize=10_000)
def strategy_of(label: str, concurrency: int, tasks: int) -> Strategy:
    """Return the strategy of a row of results, which has its label, concurrency and batch size."""
    return parse_strategy(label).at(int(concurrency)).within(tasks)


def _mapping(text: str) -> dict[str, Any]:
    """Return the mapping that says the same as a text: `{queue: 3, manager: script}`."""
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        parts = [pair.partition(":") for pair in text[1:-1].split(",")]
        return _once([(key.strip(), _number(value.strip())) for key, _, value in parts])
    head, bracket, listed_options = text.partition("(")
    kind, _, number = (part.strip() for part in head.replace(" of ", ":").partition(":"))
    if bool(bracket) != listed_options.endswith(")") or ")" in listed_options[:-1]:
        raise wrong(f"{shown(text)} is not a strategy; write its options in brackets: queue of 3 (script)")
    values = [value.strip() for value in listed_options[:-1].split(",") if value.strip()]
    has_number = kind == "paced" or (kind in DEFAULTS and DEFAULTS[kind].has_number)
    if has_number and not number and len(values) == 1 and values[0].isdigit():
        raise wrong(f"{shown(text)} is not a strategy; write {word(kind)} of {values[0]}")
    options = [(_KEYS.get(value, value), _VALUES.get(value, value)) for value in values]
    return _once([(kind, _number(number)), *options])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return keys with their values, if each is there once."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            both = f"both {shown(found[key])} and {shown(value)}" if found[key] != value else "repeated"
            raise wrong(f"{word(key)} is {both}; remove one", (key,))
        found[key] = value
    return found


def _concurrency(standard: Strategy, raw: Any) -> int | None:
    if standard.kind == "adaptive" and raw in (None, "all"):
        return None
    if not standard.has_number:
        neutral = (None, "all") if standard.kind == "parallel" else (None, 1)
        if raw not in neutral or raw is True:
            message = f"{standard.kind} has no number; to run {shown(raw)} at once write {{queue: N}}"
            raise wrong(message)
        return standard.concurrency
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= LARGEST_INTEGER:
        all_ = ", or all" if standard.kind == "adaptive" else ""
        message = f"{shown(raw)} is not a concurrency; write a whole number from 1 to {LARGEST_INTEGER}{all_}"
        raise wrong(message)
    return raw


def _number(text: str) -> int | str | None:
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
