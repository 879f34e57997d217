"""Options that several commands share, and how a command takes them.

A command has a parameter whose type is a dataclass of options; `flattened` puts the options in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from dispatch_sim.cli.output import exit_codes, fail, progress

if TYPE_CHECKING:
    from dispatch_sim.scenario.loader import Source
    from dispatch_sim.scenario.problems import Problem, ScenarioError


def number(low: int, high: int, *names: str, help: str) -> Any:
    """Return an option that takes a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise typer.BadParameter(f"{text!r} is not a whole number from {low:,} to {high:,}")
        return value

    return typer.Option(*names, metavar="N", parser=parse, help=help)


def flag(*names: str, help: str, **more: Any) -> Any:
    """Return an option without a value."""
    return typer.Option(*names, metavar="", help=help, **more)


def text(metavar: str, *names: str, help: str) -> Any:
    """Return an option that takes a text, a file or a folder."""
    return typer.Option(*names, metavar=metavar, help=help)


def output(metavar: str, *names: str, help: str) -> Any:
    """Return an option that takes a file or a folder to write to."""

    def parse(given: str | Path) -> Path:
        if not str(given):
            raise typer.BadParameter("'' is not a path; write one, such as reports/mine")
        return Path(given)

    return typer.Option(*names, metavar=metavar, parser=parse, help=help)


DataFolder = Annotated[
    Path | None, text("DIR", "--data", help="Another folder that the scenario's csv files may be in.")
]

Settings = Annotated[
    list[str] | None,
    text("KEY=VALUE", "--set", help="Set a key of the scenario, such as client.retries=5. Repeatable."),
]

Seed = Annotated[int | None, number(0, 2**64 - 1, help="Random seed. Default: the scenario's.")]

Replications = Annotated[
    int | None, number(2, 10**9, help="Replications per design point. Default: the scenario's.")
]

Jobs = Annotated[int | None, number(1, 1024, help="Threads of the compiled engine. Default: one per core.")]

Json = Annotated[bool, flag("--json", help="Print the answer as JSON.")]

FailOn = Annotated[
    list[str] | None,
    text(
        "THRESHOLD",
        help="Exit with code 3 if the recommended strategy exceeds it, such as 'p95_makespan > 20m' or "
        "'cost > $10'. Repeatable.",
    ),
]


@dataclass(frozen=True)
class ScenarioOptions:
    """A scenario file, and changes to it."""

    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="Scenario file (YAML).")]
    settings: Settings = None
    data: DataFolder = None

    def source(self, seed: int | None = None) -> Source:
        """Return the scenario with the values of `--set`, and with a seed if one is given."""
        from dispatch_sim.scenario.loader import load

        source = changed(load(self.scenario, self.data), self.settings)
        return source if seed is None else source.replaced({"study.seed": seed})


@dataclass(frozen=True)
class StudyOptions(ScenarioOptions):
    """A scenario file, and how it is simulated."""

    seed: Seed = None
    replications: Replications = None
    jobs: Jobs = None

    def source(self, seed: int | None = None) -> Source:
        """Return the scenario, and print its warnings."""
        source = super().source(seed)
        print_warnings(source)
        return source

    @contextmanager
    def simulating(self, what: str) -> Iterator[dict[str, Any]]:
        """Show progress, and yield the arguments of what simulates."""
        with progress(what) as on_progress:
            yield {"replications": self.replications, "jobs": threads(self.jobs), "on_progress": on_progress}


@dataclass(frozen=True)
class ReportOptions(StudyOptions):
    """A study whose results are written to a folder."""

    out: Annotated[
        Path | None, output("DIR", help="Output folder. Default: reports/NAME, for a scenario in NAME.yaml.")
    ] = None

    @property
    def folder(self) -> Path:
        """The folder, which can be written to."""
        from dispatch_sim.study.files import check_folder
        from dispatch_sim.study.results import folder_name

        folder = self.out or Path("reports") / folder_name(self.scenario.stem)
        check_folder(folder)
        return folder


def print_warnings(source: Source, besides: Source | None = None) -> None:
    """Print the warnings of a scenario that another one does not have."""
    from dispatch_sim.scenario.warnings import warnings

    printed = warnings(besides.scenario()) if besides is not None else []
    for warning in warnings(source.scenario()):
        if warning not in printed:
            typer.echo(f"warning: {warning}", err=True)


