"""Collecting one source over one window: crawl, extract, load, compare. The flows share these steps.

A flow hands in its own versions of the steps, wrapped as Prefect tasks; without it they are called as they are.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from sqlalchemy import exists, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, aliased

from crawler.browser import browser_for
from crawler.job import Bookmark, CrawlJob
from crawler.source import Source
from flows.readers import Readers
from flows.salvage import bounds, dated_within, salvage
from flows.settings import Settings
from flows.silence import silence_tonight
from flows.steps import ALIKE, BATCH, PLAIN, Intake, Steps, as_it_is
from flows.verdict import Aside, failed, verdict
from storage import coverage, earlier, ledger, models, visits
from storage.address import host_of, is_on
from storage.database import Database, DatabaseError, batches, cause_of
from storage.ledger import Tally
from storage.load import OLDER
from storage.transcript import NO_LAYOUT
from storage.warc import ArchiveError

log = logging.getLogger("podium")

AT_ONCE = 4
"""Sources collected at the same time. Each is polite to its own hosts."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to collect: one source, one window of days (both ends included).

    `replay` and `wayback` say what answers instead of the source's site, `again` asks for pages that are not due:
    see `crawler.job.CrawlJob`.
    """

    kind: models.RunKind
    source: Source
    since: dt.date
    until: dt.date
    today: dt.date
    replay: Path | None = None
    wayback: str | None = None
    again: bool = False

    @property
    def via(self) -> str | None:
        """Who answers instead of the source's site, as the ledger has it."""
        return "wayback" if self.wayback else "replay" if self.replay else None


def needs_browser(order: Order) -> bool:
    """Whether a browser has to fetch its pages; what was captured is taken as it was captured."""
    return order.source.render and not (order.replay or order.wayback)


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
    """How one source's collection went. `listings` is None where none was looked for."""

    source: str
    run_id: int
    since: dt.date
    until: dt.date
    state: models.RunState
    tally: Tally
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    listings: int | None = 0
    misses: int = 0
    seconds: float = 0.0
    arrivals: tuple[Arrival, ...] = field(default=(), repr=False)
    links: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def failed(cls, order: Order, reason: str, listings: int | None = 0) -> SourceReport:
        """Of a collection that failed before it had anything to report."""
        window = order.source.id, 0, order.since, order.until
        return cls(*window, "failed", Tally(), (reason,), listings=listings)


Progress = Callable[[str, str, Tally | None], None]
"""Told the source, the step it is at, and the run's tally so far."""


def silent(_source: str, _step: str, _tally: Tally | None) -> None:
    """Progress that nobody watches."""


# --- one source ----------------------------------------------------------------------------------


class Cancelled(Exception):  # noqa: N818 - asked for, not a fault
    """The collection was told to stop."""


