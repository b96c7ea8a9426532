"""What all crawls on one database owe a host together: its delay, and being left alone by all of them.

A host's moments are given out by `storage.hosts`, one a request. Nothing here knows how long a delay is, or why a
host is left alone; `crawler.courtesy` does.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from sqlalchemy.orm import Session

from crawler.middlewares import ending_the_crawl
from storage import hosts
from storage.database import Database
from storage.hosts import Left

LATE = 0.1
"""Seconds. A moment that this process comes to later is lost: the next one may be another crawl's, and near."""


class Together:
    """The hosts as all crawls know them.

    Args:
        database_url: of the database that they share.

    Every method raises CloseSpider when the database fails.
    """

    def __init__(self, database_url: str) -> None:
        self._database = Database(database_url)
        with self._write() as session:
            hosts.forget(session)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    async def turn(self, host: str, delay: float) -> Left | None:
        """Wait for a moment in which one request may be sent; returns that the host is left alone where it is.

        Args:
            host: its name.
            delay: seconds that it wants between two requests.
        """
        while True:
            with self._write() as session:
                taken = hosts.reserve(session, host, delay)
            if isinstance(taken, Left):
                return taken
            if not taken:
                return None
            due = monotonic() + taken
            await asyncio.sleep(taken)
            if monotonic() - due < LATE:
                with self._write() as session:  # it may have been left while this request waited
                    return hosts.left(session, host)

    def pause(self, host: str, seconds: float) -> None:
        """Nobody asks it for anything during so many seconds."""
        with self._write() as session:
            hosts.pause(session, host, seconds)

    def leave(self, host: str, reason: str, seconds: float) -> dt.datetime:
        """Nobody asks it for anything any more during so many seconds; returns until when."""
        with self._write() as session:
            return hosts.leave(session, host, reason, seconds)

    @contextmanager
    def _write(self) -> Iterator[Session]:
        with ending_the_crawl(), self._database.write() as session:
            yield session
