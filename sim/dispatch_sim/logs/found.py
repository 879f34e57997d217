"""What a reader finds: runs as the log has them, with ids and times of day, before they become rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

from dispatch_sim.logs.books import Totals
from dispatch_sim.logs.tables import NAN, AgentRun
from dispatch_sim.logs.values import seconds_between
from dispatch_sim.logs.words import Kinds, model_family


@dataclass(slots=True, kw_only=True)
class Found:
    """One run of a sub-agent. Moments are microseconds since 1970; what is not said here is as in `AgentRun`.

    Attributes
    ----------
    session : id of the session, in the log.
    group : what the calls of one message have in common, in the log.
    agent : id of the agent, where the log has one.
    caller : id of the agent that called it; None for the session's main agent.
    measured_s : duration as the harness measured it.
    """

    source: str
    session: str
    group: str
    agent: str | None = None
    caller: str | None = None
    kind: str | None = None
    model: str | None = None
    background: bool = False
    outcome: str = "unfinished"
    called: int | None = None
    started: int | None = None
    ended: int | None = None
    measured_s: float = NAN
    retries: float = NAN
    tool_uses: float = NAN
    totals: Totals = field(default_factory=Totals)
    final_context_tokens: float = NAN
    spawn_tokens: float = NAN
    return_tokens: float = NAN


def rows(found: Iterable[Found]) -> list[AgentRun]:
    """Return what was found as rows, by session in the order given and by group in that of the calls."""
    sessions: dict[tuple[str, str], dict[tuple[str | None, str], list[Found]]] = {}
    for run in found:
        groups = sessions.setdefault((run.source, run.session), {})
        groups.setdefault((run.caller, run.group), []).append(run)
    kinds = Kinds()
    made: list[AgentRun] = []
    for number, groups in enumerate(sessions.values(), 1):
        label = f"session-{number}"
        members = list(groups.values())
        every = [run for runs in members for run in runs]
        origin = min((run.called for run in every if run.called is not None), default=None)
        callers = {run.agent: run.caller for run in every if run.agent is not None}
        for place, runs in enumerate(members, 1):
            made += _group(runs, label, f"{label}/{place}", origin, callers, kinds)
    return made


def _group(
    runs: Sequence[Found],
    session: str,
    group: str,
    origin: int | None,
    callers: dict[str, str | None],
    kinds: Kinds,
) -> list[AgentRun]:
    made = []
    for position, run in enumerate(runs):
        measured = run.measured_s == run.measured_s
        began = run.called if run.started is None else run.started
        totals = asdict(run.totals)
        if run.final_context_tokens == run.final_context_tokens:
            totals["final_context_tokens"] = run.final_context_tokens
        made.append(
            AgentRun(
                source=run.source,
                session=session,
                group=group,
                group_size=len(runs),
                position=position,
                depth=_depth(run.caller, callers),
                kind=kinds.label(run.kind),
                model=model_family(run.model),
                background=run.background,
                outcome=run.outcome,
                called_at_s=_since(origin, run.called),
                started_at_s=_since(origin, run.started),
                ended_at_s=_since(origin, run.ended),
                duration_s=run.measured_s if measured else seconds_between(began, run.ended),
                duration_measured=measured,
                retries=run.retries,
                tool_uses=run.tool_uses,
                spawn_tokens=run.spawn_tokens,
                return_tokens=run.return_tokens,
                **totals,
            )
        )
    return made


def _depth(caller: str | None, callers: dict[str, str | None]) -> int:
    """Return how deep a run lies; ids that go round in a broken log end the count."""
    depth, seen = 1, set[str]()
    while caller is not None and caller not in seen:
        seen.add(caller)
        depth += 1
        caller = callers.get(caller)
    return depth


def _since(origin: int | None, moment: int | None) -> float:
    return NAN if origin is None or moment is None else (moment - origin) / 1e6