def collect(
    order: Order,
    settings: Settings,
    *,
    steps: Steps = PLAIN,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> SourceReport:
    """Collect one source over one window.

    Args:
        order: what to collect.
        settings: where things are kept and how the web is met.
        steps: the four steps, plain or as tasks of a flow.
        progress: told about twice a second how far it is.
        stop: set from elsewhere to end it soon.

    Raises:
        Cancelled: it was told to stop.
        storage.database.DatabaseError: the database can't be opened.
        sqlalchemy.exc.DBAPIError: it failed on the way.

    What an earlier run had archived and not read, since it was killed or cancelled, is read first. However this
    one ends, its run in the ledger ends too, unless the database is gone: then the next run ends it.
    """

    def watch(step: str) -> None:
        _heed(stop)
        progress(order.source.id, step, None)

    with Database(settings.database_url) as database:
        salvaged = salvage(database, order.source, settings, steps, watch)
        with database.read() as session:
            owed = earlier.owed(session, order.source.id, order.until)
        window = (order.kind, order.source.id, order.since, order.until)
        with open_run(database, *window, order.via) as run_id:
            return _collect(order, settings, database, run_id, owed, steps, progress, stop, salvaged)


def _heed(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise Cancelled("told to stop")


@contextmanager
def open_run(
    database: Database,
    kind: models.RunKind,
    source: str,
    since: dt.date,
    until: dt.date,
    via: str | None = None,
) -> Iterator[int]:
    """A run of the ledger, by its id: the caller closes it, and an exception ends one still open as failed."""
    with database.write() as session:
        run_id = ledger.open_run(session, kind, source, since, until, via).id
    try:
        yield run_id
    except BaseException as problem:
        # A database that fails now is why; the source's next run ends this one.
        with suppress(DBAPIError), database.write() as session:
            if session.get_one(models.Run, run_id).state == "running":
                ledger.close_run(session, run_id, [_told(problem)], failed=True)
        raise


def _collect(
    order: Order,
    settings: Settings,
    database: Database,
    run_id: int,
    owed: earlier.Owed | None,
    steps: Steps,
    progress: Progress,
    stop: threading.Event | None,
    salvaged: Sequence[int],
) -> SourceReport:
    """The body of `collect`, for a run that is open; what is `owed` is that of `storage.earlier`."""
    started, source = time.monotonic(), order.source
    asked, bookmarks = _left_by_earlier_runs(order, database, run_id)

    def watch(step: str) -> None:
        _heed(stop)
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
        wayback=order.wayback,
        again=order.again,
        asked=asked,
        bookmarks=bookmarks,
        revisit=order.kind == "nightly" and order.replay is None,
        chromium=browser_for(source, settings.chromium) if needs_browser(order) else None,
        contact=settings.contact,
        delay=settings.delay,
        timeout=settings.timeout,
    )
    judge = dated_within(order.since, order.until) if order.wayback else as_it_is
    with Readers() as readers:
        intake = Intake(
            database,
            run_id,
            source,
            settings.warcs(),
            readers,
            visited_on=order.today if order.wayback is None else None,
            steps=steps,
            watch=watch,
            judge=judge,
        )

        def beside() -> None:
            watch("crawl")
            # Several captures of one document are loaded in their order, once all are there.
            while order.via is None and intake.take_batch(BATCH):
                watch("crawl")

        report = steps.crawl(job, beside)
        intake.take_all()
    watch("compare")
    links = steps.compare(database, source.id)
    with database.write() as session:
        tally = ledger.tally_of(session, run_id)
        open_days, old = _unproved(session, order, report.gaps, owed), set[dt.date]()
        if order.kind == "nightly":
            usual = order.until - dt.timedelta(settings.window_days)
            old = {day for day in open_days if day < usual and owed and day in owed.left}
            visits.put_off(session, source.id, run_id, order.today)
        reasons, notes = verdict(report, tally, open_days, old, _aside(session, order, run_id))
        if order.kind == "nightly" and (quiet := silence_tonight(session, source, order.today)):
            reasons.append(str(quiet))
        broken = failed(report, tally)
        state = ledger.close_run(session, run_id, reasons, failed=broken, open_days=open_days)
        if report.bookmarks:
            left = {listing: bookmark.model_dump() for listing, bookmark in report.bookmarks.items()}
            session.get_one(models.Run, run_id).bookmarks = left
        broken_off = [each for each in asked if session.get_one(models.Run, each).state == "failed"]
        arrivals = arrivals_of(session, {*ledger.added_by(session, broken_off), *salvaged, *intake.added})
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
        links=links,
    )


def _aside(session: Session, order: Order, run_id: int) -> Aside:
    night = order.kind == "nightly"
    return Aside(
        outside=ledger.rejected_for(session, run_id, coverage.OUTSIDE),
        older=ledger.rejected_for(session, run_id, OLDER),
        alike=ledger.rejected_for(session, run_id, ALIKE),
        unfit=0 if order.via else ledger.doubted(session, run_id, NO_LAYOUT),  # old captures have old layouts
        unasked=ledger.unasked(session, run_id),
        newest_rejected=ledger.newest_rejected(session, run_id) if night else None,
        refused=_refused(session, order, run_id),
        refused_anew=earlier.refused_anew(session, session.get_one(models.Run, run_id)) if night else (),
    )


def _refused(session: Session, order: Order, run_id: int) -> Sequence[earlier.Lost]:
    if order.kind == "nightly":
        return earlier.refused_first(session, order.source.id, order.until)
    if order.via:
        return ()
    run = session.get_one(models.Run, run_id)
    return earlier.refused_once(session, run, bounds(order.today, order.source)[0])


