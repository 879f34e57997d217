"""Studies on a Dask cluster: a real scheduler and real workers, as processes of this machine."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path

import psutil
import pytest

import dispatch_sim
from dispatch_sim.decide.studies import sweep
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study import cluster, runner
from dispatch_sim.study.checkpoint import is_unfinished
from dispatch_sim.study.cluster import Cluster, ClusterError, connected
from dispatch_sim.study.design import design_sweep
from dispatch_sim.study.results import RESULTS_FILE, write_results
from dispatch_sim.study.runner import WorkerError
from tests.command import start

TEXT = """
name: small
tasks: [{name: a, count: 4, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
strategies: [parallel, {queue: 2}]
sweep: {tasks: [2, 4], concurrency: [2]}
study: {replications: 160}
engine: simpy
"""

COMPILED = TEXT.replace("simpy", "compiled")


class Dask:
    """A scheduler, and workers of one thread each."""

    def __init__(self, folder):
        self.folder = folder
        file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--scheduler-file", str(file))
        self.workers = []
        _wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def worker(self, first_on_path=None):
        """Start a worker, and wait until the scheduler knows it."""
        environment = dict(os.environ)
        if first_on_path is not None:
            environment["PYTHONPATH"] = os.pathsep.join([str(first_on_path), *sys.path])
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(self.folder))
        process = self._start("worker", self.address, *options, env=environment)
        self.workers.append(process)
        log = self.folder / f"{process.name}.log"
        _wait_for(lambda: "Registered to" in log.read_text())
        return process

    def _start(self, what, *arguments, env=None):
        number = len(list(self.folder.glob("*.log")))
        here = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        with (self.folder / f"{number}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, *here]
                + (["--port", "0"] if what == "scheduler" else []),
                stdout=log,
                stderr=log,
                env=env,
            )
        process.name = number
        return process

    def replace_first(self, first_on_path=None):
        """Have another worker take the place of the first, which stands still until the other has joined."""
        self.workers[0].send_signal(signal.SIGSTOP)
        self.worker(first_on_path)
        self.workers[0].kill()

    def end(self):
        """End all, as a power cut does."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def _wait_for(so):
    while not so():
        time.sleep(0.02)


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """Return a cluster of two workers that nothing befalls."""
    dask = Dask(tmp_path_factory.mktemp("standing"))
    dask.worker()
    dask.worker()
    yield dask
    dask.end()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Return what the study comes to without a cluster."""
    return study(TEXT, tmp_path_factory.mktemp("here"))


@pytest.fixture
def dask(tmp_path):
    """Return a cluster of one worker, for this test alone."""
    dask = Dask(_made(tmp_path / "dask"))
    dask.worker()
    yield dask
    dask.end()


def _made(folder):
    folder.mkdir()
    return folder


@pytest.fixture
def many_chunks(monkeypatch):
    """Cut studies into chunks of ten replications, so that something can happen between two."""
    monkeypatch.setattr(runner, "TASKS_OF_A_CHUNK", {"simpy": 120, "compiled": 120})


def at_first(do):
    """Return what, called as progress, does something when the first chunk is done."""
    calls = []

    def progress(done, of):
        calls.append(done)
        if len(calls) == 1:
            do()

    return progress


def study(text, folder, **options):
    """Play a study into a folder; returns the bytes of its files."""
    write_results(sweep(parse_source(text), folder=folder, **options), folder)
    return written(folder)


def written(folder):
    """Return the bytes of all files that a study has written, by their names."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("text", [TEXT, COMPILED], ids=["simpy", "compiled"])
def test_a_cluster_gives_the_same_bytes(standing, tmp_path, many_chunks, text):
    """By either engine; also where `auto` doubles the replications."""
    text = text.replace("study: {replications: 160}", "study: {at_most: 512}")
    here = study(text, tmp_path / "here")
    assert study(text, tmp_path / "there", cluster=standing.address) == here


def test_workers_that_die_and_workers_that_join_change_nothing(dask, tmp_path, many_chunks, here):
    """The first is killed while it plays; only the one that joined can have played the rest."""

    there = study(TEXT, tmp_path / "there", cluster=dask.address, on_progress=at_first(dask.replace_first))
    assert there == here


def test_a_study_outlives_its_scheduler(dask, tmp_path, many_chunks, here):
    """It ends in words, and what was done is kept; resumed without a cluster it gives the same bytes."""
    there = tmp_path / "there"
    with pytest.raises(WorkerError, match=r"the cluster was lost.*--resume, with or without a cluster"):
        study(TEXT, there, cluster=dask.address, on_progress=at_first(dask.scheduler.kill))
    played = []
    resumed = study(TEXT, there, resume=True, on_progress=lambda done, of: played.append(done))
    assert min(played) > 10  # replications are ten a block, and the first of these was done before
    assert resumed == here


def test_the_number_of_workers_is_followed(dask, monkeypatch):
    """Two threads when a second worker has joined, none but one to wait for when both have gone."""
    monkeypatch.setattr(cluster, "COUNTED_EVERY_S", 0.0)
    with connected(dask.address) as there:
        assert there.threads == 1
        dask.worker()
        _wait_for(lambda: there.threads == 2)


def test_chunks_are_longer_for_more_threads_than_a_scheduler_can_serve_with_short_ones(monkeypatch):
    """Of 7,000 tasks for a hundred threads; for ten thousand, who join later, a hundred times as long."""
    design = design_sweep(parse_source(TEXT))
    threads = iter([1, 10, 100, 1000, 10_000])
    monkeypatch.setattr(Cluster, "threads", property(lambda _: next(threads, 10_000)))
    chunks = list(islice(Cluster(None)._chunks(design, [range(4 * 10**9)], "simpy"), 6))
    lengths = [len(chunk) * design.tasks for chunk in chunks]
    assert lengths == pytest.approx([7e3, 7e3, 7e5, 7e5, 7e5, 7e5], rel=0.01)
    assert [chunk.start for chunk in chunks[1:]] == [chunk.stop for chunk in chunks[:-1]]


def test_a_cluster_without_workers_is_waited_for(tmp_path, caplog, here):
    dask = Dask(_made(tmp_path / "dask"))

    def come():
        _wait_for(lambda: "no workers" in caplog.text)
        dask.worker()

    coming = threading.Thread(target=come)
    coming.start()
    try:
        assert study(TEXT, tmp_path / "there", cluster=dask.address) == here
        assert caplog.text.count("no workers") == 1
    finally:
        coming.join()
        dask.end()


class Unreadable:
    """A design whose reading calls something."""

    tasks = 1

    def __init__(self, *call):
        self._call = call

    def __reduce__(self):
        return self._call


def test_a_chunk_that_kills_one_worker_after_another_ends_the_study_in_words(tmp_path, monkeypatch):
    """As one that needs more memory than there is; how many are too many is a setting of the scheduler."""
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    dask = Dask(_made(tmp_path / "dask"))
    dask.worker()
    try:
        with connected(dask.address) as there, pytest.raises(WorkerError, match=r"out of memory\?"):
            there.simulate(Unreadable(os._exit, (1,)), [range(1)], "simpy", None)
    finally:
        dask.end()


def test_what_goes_wrong_on_a_worker_arrives_as_what_it_is(standing):
    with connected(standing.address) as there, pytest.raises(FileNotFoundError, match="/nowhere/at/all"):
        there.simulate(Unreadable(open, ("/nowhere/at/all",)), [range(1)], "simpy", None)


def _with_other_numpy(folder):
    (folder / "numpy-0.1.dist-info").mkdir(parents=True)
    (folder / "numpy-0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n"
    )


def _with_other_sources(folder):
    shutil.copytree(Path(dispatch_sim.__file__).parent, folder / "dispatch_sim")
    with (folder / "dispatch_sim" / "model" / "arithmetic.py").open("a") as file:
        file.write("# changed\n")


def _without_what_plays(folder):
    (folder / "dispatch_sim").mkdir(parents=True)
    (folder / "dispatch_sim" / "__init__.py").write_text("")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_with_other_numpy, r"tcp://127\.0\.0\.1:[0-9]+, a worker of the cluster, has numpy 0\.1, not [0-9]"),
        (_with_other_sources, "sources of dispatch-sim [0-9a-f]{8}, not [0-9a-f]{8}"),
        (_without_what_plays, "no dispatch-sim"),
    ],
)
def test_a_late_worker_that_is_not_like_the_others_is_refused(
    dask, tmp_path, many_chunks, here, change, words
):
    change(tmp_path / "other")

    another = at_first(lambda: dask.replace_first(tmp_path / "other"))
    with pytest.raises(ClusterError, match=words):
        study(TEXT, tmp_path / "there", cluster=dask.address, on_progress=another)
    resumed = study(TEXT, tmp_path / "there", resume=True)
    assert resumed == here


