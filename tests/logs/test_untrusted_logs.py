"""Damaged and hostile logs are read in bounded time and memory, without a traceback."""

import errno
import io
import itertools
import json
import os
import random
import weakref
from contextlib import suppress
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from dispatch_sim.logs.readers import claude_code, files, json_values, reading
from dispatch_sim.logs.readers.files import LogsError, Skipped, Tally, log_files, read_lines
from dispatch_sim.logs.readers.parsed_runs import with_rows
from dispatch_sim.logs.readers.reading import MOST_VALUES, parse_runs, read_logs
from dispatch_sim.logs.readers.tables import OUTCOMES, make_tables
from tests.fuzz.mutation import mutated, with_changed_bytes
from tests.logs.synthetic import make_runs, write_claude_code, write_codex, write_otel
from tests.work import lines_executed

RUNS = [
    replace(run, calls=run.calls[:3], prompt_tokens=20, return_tokens=20)
    for run in make_runs(2, seed=3)
    if run.outcome == "completed"
][:3]


def _only(folder):
    [path] = [path for path in folder.rglob("*") if path.is_file()]
    return path


@pytest.fixture
def transcript(tmp_path):
    write_claude_code(RUNS[:2], tmp_path / "logs", "inline")
    return _only(tmp_path / "logs")


def _skipped(logs):
    return {what: skipped.count for what, skipped in logs.tally.skipped.items()}


def test_cut_off_line_is_skipped(transcript):
    lines = transcript.read_bytes().splitlines(keepends=True)
    whole = read_logs(transcript)
    cut = [lines[0][:50] + b"\n", *lines[1:-1], lines[-1][:-20]]
    transcript.write_bytes(b"".join(cut))
    logs = read_logs(transcript)
    assert _skipped(logs) == {"line that is not JSON": 1, "last line that is cut off": 1}
    assert logs.tally.skipped["line that is not JSON"].first == f"{transcript}, line 1"
    assert len(logs.runs) == len(whole.runs)


STRANGE_LINES = {
    b"[1, 2]": "line that is no JSON object",
    b'"text"': "line that is no JSON object",
    b"12345": "line that is no JSON object",
    b"nonsense": "line that is not JSON",
    b'{"a": ' + b"9" * 5000 + b"}": "line that is not JSON",
    b"[" * 100_000: "line that is nested too deeply",
    b'{"a":' * 100_000: "line that is nested too deeply",
    b"\x00" * 50: "line that is not JSON",
    b"\xff\xfe\x00garbage": "line that is not JSON",
}


@pytest.mark.parametrize(("line", "why"), STRANGE_LINES.items(), ids=range(len(STRANGE_LINES)))
def test_strange_line_is_skipped_and_counted(transcript, line, why):
    whole = read_logs(transcript).runs
    lines = transcript.read_bytes().splitlines()
    transcript.write_bytes(b"\n".join([*lines[:2], line, *lines[2:]]) + b"\n")
    logs = read_logs(transcript)
    assert logs.runs.equals(whole)
    assert _skipped(logs) == {why: 1}


def _with_member(line, member):
    return b"{" + member + b"," + line[1:]


@pytest.mark.parametrize(
    "damage",
    [
        # What JavaScript writes of a text that was cut in an emoji.
        lambda line: _with_member(line, b'"half":"\\ud83d"'),
        lambda line: _with_member(line, b'"raw":"\xed\xa0\xbd\xff"'),
        lambda line: _with_member(line, b'"number":NaN,"other":-Infinity,"huge":1e999,"long":' + b"9" * 30),
        lambda line: _with_member(line, b'"nul":"\x00"'),
        lambda line: b"\x00" * 4096 + line,
        lambda line: b"\xef\xbb\xbf" + line,
    ],
)
def test_nonstandard_json_is_read(transcript, damage):
    whole = read_logs(transcript).runs
    transcript.write_bytes(b"".join(damage(line) + b"\n" for line in transcript.read_bytes().splitlines()))
    logs = read_logs(transcript)
    assert (logs.runs.equals(whole), _skipped(logs)) == (True, {})


