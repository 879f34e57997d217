"""Figures are left out where nothing was played for them, and otherwise are the same every time."""

import xml.etree.ElementTree as ElementTree

import pytest
from matplotlib.figure import Figure

from dispatch_sim.report import figures, rows, svg
from dispatch_sim.report.view import main_view, views

ALONG = [figures.cost_along_tasks, figures.cost_along_concurrency, figures.paired_difference_along_tasks]


@pytest.mark.parametrize("draw", [*ALONG, rows.cost_parts])
def test_a_sweep_has_every_figure(tight, draw):
    pictures = [svg.picture(draw(main_view(tight)), "name", "Title", "What to see").svg for _ in range(2)]
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) < 60_000
    root = ElementTree.fromstring(pictures[0])
    assert root.get("role") == "img"
    assert "Title" in pictures[0]
    assert "What to see" in pictures[0]


@pytest.mark.parametrize("draw", ALONG)
def test_a_batch_of_one_has_no_figure_along_an_axis(one_task, draw):
    assert draw(main_view(one_task)) is None


def test_one_size_has_no_figure_along_tasks(comparison):
    view = main_view(comparison)
    assert figures.cost_along_tasks(view) is None
    assert figures.paired_difference_along_tasks(view) is None
    assert figures.cost_along_concurrency(view) is None
    assert rows.cost_parts(view) is not None


def test_no_cost_has_no_parts(nothing):
    assert [draw(main_view(nothing)) for draw in [*ALONG, rows.cost_parts]] == [None] * 4


def test_the_break_even_by_factors_needs_factors(tight, factors):
    assert rows.break_even_by_factors(tight) is None
    figure = rows.break_even_by_factors(factors)
    assert len(figure.axes[0].get_yticks()) == 2


def viewbox(picture):
    """Return the size of a picture."""
    return [float(number) for number in ElementTree.fromstring(picture).get("viewBox").split()]


@pytest.mark.parametrize("name", ["tight", "roomy", "factors", "scripted", "variants", "hostile"])
@pytest.mark.parametrize("draw", [*ALONG, rows.cost_parts, rows.break_even_by_factors])
def test_no_label_is_outside_its_figure(request, name, draw):
    """Whatever the strategies are called: labels are wrapped, and margins made for them."""
    answer = request.getfixturevalue(name)
    found = [draw(answer)] if draw is rows.break_even_by_factors else [draw(view) for view in views(answer)]
    for figure in found:
        if figure is None:
            continue
        figure.draw_without_rendering()
        drawn, (width, _) = figure.get_tightbbox(), figure.get_size_inches()
        assert drawn.x0 >= 0
        assert drawn.x1 <= width


def test_a_figure_grows_where_a_label_has_no_room():
    """The canvas of a label of 200 wide letters has room for these, at 10 points."""
    figure = Figure(figsize=(3, 2))
    axes = figure.add_subplot()
    axes.set_ylabel("y")
    axes.annotate("W" * 200, (0.5, 0.5), annotation_clip=False)
    axes.set_yticks([0.5], ["M" * 100])
    _, _, width, _ = viewbox(svg.picture(figure, "name", "t", "s").svg)
    assert width > 200 * 8
    _, _, width, height = viewbox(svg.picture(Figure(figsize=(3, 2)), "name", "t", "s").svg)
    assert (width, height) == (3 * 72, 2 * 72)


def test_ids_of_different_figures_differ(tight):
    drawn = figures.cost_along_tasks(main_view(tight))
    ids = []
    for name in ("one", "two"):
        root = ElementTree.fromstring(svg.picture(drawn, name, "t", "s").svg)
        ids += [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_the_band_in_the_figure_is_the_interval_of_the_answer(tight):
    view = main_view(tight)
    axes = figures.cost_along_tasks(view).axes[0]
    means = {tuple(line.get_ydata()) for line in axes.lines}
    expected = tuple(
        view.estimate("cost_usd", view.first("parallel", size), size).mean for size in view.sizes
    )
    assert expected in means
