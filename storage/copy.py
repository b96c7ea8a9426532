"""Copying a whole database into another: a backup, or the move from SQLite to PostgreSQL.

It goes over whatever tables the models have and knows none of them by name. The source is read in one transaction,
so others may write to it meanwhile; the target is written in one, so it stays empty if a copy fails or is killed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import JSON, Connection, Insert, Row, Table, bindparam, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from storage.database import Database
from storage.models import Base

BATCH = 1000
"""Rows held in memory at once."""

Progress = Callable[[str, int], None]
"""Told now and then what is being done (``copying turns``), and how many rows of it are."""


class CopyRefused(Exception):  # noqa: N818 - the user's mistake, not a failure
    """The two databases can't be source and target; one line. Nothing was written."""


class CopyError(Exception):
    """A table couldn't be copied, or isn't the same on both sides; one line. The target is empty as before."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a table has, and a digest of them that their order doesn't change."""

    count: int = 0
    digest: int = 0

    def plus(self, row: Row[tuple[object, ...]]) -> Rows:
        """With one row more, as Python sees its values: equal whichever database they come from."""
        values = json.dumps(list(row), sort_keys=True, default=repr).encode()
        number = int.from_bytes(hashlib.sha256(values).digest())
        return Rows(self.count + 1, (self.digest + number) % 2**256)


def copy(source: Database, target: Database, progress: Progress) -> dict[str, Rows]:
    """Copy every row, ids kept, and read all of them back before the target's transaction is committed.

    Args:
        source: read in one transaction, so that the copy is of one moment.
        target: must have no rows.
        progress: called after each batch of rows.

    Returns:
        The rows of each table, equal on both sides.

    Raises:
        CopyRefused: the target has rows, or is the source, or would be gone with this process.
        CopyError: a table couldn't be written, or reads otherwise than it was written.
    """
    _refuse(source, target)
    with source.read() as reading, target.write() as writing:
        here, there = reading.connection(), writing.connection()
        _lock_empty(there, target)
        copied = {}
        for table in Base.metadata.sorted_tables:
            try:
                copied[table.name] = _copy_table(table, here, there, progress)
            except (DBAPIError, ValueError) as problem:  # ValueError: SQLite keeps what is no date or JSON
                cause = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
                raise CopyError(f"{target.url}: table {table.name}: {cause}") from problem
        for table in Base.metadata.sorted_tables:
            found = Rows()
            for batch in _batches(table, there):
                for row in batch:
                    found = found.plus(row)
                progress(f"checking {table.name}", found.count)
            if found != copied[table.name]:
                counts = f"{copied[table.name].count} rows were read, {found.count} arrived"
                raise CopyError(f"{target.url}: table {table.name} is not what was copied: {counts}")
        return copied


def _refuse(source: Database, target: Database) -> None:
    same_file = source.file and target.file and source.file.samefile(target.file)
    if source.url == target.url or same_file:
        raise CopyRefused(f"{target.url}: is the source itself; name another database")
    if not _is_postgresql(target) and not target.file:
        raise CopyRefused(f"{target.url}: is kept in memory only; name a file, as in sqlite:///backup.db")


def _is_postgresql(database: Database) -> bool:
    return database.engine.dialect.name == "postgresql"


def _lock_empty(connection: Connection, target: Database) -> None:
    """Keep every other writer out of the target until the end; SQLite's write lock does it there."""
    if _is_postgresql(target):
        names = ", ".join(table.name for table in Base.metadata.sorted_tables)
        connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
    for table in Base.metadata.sorted_tables:
        if connection.execute(select(1).select_from(table).limit(1)).first():
            raise CopyRefused(f"{target.url}: has {table.name} already; a copy needs an empty database")


def _copy_table(table: Table, source: Connection, target: Connection, progress: Progress) -> Rows:
    copied, into = Rows(), _insert(table)
    for batch in _batches(table, source):
        target.execute(into, [dict(row._mapping) for row in batch])
        for row in batch:
            copied = copied.plus(row)
        progress(f"copying {table.name}", copied.count)
    key = table.autoincrement_column
    if target.dialect.name == "postgresql" and key is not None:
        next_id = select(func.coalesce(func.max(key), 0) + 1).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, key.name)
        target.execute(select(func.setval(sequence, next_id, False)))
    return copied


def _batches(table: Table, connection: Connection) -> Iterator[list[Row[tuple[object, ...]]]]:
    rows = connection.execute(select(table).execution_options(yield_per=BATCH))
    for batch in rows.partitions():
        yield list(batch)


def _insert(table: Table) -> Insert:
    # SQLAlchemy writes None into a JSON column as JSON's null; what may be NULL is to be NULL.
    null = {c.name: JSON(none_as_null=True) for c in table.c if isinstance(c.type, JSON) and c.nullable}
    return insert(table).values({c.name: bindparam(c.name, type_=null.get(c.name, c.type)) for c in table.c})
