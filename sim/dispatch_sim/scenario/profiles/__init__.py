"""Profiles: named figures with their date and sources, that a scenario can build on.

``provider: {profile: anthropic-start}`` puts a profile's values under whatever else the scenario says of
the provider; what it says itself goes first. ``provider: {model: claude-sonnet-5}`` does the same with the
prices of a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.tree import read_tree
from dispatch_sim.scenario.wording import listed, shown, unknown

KINDS = ("provider", "client")
"""Sections of a scenario that can name a profile."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A packaged profile.

    Attributes
    ----------
    kind, name : the section that it is for, and what it is called there.
    title : in words.
    read : the date on which the sources were read, as YYYY-MM-DD.
    sources : where the values come from, by what they are about.
    values : as a scenario would write them.
    text : the file.
    """

    kind: str
    name: str
    title: str
    read: str
    sources: Mapping[str, str]
    values: Mapping[str, Any]
    text: str


@cache
def profiles() -> tuple[Profile, ...]:
    """Return all packaged profiles, by kind and name."""
    return tuple(
        _read(kind, file.name.removesuffix(".yaml"), file.read_text(encoding="utf-8"))
        for kind in KINDS
        for file in sorted(files(__name__).joinpath(kind).iterdir(), key=lambda file: file.name)
        if file.name.endswith(".yaml")
    )


def _read(kind: str, name: str, text: str) -> Profile:
    raw = read_tree(text, name).raw
    return Profile(kind, name, raw["title"], str(raw["read"]), raw["sources"], raw["values"], text)


def expand(raw: Any) -> tuple[Any, list[Finding]]:
    """Return a scenario with its profiles and its model's prices put in, and what is wrong with their names.

    `raw` is not altered; the parts that stay are shared with it.
    """
    findings: list[Finding] = []
    for kind in KINDS:
        section = raw.get(kind) if isinstance(raw, dict) else None
        if isinstance(section, dict) and "profile" in section:
            written = {key: value for key, value in section.items() if key != "profile"}
            raw = {**raw, kind: _below(_values(kind, section["profile"], findings), written)}
    section = raw.get("provider") if isinstance(raw, dict) else None
    if isinstance(section, dict) and "model" in section:
        written = {key: value for key, value in section.items() if key != "model"}
        prices = _prices(section["model"], written, findings)
        raw = {**raw, "provider": _below({"prices": prices}, written)}
    return raw, findings


def _values(kind: str, name: Any, findings: list[Finding]) -> Mapping[str, Any]:
    known = {profile.name: profile.values for profile in profiles() if profile.kind == kind}
    if isinstance(name, str) and name in known:
        return known[name]
    if isinstance(name, str):
        findings.append(Finding((kind, "profile"), unknown(f"{kind} profile", name, list(known))))
    else:
        findings.append(
            Finding((kind, "profile"), f"found {shown(name)}; write one of {listed(known, 'or')}")
        )
    return {}


def _below(values: Mapping[str, Any], written: Any) -> Any:
    """Return what is written, and what only the values below it say."""
    if not isinstance(written, dict):
        return written
    both = dict(values)
    for key, value in written.items():
        under = both.get(key)
        both[key] = _below(under, value) if isinstance(under, dict) else value
    return both


def _prices(model: Any, provider: Mapping[str, Any], findings: list[Finding]) -> dict[str, str]:
    """Return a model's prices a million tokens, as a scenario writes them.

    Where a price depends on the length of the prompt it is that of short ones; a class without a price of
    its own is billed as input. Writing to a cache of an hour has its own price where it is known.
    """
    # Imported here: most scenarios state their prices, and reading these takes a while.
    from genai_prices import Usage, calc_price

    here = ("provider", "model")
    if not isinstance(model, str) or not model:
        findings.append(Finding(here, f"found {shown(model)}; write the name of a model, as claude-sonnet-5"))
        return {}
    try:
        price = calc_price(Usage(input_tokens=1), model_ref=model).model_price
    except LookupError:
        message = f"the prices of {shown(model)} are not known; remove it, and write provider.prices"
        findings.append(Finding(here, message))
        return {}
    cache = provider.get("cache")
    hour = isinstance(cache, dict) and cache.get("ttl") in ("1h", "60m", "3600s")
    write = (price.cache_write_1h_mtok if hour else None) or price.cache_write_mtok
    found = {
        "input": price.input_mtok,
        "cache_write": write or price.input_mtok,
        "cache_read": price.cache_read_mtok or price.input_mtok,
        "output": price.output_mtok,
    }
    return {name: f"${getattr(value, 'base', value)}/M" for name, value in found.items() if value is not None}
