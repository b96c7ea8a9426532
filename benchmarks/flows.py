"""What Prefect costs: a night with nothing new over many sources on a Prefect server, over the bare command.

Run: ``python -m benchmarks.flows [--sources N ...] [--rounds N] [--calls]``. So many ministries are served on
addresses of this machine's own, without a delay, and collected once. Then the same command, ``podium nightly``,
is run in turn without Prefect (the baseline) and on servers with the deployments and alarms that `podium deploy`
puts there: one as `podium up` runs it, one on SQLite as Prefect runs it, one on PostgreSQL. Times are of the whole
command. A server's own access log says how often it was called, and its tables how many runs that left; a night
in which a page is a task fails.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from flows import environment
from flows.demo_site import Ministry
from flows.deploy import PROJECT, deploy, prefect_command
from flows.settings import Settings
from tests.conftest import postgres_server

BARE = "bare command (baseline)"

TASKS_A_SOURCE = 5
"""The most that a source may take where its pages are one batch: its run counts as one, and has four steps."""

_CALL = re.compile(r'"(GET|POST|PUT|PATCH|DELETE) (/api/[^ ?"]*)')
_NUMBER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass(frozen=True, slots=True)
class Night:
    """What one took: wall seconds, calls of the server by address, new flow runs and task runs, refused writes."""

    seconds: float
    calls: Counter[str]
    flow_runs: int = 0
    task_runs: int = 0
    locked: int = 0


@contextmanager
def ministries(count: int, folder: Path) -> Iterator[Settings]:
    """So many sources, each on a host of its own; settings that keep everything in a folder."""
    sources = folder / "sources"
    sources.mkdir(parents=True)
    with ExitStack() as stack:
        for number in range(1, count + 1):
            site = stack.enter_context(Ministry(dt.datetime.now(dt.UTC).date(), host=f"127.0.1.{number}"))
            text = site.source_toml().replace('id = "demo"', f'id = "ministry-{number}"')
            (sources / f"ministry-{number}.toml").write_text(text, encoding="utf-8")
        names = tuple(f"ministry-{number}" for number in range(1, count + 1))
        database = f"sqlite:///{folder / 'podium.db'}"
        yield Settings(database_url=database, archive=folder / "archive", sources=sources, collect=names)


@dataclass(frozen=True, slots=True)
class Server:
    """A Prefect server of the benchmark's own, by its address and the file that it logs to."""

    api: str
    log: Path

    def count(self, what: str) -> int:
        """How many flow runs (`flow_runs`) or task runs (`task_runs`) have begun."""
        begun = {"state": {"type": {"any_": ["RUNNING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}}
        asked = Request(f"{self.api}/{what}/count", headers={"Content-Type": "application/json"})  # noqa: S310
        with urlopen(asked, json.dumps({what: begun}).encode()) as answer:  # noqa: S310 - our own
            found: int = json.load(answer)
        return found

    def logged(self) -> str:
        """All that it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def serving(folder: Path, command: Sequence[str], database: str | None = None) -> Iterator[Server]:
    """A server with Podium's deployments and alarms.

    Args:
        folder: its home.
        command: starts it.
        database: the address of an empty PostgreSQL database; SQLite in its home if none.
    """
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | environment.PREFECT
    env |= {"PREFECT_HOME": str(folder), "PREFECT_SERVER_API_PORT": str(port)}
    env |= {"PREFECT_SERVER_LOGGING_LEVEL": "INFO"}  # its access log
    if database:
        env["PREFECT_API_DATABASE_CONNECTION_URL"] = database.replace("postgresql:", "postgresql+asyncpg:")
    server = Server(f"http://127.0.0.1:{port}/api", folder / "log")
    with server.log.open("w") as log:
        process = subprocess.Popen(command, env=env, cwd=PROJECT, stdout=log, stderr=log)  # noqa: S603
    try:
        end = time.monotonic() + 120
        while not _answers(server.api):
            assert process.poll() is None and time.monotonic() < end, server.logged()
            time.sleep(0.2)
        deploy(server.api, None, env)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _answers(api: str) -> bool:
    try:
        with urlopen(f"{api}/health", timeout=2) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
    except OSError:
        return False


def night(settings: Settings, server: Server | None = None) -> Night:
    """One night, by the command; every source has to be complete."""
    env = os.environ | environment.PREFECT | settings.environment()
    if server is None:
        seconds = _run(env)
        return Night(seconds, Counter())
    start, runs, tasks = len(server.logged()), server.count("flow_runs"), server.count("task_runs")
    seconds = _run(env | {"PREFECT_API_URL": server.api, "PREFECT_HOME": str(server.log.parent)})
    told = server.logged()[start:]
    calls = Counter(f"{method} {_NUMBER.sub('ID', path)}" for method, path in _CALL.findall(told))
    time.sleep(5)  # what a run sends as events is written a moment later
    return Night(
        seconds,
        calls,
        server.count("flow_runs") - runs,
        server.count("task_runs") - tasks,
        server.logged()[start:].count("database is locked"),
    )


def _run(env: dict[str, str]) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "flows.cli", "nightly"]
    done = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - start


def measure(count: int, rounds: int, servers: dict[str, Server], *, spell: bool) -> None:
    """Nights over so many sources, everywhere in turn, and their table."""
    with (
        tempfile.TemporaryDirectory(prefix="podium-bench-") as folder,
        ministries(count, Path(folder)) as settings,
    ):
        night(settings)
        spent: dict[str, list[Night]] = {name: [] for name in (BARE, *servers)}
        for _ in range(rounds):
            spent[BARE].append(night(settings))
            for name, server in servers.items():
                spent[name].append(night(settings, server))
    for each in spent.values():
        for one in each:
            assert one.task_runs <= TASKS_A_SOURCE * count + 1, f"{one.task_runs} tasks: is a page one?"
    show(f"A night with nothing new over {count} sources", spent, count)
    if spell:
        for name in servers:
            print(f"\n{name}: the calls of the last night")
            for call, times in spent[name][-1].calls.most_common():
                print(f"{times:>6}  {call}")


def show(title: str, spent: dict[str, list[Night]], sources: int) -> None:
    """Print a table. A ratio is the median of the rounds' own; above 1, slower than the bare command."""
    print(f"\n{title}, {len(spent[BARE])} rounds")
    print(
        f"{'':32}{'seconds':>8}{'ratio':>7}{'min':>6}{'max':>6}{'calls':>7}{'a source':>9}{'runs':>6}{'tasks':>7}",
        end="",
    )
    print(f"{'locked':>8}")
    for name, each in spent.items():
        ratios = [one.seconds / base.seconds for one, base in zip(each, spent[BARE], strict=True)]
        calls, runs, tasks = (
            statistics.median(values)
            for values in zip(*((sum(n.calls.values()), n.flow_runs, n.task_runs) for n in each), strict=True)
        )
        print(
            f"{name:32}{statistics.median(n.seconds for n in each):>8.1f}{statistics.median(ratios):>7.2f}"
            f"{min(ratios):>6.2f}{max(ratios):>6.2f}{calls:>7.0f}{calls / sources:>9.1f}{runs:>6.0f}{tasks:>7.0f}"
            f"{sum(n.locked for n in each):>8}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--sources", type=int, nargs="+", default=[20], help="how many; more than one shows growth"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", action="store_true", help="list what the servers were called for")
    asked = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="podium-bench-")))
        own, plain = [sys.executable, "-m", "flows.server"], [*prefect_command(), "server", "start"]
        servers = {
            "SQLite, as podium up": stack.enter_context(serving(folder / "up", own)),
            "SQLite, prefect server start": stack.enter_context(serving(folder / "plain", plain)),
        }
        try:
            database = stack.enter_context(postgres_server()).create("prefect")
            started = stack.enter_context(serving(folder / "postgres", plain, database))
            servers["PostgreSQL"] = started
        except pytest.skip.Exception as problem:
            print(problem)
        for count in asked.sources:
            measure(count, asked.rounds, servers, spell=asked.calls)


if __name__ == "__main__":
    main()