def test_clock_that_goes_back_gives_no_negative_time(transcript):
    lines = [json.loads(line) for line in transcript.read_text().splitlines()]
    for line in lines:
        if isinstance(line.get("toolUseResult"), dict):
            line["timestamp"] = "1970-01-01T00:00:00Z"
            del line["toolUseResult"]["totalDurationMs"]
    transcript.write_text("".join(json.dumps(line) + "\n" for line in lines))
    logs = read_logs(transcript)
    assert (logs.runs["ended_at_s"] < 0).all()
    assert logs.runs["duration_s"].isna().all()
    assert logs.groups["wall_s"].isna().all()


def test_endless_line_is_skipped_in_chunks(monkeypatch):
    monkeypatch.setattr(files, "LONGEST_LINE", 1000)
    sizes = []

    class Stream(io.BytesIO):
        def readline(self, size):
            sizes.append(size)
            return super().readline(size)

    data, tally = b"x" * 100_000 + b"\n{}  \n", Tally()
    assert list(read_lines(Stream(data), len(data), "file 1", tally)) == [(2, b"{}  \n")]
    assert tally.skipped["line that is too long"].first == "file 1, line 1"
    assert max(sizes) == 1000


def test_growing_file_is_read_up_to_its_first_size(transcript):
    size = transcript.stat().st_size
    lines = 0
    with transcript.open("rb") as opened:
        for _, line in read_lines(opened, size, "file 1", Tally()):
            lines += 1
            with transcript.open("ab") as more:
                more.write(line)
    assert lines == transcript.read_bytes()[:size].count(b"\n")


def test_circular_links_pipes_and_odd_names_are_skipped(transcript, tmp_path):
    whole = read_logs(transcript).runs
    folder = transcript.parent
    (folder / "again").symlink_to(tmp_path / "logs", target_is_directory=True)
    (folder / "nowhere.jsonl").symlink_to(folder / "missing")
    (folder / "self.jsonl").symlink_to(folder / "self.jsonl")
    (folder / "notes.txt").write_text("...")
    (folder / os.fsdecode(b"\xff\xfe.jsonl")).write_bytes(b"")
    os.mkfifo(folder / "pipe.jsonl")
    logs = read_logs(tmp_path / "logs")
    assert logs.runs.equals(whole)
    assert _skipped(logs) == {
        "folder that was listed before": 1,
        "link or file that cannot be read": 2,
        "neither a file nor a folder": 1,
        "file that is not named like a log": 1,
        "file of unknown format": 1,
    }


def test_folder_is_listed_once_however_many_links_lead_to_it(tmp_path):
    """Along each way, the one log below twelve folders of two links to the next would be read 4,096 times."""
    folders = [tmp_path / f"{number:02}" for number in range(13)]
    for folder in folders:
        folder.mkdir()
    for folder, following in itertools.pairwise(folders):
        for name in ("one", "two"):
            (folder / name).symlink_to(following, target_is_directory=True)
    (folders[-1] / "1.jsonl").write_text("{}")
    tally = Tally()
    assert len(list(log_files([folders[0]], tally))) == 1
    assert {why: skipped.count for why, skipped in tally.skipped.items()} == {
        "folder that was listed before": 12
    }


def test_files_100_folders_deep_are_found(tmp_path):
    deepest = tmp_path.joinpath(*["d"] * 100)
    deepest.mkdir(parents=True)
    (deepest / "1.jsonl").write_text("{}")
    assert list(log_files([tmp_path], Tally())) == [(str(deepest / "1.jsonl"), "file 1")]


