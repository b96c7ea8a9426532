"""The database: SQLite for one machine, PostgreSQL for real use; opened at the current schema."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from storage.models import Base

if TYPE_CHECKING:  # SQLite needs no driver of PostgreSQL's
    import psycopg

T = TypeVar("T")

SCHEMA = "0016"
"""The newest migration: a database at this one needs none. A test holds it equal to the migrations folder."""

BUSY_SECONDS = 60
"""How long a writer waits for another on SQLite. A page's transaction takes milliseconds."""

BATCH = 1000
"""Rows that one statement asks for; PostgreSQL's driver takes no more than 65,535 values in one."""

TRIES = 5
"""Of one transaction that other processes get in the way of."""

_READ_ONLY = ("42501", "25006")  # what a role has no right to, and what a transaction that only reads has not
_DEADLOCK = "40P01"  # PostgreSQL's name of what happens to one of two transactions that wait for each other

# Serialises first starts on one PostgreSQL server; any number does that no other program uses.
_MIGRATION_LOCK = 0x504F4449


class DatabaseError(Exception):
    """The database can't be opened or has a schema this version doesn't know; one line, no password in it."""


class NoDatabaseError(DatabaseError):
    """The file isn't there yet."""


class Database:
    """A database that is open and has the current schema; close it, or use it in a ``with`` statement.

    Args:
        url: an SQLAlchemy address, such as ``sqlite:///podium.db`` or ``postgresql://user@host/podium``.
        create: whether a database is made where there is none, be it that the file is not there or holds no tables
            of ours.
        read_only: whether the database itself refuses every change; such a one is never made or migrated.

    Attributes:
        url: the address without its password.
        file: the file it is kept in; None on a server or in memory.

    Raises:
        DatabaseError: it can't be opened or migrated, or its schema is newer than this version's.
    """

    def __init__(self, url: str, *, create: bool = True, read_only: bool = False) -> None:
        create = create and not read_only
        try:
            address = make_url(url)
        except (ArgumentError, ValueError) as problem:  # not printed: it may have a password in it
            wanted = "sqlite:///FILE or postgresql://USER@HOST/NAME"
            raise DatabaseError(f"not a database address; one looks like {wanted}") from problem
        if address.get_backend_name() not in ("sqlite", "postgresql"):
            raise DatabaseError(f"{address.get_backend_name()}: only sqlite and postgresql are supported")
        if address.drivername == "postgresql":  # SQLAlchemy 2.0 would take psycopg2 for it
            address = address.set(drivername="postgresql+psycopg")
        self.url = address.render_as_string(hide_password=True)
        if (driver := address.drivername.partition("+")[2]) not in ("", "pysqlite", "psycopg"):
            told = f"written for the driver {driver}; leave +{driver} out"
            raise DatabaseError(f"{self.url}: {told}")
        name = address.database if address.get_backend_name() == "sqlite" else None
        self.file = Path(name) if name and name != ":memory:" else None
        if self.file:
            if not create and not self.file.exists():
                raise NoDatabaseError(f"{self.file}: there is no database here yet; collect something first")
            if create:
                _make_folder(self.file.parent)
        try:
            sealed = self.file is not None and self.file.exists() and not _writable(self.file)
            self.engine = _sealed(self.file) if sealed and self.file else _engine(address, create, read_only)
            self._writing = self.engine.execution_options(podium_writes=True)
            # On SQLite a transaction reads what was there at its start anyway.
            of_one_moment = {"isolation_level": "REPEATABLE READ"} if driver == "psycopg" else {}
            self._reading = self.engine.execution_options(**of_one_moment)
            try:
                if read_only:
                    self._check()
                else:
                    self._migrate(create)
            except BaseException:
                self.close()
                raise
        except (DBAPIError, NoSuchModuleError, ImportError, TypeError) as problem:
            raise DatabaseError(f"{self.url}: {cause_of(problem)}") from problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session to read in, all of it as it was at one moment; what it loads stays usable after it ends."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is one transaction: committed at the end, rolled back by an exception.

        On SQLite it takes the write lock at its start, so that two writers queue instead of one of them
        failing half-way.
        """
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def write_again(self, work: Callable[[Session], T]) -> T:
        """Do some work in a transaction, and anew where another process got in the way: at most `TRIES` times.

        Raises:
            sqlalchemy.exc.DBAPIError: it failed, or others got in the way each time; nothing was written.
        """
        for left in reversed(range(TRIES)):
            try:
                with self.write() as session:
                    return work(session)
            except DBAPIError as problem:
                if not left or not is_crossed(problem):
                    raise
        raise AssertionError("unreachable")

    def _check(self) -> None:
        with self.engine.connect() as connection:
            if (found := _version(connection)) != SCHEMA:
                told = f"schema {found or 'none'}, and this Podium reads {SCHEMA}"
                helps = "`podium status` of whoever may write to it brings an older one up to date"
                raise DatabaseError(f"{self.url}: {told}; {helps}")

    def _migrate(self, create: bool) -> None:
        with self.engine.connect() as connection:
            found = _version(connection)
            if found == SCHEMA:
                return
            if found is None and not create:
                raise NoDatabaseError(f"{self.url}: there is no archive here yet; collect something first")
            if (encoding := _encoding(connection)) != "UTF8":
                raise DatabaseError(f"{self.url}: its encoding is {encoding}; only UTF8 holds every language")
        try:
            self._upgrade()
        except DBAPIError as problem:
            if found is not None and _may_not_write(problem):
                self._check()
            raise

    def _upgrade(self) -> None:
        from storage.migrations import transaction, upgrade  # Alembic takes a while and is rarely needed

        with transaction(self._writing) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            found = _version(connection)
            if found != SCHEMA:
                if found is not None and not re.fullmatch(r"\d{4}", found):
                    raise DatabaseError(f"{self.url}: the database of another program, at schema {found}")
                if found is None and self.file and inspect(connection).get_table_names():
                    raise DatabaseError(f"{self.url}: the database of another program")
                if found is not None and found > SCHEMA:
                    raise DatabaseError(
                        f"{self.url}: schema {found} is newer than this Podium knows ({SCHEMA}); update Podium"
                    )
                upgrade(connection)


def is_crossed(problem: DBAPIError) -> bool:
    """Whether another process got in the way: it wrote the same a moment ago, or each waited for the other."""
    return isinstance(problem, IntegrityError) or getattr(problem.orig, "sqlstate", None) == _DEADLOCK


def _may_not_write(problem: DBAPIError) -> bool:
    """Whether this user may only read here."""
    told = getattr(problem.orig, "sqlstate", None) or getattr(problem.orig, "sqlite_errorname", "")
    return told in _READ_ONLY or str(told).startswith("SQLITE_READONLY")


def cause_of(problem: BaseException) -> str:
    """An error in one line: of SQLAlchemy's, what the database itself said."""
    return " ".join(str(getattr(problem, "orig", None) or problem).split()) or type(problem).__name__


