"""Sections of a resolved scenario in words; an empty text stands for what is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dispatch_sim.report.words import about, clean, count, duration, listed, percent, tokens
from dispatch_sim.scenario.distribution_text import TokensDistribution
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.strategy import parse_strategy

# A resolved scenario holds plain numbers in base units; of all quantities, tokens are read so.
_PLAIN: TypeAdapter[Distribution] = TypeAdapter(TokensDistribution)

MOST_NAMES = 5
"""Names of files or groups that are listed one by one."""

Section = dict[str, Any]


def spread(raw: Any, show: Callable[[float], str], unit: str = "") -> str:
    """Write a distribution as its mean with a unit and where the middle 80% of it lie."""
    try:
        distribution = _PLAIN.validate_python(raw)
    except ValidationError:
        # Read by other parameters than it is kept by, and by these at the edge of what may be written.
        return f"{json.dumps(raw)}{unit}"
    if isinstance(distribution, Constant):
        return f"{show(distribution.value)}{unit}"
    low, high = show(distribution.quantile(0.1)), show(distribution.quantile(0.9))
    return f"{show(distribution.mean)}{unit} on average (8 in 10: {low} to {high})"


def share(part: float) -> str:
    """Write a probability, however small."""
    return f"{100 * part:.3g}%"


def _names(names: list[str]) -> str:
    shown = [f"“{clean(name, 40)}”" for name in names[:MOST_NAMES]]
    more = len(names) - MOST_NAMES
    return listed([*shown, f"{more} more"] if more > 0 else shown)


def task_group(group: Section) -> str:
    """Write what the tasks of a group are, and what ties them to others."""
    text = (
        f"{count(group['count'])}, each with {spread(group['calls'], about, ' model calls')}, "
        f"{spread(group['tokens'], tokens, ' tokens of work')}, {percent(group['output_share'])} of it "
        f"written, {_time(group)}; {group['output']} output"
    )
    if group["variance"]["batch"]:
        text += f"; {share(group['variance']['batch'])} of the variance is common to all of a batch"
    if group["interarrival"] != 0:
        text += f"; one arrives every {spread(group['interarrival'], duration)}"
    if group["after"]:
        text += f"; they begin when all of {_names(group['after'])} are done"
    if group["writes"]:
        text += f"; each writes {_names(group['writes'])}"
    if group["coupling"]:
        text += f"; {share(group['coupling'])} of the work bears on what the others of the group do"
    return text


def _time(group: Section) -> str:
    if group["duration"] is not None:
        return f"and {spread(group['duration'], duration)} when nothing is in its way"
    return f"calls as long as what they do, and {spread(group['tool_time'], duration)} of tools between two"


def call_time(latency: Section | None) -> str:
    """Write how long a call takes, where that is computed."""
    if latency is None:
        return ""
    return (
        f"{duration(latency['base'])}, and {duration(latency['per_output_token'])} for each token written, "
        f"{duration(latency['per_uncached_ktoken'])} for each 1,000 sent anew and "
        f"{duration(latency['per_cached_ktoken'])} for each 1,000 read from the cache"
    )


def context(section: Section | None) -> str:
    """Write how the coordinator's own context grows."""
    if section is None:
        return ""
    return (
        f"{tokens(section['start'])} tokens to begin with, and all that comes back and is written; read "
        f"again in every turn; when it is more than {tokens(section['window'])}, shortened to a summary of "
        f"{tokens(section['compaction']['tokens'])} in {duration(section['compaction']['time'])}"
    )


def limits(provider: Section) -> str:
    """Write the limits of the model API, and what becomes of a call over them."""
    section = provider["limits"]
    names = (
        ("requests", "requests"),
        ("input_tokens", f"{'' if provider['accounting']['cache_reads'] else 'uncached '}input tokens"),
        ("output_tokens", "output tokens"),
    )
    parts = [
        f"{tokens(section[key] * section['scale'])} {name}"
        if section[key] is not None
        else f"unlimited {name}"
        for key, name in names
    ]
    if all(section[key] is None for key, _ in names):
        return "none"
    refused = "more than that waits in line"
    if provider["on_limit"] == "reject":
        refused = "more than that is refused (429), and the client tries again"
        if provider["retry_after"] is not None:
            refused += f", told to wait {duration(provider['retry_after'])} whatever there is"
    return (
        f"{', '.join(parts)} a minute, shared by all agents and the coordinator; what is not used "
        f"is saved up, for {duration(section['burst'])} at most; {refused}" + _accounting(provider)
    )


