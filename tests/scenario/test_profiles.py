"""Profiles: packaged figures with date and sources, and prices by model."""

import json
import math
import re
from datetime import datetime

import genai_prices
import numpy as np
import pytest
from typer.testing import CliRunner

from dispatch_sim.cli import app
from dispatch_sim.scenario.loader import parse_scenario, parse_source
from dispatch_sim.scenario.profiles import profiles

TASK = "tasks: [{name: a, tokens: 1K, duration: 10s}]\n"


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: f"{profile.kind}-{profile.name}")
def test_every_profile_is_dated_sourced_and_sound(profile):
    """Caps and retries change from release to release; only `unbounded` is no software."""
    assert profile.sources
    if profile.kind in ("harness", "client"):
        assert bool(profile.version) == (profile.name != "unbounded")
        assert profile.checked in (("run", "read", "reported") if profile.version else ("",))
    assert profile.kind != "client" or re.search(r" \d+\.\d+\.\d+", profile.version)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", profile.read)
    section = json.dumps({"profile": profile.name, **profile.requires})
    written = profile.usage if profile.kind == "scenario" else f"{profile.kind}: {section}"
    assert parse_scenario(TASK + written)


def test_profiles_of_all_kinds_are_listed_and_shown():
    listed = CliRunner().invoke(app, ["profiles"]).output
    for profile in profiles():
        assert f"{profile.usage} " in listed
    assert {profile.kind for profile in profiles()} == {"scenario", "harness", "provider", "client"}
    shown = CliRunner().invoke(app, ["profiles", "measured-claude-code"]).output
    assert shown.startswith("# profile: measured-claude-code\ntitle: ")
    assert "333 sub-agent calls in 87 public Claude Code transcripts (versions 1.0.98 to 2.1.219)" in shown
    wrong = CliRunner().invoke(app, ["profiles", "antropic-start"])
    assert (wrong.exit_code, "anthropic-start" in wrong.output) == (2, True)
    as_json = json.loads(CliRunner().invoke(app, ["profiles", "langgraph-retry", "--json"]).output)
    (langgraph,) = as_json["profiles"]
    assert langgraph["other_sections"] == {"retry": {"policy": "failed-only", "max_attempts": 3}}
    assert (langgraph["version"], langgraph["checked"]) == ("langgraph 1.2.24", "run")


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
    provider = parse_scenario(
        f"{TASK}provider: {{profile: anthropic-tier-1, limits: {{requests: 60/min}}, cache: {{ttl: 1h}}}}"
    ).provider
    assert (provider.limits.requests, provider.limits.input_tokens) == (60, 30_000)
    assert (provider.cache.ttl, provider.cache.minimum) == (3600, 1024)
    assert (
        parse_scenario(f"{TASK}provider: {{profile: anthropic-tier-1, cache: warm}}").provider.cache is None
    )


@pytest.mark.parametrize(
    ("name", "retries", "cap", "obeyed_up_to", "above"),
    [
        ("anthropic-sdk", 2, 8, "unlimited", "backoff"),
        ("anthropic-sdk-old", 2, 8, 60, "backoff"),
        ("claude-code", 10, 32, 60, "give_up"),
        ("groq", 2, 8, 60, "backoff"),
        ("litellm-router", 2, 8, 60, "backoff"),
        ("openai-sdk", 2, 8, 120, "give_up"),
        ("openai-sdk-old", 2, 8, 60, "backoff"),
    ],
)
def test_clients_retry_as_their_packages_do(name, retries, cap, obeyed_up_to, above):
    """As each package was seen to, or reads; `test_client.py` has their pauses."""
    client = parse_scenario(f"{TASK}client: {{profile: {name}}}").client
    assert (client.retries, client.initial, client.factor, client.cap) == (retries, 0.5, 2, cap)
    assert (client.retry_after.up_to, client.retry_after.above) == (obeyed_up_to, above)


def test_a_profile_can_be_swept():
    source = parse_source(f"{TASK}sweep: {{provider.profile: [anthropic-tier-1, anthropic-start]}}")
    assert source.scenario()
    other = source.replaced({"provider.profile": "anthropic-tier-1"}).scenario()
    assert other.provider.limits.requests == 50


