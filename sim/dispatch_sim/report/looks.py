"""How the events of a replication look, in a terminal and in a picture, and what a legend says of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from dispatch_sim.model.events import Activity
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
    kinds: Mapping[Activity, str] = field(hash=False)
    colour: str = svg.INK
    hatch: str = ""
    marker: str = ""

    def legend(self, drawn: Collection[Activity], columns: int) -> str:
        """Return what it stands for among what is drawn, in detail where there is room for that."""
        words = [word for kind, word in self.kinds.items() if kind in drawn and word]
        if not words:
            return self.name
        detailed = f"{self.name}: {', '.join(words)}" if self.name else ", ".join(words)
        return detailed if len(detailed) <= columns or not self.name else self.name


STRETCHES = (
    Look("waits for its turn", "·", {Activity.WAIT: ""}, svg.GRID),
    Look("", "s", {Activity.SPAWN: "spawn"}, svg.GREEN),
    Look("model call", "█", {Activity.CALL: ""}, svg.BLUE),
    Look("", "t", {Activity.TOOLS: "tools"}, svg.GREEN),
    Look("", "r", {Activity.RETURN: "return"}, svg.GREEN),
    Look("backs off", "░", {Activity.BACKOFF: ""}, svg.VERMILION),
    Look("hangs", "~", {Activity.HANG: ""}, svg.INK, hatch="////"),
    Look(
        "blocked",
        "-",
        {
            Activity.HARNESS: "harness full",
            Activity.LOCK: "lock",
            Activity.PREFIX: "prefix being written",
            Activity.PACE: "pace",
            Activity.GATEWAY: "gateway",
            Activity.BARRIER: "barrier",
            Activity.COORDINATOR_BUSY: "coordinator busy",
            Activity.PERSON_BUSY: "person busy",
            Activity.EXPOSED: "not safe from a later write",
            Activity.GATE: "gate",
            Activity.ROUND: "second round",
            Activity.DEPENDENCY: "other tasks first",
        },
        svg.GREY,
    ),
    Look("merge", "m", {Activity.MERGE: ""}, svg.AMBER),
    Look(
        "a person",
        "P",
        {
            Activity.MERGE_BY_PERSON: "merges",
            Activity.RESOLVE: "resolves conflicts",
            Activity.CLEAN_UP: "cleans up",
            Activity.REVIEW: "reviews",
            Activity.RECOVERY: "does the task",
        },
        svg.PURPLE,
    ),
    Look(
        "coordinator",
        "T",
        {
            Activity.TURN: "hands out",
            Activity.PREWARM: "warms the cache",
            Activity.INTERIM: "second brief",
            Activity.COMPACTION: "compacts",
        },
        svg.SKY,
    ),
)
"""Stretches of time. Of one colour are those that a picture does not tell apart."""

MARKS = (
    Look(
        "refused",
        "!",
        {Activity.LIMITED: "429", Activity.OVERLOADED: "529", Activity.REFUSED_LAUNCH: "by the harness"},
        marker="|",
    ),
    Look("", "+", {Activity.REWORK: "partly to be done again"}, marker="*"),
    Look("", "k", {Activity.TIMEOUT: "timeout", Activity.CANCELLED: "cancelled"}, marker="D"),
    Look("", "x", {Activity.CRASH: "crash"}, marker="X"),
    Look(
        "output lost",
        "?",
        {
            Activity.BAD_OUTPUT: "bad",
            Activity.OVERWRITTEN: "overwritten",
            Activity.WRONG_BRIEF: "wrong instructions",
        },
        marker="P",
    ),
)
"""Moments; the later ones hide the earlier ones."""

LOOKS: Mapping[Activity, Look] = {kind: look for look in (*STRETCHES, *MARKS) for kind in look.kinds}
"""How each kind of event looks. A launch shows by itself."""