def test_folders_are_listed_one_at_a_time(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jsonl").write_text("{}")
    found = log_files([tmp_path], Tally())
    first = next(found)
    (tmp_path / "b" / "2.jsonl").write_text("{}")
    names = [path.removeprefix(f"{tmp_path}/") for path, _ in (first, *found)]
    assert names == ["a/1.jsonl", "b/1.jsonl", "b/2.jsonl"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"plain text\n", b'{"type": "other"}\n', b"PK\x03\x04"])
def test_no_log_is_an_error(tmp_path, content):
    (tmp_path / "one.jsonl").write_bytes(content)
    with pytest.raises(
        LogsError, match=r"no log of a known format \(.*1 x file of unknown format.*~/\.claude/projects"
    ):
        read_logs(tmp_path)


def test_of_many_paths_error_names_three(tmp_path):
    (tmp_path / "log.jsonl").write_text("...\n")
    with pytest.raises(LogsError, match=r"/log\.jsonl and 997 more: no log"):
        read_logs(*[tmp_path / "log.jsonl"] * 1000)


def test_indented_document_is_read_whole(tmp_path):
    write_otel(RUNS, tmp_path)
    path = _only(tmp_path)
    whole = read_logs(path).runs
    export = json.loads(path.read_text().splitlines()[0])
    for text in (json.dumps(export, indent=2), json.dumps(export).replace(": [", ": [\n", 2)):
        path.write_text(text)
        assert read_logs(path).runs.equals(whole)
        assert read_logs(path).tally.bytes == len(text)
    path.write_text(json.dumps([export]))
    assert read_logs(path).runs.equals(whole)


def test_only_the_last_record_is_in_memory_when_the_next_is_parsed(tmp_path, monkeypatch):
    """The first one of a known format, by which the reader is chosen, does not stay there either."""

    class Watched(dict):
        pass

    parsed, alive = [], []

    def parse(line):
        alive.append(sum(record() is not None for record in parsed))
        records = [Watched(record) for record in json_values.parse(line)]
        parsed.extend(map(weakref.ref, records))
        return records

    monkeypatch.setattr(reading, "parse", parse)
    write_claude_code(RUNS[:1], tmp_path, "inline")
    read_logs(_only(tmp_path))
    assert len(alive) > 5
    assert max(alive) == 1


def test_large_document_is_skipped(tmp_path, monkeypatch):
    write_otel(RUNS, tmp_path)
    path = _only(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text().splitlines()[0]), indent=2))
    monkeypatch.setattr(reading, "LONGEST_LINE", 1000)
    with pytest.raises(LogsError, match="1 x document over 0 MiB on many lines"):
        read_logs(path)


KEYS = ["id", "type", "content", "timestamp", "usage"]
STRANGE_VALUES = json.loads(
    r"""[null, true, -1, 0, 1e300, 12345678901234567890123456789012345678901, NaN, Infinity, "", "\ud800",
    "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00+23:59", "NaN", "-5", [], [[]], {}, {"": {}},
    [null, 1, "a", {}]]"""
)


def _with_accidents(lines, random):
    """Return the lines of a log after one to three accidents, and in every third log changed bytes."""
    lines = list(lines)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(lines))
        match random.randrange(6):
            case 0:
                lines.insert(random.randrange(len(lines)), lines[at])
            case 1 if len(lines) > 1:
                del lines[at]
            case 2:
                random.shuffle(lines)
            case _:
                lines[at] = json.dumps(mutated(json.loads(lines[at]), random, KEYS, STRANGE_VALUES)).encode()
    if random.randrange(3) == 0:
        at = random.randrange(len(lines))
        lines[at] = with_changed_bytes(lines[at], random)
    return lines


WRITERS = {
    "inline": lambda runs, folder: write_claude_code(runs, folder, "inline"),
    "subagents": lambda runs, folder: write_claude_code(runs, folder, "subagents"),
    "progress": lambda runs, folder: write_claude_code(runs, folder, "progress"),
    "codex": write_codex,
    "otel": write_otel,
}


