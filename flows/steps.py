"""The four steps of a collection: crawl, extract, load, compare.

Each is a plain function. A flow wraps them as Prefect tasks, so that they show in the UI; nothing here knows of
Prefect, of windows, or of how a run is judged.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from crawler.job import CrawlJob, CrawlReport
from crawler.page import VERSION, Page, Refused, extract
from crawler.source import Source
from storage import duplicates, ledger, lookup, models
from storage.archive import Archive
from storage.database import Database
from storage.load import Reading, load_all
from storage.transcript import Transcript
from storage.warc import ArchiveError, Location

log = logging.getLogger("podium")

BATCH = 100
"""Pages that are extracted and loaded together. The largest transcript known has 0.2 MB of text."""

FEW, SMALL = 8, 500_000
"""So many pages of so many bytes are read faster in this process than a pool of processes starts."""

PAGE_SECONDS = 30
"""The budget of one page in a pool's process. The longest transcript known takes less than one."""

STOP_SECONDS = 5
"""How long a crawl may take to end after it was told to, before it is killed: it waits for answers on the way."""


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
    disposition: models.Disposition = "rejected"
    reason: str | None = None


def crawl(job: CrawlJob, watch: Callable[[], None] = lambda: None) -> CrawlReport:
    """Crawl in a process of its own; its log lines are ours.

    However this call ends, the process ends too: it is told to stop, killed when it doesn't, and dies by
    itself when we are killed.

    Args:
        job: what to crawl.
        watch: called about twice a second while it runs.
    """
    with tempfile.TemporaryDirectory(prefix="podium-") as folder:
        path = Path(folder) / "report.json"
        child = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "crawler", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        assert child.stdin is not None and child.stderr is not None
        relay = threading.Thread(target=copy_context().run, args=(_relay, child.stderr), daemon=True)
        relay.start()
        try:
            with child.stdin as stdin:
                stdin.write(job.model_dump_json())
            # Its log ends with it: that is heard at once, where waiting for a process means asking now and again.
            while relay.is_alive() and child.poll() is None:
                relay.join(0.5)
                watch()
            child.wait()
        except BaseException:
            _stop(child)
            raise
        finally:
            relay.join(5)
            child.stderr.close()
        if not path.exists():
            return CrawlReport(finished=False, reason=f"its process ended with status {child.returncode}")
        return CrawlReport.model_validate_json(path.read_text(encoding="utf-8"))


def fetched(database: Database, run_id: int, source: Source) -> list[Item]:
    """The next batch of the run's pages that were fetched and not yet settled."""
    with database.read() as session:
        return [
            item_of(page.key, source.key(page.url) or page.key, capture, source)
            for page, capture in ledger.to_extract(session, run_id, BATCH)
        ]


def item_of(page: str, key: str, capture: models.Capture, source: Source) -> Item:
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
        captured=capture.fetched_at.astimezone(ZoneInfo(source.timezone)).date(),
    )


def extract_batch(
    items: Sequence[Item], archive: Archive, source: Source, pool: ProcessPoolExecutor | None = None
) -> list[Outcome]:
    """Read every page of a batch, in a pool's processes where one is given."""
    return list(begin_batch(items, archive, source, pool))


def begin_batch(
    items: Sequence[Item], archive: Archive, source: Source, pool: ProcessPoolExecutor | None = None
) -> Iterator[Outcome]:
    """The same, but a pool reads while something else is done, until the outcomes are asked for."""
    if pool is None:
        return (read_capture(item, archive, source) for item in items)
    count = len(items)
    return pool.map(_read_in_time, items, [archive] * count, [source] * count, chunksize=4)


def read_capture(item: Item, archive: Archive, source: Source) -> Outcome:
    """Read one archived page; whatever it is, the outcome says so."""
    try:
        record = archive.read(item.location, digest=item.digest)
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


