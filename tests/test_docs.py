"""What the documentation names exists, and its examples run as shown."""

import ast
import asyncio
import re
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from dispatch_sim.cli import app
from dispatch_sim.scenario.loader import load
from tests import examples

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sim" / "dispatch_sim"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE, RECIPES, SECURITY, MODEL, STATISTICS = (
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("architecture", "recipes", "security", "model", "statistics")
)


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
    rows = re.findall(r"^\| [^|]+\? \| (.*) \|$", ARCHITECTURE, flags=re.MULTILINE)
    assert len(rows) > 30
    for part in (part for row in rows for part in row.split(";")):
        code = re.findall(r"`([^`]+)`", part)
        paths = [PACKAGE / each for each in code if each.endswith((".py", ".yaml", ".txt", "/"))]
        assert all(path.exists() for path in paths), part
        source = "".join(path.read_text(encoding="utf-8") for path in paths if path.is_file())
        for name in (each for each in code if "/" not in each):
            assert re.search(rf"(def|class) {name.split('.')[-1]}\b", source), name


def names_in(text):
    return re.findall("`(.+?)`", text)


def look_up(package, name):
    module, *attributes = name.split(".")
    value = import_module(f"dispatch_sim.{package}.{module}")
    for attribute in attributes:
        value = getattr(value, attribute)


def test_guides_name_existing_code_and_every_module_of_the_model():
    names = names_in("".join(re.findall("^Code: .*$", MODEL + STATISTICS, flags=re.MULTILINE)))
    for name in names:
        assert (PACKAGE / name).exists() if "/" in name else look_up("model", name) is None
    modules = {path.stem for path in (PACKAGE / "model").glob("[a-z]*.py")}
    assert modules - {name.partition(".")[0] for name in names} == {
        "events",
        "outcome",
        "plan",
        "simulation",
    }


def test_architecture_names_existing_code_of_both_engines():
    section = ARCHITECTURE.partition("\n## The compiled engine\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!---|`model/`)(.*) \| (.*) \|$", section, flags=re.MULTILINE)
    assert len(rows) > 10
    for package, cell in (pair for row in rows for pair in zip(("model", "engine"), row, strict=True)):
        for name in names_in(cell):
            look_up(package, name)


def test_threats_name_a_bound_and_an_existing_test():
    lines = SECURITY.partition("| Threat | Bound | Test |")[2].splitlines()
    rows = [line for line in lines if re.match(r"\| (?!Threat)", line)]
    assert len(rows) > 30
    for row in rows:
        path, name = re.fullmatch(r"\| .+ \| .+ \| `([\w./]+)::(test_\w+)` \|", row).groups()
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, row


BLOCKS = [block for page in examples.PAGES for block in examples.BLOCK.findall(page.read_text("utf-8"))]
EXAMPLES = [example for block in BLOCKS for example in examples.commands(block)]


@pytest.mark.parametrize("command", dict.fromkeys(command for command, *_ in EXAMPLES))
def test_console_example_shows_what_its_command_prints(command):
    for other, output, short in EXAMPLES:
        if other == command:
            assert output == examples.output(command, short), "make examples"


@pytest.mark.parametrize(
    ("title", "outputs"),
    [
        ("Twelve refactorings", [r"^Use a queue of 12 ", r"\nparallel .*\+\$2\."]),
        (
            "Forty documents",
            [
                r"^Use a queue of 40 .*paced",
                r"\nqueue of 2 .* 0 of 40\n",
                r"\nparallel .* [12]\d\.\d of 40\n",
            ],
        ),
        ("Eight coders", [r"^Use a queue of 2 ", r"with parallel: .* conflicts"]),
        ("A nightly batch", [r"^Use a queue of 10 .*paced", r"do\s+not\s+meet\s+the\s+limits:\s+sequential"]),
        ("500 calls", [r"\nqueue of 500 \(script\) +\$2\.\d+ .* [45]\ds "]),
        ("Is a higher tier", [r"^B saves \$1\d\.\d+ of cost a batch"]),
    ],
)
def test_advice_of_a_recipe_fits_its_output(title, outputs):
    """Of the calls: 500 x (480 x $3 + 120 x $15) / 1M = $1.62, 5% more for repeats, a minute at $40/h."""
    recipe = RECIPES.partition(f"\n## {title}")[2].partition("\n## ")[0]
    output = recipe.rpartition("$ dispatch-sim")[2].partition("\n")[2]
    assert all(re.search(each, output) for each in outputs)


def test_limiter_of_the_recipe_sends_no_call_that_a_full_bucket_would_reject(monkeypatch):
    """A minute's limit of 30K tokens: a call of n tokens needs room for n, and room grows by 500 a second."""
    clock, sent = [0.0], []

    async def sleep(seconds):
        clock[0] += seconds

    async def create(prompt):
        sent.append((clock[0], prompt))
        return SimpleNamespace(usage=SimpleNamespace(output_tokens=100))

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(asyncio, "sleep", sleep)
    found: dict = {}
    exec(re.findall(r"```python\n(.*?)```", RECIPES, flags=re.DOTALL)[-1], found)
    client = SimpleNamespace(messages=SimpleNamespace(create=create))
    for tokens in (20_000, 9_000, 12_000, 30_000, 1_000, 8_000):
        asyncio.run(found["send"](client, tokens, prompt=tokens))
    room, at = 30_000.0, 0.0
    for now, tokens in sent:
        room, at = min(30_000.0, room + 500 * (now - at)) - tokens, now
        assert room == pytest.approx(max(room, 0.0), abs=1e-6)
    assert sent[-1][0] == pytest.approx((80_000 - 30_000) / 500)


def test_tiers_differ_in_nothing_where_no_limit_is_reached():
    tiers = RECIPES.partition("\n## Is a higher tier")[2]
    assert "--with provider.profile=anthropic-build\nA and B have the same cost in every replication" in tiers


def test_snippet_of_the_readme_runs_as_written(tmp_path, monkeypatch, capsys):
    [snippet] = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "README.md", "exec"), {})
    assert "queue of 2" in capsys.readouterr().out
    assert (tmp_path / "reports" / "mine" / "report.html").exists()


def test_readme_names_every_command():
    for name in typer.main.get_command(app).commands:
        assert re.search(rf"(`|dispatch-sim ){name}\b", README), name


def test_quoted_break_even_and_figure_are_those_of_the_stored_report():
    stored = ROOT / "reports" / "ten-sources"
    page = (stored / "report.md").read_text(encoding="utf-8")
    quoted = " ".join(line.removeprefix("> ") for line in README.splitlines() if line.startswith("> "))
    assert "(reports/ten-sources/break-even.svg)" in README
    assert (stored / "break-even.svg").exists()
    assert load(ROOT / "scenarios" / "ten-sources.yaml").scenario().fingerprint[:12] in page
    form = r"[Ww]ith\s+(\d+)\s+or more tasks[^.]*?with (\d+ to \d+), parallel"
    assert re.findall(form, quoted) == re.findall(form, page)[:1]
