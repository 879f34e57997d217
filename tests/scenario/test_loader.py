"""Reading scenario files, and the errors that say what to change in them."""

import re
import signal
from pathlib import Path

import pytest

from dispatch_sim.scenario.composites import Empirical
from dispatch_sim.scenario.distributions import Constant, LogNormal
from dispatch_sim.scenario.indifference import IndifferenceThreshold
from dispatch_sim.scenario.loader import load, load_scenario, load_source, parse_scenario, parse_source
from dispatch_sim.scenario.problems import ScenarioError
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


LINES = (Path(__file__).parent / "errors.txt").read_text(encoding="utf-8").splitlines()
CASES = re.split("\n\n+", "\n".join(line for line in LINES if not line.startswith("#")).strip())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.partition("\n")[0])
def test_errors_say_where_and_what_to_write(case: str) -> None:
    written, _, said = case.partition("\n> ")
    text = SHORT + written[1:] if written.startswith("+") else written
    assert errors(text) == [f"mine.yaml:{line}" for line in said.split("\n> ")]


WITH_COMMAS = "tasks:\n- name: a\n  tokens: 15,000\n  duration: 1,500.5s\n  spread: 0%"
TASK = "  - {{name: {}, tokens: 1K, duration: 1s, after: [{}]}}\n"


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
