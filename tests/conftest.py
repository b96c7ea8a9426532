"""What tests share: real databases, a real web site, and the corpus of real pages where it is at hand."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from flows.demo import Stage, stage
from flows.settings import Settings
from storage.database import Database
from tests.site import MisbehavingMinistry

TODAY = dt.date(2026, 3, 20)
"""The test site publishes relative to this day, so that expectations don't move."""


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests run in an empty folder, without the settings of whoever runs them."""
    for name in [name for name in os.environ if name.startswith("PODIUM_") and name != "PODIUM_CORPUS"]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.chdir(tmp_path)


# --- databases -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of the tests' own, in a folder of its own."""

    port: int
    folder: Path
    programs: Path

    def url(self, name: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, name: str) -> str:
        """Make an empty database; its address."""
        with psycopg.connect(self.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        return self.url(name)

    def start(self) -> None:
        """Start it, the first time or again; it answers when this returns."""
        fast = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses=127.0.0.1"
        options = f"-p {self.port} -k {self.folder} {fast}"
        self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", options, "start")

    def stop(self) -> None:
        """End it in the middle of whatever it does."""
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def _run(self, program: str, *words: str) -> None:
        # initdb refuses to run as root.
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        command = [str(self.programs / program), *words]
        done = subprocess.run(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, **user
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server, started in 0.8 s and thrown away; needs Debian's `postgresql` or the like."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server programs (initdb, pg_ctl) on this machine")
    # Not below pytest's own folders: it closes them to all but the user who runs it.
    folder = Path(tempfile.mkdtemp(prefix="podium-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = Server(_free_port(), folder, programs)
    server._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _free_port() -> int:
    """A port that stays free until it is used: none of those that the system gives to whoever connects."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The PostgreSQL server that tests share."""
    with postgres_server() as server:
        yield server


def _postgres_programs() -> Path | None:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True
    )
    beside = shutil.which("postgres")
    candidates = [path.parent for path in found] + ([Path(beside).parent] if beside else [])
    return next((folder for folder in candidates if (folder / "pg_ctl").exists()), None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole collections on PostgreSQL too are for the slow tests, all but those of the first file."""
    for item in items:
        spec = getattr(item, "callspec", None)
        given = set(getattr(item, "fixturenames", ()))
        whole = bool(given & {"settings", "corpus"}) and "test_collect.py" not in item.nodeid
        if whole and spec is not None and spec.params.get("database_url") == "postgresql":
            item.add_marker("slow")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'podium.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.create(f"t{abs(hash(request.node.nodeid)):x}")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database with the current schema, once of each kind."""
    opened = Database(database_url)
    yield opened
    opened.close()


# --- sites ---------------------------------------------------------------------------------------


@pytest.fixture
def site() -> Iterator[MisbehavingMinistry]:
    """A ministry's site on loopback that misbehaves on demand."""
    with MisbehavingMinistry(TODAY) as ministry:
        yield ministry


@pytest.fixture
def place(site: MisbehavingMinistry, tmp_path: Path) -> Stage:
    """A folder with the site's source file, and settings that keep everything in it, on SQLite."""
    return stage(tmp_path / "podium", site)


@pytest.fixture
def settings(place: Stage, database_url: str) -> Settings:
    """The same settings, once for each kind of database."""
    return place.settings.model_copy(update={"database_url": database_url})


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real pages: PODIUM_CORPUS, or ../shared/corpus beside the checkout."""
    beside = Path(__file__).parent.parent.parent / "shared" / "corpus"
    folder = Path(os.environ.get("PODIUM_CORPUS") or beside)
    if not folder.is_dir():
        pytest.skip("the corpus of real pages is not here; name its folder in PODIUM_CORPUS")
    return folder
