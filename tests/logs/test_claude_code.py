"""What Claude Code does that made-up sessions do not: each a small transcript of its own."""

import json
import math

import pytest

from dispatch_sim.logs.reading import read_logs


def _line(at, kind, **more):
    return {
        "type": kind,
        "sessionId": "s",
        "uuid": f"u{at}{kind}",
        "timestamp": f"2026-01-05T10:{at}Z",
        **more,
    }


def _call(at, *calls, message="m1", **more):
    """Write one message with calls of agents, one line a call as Claude Code does."""
    return [
        _line(
            at,
            "assistant",
            message={
                "id": message,
                "content": [{"type": "tool_use", "id": call, "name": "Agent", "input": {"prompt": call}}],
            },
            **{**more, "uuid": f"u{at}{call}"},
        )
        for call in calls
    ]


def _result(at, call, told, said="Done.", is_error=False):
    block = {"type": "tool_result", "tool_use_id": call, "content": said, "is_error": is_error}
    return _line(at, "user", message={"content": [block]}, toolUseResult=told)


def _answer(at, message, usage, agent="a1", said="...", **more):
    return _line(
        at,
        "assistant",
        isSidechain=True,
        agentId=agent,
        **more,
        message={
            "id": message,
            "model": "claude-opus-4-6",
            "content": [{"type": "text", "text": said}],
            "stop_reason": more.get("stop"),
            "usage": usage,
        },
    ) | {"uuid": f"{at}{message}{said}"}


def _task(at, prompt, agent="a1"):
    return _line(at, "user", isSidechain=True, agentId=agent, message={"content": prompt})


def _notice(at, status, agent="a1", tail="", kind="queue-operation"):
    text = f"<task-notification>\n<task-id>{agent}</task-id>\n<status>{status}</status>\n"
    text += f"<result>Done.</result>\n{tail}</task-notification>"
    if kind == "attachment":
        return _line(at, kind, attachment={"type": "queued_command", "prompt": text})
    if kind == "user":
        return _line(at, kind, message={"content": text})
    return _line(at, kind, operation="enqueue", content=text)


LAUNCHED = {"isAsync": True, "status": "async_launched", "agentId": "a1"}


@pytest.fixture
def read(tmp_path):
    """Return what writes a main transcript, and further files, and reads all."""

    def write(*lines, **files):
        for name, content in {"main.jsonl": lines, **files}.items():
            path = tmp_path / name
            path.write_text("".join(json.dumps(line) + "\n" for line in content))
        return read_logs(tmp_path)

    return write


@pytest.mark.parametrize("kind", ["queue-operation", "user", "attachment"])
@pytest.mark.parametrize(
    "tail",
    [
        "<usage>total_tokens: 800\ntool_uses: 3\nduration_ms: 5250</usage>",
        "<usage><subagent_tokens>800</subagent_tokens><tool_uses>3</tool_uses>"
        "<duration_ms>5250</duration_ms></usage>",
    ],
)
def test_a_launch_in_the_background_ends_with_its_first_notification(read, kind, tail):
    """It is told again later, in another kind of line; and of what is not an agent."""
    run = read(
        *_call("00:00.000", "t1"),
        _result("00:00.100", "t1", LAUNCHED),
        _notice("00:01.000", "completed", agent="shell", kind=kind),
        _notice("00:06.000", "completed", tail=tail, kind=kind),
        _notice("00:09.000", "completed", tail=tail, kind="user"),
    ).runs.iloc[0]
    assert (run["background"], run["outcome"]) == (True, "completed")
    assert (run["ended_at_s"], run["duration_s"]) == (6.0, 5.25)
    assert (run["final_context_tokens"], run["tool_uses"], run["return_tokens"]) == (800, 3, 2)


def test_what_an_agent_returned_may_be_fetched_instead(read):
    """By a tool, which may find it running still; the end is then when it was fetched."""

    def fetch(at, status):
        task = {"task_id": "a1", "task_type": "local_agent", "status": status, "result": "y" * 33}
        return _result(at, "o" + status, {"retrieval_status": "success", "task": task})

    run = read(
        *_call("00:00", "t1"),
        _result("00:01", "t1", LAUNCHED),
        fetch("00:05", "running"),
        fetch("00:09", "completed"),
    ).runs.iloc[0]
    assert (run["outcome"], run["ended_at_s"], run["return_tokens"]) == ("completed", 9, 10)
    assert not run["duration_measured"]


@pytest.mark.parametrize(
    ("status", "outcome"), [("failed", "failed"), ("killed", "interrupted"), ("never-heard-of", "unfinished")]
)
def test_a_notification_may_tell_of_another_end(read, status, outcome):
    """What is no word of a status is no end."""
    run = read(*_call("00:00", "t1"), _result("00:01", "t1", LAUNCHED), _notice("00:09", status)).runs.iloc[0]
    assert run["outcome"] == outcome


