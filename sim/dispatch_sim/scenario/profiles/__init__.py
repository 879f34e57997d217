"""Profiles: named values with their date and sources, which a scenario can build on.

``provider: {profile: anthropic-start}`` takes a profile's values for the keys that the scenario does not give
itself. ``provider: {model: claude-sonnet-5}`` takes the prices of a model, and what its maker counts against
limits. ``profile: measured-claude-code`` is a profile of the whole scenario; its `tasks` apply to every
group. A script as the manager of all strategies has values of its own, before any profile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic_core import PydanticCustomError

from dispatch_sim.scenario.distribution_text import NAMES
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.profiles.prices import PRICES_AS_OF, list_prices
from dispatch_sim.scenario.quantities import parse_seconds
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.scenario.tree import read_tree
from dispatch_sim.scenario.wording import Path, listed, shown, spelled, unknown

SECTIONS = ("harness", "provider", "client")
"""Sections that can name a profile, in the order in which these are applied: a harness's profile may name one
of another section."""

SCENARIO = "scenario"
"""The kind of profiles of a whole scenario."""

KEYS: Mapping[Path, Mapping[str, str]] = {
    (): {"profile": "A packaged profile of the whole scenario; its `tasks` apply to every group."},
    ("harness",): {"profile": "A packaged profile of a harness, which may have keys of other sections too."},
    ("provider",): {
        "profile": "A packaged profile of a provider.",
        "model": "A model, as claude-sonnet-5; its list prices (genai-prices, as of noon UTC on"
        f" {PRICES_AS_OF:%Y-%m-%d}) are the `prices`. Without a profile, a model of OpenAI has the"
        " `accounting` of openai-like.",
    },
    ("client",): {"profile": "A packaged profile of a client."},
}
"""Keys that are replaced by their values first: where they stand, and their meaning. The scenario's own
values take precedence."""


_BY_SCRIPT = {
    "dispatch": {"return": {"tokens": 0, "time": "0s"}},
    "merge": {"structured": {"tokens": 0, "time": "0s"}},
}
"""Values where a script dispatches all tasks: it takes the results too, and has no context to return them
to."""

_SPLIT = {
    ("harness", "langgraph"): "langgraph is two profiles now; write langgraph-no-retry for nodes without a"
    " RetryPolicy, which is LangGraph's default, or langgraph-retry for nodes with one",
}
"""Former names of profiles, by section, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A packaged profile.

    Attributes
    ----------
    kind, name : its section, or `scenario`; and its name there.
    text : the file.
    title : a short description.
    read : the date on which the values were checked, as YYYY-MM-DD.
    sources : where the values come from, by what they are about.
    values : as a scenario writes them in that section.
    other_sections : values of other sections.
    requires : keys of that section that a scenario must give itself, with an example of each.
    version, checked : which software the values were checked against, and how: `run`, `read` in its source or
        documentation, or `reported` by others. Empty where the values are not those of a software.
    """

    kind: str
    name: str
    text: str
    title: str
    read: str
    sources: Mapping[str, str]
    values: Mapping[str, Any]
    other_sections: Mapping[str, Any] = field(default_factory=dict)
    requires: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    version: str = ""
    checked: str = ""

    @property
    def sections(self) -> Mapping[str, Any]:
        """Its values by section, without those of tasks."""
        if self.kind == SCENARIO:
            return _without(self.values, "tasks")
        return {self.kind: self.values, **self.other_sections}

    @property
    def usage(self) -> str:
        """Its name, as a scenario writes it."""
        named = f"profile: {self.name}"
        return named if self.kind == SCENARIO else f"{self.kind}: {{{named}}}"


def profiles() -> tuple[Profile, ...]:
    """Return all packaged profiles, by kind and name."""
    return tuple(read_profile(kind, name) for kind in (SCENARIO, *SECTIONS) for name in names(kind))


@cache
def names(kind: str) -> tuple[str, ...]:
    """Return the names of the profiles of a kind."""
    found = (file.name for file in files(__name__).joinpath(kind).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


@cache
def read_profile(kind: str, name: str) -> Profile:
    """Return the packaged profile of a kind and name."""
    text = files(__name__).joinpath(kind, f"{name}.yaml").read_text(encoding="utf-8")
    return Profile(kind, name, text, **read_tree(text, name).raw)


def expand(raw: Any) -> tuple[Any, list[Finding]]:
    """Return a scenario with the values of its profiles, model and manager, and the problems of names.

    `raw` is not altered; unchanged parts are shared with it.
    """
    findings: list[Finding] = []
    if not isinstance(raw, dict):
        return raw, findings
    if _is_by_script(raw.get("strategies")):
        raw = _below(_BY_SCRIPT, raw)
    found: list[Profile] = []
    for kind in (SCENARIO, *SECTIONS):
        section = raw if kind == SCENARIO else raw.get(kind)
        if not isinstance(section, dict) or "profile" not in section:
            continue
        path: Path = ("profile",) if kind == SCENARIO else (kind, "profile")
        profile = _named(kind, section["profile"], path, findings)
        written = _without(section, "profile")
        raw = written if kind == SCENARIO else {**raw, kind: written}
        if profile is None:
            continue
        found.append(profile)
        raw = _below(profile.sections, raw)
        if kind == SCENARIO and isinstance(raw.get("tasks"), list):
            values = profile.values.get("tasks", {})
            groups = [_below(values, group) if isinstance(group, dict) else group for group in raw["tasks"]]
            raw = {**raw, "tasks": groups}
    section = raw.get("provider")
    if isinstance(section, dict) and "model" in section:
        written = _without(section, "model")
        raw = {**raw, "provider": _below(_of_model(section["model"], written, findings), written)}
    for profile in found:
        findings += _missing(profile, raw)
    return raw, findings


def own_keys_before(raw: Any, key: str, name: Any) -> list[str]:
    """Return the keys of a scenario that go before other values of a profile or model, but for its tasks.

    `key` is where its name is put: `provider.profile`, `provider.model` or `profile`.
    """
    section, _, last = key.rpartition(".")
    if not isinstance(raw, dict) or last not in KEYS.get((section,) if section else (), ()):
        return []
    stated, _ = expand({section: {last: name}} if section else {last: name})
    if last == "profile":  # the profiles that it names itself, too
        stated = _below(_sections(section or SCENARIO, name), stated)
    found = [path for part in stated for path in _differing(stated[part], raw.get(part), (part,))]
    return [spelled(path) for path in found]


def with_named_profiles(raw: Any) -> Any:
    """Return a scenario with the profiles of sections that its other profiles name, and their values."""
    if not isinstance(raw, dict):
        return raw
    raw = _below(_sections(SCENARIO, raw.get("profile")), raw)
    harness = raw.get("harness")
    return _below(_sections("harness", harness.get("profile")), raw) if isinstance(harness, dict) else raw


def _sections(kind: str, name: Any) -> Mapping[str, Any]:
    """Return the values of a profile by section; none where there is no such profile."""
    return read_profile(kind, name).sections if name in names(kind) else {}


def _differing(stated: Any, written: Any, path: Path) -> list[Path]:
    """Return where values are written that differ from those stated; a section where all of its do."""
    if written is None or written == stated:
        return []
    if not (isinstance(written, dict) and isinstance(stated, dict) and stated.keys().isdisjoint(NAMES)):
        return [path]
    parts = [(*path, key) for key in stated]
    found = [each for part in parts for each in _differing(stated[part[-1]], written.get(part[-1]), part)]
    return [path] if parts and found == parts and len(path) > 1 else found


def _is_by_script(strategies: Any) -> bool:
    """Whether a script is the manager of all strategies."""
    if not isinstance(strategies, list) or not strategies:
        return False
    try:
        return all(parse_strategy(each).manager == "script" for each in strategies)
    except PydanticCustomError:
        return False


def _named(kind: str, name: Any, path: Path, findings: list[Finding]) -> Profile | None:
    """Return the profile of that name, or None and one more finding."""
    known = names(kind)
    if name in known:
        return read_profile(kind, name)
    message = f"found {shown(name)}; write one of {listed(known, 'or')}"
    if isinstance(name, str):
        message = _SPLIT.get((kind, name)) or unknown(f"{kind} profile", name, known)
    findings.append(Finding(path, message))
    return None


def _missing(profile: Profile, raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the keys that a profile requires and a scenario lacks."""
    for key, example in profile.requires.items():
        given = raw[profile.kind].get(key) or {}
        if not isinstance(given, dict):
            continue  # a word, such as `unlimited`
        missing = {name: value for name, value in example.items() if given.get(name) is None}
        if missing:
            paths = listed(f"{profile.kind}.{key}.{name}" for name in missing)
            written = ", ".join(f"{name}: {value}" for name, value in missing.items())
            message = f"{profile.name} states no {key}; write {paths} as well, for example {key}:"
            message += f" {{{written}}}" + (", or provider.model" if key == "prices" else "")
            yield Finding((profile.kind, "profile"), message)


