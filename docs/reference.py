"""Generates the pages of reference from the code: commands, Python names, and the JSON that commands print.

`conf.py` calls it when the site is built. The pages are not committed.
"""

import json
import re
import shlex
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import typer
from genson import SchemaBuilder
from tests import smoke
from tests.command import dispatch_sim as run
from tests.logs.synthetic import write_example
from typer.cli import get_docs_for_click

import dispatch_sim
from dispatch_sim.cli import app
from dispatch_sim.cli.output import FORMAT_VERSION

CLI = typer.main.get_command(app)

MORE = (
    "profiles",
    "decide --tasks 12 --limits 50/30K/8K",
    "decide --tasks 12 --limits unlimited --duration 20m",
    "compare tiny.yaml --fail-on 'cost > $0' --set objective.deadline=20m --set objective.budget=$5",
    "compare tiny.yaml --set strategies=[parallel]",
    "compare tiny.yaml --set study.replications=auto --set provider.limits.scale=0.1",
    "sweep tiny.yaml --out swept --set 'sweep={tasks: [2, 3], concurrency: [2, 3], tasks.tokens: [5K, 50K]}'",
    "report swept --fail-on 'p95_makespan > 1s'",
    "map tiny.yaml --set objective.deadline=4m",
    "diff tiny.yaml --with tasks.tokens=1K --with client.profile=claude-code --with failures.crash=0%",
)
"""Commands whose output has parts that those of `make wheel-test` do not show."""

KEYS_ARE_DATA = {
    "backtest": ("left_out", "not_forecast"),
    "calibrate": ("kinds",),
    "decide": ("scenario",),
    "logs": ("read.formats", "read.skipped"),
    "profiles": ("profiles[].sources", "profiles[].values"),
    "what-if": ("left_out", "totals", "groups[].strategies"),
}
"""Objects whose keys depend on the input, such as names of agents; a schema has the form of their values."""


def write_pages(folder: Path) -> None:
    """Write all pages of reference to a folder."""
    folder.mkdir(exist_ok=True)
    pages = {"commands": commands_page(), "python": python_page(), "output": output_page(folder)}
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def commands_page() -> str:
    """Return the page of all commands with their options."""
    return get_docs_for_click(obj=CLI, ctx=typer.Context(CLI), name="dispatch-sim", title="Commands")


def python_page() -> str:
    """Return the page of all public names with their docstrings."""
    kinds = defaultdict(list)
    for name in dispatch_sim.__all__:
        kinds["autoclass" if isinstance(getattr(dispatch_sim, name), type) else "autofunction"].append(name)
    lines = [
        "# Python API",
        "",
        "The [guide](../python.md) has an example of each function.",
        "",
        "```{eval-rst}",
    ]
    for kind, names in sorted(kinds.items(), reverse=True):
        for name in names:
            lines += [f".. {kind}:: dispatch_sim.{name}", "   :members:" * (kind == "autoclass"), ""]
    return "\n".join([*lines, "```", ""])


def with_descriptions(app, what, name, thing, options, lines: list[str]) -> None:
    """Rewrite `name : description` of a docstring as numpydoc's `name`, and the description below it.

    The types of parameters are in their annotations.
    """
    section = ""
    written = []
    for at, line in enumerate(lines):
        if lines[at + 1 : at + 2] and re.fullmatch("-{3,}", lines[at + 1]):
            section = line
        found = re.fullmatch(r"(\w[\w, *]*) : (.*)", line)
        if section in ("Parameters", "Attributes", "Raises") and found:
            written += [found[1], f"    {found[2]}"]
        else:
            written.append(line)
    lines[:] = written


