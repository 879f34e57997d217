"""A strategy has one label everywhere, and the report explains the kinds and options that it shows."""

import pytest

from dispatch_sim.report import render
from dispatch_sim.report.answers import answer_document
from dispatch_sim.report.decision import decide
from dispatch_sim.report.figures.curves import along_tasks
from dispatch_sim.report.view import main_view, simulated
from dispatch_sim.scenario.strategy import DEFAULTS, OPTIONS, parse_strategy


def test_labels_are_those_of_the_results(scripted):
    labels = {"parallel (as-completed, script)", "queue (script)"}
    assert {point["strategy"] for point in scripted.to_json()["points"]} == labels
    assert {strategy.label for strategy in simulated(scripted)} == labels
    text = answer_document(scripted).text
    assert "(script)" in text.partition(":")[0]
    assert "parallel (as-completed, script)" in text.lower()


@pytest.mark.parametrize("compared", [False, True])
def test_an_answer_explains_only_the_options_it_names(scripted, tight, compared):
    explained = "script: a script dispatches the tasks"
    assert explained in " ".join(answer_document(scripted, compared=compared).text.split())
    assert explained not in " ".join(answer_document(tight, compared=compared).text.split())


def explained(strategy):
    macros = render._templates().get_template("terms.md").module
    return f"{macros.kinds([strategy])}{macros.options([strategy])}"


@pytest.mark.parametrize("kind", DEFAULTS)
def test_every_kind_is_explained(kind):
    assert f"*{kind}" in explained(parse_strategy(kind))


@pytest.mark.parametrize("kind", ["parallel", "queue"])
def test_every_option_is_explained(kind):
    for key, choices in OPTIONS.items():
        for choice in choices:
            strategy = parse_strategy({kind: None, key: choice})
            assert all(f"*{label}*: " in explained(strategy) for label in strategy.options)


def test_only_what_was_simulated_is_explained(tight, variants):
    assert [strategy.label for strategy in simulated(tight)] == ["sequential", "parallel", "queue"]
    assert simulated(variants)[-1].kind == "waves"


def test_adaptive_dispatch_is_compared_and_drawn(many):
    view = main_view(many)
    assert view.best_adaptive() in view.main_points()
    assert "adaptive" in decide(view).text
    assert any(line.get_label().startswith("adaptive") for line in along_tasks(view).figure.axes[0].lines)