def test_a_models_prices_are_its_list_prices():
    """Claude Sonnet 4.5: $3, $3.75 to write, $0.30 to read, $15 a million (list price); own go first."""
    prices = parse_scenario(f"{TASK}provider: {{model: claude-sonnet-4-5}}").provider.prices
    assert (prices.input, prices.cache_write, prices.cache_read, prices.output) == (3, 3.75, 0.3, 15)
    own = parse_scenario(f"{TASK}provider: {{model: claude-sonnet-4-5, prices: {{output: $1/M}}}}")
    assert (own.provider.prices.input, own.provider.prices.output) == (3, 1)


@pytest.mark.parametrize(
    ("provider", "cache_reads", "output", "failed_requests"),
    [
        ("model: gpt-5", True, "reserved", True),
        ("model: gpt-5, accounting: {output: actual}", True, "actual", True),
        ("model: gpt-5, profile: anthropic-start", False, "actual", False),
        ("model: claude-sonnet-4-5", False, "actual", False),
    ],
)
def test_limits_are_counted_as_the_maker_of_the_model_does(provider, cache_reads, output, failed_requests):
    """OpenAI holds max_tokens against the limit, and counts failed requests (API documentation)."""
    found = parse_scenario(f"{TASK}provider: {{{provider}}}").provider.accounting
    assert (found.cache_reads, found.output, found.failed_requests) == (cache_reads, output, failed_requests)


@pytest.mark.parametrize("ttl", ["1h", "60m", "1h 0m"])
def test_an_hours_cache_has_its_own_write_price(ttl):
    prices = parse_scenario(
        f"{TASK}provider: {{model: claude-sonnet-4-5, cache: {{ttl: {ttl}}}}}"
    ).provider.prices
    assert prices.cache_write == 6


@pytest.mark.parametrize("now", ["2026-11-28T12:00", "2026-11-28T18:00", "2027-03-01T18:00"])
def test_prices_of_a_model_do_not_depend_on_the_clock(now, monkeypatch):
    """DeepSeek's list price is $0.27 by day and half of it from 16:30 to 0:30 UTC."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromisoformat(now).replace(tzinfo=tz)

    monkeypatch.setattr(genai_prices.types, "datetime", Clock)
    assert parse_scenario(f"{TASK}provider: {{model: deepseek-chat}}").provider.prices.input == 0.27


@pytest.mark.parametrize(
    ("written", "requests"),
    [
        ("{limits: {requests: }}", 1000),
        ("{profile: anthropic-tier-1, limits: {requests: }}", 50),
        ("{profile: anthropic-tier-1, limits: {requests: unlimited}}", None),
        ("{limits: {requests: unlimited}}", None),
    ],
)
def test_key_without_a_value_has_that_of_the_profile_or_the_default(written, requests):
    """No limit is written `unlimited`."""
    scenario = parse_scenario(f"{TASK}provider: {written}")
    assert scenario.provider.limits.requests == requests


def in_harness(name, rest=""):
    return parse_scenario(f"{TASK}harness: {{profile: {name}}}\n{rest}")


@pytest.mark.parametrize(
    ("name", "cap", "over"),
    [
        ("claude-code", 20, "refuse"),
        ("claude-code-parallel", 10, "queue"),
        ("claude-code-workflow", 16, "queue"),
        ("codex", 6, "refuse"),
        ("codex-v2", 3, "refuse"),
        ("copilot-cli", 2, "refuse"),
        ("vscode", 4, "refuse"),
        ("qwen-code", 10, "queue"),
        ("inspect-ai", 20, "queue"),
        ("langgraph-no-retry", None, "queue"),
        ("langgraph-retry", None, "queue"),
        ("openai-agents", None, "queue"),
        ("crewai", None, "queue"),
        ("unbounded", None, "queue"),
    ],
)
def test_harnesses_run_as_many_agents_as_they_are_known_to(name, cap, over):
    harness = in_harness(name).harness
    assert (harness.cap, harness.over) == (cap, over)


@pytest.mark.parametrize("name", ["claude-code", "claude-code-parallel", "claude-code-workflow"])
def test_harness_of_claude_code_brings_its_client_and_the_measured_context_of_its_agents(name):
    """Median at the first call 23.5K tokens; later members of a group read 50 to 54% of it from the cache.

    Of 333 sub-agent calls in public transcripts. What the scenario or its own profile says goes first.
    """
    found = in_harness(name)
    assert (found.client.retries, found.client.can_be_paced) == (10, False)
    spawn = found.dispatch.spawn
    assert spawn.tokens.quantile(0.5) == 23_500
    assert 0.50 <= spawn.shared / spawn.tokens.mean <= 0.54
    assert found.provider.cache.ttl == 300  # else no agent could read what another one wrote
    assert in_harness(name, "provider: {cache: warm}").provider.cache is None
    own = in_harness(name, "client: {profile: anthropic-sdk}\ndispatch: {spawn: {tokens: 20K}}")
    assert (own.client.retries, own.dispatch.spawn.tokens.mean) == (2, 20_000)
    assert own.dispatch.spawn.shared == 0
    measured = in_harness(name, "profile: measured-claude-code")
    assert measured.dispatch.spawn == parse_scenario(MEASURED).dispatch.spawn


def test_crewai_sleeps_a_whole_minute():
    """Its counter of calls is the only pace among the harnesses, and the number is the user's."""
    pace = in_harness("crewai").harness.pace
    assert pace.window == 60
    own = parse_scenario(f"{TASK}harness: {{profile: crewai, pace: {{calls: 7}}}}").harness.pace
    assert (own.calls, own.window) == (7, 60)
    assert parse_scenario(f"{TASK}harness: {{profile: crewai, pace: none}}").harness.pace is None
    assert in_harness("langgraph-retry").harness.pace is None


