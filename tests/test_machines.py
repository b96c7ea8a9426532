"""More than one machine: a re-extraction on a cluster, and collections by two workers that share a database.

Each machine is a process here; what they share are a PostgreSQL server, a folder, and Prefect's server.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from sqlalchemy import select

from flows import environment, reextraction
from flows.demo import stage
from flows.deploy import POOL, PROJECT, deploy
from flows.reextract import reextract, runner
from flows.settings import Settings
from flows.up import _WORKER as WORKER
from storage import models
from storage.database import Database
from tests.conftest import Server
from tests.site import MisbehavingMinistry
from tests.test_flows import wait_for
from tests.test_ingest import NOON, captured, take
from tests.test_reextract import LOST, assert_whole, content, layout
from tests.test_torture import tree

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
LONG = 240.0
"""Seconds that a server or a run may take on a machine with other work."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    words: list[str], log: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended with all that it has started."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            words, env=env, cwd=PROJECT, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        own = tree(process.pid) if process.poll() is None else []
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        for pid in own:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def prefect_api(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prefect server that keeps its tables on PostgreSQL, as where several machines work."""
    folder, port = tmp_path_factory.mktemp("prefect"), free_port()
    home, api = folder / "home", f"http://127.0.0.1:{port}/api"
    # asyncpg takes no address that names psycopg.
    url = postgres.create("prefect").replace("postgresql://", "postgresql+asyncpg://")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (environment.PREFECT | {"PREFECT_HOME": str(home)}).items():
            patch.setenv(name, value)
        env = os.environ | {
            "PREFECT_API_DATABASE_CONNECTION_URL": url,
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(port),
        }
        log = folder / "server.log"
        quiet: dict[Any, Any] = {PREFECT_API_URL: api, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        with running([str(BIN / "prefect"), "server", "start"], log, env), temporary_settings(quiet):
            wait_for(lambda: answers(f"{api}/health"), LONG)
            yield api


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


# --- a cluster -----------------------------------------------------------------------------------


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A Dask scheduler and two workers, each a process of its own; the scheduler's address."""
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = str(BIN / "dask")
    with contextlib.ExitStack() as stack:
        words = [dask, "scheduler", "--host", address, "--no-dashboard", "--no-show"]
        stack.enter_context(running(words, tmp_path / "scheduler.log"))
        for name in ("one", "two"):
            words = [dask, "worker", address, "--name", name, "--nthreads", "1", "--no-dashboard"]
            words += ["--local-directory", str(tmp_path / name)]
            stack.enter_context(running(words, tmp_path / f"{name}.log"))
        from distributed import Client

        with Client(address, timeout=LONG) as client:
            client.wait_for_workers(2, timeout=LONG)
        yield address


def test_a_cluster_reads_the_archive_again_as_one_machine_does(
    prefect_api: str,
    site: MisbehavingMinistry,
    settings: Settings,
    cluster: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from distributed import Client

    documents = [each for each in site.documents if len(each.blocks) > 1][:12]
    layout(settings, drops=LOST)
    take(captured(tmp_path / "kept.warc.gz", site.base, *((each, NOON) for each in documents)), settings)
    layout(settings)
    monkeypatch.setattr("storage.reextraction.SHARD", 2)
    alone = reextraction.propose(settings, reextraction.selection_of(settings))
    spread = settings.model_copy(update={"dask": cluster})
    for name, value in spread.environment().items():
        monkeypatch.setenv(name, value)
    flow = reextract.with_options(task_runner=runner(spread))
    with Client(cluster) as client:
        client.get_task_stream()  # from now on it is kept who does what
        unseen = flow(dry_run=False, return_state=True)
        assert unseen.is_failed() and "look at the changes first" in str(unseen.message)
        shown = flow(return_state=True)
        assert shown.message == f"{len(documents)} changes: accept {alone.digest}"
        written = flow(dry_run=False, accept=alone.digest, return_state=True)
        assert (written.name, written.message) == ("Completed", "every source is complete")
        done = client.get_task_stream()
    assert len({each["worker"] for each in done}) == 2
    assert reextraction.propose(settings, reextraction.selection_of(settings)).digest is None
    fresh = settings.model_copy(
        update={"database_url": f"sqlite:///{tmp_path / 'fresh.db'}", "archive": tmp_path / "fresh"}
    )
    take(captured(tmp_path / "again.warc.gz", site.base, *((each, NOON) for each in documents)), fresh)
    assert content(settings) == content(fresh)
    assert_whole(settings)


# --- two workers ---------------------------------------------------------------------------------

DELAY = 0.8
TOLERANCE = 0.15
"""Seconds by which a request may come sooner: its way to the site takes now longer, now shorter."""


class Counted:
    """Counts the requests that a site answers at one time; each takes a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __call__(self, site: MisbehavingMinistry, visit: Any) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._seconds)
        site.serve_well(visit)
        with self._lock:
            self._now -= 1


def test_two_workers_keep_a_hosts_pace_together(prefect_api: str, postgres: Server, tmp_path: Path) -> None:
    today = dt.datetime.now(dt.timezone(dt.timedelta(hours=2))).date()
    with MisbehavingMinistry(today) as site, contextlib.ExitStack() as stack:
        counted = Counted(DELAY / 3)
        site.misbehave("*", counted)
        place = stage(tmp_path / "podium", site)
        assert place.settings.sources is not None
        second = site.source_toml().replace('id = "demo"', 'id = "mirror"')
        (place.settings.sources / "mirror.toml").write_text(second, encoding="utf-8")
        shared = {"database_url": postgres.create("two_workers"), "delay": DELAY, "collect": ()}
        settings = place.settings.model_copy(update=shared)
        env = os.environ | settings.environment() | {"PREFECT_API_URL": prefect_api}
        # Else the second worker may look for work when the first has done its own.
        env["PREFECT_WORKER_QUERY_SECONDS"] = "1"
        deploy(prefect_api, None, env)
        logs = [tmp_path / f"{name}.log" for name in ("one", "two")]
        for log in logs:
            words = [
                str(BIN / "prefect"),
                "worker",
                "start",
                "--pool",
                POOL,
                "--limit",
                "1",
                "--name",
                log.stem,
            ]
            stack.enter_context(running([sys.executable, "-c", WORKER, *words], log, env))
        window = {"since": str(today - dt.timedelta(9)), "until": str(today - dt.timedelta(2))}
        with get_client(sync_client=True) as client:
            runs = [
                client.create_flow_run_from_deployment(
                    client.read_deployment_by_name(name).id, parameters=given
                )
                for name, given in (
                    ("nightly/nightly", {"sources": ["demo"]}),
                    ("backfill/backfill", window | {"sources": ["mirror"]}),
                )
            ]
            ended = finished(client, runs, logs)
        assert [(run.state_name, run.state and run.state.message) for run in ended] == [
            ("Completed", "every source is complete")
        ] * 2
        asked = sorted(visit.time for visit in site.requests)
        # Both went on at once, or there was nothing to keep together; and a worker does one at a time.
        with Database(settings.database_url) as database, database.read() as session:
            one, two = session.scalars(select(models.Run))
        assert one.finished_at and two.finished_at
        assert min(one.finished_at, two.finished_at) - max(one.started_at, two.started_at) > dt.timedelta(
            seconds=3 * DELAY
        )
        assert one.process != two.process
        assert len(asked) > 12 and counted.most == 1
        assert min(later - sooner for sooner, later in pairwise(asked)) > DELAY - TOLERANCE


def finished(client: SyncPrefectClient, runs: list[FlowRun], logs: list[Path]) -> list[FlowRun]:
    """The runs as they have ended."""
    found: list[FlowRun] = []

    def are_over() -> bool:
        found[:] = [client.read_flow_run(run.id) for run in runs]
        return all(run.state is not None and run.state.is_final() for run in found)

    try:
        wait_for(are_over, LONG)
    except AssertionError as problem:
        raise AssertionError("\n".join(log.read_text()[-3000:] for log in logs)) from problem
    return found