def _without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def _below(values: Any, written: Any) -> Any:
    """Return what is written, with values for the keys that it lacks.

    A key without a value is lacking, and so are all keys of an empty section. A distribution is one value,
    whose parts are not mixed. A `shared` prefix is a part of the `tokens` that it is stated with.
    """
    if written is None:
        return values
    if not (isinstance(written, dict) and isinstance(values, dict) and values.keys().isdisjoint(NAMES)):
        return written
    if written.get("tokens") is not None:
        values = _without(values, "shared")
    return {**values, **{key: _below(values.get(key), value) for key, value in written.items()}}


def _of_model(model: Any, provider: Mapping[str, Any], findings: list[Finding]) -> dict[str, Any]:
    """Return a model's list prices and its maker's accounting, as a scenario writes them."""
    here = ("provider", "model")
    if not isinstance(model, str) or not model:
        findings.append(Finding(here, f"found {shown(model)}; write the name of a model, as claude-sonnet-5"))
        return {}
    cache = provider.get("cache")
    found = list_prices(model, an_hour=isinstance(cache, dict) and _is_an_hour(cache.get("ttl")))
    if found is None:
        message = f"the prices of {shown(model)} are not known; remove it, and write provider.prices"
        findings.append(Finding(here, message))
        return {}
    prices, maker = found
    if maker != "openai":
        return {"prices": prices}
    return {"prices": prices, "accounting": read_profile("provider", "openai-like").values["accounting"]}


def _is_an_hour(ttl: Any) -> bool:
    try:
        return parse_seconds(ttl) == 3600
    except PydanticCustomError:
        return False