def _accounting(provider: Section) -> str:
    section, text = provider["accounting"], ""
    if section["output"] == "reserved":
        text += f"; a call holds {tokens(section['max_tokens'])} output tokens until it has written"
    if section["failed_requests"] and provider["on_limit"] == "reject":
        text += "; a refused call counts as a request"
    return text


def cache(section: Section | None, shared: float) -> str:
    """Write what can be read from a timed cache."""
    if section is None:
        return ""
    text = (
        f"what was sent can be read again for {duration(section['ttl'])} after its last use, if it is "
        f"{section['minimum']:,.0f} tokens or more"
    )
    return text + (f"; {tokens(shared)} tokens are the same for all agents" if shared else "")


def client(section: Section) -> str:
    """Write how the client tries a refused call again."""
    if not section["retries"]:
        return "does not try a refused call again: the attempt is lost"
    after = section["retry_after"]
    obeyed = (
        "as long as the API asks"
        if after["up_to"] == "unlimited"
        else f"as asked up to {duration(after['up_to'])}"
    )
    if after["jitter"]:
        obeyed += f" and up to {percent(after['jitter'])} longer"
    if after["floor"] == "backoff":
        obeyed += ", and no less than its own backoff"
    if after["up_to"] != "unlimited" and after["above"] == "give_up":
        obeyed += " (asked for more it gives up)"
    backoff = f"{duration(section['initial'])} growing to {duration(section['cap'])}"
    if section["jitter"] and section["jitter_direction"] == "up":
        backoff += f" and up to {percent(section['jitter'])} longer"
    if section["extra_delay"]:
        backoff += f"; every pause is up to {duration(section['extra_delay'])} longer"
    return (
        f"tries a refused call again {_times(section['retries'])}, pausing {obeyed}, otherwise {backoff}; "
        "then the attempt is lost"
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"up to {count(number)} times"


def harness(section: Section) -> str:
    """Write what limits the harness sets by itself."""
    parts = []
    if section["cap"] is not None:
        over = (
            "a further one waits for a place"
            if section["over"] == "queue"
            else "a further one is refused, and handed out again when there is a place"
        )
        parts.append(f"runs at most {count(section['cap'])} agents at once; {over}")
    if (pace := section["pace"]) is not None:
        window = duration(pace["window"])
        parts.append(f"after {count(pace['calls'])} calls in {window} everybody waits for another {window}")
    return "; ".join(parts)


def failures(scenario: Section) -> str:
    """Write how attempts fail."""
    section, provider = scenario["failures"], scenario["provider"]
    text = (
        f"{share(section['crash'])} of attempts crash, {share(section['bad_output'])} of outputs are unusable"
    )
    if section["hang"]:
        text += f", {share(section['hang'])} of attempts hang"
    if provider["overloaded"]:
        text += f"; {share(provider['overloaded'])} of calls are answered that the API is overloaded (529)"
    if section["bad_brief"]:
        shows = "at the first review" if scenario["review"] else "when all is merged"
        text += (
            f"; in {share(section['bad_brief'])} of batches the instructions are wrong, which shows {shows}, "
            "and all that was made by them is done again"
        )
    return text


def timeouts(section: Section) -> str:
    """Write what ends an attempt that takes long."""
    parts = []
    if section["soft"] is not None:
        obeyed = share(section["obeyed"])
        parts.append(f"agents are told to give up after {duration(section['soft'])}, and {obeyed} of them do")
    if section["hard"] is not None:
        parts.append(f"after {duration(section['hard'])} an attempt is ended, honest work or not")
    return "; ".join(parts)


def retry(scenario: Section) -> str:
    """Write what becomes of a failed attempt."""
    section, most = scenario["retry"], scenario["retry"]["max_attempts"]
    how = {
        "failed-only": "the task is tried again from its beginning",
        "resume": "the task goes on from the call that failed, with the context kept",
        "cascade": "the task is tried again, and with it all of its round that is not merged yet",
        "abort": "the task is tried again from its beginning",
    }
    person = f"a person does it in {spread(scenario['recovery']['people'], duration)}"
    if section["policy"] == "abort":
        person = f"all other attempts are cancelled, and of each task that is not merged {person}"
    if section["policy"] not in how or most == 1:
        return f"no second attempt: {person}"
    return f"{how[section['policy']]}; after {count(most)} failed attempts {person}"


def conflicts(scenario: Section) -> str:
    """Write what happens where agents write the same thing, under each isolation that is played."""
    if not any(group["writes"] for group in scenario["tasks"]):
        return ""
    section = scenario["conflicts"]
    kinds = {parse_strategy(text).isolation or section["isolation"] for text in scenario["strategies"]}
    how = {
        "shared": "on shared files the earlier work is lost, a person cleans up in "
        f"{spread(section['people'], duration)}, and the task is tried again",
        "worktree": "in worktrees a person resolves each conflict at the merge in "
        f"{spread(section['resolve'], duration)}; making a copy takes {duration(section['setup'])}",
        "locks": "under locks an agent waits until nobody else is writing the same",
    }
    told = [text for kind, text in how.items() if kind in kinds]
    if kinds == {"locks"}:
        return told[0]
    pairs = (
        f"agents that write the same at the same time conflict in {share(section['probability'])} of pairs"
    )
    return "; ".join([pairs, *told])


def communication(scenario: Section) -> str:
    """Write how agents hear of each other, in each way that is played."""
    section = scenario["communication"]
    kinds = {parse_strategy(text).communication or section["kind"] for text in scenario["strategies"]}
    coupled = any(group["coupling"] for group in scenario["tasks"])
    if kinds == {"none"} and not coupled:
        return ""
    brief, post = section["brief"], section["post"]
    how = {
        "none": "without it, what a task did without sight of the others it bears on is done again",
        "rounds": "in two rounds all do the first half, the coordinator writes a brief of "
        f"{tokens(brief['tokens'])} tokens in {duration(brief['time'])}, and all do the rest by it",
        "blackboard": f"with a blackboard every call brings {tokens(post['tokens'])} tokens of each other "
        f"agent at work and takes {duration(post['time'])} longer",
    }
    if kinds == {"none"}:
        return "none: what a task did without sight of the others it bears on is done again"
    return "; ".join(text for kind, text in how.items() if kind in kinds and (kind != "none" or coupled))


def review(section: Section | None) -> str:
    """Write when a person looks at results."""
    if section is None:
        return ""
    every = section["every"]
    when = "after each round" if every == "round" else f"after every {count(every)} merged results"
    when = "at each merged result" if every == 1 else when
    each = f" and {duration(section['each'])} for each result" if section["each"] else ""
    return (
        f"a person looks {when} and at what is left at the end, for {spread(section['people'], duration)}"
        f"{each}; nothing is handed out meanwhile"
    )


def merge(section: Section, outputs: set[str]) -> str:
    """Write what it takes to put results together."""
    parts = [
        f"{kind} output: {_merge_cost(section[kind])}" for kind in ("structured", "prose") if kind in outputs
    ]
    if any(section["pair"].values()):
        parts.append(f"and for each pair made without sight of each other: {_merge_cost(section['pair'])}")
    return "; ".join(parts)


def _merge_cost(cost: Section) -> str:
    parts = [f"{tokens(cost['tokens'])} tokens"] if cost["tokens"] else []
    parts += [f"{duration(cost['time'])} of the coordinator"] if cost["time"] else []
    parts += [f"{duration(cost['people'])} of a person"] if cost["people"] else []
    return ", ".join(parts) or "nothing"
