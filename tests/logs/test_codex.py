"""Codex rollouts beyond the synthetic ones: each a small rollout of its own."""

import json

import pytest


def _line(at, kind, /, **payload):
    return {"timestamp": f"2026-01-05T10:{at}Z", "type": kind, "payload": payload}


def _event(at, event, /, **payload):
    return _line(at, "event_msg", type=event, **payload)


def _called(at, name, call, asked):
    return _line(
        at, "response_item", type="function_call", name=name, call_id=call, arguments=json.dumps(asked)
    )


def _spawn(at, call, **asked):
    return _called(at, "spawn_agent", call, asked)


def _output(at, call, output):
    return _line(at, "response_item", type="function_call_output", call_id=call, output=output)


def _tokens(at, total, last, cached=0):
    info = {
        "total_token_usage": {"input_tokens": total, "output_tokens": total // 10},
        "last_token_usage": {
            "input_tokens": last,
            "cached_input_tokens": cached,
            "output_tokens": last // 10,
        },
    }
    return _event(at, "token_count", info=info)


def _say(at, said):
    content = [{"type": "output_text", "text": said}]
    return _line(at, "response_item", type="message", role="assistant", content=content)


def _agent(*lines, id_="child", parent="main", at="00:01"):
    source = {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}
    return [_line(at, "session_meta", id=id_, source=source), *lines]


MAIN = _line("00:00", "session_meta", id="main", source="cli")


@pytest.fixture
def read(read_files):
    return lambda *rollouts: read_files({f"rollout-{at}.jsonl": lines for at, lines in enumerate(rollouts)})


@pytest.mark.parametrize(
    "names_it",
    [
        _event("00:01", "sub_agent_activity", kind="started", event_id="c1", agent_thread_id="child"),
        _event("00:01", "collab_agent_spawn_end", call_id="c1", new_thread_id="child"),
        _event(
            "00:01",
            "item_completed",
            item={"type": "SubAgentActivity", "kind": "started", "id": "c1", "agent_thread_id": "child"},
        ),
        _output("00:01", "c1", '{"agent_id": "child"}'),
        _output("00:01", "c1", '{"task_name": "/root/reviewer"}'),
    ],
    ids=["activity", "collab", "item", "result", "by order alone"],
)
def test_agent_is_joined_to_its_call(read, names_it):
    agent = _agent(
        _tokens("00:05", 100, 100, 40),
        _event("00:09", "task_complete", last_agent_message="Done.", duration_ms=8000),
    )
    runs = read([MAIN, _spawn("00:00", "c1", message="x" * 33, agent_type="explorer"), names_it], agent).runs
    assert len(runs) == 1
    expected = {"kind": "explorer", "outcome": "completed", "duration_s": 8, "spawn_tokens": 10}
    expected |= {"calls": 1, "input_tokens": 60, "cache_read_tokens": 40, "output_tokens": 10}
    assert runs.iloc[0][list(expected)].to_dict() == expected


def test_agent_called_by_script_is_found_by_event(read):
    event = _event("00:01", "sub_agent_activity", kind="started", event_id="e1", agent_thread_id="child")
    run = read([MAIN, event], _agent(_event("00:09", "task_complete", duration_ms=8000))).runs.iloc[0]
    assert (run["called_at_s"], run["duration_s"]) == (0, 8)


@pytest.mark.parametrize("at", ["00:01", "00:02.500"])
def test_lines_copied_by_fork_are_ignored(read, at):
    copied = [
        MAIN | {"timestamp": f"2026-01-05T10:{at}Z"},
        _tokens(at, 9000, 9000),
        _spawn(at, "c0", message=""),
    ]
    agent = _agent(*copied, _tokens("00:09", 9000, 9000), _tokens("00:20", 9100, 100))
    logs = read([MAIN, _spawn("00:00", "c1", message="")], agent)
    assert (len(logs.runs), logs.runs["input_tokens"][0]) == (1, 100)


def test_waiting_ends_group(read):
    wait = _line(
        "00:09", "response_item", type="function_call", name="wait_agent", call_id="w", arguments="{}"
    )
    calls = [_spawn(f"00:{second:02}", f"c{second}", message="") for second in (1, 2, 11, 12, 13)]
    logs = read([MAIN, *calls[:2], wait, *calls[2:]])
    assert logs.groups["size"].tolist() == [2, 3]
    assert logs.groups["launched_at_s"].tolist() == [1, 12]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("collab spawn failed: agent thread limit reached", "unavailable"),
        ("unknown agent_type 'x'", "invalid"),
        ("something else", "error"),
    ],
)
def test_outcome_of_refused_call(read, said, outcome):
    logs = read([MAIN, _spawn("00:00", "c1", message=""), _output("00:01", "c1", said)])
    assert logs.runs["outcome"].tolist() == [outcome]


def test_only_first_task_of_agent_is_its_run(read):
    agent = _agent(
        _tokens("00:05", 100, 100),
        _event("00:09", "task_complete", duration_ms=8000, last_agent_message="y" * 66),
        _tokens("05:05", 300, 200),
        _event("05:09", "turn_aborted", duration_ms=4000),
    )
    run = read([MAIN, _spawn("00:00", "c1", message="")], agent).runs.iloc[0]
    assert (run["outcome"], run["duration_s"], run["calls"], run["return_tokens"]) == ("completed", 8, 1, 20)


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([_event("00:09", "task_complete", last_agent_message="Done.")], "completed"),
        ([_say("00:08", "Done."), _event("00:09", "task_complete")], "completed"),
        ([_event("00:09", "task_complete")], "failed"),
        ([_say("00:08", "Well,"), _event("00:09", "error"), _event("00:09", "task_complete")], "failed"),
        ([_event("00:09", "turn_aborted")], "interrupted"),
        ([], "unfinished"),
    ],
)
def test_outcome_of_agent(read, lines, outcome):
    """Without a text an agent has failed, whether or not the rollout has the error."""
    run = read([MAIN, _spawn("00:00", "c1", message="")], _agent(*lines)).runs.iloc[0]
    assert run["outcome"] == outcome
    assert run["duration_measured"] == False  # noqa: E712 - no line says how long it took


def test_agents_of_agents_are_deeper_and_of_one_session(read):
    child = _agent(_spawn("00:05", "c2", message=""), id_="child")
    grandchild = _agent(_event("00:09", "task_complete"), id_="grandchild", parent="child", at="00:06")
    runs = read([MAIN, _spawn("00:00", "c1", message="")], child, grandchild).runs
    assert (runs["depth"].tolist(), runs["session"].nunique()) == ([1, 2], 1)


def test_retries_are_unknown(read):
    """Rollouts do not hold them: calls of agents and coordinators say nothing of their rate."""
    main = [MAIN, _tokens("00:01", 100, 100), _spawn("00:02", "c1", message="")]
    logs = read(main, _agent(_tokens("00:05", 9, 9), at="00:03"))
    assert logs.runs["retries"].isna().all()
    assert logs.tally.coordinator_calls == 0


def test_fork_by_the_user_copies_no_agent(read):
    """Its first lines are those of the session that it continues."""
    call = _spawn("00:01", "c1", message="")
    head = _line("20:00", "session_meta", id="fork", source="cli", forked_from_id="main")
    copied = [each | {"timestamp": "2026-01-05T10:20:00.300Z"} for each in (MAIN, call)]
    logs = read([MAIN, call], [head, *copied, _spawn("20:09", "c2", message="")])
    assert logs.runs["called_at_s"].tolist() == [0, 0]
    assert logs.runs["session"].nunique() == 2
