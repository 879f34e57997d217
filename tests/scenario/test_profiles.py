"""Profiles: packaged figures with date and sources, and prices by model."""

import pytest

from dispatch_sim.scenario import ScenarioError, parse_scenario, parse_source
from dispatch_sim.scenario.profiles import profiles

TASK = "tasks: [{name: a, tokens: 1K, duration: 10s}]\n"


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: f"{profile.kind}-{profile.name}")
def test_every_profile_is_dated_sourced_and_sound(profile):
    """It makes a valid scenario, and says when and where its values were read."""
    assert profile.read.count("-") == 2
    assert profile.sources
    assert parse_scenario(f"{TASK}{profile.kind}: {{profile: {profile.name}}}")


def test_the_tiers_have_the_published_limits():
    """Requests, input and output tokens a minute, as the API documentation states them (read 2026-11-24)."""
    published = {
        "anthropic-start": (1_000, 2_000_000, 400_000),
        "anthropic-build": (5_000, 5_000_000, 1_000_000),
        "anthropic-scale": (10_000, 10_000_000, 2_000_000),
        "anthropic-tier-1": (50, 30_000, 8_000),
        "anthropic-tier-2": (1_000, 450_000, 90_000),
        "anthropic-tier-3": (2_000, 800_000, 160_000),
        "anthropic-tier-4": (4_000, 2_000_000, 400_000),
    }
    for name, limits in published.items():
        found = parse_scenario(f"{TASK}provider: {{profile: {name}}}").provider.limits
        assert (found.requests, found.input_tokens, found.output_tokens) == limits


def test_what_a_scenario_says_itself_goes_before_its_profile():
    """Key by key, in nested sections too; the rest stays the profile's."""
    provider = parse_scenario(
        f"{TASK}provider: {{profile: anthropic-tier-1, limits: {{requests: 60/min}}, cache: {{ttl: 1h}}}}"
    ).provider
    assert (provider.limits.requests, provider.limits.input_tokens) == (60, 30_000)
    assert (provider.cache.ttl, provider.cache.minimum) == (3600, 1024)
    assert (
        parse_scenario(f"{TASK}provider: {{profile: anthropic-tier-1, cache: warm}}").provider.cache is None
    )


def test_clients_retry_as_their_packages_do():
    """Two retries with the SDKs, ten up to 32 s with Claude Code; a long retry-after differs."""
    clients = {
        name: parse_scenario(f"{TASK}client: {{profile: {name}}}").client
        for name in ("anthropic-sdk", "anthropic-sdk-old", "openai-sdk", "claude-code")
    }
    assert [client.retries for client in clients.values()] == [2, 2, 2, 10]
    assert clients["claude-code"].cap == 32
    assert [client.retry_after.up_to for client in clients.values()] == ["unlimited", 60, 120, "unlimited"]
    assert clients["openai-sdk"].retry_after.above == "give_up"


def test_a_misspelt_profile_gets_a_suggestion_at_its_place():
    """With line and column, like any other value."""
    with pytest.raises(ScenarioError, match=r"mine\.yaml:2:21: .*did you mean 'anthropic-start'"):
        parse_scenario(f"{TASK}provider: {{profile: antropic-start}}", "mine.yaml")
    with pytest.raises(ScenarioError, match=r"client\.profile"):
        parse_scenario(f"{TASK}client: {{profile: [1]}}")


def test_a_profile_can_be_swept():
    """Each value is looked up; a wrong one is found when the file is read."""
    source = parse_source(f"{TASK}sweep: {{provider.profile: [anthropic-tier-1, anthropic-start]}}")
    assert source.scenario()
    other = source.replaced({"provider.profile": "anthropic-tier-1"}).scenario()
    assert other.provider.limits.requests == 50
    with pytest.raises(ScenarioError, match="nonesuch"):
        parse_scenario(f"{TASK}sweep: {{provider.profile: [anthropic-start, nonesuch]}}")


def test_a_models_prices_are_its_list_prices():
    """Claude Sonnet 4.5: $3, $3.75 to write, $0.30 to read, $15 a million (list price); own go first."""
    prices = parse_scenario(f"{TASK}provider: {{model: claude-sonnet-4-5}}").provider.prices
    assert (prices.input, prices.cache_write, prices.cache_read, prices.output) == (3, 3.75, 0.3, 15)
    own = parse_scenario(f"{TASK}provider: {{model: claude-sonnet-4-5, prices: {{output: $1/M}}}}")
    assert (own.provider.prices.input, own.provider.prices.output) == (3, 1)


def test_an_hours_cache_has_its_own_write_price():
    """Twice the input price, rather than one and a quarter times."""
    prices = parse_scenario(
        f"{TASK}provider: {{model: claude-sonnet-4-5, cache: {{ttl: 1h}}}}"
    ).provider.prices
    assert prices.cache_write == 6


def test_a_model_without_known_prices_is_refused():
    """Rather than billed at some other's."""
    with pytest.raises(ScenarioError, match=r"provider\.model: .*provider\.prices"):
        parse_scenario(f"{TASK}provider: {{model: nonesuch-9}}")
