"""Studies on a Dask cluster: a real scheduler and real workers, as processes of this machine."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import psutil
import pytest

from dispatch_sim.decide.studies import sweep
from dispatch_sim.engine import store
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study import cluster, runner
from dispatch_sim.study.checkpoint import CHECKPOINT_FILE, is_unfinished
from dispatch_sim.study.cluster import ClusterError, WorkerError, connected
from dispatch_sim.study.results import RESULTS_FILE, write_results
from tests.command import dispatch_sim

TEXT = """
name: small
tasks: [{name: a, count: 4, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
strategies: [parallel, {queue: 2}]
sweep: {tasks: [2, 4]}
study: {replications: 160}
engine: simpy
"""


class Dask:
    """A scheduler, and workers of one thread each."""

    def __init__(self, folder, **environment):
        self.folder, self.workers, self.environment = folder, [], os.environ | environment
        file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--scheduler-file", str(file), "--port", "0")
        _wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def worker(self, first_on_path=None):
        path = {"PYTHONPATH": os.pathsep.join([str(first_on_path), *sys.path])} if first_on_path else {}
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(self.folder))
        self.workers.append(self._start("worker", self.address, *options, **path))
        newest = max(self.folder.glob("*.log"), key=lambda log: int(log.stem))
        _wait_for(lambda: "Registered to" in newest.read_text())

    def _start(self, what, *arguments, **environment):
        here = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        with (self.folder / f"{len(list(self.folder.glob('*.log')))}.log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, *here],
                stdout=log,
                stderr=log,
                env=self.environment | environment,
            )

    def dismiss(self):
        """End all workers; the scheduler has noticed it afterwards."""
        if not self.workers:
            return
        _kill(self.workers)
        self.workers.clear()
        from distributed import Client

        with Client(self.address) as client:
            _wait_for(lambda: not client.nthreads())

    def replace_first(self):
        """Have another worker take the place of the first, which stands still until the other has joined."""
        self.workers[0].send_signal(signal.SIGSTOP)
        self.worker()
        self.workers[0].kill()


def _kill(processes):
    for process in processes:
        process.kill()
        process.wait()


def _wait_for(so):
    while not so():
        time.sleep(0.02)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return study(TEXT, tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    dask = Dask(tmp_path_factory.mktemp("lasting"))
    yield dask
    _kill([*dask.workers, dask.scheduler])


@pytest.fixture
def scheduler(lasting):
    """Return a scheduler without workers; a test may add some, and must not end it."""
    lasting.dismiss()
    yield lasting
    lasting.dismiss()


@pytest.fixture
def dask(lasting):
    """Return a scheduler with a worker; a test must not end them."""
    if not lasting.workers:
        lasting.worker()
    return lasting


@pytest.fixture
def many_chunks(monkeypatch):
    """Cut studies into chunks of ten replications, so that something can happen between two."""
    monkeypatch.setitem(runner.TASKS_OF_A_CHUNK, "simpy", 120)


def at_first(do):
    calls = []

    def progress(done, of):
        calls.append(done)
        if len(calls) == 1:
            do()

    return progress


def study(text, folder, **options):
    write_results(sweep(parse_source(text), folder=folder, **options), folder)
    return written(folder)


def written(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Unreadable:
    """A design whose reading calls something."""

    tasks = 1

    def __init__(self, *call):
        self._call = call

    def __reduce__(self):
        return self._call


def test_joining_and_dying_workers_change_nothing(scheduler, tmp_path, many_chunks, caplog, here):
    """The study waits for a first, which is killed while it simulates; only another can do the rest."""

    def join():
        _wait_for(lambda: "no workers" in caplog.text)
        scheduler.worker()

    joining = threading.Thread(target=join)
    joining.start()
    replace = at_first(lambda: (joining.join(), scheduler.replace_first()))
    assert study(TEXT, tmp_path / "there", cluster=scheduler.address, on_progress=replace) == here
    assert caplog.text.count("no workers") == 1


def test_loss_of_workers_or_scheduler_is_an_error_and_the_study_is_resumed(tmp_path, many_chunks, here):
    """A chunk that ends workers may need more memory than there is; the scheduler is set to allow none.

    What was done before the loss of the scheduler is kept; resumed without a cluster it gives the same bytes.
    """
    (tmp_path / "dask").mkdir()
    mortal = Dask(tmp_path / "dask", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    try:
        mortal.worker()
        with connected(mortal.address) as there, pytest.raises(WorkerError, match=r"out of memory\?"):
            there.simulate(Unreadable(os._exit, (1,)), [range(1)], "simpy", None)
        mortal.worker()
        with pytest.raises(WorkerError, match=r"the cluster was lost.*--resume, with or without a cluster"):
            study(
                TEXT, tmp_path / "there", cluster=mortal.address, on_progress=at_first(mortal.scheduler.kill)
            )
    finally:
        _kill([*mortal.workers, mortal.scheduler])
    played = []
    resumed = study(TEXT, tmp_path / "there", resume=True, on_progress=lambda done, of: played.append(done))
    assert min(played) > 10  # replications are ten a block, and the first of these was done before
    assert resumed == here


def _with_other_numpy(folder):
    (folder / "numpy-0.1.dist-info").mkdir(parents=True)
    (folder / "numpy-0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n"
    )


def _without_a_simulator(folder):
    (folder / "dispatch_sim").mkdir(parents=True)
    (folder / "dispatch_sim" / "__init__.py").write_text("")


@pytest.mark.filterwarnings("ignore:Mismatched versions found")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_with_other_numpy, r"tcp://127\.0\.0\.1:[0-9]+, a worker of the cluster, has numpy 0\.1, not [0-9]"),
        (_without_a_simulator, "no dispatch-sim"),
    ],
)
def test_worker_with_other_software_is_rejected(scheduler, tmp_path, change, words):
    change(tmp_path / "other")
    scheduler.worker(tmp_path / "other")
    with pytest.raises(ClusterError, match=words):
        study(TEXT, tmp_path / "there", cluster=scheduler.address)


def test_address_without_scheduler_is_an_error(tmp_path, monkeypatch):
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
        "tcp://host:8786/x",
        "tcp://\x1b[2Jhost:8786",
    ],
)
def test_invalid_cluster_address_is_refused(address):
    with pytest.raises(ClusterError, match="tcp://HOST:PORT, nor local:N") as refused, connected(address):
        pass
    assert repr(address) in str(refused.value)


def test_missing_dask_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'dispatch-sim\[cluster\]'"), connected("local:2"):
        pass


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(TEXT)
    return path


TAKES_LONG = "(simulating, which takes more than .*\n)?"
"""A line that depends on the speed of the machine."""

SHORT_CHUNKS = """
from dispatch_sim.study import runner
runner.TASKS_OF_A_CHUNK["simpy"] = 120
from dispatch_sim.__main__ import main
main()
"""


def started(scenario, address, replications="2000"):
    """Start a long study on a cluster, in a process of its own; by SimPy it has short chunks."""
    options = ("--no-report", "--out", "out", "--cluster", address, "--replications", replications)
    return subprocess.Popen(
        [sys.executable, "-c", SHORT_CHUNKS, "sweep", scenario.name, *options],
        cwd=scenario.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_command_line_accepts_local_threads(scenario, here):
    """With the compiled engine too the results are the same; nothing else is said than where they are."""
    scenario.write_text(TEXT.replace("simpy", "compiled"))
    store.engine()  # otherwise the command would say that it compiles
    command = ("sweep", scenario.name, "--no-report", "--out", "out", "--cluster", "local:2")
    process = dispatch_sim(*command, cwd=scenario.parent)
    assert (process.returncode, process.stderr) == (0, "wrote to out: results.parquet, manifest.json\n")
    assert process.stdout.startswith("Use ")
    assert (scenario.parent / "out" / RESULTS_FILE).read_bytes() == here[RESULTS_FILE]


def test_local_cluster_starts_no_process_and_listens_locally():
    this = psutil.Process()
    before = this.children(recursive=True)
    with connected("local:1"):
        ends = [each for each in this.net_connections("inet") if each.status == psutil.CONN_LISTEN]
        assert this.children(recursive=True) == before
        assert {each.laddr.ip for each in ends} == {"127.0.0.1"}


def _has_first_chunk(folder):
    """Results end at the first gap, and chunks end in any order."""
    if not is_unfinished(folder):
        return False
    with closing(sqlite3.connect(folder / CHECKPOINT_FILE)) as db:
        return db.execute("SELECT 1 FROM chunk WHERE first = 0").fetchone() is not None


def test_error_on_a_worker_is_raised_here(dask):
    with connected(dask.address) as there, pytest.raises(FileNotFoundError, match="/nowhere/at/all"):
        there.simulate(Unreadable(open, ("/nowhere/at/all",)), [range(1)], "simpy", None)


@pytest.mark.parametrize("where", ["there", "local"])
def test_ctrl_c_keeps_results_of_a_cluster(request, scenario, where):
    """Exit code 130, and in words; no worker of others is harmed. The local cluster uses compiled code."""
    dask = request.getfixturevalue("dask") if where == "there" else None
    if dask:
        process = started(scenario, dask.address)
    else:
        store.engine()  # otherwise the command would say that it compiles
        scenario.write_text(TEXT.replace("simpy", "compiled"))
        process = started(scenario, "local:2", "1000000")
    _wait_for(lambda: _has_first_chunk(scenario.parent / "out") or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert re.fullmatch(
        TAKES_LONG + r"wrote to out: .*\nInterrupted at .* replications. Continue with: .* --resume\n", errors
    )
    assert dask is None or all(worker.poll() is None for worker in dask.workers)


def test_ctrl_c_ends_a_starting_cluster(scenario):
    process = started(scenario, "local:2")
    _wait_for((scenario.parent / "out" / ".dispatch-sim.lock").exists)  # it is held before the cluster starts
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    # Python ends itself by the signal where that came within `exec` of a text, as when dataclasses are made.
    assert process.returncode in (130, -signal.SIGINT), errors
    assert "Traceback" not in errors
    assert len(errors.splitlines()) <= 2
