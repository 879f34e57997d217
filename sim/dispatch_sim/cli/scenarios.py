"""Commands on scenario files: init, check, profiles, schema."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from dispatch_sim.cli.options import Json, ScenarioOptions
from dispatch_sim.cli.output import fail, print_json, write_new


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.")] = Path("scenario.yaml"),
) -> None:
    """Write a scenario to start from, with the common keys explained."""
    from importlib.resources import files

    text = files("dispatch_sim.scenario").joinpath("starter.yaml").read_text(encoding="utf-8")
    write_new(path, text)
    typer.echo(f"wrote {path}; next: dispatch-sim sweep {shlex.quote(str(path))}")


def check(options: ScenarioOptions, as_json: Json = False) -> None:
    """Check a scenario: errors, warnings, and the size of its sweep."""
    from dispatch_sim.report.format import plural
    from dispatch_sim.scenario.warnings import warnings
    from dispatch_sim.study.design import design_sweep

    source = options.source()
    checked = source.scenario()
    design = design_sweep(source)
    warned = [str(warning) for warning in warnings(checked)]
    at_most = design.at_most or design.replications
    if as_json:
        print_json(
            {
                "scenario": checked.name,
                "sha256": checked.fingerprint,
                "tasks": checked.batch_size,
                "design_points": design.points,
                "replications": design.replications,
                "at_most": at_most,
                "warnings": warned,
            }
        )
        return
    for warning in warned:
        typer.echo(f"warning: {warning}")
    fewest = len(design.first_stages[0].replications)
    replications = f"{fewest:,}"
    if at_most > fewest:
        replications += f" to {at_most:,}"
    typer.echo(
        f"{options.scenario}: valid. Tasks: {checked.batch_size:,}. Its sweep has {design.points:,} "
        f"{plural('design point', design.points)}, with {replications} replications each."
    )


def profiles(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Profile to show in full. Default: list all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the profiles of providers, clients, harnesses and agents, or show one with its sources."""
    from dispatch_sim.scenario.profiles import profiles as packaged
    from dispatch_sim.scenario.wording import unknown

    shown = [profile for profile in packaged() if name in (None, profile.name)]
    if not shown:
        fail(unknown("profile", name or "", [profile.name for profile in packaged()]))
    if as_json:
        keys = [field.name for field in fields(shown[0]) if field.name != "text"]
        print_json({"profiles": [{key: getattr(profile, key) for key in keys} for profile in shown]})
        return
    for profile in shown:
        if name is None:
            typer.echo(profile.usage.ljust(42) + profile.title)
        else:
            typer.echo(f"# {profile.usage}\n{profile.text}", nl=False)


def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from dispatch_sim.scenario.schema import schema_text

    typer.echo(schema_text(), nl=False)
