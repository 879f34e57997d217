import xml.etree.ElementTree as ElementTree

import pytest
from matplotlib.figure import Figure

from dispatch_sim.report.figures.along_concurrency import along_concurrency
from dispatch_sim.report.figures.along_tasks import along_tasks
from dispatch_sim.report.figures.break_even import paired_difference
from dispatch_sim.report.figures.break_even_by_factors import break_even_by_factors
from dispatch_sim.report.figures.cost_breakdown import cost_breakdown
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.view import main_view, views

ALONG = [along_tasks, along_concurrency, paired_difference]


@pytest.mark.parametrize("draw", [*ALONG, cost_breakdown])
def test_same_study_gives_same_bytes_with_title_and_description(tight, draw):
    first, second = (draw(main_view(tight)) for _ in range(2))
    assert first.svg == second.svg
    assert len(first.svg) < 60_000
    root = ElementTree.fromstring(first.svg)
    assert root.get("role") == "img"
    texts = {element.text for element in root if element.tag.endswith(("title", "desc"))}
    assert texts == {first.title, first.description}


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("one_task", ALONG),
        ("comparison", ALONG),
        ("nothing", [*ALONG, cost_breakdown]),
    ],
)
def test_figure_without_data_is_missing(request, name, missing):
    view = main_view(request.getfixturevalue(name))
    assert [draw for draw in (*ALONG, cost_breakdown) if draw(view) is None] == missing


def test_break_even_by_factors_needs_factors(tight, factors):
    assert break_even_by_factors(tight) is None
    assert len(break_even_by_factors(factors).figure.axes[0].get_yticks()) == 2


def viewbox(figure):
    svg = Picture(figure, "name", "title", "description").svg
    return [float(number) for number in ElementTree.fromstring(svg).get("viewBox").split()]


@pytest.mark.parametrize("name", ["tight", "roomy", "factors", "scripted", "variants", "hostile"])
@pytest.mark.parametrize("draw", [*ALONG, cost_breakdown, break_even_by_factors])
def test_all_labels_are_inside_their_figure(request, name, draw):
    answer = request.getfixturevalue(name)
    found = [draw(answer)] if draw is break_even_by_factors else [draw(view) for view in views(answer)]
    for picture in found:
        if picture is None:
            continue
        picture.figure.draw_without_rendering()
        drawn, (width, _) = picture.figure.get_tightbbox(), picture.figure.get_size_inches()
        assert drawn.x0 >= 0
        assert drawn.x1 <= width


def test_figure_grows_for_a_label_without_room():
    """The canvas of a label of 200 wide letters has room for these, at 10 points."""
    figure = Figure(figsize=(3, 2))
    axes = figure.add_subplot()
    axes.set_ylabel("y")
    axes.annotate("W" * 200, (0.5, 0.5), annotation_clip=False)
    axes.set_yticks([0.5], ["M" * 100])
    assert viewbox(figure)[2] > 200 * 8
    assert viewbox(Figure(figsize=(3, 2)))[2:] == [3 * 72, 2 * 72]


def test_ids_of_different_figures_differ(tight):
    ids = []
    for name in ("one", "two"):
        figure = along_tasks(main_view(tight)).figure
        root = ElementTree.fromstring(Picture(figure, name, "title", "description").svg)
        ids += [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_lines_are_the_means_of_the_answer(tight):
    view = main_view(tight)
    means = {tuple(line.get_ydata()) for line in along_tasks(view).figure.axes[0].lines}
    for kind in ("parallel", "sequential"):
        estimates = [view.estimate("cost_usd", view.first(kind, size), size) for size in view.sizes]
        assert tuple(estimate.mean for estimate in estimates) in means