@pytest.mark.parametrize("written_by", WRITERS)
def test_damaged_logs_are_read_or_an_error(tmp_path, written_by):
    chance = random.Random(f"accidents {written_by}")
    WRITERS[written_by](RUNS, tmp_path)
    lines = b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*.jsonl"))).splitlines()
    path = tmp_path / "accident.jsonl"
    found = []
    for number in range(250):
        path.write_bytes(b"\n".join(_with_accidents(lines, chance)))
        with suppress(LogsError):
            rows = [row for _, row in with_rows(parse_runs([path], Tally()))]
            found += [replace(row, group=f"{number} {row.group}") for row in rows]
    assert len({row.group.partition(" ")[0] for row in found}) > 125
    runs = make_tables(found).runs
    assert runs["source"].isin([reader.name for reader in get_args(reading.Reader)]).all()
    assert runs["outcome"].isin(OUTCOMES).all()
    numbers = runs.select_dtypes("float64")
    assert not np.isinf(numbers).any(axis=None)
    # Times may be before the session's first call, in a log whose clock jumped.
    amounts = numbers.drop(columns=["called_at_s", "started_at_s", "ended_at_s"])
    assert not (amounts < 0).any(axis=None)
    assert not (runs[["output_estimated", "first_cached_share"]] > 1).any(axis=None)
    position = runs.groupby("group")["position"]
    assert (position.rank() - 1 == runs["position"]).all()
    assert (position.transform("size") == runs["group_size"]).all()


AT = "2026-01-01T00:00:00Z"


def span(number, parent, operation, agent=None):
    attributes = {"gen_ai.operation.name": operation, "gen_ai.usage.input_tokens": 5}
    attributes |= {"gen_ai.agent.name": agent} if agent else {}
    made = {"spanId": f"{number:016x}", "traceId": "t", "kind": 3, "startTimeUnixNano": str(10**18 + number)}
    made |= {"parentSpanId": f"{parent:016x}"} if parent else {}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [made | {"attributes": attributes}]}]}]}


def spans_below_each_other(count):
    return [span(number, number - 1, "chat") for number in range(1, count)]


def agents_below_each_other(count):
    agents = [span(number, number - 1, "invoke_agent", f"a{number}") for number in range(1, count)]
    return [*agents, *(span(count + number, number, "chat") for number in range(1, count))]


def one_agent_seen_again_and_again(count):
    agents = [span(number, number - 1, "invoke_agent", "same") for number in range(1, count)]
    return [*agents, *(span(count + number, count - 1, "chat") for number in range(1, count))]


def called(number, prompt, **more):
    block = {"type": "tool_use", "name": "Task", "id": f"c{number}", "input": {"prompt": prompt}}
    message = {"id": f"m{number}", "content": [block]}
    return {
        "type": "assistant",
        "sessionId": "s",
        "uuid": f"u{number}",
        "timestamp": AT,
        "message": message,
    } | more


def ended(number, **more):
    content = [{"type": "tool_result", "tool_use_id": f"c{number}", "content": "done"}]
    line = {"type": "user", "sessionId": "s", "uuid": f"e{number}", "timestamp": AT}
    return line | {"message": {"content": content}, "toolUseResult": {"agentId": f"a{number}"}} | more


def agents_that_call_each_other(count):
    for number in range(count):
        above = {"isSidechain": True, "agentId": f"a{number - 1}"} if number else {}
        yield called(number, f"p{number}", **above)
        yield ended(number)


def agents_with_the_same_task(count):
    yield from (called(number, "same") for number in range(count))
    yield from (ended(number) for number in range(count))
    for number in range(count):
        line = {"type": "user", "sessionId": "s", "isSidechain": True, "agentId": f"z{number}"}
        yield line | {"uuid": f"z{number}", "timestamp": AT, "message": {"content": "same"}}


