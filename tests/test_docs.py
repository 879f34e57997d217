"""Links of the documentation lead somewhere, and the architecture names modules and functions that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sim" / "dispatch_sim"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def anchors(page):
    """Return the anchors of a page's headings, as code hosts make them."""
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
