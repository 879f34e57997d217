"""Style of each kind of event in timelines: its sign in a terminal, its colour or marker in a figure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dispatch_sim.model.events import Activity
from dispatch_sim.report.figures import palette


@dataclass(frozen=True, slots=True)
class EventStyle:
    """Style of one or several kinds of events.

    Attributes
    ----------
    name : of all kinds together; may be empty.
    sign : in a terminal.
    kinds : name of each kind after `name`; empty where `name` says it.
    colour, hatch : of a stretch of time in a figure.
    marker : of a moment in a figure; empty for a stretch of time.
    """

    name: str
    sign: str
    kinds: Mapping[Activity, str]
    colour: str = palette.INK
    hatch: str = ""
    marker: str = ""

    def legend(self, drawn: Collection[Activity], columns: int) -> str:
        """Return the legend for the kinds that are drawn; without details if these exceed `columns`."""
        details = ", ".join(name for kind, name in self.kinds.items() if kind in drawn and name)
        if not self.name or not details:
            return self.name or details
        detailed = f"{self.name}: {details}"
        return detailed if len(detailed) <= columns else self.name


STRETCHES = (
    EventStyle("waits for dispatch", "·", {Activity.WAIT: ""}, palette.GRID),
    EventStyle("", "s", {Activity.SPAWN: "spawn"}, palette.GREEN),
    EventStyle("model call", "█", {Activity.CALL: ""}, palette.BLUE),
    EventStyle("", "t", {Activity.TOOLS: "tools"}, palette.GREEN),
    EventStyle("", "r", {Activity.RETURN: "return"}, palette.GREEN),
    EventStyle("backoff", "░", {Activity.BACKOFF: ""}, palette.VERMILION),
    EventStyle("hangs", "~", {Activity.HANG: ""}, hatch="////"),
    EventStyle(
        "blocked",
        "-",
        {
            Activity.HARNESS: "harness at its cap",
            Activity.LOCK: "lock",
            Activity.PREFIX: "cache write by another agent",
            Activity.PACE: "client pacing",
            Activity.GATEWAY: "gateway queue",
            Activity.PACING: "limits of the client",
            Activity.BARRIER: "barrier",
            Activity.COORDINATOR_BUSY: "coordinator busy",
            Activity.PERSON_BUSY: "person busy",
            Activity.EXPOSED: "exposed to later writes",
            Activity.AWAITS_REVIEW: "awaits review",
            Activity.ROUND: "second round",
            Activity.DEPENDENCY: "dependencies",
        },
        palette.GREY,
    ),
    EventStyle("merge", "m", {Activity.MERGE: ""}, palette.AMBER),
    EventStyle(
        "person",
        "P",
        {
            Activity.MERGE_BY_PERSON: "merge",
            Activity.RESOLVE: "conflicts",
            Activity.CLEAN_UP: "clean-up",
            Activity.REVIEW: "review",
            Activity.RECOVERY: "manual completion",
        },
        palette.PURPLE,
    ),
    EventStyle(
        "coordinator",
        "T",
        {
            Activity.TURN: "dispatch",
            Activity.PREWARM: "cache warm-up",
            Activity.INTERIM: "second brief",
            Activity.COMPACTION: "compaction",
            Activity.COMMON: "common work",
        },
        palette.SKY,
    ),
)
"""Styles of stretches of time. A figure shows those of the same colour as one."""

MARKS = (
    EventStyle(
        "rejected",
        "!",
        {Activity.LIMITED: "429", Activity.OVERLOADED: "529", Activity.REFUSED_LAUNCH: "by the harness"},
        marker="|",
    ),
    EventStyle("", "+", {Activity.REWORK: "rework"}, marker="*"),
    EventStyle("", "k", {Activity.TIMEOUT: "timeout", Activity.CANCELLED: "cancelled"}, marker="D"),
    EventStyle("", "x", {Activity.CRASH: "crash"}, marker="X"),
    EventStyle(
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
"""Styles of moments; later ones are drawn over earlier ones."""

EVENT_STYLES: Mapping[Activity, EventStyle] = {
    kind: each for each in (*STRETCHES, *MARKS) for kind in each.kinds
}
"""Style of each kind of event, except a launch, which needs none."""
