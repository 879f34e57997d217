"""Synthetic logs in all three formats, from runs with known figures. Texts are dots of a known number."""

import itertools
import json
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

START_US = 1_767_600_000_000_000
"""When the first session begins, in microseconds since 1970; each further one begins a day later."""

KINDS = {"general-purpose": (180.0, 0.7), "Explore": (60.0, 0.6), "reviewer": (110.0, 0.5)}
"""Median and log-sd of the duration in seconds, by kind of agent."""

SIZES = (1, 1, 1, 2, 2, 3, 3, 4, 6)
OUTCOMES = {
    "completed": 0.93,
    "failed_silent": 0.02,
    "interrupted": 0.02,
    "unfinished": 0.01,
    "rejected": 0.02,
}

VERSIONS = {
    "subagents": "2.1.112",
    "next-to": "2.0.70",
    "inline": "1.0.120",
    "progress": "2.1.75",
    "main": "2.1.150",
}
"""A version of Claude Code by where the lines of agents are: in files of their own, in a folder of the
session or next to its file; in that file, as side chains or as progress; nowhere."""


@dataclass(frozen=True, slots=True)
class MadeCall:
    began_us: int
    ended_us: int
    input: int
    cache_write: int
    cache_read: int
    output: int

    @property
    def context(self):
        return self.input + self.cache_write + self.cache_read


@dataclass(frozen=True, slots=True)
class MadeRun:
    session: int
    group: int
    position: int
    kind: str
    background: bool
    outcome: str
    called_us: int
    started_us: int
    ended_us: int
    calls: tuple[MadeCall, ...]
    prompt_tokens: int
    return_tokens: int

    @property
    def duration_ms(self):
        return (self.ended_us - self.started_us) // 1000

    @property
    def agent(self):
        return f"a{self.session:04}{self.group:03}{self.position:03}"


def make_runs(sessions, seed=0):
    chance = random.Random(seed)
    return [run for session in range(sessions) for run in _session(session, chance)]


def write_example(folder, seed=0):
    return [
        *write_claude_code(make_runs(24, seed), Path(folder) / "claude-code"),
        *write_codex(make_runs(5, seed + 1), Path(folder) / "codex"),
        *write_otel(make_runs(5, seed + 2), Path(folder) / "otel"),
    ]


def _session(session, chance):
    now = START_US + session * 86_400_000_000 + chance.randrange(3_600_000) * 1000
    runs = []
    for group in range(chance.randint(2, 4)):
        size = chance.choice(SIZES)
        kind = chance.choices(list(KINDS), (3, 2, 1))[0]
        background = chance.random() < 0.3
        called, ends = now, [now]
        for position in range(size):
            run = _run((session, group, position, kind), background, called, chance)
            runs.append(run)
            ends.append(run.ended_us)
            called += _ms(chance.uniform(2.0, 8.0))
        now = max(*ends, called) + _ms(chance.uniform(10, 120))
    return runs


def _run(place, background, called, chance):
    median, log_sd = KINDS[place[-1]]
    duration = chance.lognormvariate(math.log(median), log_sd)
    outcome = chance.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
    started = called + _ms(chance.uniform(0.1, 0.6))
    if outcome == "rejected":
        return MadeRun(*place, False, outcome, called, called, called + _ms(3.0), (), 400, 0)
    ended = started + _ms(duration)
    calls = _calls(started, ended, place[2], chance)
    tokens = chance.randint(100, 900), int(chance.lognormvariate(7.0, 0.6))
    return MadeRun(*place, background, outcome, called, started, ended, calls, *tokens)


