"""The option --set."""

import json

import pytest

from tests.command import THREE_LINES, dispatch_sim


@pytest.mark.parametrize("command", ["run", "compare", "sweep"])
def test_set_changes_a_key_of_the_scenario(scenario, command):
    arguments = ("--json", "--set", "tasks.count=2", "--set", "sweep={tasks: [2], concurrency: [1]}")
    few = () if command == "run" else ("--replications", 2)
    found = dispatch_sim(command, scenario.name, *few, *arguments, cwd=scenario.parent)
    assert found.returncode == 0, found.stderr
    answered = json.loads(found.stdout)
    assert (
        answered["tasks"] == 2 if command == "run" else {each["tasks"] for each in answered["points"]} == {2}
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("client.retries", "--set: 'client.retries' is not KEY=VALUE; write client.retries=5"),
        ("client.retries=-5", "--set client.retries=-5: -5 is out of range; write at least 0"),
        ("client.retris=5", "--set client.retris=5: unknown key 'retris'; did you mean 'retries'?"),
        ("clint=5", "--set clint=5: unknown key 'clint'; did you mean 'client'?"),
        ("retries=5", "--set retries=5: unknown key 'retries'; did you mean 'client.retries'?"),
        ("cap=5", "--set cap=5: unknown key 'cap'; did you mean 'client.cap' or 'harness.cap'?"),
        (
            "tasks[0].calls=3",
            "--set tasks[0].calls=3: groups of tasks have no numbers here; write tasks.calls ",
        ),
        (
            "strategies=[paralell]",
            "--set strategies=[paralell]: strategies[0]: unknown strategy 'paralell'; did",
        ),
        ("client={retries: -5}", "--set client={retries: -5}: client.retries: -5 is out of range"),
        ("client={retries: 1, retries: 2}", "--set client={retries: 1, retries: 2}: the key 'retries' is"),
        ("client.retries=[1", "--set client.retries=[1: not YAML: "),
        ("client.retries.x=1", "--set client.retries.x=1: a mapping of 1 is not a whole"),
        ("sweep.client.retries=[1, -5]", "--set sweep.client.retries=[1, -5]: "),
        ("engine.x=1", "--set engine.x=1: "),
        ("strategies=[swarm]", "--set strategies=[swarm]: "),
        ("tasks=[]", "--set tasks=[]: "),
    ],
)
@pytest.mark.parametrize("command", [("sweep", "small.yaml"), ("decide", "--tasks", "3")])
def test_wrong_set_names_the_option(scenario, command, setting, message):
    result = dispatch_sim(*command, "--set", setting, cwd=scenario.parent)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(message)


def test_axis_is_added_to_those_of_the_file(scenario):
    axis = ("--set", "sweep.client.retries=[1, 2]", "--json")
    found = json.loads(dispatch_sim("check", scenario.name, *axis, cwd=scenario.parent).stdout)
    assert found["design_points"] == 2 * 14  # 14 without it
    result = dispatch_sim("decide", "--tasks", 2, *axis, cwd=scenario.parent)
    assert result.stderr.startswith("--set sweep: one batch is simulated")


def test_set_that_is_repeated_is_an_error(scenario):
    twice = ("--set", "client.retries=5", "--set", "client.retries=6")
    for command in (("check", scenario.name), ("decide", "--tasks", 3)):
        result = dispatch_sim(*command, *twice, cwd=scenario.parent)
        assert result.returncode == 2
        assert result.stderr == "--set client.retries: is given twice; leave one out\n"


def test_error_of_a_file_keeps_its_place_next_to_that_of_set(scenario):
    scenario.write_text(THREE_LINES + "client: {retries: -1}\n")
    result = dispatch_sim("check", scenario.name, "--set", "retry.max_attempts=0", cwd=scenario.parent)
    assert sorted(line.partition(": ")[0] for line in result.stderr.splitlines()) == [
        "--set retry.max_attempts=0",
        "small.yaml:4:19",
    ]


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("tasks.writes=[src]", ("tasks", 0, "writes"), ["src"]),
        ("client.retries=5", ("client", "retries"), 5),
        (
            "provider.limits={requests: 500/min, input_tokens: 200K/min, output_tokens: 200K/min}",
            ("provider", "limits", "requests"),
            500,
        ),
    ],
)
def test_decide_sets_values_as_a_scenario_has_them(tmp_path, setting, path, value):
    result = dispatch_sim("decide", "--tasks", 3, "--set", setting, "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)["scenario"]
    for key in path:
        found = found[key]
    assert found == value


STATED = """tasks: [{name: research, count: 2, tokens: 15K, duration: 60s}]
provider: {limits: {requests: 1000/min, input_tokens: 2M/min, output_tokens: 400K/min, burst: 60s}}
client: {retries: 2}
"""
WITH_CLIENT = STATED.replace("retries: 2", "profile: anthropic-sdk")
WITH_HARNESS = STATED + "harness: {profile: codex}\n"
LIMITS = "provider.limits.requests, provider.limits.input_tokens and provider.limits.output_tokens"


@pytest.mark.parametrize(
    ("text", "settings", "own"),
    [
        (STATED, ["provider.profile=anthropic-tier-1"], LIMITS),  # whose burst is that of the file
        (STATED, ["client.profile=claude-code"], "client.retries"),
        (STATED, ["harness.profile=claude-code"], "client.retries"),
        (WITH_CLIENT, ["harness.profile=claude-code"], "client.profile"),
        (WITH_CLIENT, ["profile=measured-claude-code"], "client.profile"),
        (WITH_CLIENT, ["harness.profile=claude-code", "client.profile=claude-code"], ""),
        (
            STATED.replace("60s}}", "60s}, accounting: {cache_reads: true}}"),
            ["provider.model=claude-sonnet-5"],
            "",
        ),
        (WITH_HARNESS, [], ""),
        (WITH_HARNESS, ["harness.profile=codex-v2", "retry.policy=none"], ""),
        (WITH_HARNESS, ["provider.profile=anthropic-tier-1", "provider.limits=unlimited"], ""),
    ],
)
def test_profile_of_set_warns_of_keys_of_the_file_that_go_before_it(scenario, text, settings, own):
    scenario.write_text(text)
    options = [word for setting in settings for word in ("--set", setting)]
    result = dispatch_sim("check", scenario.name, *options, cwd=scenario.parent)
    assert result.returncode == 0
    profile = "".join(settings[:1]).replace("=", " ")
    warning = f"warning: small.yaml: its own values of {own} go before those of {profile}; "
    assert result.stderr == (f"{warning}remove them from the file to use these\n" if own else "")


def test_diff_warns_once_of_keys_that_go_before_a_profile(scenario):
    scenario.write_text(STATED)
    common = ("--replications", 2, "--with", "client.retries=1")
    for option in (("--set", "client.profile=claude-code"), ("--with", "provider.profile=anthropic-tier-1")):
        result = dispatch_sim("diff", scenario.name, *option, *common, cwd=scenario.parent)
        assert result.stderr.count("its own values of") == 1
