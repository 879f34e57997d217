"""Names as short as they can be: an option stands in a name only where it tells two variants apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from dispatch_sim.report.words import OPTIONS, capital, kind_of, listed, options_of
from dispatch_sim.study.answer import Answer
from dispatch_sim.study.break_even import BreakEven
from dispatch_sim.study.choice import Choice

KINDS = {
    "sequential": "one by one",
    "parallel": "all at once",
    "queue": "a queue",
    "waves": "waves",
    "adaptive": "adaptive dispatch",
}
"""What the kinds of strategies are called where no width is meant."""

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


def played(answer: Answer) -> list[str]:
    """Return the labels of the strategies that were played, kinds in their usual order."""
    found = set(answer.results.frame["strategy"].unique())
    order = list(KINDS)
    return sorted(map(str, found), key=lambda label: (order.index(kind_of(label)), label))


def shared_options(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each kind, the options that all of its variants have: they tell nothing apart."""
    shared: dict[str, tuple[str, ...]] = {}
    for label in labels:
        kind, own = kind_of(label), options_of(label)
        shared[kind] = tuple(option for option in shared.get(kind, own) if option in own)
    return shared


def plainly_named(answer: Answer) -> Answer:
    """Return an answer whose labels have no option that all variants of their kind share.

    What is written to files and as JSON keeps the full labels; this is for what people read.
    """
    labels = played(answer)
    shared = shared_options(labels)
    names = {label: _without(label, shared[kind_of(label)]) for label in labels}
    if all(label == name for label, name in names.items()):
        return answer
    frame = answer.results.frame
    return replace(
        answer,
        results=replace(answer.results, frame=frame.assign(strategy=frame["strategy"].map(names))),
        estimates=answer.estimates.assign(strategy=answer.estimates["strategy"].map(names)),
        choices=tuple(_choice(choice, names) for choice in answer.choices),
        break_evens=tuple(_break_even(found, names) for found in answer.break_evens),
        factor_break_evens=tuple(
            replace(found, parallel=names[found.parallel], queue=names[found.queue])
            for found in answer.factor_break_evens
        ),
        fronts=tuple(
            tuple(replace(point, strategy=names[point.strategy]) for point in front)
            for front in answer.fronts
        ),
        returns=tuple(replace(found, strategy=names[found.strategy]) for found in answer.returns),
    )


def _without(label: str, shared: tuple[str, ...]) -> str:
    own = [option for option in options_of(label) if option not in shared]
    return kind_of(label) + (f" ({', '.join(own)})" if own else "")


def _choice(choice: Choice, names: Mapping[str, str]) -> Choice:
    others = tuple(replace(other, strategy=names[other.strategy]) for other in choice.alternatives)
    return replace(choice, strategy=names[choice.strategy], alternatives=others)


def _break_even(found: BreakEven, names: Mapping[str, str]) -> BreakEven:
    """Rename the two sides; `against` is `best LABEL`, `KIND: N OPTIONS` or `LABEL`, and who against whom."""
    queue, parallel = names[found.queue], names[found.parallel]
    against = found.against.removesuffix(f" vs {found.parallel}")
    if ":" in against:
        options = queue.removeprefix(kind_of(queue)).strip()
        against = f"{against.partition(' (')[0]} {options}".strip()
    else:
        against = f"best {queue}" if against.startswith("best") else queue
    versus = "" if parallel == "parallel" else f" vs {parallel}"
    return replace(found, queue=queue, parallel=parallel, against=against + versus)


def option_sentences(answer: Answer) -> list[str]:
    """Say once what `plainly_named` leaves out of the names; nothing where all options are the usual ones."""
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


def _options_in_names(labels: Iterable[str], shared: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return what the options mean that tell variants apart, as terms."""
    told = {
        option for label in labels for option in options_of(label) if option not in shared[kind_of(label)]
    }
    return [
        (capital(OPTIONS[option]), f"means that {text}.")
        for option, text in _OPTIONS.items()
        if option in told
    ]


def reading(answer: Answer) -> list[tuple[str, str]]:
    """Return how to read a report: each term, and the rest of the sentence that explains it."""
    labels = played(answer)
    shared = shared_options(labels)
    kinds = set(shared)
    merges = {"as-completed" in options_of(label) for label in labels if kind_of(label) == "parallel"}
    at_end = "merges when all are back" + (
        ", or, where its name says so, each result as it comes in" if len(merges) > 1 else ""
    )
    terms: list[tuple[str, str]] = []
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
    terms += _options_in_names(labels, shared)
    told = [sentence for sentence in _sentences(shared) if not sentence.startswith("All at once merges")]
    return [*terms, *(("", sentence) for sentence in told)]
