"""Reading scenario files, and the errors that say what to change in them."""

import signal
from pathlib import Path

import pytest

from dispatch_sim.scenario.composites import Empirical
from dispatch_sim.scenario.distributions import Constant, LogNormal
from dispatch_sim.scenario.indifference import IndifferenceThreshold
from dispatch_sim.scenario.loader import load, load_scenario, load_source, parse_scenario, parse_source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.wording import spelled
from tests.scenario.texts import FULL, SHORT


def errors(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "mine.yaml")
    return str(caught.value).splitlines()


def test_three_lines_are_a_scenario() -> None:
    scenario = parse_scenario(SHORT)
    assert scenario.tasks[0].tokens == LogNormal.of(mean=15_000.0, cv=0.5)
    assert scenario.tasks[0].duration == LogNormal.of(mean=60.0, cv=0.5)
    assert [strategy.label for strategy in scenario.strategies] == DEFAULT


DEFAULT = ["sequential", "parallel", "queue", "queue (paced)", "solo"]


@pytest.mark.parametrize(
    ("section", "left_out"),
    [
        ("client: {profile: claude-code}", "queue (paced)"),
        ("client: {profile: anthropic-sdk}", None),
        ("harness: {profile: codex}", "queue (paced)"),
        ("harness: {profile: langgraph-retry}", None),
        ("provider: {limits: unlimited}", "queue (paced)"),
        ("provider: {limits: {requests: unlimited}}", None),
        ("provider: {on_limit: wait}", "queue (paced)"),
        ("dispatch: {context: none}", "solo"),
    ],
)
def test_default_strategies_can_be_carried_out(section: str, left_out: str | None) -> None:
    scenario = parse_scenario(f"{SHORT}{section}\n")
    assert [each.label for each in scenario.strategies] == [each for each in DEFAULT if each != left_out]


def test_every_key_is_read() -> None:
    scenario = parse_scenario(FULL)
    assert scenario.batch_size == 12
    assert scenario.tasks[0].duration == LogNormal.of(mean=60.0, cv=0.5)
    assert scenario.tasks[1].duration == Empirical((10.0, 20.0, 60.0))
    assert scenario.dispatch.return_.tokens.mean == pytest.approx(7000 / 3)
    assert scenario.provider.limits.output_tokens is None
    assert scenario.provider.prices.output == 15
    assert scenario.client.retry_after.up_to == 60
    assert scenario.values.people == 80
    assert scenario.sweep.concurrency == (1, 2, 4, 8, 12, 16, 20)
    assert scenario.sweep.factors == {
        "provider.limits.scale": [0.5, 1, 2],
        "tasks.check.tokens": ["5K", {"exponential": {"mean": "9K"}}],
    }
    assert scenario.study.confidence == 0.95
    assert scenario.tasks[1].after == ("read-source",)
    assert scenario.dispatch.context is not None
    assert scenario.dispatch.context.compaction.time == 80
    assert scenario.harness.pace is not None
    assert (scenario.harness.cap, scenario.harness.pace.window) == (16, 60)
    assert scenario.timeouts.hard == 900
    assert scenario.communication.kind == "rounds"
    assert scenario.review is not None
    assert scenario.review.every == 5
    assert [strategy.label for strategy in scenario.strategies[4:7]] == [
        "queue (barrier, script, stagger, longest-first)",
        "queue (paced, retries after drain)",
        "adaptive (locks, blackboard)",
    ]


