"""Alembic migrations of the schema, applied when a database is opened. One file a step in ``versions/``."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def configuration() -> Config:
    """Alembic's configuration, which needs no file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


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
