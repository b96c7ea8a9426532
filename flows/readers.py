"""Reading archived pages: in this process where they are few, else in processes of their own.

What such a process needs is here, and nothing that loads what was read: SQLAlchemy would be a third of its
start.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.garbage import spare_imported
from crawler.page import Page, Refused, extract
from crawler.source import Source
from storage.archive import Archive
from storage.transcript import Transcript
from storage.warc import ArchiveError, Location

if TYPE_CHECKING:  # what reads needs no database
    from storage.models import Capture, Disposition

log = logging.getLogger("podium")

FEW, SMALL = 8, 500_000
"""So many pages of so many bytes are read faster in this process than a pool of processes starts."""

CHUNK = 20
"""Pages that a process is handed at once, some 50 ms of work: a busy caller hands out the next ones late."""

PAGE_SECONDS = 30
"""The budget of one page in a pool's process. The longest transcript known takes less than one."""


@dataclass(frozen=True, slots=True)
class Item:
    """A fetched page, ready to be read: everything a worker process needs to know.

    `page` is what the ledger calls it, `key` what identifies its document; they differ where a run has several
    captures of one document.
    """

    page: str
    key: str
    url: str
    capture_id: int
    location: Location
    digest: str
    size: int
    content_type: str
    captured: dt.date


@dataclass(frozen=True, slots=True)
class Outcome:
    """A page that was read: its transcript, or the disposition and the reason why there is none."""

    item: Item
    transcript: Transcript | None = None
    disposition: Disposition = "rejected"
    reason: str | None = None


def item_of(page: str, key: str, capture: Capture, source: Source) -> Item:
    """A capture as its page is read: the ledger's name of it, its document's key, and its source."""
    return Item(
        page=page,
        key=key,
        url=capture.url,
        capture_id=capture.id,
        location=Location(capture.warc, capture.offset, capture.length),
        digest=capture.digest,
        size=capture.size,
        content_type=capture.content_type,
        captured=source.day_of(capture.fetched_at),
    )


def begin_batch(
    items: Sequence[Item], archive: Archive, source: Source, pool: ProcessPoolExecutor | None
) -> Iterator[Outcome]:
    """Read every page of a batch: a pool begins at once, this process does when the outcomes are asked for."""
    if pool is None:
        return (read_capture(item, archive, source) for item in items)
    count = len(items)
    return pool.map(_read_in_time, items, [archive] * count, [source] * count, chunksize=CHUNK)


def read_capture(item: Item, archive: Archive, source: Source) -> Outcome:
    """Read one archived page; whatever it is, the outcome says so."""
    try:
        record = archive.read(item.location, digest=item.digest)
        if record.truncated:
            raise Refused("truncated", f"its record says that it is not whole: {record.truncated}")
        page = Page(item.url, record.body, item.content_type, item.captured)
        return Outcome(item, extract(page, source))
    except Refused as refusal:
        blocked = refusal.kind == "challenge"
        return Outcome(
            item,
            disposition="blocked" if blocked else "rejected",
            reason=f"{refusal.kind}: {refusal}",
        )
    except ArchiveError as problem:
        return Outcome(item, disposition="failed", reason=str(problem))
    except Exception as problem:  # recorded, so that one page can't end a night
        log.exception("the extractor failed on %s", item.url)
        return Outcome(item, disposition="failed", reason=f"extractor: {type(problem).__name__}: {problem}")


def _read_in_time(item: Item, archive: Archive, source: Source) -> Outcome:
    """`read_capture` in a pool's process, where a clock can interrupt it."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not read within {PAGE_SECONDS} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, PAGE_SECONDS)
    try:
        return read_capture(item, archive, source)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Readers:
    """The processes that read pages, started when first worth it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Readers:
        spare_imported()  # whoever has pages read has much to do with them
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def pool_for(self, items: Sequence[Item]) -> ProcessPoolExecutor | None:
        if self._pool is None and (len(items) > FEW or any(item.size > SMALL for item in items)):
            # Not forked from this process: it has threads, and a fork would inherit their locks.
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(_preloaded())
            self._pool = ProcessPoolExecutor(mp_context=context, initializer=_begin)
        return self._pool


def _begin() -> None:
    """In a process that reads, before its work. Ctrl-C is for the one that it works for, which ends it."""
    # Its parent in the system's eyes is the one that forks, and that lives for as long as any of these does.
    threading.Thread(target=_end_with_caller, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end_with_caller() -> None:
    """End this process when the one that it reads for is gone, however that ended."""
    caller = multiprocessing.parent_process()
    assert caller is not None
    caller.join()
    os._exit(1)


def _preloaded() -> list[str]:
    """What the processes have in common: reading, and the main module, which each would else import by itself."""
    main = getattr(sys.modules["__main__"].__spec__, "name", None)
    return ["flows.warm"] if main is None or main.endswith("__main__") else ["flows.warm", main]


def die_with_parent() -> None:
    """In a child, before its work: on Linux a SIGTERM when the thread that started it is gone."""
    pr_set_pdeathsig = 1
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
