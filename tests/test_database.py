"""The database: opened at the current schema or refused in one line, whoever else opens or writes it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, func, inspect, select, text
from sqlalchemy.exc import IntegrityError

from storage import ledger
from storage.database import SCHEMA, Database, DatabaseError, insert_all
from storage.migrations import configuration, downgrade, include_name, transaction, upgrade
from storage.models import Base, Page, Run
from tests.conftest import Server

ROOT = Path(__file__).parent.parent
DAY = dt.date(2026, 3, 20)


def tables(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        names = inspect(connection).get_table_names()
    return {name for name in names if include_name(name, "table", {})}


def test_a_new_database_has_every_table(database: Database) -> None:
    assert tables(database) == {*Base.metadata.tables, "alembic_version"}


def test_opening_twice_changes_nothing(database_url: str) -> None:
    first = Database(database_url)
    with first.write() as session:
        ledger.open_run(session, "nightly", "here", DAY, DAY)
    second = Database(database_url)
    with second.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 1
    first.close()
    second.close()


@pytest.mark.parametrize("written", [True, False])
def test_an_archive_that_only_others_may_write_is_read(tmp_path: Path, written: bool) -> None:
    folder = tmp_path / "theirs"
    url = f"sqlite:///{folder / 'podium.db'}"
    theirs = Database(url)
    with theirs.write() as session:
        ledger.open_run(session, "nightly", "here", DAY, DAY)
    if not written:
        theirs.close()
    read = f"""
from storage.database import Database
from storage.ledger import open_run
from storage.models import Run
from sqlalchemy.exc import OperationalError
database = Database({url!r}, create=False)
with database.read() as session:
    print(session.query(Run).count())
try:
    with database.write() as session:
        open_run(session, "nightly", "here", *[session.query(Run).one().since] * 2)
except OperationalError as problem:
    print(problem.orig)
"""
    seal = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", seal, str(folder)]
    if subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a folder read-only")
    done = subprocess.run([*inside, sys.executable, "-c", read], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["1", "attempt to write a readonly database"], done.stderr
    theirs.close()


def without_rights(*words: str) -> list[str]:
    """A command as a user runs it whom permissions hold: root is held by none."""
    if os.geteuid():
        return list(words)
    if shutil.which("setpriv") is None:
        pytest.skip("this system has no setpriv to take root's rights away")
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *words]


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Path]:
    """The file of an archive with one run, in a folder where nobody may write, and which nobody has open."""
    file = tmp_path / "theirs" / "podium.db"
    with Database(f"sqlite:///{file}") as database, database.write() as session:
        ledger.open_run(session, "nightly", "here", DAY, DAY)
    file.chmod(0o444)
    file.parent.chmod(0o555)
    yield file
    file.parent.chmod(0o755)


def count_runs(file: Path, more: str = "") -> list[str]:
    """What somebody sees who may only read: the runs, and again after some more lines; or why not."""
    read = f"""
from storage.database import Database, DatabaseError
from storage.models import Run
def count():
    with database.read() as session:
        print(session.query(Run).count(), flush=True)
try:
    database = Database("sqlite:///{file}", create=False)
    count()
    {more}
except DatabaseError as problem:
    print(problem)
