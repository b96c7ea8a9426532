"""Collecting one source over one window: crawl, extract, load. The flows share these steps.

Each step is a plain function. A flow hands in its own versions of them, wrapped as Prefect tasks, so that
they show in the UI; without Prefect they are called as they are.
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
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from crawler.job import CrawlJob, CrawlReport
from crawler.page import VERSION, Page, Refused, extract
from crawler.source import Source
from flows.settings import Settings
from storage import ledger, models
from storage.archive import Archive, ArchiveError, Location
from storage.database import Database
from storage.ledger import Tally
from storage.load import Reading, load
from storage.transcript import Transcript

log = logging.getLogger("podium")

BATCH = 100
"""Pages that are extracted and loaded together. The largest transcript known has 0.2 MB of text."""

FEW = 8
"""Pages that are read faster in this process than a pool of processes starts."""

AT_ONCE = 4
"""Sources collected at the same time. Each is polite to its own hosts."""

REJECTED_SHARE = 0.2
"""More refused pages than this share of those read say that a layout changed or a wall went up."""

STOP_SECONDS = 10
"""How long a crawl may take to end after it was told to, before it is killed."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to collect: one source, one window of days (both ends included)."""

    kind: models.RunKind
    source: Source
    since: dt.date
    until: dt.date
    today: dt.date
    replay: Path | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A fetched page, ready to be read: everything a worker process needs to know."""

    key: str
    url: str
    capture_id: int
    location: Location
    digest: str
    content_type: str
    captured: dt.date


@dataclass(frozen=True, slots=True)
class Outcome:
    """A page that was read: its transcript, or the disposition and the reason why there is none."""

    item: Item
    transcript: Transcript | None = None
    disposition: models.Disposition = "rejected"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A transcript that this run added or revised, for its report."""

    disposition: str
    transcript_id: int
    date: dt.date
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How one source's collection went."""

    source: str
    run_id: int
    since: dt.date
    until: dt.date
    state: models.RunState
    tally: Tally
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    listings: int = 0
    misses: int = 0
    seconds: float = 0.0
    arrivals: tuple[Arrival, ...] = field(default=(), repr=False)


Progress = Callable[[str, str, Tally | None], None]
"""Told the source, the step it is at, and the run's tally so far."""


def silent(_source: str, _step: str, _tally: Tally | None) -> None:
    """Progress that nobody watches."""


