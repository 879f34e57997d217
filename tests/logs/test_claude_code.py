"""Claude Code transcripts beyond the synthetic ones: each a small transcript of its own."""

import math

import pytest


def line(at, kind, **more):
    stamp = f"2026-01-05T10:{at}Z"
    return {"type": kind, "sessionId": "s", "uuid": f"u{at}{kind}", "timestamp": stamp, **more}


def calls(at, *calls, message="m1", **more):
    blocks = [{"type": "tool_use", "id": call, "name": "Agent", "input": {"prompt": call}} for call in calls]
    return [
        line(at, "assistant", message={"id": message, "content": [block]}, **more)
        | {"uuid": f"u{at}{block['id']}"}
        for block in blocks
    ]


def result(at, call, told, said="Done.", is_error=False):
    block = {"type": "tool_result", "tool_use_id": call, "content": said, "is_error": is_error}
    return line(at, "user", message={"content": [block]}, toolUseResult=told)


def answer(at, message, usage, agent="a1", said="...", stop=None, **more):
    written = {
        "id": message,
        "model": "claude-opus-4-6",
        "content": [{"type": "text", "text": said}],
        "stop_reason": stop,
        "usage": usage,
    }
    own = line(at, "assistant", isSidechain=True, agentId=agent, message=written, **more)
    return own | {"uuid": f"{at}{message}{said}"}


def task(at, prompt="t1", agent="a1"):
    return line(at, "user", isSidechain=True, agentId=agent, message={"content": prompt})


def notice(at, status, agent="a1", tail="", kind="queue-operation"):
    text = f"<task-notification>\n<task-id>{agent}</task-id>\n<status>{status}</status>\n"
    text += f"<result>Done.</result>\n{tail}</task-notification>"
    if kind == "attachment":
        return line(at, kind, attachment={"type": "queued_command", "prompt": text})
    if kind == "user":
        return line(at, kind, message={"content": text})
    return line(at, kind, operation="enqueue", content=text)


def fetch(at, status):
    fetched = {"task_id": "a1", "task_type": "local_agent", "status": status, "result": "y" * 33}
    return result(at, f"o{status}", {"retrieval_status": "success", "task": fetched})


LAUNCHED = {"isAsync": True, "status": "async_launched", "agentId": "a1"}
DONE = {"status": "completed", "agentId": "a1", "totalTokens": 400}
USAGE = {"input_tokens": 5, "output_tokens": 10}
USER_SAYS_NO = "The user doesn't want to proceed with this tool use."


@pytest.fixture
def read(read_files):
    return lambda *lines, **files: read_files({"main.jsonl": lines, **files})


def failed(said):
    return [result("00:03", "t1", f"Error: {said}", said, is_error=True)]


def in_background(*lines):
    return [result("00:01", "t1", LAUNCHED), *lines]


def told(said, tokens):
    return [result("00:09", "t1", {"status": "completed", "totalTokens": tokens}, said)]


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        # Errors are told apart by the words that the harness has for them.
        (failed(USER_SAYS_NO), "rejected"),
        (failed("[Request interrupted by user for tool use]"), "interrupted"),
        (failed("Sibling tool call errored"), "cancelled"),
        (failed("Agent type 'x' not found. Available agents: y"), "invalid"),
        (failed("InputValidationError: prompt is missing"), "invalid"),
        (failed("Opus is temporarily unavailable"), "unavailable"),
        (failed("API Error: 500"), "failed"),
        (failed("API Error: 503 Service temporarily unavailable"), "failed"),
        (failed("API Error: Request interrupted"), "failed"),
        (failed("Something else"), "error"),
        # A failure may hide behind 'completed'; it has no tokens. An agent that writes about errors has.
        (told("API Error: 529 Overloaded", 0), "failed_silent"),
        (told("You've hit your session limit", 0), "failed_silent"),
        (told("Prompt is too long", 0), "failed_silent"),
        (told("API Error is what the code under review logs", 9000), "completed"),
        # A notification may tell of another end; what is no word of a status is no end.
        (in_background(notice("00:09", "failed")), "failed"),
        (in_background(notice("00:09", "killed")), "interrupted"),
        (in_background(notice("00:09", "never-heard-of")), "unfinished"),
    ],
)
def test_outcome_of_call(read, lines, outcome):
    run = read(*calls("00:00", "t1"), *lines).runs.iloc[0]
    assert run["outcome"] == outcome
    assert math.isnan(run["return_tokens"]) == (outcome != "completed")


