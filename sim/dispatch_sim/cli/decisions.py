"""Commands for a decision: where it holds, what it hangs on, what to set, and an answer without a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dispatch_sim.cli.base import (
    DataFolder,
    Jobs,
    Json,
    OutFolder,
    Replications,
    ScenarioFile,
    Seed,
    errors_in_words,
    fail,
    folder_of,
    print_json,
    progress,
    read_source,
    say_written,
    workers,
    writable,
)

app = typer.Typer()
_PANEL = "Decide"


@app.command(name="map", rich_help_panel=_PANEL)
def map_strategies(
    scenario: ScenarioFile,
    x: Annotated[
        str, typer.Option(metavar="KEY", help="Across: a key, or KEY=LOW..HIGH, or KEY=1K,5K,20K.")
    ] = "tasks.tokens",
    y: Annotated[
        str, typer.Option(metavar="KEY", help="Up: likewise. `tasks` is the size of the batch.")
    ] = "provider.limits.scale",
    cells: Annotated[int, typer.Option(min=2, max=60, help="Levels of an axis without levels.")] = 12,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: OutFolder = None,
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Map where each way of dispatching wins, over two keys of the scenario."""
    with errors_in_words():
        from dispatch_sim.decide.winner_map import map_winners
        from dispatch_sim.report.maps import map_document, write_map
        from dispatch_sim.study.run_study import with_study

        source = with_study(read_source(scenario, data), seed, None)
        folder = writable(out or folder_of(scenario))
        with progress("cells") as on_progress:
            found = map_winners(
                source,
                x,
                y,
                cells=cells,
                replications=replications,
                jobs=workers(jobs),
                on_progress=on_progress,
            )
        _say_beside(write_map(found, folder))
        if as_json:
            print_json(found.to_json())
        else:
            typer.echo(map_document(found, pictures=False).text, nl=False)


@app.command(rich_help_panel=_PANEL)
def why(
    scenario: ScenarioFile,
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=LOW..HIGH", help="The range to try for a key; may be given several times."),
    ] = None,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: OutFolder = None,
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Say why the recommended way wins, what that hangs on, and what would flip the decision."""
    with errors_in_words():
        from dispatch_sim.decide.explanation import explain
        from dispatch_sim.report.why import why_document, write_why
        from dispatch_sim.study.run_study import with_study

        source = with_study(read_source(scenario, data), seed, None)
        folder = writable(out or folder_of(scenario))
        with progress("values") as on_progress:
            found = explain(
                source,
                ranges=_ranges(vary or []),
                replications=replications,
                jobs=workers(jobs),
                on_progress=on_progress,
            )
        _say_beside(write_why(found, folder))
        if as_json:
            print_json(found.to_json())
        else:
            typer.echo(why_document(found, pictures=False).text, nl=False)


@app.command(rich_help_panel=_PANEL)
def tune(
    scenario: ScenarioFile,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: OutFolder = None,
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Find the timeout, the retries and the width that minimise the objective, and what is as good."""
    with errors_in_words():
        from dispatch_sim.decide.tuning import tune as find
        from dispatch_sim.report.tuning import tuning_document, write_tuning
        from dispatch_sim.study.run_study import with_study

        source = with_study(read_source(scenario, data), seed, None)
        folder = writable(out or folder_of(scenario))
        with progress("starts") as on_progress:
            found = find(source, replications=replications, jobs=workers(jobs), on_progress=on_progress)
        say_written(write_tuning(found, folder))
        if as_json:
            print_json(found.to_json())
        else:
            typer.echo(tuning_document(found, pictures=False).text, nl=False)


@app.command(rich_help_panel=_PANEL)
def decide(
    tasks: Annotated[int, typer.Option(min=1, max=100_000, help="Size of the batch.")],
    tokens: Annotated[str, typer.Option(help="Of a task, on average.")] = "15K",
    duration: Annotated[str, typer.Option(help="Of a task, on average, with nothing in its way.")] = "60s",
    calls: Annotated[str | None, typer.Option(help="Model calls of a task. Default: 5.")] = None,
    spread: Annotated[str, typer.Option(help="Coefficient of variation of tokens and duration.")] = "50%",
    limits: Annotated[
        str | None,
        typer.Option(
            help="A provider's profile, 'unlimited', or a minute's requests/input/output: 50/30K/8K."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Whose list prices are paid: claude-sonnet-5.")] = None,
    client: Annotated[str | None, typer.Option(help="A client's profile: claude-code.")] = None,
    harness: Annotated[str | None, typer.Option(help="A harness's profile.")] = None,
    manager: Annotated[
        str | None,
        typer.Option(help="agent, or script: hands out at once and takes the results, at no cost."),
    ] = None,
    concurrency: Annotated[str | None, typer.Option(help="Widths of queues: 2..6, or 2,4,8.")] = None,
    objective: Annotated[
        str | None, typer.Option(help="What is to be small: cost, makespan, tokens...")
    ] = None,
    timeout: Annotated[str | None, typer.Option(help="That ends an attempt: 5m.")] = None,
    waiting: Annotated[str | None, typer.Option(help="What an hour of waiting is worth: $40/h.")] = None,
    people: Annotated[str | None, typer.Option(help="What an hour of a person is worth: $80/h.")] = None,
    further: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other key of a scenario.")
    ] = None,
    seed: Seed = None,
    explain: Annotated[bool, typer.Option("--explain", help="What was assumed, and how sure it is.")] = False,
    as_json: Json = False,
) -> None:
    """Answer in a line how to dispatch a batch, without a file."""
    with errors_in_words():
        from dispatch_sim.decide.quick import Question, ask

        found = ask(
            Question(
                tasks=tasks,
                tokens=tokens,
                duration=duration,
                calls=calls,
                spread=spread,
                limits=limits,
                model=model,
                client=client,
                harness=harness,
                manager=manager,
                concurrency=concurrency,
                objective=objective,
                timeout=timeout,
                waiting=waiting,
                people=people,
                further=_settings(further or []),
                seed=1 if seed is None else seed,
            )
        )
        if as_json:
            print_json(found.to_json())
            return
        from dispatch_sim.report.quick import answer_line, coordination_line, explanation

        typer.echo(answer_line(found))
        if hint := coordination_line(found):
            typer.echo(hint)
        if explain:
            typer.echo(explanation(found))


def _say_beside(paths: list[Path]) -> None:
    """Say what was written, and how it becomes part of the report of a sweep in the same folder."""
    say_written(paths)
    folder = paths[0].parent
    if (folder / "results.parquet").exists():
        typer.echo(f"dispatch-sim report {folder} puts it into the report there", err=True)


def _ranges(given: list[str]) -> dict[str, str]:
    """Read ranges of keys: `tasks.tokens=1K..1M`."""
    found = {}
    for text in given:
        path, equals, range_ = text.partition("=")
        if not equals:
            fail(f"--vary: {text!r} has no range; write tasks.tokens=1K..1M")
        found[path.strip()] = range_
    return found


def _settings(given: list[str]) -> dict[str, str]:
    """Read values of keys: `client.retries=5`."""
    found = {}
    for text in given:
        path, equals, value = text.partition("=")
        if not equals or not path:
            fail(f"--set: {text!r} has no value; write client.retries=5")
        found[path.strip()] = value.strip()
    return found
