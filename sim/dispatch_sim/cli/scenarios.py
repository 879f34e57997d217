"""Commands on scenario files: init, check, run, profiles, schema."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from dispatch_sim.cli.options import Json, ScenarioOptions, Seed, number, output, text
from dispatch_sim.cli.output import fail, print_json, print_written, write_new


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.")] = Path("scenario.yaml"),
) -> None:
    """Write a scenario to start from, with the common keys explained."""
    from importlib.resources import files

    starter = files("dispatch_sim.scenario").joinpath("starter.yaml").read_text(encoding="utf-8")
    write_new(path, starter)
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


def run(
    options: ScenarioOptions,
    strategy: Annotated[
        str | None,
        text(
            "STRATEGY",
            help="Such as parallel or 'queue: 3', with the scenario's options for that kind; "
            "'{queue: 3, manager: script}' has options of its own. Default: the scenario's first strategy.",
        ),
    ] = None,
    tasks: Annotated[int | None, number(1, 100_000, help="Batch size. Default: the scenario's.")] = None,
    replication: Annotated[int, number(0, 2**32 - 1, help="Replication to simulate.")] = 0,
    seed: Seed = None,
    out: Annotated[
        Path | None, output("DIR", help="Write timeline.svg and trace.json (Chrome trace) to DIR.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate one replication and show its timeline."""
    from dispatch_sim.study.design import find_plan
    from dispatch_sim.study.engines import simulate_one

    scenario = options.source(seed).scenario()
    plan = find_plan(scenario, strategy, tasks)
    if (asked := plan.strategy.concurrency or 0) > len(plan.tasks):
        where = "strategies" if strategy is None else "--strategy"
        typer.echo(
            f"warning: {where}: {plan.strategy} starts all {len(plan.tasks):,} tasks together; a"
            f" concurrency of {asked:,} needs a batch of that size",
            err=True,
        )
    outcome, log = simulate_one(plan, replication)
    if as_json:
        print_json(
            {
                "scenario": scenario.name,
                "strategy": plan.strategy.label,
                "concurrency": plan.concurrency,
                "tasks": len(plan.tasks),
                "seed": scenario.study.seed,
                "replication": replication,
                "outcome": outcome._asdict(),
            }
        )
    else:
        from dispatch_sim.report.terminal import terminal_columns
        from dispatch_sim.report.timeline import timeline_text

        typer.echo(timeline_text(plan, log, outcome, terminal_columns()), nl=False)
    if out is not None:
        from dispatch_sim.report.trace import write_timeline

        print_written(write_timeline(plan, log, out))


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