@pytest.mark.parametrize("kind", ["queue-operation", "user", "attachment"])
@pytest.mark.parametrize(
    "tail",
    [
        "<usage>total_tokens: 800\ntool_uses: 3\nduration_ms: 5250</usage>",
        "<usage><subagent_tokens>800</subagent_tokens><tool_uses>3</tool_uses>"
        "<duration_ms>5250</duration_ms></usage>",
    ],
)
def test_first_notification_ends_background_run(read, kind, tail):
    run = read(
        *calls("00:00.000", "t1"),
        result("00:00.100", "t1", LAUNCHED),
        notice("00:01.000", "completed", agent="shell", kind=kind),
        notice("00:06.000", "completed", tail=tail, kind=kind),
        notice("00:09.000", "completed", tail=tail, kind="user"),
    ).runs.iloc[0]
    assert (run["background"], run["outcome"]) == (True, "completed")
    assert (run["ended_at_s"], run["duration_s"]) == (6.0, 5.25)
    assert (run["final_context_tokens"], run["tool_uses"], run["return_tokens"]) == (800, 3, 2)


def test_task_output_ends_background_run(read):
    run = read(
        *calls("00:00", "t1"), *in_background(fetch("00:05", "running"), fetch("00:09", "completed"))
    ).runs.iloc[0]
    assert (run["outcome"], run["ended_at_s"], run["return_tokens"]) == ("completed", 9, 10)
    assert not run["duration_measured"]


def test_launch_without_notification_is_unfinished(read):
    logs = read(
        *calls("00:00", "t1", "t2"),
        *in_background(result("00:05", "t2", {"status": "completed", "totalTokens": 10})),
    )
    assert logs.runs["outcome"].tolist() == ["unfinished", "completed"]
    assert math.isnan(logs.groups["wall_s"][0])
    assert (logs.groups["unfinished"][0], logs.groups["completed"][0]) == (1, 1)


def written(tokens, hour):
    return {"cache_creation_input_tokens": tokens, "cache_creation": {"ephemeral_1h_input_tokens": hour}}


CACHED = {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 1}

OWN_LINES = {
    "lines of one response are one call; a placeholder of its output is replaced": (
        [
            answer("00:02", "r1", CACHED, said="one"),
            answer("00:03", "r1", CACHED | {"output_tokens": 70}, said="two", stop="tool_use"),
            answer("00:04", "r2", CACHED | {"output_tokens": 30}, said="three", stop="end_turn"),
        ],
        {
            "calls": 2,
            "input_tokens": 10,
            "cache_read_tokens": 200,
            "output_tokens": 100,
            "output_estimated": 0,
        },
    ),
    "the log says what is to stay in the cache for an hour": (
        [answer("00:02", "r1", written(300, 200)), answer("00:03", "r2", written(50, 0))],
        {"cache_write_tokens": 350, "cache_write_1h_tokens": 200},
    ),
    "older versions write how many tokens there were as the answer began; 330 characters are about 100": (
        [answer("00:02", "r1", {"input_tokens": 5, "output_tokens": 1}, said="x" * 330, version="2.1.40")],
        {"output_tokens": 100, "output_estimated": 1},
    ),
    "an agent's retries stand in its own file": (
        [
            line("00:03", "system", subtype="api_error", isSidechain=True, agentId="a1") | {"uuid": "e1"},
            line("00:03", "system", subtype="api_error", isSidechain=True, agentId="a1") | {"uuid": "e2"},
            answer("00:09", "r1", {"input_tokens": 5}),
        ],
        {"retries": 2, "calls": 1},
    ),
}


@pytest.mark.parametrize(("lines", "expected"), OWN_LINES.values(), ids=OWN_LINES)
def test_agents_own_lines_are_counted(read, lines, expected):
    main = *calls("00:00", "t1"), result("00:30", "t1", DONE)
    run = read(*main, **{"agent-a1.jsonl": [task("00:01"), *lines]}).runs.iloc[0]
    assert run[list(expected)].to_dict() == expected


def test_resumed_agent_is_two_runs(read):
    runs = read(
        *calls("00:00", "t1"),
        result("00:10", "t1", DONE),
        *calls("00:20", "t2", message="m2"),
        result("00:30", "t2", DONE),
        **{
            "agent-a1.jsonl": [
                task("00:01"),
                answer("00:02", "r1", USAGE, stop="end_turn"),
                task("00:21", "t2"),
                answer("00:22", "r2", USAGE, stop="tool_use"),
                answer("00:23", "r3", USAGE, stop="end_turn"),
            ]
        },
    ).runs
    assert runs["calls"].tolist() == [1, 2]
    assert runs["started_at_s"].tolist() == [1, 21]


