"""Where what a crawl fetches is put on disk and written down: a desk, and the same in a process of its own.

A crawl's own process is busy with the network, and Python does one thing at a time in a process. A desk knows
nothing of a crawl but its run; who brings what in which order is the keeper's business.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing
import pickle
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from storage import captures, ledger, visits
from storage.archive import Archive
from storage.database import Database, DatabaseError
from storage.ledger import Found
from storage.models import Disposition
from storage.warc import ArchiveError, Record


@dataclass(slots=True)
class Changes:
    """What is written down in one transaction, in this order.

    Args:
        found: pages that were discovered.
        fetched: the captures of pages, by the pages' names in the ledger.
        settled: pages with their dispositions and reasons.
        unmodified: the keys of known pages that did not change, with their dates of publication.
        missing: pages that were not there, with the site's answer, such as `HTTP 404`.
    """

    found: list[Found] = field(default_factory=list)
    fetched: dict[str, int] = field(default_factory=dict)
    settled: list[tuple[str, Disposition, str | None]] = field(default_factory=list)
    unmodified: dict[str, dt.date | None] = field(default_factory=dict)
    missing: list[tuple[Found, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.found or self.fetched or self.settled or self.unmodified or self.missing)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a crawl's captures and rows belong.

    Args:
        database_url: the database's address.
        archive: folder of the WARC files.
        source: id of the source that is crawled.
        run_id: the crawl's run.
        today: the day in the source's time zone.
    """

    database_url: str
    archive: Path
    source: str
    run_id: int
    today: dt.date


class Desk:
    """Keeps what it is given, in this process. What was captured before it was made may be known already.

    Raises:
        storage.database.DatabaseError: the database can't be opened.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._began = dt.datetime.now(dt.UTC)
        self._database = Database(place.database_url)
        self._writer = Archive(place.archive).writer(place.source, place.run_id, self._began)

    def archive(self, records: Sequence[Record]) -> list[int]:
        """Put records on disk, then their captures in the database.

        Returns:
            The captures' ids, in the records' order.

        Raises:
            storage.warc.ArchiveError: the disk refused it.
            sqlalchemy.exc.DBAPIError: the database failed.
        """
        return captures.keep(self._database, self._writer, self._place.source, records, began=self._began)

    def write(self, changes: Changes) -> None:
        """Write the ledger.

        Raises:
            sqlalchemy.exc.DBAPIError: the database failed.
        """
        self._database.write_again(lambda session: self._write(session, changes))

    def _write(self, session: Session, changes: Changes) -> None:
        source, run_id, today = self._place.source, self._place.run_id, self._place.today
        if changes.found:
            ledger.discovered_all(session, run_id, changes.found)
        if changes.fetched:
            ledger.fetched_all(session, run_id, changes.fetched)
        if changes.settled:
            ledger.settle_all(session, run_id, changes.settled)
        if changes.unmodified:
            visits.were_unmodified(session, source, changes.unmodified, today)
        for found, answer in changes.missing:
            told, why = visits.was_missing(session, source, found.key, today, found.date_hint)
            ledger.settle(session, run_id, found.page, told, f"{answer}: {why}")

    def close(self) -> None:
        """Close file and database."""
        self._writer.close()
        self._database.close()


class Apart:
    """A desk in a process of its own, forked from this one: to be made while there is no other thread and no open
    database. It ends when it is closed, or by itself when this process is gone; what it was given by then is kept.
    """

    def __init__(self, place: Place) -> None:
        self._line, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_serve, args=(place, there, self._line), daemon=True)
        self._process.start()
        there.close()

    def archive(self, records: Sequence[Record]) -> list[int]:
        """See `Desk.archive`; it raises also when the process is gone, and when the database can't be opened."""
        ids: list[int] = self._ask("archive", records)
        return ids

    def write(self, changes: Changes) -> None:
        """See `Desk.write`; it raises as `archive` does."""
        self._ask("write", changes)

    def close(self) -> None:
        """Wait until all is kept and closed."""
        self._line.close()
        self._process.join()

    def _ask(self, what: str, given: object) -> Any:
        try:
            self._line.send((what, given))
            answer = self._line.recv()
        except (EOFError, OSError) as problem:
            raise ArchiveError("the process that keeps the archive is gone") from problem
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve(place: Place, line: Connection, other_end: Connection) -> None:
    """Do what is asked, until nobody is there to ask."""
    other_end.close()
    # Ctrl-C tells the crawl to stop; what it has fetched by then is still to be kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError), contextlib.ExitStack() as stack:
        desk: Desk | DatabaseError
        try:
            desk = Desk(place)
            stack.callback(desk.close)
        except DatabaseError as problem:
            desk = problem
        while True:
            asked: tuple[str, Any] = line.recv()
            line.send(_answer(desk, *asked))


def _answer(desk: Desk | DatabaseError, what: str, given: Any) -> list[int] | Exception | None:
    """What is told of one batch; a failure is raised where the batch came from."""
    if not isinstance(desk, Desk):
        return desk
    try:
        if what == "archive":
            return desk.archive(given)
        desk.write(given)
    except Exception as problem:  # noqa: BLE001 - raised there
        try:
            pickle.loads(pickle.dumps(problem))  # noqa: S301 - our own
        except Exception:  # noqa: BLE001 - some hold what can't be packed
            return ArchiveError(f"{type(problem).__name__}: {problem}")
        return problem
    return None
