"""The commands, and nothing else.

Exit codes: 0; 1 when a worker process died; 2 for bad input; 3 when a threshold of --fail-on is violated;
130 when interrupted. What a command answers goes to standard output, progress and errors to standard error.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dispatch_sim.logs.reading import Logs as ReadLogs
    from dispatch_sim.scenario.loader import Source
    from dispatch_sim.scenario.model import Scenario
    from dispatch_sim.study.answer import Answer
    from dispatch_sim.study.results import Results
    from dispatch_sim.study.runner import OnProgress
    from dispatch_sim.study.thresholds import Threshold

FAILED = 1
BAD_INPUT = 2
VIOLATED = 3
INTERRUPTED = 130

app = typer.Typer(
    name="dispatch-sim",
    help="Simulate how to dispatch work to AI sub-agents: all at once, one by one, or through a queue of k.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file (YAML).")]
Seed = Annotated[
    int | None, typer.Option(min=0, max=2**64 - 1, help="Random seed, in place of the scenario's.")
]
Replications = Annotated[
    int | None, typer.Option(min=2, max=10_000_000, help="Replications of every design point.")
]
Jobs = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Worker processes. Default: one for each core.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="THRESHOLD",
        help="Exit with 3 where the recommended way's estimate is so: 'p95_makespan_s > 20m', 'cost > $10'. "
        "May be given several times.",
    ),
]
OutFolder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where to write. Default: reports/NAME, as the file is called."),
]


@app.command()
def check(scenario: ScenarioFile, as_json: Json = False) -> None:
    """Check a scenario: what is wrong with it, what is suspect, and how large its sweep is."""
    with _errors_in_words():
        from dispatch_sim.scenario.sanity import warnings
        from dispatch_sim.study.design import design_sweep

        source = _read(scenario)
        checked = source.scenario()
        design = design_sweep(source)
        found = [str(warning) for warning in warnings(checked)]
        if as_json:
            _print_json(
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


@app.command()
def run(
    scenario: ScenarioFile,
    strategy: Annotated[
        str | None, typer.Option(help="For example parallel, or 'queue: 3'. Default: the scenario's first.")
    ] = None,
    tasks: Annotated[int | None, typer.Option(min=1, max=100_000, help="Size of the batch.")] = None,
    replication: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Which replication to play.")] = 0,
    seed: Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write timeline.svg and trace.json (Chrome trace) there."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Play one replication and show its timeline."""
    with _errors_in_words():
        from dispatch_sim.study.conduct import with_study
        from dispatch_sim.study.design import find_plan
        from dispatch_sim.study.engines import play_one

        checked = with_study(_read(scenario), seed, None).scenario()
        plan = find_plan(checked, strategy, tasks)
        outcome, log = play_one(plan, replication)
        if as_json:
            _print_json(
                {
                    "scenario": checked.name,
                    "strategy": plan.strategy.label,
                    "concurrency": plan.width,
                    "tasks": len(plan.tasks),
                    "seed": checked.study.seed,
                    "replication": replication,
                    "outcome": outcome._asdict(),
                }
            )
        else:
            from dispatch_sim.report.timeline import timeline_text

            typer.echo(timeline_text(plan, log, outcome), nl=False)
        if out is not None:
            from dispatch_sim.report.timeline import write_timeline

            _say_written(write_timeline(plan, log, out))


