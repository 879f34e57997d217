"""Made-up runs written the way that Claude Code writes its transcripts, in each of its layouts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tests.logs.synthetic import Lines, MadeCall, MadeRun, agent_id, by_session, dots, iso, write_lines

Layout = Literal["subagents", "beside", "inline", "progress", "main"]
"""Where the lines of agents are: in a folder of the session's, beside it, in it, as progress; nowhere."""

VERSIONS: dict[Layout, str] = {
    "subagents": "2.1.112",
    "beside": "2.0.70",
    "inline": "1.0.120",
    "progress": "2.1.75",
    "main": "2.1.150",
}
_MODEL = "claude-sonnet-4-5-20250929"


def write_claude_code(runs: Sequence[MadeRun], folder: Path, layout: Layout | None = None) -> list[Path]:
    """Write transcripts, one a session and one an agent; without a layout, sessions take turns at each."""
    written = []
    for (number, of), turn in zip(by_session(runs), itertools.cycle(VERSIONS)):
        session = _Session(number, layout or turn)
        session.write(of)
        project = folder / "project"
        written += [
            write_lines(
                project / f"{session.id}.jsonl", sorted(session.lines, key=lambda line: line["timestamp"])
            ),
            *(
                write_lines(project / session.folder / f"agent-{agent}.jsonl", lines)
                for agent, lines in session.agents.items()
            ),
        ]
    return written


