"""Names of tasks that would be markup, a formula or a wall of text are inert in all that is written."""

import csv
import re

import pytest

from dispatch_sim.decide.diff import diff
from dispatch_sim.decide.winner_map import map_winners
from dispatch_sim.report.diff import diff_document
from dispatch_sim.report.maps import write_map
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import ScenarioError
from tests.report.conftest import HOSTILE


@pytest.fixture
def written(pages):
    return pages("hostile")[0]


def test_a_name_of_ten_thousand_characters_is_refused():
    with pytest.raises(ScenarioError, match="longer than 200 characters"):
        parse_source(HOSTILE.replace("W" * 200, "W" * 10_000)).scenario()


def test_no_name_is_markup_or_turns_text_around_or_is_a_wall(written):
    """In every file: the page, the Markdown and each figure, the timelines with all names among them."""
    assert "{{ 7*7 }}" in (written / "report.html").read_text(encoding="utf-8")
    files = sorted(written.iterdir())
    assert {"run-typical.svg", "report.html", "report.md"} <= {path.name for path in files}
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<!\\)<\s*(script|img|iframe|object)\b", text, re.IGNORECASE)
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
        assert not re.search("W{100}|A{1000}", text)
        if path.suffix != ".md":
            # Nothing that a browser would fetch or run.
            assert not re.search(r"""\s(on\w+|src)\s*=""", re.sub(r">[^<]*<", "><", text))
            fetched = re.findall(r"""(?:href|url)\s*[=(]\s*["']?([^"')\s>]+)""", text)
            assert all(target.startswith("#") for target in fetched)


def test_no_name_is_a_picture_a_link_or_code_in_markdown(written):
    """All pictures are figures that were written; what a name has of the syntax is escaped."""
    text = (written / "report.md").read_text(encoding="utf-8")
    pictures = re.findall(r"(?<!\\)!\[(?:\\.|[^\]\\])*\]\(([^)]+)\)", text)
    assert pictures
    assert all((written / name).exists() for name in pictures)
    assert "http://" not in text
    assert text.startswith("# \\<script\\>")
    assert "\n# " not in text
    own = re.sub(r"\\.|</?details>|</?summary>|`dispatch-sim [a-z]+`", "", text)
    assert not set("<`$") & set(own)


def test_no_name_is_markup_where_two_scenarios_are_compared():
    source = parse_source(
        HOSTILE.replace("<script>alert", "<script>alarm"), filename="<img src=x>\u202e.yaml"
    )
    found = diff_document(diff(HOSTILE, source, replications=12))
    assert "alarm" in found.text
    for text in (found.text, found.html):
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search(r"<\s*(script|img)\b", found.html, re.IGNORECASE)


def test_no_cell_of_a_map_is_a_formula(tmp_path):
    """Neither a head nor a cell begins as one, whatever the groups are called."""
    found = map_winners(parse_source(HOSTILE), "tasks.@SUM(1).tokens", "values.waiting", cells=2)
    write_map(found, tmp_path)
    assert not any("<script>" in (tmp_path / name).read_text() for name in ("map.md", "map.svg"))
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any("@SUM(1)" in cell for cell in cells)
    assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-(?![0-9.])", cell)]