def _calls(started, ended, position, chance):
    number = 1 + min(int(chance.expovariate(1 / 9)), (ended - started) // 3_000_000)
    context = chance.randint(11_000, 33_000)
    read = 10_000 if position or chance.random() < 0.3 else 0
    step = (ended - started) // number // 1000 * 1000
    calls = []
    for call in range(number):
        output = 20 + int(chance.expovariate(1 / 180))
        began = started + call * step
        until = ended if call == number - 1 else began + step * 7 // 10 // 1000 * 1000
        calls.append(MadeCall(began, until, 4, context - read - 4, read, output))
        read, context = context - 4, context + output + int(chance.expovariate(1 / 2500))
    return tuple(calls)


def _ms(seconds):
    return round(seconds * 1000) * 1000


def _by_session(runs):
    for number, of in itertools.groupby(runs, key=lambda run: run.session):
        yield number, list(of)


def _iso(at):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dots(tokens):
    return "." * round(tokens * 3.3)


def _in_time(lines):
    return sorted(lines, key=lambda line: line["timestamp"])


def _write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def write_claude_code(runs, folder, layout=None):
    written = []
    for (number, of), turn in zip(_by_session(runs), itertools.cycle(VERSIONS), strict=False):
        session = _Session(number, layout or turn)
        for run in of:
            session.write(run)
        project = folder / "project"
        written.append(_write_lines(project / f"{session.id}.jsonl", _in_time(session.lines)))
        of_agents = project if session.layout == "next-to" else project / session.id / "subagents"
        for agent, lines in session.agents.items():
            written.append(_write_lines(of_agents / f"agent-{agent}.jsonl", lines))
    return written


class _Session:
    def __init__(self, number, layout):
        self.id = f"5e551040-0000-4000-8000-{number:012}"
        self.layout = layout
        self.lines = []
        self.agents = {}
        self._ids = itertools.count()

    def write(self, run):
        if not self.lines:
            self._say(run.called_us - 5_000_000, "user", message={"role": "user", "content": "..."})
        self._call(run)
        if run.outcome != "rejected" and self.layout != "main":
            self._live(run)
        if run.outcome != "unfinished":
            self._end(run)

    def _line(self, at, kind, **more):
        return {
            "parentUuid": None,
            "isSidechain": False,
            "sessionId": self.id,
            "version": VERSIONS[self.layout],
            "cwd": "/home/user/project",
            "type": kind,
            "uuid": f"{self.id[24:]}-{next(self._ids)}",
            "timestamp": _iso(at),
            **more,
        }

    def _say(self, at, kind, **more):
        self.lines.append(self._line(at, kind, **more))

    def _call(self, run):
        tool = "Task" if self.layout in ("inline", "next-to") else "Agent"
        asked = {"description": "...", "prompt": self._prompt(run), "subagent_type": run.kind}
        if run.background:
            asked["run_in_background"] = True
        message = {
            "id": f"msg_{self.id[24:]}_{run.group}",
            "role": "assistant",
            "model": "claude-opus-4-5-20251101",
            "content": [{"type": "tool_use", "id": self._tool_use(run), "name": tool, "input": asked}],
            "stop_reason": None,
            "usage": {"input_tokens": 3, "output_tokens": 1},
        }
        self._say(run.called_us, "assistant", message=message, requestId=f"req_{run.group}")

    def _live(self, run):
        mark = {"isSidechain": True} | ({} if self.layout == "inline" else {"agentId": run.agent})
        task = {"role": "user", "content": self._prompt(run)}
        lines = [self._line(run.started_us, "user", message=task, **mark)]
        for number, call in enumerate(run.calls):
            for part, block in enumerate(self._blocks(run, number, call)):
                at, message = call.ended_us - (1 - part) * 1000, self._answer(run, number, call, block)
                ids = {"parentUuid": lines[-1]["uuid"], "requestId": f"req_{run.agent}_{number}"}
                lines.append(self._line(at, "assistant", message=message, **mark, **ids))
        if self.layout == "inline":
            self.lines += lines
        elif self.layout == "progress":
            for line in lines:
                data = {"type": "agent_progress", "agentId": run.agent, "message": line}
                told = {"data": data, "parentToolUseID": self._tool_use(run), "timestamp": line["timestamp"]}
                self._say(0, "progress", **told)
        else:
            self.agents[run.agent] = lines

    def _blocks(self, run, number, call):
        last = number == len(run.calls) - 1
        said = {"type": "text", "text": _dots(run.return_tokens if last else call.output)}
        used = {"type": "tool_use", "id": f"toolu_{run.agent}_{number}", "name": "Read", "input": {}}
        return [said] if last else [said, used]

    def _answer(self, run, number, call, block):
        return {
            "id": f"msg_{run.agent}_{number}",
            "role": "assistant",
            "model": "claude-sonnet-4-5-20250929",
            "content": [block],
            "stop_reason": "end_turn",
            "usage": {
                "input_tokens": call.input,
                "cache_creation_input_tokens": call.cache_write,
                "cache_read_input_tokens": call.cache_read,
                "output_tokens": call.output,
            },
        }

    def _end(self, run):
        at = run.ended_us if run.outcome != "completed" else run.ended_us + 40_000
        errors = {
            "rejected": "The user doesn't want to proceed",
            "interrupted": "[Request interrupted by user]",
        }
        if run.outcome in errors:
            said = errors[run.outcome]
            self._result(run, at, said, f"Error: {said}", is_error=True)
            return
        died = run.outcome == "failed_silent"
        said = "API Error: Overloaded" if died else _dots(run.return_tokens)
        total = 0 if died else run.calls[-1].context + run.calls[-1].output
        tools = len(run.calls) - 1
        if run.background:
            launched = {"isAsync": True, "status": "async_launched", "agentId": run.agent}
            self._result(run, run.started_us, "Launched.", launched)
            counted = f"total_tokens: {total}\ntool_uses: {tools}\nduration_ms: {run.duration_ms}"
            notice = (
                f"<task-notification>\n<task-id>{run.agent}</task-id>\n<status>completed</status>\n"
                f"<summary>...</summary>\n<result>{said}</result>\n<usage>{counted}</usage>\n</task-notification>"
            )
            self._say(at, "queue-operation", operation="enqueue", content=notice)
            return
        result = {
            "status": "completed",
            "agentId": run.agent,
            "content": [{"type": "text", "text": said}],
            "totalDurationMs": run.duration_ms,
            "totalTokens": total,
            "totalToolUseCount": tools,
        }
        if self.layout == "inline":
            del result["agentId"]
        self._result(run, at, said, result)

    def _result(self, run, at, said, told, **more):
        content = [{"type": "text", "text": said}]
        block = {"type": "tool_result", "tool_use_id": self._tool_use(run), "content": content, **more}
        self._say(at, "user", message={"role": "user", "content": [block]}, toolUseResult=told)

    def _tool_use(self, run):
        return f"toolu_{self.id[24:]}_{run.group}_{run.position}"

    def _prompt(self, run):
        return f"{run.session}.{run.group}.{run.position}".ljust(round(run.prompt_tokens * 3.3), ".")


def write_codex(runs, folder):
    written = []
    for number, of in _by_session(runs):
        main = f"codex-{number:04}"
        meta = {"id": main, "source": "cli", "cli_version": "0.140.0"}
        lines = [_codex(of[0].called_us, "session_meta", meta)]
        for group, members in itertools.groupby(of, key=lambda run: run.group):
            for place, run in enumerate(members):
                if place == 0:
                    lines.append(_event(run.called_us, "task_started", turn_id=f"turn-{group}"))
                call = {"call_id": f"call-{main}-{run.group}-{run.position}"}
                asked = json.dumps({"agent_type": run.kind, "message": _dots(run.prompt_tokens)})
                spawn = {"name": "spawn_agent", "arguments": asked, **call}
                lines.append(_item(run.called_us, "function_call", **spawn))
                if run.outcome == "rejected":
                    said = {**call, "output": "agent limit reached"}
                    lines.append(_item(run.ended_us, "function_call_output", **said))
                    continue
                started = {"kind": "started", "event_id": call["call_id"], "agent_thread_id": run.agent}
                lines.append(_event(run.started_us, "sub_agent_activity", **started))
                written.append(_write_lines(folder / f"rollout-{run.agent}.jsonl", _rollout(run, main)))
        written.append(_write_lines(folder / f"rollout-{main}.jsonl", _in_time(lines)))
    return written


def _rollout(run, parent):
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}
    meta = {"id": run.agent, "source": spawned, "thread_source": "subagent"}
    lines = [
        _codex(run.started_us, "session_meta", meta),
        _codex(run.started_us, "turn_context", {"model": "gpt-5.1-codex"}),
        _event(run.started_us, "task_started", turn_id="turn"),
    ]
    sent = cached = wrote = 0
    for number, call in enumerate(run.calls):
        sent, cached, wrote = sent + call.context, cached + call.cache_read, wrote + call.output
        if number < len(run.calls) - 1:
            shell = {"name": "shell", "arguments": "{}", "call_id": f"c{number}"}
            lines.append(_item(call.ended_us, "function_call", **shell))
        info = {
            "total_token_usage": _counted(sent, cached, wrote),
            "last_token_usage": _counted(call.context, call.cache_read, call.output),
        }
        # The same count is written again when limits are told of.
        lines += [_event(call.ended_us, "token_count", info=info) for _ in range(2)]
    took = {"duration_ms": run.duration_ms}
    if run.outcome == "interrupted":
        lines.append(_event(run.ended_us, "turn_aborted", reason="interrupted", **took))
    elif run.outcome == "failed_silent":
        lines.append(_event(run.ended_us, "error", message="..."))
        lines.append(_event(run.ended_us, "task_complete", **took))
    elif run.outcome == "completed":
        said = {"last_agent_message": _dots(run.return_tokens)}
        lines.append(_event(run.ended_us, "task_complete", **said, **took))
    return lines