def test_a_launch_without_a_notification_is_unfinished(read):
    """Its end is not seen, and neither is its group's wall clock."""
    logs = read(
        *_call("00:00", "t1", "t2"),
        _result("00:01", "t1", LAUNCHED),
        _result("00:05", "t2", {"status": "completed", "totalDurationMs": 4000, "totalTokens": 10}),
    )
    assert logs.runs["outcome"].tolist() == ["unfinished", "completed"]
    assert math.isnan(logs.groups["wall_s"][0])
    assert (logs.groups["unfinished"][0], logs.groups["completed"][0]) == (1, 1)


@pytest.mark.parametrize(
    ("said", "told", "outcome"),
    [
        ("API Error: 529 Overloaded", {"status": "completed", "totalTokens": 0}, "failed_silent"),
        ("You've hit your session limit", {"status": "completed", "totalTokens": 0}, "failed_silent"),
        ("Prompt is too long", {"status": "completed", "totalTokens": 0}, "failed_silent"),
        (
            "API Error is what the code under review logs",
            {"status": "completed", "totalTokens": 9000},
            "completed",
        ),
    ],
)
def test_a_failure_may_hide_behind_completed(read, said, told, outcome):
    """It has no tokens; an agent that writes about errors has."""
    run = read(*_call("00:00", "t1"), _result("00:09", "t1", told, said)).runs.iloc[0]
    assert run["outcome"] == outcome
    assert math.isnan(run["return_tokens"]) == (outcome != "completed")


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("The user doesn't want to proceed with this tool use.", "rejected"),
        ("[Request interrupted by user for tool use]", "interrupted"),
        ("Sibling tool call errored", "cancelled"),
        ("Agent type 'x' not found. Available agents: y", "invalid"),
        ("InputValidationError: prompt is missing", "invalid"),
        ("Opus is temporarily unavailable", "unavailable"),
        ("API Error: 500", "failed"),
        ("Something else", "error"),
    ],
)
def test_errors_are_told_apart(read, said, outcome):
    """By the words that the harness has for them."""
    run = read(
        *_call("00:00", "t1"), _result("00:03", "t1", f"Error: {said}", said, is_error=True)
    ).runs.iloc[0]
    assert run["outcome"] == outcome


def test_the_lines_of_one_call_are_counted_once(read):
    """One API response is one to many lines with the same id; a placeholder of its output is replaced."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 1}
    run = read(
        *_call("00:00", "t1"),
        _result("00:30", "t1", {"status": "completed", "agentId": "a1", "totalTokens": 400}),
        **{
            "agent-a1.jsonl": [
                _task("00:01", "t1"),
                _answer("00:02", "r1", usage, said="one"),
                _answer("00:03", "r1", usage | {"output_tokens": 70}, said="two", stop="tool_use"),
                _answer("00:04", "r2", usage | {"output_tokens": 30}, said="three", stop="end_turn"),
            ]
        },
    ).runs.iloc[0]
    assert (run["calls"], run["input_tokens"], run["cache_read_tokens"]) == (2, 10, 200)
    assert (run["output_tokens"], run["output_estimated"]) == (100, 0)


def test_a_placeholder_is_estimated_from_what_was_written(read):
    """Older versions write the tokens there were as the answer began; 330 characters are about 100."""
    answer = _answer("00:02", "r1", {"input_tokens": 5, "output_tokens": 1}, said="x" * 330, version="2.1.40")
    run = read(
        *_call("00:00", "t1"),
        _result("00:30", "t1", {"status": "completed", "agentId": "a1", "totalTokens": 400}),
        **{"agent-a1.jsonl": [_task("00:01", "t1"), answer]},
    ).runs.iloc[0]
    assert (run["output_tokens"], run["output_estimated"]) == (100, 1)


def test_retries_of_an_agent_are_counted(read):
    """They stand in its own file."""
    errors = [
        _line("00:03", "system", subtype="api_error", isSidechain=True, agentId="a1", retryAttempt=n)
        | {"uuid": f"e{n}"}
        for n in (1, 2)
    ]
    run = read(
        *_call("00:00", "t1"),
        _result("00:30", "t1", {"status": "completed", "agentId": "a1", "totalTokens": 400}),
        **{"agent-a1.jsonl": [_task("00:01", "t1"), *errors, _answer("00:09", "r1", {"input_tokens": 5})]},
    ).runs.iloc[0]
    assert run["retries"] == 2


def test_an_agent_that_is_resumed_is_two_runs(read):
    """Both have its id, and its file goes on; each gets what was done since its call."""
    done = {"status": "completed", "agentId": "a1", "totalTokens": 400}
    usage = {"input_tokens": 5, "output_tokens": 10}
    runs = read(
        *_call("00:00", "t1"),
        _result("00:10", "t1", done),
        *_call("00:20", "t2", message="m2"),
        _result("00:30", "t2", done),
        **{
            "agent-a1.jsonl": [
                _task("00:01", "t1"),
                _answer("00:02", "r1", usage, stop="end_turn"),
                _task("00:21", "t2"),
                _answer("00:22", "r2", usage, stop="tool_use"),
                _answer("00:23", "r3", usage, stop="end_turn"),
            ]
        },
    ).runs
    assert runs["calls"].tolist() == [1, 2]
    assert runs["started_at_s"].tolist() == [1, 21]


def test_an_agent_without_a_result_is_found_by_its_meta_file_or_its_task(read):
    """A session that was killed has no result that names the agent."""
    lines = [_task("00:01", "another text"), _answer("00:02", "r1", {"input_tokens": 5}, stop="end_turn")]
    meta = [{"agentType": "Explore", "description": "...", "toolUseId": "t1"}]
    logs = read(*_call("00:00", "t1"), **{"agent-a1.jsonl": lines, "agent-a1.meta.json": meta})
    assert (logs.runs["outcome"][0], logs.runs["calls"][0], logs.tally.skipped) == ("unfinished", 1, {})
    lines[0] = _task("00:01", "t1")
    logs = read(*_call("00:00", "t1"), **{"agent-a1.jsonl": lines, "agent-a1.meta.json": []})
    assert logs.runs["calls"][0] == 1


def test_an_agent_without_a_call_is_counted_and_compaction_is_none(read):
    """Its session's transcript is elsewhere; what compacts a context is no agent that anyone called."""
    logs = read(
        *_call("00:00", "t1"),
        **{
            "agent-a2.jsonl": [_task("00:01", "?", "a2"), _answer("00:02", "r1", {"input_tokens": 5}, "a2")],
            "agent-acompact-1.jsonl": [_answer("00:02", "r2", {"input_tokens": 5}, "acompact-1")],
        },
    )
    assert logs.tally.skipped["agent whose call is in none of the files"].count == 1
    assert len(logs.runs) == 1


