import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from importlib.resources import files

import pytest
from matplotlib.figure import Figure

from dispatch_sim.decide.winner_map import map_winners
from dispatch_sim.report.figures import winner_map
from dispatch_sim.report.figures.break_even import break_even_by_factors, paired_difference
from dispatch_sim.report.figures.cost_breakdown import cost_breakdown
from dispatch_sim.report.figures.curves import along_concurrency, along_tasks
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import dollars, named
from dispatch_sim.report.view import main_view, views
from dispatch_sim.scenario.loader import parse_source
from tests.report.conftest import TIGHT, answered

ALONG = [along_tasks, along_concurrency, paired_difference]


@pytest.mark.parametrize("draw", [*ALONG, cost_breakdown])
def test_figure_is_small_and_has_its_title_and_description(tight, draw):
    drawn = draw(main_view(tight))
    assert len(drawn.svg) < 60_000
    root = ElementTree.fromstring(drawn.svg)
    assert root.get("role") == "img"
    texts = {element.text for element in root if element.tag.endswith(("title", "desc"))}
    assert texts == {drawn.title, drawn.description}


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


@pytest.mark.parametrize("name", ["variants", "hostile"])
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


def test_lines_are_the_means_of_the_answer(tight):
    view = main_view(tight)
    means = {tuple(line.get_ydata()) for line in along_tasks(view).figure.axes[0].lines}
    for kind in ("parallel", "sequential"):
        estimates = [view.estimate("cost_usd", view.first(kind, size), size) for size in view.sizes]
        assert tuple(estimate.mean for estimate in estimates) in means


def test_percentile_whose_interval_has_an_open_end_is_drawn():
    """The upper end of the 95% interval of a p95 takes 72 replications: 1 - 0.95^72 is above 0.975."""
    text = TIGHT.replace("replications: 40", "replications: 64") + "objective: {minimise: p95_makespan}\n"
    view = main_view(answered(text))
    assert view.estimate("p95_makespan_s", view.recommended).high == float("inf")
    for draw in ALONG:
        assert not re.search(r"\b(inf|nan)\b", draw(view).svg)


def test_figure_names_the_sizes_without_a_queue():
    found = main_view(answered(TIGHT.replace("concurrency: [1, 2, 3, 4]", "concurrency: [4]")))
    assert "At 4 tasks no queue is compared" in along_tasks(found).description


def luminance(colour):
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_lines_and_bars_contrast_with_the_page(scheme):
    """At least 3, as WCAG asks of graphics; of lines that mark text 4.5."""
    css = files("dispatch_sim.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#\w{6});", css.split("@media")[scheme]))
    for name in ("green", "vermilion", "blue", "sky", "purple", "amber", "grey"):
        assert contrast(colours[name], colours["paper"]) >= 3, name
    for name in ("ink", "faint", "warn", "blue"):
        assert min(contrast(colours[name], colours[ground]) for ground in ("paper", "card")) >= 4.5, name


def test_signs_of_a_map_contrast_with_their_cells():
    colours = [*winner_map._COLOURS.values(), *winner_map._LIGHT.values(), *winner_map._BLUES]
    assert min(contrast(winner_map._ink(colour), colour) for colour in colours) >= 4.5


def titles(picture):
    root = ElementTree.fromstring(picture.svg)
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]


def test_pointer_shows_each_value_of_a_curve(tight):
    view = main_view(tight)
    shown = titles(along_tasks(view))
    for kind in ("parallel", "sequential"):
        for size in view.sizes:
            estimate = view.estimate("cost_usd", view.first(kind, size), size)
            assert f"{kind} at {size}: {view.measure.estimate(estimate)}" in shown


@pytest.mark.parametrize("preliminary", [False, True])
def test_pointer_shows_the_winner_of_each_cell_of_a_map(preliminary):
    """With an interval of the margin where there are enough replications for one."""
    found = map_winners(parse_source(TIGHT), "tasks.tokens", "values.waiting", cells=2, replications=8)
    winners = [replace(cell.winner, is_preliminary=preliminary) for cell in found.cells]
    cells = tuple(replace(cell, winner=winner) for cell, winner in zip(found.cells, winners, strict=True))
    shown = titles(winner_map.winner_map(replace(found, cells=cells), []))[1:]
    assert len(shown) == len(winners)
    for text, winner in zip(shown, winners, strict=True):
        assert f"{named(winner.strategy)}, {dollars(winner.mean)}; {named(winner.rival)}: +" in text
        assert (" to " in text) is not preliminary
