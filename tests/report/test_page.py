"""A report is one page that stands alone, and nothing that a user writes is more than text in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from dispatch_sim.decide import rare_events
from dispatch_sim.report import runs
from dispatch_sim.report.format import dollars
from dispatch_sim.report.page import report_document
from dispatch_sim.report.render import markdown
from dispatch_sim.report.runs import two_runs
from dispatch_sim.report.tables import all_points, main_table
from dispatch_sim.report.view import main_view
from dispatch_sim.scenario import model
from tests.report.conftest import ALL, TIGHT, answered

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags are balanced, and keeps what a test asks about."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


# In scope of the module, so that all tests of a page follow one another.
@pytest.fixture(scope="module", params=[name for name in ALL if name not in ("roomy", "certain")])
def report(request, pages):
    return pages(request.param)


def test_a_page_is_whole_and_stands_alone(report):
    folder, paths = report
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert text.lstrip().startswith("<!doctype html>")
    assert len(text.encode()) < 1_500_000
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "link", "form", "img", "base"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "src", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", text))
    shown = {address for address in addresses if address.startswith("http://evil.")}
    assert addresses - shown <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in text
    assert len(page.ids) == len(set(page.ids))


def test_a_page_can_be_read_by_all(report):
    folder, _ = report
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    attributes = dict(page.tags)
    assert attributes["html"]["lang"] == "en"
    assert "width=device-width" in text
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    assert tags.count("caption") == tags.count("table") >= 2
    assert all("scope" in a for tag, a in page.tags if tag == "th")
    pictures = [a for tag, a in page.tags if tag == "svg"]
    for picture in pictures:
        assert picture["role"] == "img"
        assert set(picture["aria-labelledby"].split()) <= set(page.ids)
    assert tags.count("figcaption") == len(pictures)


def test_markdown_refers_to_the_figures_that_were_written(report):
    folder, paths = report
    text = (folder / "report.md").read_text(encoding="utf-8")
    images = re.findall(r"!\[((?:\\.|[^\]\\])*)\]\(([^)]+)\)", text)
    assert {name for _, name in images} == {path.name for path in paths if path.suffix == ".svg"}
    assert all(alternative.strip() for alternative, _ in images)
    for block in re.split(r"\n\n", text):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) <= 1


def test_the_figures_of_the_answer_are_in_the_report(tight, pages):
    text = (pages("tight")[0] / "report.html").read_text(encoding="utf-8")
    choice = tight.choices[0]
    for value in (choice.estimate.mean, choice.estimate.low, choice.estimate.high):
        assert dollars(value) in text
    parallel = main_view(tight).alternative(main_view(tight).first("parallel"))
    assert f"+{dollars(parallel.difference.mean)}" in text
    assert "seed 7" in text
    assert "40 replications per strategy" in text


@pytest.mark.parametrize("page", ["report.html", "report.md"])
def test_options_of_strategies_are_explained_once(pages, page):
    text = (pages("scripted")[0] / page).read_text(encoding="utf-8")
    assert text.count("a script dispatches the tasks") == 1
    assert text.count("merges each result when it returns") == 2  # of a queue, and of as-completed


def test_a_scenario_without_a_name_is_called_as_its_file(nothing, tmp_path):
    """Not `unnamed`."""
    scenario = nothing.results.manifest["scenario"] | {"file": "my-batch.yaml"}
    manifest = nothing.results.manifest | {"scenario": scenario}
    named = replace(nothing, results=replace(nothing.results, manifest=manifest))
    assert report_document(named, tmp_path)[1] == "my-batch"


def test_no_column_is_there_twice(tight):
    for column in ("makespan_s", "tokens", "people_s", "cost_usd"):
        choices = tuple(replace(choice, objective=column) for choice in tight.choices)
        view = main_view(replace(tight, objective=column, choices=choices))
        for table in (main_table(view), all_points(view)):
            heads = [head.partition(" (")[0] for head in table.heads]
            assert len(heads) == len(set(heads))
            assert all(len(row) == len(heads) for row in table.rows)
            assert set(heads) >= {"Cost", "Makespan", "p95 makespan"}
        assert set(heads) >= {"Tokens", "API cost", "People's time"}


def test_numbers_of_replications_are_shown_where_they_differ(tight, monkeypatch):
    monkeypatch.setattr(model, "FIRST", 100)
    monkeypatch.setattr(rare_events, "QUOTED", 400)
    text = TIGHT.replace("replications: 40", "at_most: 400").replace("[1, 2, 3, 4]", "[1, 2, 3, 4, 5]")
    view = main_view(answered(text))
    table = all_points(view)
    at = table.heads.index("Replications")
    assert [row[at] for row in table.rows] == [
        str(view.samples("cost_usd", each).size) for each in view.points
    ]
    assert {row[at] for row in table.rows} == {"100", "400"}
    assert "Replications" not in all_points(main_view(tight)).heads


def test_mean_of_an_alternative_has_an_interval_if_there_are_enough_replications(tight):
    """One that is identical to the recommended one has its mean, whose interval rests on more."""
    view = main_view(tight)
    assert not any(each.identical for each in view.choice.alternatives)
    few = [replace(each.estimate, needed=each.estimate.n + 1) for each in view.choice.alternatives]
    others = tuple(
        replace(each, estimate=one) for each, one in zip(view.choice.alternatives, few, strict=True)
    )
    tables = all_points(view), all_points(replace(view, choice=replace(view.choice, alternatives=others)))
    costs = [[row[1] for row in table.rows] for table in tables]
    assert costs[1] == [costs[0][0], *(cost.partition(" (")[0] for cost in costs[0][1:])]
    same = tuple(replace(each, identical=True) for each in others)
    table = all_points(replace(view, choice=replace(view.choice, alternatives=same)))
    assert {row[1] for row in table.rows} == {costs[0][0]}


@pytest.mark.parametrize(
    ("bill", "completions", "cell"),
    [(0.01, 3.0, "$0.01 (tasks fail)"), (0.01, 0.0, "$0.01"), (99.0, 3.0, "$99.00")],
)
def test_bill_that_is_lower_because_people_do_the_tasks_is_marked(tight, bill, completions, cell):
    estimates = tight.estimates.copy()
    here = (estimates["strategy"] == "parallel") & (estimates["tasks"] == 6)
    for measure, mean in {"money_usd": bill, "manual_completions": completions}.items():
        estimates.loc[here & (estimates["measure"] == measure), "mean"] = mean
    table = main_table(main_view(replace(tight, estimates=estimates)))
    cells = {row[0]: row[table.heads.index("API cost")] for row in table.rows}
    assert cells["parallel"] == cell
    assert "fail" not in cells[str(tight.choices[0].strategy)]


def test_cost_is_defined_where_it_first_appears(tight, pages):
    """With the recommended strategy's bill, waiting and people's time, which add up to its cost."""
    text = (pages("tight")[0] / "report.md").read_text(encoding="utf-8").replace("\\", "")
    definition = text[text.index("*Cost* is") :].partition("\n")[0]
    assert text.lower().index("cost per batch") < text.index("*Cost* is") < text.index("| Strategy |")
    amounts = [float(amount) for amount in re.findall(r"\$([\d.]+\d)", definition)]
    assert sum(amounts) == pytest.approx(tight.choices[0].estimate.mean, abs=0.016)
    assert len(amounts) == 3


@pytest.mark.parametrize("page", ["report.html", "report.md"])
def test_head_of_a_page_states_version_scenario_and_contents(tight, pages, page):
    text = (pages("tight")[0] / page).read_text(encoding="utf-8")
    head = text[: text.index("Precision:")]
    manifest = tight.results.manifest
    assert f"dispatch-sim {manifest['dispatch_sim'] or 'from source'}" in head
    assert manifest["scenario"]["sha256"][:12] in head
    assert "#assumptions-and-limits" in head


def test_contents_lead_to_every_section(report):
    folder, _ = report
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    targets = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    sections = [a["id"] for tag, a in page.tags if tag == "section" or (tag == "h3" and "id" in a)]
    assert {target.removeprefix("#") for target in targets} == set(sections)
    text = (folder / "report.md").read_text(encoding="utf-8")
    headings = re.findall(r"^###? (.*)$", text, re.MULTILINE)
    assert [re.sub(" ", "-", heading.lower()) for heading in headings] == sections


def test_factors_of_the_answer_come_before_its_table_and_those_of_all(pages):
    text = (pages("factors")[0] / "report.html").read_text(encoding="utf-8")
    this, table = text.index("This is for provider.limits.scale = 1"), text.index("The main strategies for")
    assert this < table < text.index("The recommendation for 6 tasks, by") < text.index("Appendices</h2>")


def test_runs_that_nobody_could_read_or_play_again_are_not_drawn_and_it_is_said_why(tight, monkeypatch):
    """Rather than a picture of another run: results may be of a scenario that is not there any more."""
    view = main_view(tight)
    assert two_runs(view, None) == ([], "the scenario stored with the results cannot be read.")
    monkeypatch.setattr(runs, "MOST_TASKS", view.tasks - 1)
    assert two_runs(view, None)[1].startswith(f"batches of more than {view.tasks - 1} tasks")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("1. one", "1\\. one"),
        ("- item", "\\- item"),
        ("32.8K more", "32.8K more"),
        ("a|b", "a\\|b"),
        ("+$4.17", "+\\$4.17"),
        ("---", "\\---"),
    ],
)
def test_markdown_escapes_what_would_be_markup(text, escaped):
    assert markdown(text) == escaped
