"""Prefect's server as `podium up` runs it: `prefect server start`, where on SQLite one write waits for another.

Prefect opens its transactions as deferred ones and reads in them before it writes. When another has written
between the two, SQLite refuses the write at once, whatever its busy timeout: the server answers 503, the client
tries again after 2 to 32 s, and an automation misses the event that it was about. Four sources at once meet that
in every night. An immediate transaction waits for its turn, which is milliseconds. On PostgreSQL nothing changes.

Run: ``python -m flows.server``, with Prefect's own variables. It knows nothing of Podium.
"""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager

from prefect.cli import app
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


def take_turns() -> None:
    """From now on this process's transactions on SQLite, all but single reads, wait for each other."""
    begin = AioSqliteConfiguration.begin_transaction

    def immediate(
        self: AioSqliteConfiguration,
        session: AsyncSession,
        with_for_update: bool = True,  # noqa: ARG001 - it always is
    ) -> AbstractAsyncContextManager[AsyncSessionTransaction]:
        return begin(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = immediate  # type: ignore


if __name__ == "__main__":
    take_turns()
    sys.argv[1:] = ["server", "start"]
    app()