def setting_values(texts: Mapping[str, str], option: str = "--set") -> dict[str, Any]:
    """Return the values of an option such as `--set`, which are YAML, by key."""
    from dispatch_sim.scenario.problems import ScenarioError
    from dispatch_sim.scenario.tree import read_tree

    values = {}
    for key, text in texts.items():
        if key.startswith("tasks["):
            rest = key.partition("].")[2] or "count"
            fail(
                f"{option} {key}={text}: groups of tasks have no numbers here; write tasks.{rest} for all"
                f" groups, or tasks.NAME.{rest} for the group of that name"
            )
        try:
            tree = read_tree(text, option)
        except ScenarioError as error:
            problems = error.problems
        else:
            values[key], problems = tree.raw, tree.problems
        if problems:
            fail(f"{option} {key}={text}: {problems[0].message}")
    return values


def changed(source: Source, given: list[str] | None, option: str = "--set") -> Source:
    """Return a scenario with the values of an option; an error that they cause names it."""
    from dispatch_sim.scenario.problems import ScenarioError

    texts = key_values(option, given)
    if not texts:
        return source
    try:
        replaced = source.replaced(setting_values(texts, option))
        replaced.scenario()
    except ScenarioError as error:
        written = {key: f"{option} {key}={text}" for key, text in texts.items()}
        fail("\n".join(dict.fromkeys(_messages(source, written, error))))
    _warn_about_profiles(source, texts)
    return replaced


def _warn_about_profiles(source: Source, texts: Mapping[str, str]) -> None:
    """Warn of values of the file that go before those of a profile or model of an option."""
    from dispatch_sim.scenario.profiles import own_keys_before
    from dispatch_sim.scenario.wording import listed

    for key, name in texts.items():
        own = own_keys_before(source.raw, key, name)
        own = [each for each in own if not any(f"{each}.".startswith(f"{set_}.") for set_ in texts)]
        if own:
            typer.echo(
                f"warning: {source.filename}: its own values of {listed(own)} go before those of"
                f" {key} {name}; remove them from the file to use these",
                err=True,
            )


def _messages(source: Source, options: Mapping[str, str], error: ScenarioError) -> Iterator[str]:
    """Yield the problems of a scenario with values of options; those of the file keep their place."""
    from dispatch_sim.scenario.factors import by_setting
    from dispatch_sim.scenario.problems import Finding, ScenarioError

    earlier: tuple[Problem, ...] = ()
    try:
        source.scenario()
    except ScenarioError as without:
        earlier = without.problems
    for problem in error.problems:
        finding = Finding(problem.path, problem.message)
        if about := by_setting(source.raw, finding, options):
            yield f"{options[about[0]]}: {about[1]}"
        else:
            yield str(problem) if problem in earlier else f"{' '.join(options.values())}: {finding}"


def threads(jobs: int | None) -> int:
    """Return how many threads to use: those asked for, or one for each core."""
    from dispatch_sim.study.runner import all_cores

    return jobs or all_cores()


def key_values(option: str, given: list[str] | None, example: str = "client.retries=5") -> dict[str, str]:
    """Return the values of an option that is written KEY=VALUE, by key."""
    values = {}
    for each in given or []:
        key, equals, value = (part.strip() for part in each.partition("="))
        if not (key and equals and value):
            fail(f"{option}: {each!r} is not KEY=VALUE; write {example}")
        if key in values:
            fail(f"{option} {key}: is given twice; leave one out")
        values[key] = value
    return values


def flattened(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options in place of each dataclass of options, and with exit codes."""
    hints: dict[str, Any] = get_type_hints(command, include_extras=True)
    taken: list[Parameter] = []
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    for name, parameter in signature(command).parameters.items():
        if name in groups:
            options = get_type_hints(groups[name], include_extras=True)
            inside = signature(groups[name]).parameters.items()
            taken += [each.replace(annotation=options[option]) for option, each in inside]
        else:
            taken.append(parameter.replace(annotation=hints[name]))

    @wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{option.name: given.pop(option.name) for option in fields(group)})
        with exit_codes():
            command(**given)

    run.__signature__ = Signature(taken)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in taken}
    del run.__wrapped__
    return run