def output_page(folder: Path) -> str:
    """Return the page of what each command prints with `--json`, and write the JSON schemas next to it."""
    parts = [
        "# JSON output",
        f"`--json` prints an answer for programs. This is `format_version` {FORMAT_VERSION} of it: the number"
        " rises when a key is removed, renamed, or has another meaning. New keys may be added at any time.",
        "Each schema is inferred from outputs of this version. A key that some outputs lack is not required."
        " A value that does not exist, such as an end of an interval, is null. The tables have the first two"
        " levels; `[]` stands for any item of a list.",
    ]
    for command, schema in output_schemas().items():
        name = f"{command}.schema.json"
        text = json.dumps(schema, indent=1) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
        parts += [f"## {command}", f"[{name}]({name})", _table(schema)]
    return "\n\n".join(parts) + "\n"


def _table(schema) -> str:
    rows = (f"| `{path}` | {kind} |" for path, kind in _keys(schema, "", 2))
    return "\n".join(["| Key | Kind |", "|---|---|", *rows])


def _keys(schema, above: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the paths of keys, in which `[]` stands for any item of a list, with their kinds."""
    for form in schema.get("anyOf", [schema]):
        for key, inner in form.get("properties", {}).items():
            yield f"{above}{key}", _kind(inner)
            if depth > 1:
                yield from _keys(inner, f"{above}{key}.", depth - 1)
        if "items" in form:
            yield from _keys(form["items"], f"{above.removesuffix('.')}[].", depth)


def _kind(schema) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    kinds = [kind for form in schema.get("anyOf", [schema]) for kind in _types(form) if kind != "null"]
    return " or ".join(kinds) or "null"


def _types(schema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def output_schemas() -> dict[str, dict]:
    """Return the JSON schema of the output of each command with `--json`, from outputs of small studies."""
    with_json = {name for name, each in CLI.commands.items() if any("--json" in p.opts for p in each.params)}
    builders = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (Path(folder) / "tiny.yaml").write_text(smoke.SCENARIO, encoding="utf-8")
        write_example(Path(folder) / "logs")
        for line in (*smoke.COMMANDS, *MORE):
            command, *arguments = shlex.split(line)
            as_json = ["--json"] if command in with_json else []
            finished = run(command, *arguments, *as_json, cwd=folder)
            assert finished.returncode in (0, 3), f"{line}: {finished.stderr}"
            if as_json:
                if command not in builders:
                    builders[command] = _builder(command)
                builders[command].add_object(json.loads(finished.stdout))
    assert set(builders) == with_json
    return {command: _schema(command, builder) for command, builder in sorted(builders.items())}


def _builder(command: str) -> SchemaBuilder:
    builder = SchemaBuilder("https://json-schema.org/draft/2020-12/schema")
    for path in KEYS_ARE_DATA.get(command, ()):
        schema = {"type": "object", "patternProperties": {"": None}}
        for key in reversed(path.split(".")):
            if key.endswith("[]"):
                schema = {"type": "array", "items": schema}
            schema = {"type": "object", "properties": {key.removesuffix("[]"): schema}}
        builder.add_schema(schema)
    return builder


def _schema(command: str, builder: SchemaBuilder) -> dict:
    schema = builder.to_schema()
    keys = {key: _widened(inner) for key, inner in schema["properties"].items()}
    title = f"Output of dispatch-sim {command} --json, version {dispatch_sim.__version__}"
    properties = {"format_version": None} | keys | {"format_version": {"const": FORMAT_VERSION}}
    return {"$schema": schema.pop("$schema"), "title": title, **schema, "properties": properties}


def _widened(schema):
    """Return an inferred schema that allows null for any value, and any value where all were null."""
    if "anyOf" in schema:
        return {"anyOf": [_widened(form) for form in schema["anyOf"]]}
    if schema.get("type", "null") == "null":
        return {}
    kinds = ["number" if kind == "integer" else kind for kind in _types(schema)]
    widened = {**schema, "type": list(dict.fromkeys([*kinds, "null"]))}
    for part in ("properties", "patternProperties"):
        if part in schema:
            widened[part] = {key: _widened(inner) for key, inner in schema[part].items()}
    if "items" in schema:
        widened["items"] = _widened(schema["items"])
    return widened
