"""A log that was made to take for ever, or to fill the memory, is read as soon as any other of its length."""

import json

import pytest

from dispatch_sim.logs import reading
from dispatch_sim.logs.reading import MOST_VALUES, read_logs
from tests.work import lines_executed

AT = "2026-01-01T00:00:00Z"


def span(number, parent, operation, agent=None):
    """Return an export of one span, as trace stores write them."""
    attributes = {"gen_ai.operation.name": operation, "gen_ai.usage.input_tokens": 5}
    attributes |= {"gen_ai.agent.name": agent} if agent else {}
    made = {"spanId": f"{number:016x}", "traceId": "t", "kind": 3, "startTimeUnixNano": str(10**18 + number)}
    made |= {"parentSpanId": f"{parent:016x}"} if parent else {}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [made | {"attributes": attributes}]}]}]}


def spans_below_each_other(count):
    """Yield model calls, each below the one before it."""
    return [span(number, number - 1, "chat") for number in range(1, count)]


def agents_below_each_other(count):
    """Yield agents, each called by the one before it, all with calls of their own."""
    agents = [span(number, number - 1, "invoke_agent", f"a{number}") for number in range(1, count)]
    return [*agents, *(span(count + number, number, "chat") for number in range(1, count))]


def one_agent_seen_again_and_again(count):
    """Yield an agent's run as a client saw it, within itself, and calls below the last."""
    agents = [span(number, number - 1, "invoke_agent", "same") for number in range(1, count)]
    return [*agents, *(span(count + number, count - 1, "chat") for number in range(1, count))]


def called(number, prompt, **more):
    """Return a line of Claude Code that calls an agent."""
    block = {"type": "tool_use", "name": "Task", "id": f"c{number}", "input": {"prompt": prompt}}
    message = {"id": f"m{number}", "content": [block]}
    return {
        "type": "assistant",
        "sessionId": "s",
        "uuid": f"u{number}",
        "timestamp": AT,
        "message": message,
    } | more


def ended(number, **more):
    """Return a line of Claude Code with what an agent returned."""
    content = [{"type": "tool_result", "tool_use_id": f"c{number}", "content": "done"}]
    line = {"type": "user", "sessionId": "s", "uuid": f"e{number}", "timestamp": AT}
    return line | {"message": {"content": content}, "toolUseResult": {"agentId": f"a{number}"}} | more


def agents_that_call_each_other(count):
    """Yield calls, each by the agent that the one before it called."""
    for number in range(count):
        above = {"isSidechain": True, "agentId": f"a{number - 1}"} if number else {}
        yield called(number, f"p{number}", **above)
        yield ended(number)


def agents_with_the_same_task(count):
    """Yield calls with one text, and side chains with the same that are none of theirs."""
    yield from (called(number, "same") for number in range(count))
    yield from (ended(number) for number in range(count))
    for number in range(count):
        line = {"type": "user", "sessionId": "s", "isSidechain": True, "agentId": f"z{number}"}
        yield line | {"uuid": f"z{number}", "timestamp": AT, "message": {"content": "same"}}


def calls_without_agents(count):
    """Yield calls of Codex; their agents are in files of their own."""
    yield {"type": "session_meta", "timestamp": AT, "payload": {"id": "main"}}
    for number in range(count):
        asked = {"type": "function_call", "name": "spawn_agent", "call_id": f"c{number}", "arguments": "{}"}
        yield {"type": "response_item", "timestamp": AT, "payload": asked}


@pytest.mark.parametrize(
    "lines",
    [
        spans_below_each_other,
        agents_below_each_other,
        one_agent_seen_again_and_again,
        agents_that_call_each_other,
        agents_with_the_same_task,
        calls_without_agents,
    ],
)
def test_a_log_takes_as_long_as_it_is(tmp_path, lines):
    """Twice the lines are less than three times the work; where work grows as a square, it would be four."""

    def work(count):
        path = tmp_path / f"{count}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines(count)))
        return lines_executed(lambda: read_logs(path))

    assert work(1600) < 3 * work(800)


def test_agents_in_files_of_their_own_are_given_to_their_calls_in_time(tmp_path):
    """Each is the first that began since its call; twice as many are less than three times the work."""

    def work(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        calls = "".join(json.dumps(line) + "\n" for line in calls_without_agents(count))
        (folder / "main.jsonl").write_text(calls)
        for number in range(count):
            spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "main"}}}
            payload = {"id": f"t{number}", "source": spawned}
            line = {"type": "session_meta", "timestamp": AT, "payload": payload}
            (folder / f"rollout-{number}.jsonl").write_text(json.dumps(line) + "\n")
        runs = read_logs(folder).runs
        assert len(runs) == count
        assert runs["started_at_s"].notna().all()
        return lines_executed(lambda: read_logs(folder))

    assert work(400) < 3 * work(200)


@pytest.mark.parametrize("nothing", ["[]", "{}", "1"])
def test_a_line_of_millions_of_values_is_passed_over(tmp_path, nothing):
    """Empty lists of three bytes take seventy each in memory: 30 MB would become 700."""
    path = tmp_path / "log.jsonl"
    line = json.dumps(called(1, "x"))
    path.write_text(f'{line}\n{{"type": "user", "x": [{f"{nothing}," * MOST_VALUES}1]}}\n')
    read = read_logs(path)
    assert len(read.runs) == 1
    assert read.tally.skipped["line of too many values"].count == 1


def test_a_document_of_millions_of_values_is_passed_over(tmp_path, monkeypatch):
    """On many lines, each of which has few by itself. Here ten thousand stand for them."""
    monkeypatch.setattr(reading, "MOST_VALUES", 10_000)
    path = tmp_path / "log.json"
    path.write_text("[\n" + "[],\n" * 10_000 + json.dumps(called(1, "x")) + "\n]")
    read = read_logs(path)
    assert "line that is not JSON" in read.tally.skipped