def _unproved(
    session: Session, order: Order, gaps: Sequence[dt.date], owed: earlier.Owed | None
) -> list[dt.date]:
    """The days that no listing has covered and that are the run's to prove: a night's are those that it owes."""
    if order.kind != "nightly":
        return list(gaps)
    since = owed.proof if owed else order.until
    proved = coverage.proved_days(session, since, order.until, order.source.id).get(order.source.id, set())
    return [day for day in gaps if day >= since and day not in proved]


def _left_by_earlier_runs(
    order: Order, database: Database, run_id: int
) -> tuple[tuple[int, ...], dict[str, Bookmark]]:
    """The runs whose answers hold for this one too, and where to begin in the listings of an old window."""
    source = order.source
    with database.read() as session:
        run = session.get_one(models.Run, run_id)
        same = earlier.same_day(session, run, bounds(order.today, source))
        found = earlier.bookmarks(session, source.id, order.until)
    asked = () if order.again or order.replay else tuple(each.id for each in same)
    if order.via:
        return asked, {}
    return asked, {listing: Bookmark.model_validate(each) for listing, each in found.items()}


def arrivals_of(session: Session, revision_ids: Collection[int]) -> tuple[Arrival, ...]:
    """What a report says of the revisions that a run added, the newest briefing first."""
    found, ids = [], sorted(revision_ids)
    for wanted in batches(ids):
        found += [
            Arrival("new" if is_first else "revised", *rest)
            for is_first, *rest in session.execute(_ARRIVALS.where(models.Revision.id.in_(wanted)))
        ]
    return tuple(sorted(found, key=attrgetter("date"), reverse=True))


_EARLIER = aliased(models.Revision)
_ARRIVALS = select(
    # The number doesn't tell: an older text may be put in before it.
    ~exists().where(
        _EARLIER.transcript_id == models.Revision.transcript_id, _EARLIER.id < models.Revision.id
    ),
    models.Revision.transcript_id,
    models.Revision.date,
    models.Revision.title,
    models.Capture.url,
).join(models.Revision.capture)


# --- several sources -----------------------------------------------------------------------------


One = Callable[[Order, threading.Event], SourceReport]
"""Collects one order, and ends soon after the event is set."""


def collect_all(orders: Sequence[Order], one: One) -> list[SourceReport]:
    """Collect several sources at once, those on one host one after another; the reports in the order given.

    One that fails doesn't stop another: its report says what happened. When this call itself is interrupted,
    the event that each was given is set, and all have ended when it returns.
    """
    stop = threading.Event()

    def safe(order: Order) -> SourceReport:
        try:
            return one(order, stop)
        except Exception as problem:  # recorded in the report, which decides how the night ends
            expected = isinstance(problem, DBAPIError | DatabaseError | ArchiveError | Cancelled)
            if not expected:
                log.exception("%s failed", order.source.id)
            return SourceReport.failed(order, _told(problem))

    def in_turn(places: list[int]) -> dict[int, SourceReport]:
        return {place: safe(orders[place]) for place in places}

    with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
        # The context goes along: in a flow it says which run a thread works for.
        running = [threads.submit(copy_context().run, in_turn, places) for places in _by_hosts(orders)]
        try:
            reports = [future.result() for future in running]
        except BaseException:
            stop.set()
            raise
    found = {place: report for each in reports for place, report in each.items()}
    return [found[place] for place in range(len(orders))]


def _told(problem: BaseException) -> str:
    """An exception as a run's reason."""
    return f"{type(problem).__name__}: {cause_of(problem)[:300]}"


def _by_hosts(orders: Sequence[Order]) -> list[list[int]]:
    """The places of the orders, those that ask the same host in one list.

    Crawls of one host wait for each other's requests anyway: one after the other ends sooner for the first, and
    none holds a thread and a process while it waits.
    """
    lists: list[tuple[set[str], list[int]]] = []
    for place, order in enumerate(orders):
        hosts = {host_of(order.wayback)} if order.wayback else set(order.source.hosts)
        mine = [
            each for each in lists if any(is_on(a, (b,)) or is_on(b, (a,)) for a in hosts for b in each[0])
        ]
        for other, _ in mine:
            hosts |= other
        lists = [each for each in lists if each not in mine]
        lists.append((hosts, [*(place for _, places in mine for place in places), place]))
    return [places for _, places in lists]
