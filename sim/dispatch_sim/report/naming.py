"""Names as short as they can be: an option stands in a name only where it tells two variants apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dispatch_sim.decide.answer import Answer
from dispatch_sim.report.format import KINDS, OPTIONS, capital, listed
from dispatch_sim.scenario.strategy import Strategy, parse_strategy

_MERGES = {
    ("sequential", "barrier"): "One by one merges each result when its agent is back.",
    ("parallel", "as-completed"): "All at once merges each result as it comes in, and does not wait for all.",
    ("queue", "barrier"): "A queue merges nothing before all results are back.",
    ("waves", "barrier"): "Waves merge nothing before the whole wave is back.",
    ("adaptive", "barrier"): "Adaptive dispatch merges nothing before all results are back.",
}

_OPTIONS = {
    "script": "a script hands out the tasks, at once and for nothing, in place of an agent",
    "stagger": "an agent holds its first call while another is writing the shared prompt to the cache",
    "prewarm": "the coordinator writes the shared prompt to the cache before it hands out",
    "longest-first": "the longest tasks are handed out first, as though their length were known",
    "shortest-first": "the shortest tasks are handed out first, as though their length were known",
    "shared": "all agents work on the same files, and a later write takes the place of an earlier one",
    "worktree": "each agent works on its own copy of the files, and conflicts show when it is merged",
    "locks": "an agent waits while another is working on what it has to write",
    "none": "agents learn nothing of each other",
    "rounds": "all tasks are done halfway, then the coordinator writes a brief, by which all are finished",
    "blackboard": "agents read with every call what the others have posted",
}
"""What an option means, where it is not the usual one; its sentence begins with a kind or a name."""


def played(answer: Answer) -> list[Strategy]:
    """Return the strategies that were played, without concurrencies, kinds in their usual order."""
    found = map(parse_strategy, answer.results.points["strategy"].unique())
    return sorted(found, key=lambda strategy: (list(KINDS).index(strategy.kind), strategy.label))


def shared_options(strategies: Iterable[Strategy]) -> dict[str, tuple[str, ...]]:
    """Return, for each kind, the options that all of its variants have: they tell nothing apart."""
    shared: dict[str, tuple[str, ...]] = {}
    for strategy in strategies:
        before = shared.get(strategy.kind, strategy.options)
        shared[strategy.kind] = tuple(option for option in before if option in strategy.options)
    return shared


def option_sentences(answer: Answer) -> list[str]:
    """Say once what names leave out; nothing where all options are the usual ones."""
    return list(_sentences(shared_options(played(answer))))


def _sentences(shared: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for option, sentence in _OPTIONS.items():
        kinds = [KINDS[kind] for kind, options in shared.items() if option in options]
        if kinds:
            where = "" if len(kinds) == len(shared) else f"for {listed(kinds)}, "
            yield capital(f"{where}{sentence}.")
    for (kind, option), sentence in _MERGES.items():
        if option in shared.get(kind, ()):
            yield sentence


def _options_in_names(
    strategies: Iterable[Strategy], shared: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, str]]:
    """Return what the options mean that tell variants apart, as terms."""
    told = {option for each in strategies for option in each.options if option not in shared[each.kind]}
    return [
        (capital(OPTIONS[option]), f"means that {text}.")
        for option, text in _OPTIONS.items()
        if option in told
    ]


def reading(answer: Answer) -> list[tuple[str, str]]:
    """Return how to read a report: each term, and the rest of the sentence that explains it."""
    strategies = played(answer)
    shared = shared_options(strategies)
    kinds = set(shared)
    merges = {each.merge == "as-completed" for each in strategies if each.kind == "parallel"}
    at_end = "merges when all are back" + (
        ", or, where its name says so, each result as it comes in" if len(merges) > 1 else ""
    )
    terms: list[tuple[str, str]] = []
    if "solo" in kinds:
        terms.append(("Solo", "has no sub-agents: the coordinator does every task itself, one by one."))
    if "sequential" in kinds:
        terms.append(("One by one", "starts a task when the one before it is done."))
    if "parallel" in kinds:
        terms.append(
            (
                "All at once",
                "starts every task together and "
                + ("merges each result as it comes in." if merges == {True} else f"{at_end}."),
            )
        )
    if "queue" in kinds:
        terms.append(
            ("A queue of N", "keeps N tasks running and starts the next as soon as one is finished.")
        )
        if "parallel" in kinds:
            terms.append(
                (
                    "The best queue",
                    "is the best of those narrower than the batch; one as wide starts all together too.",
                )
            )
    if "waves" in kinds:
        terms.append(("Waves of N", "start N tasks and wait for all of them before the next N."))
    if "adaptive" in kinds:
        terms.append(
            (
                "Adaptive dispatch",
                "is a queue that finds its width: it begins with four, is one wider after a round without "
                "refused calls, up to the number that it is named by, and half as wide when one is refused "
                "(429).",
            )
        )
    terms += _options_in_names(strategies, shared)
    told = [sentence for sentence in _sentences(shared) if not sentence.startswith("All at once merges")]
    return [*terms, *(("", sentence) for sentence in told)]
