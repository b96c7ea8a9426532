"""Alembic migrations of the schema, applied when a database is opened. One file a step in ``versions/``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError


def configuration() -> Config:
    """Alembic's configuration, which needs no file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def include_name(name: str | None, _kind: str, _parents: object) -> bool:
    """Whether Alembic compares a table or an index with the models: `searched_words`, with its parts, is in none.

    It is an FTS5 table on SQLite and a GIN index on PostgreSQL, and SQLAlchemy has no words for the former.
    """
    return not (name or "").startswith("searched_words")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction in which the schema can be changed, whatever the tables hold.

    SQLite changes a table by making it anew, and would take the dropped one's rows for missing; so there foreign
    keys are checked once, at the end (https://www.sqlite.org/lang_altertable.html, 7).

    Raises:
        sqlalchemy.exc.IntegrityError: a row would point nowhere; nothing was changed.
    """
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            _switch(connection, "OFF")
        try:
            with connection.begin():
                yield connection
                broken = sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken:
                    cause = ValueError(f"a row of {broken[0]} points nowhere")
                    raise IntegrityError("PRAGMA foreign_key_check", None, cause)
        finally:
            if sqlite:
                _switch(connection, "ON")


def _switch(connection: Connection, state: str) -> None:
    # Not through SQLAlchemy: it would begin the transaction, and within one the pragma does nothing.
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(f"PRAGMA foreign_keys = {state}").close()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to a revision within the caller's transaction."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Bring the schema down to a revision (``base`` is an empty database) within the caller's transaction."""
    config = configuration()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)
