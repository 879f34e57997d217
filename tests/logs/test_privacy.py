"""No text of a log reaches an output: not by a table, not by JSON, not by a message."""

import json
import re

import pandas as pd
import pytest

from dispatch_sim.logs.reading import read_logs
from dispatch_sim.logs.words import kind_label, model_family
from tests.command import dispatch_sim
from tests.logs.canaries import CANARY, write_planted


def test_texts_of_a_log_appear_in_no_output(tmp_path):
    """Canaries are in every text, key and name of a file; the runs are found all the same."""
    planted = write_planted(tmp_path)
    (tmp_path / "in").symlink_to(planted)
    for arguments in (["in"], ["in", "--json"], ["in", "-o", "out"]):
        result = dispatch_sim("logs", *arguments, cwd=tmp_path)
        assert result.returncode == 0
        assert CANARY not in (result.stdout + result.stderr)
        if "--json" in arguments:
            read = json.loads(result.stdout)
            assert len(read["runs"]) > 200
            assert {each["what"] for each in read["read"]["skipped"]} >= {"last line that is cut off"}
    written = list((tmp_path / "out").iterdir())
    assert {path.name for path in written} == {"runs.csv", "groups.csv"}
    for path in written:
        assert CANARY not in path.read_text()


def test_canaries_change_nothing_but_the_names_of_kinds(tmp_path):
    """So the test above has not just lost the runs: the same are found, with the same numbers."""
    from tests.logs.synthetic import write_example

    write_example(tmp_path / "plain")
    plain = read_logs(tmp_path / "plain").runs
    planted = read_logs(write_planted(tmp_path / "planted")).runs
    numbers = ["source", "called_at_s", "ended_at_s", "duration_s", "calls", "cache_read_tokens"]
    assert len(plain) == len(planted)
    pd.testing.assert_frame_equal(plain[numbers], planted[numbers])


def test_a_file_that_is_no_log_is_called_as_the_user_called_it(tmp_path):
    """Of files found below a path only the number of the file is told, also where nothing can be read."""
    (tmp_path / f"{CANARY}.jsonl").write_text(f"{CANARY}\n")
    result = dispatch_sim("logs", ".", cwd=tmp_path)
    assert (result.returncode, CANARY in result.stderr + result.stdout) == (2, False)
    named = dispatch_sim("logs", f"{CANARY}.jsonl", cwd=tmp_path)
    assert named.returncode == 2
    assert named.stderr.count(CANARY) == 1


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("claude-opus-4-6", "claude-opus-4-6"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("openai/gpt-5.1-codex-max", "gpt-5.1-codex-max"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("o3", "o3"),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
        (f"claude-opus-4-6-{CANARY}", "other"),
        (f"{CANARY.lower()}-claude-opus-4-6", "other"),
        ("acme-internal-7b", "other"),
        ("claude-opus-4-123456789", "other"),
        (None, "unknown"),
    ],
)
def test_of_a_model_only_the_family_is_kept(name, family):
    """Dates and platforms fall off; a name with anything unknown in it is 'other'."""
    assert model_family(name) == family


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("general-purpose", "general-purpose"),
        ("Explore", "Explore"),
        (None, "unnamed"),
        ("", "unnamed"),
        # By `openssl mac ... BLAKE2BMAC`. Another value would part saved calibrations from their logs.
        ("code-reviewer", "kind-7de83d8c"),
    ],
)
def test_of_a_type_of_agent_only_a_built_in_name_is_kept(name, label):
    """Any other is a digest that is the same wherever it is read, and tells types apart."""
    assert kind_label(name) == label


def test_labels_of_kinds_do_not_depend_on_what_else_was_read():
    """Ten thousand names have as many labels, none with anything of the name."""
    labels = {kind_label(f"{CANARY}-{number}") for number in range(10_000)}
    assert len(labels) == 10_000
    assert all(re.fullmatch("kind-[0-9a-f]{8}", label) for label in labels)
