"""What something costs: seconds, CPU and memory, of a process of its own or of this one; and the databases for it.

What every benchmark shares. CPU seconds are those of the process, of the processes that it has started, and on
PostgreSQL those of the server too; they tell more than seconds where the machine has other work.
"""

from __future__ import annotations

import argparse
import ctypes
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import ParamSpec, TypeVar

import psycopg
import pytest

from tests.conftest import Server, postgres_server

P = ParamSpec("P")
T = TypeVar("T")

Servers = dict[str, Server | None]
"""Kinds of databases by name; SQLite has no server."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: wall seconds, CPU seconds, and the most memory of one process, in MB.

    `caller` is the memory of the process that waited for it.
    """

    seconds: float
    cpu: float
    memory: float = 0.0
    caller: float = 0.0


class Clock:
    """Measures a stretch of work: this process, those that it waited for, and the database's server, if any."""

    def __init__(self, server: Server | None = None) -> None:
        self._server = server
        self._start = time.perf_counter()
        self._spent = self._cpu()

    def stop(self) -> Cost:
        """What it took since it was made."""
        end_forking()
        seconds, cpu = time.perf_counter() - self._start, self._cpu() - self._spent
        whose = (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)
        return Cost(seconds, cpu, *(resource.getrusage(who).ru_maxrss / 1000 for who in whose))

    def _cpu(self) -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used) + _server_cpu(self._server)


def end_forking() -> None:
    """End the process that forks those that read: only then do their CPU seconds count as its own."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def command(words: Sequence[str], env: dict[str, str]) -> None:
    """Run a command to its end, and wait for what it leaves behind: only then do their CPU seconds count too.

    Linux only, and for a process without other children.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    pr_set_child_subreaper = 36  # linux/prctl.h: whom a process leaves behind becomes this one's child
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1)
    subprocess.run(words, env=os.environ | env, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _server_cpu(server: Server | None) -> float:
    """CPU seconds of all processes that a server has started."""
    if server is None:
        return 0.0
    parent = (server.folder / "data" / "postmaster.pid").read_text().split()[0]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended since it was listed
        if fields[1] == parent:
            ticks += sum(map(int, fields[11:13]))
        elif stat.parent.name == parent:
            ticks += sum(map(int, fields[11:15]))  # with those of its processes that have ended
    return ticks / 100


def alone(act: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """What a call gives, made in a process that has made no other."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(act, *given, **named).result()


def costs(act: Callable[..., object], *given: object, server: Server | None = None) -> Cost:
    """What a call costs, made in a process that has made no other."""
    return alone(_costs, act, given, server)


def _costs(act: Callable[..., object], given: Sequence[object], server: Server | None) -> Cost:
    clock = Clock(server)
    act(*given)
    return clock.stop()


# --- what it is measured with --------------------------------------------------------------------


def options(description: str | None, **defaults: int) -> argparse.ArgumentParser:
    """The options of a benchmark: whole numbers, with what they are if nothing is said."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{default} if not given")
    return parser


@contextmanager
def bench() -> Iterator[tuple[Path, Servers]]:
    """A folder that is thrown away, and the kinds of databases: PostgreSQL where its server programs are."""
    print(f"Python {platform.python_version()}, {platform.machine()}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="podium-bench-")))
        servers: Servers = {"SQLite": None}
        try:
            servers["PostgreSQL"] = stack.enter_context(postgres_server())
        except pytest.skip.Exception as problem:
            print(problem)
        yield folder, servers


def new_database(folder: Path, server: Server | None) -> str:
    """The address of a database that is not there yet (SQLite) or empty."""
    name = uuid.uuid4().hex
    return server.create(name) if server else f"sqlite:///{folder / name}.db"


def copy_of(url: str, server: Server | None) -> str:
    """The address of a copy of a database that nobody has open; a file stands beside the other."""
    if server is None:
        path = Path(url.removeprefix("sqlite:///"))
        copy = new_database(path.parent, None)
        shutil.copy(path, copy.removeprefix("sqlite:///"))
        return copy
    name = uuid.uuid4().hex
    _order(server, f'CREATE DATABASE "{name}" TEMPLATE "{url.rpartition("/")[2]}"')
    _order(server, "CHECKPOINT")  # else it would be written down while the copy is measured
    return server.url(name)


def drop(url: str, server: Server | None) -> None:
    """Throw a database away that nobody has open."""
    if server is None:
        Path(url.removeprefix("sqlite:///")).unlink()
    else:
        _order(server, f'DROP DATABASE "{url.rpartition("/")[2]}"')


def _order(server: Server, statement: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


def show(title: str, rounds: Sequence[dict[str, Cost]], baseline: str, pages: int) -> None:
    """Print a table. A ratio is the median of the rounds' own; above 1, faster than the baseline."""
    print(f"\n{title}, {len(rounds)} rounds")
    print(f"{'':28}{'seconds':>8}{'per s':>7}{'CPU s':>7}{'ratio':>7}{'min':>6}{'max':>6}", end="")
    print(f"{'CPU':>6}{'min':>6}{'max':>6}{'MB':>6}{'caller':>8}")
    for name in rounds[0]:
        each = [taken[name] for taken in rounds]
        seconds, cpu, memory, caller = (
            statistics.median(values)
            for values in zip(*((c.seconds, c.cpu, c.memory, c.caller) for c in each), strict=True)
        )
        ratios = [taken[baseline].seconds / taken[name].seconds for taken in rounds]
        cpus = [taken[baseline].cpu / taken[name].cpu for taken in rounds]
        print(f"{name:28}{seconds:>8.2f}{pages / seconds:>7.0f}{cpu:>7.2f}", end="")
        print(f"{statistics.median(ratios):>7.2f}{min(ratios):>6.2f}{max(ratios):>6.2f}", end="")
        print(
            f"{statistics.median(cpus):>6.2f}{min(cpus):>6.2f}{max(cpus):>6.2f}{memory:>6.0f}{caller:>8.0f}"
        )
