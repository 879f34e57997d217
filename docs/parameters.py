"""Prints docs/parameters.md: every key of a scenario in one table. `make schema` runs it."""

from collections.abc import Iterable, Iterator

from dispatch_sim.scenario.distribution_text import FAMILIES
from dispatch_sim.scenario.schema import keys, scenario_schema, words_of
from dispatch_sim.scenario.wording import listed


def parameters_text() -> str:
    """Return the table as the committed file has it."""
    parts = scenario_schema()["$defs"]
    quantities = {name: part["description"] for name, part in parts.items() if "properties" not in part}
    forms = {name: ["{" + ", ".join(form) + "}" for form in ways] for name, ways in FAMILIES.items()}
    return "\n".join(
        [
            "# Parameters",
            "",
            "Every key of a scenario, written from the models by `make schema`; a change belongs beside the",
            "key, in `sim/dispatch_sim/scenario/`. `[]` stands for any item of a list. What a scenario says",
            "itself goes before a profile, and a profile before the defaults.",
            "",
            *_table(
                ("Key", "Kind", "Default", "Meaning", "Where the default comes from"),
                (
                    (f"`{path}`", key.kind, _code(key.default), key.meaning, key.origin)
                    for path, key in keys().items()
                ),
            ),
            "",
            "## Kinds of values",
            "",
            *_table(("Kind", "Written"), ((words_of(name), text) for name, text in quantities.items())),
            "",
            "A distribution is a value, or a mapping of one of these to its parameters:",
            "",
            *(f"- `{name}`: {listed(ways, 'or')}" for name, ways in forms.items()),
            "- `constant`: a value",
            "- `empirical`: a list of values, or {csv: FILE, column: NAME}, where FILE lies in the scenario's"
            " folder, or in the one of `--data DIR`",
            "- `mixture`: a list of {weight: 90%, of: DISTRIBUTION}",
            "",
        ]
    )


def _code(default: str) -> str:
    return f"`{default}`" if default not in ("", "required") else default


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    print(parameters_text(), end="")