@pytest.mark.parametrize(
    "lines",
    [
        spans_below_each_other,
        agents_below_each_other,
        one_agent_seen_again_and_again,
        agents_that_call_each_other,
        agents_with_the_same_task,
    ],
)
def test_reading_takes_linear_time(tmp_path, monkeypatch, lines):
    """Twice the lines are less than three times the work; where work grows as a square, it would be four."""
    monkeypatch.setattr(claude_code, "_MOST_ALIKE", 50)

    def work(count):
        path = tmp_path / f"{count}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines(count)))
        return lines_executed(lambda: read_logs(path))

    assert work(400) < 3 * work(200)


def test_joining_codex_agents_takes_linear_time(tmp_path):
    """Each is the first that began since its call; twice as many are less than three times the work."""

    def line(kind, **payload):
        return json.dumps({"type": kind, "timestamp": AT, "payload": payload}) + "\n"

    def work(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        asked = {"type": "function_call", "name": "spawn_agent", "arguments": "{}"}
        calls = [line("response_item", **asked, call_id=f"c{number}") for number in range(count)]
        (folder / "main.jsonl").write_text("".join([line("session_meta", id="main"), *calls]))
        source = {"subagent": {"thread_spawn": {"parent_thread_id": "main"}}}
        for number in range(count):
            head = line("session_meta", id=f"t{number}", source=source)
            (folder / f"rollout-{number}.jsonl").write_text(head)
        runs = read_logs(folder).runs
        assert len(runs) == count
        assert runs["started_at_s"].notna().all()
        return lines_executed(lambda: read_logs(folder))

    assert work(400) < 3 * work(200)


@pytest.mark.parametrize(("value", "counted"), [("1", 1), ("[]", 2), ("{}", 2)])
def test_line_of_millions_of_values_is_skipped(tmp_path, value, counted):
    """Empty lists of three bytes take seventy each in memory: 30 MB would become 700."""
    path = tmp_path / "log.jsonl"
    line = json.dumps(called(1, "x"))
    values = f"{value}," * (MOST_VALUES // counted)
    path.write_text(f'{line}\n{{"type": "user", "x": [{values}1]}}\n')
    read = read_logs(path)
    assert len(read.runs) == 1
    assert read.tally.skipped["line of too many values"].count == 1


def test_document_of_millions_of_values_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_VALUES", 10_000)
    path = tmp_path / "log.json"
    path.write_text("[\n" + "[],\n" * 10_000 + json.dumps(called(1, "x")) + "\n]")
    read = read_logs(path)
    assert "line that is not JSON" in read.tally.skipped


def test_rest_is_kept_if_a_folder_or_half_a_file_cannot_be_read(tmp_path, monkeypatch):
    def write(name, *numbers):
        lines = [line for number in numbers for line in (called(number, f"p{number}"), ended(number))]
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))

    class Failing(io.FileIO):
        def readline(self, size):
            if self.tell() >= os.fstat(self.fileno()).st_size // 2:
                raise OSError(errno.EIO, "Input/output error")
            return super().readline(size)

    def listdir(path, listed=os.listdir):
        if path.endswith("2"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return listed(path)

    def opened(path, mode):
        return Failing(path) if path.endswith("3.jsonl") else open(path, mode)

    write("1.jsonl", 1)
    (tmp_path / "2").mkdir()
    write("3.jsonl", 2, 3)
    write("4.jsonl", 4)
    monkeypatch.setattr(os, "listdir", listdir)
    monkeypatch.setattr(reading, "open", opened, raising=False)
    logs = read_logs(tmp_path)
    assert logs.tally.skipped == {
        "folder that cannot be read": Skipped(1, "after file 1"),
        "file that cannot be read": Skipped(1, "file 2"),
    }
    assert (logs.tally.files, logs.tally.formats) == (3, {"claude-code": 3})
    assert logs.runs["outcome"].tolist() == ["completed"] * 3
