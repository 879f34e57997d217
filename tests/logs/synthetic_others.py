"""Made-up runs written the way that Codex writes its rollouts, and OpenTelemetry its traces."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.logs.synthetic import Lines, MadeRun, agent_id, by_session, dots, iso, write_lines


def write_codex(runs: Sequence[MadeRun], folder: Path) -> list[Path]:
    """Write rollouts, one a session and one an agent; every call is in the background there."""
    written = []
    for number, of in by_session(runs):
        main = f"codex-{number:04}"
        lines = [
            _codex(of[0].called_us, "session_meta", {"id": main, "source": "cli", "cli_version": "0.140.0"})
        ]
        for group, (_, members) in enumerate(itertools.groupby(of, key=lambda run: run.group)):
            runs_of = list(members)
            lines.append(_event(runs_of[0].called_us, "task_started", turn_id=f"turn-{group}"))
            for run in runs_of:
                call, agent = f"call-{main}-{run.group}-{run.position}", agent_id(run)
                asked = json.dumps({"agent_type": run.kind, "message": dots(run.prompt_tokens)})
                lines.append(
                    _item(run.called_us, "function_call", name="spawn_agent", arguments=asked, call_id=call)
                )
                if run.outcome == "rejected":
                    lines.append(
                        _item(
                            run.ended_us, "function_call_output", call_id=call, output="agent limit reached"
                        )
                    )
                    continue
                lines.append(
                    _codex(
                        run.started_us,
                        "event_msg",
                        {
                            "type": "sub_agent_activity",
                            "kind": "started",
                            "event_id": call,
                            "agent_thread_id": agent,
                        },
                    )
                )
                written.append(write_lines(folder / f"rollout-{agent}.jsonl", _rollout(run, main, agent)))
        written.append(
            write_lines(folder / f"rollout-{main}.jsonl", sorted(lines, key=lambda line: line["timestamp"]))
        )
    return written


def write_otel(runs: Sequence[MadeRun], folder: Path) -> list[Path]:
    """Write traces, one a session, in one file; rejected calls leave no span."""
    exports = []
    for number, of in by_session(runs):
        trace = f"{number + 1:032x}"
        root = f"{1:016x}"
        spans = [
            _span(trace, root, None, "invoke_agent lead", of[0].called_us, of[-1].ended_us, "invoke_agent")
        ]
        for run in of:
            if run.outcome != "rejected":
                spans += _spans(run, trace, root)
        exports.append({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    return [write_lines(folder / "traces.jsonl", exports)]


def _rollout(run: MadeRun, parent: str, agent: str) -> Lines:
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}
    lines = [
        _codex(run.started_us, "session_meta", {"id": agent, "source": spawned, "thread_source": "subagent"}),
        _codex(run.started_us, "turn_context", {"model": "gpt-5.1-codex"}),
        _event(run.started_us, "task_started", turn_id="turn"),
    ]
    sent = cached = wrote = 0
    for number, call in enumerate(run.calls):
        context = call.input + call.cache_write + call.cache_read
        sent, cached, wrote = sent + context, cached + call.cache_read, wrote + call.output
        if number < len(run.calls) - 1:
            lines.append(
                _item(call.ended_us, "function_call", name="shell", arguments="{}", call_id=f"c{number}")
            )
        info = {
            "total_token_usage": _counted(sent, cached, wrote),
            "last_token_usage": _counted(context, call.cache_read, call.output),
        }
        # The same count is written again when limits are told of.
        lines += [_event(call.ended_us, "token_count", info=info) for _ in range(2)]
    if run.outcome == "interrupted":
        lines.append(_event(run.ended_us, "turn_aborted", reason="interrupted", duration_ms=run.duration_ms))
    elif run.outcome == "failed_silent":
        lines.append(_event(run.ended_us, "error", message="..."))
        lines.append(_event(run.ended_us, "task_complete", duration_ms=run.duration_ms))
    elif run.outcome == "completed":
        said = dots(run.return_tokens)
        lines.append(
            _event(run.ended_us, "task_complete", last_agent_message=said, duration_ms=run.duration_ms)
        )
    return lines


def _spans(run: MadeRun, trace: str, root: str) -> Iterator[dict[str, Any]]:
    id_ = f"{run.group + 1:08x}{run.position + 1:08x}"
    failed = {"failed_silent": "api_error", "interrupted": "cancelled"}.get(run.outcome)
    ended = None if run.outcome == "unfinished" else run.ended_us
    agent = _span(trace, id_, root, "invoke_agent", run.started_us, ended, "invoke_agent", kind=run.kind)
    if failed is not None:
        agent["attributes"].append({"key": "error.type", "value": {"stringValue": failed}})
    for number, call in enumerate(run.calls):
        tokens = {
            "gen_ai.usage.input_tokens": call.input + call.cache_write + call.cache_read,
            "gen_ai.usage.cache_read.input_tokens": call.cache_read,
            "gen_ai.usage.cache_creation.input_tokens": call.cache_write,
            "gen_ai.usage.output_tokens": call.output,
        }
        mine = f"{run.group + 1:04x}{run.position + 1:04x}{number + 1:08x}"
        if number:
            yield _span(
                trace,
                f"{int(mine, 16) + 2**63:016x}",
                id_,
                "execute_tool",
                call.began_us,
                call.began_us,
                "execute_tool",
            )
        yield _span(trace, mine, id_, "chat", call.began_us, call.ended_us, "chat", tokens=tokens)
    yield agent


def _span(
    trace: str,
    id_: str,
    parent: str | None,
    name: str,
    began: int,
    ended: int | None,
    operation: str,
    *,
    kind: str | None = None,
    tokens: dict[str, int] | None = None,
) -> dict[str, Any]:
    said = [{"key": "gen_ai.operation.name", "value": {"stringValue": operation}}]
    if kind is not None:
        said.append({"key": "gen_ai.agent.name", "value": {"stringValue": kind}})
    if operation == "chat":
        said.append({"key": "gen_ai.request.model", "value": {"stringValue": "gpt-5-mini"}})
    said += [{"key": key, "value": {"intValue": str(count)}} for key, count in (tokens or {}).items()]
    span: dict[str, Any] = {
        "traceId": trace,
        "spanId": id_,
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(began * 1000),
        "attributes": said,
    }
    span |= {"parentSpanId": parent} if parent is not None else {}
    span |= {"endTimeUnixNano": str(ended * 1000)} if ended is not None else {}
    return span


def _codex(at: int, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": iso(at), "type": kind, "payload": payload}


def _event(at: int, kind: str, **more: Any) -> dict[str, Any]:
    return _codex(at, "event_msg", {"type": kind, **more})


def _item(at: int, kind: str, **more: Any) -> dict[str, Any]:
    return _codex(at, "response_item", {"type": kind, **more})


def _counted(sent: int, cached: int, wrote: int) -> dict[str, int]:
    return {"input_tokens": sent, "cached_input_tokens": cached, "output_tokens": wrote}