@pytest.mark.parametrize(
    ("name", "policy", "attempts"),
    [("langgraph-no-retry", "abort", 1), ("langgraph-retry", "failed-only", 3), ("inspect-ai", "abort", 1)],
)
def test_a_harness_states_what_happens_after_a_failure(name, policy, attempts):
    """As run with the version that the profile states; what the scenario says goes first."""
    retry = in_harness(name).retry
    assert (retry.policy, retry.max_attempts) == (policy, attempts)
    own = in_harness(name, "retry: {max_attempts: 5}").retry
    assert (own.policy, own.max_attempts) == (policy, 5)
    assert in_harness(name, "retry: {policy: none}").retry.policy == "none"
    assert in_harness(name, "retry:").retry.policy == policy


LIMITS = "limits: {requests: 5/min, input_tokens: 5K/min, output_tokens: unlimited}"
PRICES = "prices: {input: $1/M, cache_write: $1/M, cache_read: $0/M, output: $2/M}"


@pytest.mark.parametrize(
    "written", [f"{LIMITS}, {PRICES}", f"{LIMITS}, model: gpt-5", f"{PRICES}, limits: unlimited"]
)
def test_openai_like_takes_limits_and_prices_of_the_scenario(written):
    provider = parse_scenario(f"{TASK}provider: {{profile: openai-like, {written}}}").provider
    assert provider.accounting.output == "reserved"


MEASURED = "profile: measured-claude-code\ntasks: [{name: a, count: 3}]\n"


def test_shared_prefix_of_a_profile_is_a_part_of_its_own_tokens():
    """Of a prompt with another length it is not known which part is shared; a part that is written stays."""
    own = parse_scenario(MEASURED + "dispatch: {spawn: {tokens: 5K}}").dispatch.spawn
    assert (own.tokens.mean, own.shared) == (5_000, 0)
    both = in_harness("claude-code", "dispatch: {spawn: {tokens: 5K, shared: 1K}}").dispatch.spawn
    assert (both.tokens.mean, both.shared) == (5_000, 1_000)
    assert in_harness("claude-code", "dispatch: {spawn: {fork: true}}").dispatch.spawn.shared == 12_200


def test_a_whole_scenario_can_be_a_profile():
    """Its sections go below the scenario's, what it says of tasks below every group.

    Distributions do not mix.
    """
    text = "profile: measured-claude-code\ntasks: [{name: a}, {name: b, calls: 2, tokens: {weibull: "
    text += "{shape: 1, scale: 9K}}}]\nclient: {retries: 3}\nfailures: {bad_output: 1%}\nprovider:\n"
    scenario = parse_scenario(text)
    first, second = scenario.tasks
    assert (first.calls.mean, second.calls.mean) == (10, 2)
    assert second.tokens.mean == pytest.approx(9000)
    assert second.duration == first.duration
    assert (scenario.client.retries, scenario.client.cap) == (3, 32)
    assert (scenario.failures.crash, scenario.failures.bad_output) == (0.046, 0.01)
    assert scenario.provider.cache.ttl == 300