def load_batch(
    database: Database,
    run_id: int,
    source: Source,
    outcomes: Sequence[Outcome],
    archive: Archive,
    visited_on: dt.date | None = None,
) -> list[int]:
    """Load or settle every page of a batch.

    Args:
        database: to load to.
        run_id: the run.
        source: whose pages they are.
        outcomes: what became of their reading.
        archive: the WARC files.
        visited_on: the day on which the site was asked for them; None for captures of others.

    Returns:
        The ids of the revisions that are new.
    """
    refused = [
        (each.item.page, each.disposition, each.reason) for each in outcomes if each.transcript is None
    ]
    if refused:
        with database.write() as session:
            ledger.settle_all(session, run_id, refused)
    read = [each.item for each in outcomes if each.transcript is not None]
    with database.read() as session:
        older = lookup.read_by_older(session, source.id, [item.key for item in read], VERSION)
    readings = {}
    for outcome in outcomes:
        item = outcome.item
        if outcome.transcript is None:
            continue
        capture, before = older.get(item.key), None
        if capture is not None:
            before = read_capture(item_of(item.page, item.key, capture, source), archive, source).transcript
        readings[item.page] = Reading(
            outcome.transcript,
            source.id,
            item.key,
            item.url,
            item.capture_id,
            VERSION,
            before=before,
            visited_on=visited_on,
        )
    loaded = load_all(database, run_id, readings)
    return [
        each.revision_id
        for each in loaded
        if each.disposition in ("new", "revised") and each.revision_id is not None
    ]


def compare(database: Database, source: str) -> Counter[str]:
    """Link what a source has loaded to what is nearly the same in the archive.

    Returns:
        How many links are new, by kind.
    """
    return Counter(link.kind for links in duplicates.compare(database, source) for link in links)


@dataclass(frozen=True, slots=True)
class Steps:
    """The four steps, as plain functions or wrapped by a flow."""

    crawl: Callable[[CrawlJob, Callable[[], None]], CrawlReport] = crawl
    extract: Callable[[Sequence[Item], Archive, Source, ProcessPoolExecutor | None], list[Outcome]] = (
        extract_batch
    )
    load: Callable[[Database, int, Source, Sequence[Outcome], Archive, dt.date | None], list[int]] = (
        load_batch
    )
    compare: Callable[[Database, str], Counter[str]] = compare


PLAIN = Steps()
"""The steps without Prefect."""


class Readers:
    """The processes that read pages, started when first worth it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def pool_for(self, items: Sequence[Item]) -> ProcessPoolExecutor | None:
        if self._pool is None and (len(items) > FEW or any(item.size > SMALL for item in items)):
            # Spawned, not forked: this process has threads, and a fork would inherit their locks.
            self._pool = ProcessPoolExecutor(
                mp_context=multiprocessing.get_context("spawn"), initializer=_die_with_parent
            )
        return self._pool


def as_it_is(outcome: Outcome) -> Outcome:
    """Nothing is held against a page but what its reading says."""
    return outcome


def extract_and_load(
    database: Database,
    run_id: int,
    source: Source,
    archive: Archive,
    *,
    visited_on: dt.date | None = None,
    steps: Steps = PLAIN,
    watch: Callable[[str], None] = lambda _step: None,
    judge: Callable[[Outcome], Outcome] = as_it_is,
) -> list[int]:
    """Read and load the run's fetched pages, the oldest capture first, until none is left.

    Args:
        database: where they are written down, and loaded to.
        run_id: the run.
        source: whose pages they are.
        archive: the WARC files.
        visited_on: the day on which the site was asked for them; None for captures of others.
        steps: plain or as tasks of a flow.
        watch: told the step it is at.
        judge: may refuse a page that was read, before it is loaded.

    Returns:
        The ids of the revisions that are new.
    """
    added: list[int] = []
    with Readers() as readers:
        while items := fetched(database, run_id, source):
            watch("extract")
            outcomes = list(map(judge, steps.extract(items, archive, source, readers.pool_for(items))))
            watch("load")
            added += steps.load(database, run_id, source, outcomes, archive, visited_on)
    return added


def _relay(lines: IO[str]) -> None:
    levels = logging.getLevelNamesMapping()
    spider = logging.getLogger("podium.crawl")
    for line in lines:
        level, mark, message = line.rstrip().partition("|")
        if mark and level in levels:
            spider.log(levels[level], "%s", message)
        else:
            spider.info("%s", line.rstrip())


def _stop(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _die_with_parent() -> None:
    """In a child, before its work: on Linux a SIGTERM when the thread that started it is gone."""
    pr_set_pdeathsig = 1
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
