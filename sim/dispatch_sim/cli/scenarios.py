"""Commands about scenario files: check, profiles, schema, init."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from dispatch_sim.cli.base import (
    DataFolder,
    Json,
    ScenarioFile,
    errors_in_words,
    fail,
    print_json,
    read_source,
)

app = typer.Typer()
_PANEL = "Scenario files"


@app.command(rich_help_panel=_PANEL)
def check(scenario: ScenarioFile, data: DataFolder = None, as_json: Json = False) -> None:
    """Check a scenario: what is wrong with it, what is suspect, and how large its sweep is."""
    with errors_in_words():
        from dispatch_sim.scenario.checks import warnings
        from dispatch_sim.study.design import design_sweep

        source = read_source(scenario, data)
        checked = source.scenario()
        design = design_sweep(source)
        found = [str(warning) for warning in warnings(checked)]
        if as_json:
            print_json(
                {
                    "scenario": checked.name,
                    "sha256": checked.fingerprint,
                    "tasks": checked.batch_size,
                    "design_points": design.points,
                    "replications": design.replications,
                    "at_most": design.at_most or design.replications,
                    "warnings": found,
                }
            )
            return
        for warning in found:
            typer.echo(f"warning: {warning}")
        typer.echo(
            f"{scenario}: good. {checked.batch_size} tasks; a sweep plays {design.points:,} design points, "
            f"{_counted(design.replications, design.at_most)} replications of each."
        )


@app.command(rich_help_panel=_PANEL)
def profiles(
    name: Annotated[str | None, typer.Argument(help="A profile to show in full. Default: list all.")] = None,
    as_json: Json = False,
) -> None:
    """List the packaged profiles (providers, clients, harnesses, scenarios), or show one with its sources."""
    with errors_in_words():
        from dispatch_sim.scenario.profiles import profiles as packaged
        from dispatch_sim.scenario.wording import unknown

        found = [profile for profile in packaged() if name in (None, profile.name)]
        if not found:
            fail(unknown("profile", name or "", [profile.name for profile in packaged()]))
        if as_json:
            keys = [field.name for field in fields(found[0]) if field.name != "text"]
            print_json({"profiles": [{key: getattr(profile, key) for key in keys} for profile in found]})
            return
        for profile in found:
            if name is None:
                typer.echo(profile.usage.ljust(42) + profile.title)
            else:
                typer.echo(f"# {profile.usage}\n{profile.text}", nl=False)


@app.command(rich_help_panel=_PANEL)
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from dispatch_sim.scenario.schema import schema_text

    typer.echo(schema_text(), nl=False)


@app.command(rich_help_panel=_PANEL)
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("scenario.yaml"),
) -> None:
    """Write a scenario to start from, with every key explained."""
    with errors_in_words():
        from importlib.resources import files

        text = files("dispatch_sim.scenario").joinpath("starter.yaml").read_text(encoding="utf-8")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            fail(f"{path}: is there already; name another file")
        except OSError as error:
            fail(f"{path}: cannot be written: {error.strerror or error}")
        typer.echo(f"wrote {path}; now: dispatch-sim sweep {path}")


def _counted(first: int, most: int | None) -> str:
    return f"{first:,}" if most in (None, first) else f"{first:,} to {most:,}"
