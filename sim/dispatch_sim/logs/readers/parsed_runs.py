"""Runs as parsed from a log, with its ids and times of day, and the rows without these that tables get."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import nan

from dispatch_sim.logs.readers.json_values import first_known, seconds_between
from dispatch_sim.logs.readers.labels import kind_label, model_family
from dispatch_sim.logs.readers.tables import AgentRun
from dispatch_sim.logs.readers.usage import Totals


@dataclass(slots=True, kw_only=True)
class ParsedRun:
    """One run of a sub-agent. Moments are microseconds since 1970; other fields are as in `AgentRun`.

    Attributes
    ----------
    session, call, agent : ids in the log; None for an agent without one.
    group : shared by the calls of one message.
    caller : id of the agent that called it; None for the session's main agent.
    measured_s : duration as measured by the harness.
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
    measured_s: float = nan
    retries: float = nan
    tool_uses: float = nan
    totals: Totals = field(default_factory=dict)
    final_context_tokens: float = nan
    spawn_tokens: float = nan
    return_tokens: float = nan


_MAX_DEPTH = 64
"""Most agents above each other that are followed; harnesses allow three or four."""

_ByAgent = dict[tuple[str, str | None], ParsedRun]


def with_rows(runs: Iterable[ParsedRun]) -> list[tuple[ParsedRun, AgentRun]]:
    """Return each run with its row, by session in the order given and by group in that of their calls."""
    every = list(runs)
    by_agent: _ByAgent = {(run.source, run.agent): run for run in reversed(every) if run.agent is not None}
    sessions: dict[tuple[str, str], dict[tuple[str | None, str], list[ParsedRun]]] = {}
    for run in every:
        groups = sessions.setdefault((run.source, _call_chain(run, by_agent)[-1].session), {})
        groups.setdefault((run.caller, run.group), []).append(run)
    pairs: list[tuple[ParsedRun, AgentRun]] = []
    for number, groups in enumerate(sessions.values(), 1):
        session = f"session-{number}"
        in_order = sorted(
            groups.values(), key=lambda runs: math.inf if runs[0].called is None else runs[0].called
        )
        called = [run.called for members in in_order for run in members if run.called is not None]
        origin = min(called, default=None)
        for place, members in enumerate(in_order, 1):
            pairs += _group_rows(members, session, f"{session}/{place}", origin, by_agent)
    return pairs


def _group_rows(
    runs: Sequence[ParsedRun],
    session: str,
    group: str,
    origin: int | None,
    by_agent: _ByAgent,
) -> list[tuple[ParsedRun, AgentRun]]:
    pairs = []
    depth = len(_call_chain(runs[0], by_agent))
    if runs[0].caller is not None:
        depth = max(depth, 2)  # called by an agent whose own call is not in the log
    for position, run in enumerate(runs):
        measured = not math.isnan(run.measured_s)
        began = run.called if run.started is None else run.started
        # The harness's own figure takes precedence over the last call's.
        final = first_known(run.final_context_tokens, run.totals.get("final_context_tokens", nan))
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
            **run.totals | {"final_context_tokens": final},
        )
        pairs.append((run, row))
    return pairs


def _call_chain(run: ParsedRun, by_agent: _ByAgent) -> list[ParsedRun]:
    """Return a run, its caller's run, and so on up to `_MAX_DEPTH`; a circle of ids ends the chain."""
    chain, seen = [run], set[str]()
    while run.caller is not None and run.caller not in seen and (run.source, run.caller) in by_agent:
        if len(chain) == _MAX_DEPTH:
            break
        seen.add(run.caller)
        run = by_agent[run.source, run.caller]
        chain.append(run)
    return chain


def _since(origin: int | None, moment: int | None) -> float:
    return nan if origin is None or moment is None else (moment - origin) / 1e6
