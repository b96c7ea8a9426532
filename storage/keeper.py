"""Keeping what a crawl fetches without making it wait: in a thread of its own, as much at a time as has come in.

While one batch is on its way to the disk the next one gathers, so that a fast crawl shares an fsync and a
transaction among many pages, and a slow one has both for each. The order stays that of the archive: records
are on disk before their rows are written, and a page of the ledger never names a capture without a row. What
was fetched is only in memory until its batch is written, at most two batches later: some 50 milliseconds, or
four waits for a disk that is slower than that. A kill loses that much, and pages that were discovered in it.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue

from storage.desk import Apart, Changes, Desk
from storage.ledger import Found
from storage.models import Disposition
from storage.warc import Record

GATHER = 0.01
"""Seconds for which a batch gathers after its first entry. Without it a fast crawl has twice as many batches, and
spends a tenth more CPU time on them.
"""

LARGEST_BATCH = 100
"""Entries that are kept together. On SQLite every other writer waits for as long."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A record, and where its capture's id is waited for."""

    record: Record
    answer: Future[int]
    hurry: bool


@dataclass(frozen=True, slots=True)
class _Mark:
    """Nothing to keep: everything before it has been when it is answered."""

    answer: Future[None]


_Note = Callable[[Changes], object]
"""A change of what is written down."""

_Entry = _Kept | _Mark | _Note


class Keeper:
    """Archives the records of one crawl and writes its ledger, in the order in which they come.

    After a failure it keeps nothing more, and every call raises that failure.

    Args:
        desk: what keeps a batch; it is closed with the keeper.
        answered: called in the keeper's thread whenever it has answered what was asked of it, once for many.

    Attributes:
        failure: why it keeps nothing more.
    """

    def __init__(self, desk: Desk | Apart, answered: Callable[[], object] = lambda: None) -> None:
        self.failure: Exception | None = None
        self._desk = desk
        self._answered = answered
        self._waiting: SimpleQueue[_Entry | None] = SimpleQueue()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)
        self._thread.start()

    def keep(self, record: Record, *, hurry: bool = False) -> Future[int]:
        """Archive a record and write its capture down, unless it is known: the capture's id, when that is done.

        Args:
            record: what was captured.
            hurry: much waits for it, so it is kept at once, before other records that came with it.
        """
        answer: Future[int] = Future()
        answer.set_running_or_notify_cancel()  # whoever waits may go; what was fetched is kept
        self._put(_Kept(record, answer, hurry))
        if hurry:
            self._hurry.set()
        return answer

    def discovered(self, found: Found) -> None:
        """Write a page down, unless the run knows it."""
        self._put(lambda changes: changes.found.append(found))

    def fetched(self, page: str, capture_id: int) -> None:
        """A page has a capture, which was kept."""
        self._put(lambda changes: changes.fetched.update({page: capture_id}))

    def settle(self, page: str, disposition: Disposition, reason: str) -> None:
        """Give a page its disposition; one that has one keeps it."""
        self._put(lambda changes: changes.settled.append((page, disposition, reason)))

    def unmodified(self, key: str, published: dt.date | None) -> None:
        """A known page was visited and did not change: see `storage.visits.were_unmodified`."""
        self._put(lambda changes: changes.unmodified.update({key: published}))

    def missing(self, found: Found, answer: str) -> None:
        """A page was asked for and is not there; it is settled as `storage.visits.was_missing` says."""
        self._put(lambda changes: changes.missing.append((found, answer)))

    def flush(self) -> None:
        """Wait until everything before is kept.

        Raises:
            storage.warc.ArchiveError: the disk refused it.
            sqlalchemy.exc.DBAPIError: the database failed.
        """
        mark = _Mark(Future())
        self._put(mark)
        self._hurry.set()
        mark.answer.result()

    def close(self) -> None:
        """Keep what still waits, and end; `failure` says whether it could."""
        self._waiting.put(None)
        self._hurry.set()
        self._thread.join()
        self._desk.close()

    def _put(self, entry: _Entry) -> None:
        if self.failure is not None:
            raise self.failure
        self._waiting.put(entry)

    def _work(self) -> None:
        """Take what waits and keep it, until it is closed."""
        batch: list[_Entry | None] = []
        while None not in batch:
            batch = [self._waiting.get()]
            self._hurry.wait(GATHER)
            self._hurry.clear()
            while len(batch) < LARGEST_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            try:
                if self.failure is not None:
                    raise self.failure
                self._keep(batch)
            except Exception as problem:  # noqa: BLE001 - raised wherever something is asked of the keeper
                self.failure = problem
                for each in batch:
                    if isinstance(each, _Kept | _Mark) and not each.answer.done():
                        each.answer.set_exception(problem)
                self._answered()

    def _keep(self, batch: Sequence[_Entry | None]) -> None:
        kept = [each for each in batch if isinstance(each, _Kept)]
        # A page of discovery first: all that is found by it waits for it.
        for some in ([each for each in kept if each.hurry], [each for each in kept if not each.hurry]):
            if some:
                ids = self._desk.archive([each.record for each in some])
                for each, capture_id in zip(some, ids, strict=True):
                    each.answer.set_result(capture_id)
                self._answered()
        changes = Changes()
        for entry in batch:
            if callable(entry):
                entry(changes)
        if changes:
            self._desk.write(changes)
        for mark in batch:
            if isinstance(mark, _Mark):
                mark.answer.set_result(None)