@app.command()
def compare(
    scenario: ScenarioFile,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write results and report there.")] = None,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Compare the strategies side by side at the batch's own size, paired by replication."""
    with _errors_in_words():
        from dispatch_sim.report.terminal import comparison_text
        from dispatch_sim.study.conduct import compare as play

        thresholds = _thresholds(fail_on)
        if out is not None:
            _check_folder(out)
        with _progress() as on_progress:
            results = play(
                _read(scenario),
                seed=seed,
                replications=replications,
                jobs=_jobs(jobs),
                on_progress=on_progress,
            )
        _answer(results, comparison_text, out, as_json, thresholds)


@app.command()
def sweep(
    scenario: ScenarioFile,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write. Default: reports/NAME, as the file is called."),
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Write the results only, not the pages and figures.")
    ] = False,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Sweep tasks and concurrency: the break-even, the choice, and a report."""
    with _errors_in_words():
        from dispatch_sim.report.terminal import sweep_text
        from dispatch_sim.study.conduct import sweep as play

        thresholds = _thresholds(fail_on)
        folder = _check_folder(out or _folder(scenario))
        with _progress() as on_progress:
            results = play(
                _read(scenario),
                seed=seed,
                replications=replications,
                jobs=_jobs(jobs),
                on_progress=on_progress,
            )
        _answer(results, sweep_text, folder, as_json, thresholds, pages=not no_report)


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where a sweep was written: reports/NAME.")
    ],
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Write the report of a sweep once more, from its stored results, and a map and reasons beside them."""
    with _errors_in_words():
        from dispatch_sim.report.page import rebuild_report
        from dispatch_sim.report.terminal import sweep_text

        thresholds = _thresholds(fail_on)
        answered, written = rebuild_report(folder)
        _say_written(written)
        _end(answered, sweep_text, as_json, thresholds)


@app.command()
def claims(
    only: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Only these claims, such as 7,9. Default: all.")
    ] = None,
    replications: Replications = None,
    jobs: Jobs = None,
    file: Annotated[Path, typer.Option(metavar="FILE", help="The file of claims.")] = Path(
        "scenarios/claims/claims.yaml"
    ),
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")] = Path("reports/claims"),
    as_json: Json = False,
) -> None:
    """Put a file of claims to the model: play each claim's scenarios, and report a verdict on each."""
    with _errors_in_words():
        from dispatch_sim.report.claims import claims_json, verdicts_text, write_claims_report
        from dispatch_sim.study.claim_findings import judge_claims
        from dispatch_sim.study.claims import load_claims

        numbers = _numbers(only)
        read = load_claims(file)
        _check_folder(out)
        with _progress("scenarios") as on_progress:
            findings = judge_claims(
                read,
                only=numbers,
                replications=replications,
                jobs=_jobs(jobs),
                on_progress=on_progress,
            )
        _say_written(write_claims_report(findings, out))
        if as_json:
            _print_json(claims_json(findings))
        else:
            typer.echo(verdicts_text(findings), nl=False)


LogPaths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Logs of agents, and folders with logs anywhere below."),
]