def test_an_address_at_which_nothing_answers_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWERS_WITHIN_S", 0.5)
    with pytest.raises(ClusterError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1:"):
        study(TEXT, tmp_path / "there", cluster="tcp://127.0.0.1:1")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "local",
        "local:0",
        "local:1000",
        "127.0.0.1:8786",
        "http://host:80",
        "tcp://host",
        "tcp://host:x",
        "tcp://:8786",
        "tcp://a b:80",
        "tcp://host:8786/x",
        "tcp://\x1b[2Jhost:8786",
    ],
)
def test_what_is_no_address_of_a_cluster_is_refused(address):
    with pytest.raises(ClusterError, match="tcp://HOST:PORT, nor local:N") as refused, connected(address):
        pass
    assert repr(address) in str(refused.value)


def test_without_dask_a_cluster_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'dispatch-sim\[cluster\]'"), connected("local:2"):
        pass


@pytest.fixture
def scenario(tmp_path):
    """Return the file of a study of many short blocks."""
    path = tmp_path / "small.yaml"
    path.write_text(TEXT)
    return path


def started(scenario, *arguments):
    """Start a sweep by the command line, in a session of its own, as in a terminal."""
    return start(
        *("sweep", scenario.name, "--no-report", *arguments),
        cwd=scenario.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_threads_of_this_process_simulate_by_the_command_line(scenario, here):
    """`local:2`: the same results, nothing but the answer and where it was written."""
    process = started(scenario, "--cluster", "local:2", "--out", "there")
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "wrote to there: results.parquet, manifest.json\n")
    assert output.startswith("Dispatch four tasks")
    assert (scenario.parent / "there" / RESULTS_FILE).read_bytes() == here[RESULTS_FILE]


