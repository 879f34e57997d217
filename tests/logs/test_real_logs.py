"""Real transcripts of Claude Code agree with an independent parser.

That parser is a check, not the truth: where the two differ, a test names the calls and the reason.
"""

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
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


def test_sessions_and_groups_are_same(calls):
    for ours, theirs in (("session", "session"), ("group", "message")):
        pairs = {(getattr(call.ours, ours), call.theirs[theirs]) for call in calls}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert all(call.ours.group_size == call.theirs["group_size"] for call in calls)
    assert all(call.ours.position == call.theirs["group_position"] for call in calls)
    groups = make_tables([call.ours for call in calls]).groups
    assert (len(groups), groups["size"].sum()) == (46, 166)


def _ended_at_s(theirs):
    launched = str(theirs["outcome"]).startswith("async")
    return theirs["notified_at_s"] if launched else theirs["result_at_s"]


FIRST_CALL = ["first_call_input", "first_call_cache_write", "first_call_cache_read"]
FIGURES = {
    "call": (lambda o: o.called_at_s, lambda t: t["called_at_s"], {}),
    "end": (lambda o: o.ended_at_s, _ended_at_s, {}),
    "calls": (lambda o: o.calls, lambda t: t["model_calls"], {}),
    "written": (lambda o: o.cache_write_tokens, lambda t: t["sum_cache_write"], {}),
    "read": (lambda o: o.cache_read_tokens, lambda t: t["sum_cache_read"], {}),
    "sent": (
        lambda o: o.input_tokens + o.cache_write_tokens + o.cache_read_tokens,
        lambda t: t["sum_input"],
        {},
    ),
    "first context": (lambda o: o.first_context_tokens, lambda t: t[FIRST_CALL].sum(skipna=False), {}),
    "first read": (
        lambda o: o.first_cached_share * o.first_context_tokens,
        lambda t: t["first_call_cache_read"],
        {},
    ),
    "tools": (lambda o: o.tool_uses, lambda t: t["tool_uses"], {"no_result": 2, "user_rejected": 1}),
    "return": (
        lambda o: o.return_tokens,
        lambda t: np.round(t["return_chars"] / 3.3),
        {"failed_silent": 2, "async_failed": 1},
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "differing"), FIGURES.values(), ids=FIGURES)
def test_figures_differ_only_where_one_parser_has_none(calls, ours, theirs, differing):
    """They are equal to a third of a millisecond."""
    pairs = [(float(ours(call.ours)), float(theirs(call.theirs)), call) for call in calls]
    found = [pair for pair in pairs if not np.isclose(*pair[:2], rtol=0, atol=0.0003, equal_nan=True)]
    assert Counter(call.theirs["outcome"] for *_, call in found) == differing
    assert all(math.isnan(a) or math.isnan(b) for a, b, _ in found)
    assert sum(not math.isnan(a) for a, _, _ in pairs) >= 71


def test_durations_and_final_contexts_are_same(calls):
    """Two runs died of an API error; the harness then writes 0 for their context, which is none."""
    measured = [
        (call.ours.duration_s, call.theirs["duration_s"])
        for call in calls
        if call.ours.duration_measured or not math.isnan(call.theirs["duration_s"])
    ]
    assert len(measured) == 288
    np.testing.assert_allclose(*zip(*measured, strict=True), rtol=0, atol=0.0003)
    contexts = [(call.found.final_context_tokens, call.theirs["final_context_tokens"]) for call in calls]
    same = [a == b or (math.isnan(a) and math.isnan(b)) for a, b in contexts]
    assert [contexts[at][1] for at, is_same in enumerate(same) if not is_same] == [0, 0]


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