@app.command()
def calibrate(
    paths: LogPaths,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="The scenario to write.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit a scenario to logs of your own agents: each figure with its source, defaults marked as such."""
    with _errors_in_words():
        from dispatch_sim.logs.calibration import calibrate as fit
        from dispatch_sim.report.calibration import calibration_json, calibration_text

        found = fit(_read_logs(paths))
        if out is not None:
            from dispatch_sim.study.results import write_texts

            _say_written(write_texts({out.name: found.text}, out.parent))
        if as_json:
            _print_json(calibration_json(found))
        else:
            typer.echo(calibration_text(found) if out is not None else found.text, nl=False)


@app.command()
def backtest(
    paths: LogPaths,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Forecast with this, in place of a fit to the other sessions."),
    ] = None,
    replications: Annotated[
        int | None, typer.Option(min=20, max=100_000, help="Replications of each forecast.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write backtest.md and its picture there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how well the model would have predicted the parallel groups in logs of your own agents."""
    with _errors_in_words():
        from dispatch_sim.logs.backtest import backtest as predict
        from dispatch_sim.report.backtest import backtest_json, backtest_text, write_backtest

        given = None if scenario is None else _read(scenario).scenario()
        read = _read_logs(paths)
        with _progress("groups") as on_progress:
            found = predict(read, given, replications, on_progress)
        if out is not None:
            _say_written(write_backtest(found, out))
        if as_json:
            _print_json(backtest_json(found))
        else:
            typer.echo(backtest_text(found), nl=False)


@app.command(name="what-if")
def what_if(
    paths: LogPaths,
    queue: Annotated[int, typer.Option(min=1, max=1000, help="Width of the queue.")] = 3,
    as_json: Json = False,
) -> None:
    """Say what the parallel groups in your logs would have taken through a queue, or one by one."""
    with _errors_in_words():
        from dispatch_sim.logs.what_if import what_if as other_ways
        from dispatch_sim.report.what_if import what_if_json, what_if_text

        found = other_ways(_read_logs(paths), queue)
        if as_json:
            _print_json(what_if_json(found))
        else:
            typer.echo(what_if_text(found), nl=False)


@app.command()
def logs(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Logs of agents, and folders with logs anywhere below."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write runs.csv and groups.csv there.")
    ] = None,
    example: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write logs that are made up there, to try this on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read your own logs (Claude Code, Codex, OpenTelemetry): runs of agents, and parallel groups of them."""
    with _errors_in_words():
        if example is not None:
            _write_example(example)
            if not paths:
                return
        if not paths:
            _fail("name a log or a folder of logs, such as ~/.claude/projects or ~/.codex/sessions")
            return
        from dispatch_sim.logs.reading import read_logs
        from dispatch_sim.report.logs import logs_json, logs_text, write_logs

        read = read_logs(*paths)
        if out is not None:
            _say_written(write_logs(read, out))
        if as_json:
            _print_json(logs_json(read))
        else:
            typer.echo(logs_text(read), nl=False)


@app.command()
def profiles(
    name: Annotated[str | None, typer.Argument(help="A profile to show in full. Default: list all.")] = None,
    as_json: Json = False,
) -> None:
    """List the packaged profiles (providers, clients, harnesses, scenarios), or show one with its sources."""
    with _errors_in_words():
        from dispatch_sim.scenario.profiles import profiles as packaged
        from dispatch_sim.scenario.wording import unknown

        found = [profile for profile in packaged() if name in (None, profile.name)]
        if not found:
            _fail(unknown("profile", name or "", [profile.name for profile in packaged()]))
        if as_json:
            keys = ("kind", "name", "title", "read", "sources", "values", "beside")
            _print_json({"profiles": [{key: getattr(profile, key) for key in keys} for profile in found]})
            return
        for profile in found:
            if name is None:
                typer.echo(profile.usage.ljust(42) + profile.title)
            else:
                typer.echo(f"# {profile.usage}\n{profile.text}", nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from dispatch_sim.scenario.schema import schema_text

    typer.echo(schema_text(), nl=False)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("scenario.yaml"),
) -> None:
    """Write a scenario to start from, with every key explained."""
    with _errors_in_words():
        from importlib.resources import files

        text = files("dispatch_sim.scenario").joinpath("starter.yaml").read_text(encoding="utf-8")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            _fail(f"{path}: is there already; name another file")
        except OSError as error:
            _fail(f"{path}: cannot be written: {error.strerror or error}")
        typer.echo(f"wrote {path}; now: dispatch-sim sweep {path}")


@app.command(name="map")
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
    as_json: Json = False,
) -> None:
    """Map where each way of dispatching wins, over two keys of the scenario."""
    with _errors_in_words():
        from dispatch_sim.report.maps import map_text, write_map
        from dispatch_sim.study.conduct import with_study
        from dispatch_sim.study.two_factor_map import map_winners

        source = with_study(_read(scenario), seed, None)
        _warn_of_limits(source.scenario())
        folder = _check_folder(out or _folder(scenario))
        with _progress("cells") as on_progress:
            found = map_winners(
                source,
                x,
                y,
                cells=cells,
                replications=replications,
                jobs=_jobs(jobs),
                on_progress=on_progress,
            )
        _say_beside(write_map(found, folder))
        if as_json:
            _print_json(found.to_json())
        else:
            typer.echo(map_text(found), nl=False)


@app.command()
def why(
    scenario: ScenarioFile,
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=LOW..HIGH", help="The range to try for a key; may be given several times."),
    ] = None,
    samples: Annotated[
        int,
        typer.Option(min=0, max=4096, help="Points of a Sobol sequence, a power of two; 0 leaves it out."),
    ] = 64,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: OutFolder = None,
    as_json: Json = False,
) -> None:
    """Say why the recommended way wins, what that hangs on, and what would flip the decision."""
    with _errors_in_words():
        from dispatch_sim.report.why import why_text, write_why
        from dispatch_sim.study.conduct import with_study
        from dispatch_sim.study.explanation import explain

        source = with_study(_read(scenario), seed, None)
        _warn_of_limits(source.scenario())
        folder = _check_folder(out or _folder(scenario))
        with _progress("values") as on_progress:
            found = explain(
                source,
                ranges=_ranges(vary or []),
                replications=replications,
                samples=samples,
                jobs=_jobs(jobs),
                on_progress=on_progress,
            )
        _say_beside(write_why(found, folder))
        if as_json:
            _print_json(found.to_json())
        else:
            typer.echo(why_text(found), nl=False)


@app.command()
def tune(
    scenario: ScenarioFile,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: OutFolder = None,
    as_json: Json = False,
) -> None:
    """Find the timeout, the retries and the width that minimise the objective, and what is as good."""
    with _errors_in_words():
        from dispatch_sim.report.tuning import tuning_text, write_tuning
        from dispatch_sim.study.conduct import with_study
        from dispatch_sim.study.tuning import tune as find

        source = with_study(_read(scenario), seed, None)
        _warn_of_limits(source.scenario())
        folder = _check_folder(out or _folder(scenario))
        with _progress("starts") as on_progress:
            found = find(source, replications=replications, jobs=_jobs(jobs), on_progress=on_progress)
        _say_written(write_tuning(found, folder))
        if as_json:
            _print_json(found.to_json())
        else:
            typer.echo(tuning_text(found), nl=False)


@app.command()
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
    with _errors_in_words():
        from dispatch_sim.study.quick import Question, ask

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
                concurrency=concurrency,
                objective=objective,
                timeout=timeout,
                waiting=waiting,
                people=people,
                further=_settings(further or []),
                seed=1 if seed is None else seed,
            )
        )
        _warn_of_limits(found.scenario)
        if as_json:
            _print_json(found.to_json())
            return
        from dispatch_sim.report.quick import answer_line, explanation

        typer.echo(answer_line(found))
        if explain:
            typer.echo(explanation(found))


def _read(path: Path) -> Source:
    from dispatch_sim.scenario.loader import load_source

    return load_source(path)


def _warn_of_limits(scenario: Scenario) -> None:
    """Say that a deadline or a budget is not asked for, where only the least mean is looked for."""
    asked = [name for name in ("deadline", "budget") if getattr(scenario.objective, name) is not None]
    for name in asked:
        typer.echo(
            f"warning: the {name} is not asked for here, only what is least; compare and sweep keep to it",
            err=True,
        )


def _read_logs(paths: list[Path]) -> ReadLogs:
    """Read logs, and say what of them was passed over."""
    from dispatch_sim.logs.reading import read_logs

    read = read_logs(*paths)
    for reason, skipped in read.tally.skipped.items():
        typer.echo(f"passed over: {skipped.count:,} x {reason} (first: {skipped.first})", err=True)
    return read


def _counted(first: int, most: int | None) -> str:
    return f"{first:,}" if most in (None, first) else f"{first:,} to {most:,}"


def _write_example(folder: Path) -> None:
    from dispatch_sim.logs.synthetic import write_example

    try:
        written = write_example(folder)
    except OSError as error:
        _fail(f"{folder}: cannot be written to: {error.strerror or error}")
        return
    typer.echo(f"wrote {len(written)} made-up logs; now: dispatch-sim logs {folder}", err=True)


def _folder(scenario: Path) -> Path:
    from dispatch_sim.study.results import folder_name

    return Path("reports") / folder_name(scenario.stem)


def _check_folder(folder: Path) -> Path:
    """Return a folder that can be written to, as far as can be told before anything is played for it."""
    from dispatch_sim.study.results import check_folder

    check_folder(folder)
    return folder


def _jobs(asked: int | None) -> int:
    from dispatch_sim.study.runner import all_cores

    return asked or all_cores()


def _answer(
    results: Results,
    in_words: Callable[[Answer], str],
    folder: Path | None,
    as_json: bool,
    thresholds: list[Threshold],
    *,
    pages: bool = True,
) -> None:
    """Write what a study came to, if anywhere, print what it answers, and end as it did.

    Interrupted too early to say anything it ends at once, and leaves earlier results as they are. The
    report is written before the answer is printed: nobody may read that. Where it cannot be written, the
    answer is printed all the same.
    """
    from dispatch_sim.scenario.problems import UserError
    from dispatch_sim.study.answer import answer

    interrupted = results.manifest["interrupted"]
    if interrupted and results.replications < 2:
        typer.echo("interrupted before anything was done; nothing is written", err=True)
        raise typer.Exit(INTERRUPTED)
    answered = answer(results)
    if folder is not None:
        try:
            _write(answered, folder, pages=pages)
        except UserError as error:
            _print(answered, in_words, as_json)
            _fail(str(error))
    _end(answered, in_words, as_json, thresholds, kept=folder is not None)


def _write(answered: Answer, folder: Path, *, pages: bool) -> None:
    from dispatch_sim.study.results import write_results

    written = write_results(answered.results, folder)
    if pages:
        # Imported here: drawing is what takes longest to load, and one may do without.
        from dispatch_sim.report.page import write_report

        written = write_report(answered, folder) + written
    _say_written(written)


def _end(
    answered: Answer,
    in_words: Callable[[Answer], str],
    as_json: bool,
    thresholds: list[Threshold],
    *,
    kept: bool = True,
) -> None:
    """Print an answer and how its thresholds came out, and end: interrupted, violated, or well."""
    from dispatch_sim.report.thresholds import check_line
    from dispatch_sim.study.thresholds import check

    checks = check(answered, thresholds)
    checked = {"fail_on": [each.to_json() for each in checks]} if checks else {}
    _print(answered, in_words, as_json, checked)
    for each in checks:
        typer.echo(check_line(each), err=True)
    manifest = answered.results.manifest
    if manifest["interrupted"]:
        played = manifest["replications"]
        done = f"{played['played']} of {played['asked']} replications are done"
        typer.echo(f"interrupted: {done}{' and kept' if kept else ''}", err=True)
        raise typer.Exit(INTERRUPTED)
    if any(each.violated for each in checks):
        raise typer.Exit(VIOLATED)


def _print(
    answered: Answer,
    in_words: Callable[[Answer], str],
    as_json: bool,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    if as_json:
        _print_json({**answered.to_json(), **more})
    else:
        typer.echo(in_words(answered), nl=False)


def _thresholds(given: list[str] | None) -> list[Threshold]:
    """Read thresholds, before anything is played for them."""
    if not given:
        return []
    from dispatch_sim.study.thresholds import parse_threshold

    return [parse_threshold(text) for text in given]


def _say_written(paths: list[Path]) -> None:
    names = ", ".join(path.name for path in paths)
    typer.echo(f"wrote to {paths[0].parent}: {names}", err=True)


def _say_beside(paths: list[Path]) -> None:
    """Say what was written, and how it becomes part of the report of a sweep in the same folder."""
    _say_written(paths)
    folder = paths[0].parent
    if (folder / "results.parquet").exists():
        typer.echo(f"dispatch-sim report {folder} puts it into the report there", err=True)


def _print_json(answer: dict[str, Any]) -> None:
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))


def _fail(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(BAD_INPUT)


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """Turn what the layers below raise for the user into a message and an exit code."""
    from dispatch_sim.scenario.problems import UserError
    from dispatch_sim.study.runner import WorkerError

    try:
        yield
    except UserError as error:
        _fail(str(error))
    except WorkerError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _ranges(given: list[str]) -> dict[str, str]:
    """Read ranges of keys: `tasks.tokens=1K..1M`."""
    found = {}
    for text in given:
        path, equals, range_ = text.partition("=")
        if not equals:
            _fail(f"--vary: {text!r} has no range; write tasks.tokens=1K..1M")
        found[path.strip()] = range_
    return found


def _settings(given: list[str]) -> dict[str, str]:
    """Read values of keys: `client.retries=5`."""
    found = {}
    for text in given:
        path, equals, value = text.partition("=")
        if not equals or not path:
            _fail(f"--set: {text!r} has no value; write client.retries=5")
        found[path.strip()] = value.strip()
    return found


def _numbers(only: str | None) -> tuple[int, ...]:
    """Read the numbers of claims: `7,9`."""
    parts = [part.strip() for part in only.split(",")] if only else []
    wrong = next((part for part in parts if not (part.isascii() and part.isdigit())), None)
    if wrong is not None:
        _fail(f"--only: {wrong!r} is not the number of a claim; write numbers such as 7,9")
    return tuple(map(int, parts))


@contextmanager
def _progress(what: str = "replications") -> Iterator[OnProgress | None]:
    """Show progress on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _interrupt(number: int, frame: object) -> None:
    """End the study, once: what is done is written then, and must not be interrupted again."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


_ENDING = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Run the command line."""
    # A shell that starts us in the background has SIGINT ignored; an interruption is to work there too.
    for each in _ENDING:
        signal.signal(each, _interrupt)
    # A notebook names a backend of its own environment for matplotlib; files need none.
    os.environ["MPLBACKEND"] = "agg"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except OSError as error:  # files are in words before it comes here: what is left is output itself
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be flushed has nowhere to go
        print(f"standard output cannot be written to: {error.strerror or error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