def test_local_starts_no_process_and_is_heard_by_this_machine_only():
    this = psutil.Process()
    before = this.children(recursive=True)
    with connected("local:1"):
        ends = [each for each in this.net_connections("inet") if each.status == psutil.CONN_LISTEN]
        assert this.children(recursive=True) == before
        assert {each.laddr.ip for each in ends} == {"127.0.0.1"}


@pytest.mark.parametrize("where", ["local", "there"])
def test_ctrl_c_keeps_what_a_cluster_has_simulated(standing, scenario, where):
    """Exit code 130, and in words; no worker of others is harmed."""
    address = "local:2" if where == "local" else standing.address
    process = started(scenario, "--cluster", address, "--out", "out", "--replications", "1000000")
    out = scenario.parent / "out"
    _wait_for(lambda: is_unfinished(out) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert re.fullmatch(
        r"wrote to out: .*\nInterrupted at .* replications. Continue with: .* --resume\n", errors
    )
    assert all(worker.poll() is None for worker in standing.workers)


@pytest.mark.parametrize("after_s", [0.0, 0.7, 1.5])
def test_ctrl_c_ends_a_cluster_that_is_still_starting(scenario, after_s):
    """Whatever of it has started: exit code 130, a line, and nothing is left."""
    process = started(scenario, "--cluster", "local:2", "--out", "out", "--replications", "1000000")
    _wait_for((scenario.parent / "out" / ".dispatch-sim.lock").exists)  # it is held before the cluster starts
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert len(errors.splitlines()) <= 2
