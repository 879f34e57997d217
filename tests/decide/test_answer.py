"""The objective, the indifference threshold and the batch size of an answer."""

import pytest

from dispatch_sim.decide.answer import Answer, answer
from dispatch_sim.decide.studies import sweep
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import ScenarioError


def answer_of(minimise: str, sizes: str = "[3, 5]", indifference: str = "5%") -> Answer:
    source = parse_source(
        "name: small\n"
        "tasks: [{name: a, count: 4, tokens: 15K, duration: {exponential: {mean: 60s}}}]\n"
        "strategies: [parallel, queue]\n"
        f"sweep: {{tasks: {sizes}, concurrency: [2]}}\n"
        f"study: {{replications: 64, indifference: {indifference}}}\n"
        f"objective: {{minimise: {minimise}}}\n"
    )
    return answer(sweep(source))


@pytest.mark.parametrize(
    ("minimise", "measure", "written", "indifference"),
    [
        ("cost", "cost_usd", "$0.07", 0.07),
        ("money", "money_usd", "0.07", 0.07),
        ("makespan", "makespan_s", "10s", 10),
        ("p95_makespan", "p95_makespan_s", "1m", 60),
        ("tokens", "tokens", "1.5K tokens", 1500),
        ("people", "people_s", "500ms", 0.5),
        ("cost", "cost_usd", "5%", None),
        ("makespan", "makespan_s", "5%", None),
    ],
)
def test_threshold_has_the_unit_of_the_objective_or_is_a_share_of_the_recommended_mean(
    minimise, measure, written, indifference
):
    found = answer_of(minimise, indifference=written)
    assert found.objective == measure
    (choice,) = found.choices
    assert choice.indifference == pytest.approx(indifference or 0.05 * choice.estimate.mean)


def test_threshold_in_another_unit_is_an_error():
    with pytest.raises(ScenarioError, match="in dollars, but makespan is minimised, in seconds; write 10s"):
        answer_of("makespan", indifference="$0.07")


@pytest.mark.parametrize(
    ("sizes", "chosen"), [("[3, 5]", 5), ("[3, 4, 5]", 4), ("[1, 3, 6]", 3), ("[2, 9]", 2)]
)
def test_choice_is_for_simulated_size_nearest_to_the_batch(sizes, chosen):
    assert answer_of("cost", sizes).main_choice.tasks == chosen


@pytest.mark.parametrize(
    ("own", "client"),
    [
        ("harness: {profile: claude-code}", "claude-code"),
        ("profile: measured-claude-code", "claude-code"),
        ("harness: {profile: claude-code}\nclient: {profile: anthropic-sdk}", "anthropic-sdk"),
        ("harness: {profile: codex}", "anthropic-sdk"),
    ],
)
def test_main_choice_is_for_the_profile_that_a_profile_of_the_scenario_names(own, client):
    """Codex names no client; then the first one of the sweep counts."""
    source = parse_source(
        f"{own}\ntasks: [{{name: a, count: 2, tokens: 15K, duration: 60s}}]\n"
        "strategies: [parallel, sequential]\n"
        "sweep: {client.profile: [anthropic-sdk, claude-code]}\n"
        "study: {replications: 4}\n"
    )
    assert answer(sweep(source)).main_choice.factors == {"client.profile": client}
