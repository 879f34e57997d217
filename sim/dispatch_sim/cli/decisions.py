"""Commands for a decision: decide, diff, map, why, tune."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dispatch_sim.cli.options import (
    Json,
    ReportOptions,
    ScenarioOptions,
    Settings,
    StudyOptions,
    changed,
    flag,
    key_values,
    number,
    output,
    print_warnings,
    setting_values,
    text,
)
from dispatch_sim.cli.output import check_new, fail, print_answer, print_json, print_written, write_new


@dataclass(frozen=True)
class QuestionOptions:
    """A question, as `ask` takes it."""

    tasks: Annotated[int, number(1, 100_000, help="Number of tasks in the batch.")]
    tokens: Annotated[
        str,
        text(
            "TOKENS",
            help="Mean tokens of a task: new input and output, each counted once, without cache reads and "
            "the agent's start prompt. A fifth of them is output (--set tasks.output_share).",
        ),
    ] = "15K"
    duration: Annotated[str, text("TIME", help="Mean duration of a task without waiting.")] = "60s"
    calls: Annotated[str | None, text("N", help="Mean model calls of a task. Default: 5.")] = None
    spread: Annotated[str, text("SHARE", help="Coefficient of variation of tokens and duration.")] = "50%"
    limits: Annotated[
        str | None,
        text(
            "LIMITS",
            help="Rate limits: a provider profile, 'unlimited', or requests/input/output tokens per minute, "
            "such as 50/30K/8K. Input read from a cache counts for OpenAI only. Default: 1000/2M/400K.",
        ),
    ] = None
    model: Annotated[
        str | None,
        text(
            "NAME",
            help="Model with its prices, such as claude-sonnet-5. Default: $3 and $15 per million.",
        ),
    ] = None
    client: Annotated[
        str | None,
        text("NAME", help="Client profile, such as openai-sdk. Default: the harness's, or an SDK."),
    ] = None
    harness: Annotated[
        str | None, text("NAME", help="Harness profile, such as codex. Default: no cap on agents.")
    ] = None
    manager: Annotated[
        str | None,
        text(
            "KIND",
            help="Coordinator: an agent, or a script that dispatches and takes results without time or "
            "tokens. Default: agent.",
        ),
    ] = None
    concurrency: Annotated[
        str | None,
        text(
            "LIST",
            help="Concurrencies of queues to compare: 2..6 or 2,4,8. Default: up to 13, from 2 to the number "
            "of tasks, or to the cap of a harness that refuses more.",
        ),
    ] = None
    objective: Annotated[
        str | None, text("METRIC", help="Metric to minimise: cost, makespan, tokens, ... Default: cost.")
    ] = None
    deadline: Annotated[
        str | None, text("TIME", help="Limit on the makespan, met in 95% of batches. Default: none.")
    ] = None
    budget: Annotated[
        str | None, text("DOLLARS", help="Limit on the bill, met in 95% of batches. Default: none.")
    ] = None
    timeout: Annotated[str | None, text("TIME", help="Timeout of an attempt, such as 5m. Default: none.")] = (
        None
    )
    waiting: Annotated[str | None, text("RATE", help="Value of an hour of waiting. Default: $40/h.")] = None
    people: Annotated[str | None, text("RATE", help="Cost of a person's hour. Default: $80/h.")] = None


def decide(
    context: typer.Context,
    question: QuestionOptions,
    settings: Settings = None,
    seed: Annotated[int, number(0, 2**64 - 1, help="Random seed.")] = 1,
    save: Annotated[
        Path | None, output("FILE", help="Scenario file to write, for compare, map and why. Default: none.")
    ] = None,
    explain: Annotated[bool, flag("--explain", help="Print assumptions and confidence as well.")] = False,
    as_json: Json = False,
) -> None:
    """Recommend a strategy for a batch, without a scenario file."""
    from dispatch_sim.decide.question import QuestionError, ask

    if explain and as_json:
        fail("--explain: has no effect with --json, which includes the whole scenario; leave one out")
    if save is not None:
        check_new(save)
    texts = key_values("--set", settings)
    try:
        _check_given_once(context, texts)
        answer = ask(**vars(question), settings=setting_values(texts), seed=seed)
    except QuestionError as error:
        fail(error.by_option(texts))
    if save is not None:
        from dispatch_sim.scenario.tree import yaml_text

        write_new(save, yaml_text(answer.source.raw))
    if as_json:
        print_json(answer.to_json())
        return
    from dispatch_sim.report.quick import quick_document

    typer.echo(quick_document(answer, explained=explain).text, nl=False)


def _check_given_once(context: typer.Context, texts: Mapping[str, str]) -> None:
    """Check that `--set` replaces no other option that is written as well."""
    from dispatch_sim.decide.question import ARGUMENTS, read_limits

    for path, argument in ARGUMENTS.items():
        source, given = context.get_parameter_source(argument), context.params[argument]
        if argument == "manager" or source is None or source.name != "COMMANDLINE":
            continue
        if path == ("provider", "profile") and "profile" not in read_limits(given):
            continue
        keys = [key for key in path if isinstance(key, str)]
        for key in (".".join(keys[:length]) for length in range(1, len(keys) + 1)):
            if key in texts:
                fail(f"--set {key}={texts[key]}: replaces --{argument} {given}; leave one out")


def diff(
    study: StudyOptions,
    other: Annotated[
        Path | None,
        typer.Argument(
            metavar="OTHER",
            help="Second scenario file, B. Default: the first again. B takes the seed, replications and "
            "confidence of the first, A. The difference is in the objective of A.",
        ),
    ] = None,
    change: Annotated[
        list[str] | None,
        text(
            "KEY=VALUE",
            "--with",
            help="Set a key of B only, such as provider.limits.scale=4; --set is for both. Repeatable.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare scenario B with scenario A: what B saves, as recommended and by each strategy of both."""
    from dispatch_sim.decide.diff import diff as compare

    if other is None and not change:
        fail("diff: needs a second scenario file, or --with KEY=VALUE for a change of the first")
    first = study.source(study.seed)
    second = ScenarioOptions(other, study.settings, study.data).source() if other is not None else first
    second = changed(second, change, "--with")
    print_warnings(second, besides=first)
    with study.simulating("replications") as how:
        found = compare(first, second, **how)
    print_answer(found, as_json)