def test_a_file_is_read_with_its_name_in_errors(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("tasks:\n  - name: a\n    tokens: 15K\n    duration: 60 parsecs\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file)
    expected = f"{file}:4:15: tasks[0].duration: '60 parsecs' is not a time; write 60s, 5m or 1h30m"
    assert str(caught.value) == expected
    [problem] = caught.value.problems
    assert (problem.line, problem.column, problem.path) == (4, 15, ("tasks", 0, "duration"))


ERRORS = {
    "dispatch: {retrun: {time: 2s}}": "12: dispatch.retrun: unknown key 'retrun'; did you mean 'return'?",
    "dispatch: {return: {time: 2}}": "27: dispatch.return.time: 2 has no unit; write 2s, 5m or 1h30m",
    "provider: {on_limit: explode}": (
        "22: provider.on_limit: 'explode' is not one of the choices; write reject or wait"
    ),
    "provider: {retry_after: 0s}": (
        "25: provider.retry_after: '0s' is out of range; write more than 0, or exact"
    ),
    "client: {retry_after: {up_to: 5x}}": (
        "31: client.retry_after.up_to: '5x' is not a time; write 60s, 5m or 1h30m, or unlimited"
    ),
    "client: {retries: 2.5}": "19: client.retries: 2.5 is not a whole number; write one, such as 3",
    "client: {factor: 0.5}": "18: client.factor: 0.5 is out of range; write at least 1",
    "client: {retry_after: 5}": (
        "23: client.retry_after: found 5; write a mapping with keys such as up_to, above, jitter and floor"
    ),
    "name: 5": "7: name: found 5, not text; write a word, or put it in quotes",
    "timeouts: {obeyed: 3}": "20: timeouts.obeyed: 3 exceeds 100%; write 3% or another share up to 100%",
    "review: {blocking: no}": "20: review.blocking: found 'no'; write true or false",
    "review: often": (
        "9: review: found 'often'; write a mapping with keys such as every, blocking, people and each, "
        "or none"
    ),
    "harness: claude-code": (
        "10: harness: found 'claude-code'; write a mapping with keys such as profile, cap, over and pace"
    ),
    "sweep: {client.retries: [0, 0, 2]}": "25: sweep.client.retries: 0 is repeated; remove one",
    "sweep: {harness.cap: [1, null]}": (
        "26: sweep.harness.cap[1]: found nothing, which stands for the default; write a value, none or "
        "unlimited"
    ),
    "sweep: {provider.limits.scale: [0.1, '0.1']}": (
        "32: sweep.provider.limits.scale: '0.1' is repeated; remove one"
    ),
    "sweep: {tasks.count: [2, 9]}": (
        "9: sweep.tasks.count: has no effect, as the sweep has batch sizes of its own; write sweep.tasks"
        " instead"
    ),
    "harness: {cap: 0}": "16: harness.cap: 0 is out of range; write at least 1, or none",
    "harness: {cap: many}": ("16: harness.cap: 'many' is not a whole number; write one, such as 3, or none"),
    "harness: {pace: {}}": (
        "17: harness.pace.calls: the key 'calls' is missing; add it, for example calls: 60"
    ),
    "communication: shout": (
        "16: communication: found 'shout'; write a mapping with keys such as kind, brief and post, or none,"
        " rounds or blackboard"
    ),
    "strategies: [parallel, {queue: x}]": (
        "32: strategies[1].queue: 'x' is not a concurrency; write a whole number from 1 to 100000"
    ),
    "strategies: [{paced: 3, pace: none}]": (
        "31: strategies[0].pace: paced has pace: limits, not 'none'; write queue, or remove it"
    ),
    "strategies: [{paced: 3, queue: 4}]": (
        "14: strategies[0]: found 'paced', 'queue'; a strategy has one of solo, sequential, parallel, queue,"
        " waves, adaptive, paced as its first key"
    ),
    "strategies: [{solo: 1, manager: script}]": (
        "33: strategies[0].manager: solo has no sub-agents, so manager has no effect; remove it"
    ),
    "strategies: [{queue: 3, order: random}]": (
        "32: strategies[0].order: 'random' is not possible; write as-given, longest-first or shortest-first"
    ),
}


@pytest.mark.parametrize("addition", ERRORS)
def test_errors_say_where_and_what_to_write(addition: str) -> None:
    assert errors(SHORT + addition) == [f"mine.yaml:3:{ERRORS[addition]}"]


TASK = "  - {{name: {}, tokens: 1K, duration: 1s, after: [{}]}}\n"
AXES = """\
sweep:
  provider.limits.scale: [1, abc]
  provider.limts.scale: [1]
  tasks.nobody.tokens: [1K]
  tasks.tokens.lognormal.mean: [2K]
  study.seed: [1]
  client.cap: 8s
  tasks.research.duration: [1s, 2 parsecs]
"""
NO_AXIS = "an axis is a key by its path, such as provider.limits.scale or client.retries"
WITH_COMMAS = "tasks:\n- name: a\n  tokens: 15,000\n  duration: 1,500.5s\n  spread: 0%"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SHORT.replace("tokens", "toknes"),
            [
                "2:5: tasks[0].tokens: the key 'tokens' is missing; add it, for example tokens: 15K",
                "2:22: tasks[0].toknes: unknown key 'toknes'; did you mean 'tokens'?",
            ],
        ),
        (
            SHORT.replace("60s", "{lognormal: {mean: 60s, cv: abc}}"),
            [
                "2:73: tasks[0].duration.lognormal.cv: 'abc' is not a cv; write a plain number above 0,"
                " such as 0.5"
            ],
        ),
        (
            SHORT.replace("60s", "60s, variance: {task: 50%}"),
            ["2:60: tasks[0].variance: the shares add up to 90%; batch + task + attempt must be 100%"],
        ),
        (
            SHORT + "  - {name: research, tokens: 1K, duration: 1s}",
            ["3:12: tasks[1].name: another group of tasks is called 'research'; names must differ"],
        ),
        (
            SHORT.replace("60s", "60s, after: [research, reserch, b]"),
            [
                "2:68: tasks[0].after[1]: unknown group of tasks 'reserch'; did you mean 'research'?",
                "2:77: tasks[0].after[2]: unknown group of tasks 'b'; there is research",
            ],
        ),
        (
            "tasks:\n" + TASK.format("a", "b") + TASK.format("b", "c") + TASK.format("c", "b"),
            ["3:48: tasks[1].after: tasks wait for each other: b -> c -> b; remove one of the dependencies"],
        ),
        (
            "tasks:\n" + TASK.format("a", "a"),
            ["2:48: tasks[0].after: tasks wait for each other: a -> a; remove one of the dependencies"],
        ),
        (
            SHORT.replace("60s", "60s, writes: notes"),
            ["2:58: tasks[0].writes: found 'notes', not a list; put a dash before each item"],
        ),
        ("tasks:", ["1:7: tasks: found nothing, not a list; put a dash before each item"]),
        ("tasks: []", ["1:8: tasks: found an empty list; write at least 1"]),
        ("tasks: 3", ["1:8: tasks: found 3, not a list; put a dash before each item"]),
        (
            "[1]",
            [
                "1:1: found a list of 1; write a mapping with keys such as profile, name, description and"
                " tasks"
            ],
        ),
        (
            WITH_COMMAS + "\n  count: 1,000",
            ["6:10: tasks[0].count: '1,000' is not a whole number; write 1000"],
        ),
        # Between braces the comma ends the value.
        (
            SHORT.replace("15K", "15,000"),
            [
                "2:33: 0 is not a key; keys are words; a number is written without commas here, as 15000 or"
                " 15K"
            ],
        ),
        (SHORT + "sweep: {recovery: [{people: 5m}]}", [f"3:9: sweep.recovery: {NO_AXIS}"]),
        (SHORT + "sweep: {tasks_: [1]}", [f"3:9: sweep.tasks_: {NO_AXIS}"]),
        (
            SHORT + AXES,
            [
                "4:30: sweep.provider.limits.scale[1]: 'abc' is not a number; write one without a unit, such"
                " as 0.5",
                "5:3: sweep.provider.limts.scale: unknown key 'limts'; did you mean 'limits'?",
                "6:3: sweep.tasks.nobody.tokens: unknown group of tasks 'nobody'; there is research",
                "7:3: sweep.tasks.tokens.lognormal.mean: tasks[0].tokens: found '15K', so there is no"
                " tasks[0].tokens.lognormal.mean to put a value in",
                "8:3: sweep.study.seed: this cannot be swept; sweep a key of the tasks or of their"
                " environment",
                "9:15: sweep.client.cap: found '8s'; write a list of 1 to 100 values",
                "10:33: sweep.tasks.research.duration[1]: '2 parsecs' is not a time; write 60s, 5m or 1h30m",
            ],
        ),
    ],
)
def test_errors_of_tasks_and_axes_say_where_and_what_to_write(text: str, expected: list[str]) -> None:
    assert errors(text) == [f"mine.yaml:{line}" for line in expected]