"""
    command = without_rights(sys.executable, "-c", read)
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_an_archive_in_a_folder_of_somebody_elses_is_read_while_nobody_has_it_open(theirs: Path) -> None:
    assert count_runs(theirs) == ["1"]


def test_a_reader_who_may_not_write_sees_what_its_owner_writes_meanwhile(theirs: Path) -> None:
    write = (
        "import os, sqlite3\n    os.chmod({0!r}, 0o755), os.chmod({1!r}, 0o644)\n"
        "    with sqlite3.connect({1!r}) as owner:\n"
        "        owner.execute('DELETE FROM runs')\n    owner.close(), count()"
    )
    assert count_runs(theirs, write.format(str(theirs.parent), str(theirs))) == ["1", "0"]


def test_a_log_that_can_not_be_read_is_not_passed_over(theirs: Path) -> None:
    theirs.parent.chmod(0o755)
    theirs.with_name("podium.db-wal").write_bytes(b"rows that the file has not")
    theirs.parent.chmod(0o555)
    assert count_runs(theirs) == [f"sqlite:///{theirs}: unable to open database file"]


def test_an_older_archive_that_can_not_be_brought_up_to_date_is_told(theirs: Path) -> None:
    theirs.parent.chmod(0o755)
    theirs.chmod(0o644)
    with Database(f"sqlite:///{theirs}") as database, transaction(database.engine) as connection:
        downgrade(connection, "0014")
    theirs.chmod(0o444)
    theirs.parent.chmod(0o555)
    (told,) = count_runs(theirs)
    assert "schema 0014, and this Podium reads" in told and "whoever may write to it" in told


@pytest.mark.parametrize("setting", ["default_transaction_read_only = on", "client_min_messages = notice"])
def test_an_older_database_is_told_to_a_role_that_may_only_read(setting: str, postgres: Server) -> None:
    url = postgres.create("older")
    with Database(url) as database, transaction(database.engine) as connection:
        downgrade(connection, "0014")
    with psycopg.connect(url) as admin:
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        admin.execute(f"ALTER ROLE reader SET {setting}")  # type: ignore[arg-type]
    with pytest.raises(DatabaseError, match=r"schema 0014, and this Podium reads .* whoever may write to it"):
        Database(url.replace("postgres@", "reader@"))
    postgres.drop("older")
    with psycopg.connect(postgres.url("postgres")) as admin:
        admin.execute("DROP ROLE reader")


def test_many_rows_come_in_as_they_are(database: Database) -> None:
    odd = ["tab\tand\\t", "\\N", "\\.", "line\nnext", "", '"; DROP TABLE runs', "Ж\U0001f600", "{a,b}"]
    with database.write() as session:
        run = ledger.open_run(session, "nightly", "here", DAY, DAY).id
        insert_all(session, Page, [{"run_id": run, "key": f"{n}", "url": text} for n, text in enumerate(odd)])
        insert_all(session, Page, [{"run_id": run, "key": "none", "url": "", "date_hint": None}])
        insert_all(session, Page, [])
    with database.read() as session:
        assert [page.url for page in ledger.pages_of(session, run)][: len(odd)] == odd


def test_many_rows_come_in_together_or_not_at_all(database: Database) -> None:
    with database.write() as session:
        run = ledger.open_run(session, "nightly", "here", DAY, DAY).id
    rows = [{"run_id": run, "key": key, "url": ""} for key in ("a", "b", "a")]
    with pytest.raises(IntegrityError), database.write() as session:
        insert_all(session, Page, rows)
    with database.write() as session:
        assert ledger.pages_of(session, run) == []
        insert_all(session, Page, rows[:2])


def test_migrations_lead_up_from_nothing_and_down_again(database: Database) -> None:
    with transaction(database.engine) as connection:
        downgrade(connection, "base")
    assert tables(database) == {"alembic_version"}
    with transaction(database.engine) as connection:
        assert not inspect(connection).get_indexes("alembic_version")
        upgrade(connection)
    assert tables(database) == {*Base.metadata.tables, "alembic_version"}


def test_the_models_are_what_the_migrations_make(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": include_name}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_the_constraints_of_the_models_are_what_the_migrations_make(database: Database) -> None:
    # The comparison above doesn't look at checks.
    with database.engine.connect() as connection:
        there = inspect(connection)
        for name, table in Base.metadata.tables.items():
            wanted = {str(each.name) for each in table.constraints if isinstance(each, CheckConstraint)}
            assert {check["name"] for check in there.get_check_constraints(name)} == wanted


def test_the_newest_migration_is_the_one_that_opening_asks_for(database: Database) -> None:
    assert ScriptDirectory.from_config(configuration()).get_heads() == [SCHEMA]
    with database.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == SCHEMA


def test_a_newer_schema_is_refused_and_left_alone(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(DatabaseError, match="schema 9999 is newer than this Podium knows"):
        Database(database_url)


def test_what_is_not_podiums_is_left_alone(database_url: str, tmp_path: Path) -> None:
    Database(database_url).close()
    with Database(database_url) as database, database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'ab12'"))
    with pytest.raises(DatabaseError, match="the database of another program, at schema ab12"):
        Database(database_url)
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    before = other.read_bytes()
    with pytest.raises(DatabaseError, match="no archive here yet"):
        Database(f"sqlite:///{other}", create=False)
    assert other.read_bytes() == before


def test_a_database_that_cant_hold_every_language_is_refused(postgres: Server) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE western ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(DatabaseError, match="its encoding is LATIN1"):
        Database(postgres.url("western"))


@pytest.mark.parametrize(
    "setting",
    [
        "client_encoding = 'LATIN1'",
        "client_encoding = 'SQL_ASCII'",
        "DateStyle = 'German'",
        "default_transaction_isolation = 'serializable'",
    ],
)
def test_what_a_server_chose_for_its_sessions_is_not_ours(setting: str, postgres: Server) -> None:
    name = f"chosen{abs(hash(setting)):x}"
    url = postgres.create(name)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET {setting}')  # type: ignore[arg-type]
    with Database(url) as database:
        with database.write() as session:
            number = ledger.open_run(session, "nightly", "Ёлка 渡轮", DAY, DAY).id
            assert session.scalar(text("SHOW transaction_isolation")) == "read committed"
        with database.read() as session:
            run = session.get_one(Run, number)
            assert run.source == "Ёлка 渡轮"
            assert dt.datetime.now(dt.UTC) - run.started_at < dt.timedelta(minutes=5)
    postgres.drop(name)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "hunter2:hunter2@host",
        "postgresql//me:hunter2@host/db",
        "postgresql://me:hunter2@127.0.0.1:port/db",
        "postgresql://me:hunter2@127.0.0.1:1/db",
        "postgresql://me:hunter2@127.0.0.1:1/db?nonsense=1",
        "postgresql+nonsense://me:hunter2@127.0.0.1/db",
        "postgresql+psycopg2://me:hunter2@127.0.0.1:1/db",
        "mysql://me:hunter2@127.0.0.1/db",
        "sqlite+nonsense:///x.db",
    ],
)
def test_a_database_that_can_not_be_opened_is_refused_in_one_line_without_its_password(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseError) as caught:
        Database(url)
    assert str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_database_that_is_not_there_is_not_made_to_be_read(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="there is no database here yet"):
        Database(f"sqlite:///{tmp_path / 'new' / 'podium.db'}", create=False)
    assert not list(tmp_path.iterdir())


def test_another_file_is_no_database_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir or Madam, " * 100, encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (file, folder, file / "podium.db"):
        with pytest.raises(DatabaseError) as caught:
            Database(f"sqlite:///{path}")
        assert str(path.parent if path.name == "podium.db" else path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert file.read_text(encoding="utf-8") == "Dear Sir or Madam, " * 100
    assert sorted(tmp_path.iterdir()) == [folder, file]


def test_a_database_that_is_absent_from_the_server_is_refused(postgres: Any) -> None:
    with pytest.raises(DatabaseError, match='database "absent" does not exist'):
        Database(postgres.url("absent"))


def test_somebody_elses_tables_are_not_taken_for_ours(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (distance)")
    connection.close()
    with pytest.raises(DatabaseError, match=r"theirs\.db: the database of another program"):
        Database(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert names == [("runs",)]


@pytest.mark.slow  # it starts eight
def test_eight_processes_open_a_new_database_at_once(database_url: str) -> None:
    # They are ready before the moment at which they start: imports take them long and unequally.
    program = """
