"""What tests share: real databases, a real web site, and the corpus of real pages where it is at hand."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import shutil
import signal
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

# A shell lets what it runs in the background ignore Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


MEMORY, ROOM = Path("/dev/shm"), 4 * 2**30
"""Where Linux keeps files in memory, and the bytes that have to be free there."""


def pytest_configure() -> None:
    """Keep temporary files in memory: some thousand small databases would else wait for the disk."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


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

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database, empty or a copy of another; its address."""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Delete a database, whoever has it open: its 8 MB wait for no disk if nobody has written them yet."""
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def start(self) -> None:
        """Start it, the first time or again; it answers when this returns."""
        fast = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses=127.0.0.1"
        options = f"-p {self.port} -k {self.folder} {fast}"
        self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", options, "start")

    def stop(self) -> None:
        """End it in the middle of whatever it does."""
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

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
    """What takes long is slow on PostgreSQL: collections, the command, and what is alike on any database."""
    for item in items:
        spec = getattr(item, "callspec", None)
        on_postgres = spec is not None and spec.params.get("database_url") == "postgresql"
        whole = bool({"settings", "corpus"} & set(getattr(item, "fixturenames", ())))
        alike = item.get_closest_marker("any_database") is not None
        if on_postgres and (whole or alike or item.path.name.startswith(("test_cli", "test_layouts"))):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def made_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the current schema and nothing in it. A copy is made in a tenth of the time."""
    file = tmp_path_factory.mktemp("made") / "podium.db"
    Database(f"sqlite:///{file}").close()
    return file


@pytest.fixture(scope="session")
def made_database(postgres: Server) -> str:
    """The name of such a database on PostgreSQL."""
    Database(postgres.create("made")).close()
    return "made"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database, once of each kind: empty, if the test isn't given it open too."""
    made = "database" in request.fixturenames
    if request.param == "sqlite":
        file = tmp_path / "podium.db"
        if made:
            shutil.copyfile(request.getfixturevalue("made_file"), file)
        yield f"sqlite:///{file}"
        return
    server: Server = request.getfixturevalue("postgres")
    name = f"t{abs(hash(request.node.nodeid)):x}"
    yield server.create(name, request.getfixturevalue("made_database") if made else "template1")
    server.drop(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That database, open."""
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