def test_numbers_may_have_commas_and_dependencies_be_many() -> None:
    group = parse_scenario(WITH_COMMAS).tasks[0]
    assert (group.tokens, group.duration) == (Constant(15_000.0), Constant(1500.5))
    chain = "tasks:\n" + TASK.format("a", "b, c") + TASK.format("b", "c") + TASK.format("c", "")
    assert parse_scenario(chain).tasks[0].after == ("b", "c")


@pytest.mark.parametrize(
    "addition",
    [
        "dispatch: {spawn: {shared: 0}}",
        "provider: {overloaded: 0%, retry_after: exact, latency: none}",
        "failures: {hang: 0.0, bad_brief: 0%}",
        "engine: auto",
        "communication: none",
        "review: none",
        "study: {replications: auto}",
        "objective: {deadline: none, budget: none}",
        "harness: {cap: none, pace: none}",
        "timeouts: {soft: none, hard: none}",
        "sweep:\nharness:\nreview:\ntimeouts:\nconflicts:\ncommunication:\nprovider:\nstrategies:",
        "dispatch: {context: , spawn: }",
    ],
)
def test_neutral_values_and_empty_sections_are_accepted(addition: str) -> None:
    assert parse_scenario(SHORT + addition) == parse_scenario(SHORT)


def test_a_list_that_is_left_empty_is_not_given() -> None:
    assert parse_scenario(SHORT.replace("60s", "60s, writes: , after: ")) == parse_scenario(SHORT)