import sys, time
import storage.migrations
from storage.database import Database
print("ready", flush=True)
moment = float(sys.stdin.readline())
time.sleep(max(0, moment - time.time()))
Database(sys.argv[1]).close()
print("open")
"""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    moment = time.time() + 0.1
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(f"{moment}\n")
        racer.stdin.flush()
    outcomes = [racer.communicate(timeout=60) for racer in racers]
    assert [out for out, _ in outcomes] == ["open\n"] * 8, "".join(err for _, err in outcomes)


def test_eight_threads_open_a_new_database_at_once(database_url: str) -> None:
    start = threading.Barrier(8)

    def race(_: int) -> set[str]:
        start.wait()
        database = Database(database_url)
        found = tables(database)
        database.close()
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(race, range(8))) == [{*Base.metadata.tables, "alembic_version"}] * 8


def test_two_writers_queue_and_neither_fails(database: Database) -> None:
    """Each reads before it writes: without the lock at the start one would find its snapshot outdated."""
    start = threading.Barrier(4)

    def count(_: int) -> None:
        start.wait()
        for _ in range(10):
            with database.write() as session:
                run = session.scalars(select(Run).with_for_update()).one()
                time.sleep(0.001)
                run.reasons = [*run.reasons, "x"]

    with database.write() as session:
        ledger.open_run(session, "nightly", "here", DAY, DAY)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    with database.read() as session:
        assert len(session.scalars(select(Run)).one().reasons) == 40


def test_a_reader_is_not_held_up_by_a_writer(database: Database) -> None:
    with database.write() as writing:
        ledger.open_run(writing, "nightly", "here", DAY, DAY)
        with database.read() as reading:
            assert reading.scalar(select(func.count()).select_from(Run)) == 0


def test_an_exception_leaves_nothing_of_a_transaction(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        ledger.open_run(session, "nightly", "here", DAY, DAY)
        raise ZeroDivisionError
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0


def test_a_moment_comes_back_in_utc_to_the_microsecond(database: Database) -> None:
    zone = dt.timezone(dt.timedelta(hours=5, minutes=45))
    moment = dt.datetime(2026, 3, 20, 1, 2, 3, 456789, tzinfo=zone)
    with database.write() as session:
        ledger.open_run(session, "nightly", "here", DAY, DAY).finished_at = moment
    with database.read() as session:
        back = session.scalars(select(Run)).one().finished_at
    assert back == moment
    assert back is not None
    assert back.tzinfo is dt.UTC


def test_a_moment_without_a_time_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="a moment without a time zone"), database.write() as session:
        ledger.open_run(session, "nightly", "here", DAY, DAY).finished_at = dt.datetime(2026, 3, 20)
