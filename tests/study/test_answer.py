"""What a study's results are asked: the objective, what is practically equal, and the batch's size."""

import pytest

from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study.answer import Answer, answer
from dispatch_sim.study.conduct import sweep


def answer_of(minimise: str, sizes: str = "[3, 5]") -> Answer:
    """Return what a small study of four tasks answers when it is to minimise something."""
    source = parse_source(
        "name: small\n"
        "tasks: [{name: a, count: 4, tokens: 15K, duration: {exponential: {mean: 60s}}}]\n"
        "strategies: [parallel, queue]\n"
        f"sweep: {{tasks: {sizes}, concurrency: [2]}}\n"
        "study: {replications: 4, indifference: $0.07}\n"
        f"objective: {{minimise: {minimise}}}\n"
    )
    return answer(sweep(source))


@pytest.mark.parametrize(
    ("minimise", "measure", "indifference"),
    [
        ("cost", "cost_usd", 0.07),
        ("money", "money_usd", 0.07),
        ("makespan", "makespan_s", 0),
        ("tokens", "tokens", 0),
        ("people", "people_s", 0),
    ],
)
def test_the_indifference_zone_is_one_of_dollars_and_of_nothing_else(minimise, measure, indifference):
    """Written in dollars, it holds for cost and money; of all else no difference is too small."""
    found = answer_of(minimise)
    assert found.objective == measure
    assert {choice.indifference for choice in found.choices} == {indifference}


@pytest.mark.parametrize(
    ("sizes", "chosen"), [("[3, 5]", 5), ("[3, 4, 5]", 4), ("[1, 3, 6]", 3), ("[2, 9]", 2)]
)
def test_the_choice_is_made_for_the_played_size_nearest_to_the_batchs_own(sizes, chosen):
    """The batch has four tasks: its own size where it was played, else the nearest, of two the larger."""
    assert answer_of("cost", sizes).batch_size == chosen