def test_words_stand_for_sections() -> None:
    """`none` takes a section away, and a way of communicating is named alone or with its costs."""
    scenario = parse_scenario(f"{SHORT}dispatch: {{context: none}}\ncommunication: rounds")
    assert scenario.dispatch.context is None
    assert scenario.communication == parse_scenario(SHORT + "communication: {kind: rounds}").communication


def test_values_are_replaced_by_path() -> None:
    """A sweep puts values in by path; what is not named stays, and the source itself does not change."""
    source = parse_source(FULL)
    before = source.scenario()
    changed = source.replaced({"provider.limits.scale": 2, "tasks.check.count": 7, "retry.policy": "none"})
    after = changed.scenario()
    assert after.provider.limits.scale == 2
    assert [group.count for group in after.tasks] == [10, 7]
    assert after.retry.policy == "none"
    assert source.scenario() == before
    everywhere = source.replaced({"tasks.tokens": "1K"}).scenario()
    assert {group.tokens for group in everywhere.tasks} == {Constant(1000.0)}


def test_group_on_a_path_is_the_one_with_the_longest_name() -> None:
    """Where one is called `a` and one `a.b`; swept counts of one of them change the mix."""
    text = "tasks: [{name: a, tokens: 1K, duration: 1s}, {name: a.b, tokens: 1K, duration: 1s}]\n"
    text += "sweep: {tasks.a.b.count: [2, 9]}"
    changed = parse_source(text).replaced({"tasks.a.b.tokens": "5K"}).scenario()
    assert [group.tokens.mean for group in changed.tasks] == pytest.approx([1000, 5000])


def test_missing_mappings_on_a_path_are_made() -> None:
    scenario = parse_source(SHORT).replaced({"provider.limits.input_tokens": "1M/min"}).scenario()
    assert scenario.provider.limits.input_tokens == 1_000_000


def test_an_error_in_a_replaced_value_points_to_the_sweep() -> None:
    source = parse_source(SHORT + "sweep: {provider.limits.scale: [1, 0.0001]}", "mine.yaml")
    source.scenario()
    with pytest.raises(ScenarioError, match=r"mine.yaml:2:30: tasks\[0\].tokens: the first call"):
        source.replaced({"provider.limits.scale": 0.0001}).scenario()
    with pytest.raises(ScenarioError, match=r"mine.yaml:3:32: provider.limits.scale: 'x' is not a number"):
        source.replaced({"provider.limits.scale": "x"}).scenario()
    with pytest.raises(ScenarioError, match="so there is no"):
        source.replaced({"tasks.tokens.constant": "1K"})


def test_dates_and_words_are_text() -> None:
    """YAML 1.2: yes and no are words, and a date is one too; a key may be quoted."""
    scenario = parse_scenario("'name': 2026-11-24\ndescription: yes\n" + SHORT)
    assert (scenario.name, scenario.description) == ("2026-11-24", "yes")


def test_aliases_repeat_a_value() -> None:
    """That of the last anchor with their name."""
    text = "tasks:\n- {name: a, tokens: &t {exponential: {mean: 1K}}, duration: 1s}\n"
    text += "- {name: b, tokens: *t, duration: &t 2s}\n- {name: c, tokens: 1K, duration: *t}"
    first, second, third = parse_scenario(text).tasks
    assert (first.tokens, second.duration) == (second.tokens, third.duration)


def test_source_can_be_kept(tmp_path: Path) -> None:
    file = tmp_path / "full.yaml"
    file.write_text(FULL, encoding="utf-8-sig")
    source = load_source(file)
    assert source.raw["engine"] == "simpy"
    assert source.scenario() == load_scenario(file)