@contextmanager
def existing(url: str) -> Iterator[Database | None]:
    """The database at an address, or None where its file is not there yet; none is made.

    Raises:
        DatabaseError: it can't be opened.
    """
    try:
        found = Database(url, create=False)
    except NoDatabaseError:
        yield None
        return
    with found:
        yield found


def batches(items: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """The items, so many at a time."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def insert_into(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An insert of the session's own database, which can say what happens where there is such a row already."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(table)


def insert_all(session: Session, table: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Insert many rows, of the same columns in the same order, as fast as the session's own database can.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refused one; none was inserted.
    """
    if not rows:
        return
    connection = session.connection()
    dialect = connection.dialect
    if dialect.name != "postgresql":
        connection.execute(insert(table), rows)
        return
    # A fifth of the client's time, a third to four fifths of the server's: else each row would be a statement.
    statement = f"COPY {table.__tablename__} ({', '.join(rows[0])}) FROM STDIN"
    failure = dialect.loaded_dbapi.Error
    try:
        with cast("psycopg.Cursor", connection.connection.cursor()) as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(tuple(row.values()))
    except failure as problem:
        raise DBAPIError.instance(statement, None, problem, failure, dialect=dialect) from problem


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DatabaseError(f"{folder}: {problem.strerror}") from problem


def _version(connection: Connection) -> str | None:
    """The schema's version, or None for an empty database."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _encoding(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return "UTF8"
    return str(connection.execute(text("SHOW server_encoding")).scalar())


def _engine(address: URL, create: bool, read_only: bool) -> Engine:
    if address.get_backend_name() == "postgresql":
        options = {"postgresql_readonly": True} if read_only else {}
        # A role, a database or the environment (PGCLIENTENCODING, PGDATESTYLE) may have chosen otherwise: texts
        # could not be sent, moments not be read, and of two writers one would fail.
        engine = create_engine(
            address,
            pool_pre_ping=True,
            execution_options=options,
            isolation_level="READ COMMITTED",
            connect_args={"client_encoding": "utf8"},
        )

        @event.listens_for(engine, "connect")
        def _speak_iso(connection: Any, _record: object) -> None:
            connection.execute("SET DateStyle = 'ISO'")
            connection.commit()

        return engine
    engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS})
    # Many rows of one statement: after every statement that fires a trigger FTS5 writes its words to the disk.
    engine.dialect.use_insertmanyvalues_wo_returning = True

    # pysqlite opens transactions by itself, late and without a lock; with isolation_level None we say when.
    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        if read_only:
            connection.execute("PRAGMA query_only = ON").close()
            return
        if create:  # it is kept in the file, which may be another program's
            _use_wal(connection)
        # 64 MB of pages, not 2: fingerprints and words go to random places of large indexes.
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON", "cache_size = -64000"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("podium_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _writable(file: Path) -> bool:
    """Whether SQLite can write to a file, and keep its log beside it."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _sealed(file: Path) -> Engine:
    """For a file that this user can read and nothing more: another's archive, one on a read-only medium."""
    log = file.with_name(f"{file.name}-wal")

    def opened(how: str) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?{how}", BUSY_SECONDS, uri=True)
        connection.isolation_level = None
        try:
            connection.execute("SELECT 1 FROM sqlite_master").close()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def connect() -> sqlite3.Connection:
        try:
            return opened("mode=ro")
        except sqlite3.OperationalError as problem:
            failure = problem.sqlite_errorcode
            if failure & 0xFF != sqlite3.SQLITE_CANTOPEN and failure != sqlite3.SQLITE_READONLY_DIRECTORY:
                raise
            if log.exists() and log.stat().st_size:  # it may hold rows that the file has not
                raise
            # There is no log, and SQLite can't make one: nobody writes, and the file stays as it is.
            return opened("immutable=1")

    # Each session looks anew: somebody may have begun to write meanwhile.
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging, so that readers and a writer don't wait for each other."""
    # Of several first starts at once only one can switch, and SQLite tells the others without the usual wait.
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