def _codex(at, kind, payload):
    return {"timestamp": _iso(at), "type": kind, "payload": payload}


def _event(at, event, **more):
    return _codex(at, "event_msg", {"type": event, **more})


def _item(at, item, **more):
    return _codex(at, "response_item", {"type": item, **more})


def _counted(sent, cached, wrote):
    return {"input_tokens": sent, "cached_input_tokens": cached, "output_tokens": wrote}


def write_otel(runs, folder):
    exports = []
    for number, of in _by_session(runs):
        trace, named = f"trace-{number}", {"name": "invoke_agent lead"}
        spans = [span(trace, "lead", None, "invoke_agent", of[0].called_us, of[-1].ended_us) | named]
        for run in of:
            if run.outcome != "rejected":
                spans += _spans(run, trace)
        exports.append({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    return [_write_lines(folder / "traces.jsonl", exports)]


def _spans(run, trace):
    said = {"gen_ai.agent.name": run.kind}
    failed = {"failed_silent": "api_error", "interrupted": "cancelled"}
    if run.outcome in failed:
        said["error.type"] = failed[run.outcome]
    ended = None if run.outcome == "unfinished" else run.ended_us
    for number, call in enumerate(run.calls):
        mine = f"{run.agent}-{number}"
        if number:
            yield span(trace, f"{mine}-tool", run.agent, "execute_tool", call.began_us, call.began_us)
        tokens = {
            "gen_ai.request.model": "gpt-5-mini",
            "gen_ai.usage.input_tokens": call.context,
            "gen_ai.usage.cache_read.input_tokens": call.cache_read,
            "gen_ai.usage.cache_creation.input_tokens": call.cache_write,
            "gen_ai.usage.output_tokens": call.output,
        }
        yield span(trace, mine, run.agent, "chat", call.began_us, call.ended_us, **tokens)
    yield span(trace, run.agent, "lead", "invoke_agent", run.started_us, ended, **said)


def span(trace, id_, parent, operation, began, ended, **said):
    listed = [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in (said | ({"gen_ai.operation.name": operation} if operation else {})).items()
    ]
    made = {
        "traceId": trace,
        "spanId": id_,
        "name": operation,
        "kind": 1,
        "startTimeUnixNano": str(began * 1000),
        "attributes": listed,
    }
    made |= {"parentSpanId": parent} if parent is not None else {}
    made |= {"endTimeUnixNano": str(ended * 1000)} if ended is not None else {}
    return made
