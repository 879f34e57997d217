"""Links of the documentation lead somewhere, and the architecture names modules and functions that exist."""

import re
from pathlib import Path

import pytest

from tests import examples

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sim" / "dispatch_sim"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not link.startswith(("http:", "https:")):
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_places_in_the_architecture_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+\? \| (.*) \|$", text, flags=re.MULTILINE)
    assert len(rows) > 30
    for part in (part for row in rows for part in row.split(";")):
        code = re.findall(r"`([^`]+)`", part)
        paths = [PACKAGE / each for each in code if each.endswith((".py", ".yaml", ".txt", "/"))]
        assert all(path.exists() for path in paths), part
        source = "".join(path.read_text(encoding="utf-8") for path in paths if path.is_file())
        for name in (each for each in code if "/" not in each):
            assert re.search(rf"(def|class) {name.split('.')[-1]}\b", source), name


def test_console_examples_show_what_the_commands_print():
    for page in examples.PAGES:
        text = page.read_text(encoding="utf-8")
        assert text == examples.with_outputs(text), "make examples"


@pytest.mark.parametrize(
    ("title", "outputs"),
    [
        ("Twelve refactorings", [r"^Use a queue of 12 ", r"\nparallel .*\+\$1\."]),
        (
            "Forty documents",
            [
                r"^Use a queue of 40 .*paced",
                r"\nqueue of 2 .* 0 of 40\n",
                r"\nparallel .* [12]\d\.\d of 40\n",
            ],
        ),
        ("Eight coders", [r"^Use a queue of 2 ", r"with parallel: .* conflicts"]),
        ("A nightly batch", [r"^Use a queue of 10 .*paced", r"do not meet the\s+limits:\s+sequential"]),
        ("500 calls", [r"\nqueue of 500 \(script\) +\$2\.\d+ .* [45]\ds "]),
        ("Is a higher tier", [r"^B saves \$1\d\.\d+ of cost a batch"]),
    ],
)
def test_advice_of_a_recipe_fits_its_output(title, outputs):
    """Of the calls: 500 x (480 x $3 + 120 x $15) / 1M = $1.62, 5% more for repeats, a minute at $40/h."""
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    recipe = text.partition(f"\n## {title}")[2].partition("\n## ")[0]
    output = recipe.rpartition("$ dispatch-sim")[2].partition("\n")[2]
    assert all(re.search(each, output) for each in outputs)


def test_tiers_differ_in_nothing_where_no_limit_is_reached():
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    tiers = text.partition("\n## Is a higher tier")[2]
    assert "--with provider.profile=anthropic-build\nA and B have the same cost in every replication" in tiers