# --- the steps -----------------------------------------------------------------------------------


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
            [sys.executable, "-m", "crawler.crawl", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        assert child.stdin is not None and child.stderr is not None
        relay = threading.Thread(target=copy_context().run, args=(_relay, child.stderr), daemon=True)
        relay.start()
        try:
            with child.stdin as stdin:
                stdin.write(job.model_dump_json())
            while True:
                try:
                    child.wait(0.5)
                    break
                except subprocess.TimeoutExpired:
                    watch()
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
    zone = ZoneInfo(source.timezone)
    with database.read() as session:
        return [
            Item(
                key=page.key,
                url=capture.url,
                capture_id=capture.id,
                location=Location(capture.warc, capture.offset, capture.length),
                digest=capture.digest,
                content_type=capture.content_type,
                captured=capture.fetched_at.astimezone(zone).date(),
            )
            for page, capture in ledger.to_extract(session, run_id, BATCH)
        ]


def extract_batch(
    items: Sequence[Item], archive: Path, source: Source, pool: ProcessPoolExecutor | None = None
) -> list[Outcome]:
    """Read every page of a batch, in a pool's processes where one is given."""
    if pool is None:
        return [read_capture(item, archive, source) for item in items]
    return list(pool.map(read_capture, items, [archive] * len(items), [source] * len(items), chunksize=4))


def read_capture(item: Item, archive: Path, source: Source) -> Outcome:
    """Read one archived page; whatever it is, the outcome says so."""
    try:
        record = Archive(archive).read(item.location, digest=item.digest)
        page = Page(item.url, record.body, item.content_type, item.captured)
        return Outcome(item, extract(page, source))
    except Refused as refusal:
        return Outcome(item, reason=f"{refusal.kind}: {refusal}")
    except ArchiveError as problem:
        return Outcome(item, disposition="failed", reason=str(problem))
    except Exception as problem:  # recorded, so that one page can't end a night
        log.exception("the extractor failed on %s", item.url)
        return Outcome(item, disposition="failed", reason=f"extractor: {type(problem).__name__}: {problem}")


def load_batch(database: Database, run_id: int, source: Source, outcomes: Iterable[Outcome]) -> list[int]:
    """Load or settle every page of a batch, one transaction a page.

    Returns:
        The ids of the revisions that are new.
    """
    added = []
    for outcome in outcomes:
        item = outcome.item
        if outcome.transcript is None:
            with database.write() as session:
                ledger.settle(session, run_id, item.key, outcome.disposition, outcome.reason)
            continue
        reading = Reading(outcome.transcript, source.id, item.key, item.url, item.capture_id, VERSION)
        loaded = load(database, run_id, reading)
        if loaded.disposition in ("new", "revised"):
            added.append(loaded.revision_id)
    return added


@dataclass(frozen=True, slots=True)
class Steps:
    """The three steps, as plain functions or wrapped by a flow."""

    crawl: Callable[[CrawlJob, Callable[[], None]], CrawlReport] = crawl
    extract: Callable[[Sequence[Item], Path, Source, ProcessPoolExecutor | None], list[Outcome]] = (
        extract_batch
    )
    load: Callable[[Database, int, Source, Iterable[Outcome]], list[int]] = load_batch


# --- one source ----------------------------------------------------------------------------------


def collect(
    order: Order, settings: Settings, *, steps: Steps = Steps(), progress: Progress = silent
) -> SourceReport:
    """Collect one source over one window.

    Raises:
        storage.database.DatabaseError: the database can't be opened.
        sqlalchemy.exc.DBAPIError: it failed on the way; the run stays open and is ended by the next one.
    """
    started = time.monotonic()
    source = order.source
    database = Database(settings.database_url)
    try:
        with database.write() as session:
            night = ledger.last_night(session, source.id)
            run_id = ledger.open_run(session, order.kind, source.id, order.since, order.until).id

        def watch(step: str) -> None:
            with database.read() as session:
                progress(source.id, step, ledger.tally_of(session, run_id))

        watch("crawl")
        job = CrawlJob(
            source=source,
            since=order.since,
            until=order.until,
            today=order.today,
            run_id=run_id,
            database_url=settings.database_url,
            archive=settings.archive,
            replay=order.replay,
            contact=settings.contact,
            delay=settings.delay,
        )
        report = steps.crawl(job, lambda: watch("crawl"))
        added: list[int] = []
        with _Readers() as readers:
            while items := fetched(database, run_id, source):
                watch("extract")
                outcomes = steps.extract(items, settings.archive, source, readers.pool_for(items))
                watch("load")
                added += steps.load(database, run_id, source, outcomes)
        # A page that was never answered: the crawl ended, so nothing will come.
        with database.write() as session:
            tally = ledger.tally_of(session, run_id)
            needed = order.since if order.kind == "backfill" else (night.until if night else order.until)
            reasons, notes = _verdict(report, tally, needed)
            state = ledger.close_run(session, run_id, reasons, failed=_failed(report, tally))
            arrivals = _arrivals(session, added)
        watch(state)
        return SourceReport(
            source=source.id,
            run_id=run_id,
            since=order.since,
            until=order.until,
            state=state,
            tally=tally,
            reasons=tuple(reasons),
            notes=tuple(notes),
            listings=report.listings,
            misses=report.misses,
            seconds=round(time.monotonic() - started, 1),
            arrivals=arrivals,
        )
    finally:
        database.close()


def _failed(report: CrawlReport, tally: Tally) -> bool:
    """Whether nothing can be said of the window: the crawl broke off, or no listing could be read."""
    return not report.finished or report.listings == 0 or tally.unsettled > 0


def _verdict(report: CrawlReport, tally: Tally, needed: dt.date) -> tuple[list[str], list[str]]:
    """Why the run is not simply done, and what else is worth a note."""
    reasons, notes = [], []
    if not report.finished:
        reasons.append(f"the crawl broke off: {report.reason}")
    elif report.listings == 0:
        reasons.append("no listing could be read")
    reasons += report.complaints
    open_days = [day for day in report.gaps if day >= needed]
    if open_days:
        reasons.append(f"not proved complete: {_days(open_days)}")
    older = [day for day in report.gaps if day < needed]
    if older:
        notes.append(f"not looked at: {_days(older)}, before the last night")
    for name in ("blocked", "failed"):
        if count := tally.counts.get(name, 0):
            reasons.append(f"{count} pages {name}")
    rejected = tally.counts.get("rejected", 0)
    if rejected > REJECTED_SHARE * tally.discovered:
        reasons.append(f"{rejected} of {tally.discovered} pages rejected: a new layout, or a wall?")
    if report.misses:
        notes.append(f"{report.misses} requests missed in the replayed capture")
    return reasons, notes


def _days(days: Sequence[dt.date]) -> str:
    ordered = sorted(days)
    if len(ordered) <= 3:
        return ", ".join(map(str, ordered))
    return f"{len(ordered)} days from {ordered[0]} to {ordered[-1]}"


def _arrivals(session: Session, revision_ids: Sequence[int]) -> tuple[Arrival, ...]:
    if not revision_ids:
        return ()
    rows = session.scalars(
        select(models.Revision)
        .where(models.Revision.id.in_(revision_ids))
        .order_by(models.Revision.date.desc())
    )
    return tuple(
        Arrival(
            "new" if row.number == 1 else "revised", row.transcript_id, row.date, row.title, row.capture.url
        )
        for row in rows
    )


# --- several sources -----------------------------------------------------------------------------


def collect_all(orders: Sequence[Order], one: Callable[[Order], SourceReport]) -> list[SourceReport]:
    """Collect several sources at once; the reports in the order given.

    One that fails doesn't stop another: its report says what happened.
    """

    def safe(order: Order) -> SourceReport:
        try:
            return one(order)
        except Exception as problem:  # recorded in the report, which decides how the night ends
            log.exception("%s failed", order.source.id)
            reason = f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
            return SourceReport(
                order.source.id, 0, order.since, order.until, "failed", Tally(), reasons=(reason,)
            )

    with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
        # The context goes along: in a flow it says which run a thread works for.
        running = [threads.submit(copy_context().run, safe, order) for order in orders]
    return [future.result() for future in running]


class _Readers:
    """The processes that read pages, started when first worth it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> _Readers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def pool_for(self, items: Sequence[Item]) -> ProcessPoolExecutor | None:
        if self._pool is None and len(items) > FEW:
            # Spawned, not forked: this process has threads, and a fork would inherit their locks.
            self._pool = ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
        return self._pool


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
    """In the child, before it starts: a SIGTERM when the thread that started it is gone (Linux)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
