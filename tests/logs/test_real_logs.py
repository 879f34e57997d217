"""Real transcripts of Claude Code agree with an independent parser.

That parser is a check, not the truth: where the two differ, a test names the calls and the reason.
"""

import math
from collections import Counter
from typing import NamedTuple

import pandas as pd
import pytest

from dispatch_sim.logs.readers.files import Tally
from dispatch_sim.logs.readers.parsed_runs import ParsedRun, with_rows
from dispatch_sim.logs.readers.reading import parse_runs
from dispatch_sim.logs.readers.tables import AgentRun, make_tables
from tests.logs.conftest import SHARED

OUTCOMES = {
    "completed": "completed",
    "async_completed": "completed",
    "async_failed": "failed",
    "async_unresolved": "unfinished",
    "no_result": "unfinished",
    "failed_silent": "failed_silent",
    "bad_agent_type": "invalid",
    "validation": "invalid",
    "user_rejected": "rejected",
    "interrupted": "interrupted",
    "unavailable": "unavailable",
}
"""Outcomes of the other reading in our words."""


class Call(NamedTuple):
    found: ParsedRun
    ours: AgentRun
    theirs: pd.Series


@pytest.fixture(scope="module")
def calls(transcripts):
    tally = Tally()
    theirs = pd.read_csv(SHARED / "agent_runs.csv").set_index("tool_use")
    ours = with_rows(parse_runs(transcripts, tally))
    assert tally.skipped == {}
    assert {found.call for found, _ in ours} == set(theirs.index)
    assert len(ours) == len(theirs) == 333
    return [Call(found, row, theirs.loc[found.call]) for found, row in ours]


def _differing(calls, ours, theirs, tolerance=0.0):

    def same(call):
        a, b = float(ours(call)), float(theirs(call.theirs))
        return abs(a - b) <= tolerance or (math.isnan(a) and math.isnan(b))

    return [call for call in calls if not same(call)]


def test_sessions_and_groups_are_same(calls):
    for ours, theirs in (("session", "session"), ("group", "message")):
        pairs = {(getattr(call.ours, ours), call.theirs[theirs]) for call in calls}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert all(call.ours.group_size == call.theirs["group_size"] for call in calls)
    assert all(call.ours.position == call.theirs["group_position"] for call in calls)
    groups = make_tables([call.ours for call in calls]).groups
    assert (len(groups), groups["size"].sum()) == (46, 166)


def test_times_and_durations_are_same_to_millisecond(calls):
    third_of_a_ms = 0.0003
    assert not _differing(calls, lambda c: c.ours.called_at_s, lambda t: t["called_at_s"], third_of_a_ms)
    measured = [
        call for call in calls if call.ours.duration_measured or not math.isnan(call.theirs["duration_s"])
    ]
    assert len(measured) == 288
    assert not _differing(measured, lambda c: c.ours.duration_s, lambda t: t["duration_s"], third_of_a_ms)

    def told(theirs):
        launched = str(theirs["outcome"]).startswith("async")
        return theirs["notified_at_s"] if launched else theirs["result_at_s"]

    assert not _differing(calls, lambda c: c.ours.ended_at_s, told, third_of_a_ms)


def test_tokens_of_agents_own_calls_are_same(calls):
    seen = [call for call in calls if not math.isnan(call.ours.calls)]
    assert len(seen) == 71
    assert all(not math.isnan(call.theirs["model_calls"]) for call in seen)
    assert sum(not math.isnan(call.theirs["model_calls"]) for call in calls) == 71
    first = ["first_call_input", "first_call_cache_write", "first_call_cache_read"]
    for ours, theirs in (
        (lambda o: o.calls, lambda t: t["model_calls"]),
        (lambda o: o.cache_write_tokens, lambda t: t["sum_cache_write"]),
        (lambda o: o.cache_read_tokens, lambda t: t["sum_cache_read"]),
        (lambda o: o.input_tokens + o.cache_write_tokens + o.cache_read_tokens, lambda t: t["sum_input"]),
        (lambda o: o.first_context_tokens, lambda t: t[first].sum()),
        (
            lambda o: round(o.first_cached_share * o.first_context_tokens),
            lambda t: t["first_call_cache_read"],
        ),
    ):
        assert not _differing(seen, lambda c, of=ours: of(c.ours), theirs)


def test_final_contexts_differ_only_if_the_log_has_none(calls):
    """Two runs died of an API error; the harness then writes 0 for their context, which is none."""
    differing = _differing(calls, lambda c: c.found.final_context_tokens, lambda t: t["final_context_tokens"])
    assert [call.theirs["outcome"] for call in differing] == ["failed_silent"] * 2
    assert all(call.theirs["final_context_tokens"] == 0 for call in differing)
    assert all(math.isnan(call.found.final_context_tokens) for call in differing)


def test_tools_differ_only_without_a_result(calls):
    differing = _differing(calls, lambda c: c.ours.tool_uses, lambda t: t["tool_uses"])
    assert Counter(call.theirs["outcome"] for call in differing) == {"no_result": 2, "user_rejected": 1}
    assert all(math.isnan(call.theirs["tool_uses"]) and call.ours.calls > 0 for call in differing)


def test_returns_differ_only_for_errors(calls):
    differing = _differing(
        calls,
        lambda c: c.ours.return_tokens,
        lambda t: math.nan if math.isnan(t["return_chars"]) else round(t["return_chars"] / 3.3),
    )
    assert Counter(call.theirs["outcome"] for call in differing) == {"failed_silent": 2, "async_failed": 1}
    assert all(math.isnan(call.ours.return_tokens) for call in differing)


def test_outcomes_differ_only_for_scrubbed_texts_and_a_late_rejection(calls):
    """Five errors have lost the words that name them; one 'rejected' run had made 22 model calls by then."""
    differing = [call for call in calls if call.ours.outcome != OUTCOMES[call.theirs["outcome"]]]
    changes = Counter((call.theirs["outcome"], call.ours.outcome) for call in differing)
    assert changes == {("unavailable", "error"): 5, ("user_rejected", "interrupted"): 1}
    rejected = next(call for call in differing if call.theirs["outcome"] == "user_rejected")
    assert rejected.ours.calls == rejected.theirs["model_calls"] == 22


def test_background_is_as_executed(calls):
    """Newer versions launch in the background unasked; the other reading has the request."""
    for call in calls:
        assert call.ours.background == str(call.theirs["outcome"]).startswith("async")
    asked = [
        call for call in calls if call.theirs["background"] is True or call.theirs["background"] == "True"
    ]
    assert all(call.ours.background for call in asked)


def test_kinds_agree(calls):
    """The other reading calls all others 'other'; a call without a type is of general purpose."""
    for call in calls:
        if call.theirs["agent_type"] != "other":
            assert call.ours.kind == call.theirs["agent_type"]
    others = [call.ours.kind for call in calls if call.theirs["agent_type"] == "other"]
    assert sum(kind == "general-purpose" for kind in others) == 4
    assert all(kind.startswith("kind-") for kind in others if kind != "general-purpose")
