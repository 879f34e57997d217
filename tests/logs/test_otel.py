"""OpenTelemetry traces beyond the synthetic ones: each a small trace of its own."""

import pytest

from tests.logs import synthetic


def _span(id_, parent, operation, began, ended, name="", **attributes):
    made = synthetic.span("t1", id_, parent, operation, began * 10**6, ended * 10**6, **attributes)
    return made | ({"name": name} if name else {})


@pytest.fixture
def read(read_files):

    def read(*spans, keys=("resourceSpans", "scopeSpans")):
        export = {keys[0]: [{"resource": {}, keys[1]: [{"scope": {}, "spans": spans}]}]}
        return read_files({"trace.json": [export]})

    return read


LEAD = _span("lead", "", "invoke_agent", 100, 200)

NEW = {
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.cache_read.input_tokens": 60,
    "gen_ai.usage.cache_creation.input_tokens": 30,
}
OLDER = {
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.cache_read_input_tokens": 60,
    "gen_ai.usage.cache_creation_input_tokens": 30,
}
OLDEST = {"gen_ai.system": "x", "gen_ai.usage.prompt_tokens": 100, "gen_ai.usage.completion_tokens": 7}
APART = NEW | {"gen_ai.usage.input_tokens": 10}


@pytest.mark.parametrize(
    ("operation", "attributes", "tokens"),
    [
        ("chat", NEW, (10, 30, 60, 7)),
        ("text_completion", OLDER, (10, 30, 60, 7)),
        ("", OLDEST, (100, 0, 0, 7)),
        ("chat", APART, (10, 30, 60, 7)),
    ],
    ids=["of 1.41", "older", "oldest", "cached counted apart"],
)
def test_tokens_are_read_by_new_and_old_names(read, operation, attributes, tokens):
    run = read(
        LEAD,
        _span("a", "lead", "invoke_agent", 110, 150),
        _span("c", "a", operation, 111, 120, name="call", **attributes),
    ).runs.iloc[0]
    classes = ["input_tokens", "cache_write_tokens", "cache_read_tokens", "output_tokens"]
    assert tuple(run[classes]) == tokens
    assert run["calls"] == 1


@pytest.mark.parametrize(
    "keys",
    [
        ("resourceSpans", "scopeSpans"),
        ("resource_spans", "scope_spans"),
        ("resourceSpans", "instrumentationLibrarySpans"),
        ("batches", "scopeSpans"),
    ],
)
def test_exports_of_older_protocols_are_read(read, keys):
    assert len(read(LEAD, _span("a", "lead", "invoke_agent", 110, 150), keys=keys).runs) == 1


def test_overlapping_runs_are_a_group(read):
    spans = [
        _span("a", "lead", "invoke_agent", 110, 120),
        _span("b", "lead", "invoke_agent", 111, 140),
        _span("c", "lead", "invoke_agent", 121, 130),
        _span("d", "lead", "invoke_agent", 150, 160),
    ]
    logs = read(LEAD, *spans)
    assert logs.runs["group_size"].tolist() == [2, 2, 1, 1]
    assert logs.groups["wall_s"].tolist() == [30]


def test_turns_of_a_conversation_are_no_group(read):
    """Each is a trace of its own, with one agent on top."""
    conversation = {"gen_ai.conversation.id": "c"}
    first = _span("a", "", "invoke_agent", 110, 150, **conversation)
    second = _span("a", "", "invoke_agent", 140, 190, **conversation) | {"traceId": "t2"}
    logs = read(first, second)
    assert logs.runs["session"].nunique() == 1
    assert logs.runs["group_size"].tolist() == [1, 1]


def test_other_spans_may_lie_between(read):
    logs = read(
        _span("web", "", "", 90, 210, name="POST /ask"),
        LEAD | {"parentSpanId": "web"},
        _span("tool", "lead", "execute_tool", 109, 151),
        _span("step", "tool", "", 109, 151, name="step"),
        _span("a", "step", "invoke_agent", 110, 150, **{"gen_ai.agent.name": "Plan"}),
        _span("graph", "a", "", 110, 150, name="graph"),
        _span("c", "graph", "chat", 111, 120, **NEW),
        _span("t", "graph", "execute_tool", 121, 122),
    )
    assert logs.runs[["kind", "calls", "tool_uses", "depth"]].to_numpy().tolist() == [["Plan", 1, 1, 1]]


def test_agents_on_top_that_call_none_are_runs(read):
    spans = [_span(id_, "", "invoke_agent", 110, 150) for id_ in "abc"]
    assert read(*spans).groups["size"].tolist() == [3]


def test_remote_agent_traced_by_both_sides_is_one_run(read):
    named = {"gen_ai.agent.name": "Plan"}
    logs = read(
        LEAD,
        _span("client", "lead", "invoke_agent", 110, 150, **named) | {"kind": 3},
        _span("server", "client", "invoke_agent", 111, 149, **named),
        _span("c", "server", "chat", 111, 120, **NEW),
    )
    assert logs.runs[["duration_s", "calls"]].to_numpy().tolist() == [[40, 1]]


def test_agents_own_counts_replace_untraced_calls(read):
    run = read(LEAD, _span("a", "lead", "invoke_agent", 110, 150, **NEW)).runs.iloc[0]
    assert (run["cache_read_tokens"], run["output_tokens"]) == (60, 7)
    assert run[["calls", "first_context_tokens"]].isna().all()


def test_failed_call_before_others_is_a_retry(read):
    failed = {"error.type": "429"}
    run = read(
        LEAD,
        _span("a", "lead", "invoke_agent", 110, 150),
        _span("c1", "a", "chat", 111, 112, **failed),
        _span("c2", "a", "chat", 113, 114, **NEW),
        _span("c3", "a", "chat", 115, 116, **failed),
    ).runs.iloc[0]
    assert (run["retries"], run["calls"]) == (1, 1)


def test_spans_with_circular_parents_are_read(read):
    logs = read(
        _span("a", "b", "invoke_agent", 110, 150),
        _span("b", "a", "invoke_agent", 111, 149),
        _span("c", "c", "chat", 111, 120, **NEW),
    )
    assert len(logs.runs) == 2


def test_coordinator_calls_are_counted(read):
    logs = read(
        LEAD,
        _span("c1", "lead", "chat", 101, 102, **NEW),
        _span("a", "lead", "invoke_agent", 110, 150),
        _span("c2", "a", "chat", 111, 112, **NEW),
        _span("c3", "lead", "chat", 160, 170, **{"error.type": "429"}),
    )
    assert (logs.tally.coordinator_calls, logs.tally.coordinator_retries) == (1, 1)
    assert logs.runs["calls"].tolist() == [1]
