"""What a reader finds: runs as the log has them, with ids and times of day, before they become rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

from dispatch_sim.logs.readers.json_values import first_known, seconds_between
from dispatch_sim.logs.readers.labels import kind_label, model_family
from dispatch_sim.logs.readers.tables import NAN, AgentRun
from dispatch_sim.logs.readers.usage import Totals


@dataclass(slots=True, kw_only=True)
class ParsedRun:
    """One run of a sub-agent. Moments are microseconds since 1970; what is not said here is as in `AgentRun`.

    Attributes
    ----------
    session : id of the session, in the log.
    group : what the calls of one message have in common, in the log.
    call : id of the call, in the log.
    agent : id of the agent, where the log has one.
    caller : id of the agent that called it; None for the session's main agent.
    measured_s : duration as the harness measured it.
    """

    source: str
    session: str
    group: str
    call: str
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


_DEEPEST = 64
"""Most agents above each other that are followed; harnesses let three or four be."""

_ByAgent = dict[tuple[str, str | None], ParsedRun]


def rows(found: Iterable[ParsedRun]) -> list[AgentRun]:
    """Return what was found as rows, by session in the order given and by group in that of their calls."""
    return [row for _, row in paired(found)]


def paired(found: Iterable[ParsedRun]) -> list[tuple[ParsedRun, AgentRun]]:
    """Return each run that was found beside its row, in the order of `rows`."""
    every = list(found)
    by_agent: _ByAgent = {(run.source, run.agent): run for run in reversed(every) if run.agent is not None}
    sessions: dict[tuple[str, str], dict[tuple[str | None, str], list[ParsedRun]]] = {}
    for run in every:
        groups = sessions.setdefault((run.source, _chain(run, by_agent)[-1].session), {})
        groups.setdefault((run.caller, run.group), []).append(run)
    made: list[tuple[ParsedRun, AgentRun]] = []
    for number, groups in enumerate(sessions.values(), 1):
        label = f"session-{number}"
        members = sorted(groups.values(), key=_called)
        called = [run.called for runs in members for run in runs if run.called is not None]
        origin = min(called, default=None)
        for place, runs in enumerate(members, 1):
            made += _group(runs, label, f"{label}/{place}", origin, by_agent)
    return made


def _group(
    runs: Sequence[ParsedRun],
    session: str,
    group: str,
    origin: int | None,
    by_agent: _ByAgent,
) -> list[tuple[ParsedRun, AgentRun]]:
    made = []
    depth = len(_chain(runs[0], by_agent))
    if runs[0].caller is not None:
        depth = max(depth, 2)  # called by an agent whose own call is not in the log
    for position, run in enumerate(runs):
        measured = not math.isnan(run.measured_s)
        began = run.called if run.started is None else run.started
        # What the harness says goes before what the calls add up to.
        final = first_known(run.final_context_tokens, run.totals.final_context_tokens)
        row = AgentRun(
            source=run.source,
            session=session,
            group=group,
            group_size=len(runs),
            position=position,
            depth=depth,
            kind=kind_label(run.kind),
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
            **asdict(run.totals) | {"final_context_tokens": final},
        )
        made.append((run, row))
    return made


def _called(runs: Sequence[ParsedRun]) -> float:
    return math.inf if runs[0].called is None else runs[0].called


def _chain(run: ParsedRun, by_agent: _ByAgent) -> list[ParsedRun]:
    """Return a run, the run that called it, and so on up; ids that go round or on for ever end it."""
    chain, seen = [run], set[str]()
    while run.caller is not None and run.caller not in seen and (run.source, run.caller) in by_agent:
        if len(chain) == _DEEPEST:
            break
        seen.add(run.caller)
        run = by_agent[run.source, run.caller]
        chain.append(run)
    return chain


def _since(origin: int | None, moment: int | None) -> float:
    return NAN if origin is None or moment is None else (moment - origin) / 1e6
