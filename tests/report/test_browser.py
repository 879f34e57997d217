"""A report in Chromium: on a desk and on a phone, light and dark, and on paper."""

import base64
import re
import shutil

import pytest

from dispatch_sim.decide.explanation import explain
from dispatch_sim.decide.winner_map import map_winners
from dispatch_sim.report.maps import write_map
from dispatch_sim.report.page import write_report
from dispatch_sim.report.why import write_why
from dispatch_sim.scenario.loader import parse_source
from tests.report.browser import Browser
from tests.report.conftest import TIGHT

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no chromium on the PATH")

PHONE, DESK = 390, 1280

# The relative luminance and the contrast ratio of WCAG 2.2.
CONTRASTS = """
(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = rgb => rgb.slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (one, other) => {
    const [low, high] = [luminance(parts(one)), luminance(parts(other))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.matches("style, title, desc")) continue;
    if (element.closest("svg [id*='map-']")) continue;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") ? style.fill : style.color;
    found.push([ratio(colour, ground(element)), walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found.filter(([value]) => value < 4.5);
})()
"""

SMALL_TEXTS = """
[...document.querySelectorAll("svg text")].map(text => {
  const matrix = text.getScreenCTM();
  return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(matrix.a, matrix.b);
}).filter(size => size < 10.4)
"""

SCROLLING = """
[...document.querySelectorAll(".scroll")].map(box => [
  box.scrollWidth > box.clientWidth, getComputedStyle(box, "::before").content.includes("→")
])
"""


WIDE_FIGURES = """
[...document.querySelectorAll(".picture")].filter(box => box.scrollWidth > box.clientWidth)
  .map(box => box.querySelector("svg > title").id)
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(PROGRAM, tmp_path_factory.mktemp("browser"))
    yield found
    found.close()


@pytest.fixture(scope="module", params=["tight", "factors", "many"])
def page(request, pages, tmp_path_factory):
    """Return the page of a study; that of the first has a map and switching values."""
    if request.param != "tight":
        return pages(request.param)[1][0]
    folder, source = tmp_path_factory.mktemp("mapped"), parse_source(TIGHT)
    write_map(map_winners(source, "tasks", "values.waiting", cells=4, replications=2), folder)
    write_why(explain(source, replications=2), folder)
    return write_report(request.getfixturevalue("tight"), folder)[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_page_is_legible_and_silent(browser, page, width, scheme):
    browser.show(page, width=width, scheme=scheme)
    assert browser.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    assert not browser.of("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    requests = [each["request"]["url"] for each in browser.of("Network.requestWillBeSent")]
    assert requests == [page.as_uri()]
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(SMALL_TEXTS) == []
    assert browser.evaluate(CONTRASTS) == []


def test_phone_shows_which_tables_and_figures_scroll(browser, page):
    browser.show(page, width=PHONE)
    parts = browser.evaluate(SCROLLING)
    assert [True, True] in parts
    assert all(scrolls == says for scrolls, says in parts)


def test_figures_fit_a_phone(browser, page):
    """Curves and bars are read without scrolling; a map, a tornado and timelines are wider."""
    browser.show(page, width=PHONE)
    wide = {"run-typical-title", "run-bad-title", "map-title", "tornado-title"}
    assert set(browser.evaluate(WIDE_FIGURES)) <= wide


def test_answer_reasons_and_limits_fit_on_two_printed_pages(browser, page):
    browser.show(page, width=DESK)
    whole = _printed_pages(browser)
    browser.evaluate("document.getElementById('appendices').remove()")
    assert _printed_pages(browser) <= 2 < whole


def _printed_pages(browser):
    printed = browser.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
    return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"])))
