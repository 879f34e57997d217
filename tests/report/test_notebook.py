"""What a study comes to prints in words, and shows itself in a notebook, where a user's names stay names."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

import dispatch_sim
from dispatch_sim.report.documents import document_of
from tests.logs.synthetic import write_example
from tests.report.conftest import ALL, HOSTILE, TWO_STRATEGIES
from tests.report.test_page import Page

SOURCES = os.fspath(Path(dispatch_sim.__file__).parents[1])
SOURCE = dispatch_sim.load(f"{TWO_STRATEGIES}engine: compiled\n")
KINDS = {
    "source": lambda _: SOURCE,
    "quick": lambda _: dispatch_sim.ask(tasks=4),
    "map": lambda _: dispatch_sim.map_winners(
        SOURCE, "tasks=2,6", "provider.limits.scale=1,10", replications=20
    ),
    "explanation": lambda _: dispatch_sim.explain(SOURCE, ranges={"tasks.tokens": "5K..50K"}, replications=8),
    "diff": lambda _: dispatch_sim.diff(SOURCE, SOURCE.replaced({"tasks.count": 4}), replications=20),
    "tuning": lambda _: dispatch_sim.tune(SOURCE, replications=8),
    "logs": lambda logs: logs,
    "calibration": dispatch_sim.calibrate,
    "backtest": lambda logs: dispatch_sim.backtest(logs, replications=4),
    "what_if": dispatch_sim.what_if,
}


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    write_example(folder)
    return dispatch_sim.read_logs(folder / "codex")


def page_of(result):
    """Return the page that a notebook shows, which fetches nothing."""
    text = result._repr_html_()
    sources = re.findall(r'\b(?:src|href)="([^"]*)"', text)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    return Page(text)


def of_answer(answer):
    return [answer, answer.results, *answer.choices, *answer.break_evens]


@pytest.mark.parametrize("name", ALL)
def test_an_answer_and_its_parts_are_well_formed_pages_and_print(name, request):
    for each in of_answer(request.getfixturevalue(name)):
        page_of(each)
        assert str(each).strip()


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_result_is_a_well_formed_page_and_prints(name, logs):
    found = KINDS[name](logs)
    assert {tag for tag, _ in page_of(found).tags} & {"table", "img", "p"}
    assert not str(found).startswith(type(found).__name__)


def test_what_is_recommended_is_said_in_words_and_in_the_page(tight):
    sentence = "Use a queue of 2 for six tasks"
    page = tight._repr_html_()
    assert sentence in str(tight)
    assert sentence in page
    [image] = [attributes for tag, attributes in Page(page).tags if tag == "img"]
    assert image["alt"]
    svg = base64.b64decode(image["src"].removeprefix("data:image/svg+xml;base64,")).decode()
    assert svg.startswith("<?xml")


def test_names_of_a_user_are_inert(hostile):
    """No tag, script or formula of theirs: in a page all is text, and MathJax passes over it."""
    allowed = {"div", "p", "table", "caption", "thead", "tbody", "tr", "th", "td", "img", "span", "strong"}
    allowed |= {"em", "ul", "li"}
    source = dispatch_sim.load(HOSTILE)
    for each in [*of_answer(hostile), source]:
        page = Page(each._repr_html_())
        assert {tag for tag, _ in page.tags} <= allowed
        assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
        assert "mathjax_ignore" in page.tags[0][1]["class"]
        assert "\u202e" not in each._repr_html_()


def test_a_source_with_a_mistake_shows_the_mistake():
    wrong = dispatch_sim.load("tasks: [{name: a, tokens: 15K, duration: 60 parsecs}]")
    assert "60 parsecs" in str(wrong)
    assert "is not a time" in wrong._repr_html_()


def test_long_tables_say_what_they_leave_out(many):
    points = many.results.frame.groupby(["strategy", "concurrency", "tasks"]).ngroups
    page = Page(many.results._repr_html_())
    rows = sum(tag == "tr" for tag, _ in page.tags) - 1
    assert rows < points
    assert f"And {points - rows} more design points" in str(many.results)


def test_a_choice_by_a_measure_of_ones_own_is_shown_by_its_name(tight):
    frame = tight.results.frame.assign(mine=lambda rows: rows["tokens"] + 1.0)
    choice = dispatch_sim.choose(frame, 6, "mine")
    found = dispatch_sim.find_break_even(frame, "mine")[0]
    assert "mine" in str(choice)
    assert "mine" in found._repr_html_()


def test_in_a_notebook_text_and_page_are_kept_and_not_all_data(tight):
    bundle, _ = DisplayFormatter().format(tight)
    assert bundle["text/plain"] == str(tight).rstrip()
    assert bundle["text/html"] == tight._repr_html_()


def test_in_a_notebook_an_error_of_the_user_is_a_message_without_a_traceback(tmp_path):
    """By IPython itself, in a process of its own: it changes much in the one that it runs in."""
    code = "import dispatch_sim; dispatch_sim.load('missing.yaml')"
    ran = subprocess.run(
        [sys.executable, "-m", "IPython", "--HistoryManager.enabled=False", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"IPYTHONDIR": os.fspath(tmp_path), "PYTHONPATH": SOURCES},
    )
    told = ran.stdout + ran.stderr
    assert "missing.yaml: cannot be read" in told
    assert "Traceback" not in told


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(TypeError, match="cannot be displayed"):
        document_of(object())