def test_an_interruption_while_a_scenario_is_written_out_stays_one(monkeypatch):
    """Ctrl-C at any moment ends a command as such, and not as an error of a serializer."""

    def interrupting(zone):
        signal.raise_signal(signal.SIGINT)
        return "dollars"

    scenario = parse_scenario("tasks: [{name: a, tokens: 1K, duration: 60s}]")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    monkeypatch.setattr(IndifferenceThreshold, "unit", property(interrupting))
    try:
        with pytest.raises(KeyboardInterrupt):
            scenario.resolved()
    finally:
        signal.signal(signal.SIGINT, before)


EVERYTHING = """\
name: a
name: b
1: c
engine: !fast simpy
tasks:
  - {name: a, tokens: {lognormal: {mean: 15 apples, cv: abc}}, duration: 60, after: [b], tool_time: 1s}
  - {name: a, tokens: 1K, writes: [x, 5], count: "1,000"}
  - {tokens: 1K, duration: {mixture: [{weight: 50%, of: 5 x}, {weight: x, of: 5s}]}}
  - 7
  - {name: c, tokens: 90M, duration: 1s, calls: 1}
provider: {limits: {requests: 50}}
harness: {pace: {}, cap: 0}
failures: {hang: 1%}
strategies: [{queue: x, order: random}, parallel, parallel, often]
sweep: {tasks: [3..1, 0], client.retries: [-1], provider.limits.scale: [1, x]}
study: {indifference: 5s}
"""


def test_all_problems_of_a_file_are_reported_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(EVERYTHING)
    assert [(problem.line, spelled(problem.path)) for problem in caught.value.problems] == [
        (2, "name"),
        (3, ""),
        (4, ""),
        (6, "tasks[0].tokens.lognormal.mean"),
        (6, "tasks[0].tokens.lognormal.cv"),
        (6, "tasks[0].duration"),
        (6, "tasks[0].tool_time"),
        (7, "tasks[1].duration"),
        (7, "tasks[1].name"),
        (7, "tasks[1].writes[1]"),
        (7, "tasks[1].count"),
        (8, "tasks[2].name"),
        (8, "tasks[2].duration.mixture[0].of"),
        (8, "tasks[2].duration.mixture[1].weight"),
        (9, "tasks[3]"),
        (11, "provider.limits.requests"),
        (12, "harness.pace.calls"),
        (12, "harness.cap"),
        (13, "failures.hang"),
        (14, "strategies[0].queue"),
        (14, "strategies[0].order"),
        (14, "strategies[3]"),
        (15, "sweep.tasks[0]"),
        (15, "sweep.tasks[1]"),
        (15, "sweep.client.retries[0]"),
        (15, "sweep.provider.limits.scale[1]"),
        (16, "study.indifference"),
    ]


def test_what_an_invalid_key_leads_to_is_no_second_problem() -> None:
    """A duration, a latency and a timeout are there, though invalid; so is what an unknown profile states."""
    for text in (
        SHORT.replace("60s", "often"),
        "tasks: [{name: a, tokens: 1K}]\nprovider: {latency: often}",
        SHORT + "failures: {hang: 1%}\ntimeouts: {hard: often}",
        "tasks: [{name: a, tokens: 1K, duration: 1s, after: [b]}, {name: [b], tokens: 1K, duration: 1s}]",
        SHORT + "provider: {profile: nonesuch}\nstrategies: [{queue: 2, warm_up: stagger}]",
        SHORT.replace("60s", "60s, variance: {batch: often, task: 50%}"),
    ):
        assert len(errors(text)) == 1


def test_a_scenario_is_a_source_a_path_a_text_or_a_dict(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SHORT)
    groups = {"tasks": ({"name": "research", "tokens": "15K", "duration": "60s"},)}
    for given in (
        load_source(file),
        file,
        str(file),
        SHORT,
        "tasks: [{name: research, tokens: 15K, duration: 60s}]",
        groups,
    ):
        assert load(given).scenario() == parse_scenario(SHORT)
    with pytest.raises(ScenarioError, match=r"<dict>:1:1: client\.retries: 'x' is not a whole number"):
        load(groups | {"client": {"retries": "x"}}).scenario()
    with pytest.raises(ScenarioError, match=r"<dict>:1:1: not plain data: .*set"):
        load({"tasks": {1}})
