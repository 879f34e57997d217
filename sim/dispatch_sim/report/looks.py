"""How the events of a replication look, in a terminal and in a picture, and what a legend says of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.report import svg


@dataclass(frozen=True, slots=True)
class Look:
    """What events of several kinds look like.

    Attributes
    ----------
    name : of all of them.
    sign : in a terminal.
    kinds : what each kind is called beside the name; an empty word where the name says it.
    colour : in a picture; what no colour tells apart from another has a `hatch` or a `marker`.
    """

    name: str
    sign: str
    kinds: Mapping[EventKind, str] = field(hash=False)
    colour: str = svg.INK
    hatch: str = ""
    marker: str = ""

    def legend(self, drawn: Collection[EventKind], columns: int) -> str:
        """Return what it stands for among what is drawn, in detail where there is room for that."""
        words = [word for kind, word in self.kinds.items() if kind in drawn and word]
        if not words:
            return self.name
        detailed = f"{self.name}: {', '.join(words)}" if self.name else ", ".join(words)
        return detailed if len(detailed) <= columns or not self.name else self.name


STRETCHES = (
    Look("waits for its turn", "·", {EventKind.WAIT: ""}, svg.GRID),
    Look("", "s", {EventKind.SPAWN: "spawn"}, svg.GREEN),
    Look("model call", "█", {EventKind.CALL: ""}, svg.BLUE),
    Look("", "t", {EventKind.TOOLS: "tools"}, svg.GREEN),
    Look("", "r", {EventKind.RETURN: "return"}, svg.GREEN),
    Look("backs off", "░", {EventKind.BACKOFF: ""}, svg.VERMILION),
    Look("hangs", "~", {EventKind.HANG: ""}, svg.INK, hatch="////"),
    Look(
        "blocked",
        "-",
        {
            EventKind.HARNESS: "harness full",
            EventKind.LOCK: "lock",
            EventKind.PREFIX: "prefix being written",
            EventKind.PACE: "pace",
            EventKind.GATEWAY: "gateway",
            EventKind.BARRIER: "barrier",
            EventKind.COORDINATOR_BUSY: "coordinator busy",
            EventKind.PERSON_BUSY: "person busy",
            EventKind.EXPOSED: "not safe from a later write",
            EventKind.GATE: "gate",
            EventKind.ROUND: "second round",
            EventKind.DEPENDENCY: "other tasks first",
        },
        svg.GREY,
    ),
    Look("merge", "m", {EventKind.MERGE: ""}, svg.AMBER),
    Look(
        "a person",
        "P",
        {
            EventKind.MERGE_BY_PERSON: "merges",
            EventKind.RESOLVE: "resolves conflicts",
            EventKind.CLEAN_UP: "cleans up",
            EventKind.REVIEW: "reviews",
            EventKind.RECOVERY: "does the task",
        },
        svg.PURPLE,
    ),
    Look(
        "coordinator",
        "T",
        {
            EventKind.TURN: "hands out",
            EventKind.PREWARM: "warms the cache",
            EventKind.INTERIM: "second brief",
            EventKind.COMPACTION: "compacts",
        },
        svg.SKY,
    ),
)
"""Stretches of time. Of one colour are those that a picture does not tell apart."""

MARKS = (
    Look(
        "refused",
        "!",
        {EventKind.LIMITED: "429", EventKind.OVERLOADED: "529", EventKind.REFUSED_LAUNCH: "by the harness"},
        marker="|",
    ),
    Look("", "+", {EventKind.REWORK: "partly to be done again"}, marker="*"),
    Look("", "k", {EventKind.TIMEOUT: "timeout", EventKind.CANCELLED: "cancelled"}, marker="D"),
    Look("", "x", {EventKind.CRASH: "crash"}, marker="X"),
    Look(
        "output lost",
        "?",
        {
            EventKind.BAD_OUTPUT: "bad",
            EventKind.OVERWRITTEN: "overwritten",
            EventKind.WRONG_BRIEF: "wrong instructions",
        },
        marker="P",
    ),
)
"""Moments; the later ones hide the earlier ones."""

LOOKS: Mapping[EventKind, Look] = {kind: look for look in (*STRETCHES, *MARKS) for kind in look.kinds}
"""How each kind of event looks. A launch shows by itself."""