def test_an_agent_can_call_agents(read):
    """They are a level deeper, in the same session, and a group of their own."""
    done = {"status": "completed", "agentId": "a1", "totalTokens": 400}
    inner = _call("00:02", "t2", "t3", message="m2", isSidechain=True, agentId="a1")
    logs = read(
        *_call("00:00", "t1"),
        _result("00:10", "t1", done),
        **{"agent-a1.jsonl": [_task("00:01", "t1"), *inner]},
    )
    assert logs.runs["depth"].tolist() == [1, 2, 2]
    assert logs.runs["session"].nunique() == 1
    assert logs.groups["size"].tolist() == [2]


def test_a_rejection_after_work_is_an_interruption(read):
    """The words are the same, but the agent had made calls by then."""
    run = read(
        *_call("00:00", "t1"),
        _result("00:30", "t1", "Error", "The user doesn't want to proceed", is_error=True),
        **{"agent-a1.jsonl": [_task("00:01", "t1"), _answer("00:09", "r1", {"input_tokens": 5})]},
    ).runs.iloc[0]
    assert (run["outcome"], run["calls"]) == ("interrupted", 1)


def test_ids_may_come_again_in_another_session(read):
    """Whoever scrubs or makes up logs may number each session anew; only the same moment is the same call."""

    def session(minute):
        at = f"{minute:02}:"
        return [
            *_call(f"{at}00", "t1", "t2"),
            _result(f"{at}01", "t1", LAUNCHED),
            _result(f"{at}04", "t2", {"status": "completed", "agentId": "a2", "totalTokens": 10 + minute}),
            _notice(f"{at}09", "completed"),
        ]

    def agent(minute):
        at = f"{minute:02}:"
        return [
            _task(f"{at}01", "t2", "a2"),
            _answer(f"{at}02", f"r{minute}", {"input_tokens": 5 + minute}, "a2"),
        ]

    runs = read(
        *session(0), **{"two.jsonl": session(30), "agent-a2.jsonl": agent(0), "agent-b2.jsonl": agent(30)}
    ).runs
    assert runs["session"].tolist() == ["session-1"] * 2 + ["session-2"] * 2
    assert runs["ended_at_s"].tolist() == [9, 4, 9, 4]
    assert runs["final_context_tokens"].dropna().tolist() == [10, 40]
    assert runs["input_tokens"].dropna().tolist() == [5, 35]


def test_a_message_that_was_copied_in_part_is_one_group(read):
    """A fork has the first call of a message too, and the others only the fork has."""
    logs = read(*_call("00:00", "t1"), **{"z-fork.jsonl": _call("00:00", "t1", "t2", "t3")})
    assert logs.groups["size"].tolist() == [3]
    assert logs.runs["session"].nunique() == 1


def test_calls_of_the_coordinator_are_counted_beside_the_tables(read):
    """One response is one call, however many lines it has; an error that is tried again stands between."""

    def own(at, message):
        usage = {"input_tokens": 5, "output_tokens": 1}
        return _line(at, "assistant", message={"id": message, "content": [], "usage": usage})

    failed = _line("00:02", "system", subtype="api_error", retryAttempt=1)
    logs = read(own("00:00", "m1"), own("00:01", "m1"), failed, own("00:03", "m2"), *_call("00:04", "t1"))
    assert (logs.tally.coordinator_calls, logs.tally.coordinator_retries) == (2, 1)
