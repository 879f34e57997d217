"""A strategy is a value: one text for it, and one reader of all the ways to write it."""

import re
from itertools import product

import pytest
from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError

from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.scenario.strategy import DEFAULTS, OPTIONS, Strategy, parse_strategy, strategy_of

SCRIPTED = Strategy("queue", 3, manager="script")


@pytest.mark.parametrize(
    ("written", "strategy", "text"),
    [
        ("parallel", Strategy("parallel", merge="barrier"), "parallel"),
        ({"parallel": "all"}, Strategy("parallel", merge="barrier"), "parallel"),
        ("parallel (as-completed)", Strategy("parallel"), "parallel (as-completed)"),
        ("sequential", Strategy("sequential", 1), "sequential"),
        ("queue", Strategy("queue"), "queue"),
        ("queue: 3", Strategy("queue", 3), "queue of 3"),
        ("queue of 3", Strategy("queue", 3), "queue of 3"),
        ({"queue": 3}, Strategy("queue", 3), "queue of 3"),
        ({"queue": 3, "manager": "script"}, SCRIPTED, "queue of 3 (script)"),
        ("{queue: 3, manager: script}", SCRIPTED, "queue of 3 (script)"),
        ("queue of 3 (script)", SCRIPTED, "queue of 3 (script)"),
        ("{queue, manager: script}", Strategy("queue", manager="script"), "queue (script)"),
        (SCRIPTED, SCRIPTED, "queue of 3 (script)"),
        ("adaptive", Strategy("adaptive"), "adaptive"),
        ("adaptive: all", Strategy("adaptive"), "adaptive"),
        ("waves of 2 (barrier, none)", Strategy("waves", 2, "barrier", communication="none"), None),
    ],
)
def test_every_way_to_write_a_strategy_is_the_same_value(written, strategy, text):
    """Equal, with the same hash; and a scenario reads it alike."""
    read = parse_strategy(written)
    assert read == strategy
    assert hash(read) == hash(strategy)
    assert str(read) == (text or written)
    assert read.label == str(read).replace(" of 3", "").replace(" of 2", "")


def test_a_scenario_reads_the_same_texts():
    text = "tasks: [{name: a, tokens: 1K, duration: 1s}]\nstrategies: ['queue: 2', queue of 3 (script), "
    read = parse_scenario(f"{text}queue of 4, {{queue, manager: script}}]").strategies
    assert read == (Strategy("queue", 2), SCRIPTED, Strategy("queue", 4), Strategy("queue", manager="script"))


def test_the_text_of_a_strategy_is_read_back():
    """Of any kind with any two options; also where pydantic stores it."""
    stored = TypeAdapter(Strategy)
    pairs = [(key, value) for key, choices in OPTIONS.items() for value in choices]
    kinds = [kind for kind in DEFAULTS if kind != "solo"]
    of_solo = [("solo", pair, pair) for pair in pairs if pair[0] in ("order", "pace")]
    for kind, one, other in [*product(kinds, pairs, pairs), *of_solo]:
        strategy = parse_strategy({kind: None} | dict([one, other])).at(7)
        assert parse_strategy(str(strategy)) == strategy
        assert stored.validate_json(stored.dump_json(strategy)) == strategy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("queue of 3 (agent, script)", "manager is both 'agent' and 'script'; remove one"),
        ("{queue: 3, queue: 4}", "queue is both 3 and 4; remove one"),
        ("queue of 3 (script", "write its options in brackets: queue of 3 (script)"),
        ("queue of 3 (script) (barrier)", "write its options in brackets: queue of 3 (script)"),
        ("queue of 3 (script, script)", "manager is repeated; remove one"),
        ("queue(3)", "'queue(3)' is not a strategy; write queue of 3"),
        ("paced(3)", "'paced(3)' is not a strategy; write paced of 3"),
        ("parallel(3)", "unknown option of a strategy '3'"),
        ("foo(3)", "a strategy has one of solo, sequential,"),
    ],
)
def test_text_that_contradicts_itself_is_an_error(text, message):
    with pytest.raises(PydanticCustomError, match=re.escape(message)):
        parse_strategy(text)


@pytest.mark.parametrize(
    ("text", "tasks", "kind", "concurrency"),
    [
        ("sequential", 8, "sequential", 1),
        ("parallel", 8, "parallel", 8),
        ("parallel", 1, "sequential", 1),
        ("queue of 1", 8, "sequential", 1),
        ("queue of 3", 8, "queue", 3),
        ("queue of 8", 8, "parallel", 8),
        ("queue of 8 (paced)", 8, "queue", 8),
        ("queue of 1 (paced)", 8, "sequential", 1),
        ("waves of 9", 8, "parallel", 8),
        ("adaptive", 8, "adaptive", 8),
        ("adaptive of 3", 8, "adaptive", 3),
    ],
)
def test_strategies_are_grouped_by_what_they_amount_to(text, tasks, kind, concurrency):
    """A queue of 1 is sequential, and one as wide as the batch starts all tasks together."""
    strategy = parse_strategy(text)
    assert (strategy.kind_in(tasks), strategy.concurrency_in(tasks)) == (kind, concurrency)
    assert strategy_of(strategy.label, strategy.concurrency_in(12), 12) == strategy