class _Session:
    """The transcript of one session of Claude Code."""

    def __init__(self, number: int, layout: Layout) -> None:
        self.id = f"5e551040-0000-4000-8000-{number:012}"
        self.layout: Layout = layout
        self.folder = f"{self.id}/subagents" if layout == "subagents" else "."
        self.lines: Lines = []
        self.agents: dict[str, Lines] = {}
        self._ids = itertools.count()

    def write(self, runs: Sequence[MadeRun]) -> None:
        """Write the runs of the session."""
        self._say(runs[0].called_us - 5_000_000, "user", {"role": "user", "content": "..."})
        for run in runs:
            self._call(run)
            if run.outcome != "rejected" and self.layout != "main":
                self._live(run)
            if run.outcome != "unfinished":
                self._end(run)

    def _say(self, at: int, kind: str, message: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
        line: dict[str, Any] = {
            "parentUuid": None,
            "isSidechain": False,
            "sessionId": self.id,
            "version": VERSIONS[self.layout],
            "cwd": "/home/user/project",
            "type": kind,
            "uuid": f"{self.id[24:]}-{next(self._ids)}",
            "timestamp": iso(at),
        }
        line |= {"message": message} if message is not None else {}
        line |= more
        self.lines.append(line)
        return line

    def _call(self, run: MadeRun) -> None:
        tool = "Task" if self.layout in ("inline", "beside") else "Agent"
        asked: dict[str, Any] = {"description": "...", "prompt": self._prompt(run), "subagent_type": run.kind}
        if run.background:
            asked["run_in_background"] = True
        block = {"type": "tool_use", "id": self._tool_use(run), "name": tool, "input": asked}
        message = {
            "id": f"msg_{self.id[24:]}_{run.group}",
            "role": "assistant",
            "model": "claude-opus-4-5-20251101",
            "content": [block],
            "stop_reason": None,
            "usage": {"input_tokens": 3, "output_tokens": 1},
        }
        self._say(run.called_us, "assistant", message, requestId=f"req_{run.group}")

    def _live(self, run: MadeRun) -> None:
        """Write the lines of the agent itself, where the layout has them."""
        lines: Lines = []
        mark = (
            {"isSidechain": True}
            if self.layout == "inline"
            else {"isSidechain": True, "agentId": agent_id(run)}
        )
        before = self._say(run.started_us, "user", {"role": "user", "content": self._prompt(run)}, **mark)
        lines.append(before)
        for number, call in enumerate(run.calls):
            for part, block in enumerate(self._blocks(run, number, call)):
                line = self._say(
                    call.ended_us - (1 - part) * 1000,
                    "assistant",
                    self._answer(run, number, call, block),
                    parentUuid=before["uuid"],
                    requestId=f"req_{agent_id(run)}_{number}",
                    **mark,
                )
                lines.append(line)
                before = line
        if self.layout != "inline":
            del self.lines[-len(lines) :]
        if self.layout == "progress":
            for line in lines:
                data = {"type": "agent_progress", "agentId": agent_id(run), "message": line}
                told = self._say(0, "progress", None, data=data, parentToolUseID=self._tool_use(run))
                told["timestamp"] = line["timestamp"]
        elif self.layout != "inline":
            self.agents[agent_id(run)] = lines

    def _blocks(self, run: MadeRun, number: int, call: MadeCall) -> list[dict[str, Any]]:
        """Return what the model wrote in a call: a text, and but for the last call the use of a tool."""
        last = number == len(run.calls) - 1
        said = {"type": "text", "text": dots(run.return_tokens if last else call.output)}
        used = {"type": "tool_use", "id": f"toolu_{agent_id(run)}_{number}", "name": "Read", "input": {}}
        return [said] if last else [said, used]

    def _answer(self, run: MadeRun, number: int, call: MadeCall, block: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"msg_{agent_id(run)}_{number}",
            "role": "assistant",
            "model": _MODEL,
            "content": [block],
            "stop_reason": "end_turn",
            "usage": {
                "input_tokens": call.input,
                "cache_creation_input_tokens": call.cache_write,
                "cache_read_input_tokens": call.cache_read,
                "output_tokens": call.output,
            },
        }

    def _end(self, run: MadeRun) -> None:
        at = run.ended_us if run.outcome != "completed" else run.ended_us + 40_000
        if run.outcome in ("rejected", "interrupted"):
            said = (
                "The user doesn't want to proceed"
                if run.outcome == "rejected"
                else "[Request interrupted by user]"
            )
            self._result(run, at, said, f"Error: {said}", is_error=True)
            return
        died = run.outcome == "failed_silent"
        said = "API Error: Overloaded" if died else dots(run.return_tokens)
        last = run.calls[-1]
        total = 0 if died else last.input + last.cache_write + last.cache_read + last.output
        tools = len(run.calls) - 1
        if run.background:
            launched = {"isAsync": True, "status": "async_launched", "agentId": agent_id(run)}
            self._result(run, run.started_us, "Launched.", launched)
            counted = f"total_tokens: {total}\ntool_uses: {tools}\nduration_ms: {run.duration_ms}"
            self._say(
                at,
                "queue-operation",
                None,
                operation="enqueue",
                content=f"<task-notification>\n<task-id>{agent_id(run)}</task-id>\n<status>completed</status>\n"
                f"<summary>...</summary>\n<result>{said}</result>\n<usage>{counted}</usage>\n</task-notification>",
            )
            return
        result = {
            "status": "completed",
            "agentId": agent_id(run),
            "content": [{"type": "text", "text": said}],
            "totalDurationMs": run.duration_ms,
            "totalTokens": total,
            "totalToolUseCount": tools,
        }
        if self.layout == "inline":
            del result["agentId"]
        self._result(run, at, said, result)

    def _result(self, run: MadeRun, at: int, said: str, told: object, *, is_error: bool = False) -> None:
        block: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": self._tool_use(run),
            "content": [{"type": "text", "text": said}],
        }
        block |= {"is_error": True} if is_error else {}
        self._say(at, "user", {"role": "user", "content": [block]}, toolUseResult=told)

    def _tool_use(self, run: MadeRun) -> str:
        return f"toolu_{self.id[24:]}_{run.group}_{run.position}"

    def _prompt(self, run: MadeRun) -> str:
        """Return dots with a number in front, so that every task is another."""
        return f"{run.session}.{run.group}.{run.position}".ljust(round(run.prompt_tokens * 3.3), ".")