def test_the_measured_spawn_has_the_measured_quantiles():
    """10th percentile 11K, median 23.5K, 90th 33K tokens; later members of a group read 50 to 54% of that."""
    spawn = parse_scenario(MEASURED).dispatch.spawn
    quantiles = [spawn.tokens.quantile(u) for u in (0.1, 0.5, 0.9)]
    assert quantiles == pytest.approx([11_000, 23_500, 33_000], rel=0.01)
    contexts = [spawn.tokens.quantile((k + 0.5) / 1000) for k in range(1000)]
    read = np.mean([min(spawn.shared, context) / context for context in contexts])
    assert 0.50 <= read <= 0.54


def test_the_measured_returns_have_the_measured_mean_and_median():
    """Mean 1.8K, median 1.3K tokens."""
    tokens = parse_scenario(MEASURED).dispatch.return_.tokens
    assert tokens.mean == pytest.approx(1800, rel=0.005)
    assert tokens.quantile(0.5) == pytest.approx(1300, rel=0.02)


def test_the_measured_durations_vary_as_measured():
    """Median 94 s; log-sd 1.26 in all and 0.67 within a group; between repeats from 0.32 to 0.92."""
    group = parse_scenario(MEASURED).tasks[0]
    log_sd = math.log(group.duration.quantile(0.8413447) / group.duration.quantile(0.5))
    assert (group.duration.quantile(0.5), log_sd) == (pytest.approx(94), pytest.approx(1.26))
    within = log_sd * math.sqrt(group.variance.task + group.variance.attempt)
    assert within == pytest.approx(0.67, abs=0.005)
    assert log_sd * math.sqrt(group.variance.attempt) == pytest.approx(math.sqrt(0.32 * 0.92), abs=0.005)


def test_the_measured_contexts_end_as_measured():
    """Spawn and work together have mean, sd and quartiles of a Weibull of shape 1.9 and scale 77K."""
    scenario = parse_scenario(MEASURED)
    grid = (np.arange(400) + 0.5) / 400
    spawn = [scenario.dispatch.spawn.tokens.quantile(u) for u in grid]
    work = [scenario.tasks[0].tokens.quantile(u) for u in grid]
    final = np.add.outer(spawn, work)
    mean = 77_000 * math.gamma(1 + 1 / 1.9)
    sd = math.sqrt(77_000**2 * math.gamma(1 + 2 / 1.9) - mean**2)
    assert final.mean() == pytest.approx(mean, rel=0.01)
    assert final.std() == pytest.approx(sd, rel=0.02)
    for u in (0.25, 0.5, 0.75):
        assert np.quantile(final, u) == pytest.approx(77_000 * (-math.log(1 - u)) ** (1 / 1.9), rel=0.07)


def test_the_measured_sub_agents_fail_as_measured():
    """4.6% of calls in all, in the client and under the limits that they ran with."""
    scenario = parse_scenario(MEASURED)
    failures = scenario.failures
    assert failures.crash + failures.bad_output + failures.hang == pytest.approx(0.046)
    assert scenario.client.retries == 10
    assert scenario.provider.limits.requests == 1000
    assert scenario.dispatch.brief.time == 5.7


SCRIPT, AGENT = "{queue: 2, manager: script}", "{queue: 3}"


@pytest.mark.parametrize(
    ("strategies", "more", "return_tokens", "merge_s"),
    [
        (f"[{SCRIPT}]", "", 0, 0),
        (f"[{SCRIPT}, {{parallel: all, manager: script}}]", "profile: measured-claude-code\n", 0, 0),
        (f"[{SCRIPT}]", "merge: {structured: {time: 7s}}\ndispatch: {return: {tokens: 9}}\n", 9, 7),
        (f"[{SCRIPT}, {AGENT}]", "", 2000, 5),
        (f"[{AGENT}]", "", 2000, 5),
    ],
)
def test_script_as_the_only_manager_takes_the_results(strategies, more, return_tokens, merge_s):
    scenario = parse_scenario(f"{TASK}{more}strategies: {strategies}")
    assert scenario.dispatch.return_.tokens.mean == return_tokens
    assert scenario.merge.structured.time == merge_s