@pytest.mark.parametrize(
    ("prompt", "meta"),
    [
        ("another text", [{"agentType": "Explore", "description": "...", "toolUseId": "t1"}]),
        ("t1", [{"agentType": "Explore", "description": "...", "spawnDepth": 1}]),
    ],
    ids=["by its meta file", "by its task"],
)
def test_agent_without_result_is_found(read, prompt, meta):
    own = [task("00:01", prompt), answer("00:02", "r1", USAGE, stop="end_turn")]
    logs = read(*calls("00:00", "t1"), **{"agent-a1.jsonl": own, "agent-a1.meta.json": meta})
    assert (logs.runs["outcome"][0], logs.runs["calls"][0]) == ("unfinished", 1)
    assert logs.tally.skipped == {}


def test_agent_without_call_is_counted_but_not_compaction(read):
    logs = read(
        *calls("00:00", "t1"),
        **{
            "agent-a2.jsonl": [task("00:01", "?", "a2"), answer("00:02", "r1", USAGE, "a2")],
            "agent-acompact-1.jsonl": [answer("00:02", "r2", USAGE, "acompact-1")],
        },
    )
    assert logs.tally.skipped["agent whose call is in none of the files"].count == 1
    assert len(logs.runs) == 1


@pytest.mark.parametrize("ends", [[result("00:10", "t1", DONE)], []], ids=["with a result", "without"])
def test_agent_can_call_agents(read, ends):
    inner = calls("00:02", "t2", "t3", message="m2", isSidechain=True, agentId="a1")
    own = [task("00:01"), answer("00:01", "r1", USAGE), *inner]
    logs = read(*calls("00:00", "t1"), *ends, **{"z/agent-a1.jsonl": own})
    assert logs.runs["depth"].tolist() == [1, 2, 2]
    assert logs.runs["session"].nunique() == 1
    assert logs.groups["size"].tolist() == [2]


def test_rejection_after_work_is_interruption(read):
    own = [task("00:01"), answer("00:02", "r1", USAGE)]
    run = read(*calls("00:00", "t1"), *failed(USER_SAYS_NO), **{"agent-a1.jsonl": own}).runs.iloc[0]
    assert (run["outcome"], run["calls"]) == ("interrupted", 1)


def test_same_ids_in_another_session_are_other_calls(read):

    def session(minute):
        at = f"{minute:02}:"
        return [
            *calls(f"{at}00", "t1", "t2"),
            result(f"{at}01", "t1", LAUNCHED),
            result(f"{at}04", "t2", {"status": "completed", "agentId": "a2", "totalTokens": 10 + minute}),
            notice(f"{at}09", "completed"),
        ]

    def agent(minute):
        usage = {"input_tokens": 5 + minute}
        return [task(f"{minute:02}:01", "t2", "a2"), answer(f"{minute:02}:02", f"r{minute}", usage, "a2")]

    runs = read(
        *session(0), **{"two.jsonl": session(30), "agent-a2.jsonl": agent(0), "agent-b2.jsonl": agent(30)}
    ).runs
    assert runs["session"].tolist() == ["session-1"] * 2 + ["session-2"] * 2
    assert runs["ended_at_s"].tolist() == [9, 4, 9, 4]
    assert runs["final_context_tokens"].dropna().tolist() == [10, 40]
    assert runs["input_tokens"].dropna().tolist() == [5, 35]


def test_partly_copied_message_is_one_group(read):
    logs = read(*calls("00:00", "t1"), **{"z-fork.jsonl": calls("00:00", "t1", "t2", "t3")})
    assert logs.groups["size"].tolist() == [3]
    assert logs.runs["session"].nunique() == 1


def test_files_of_workflows_are_known(read):
    journal = [{"type": "started", "key": "v2:a1", "agentId": "a1"}]
    summary = [{"runId": "r", "agentCount": 1, "workflowProgress": []}]
    logs = read(*calls("00:00", "t1"), **{"journal.jsonl": journal, "wf_1.json": summary})
    assert logs.tally.skipped == {}


def test_coordinator_calls_are_counted_once(read):

    def own(at, message):
        return line(at, "assistant", message={"id": message, "content": [], "usage": USAGE})

    error = line("00:02", "system", subtype="api_error", retryAttempt=1)
    lines = [own("00:00", "m1"), own("00:01", "m1"), error, own("00:03", "m2"), *calls("00:04", "t1")]
    logs = read(*lines, **{"resumed.jsonl": [*lines[:-1], own("00:09", "m2")]})
    assert (logs.tally.coordinator_calls, logs.tally.coordinator_retries) == (2, 1)