def map_strategies(
    study: ReportOptions,
    x: Annotated[
        str, text("KEY", help="Key on the x axis, or KEY=LOW..HIGH, or KEY=1K,5K,20K.")
    ] = "tasks.tokens",
    y: Annotated[
        str, text("KEY", help="Key on the y axis, likewise. 'tasks' is the batch size.")
    ] = "provider.limits.scale",
    cells: Annotated[int, number(2, 60, help="Number of values of an axis that lists none.")] = 12,
    as_json: Json = False,
) -> None:
    """Map which strategy wins, over two keys of the scenario."""
    from dispatch_sim.decide.winner_map import map_winners
    from dispatch_sim.report.maps import write_map

    source, folder = study.source(study.seed), study.folder
    options = {_key(y): "--y", _key(x): "--x"}
    with _naming(options), study.simulating("percent") as how:
        winners = map_winners(source, x, y, cells=cells, **how)
    _print_added(write_map(winners, folder))
    print_answer(winners, as_json)


def why(
    study: ReportOptions,
    vary: Annotated[
        list[str] | None, text("KEY=LOW..HIGH", help="Range to vary a key over. Repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain why the recommended strategy wins, and which changes of the scenario would switch it."""
    from dispatch_sim.decide.explanation import explain
    from dispatch_sim.report.why import write_why

    ranges = key_values("--vary", vary, "tasks.tokens=1K..1M")
    source, folder = study.source(study.seed), study.folder
    with _naming(dict.fromkeys(ranges, "--vary")), study.simulating("percent") as how:
        explained = explain(source, ranges=ranges, **how)
    _print_added(write_why(explained, folder))
    print_answer(explained, as_json)


def _key(text: str) -> str:
    """Return the key in KEY=VALUES."""
    return text.partition("=")[0].strip()


@contextmanager
def _naming(options: Mapping[str, str]) -> Iterator[None]:
    """Name the option, by key, that an error about a key comes from."""
    from dispatch_sim.decide.parameters import ParameterError

    try:
        yield
    except ParameterError as error:
        option = options.get(error.key)
        fail(f"{option} {error}" if option else str(error))


def tune(study: ReportOptions, as_json: Json = False) -> None:
    """Find the timeout, retries, pacing and concurrency that minimise the objective."""
    from dispatch_sim.decide.tuning import tune as search
    from dispatch_sim.report.tuning import write_tuning

    source, folder = study.source(study.seed), study.folder
    with study.simulating("percent") as how:
        tuned = search(source, **how)
    print_written(write_tuning(tuned, folder))
    print_answer(tuned, as_json)


def _print_added(paths: list[Path]) -> None:
    """Print what was written, and how to add it to the report of a sweep in the same folder."""
    print_written(paths)
    folder = paths[0].parent
    if (folder / "results.parquet").exists():
        typer.echo(f"to add it to the report: dispatch-sim report {folder}", err=True)
