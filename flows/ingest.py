"""Taking in what others have captured or written down: WARC files of any tool, texts in the archive's own format.

From the archive on they go the road of a crawl: kept as a capture, read, loaded, each with its row in the ledger.
What is taken from a WARC file is copied: the archive rests on no file but its own.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from crawler.accept import verdict_on_status
from crawler.source import Source, source_of
from crawler.text import read_text
from flows.collect import SourceReport, arrivals_of, open_run
from flows.readers import Readers
from flows.settings import Settings
from flows.steps import ALIKE, Intake, compare
from flows.verdict import Aside, suspicions
from storage import captures, ledger, models
from storage.address import host_of, without_port
from storage.archive import Writer
from storage.database import Database
from storage.ledger import Found
from storage.load import OLDER, Reading, load
from storage.transcript import FormatError, clean
from storage.warc import FILE, FIRST_YEAR, LARGEST_BODY, ArchiveError, Location, Record, read_whole

LONGEST_ADDRESS = 2083
"""Characters. Scrapy asks for no longer one (URLLENGTH_LIMIT), and PostgreSQL's index has no room for it."""
AS_WRITTEN = 0
"""The extractor's version of a text that no extractor has read."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a WARC file came to.

    Args:
        reports: one a source that it has documents of.
        strangers: responses of no known source, by host.
        passed: what else was passed over, by what it is.
        torn: why it could not be read to its end; None where it was.
    """

    reports: tuple[SourceReport, ...]
    strangers: Mapping[str, int]
    passed: Mapping[str, int]
    torn: str | None = None


@dataclass(slots=True)
class _Ingestion:
    """What goes into the archive in one run."""

    database: Database
    settings: Settings
    source: str
    run_id: int
    writer: Writer
    started: float = field(default_factory=time.monotonic)
    days: set[dt.date] = field(default_factory=set)

    def keep(self, record: Record) -> int:
        """Archive a record; the id of its capture."""
        self.days.add(record.fetched_at.date())
        (capture_id,) = captures.keep(self.database, self.writer, self.source, [record])
        return capture_id

    def close(self, added: Sequence[int], reasons: Sequence[str], *notes: str) -> SourceReport:
        """Compare what was loaded, end the run, whose window is the days of its captures, and report it."""
        links = compare(self.database, self.source)
        with self.database.write() as session:
            tally = ledger.tally_of(session, self.run_id)
            complaints = [
                *reasons,
                *suspicions(
                    tally,
                    Aside(
                        older=ledger.rejected_for(session, self.run_id, OLDER),
                        alike=ledger.rejected_for(session, self.run_id, ALIKE),
                    ),
                ),
            ]
            run = session.get_one(models.Run, self.run_id)
            run.since, run.until = min(self.days, default=run.since), max(self.days, default=run.until)
            state = ledger.close_run(session, self.run_id, complaints, failed=False)
            arrivals = arrivals_of(session, added)
        return SourceReport(
            source=self.source,
            run_id=self.run_id,
            since=run.since,
            until=run.until,
            state=state,
            tally=tally,
            reasons=tuple(complaints),
            notes=notes,
            listings=None,
            seconds=round(time.monotonic() - self.started, 1),
            arrivals=arrivals,
            links=links,
        )


@contextmanager
def _ingestion(database: Database, settings: Settings, source: str) -> Iterator[_Ingestion]:
    now = dt.datetime.now(dt.UTC)
    with (
        open_run(database, "ingest", source, now.date(), now.date()) as run_id,
        settings.warcs().writer(source, run_id, now) as writer,
    ):
        yield _Ingestion(database, settings, source, run_id, writer)


# --- WARC files ----------------------------------------------------------------------------------


def ingest_warc(
    path: Path,
    sources: dict[str, Source],
    settings: Settings,
    watch: Callable[[str], None] = lambda _step: None,
) -> Ingested:
    """Take in every document of some sources that a WARC file has, in one run a source.

    A file that is torn or no WARC file gives what stands before that, and the reports say so.

    Args:
        path: the file, gzip or plain.
        sources: whose documents are taken, by id.
        settings: where things are kept.
        watch: told the step it is at.

    Raises:
        storage.warc.ArchiveError: the archive can't be written.
        storage.database.DatabaseError: the database can't be opened.
        sqlalchemy.exc.DBAPIError: it failed on the way.
    """
    strangers, passed, torn = Counter[str](), Counter[str](), list[ArchiveError]()
    ingestions: dict[str, _Ingestion] = {}
    now = dt.datetime.now(dt.UTC)
    with Database(settings.database_url) as database, ExitStack() as runs:
        watch("copy")
        for record, location in _revisits_last(read_whole(path, torn, others=passed, revisits=True)):
            record = replace(record, url=without_port(record.url))
            source = source_of(record.url, sources)
            if source is None:
                strangers[host_of(record.url) or record.url[:60]] += 1
                continue
            key = source.key(record.url)
            if len(record.url) > LONGEST_ADDRESS:
                passed[f"address of over {LONGEST_ADDRESS:,} characters"] += 1
            elif key is None or clean(record.url) != record.url:
                passed["no document"] += 1
            elif 300 <= record.status < 400:
                passed["redirect"] += 1  # where it leads is a record of its own
            elif record.fetched_at > now:
                passed["dated in the future"] += 1  # nothing crawled from now on could be newer
            elif (whole := _whole(database, settings, record)) is None:
                passed["revisit of what the archive can't give"] += 1
            else:
                if source.id not in ingestions:
                    ingestions[source.id] = runs.enter_context(_ingestion(database, settings, source.id))
                where = record.origin or f"{FILE}{quote(path.name)}#{location.offset}"
                if not _take(ingestions[source.id], key, replace(whole, origin=where)):
                    passed["second record of one capture"] += 1
        reports = []
        for name, ingestion in ingestions.items():
            with Readers() as readers:
                intake = Intake(
                    database, ingestion.run_id, sources[name], settings.warcs(), readers, watch=watch
                )
                added = intake.take_all()
            reports.append(ingestion.close(added, list(map(str, torn)), f"from {path.name}"))
    return Ingested(tuple(reports), strangers, passed, str(torn[0]) if torn else None)


def _revisits_last(found: Iterable[tuple[Record, Location]]) -> Iterator[tuple[Record, Location]]:
    """What repeats another capture comes after all of them: a crawler's threads write in any order."""
    repeated = []
    for record, location in found:
        if record.repeats is None:
            yield record, location
        else:
            repeated.append((record, location))
    yield from repeated


def _whole(database: Database, settings: Settings, record: Record) -> Record | None:
    """A record with its body: a revisit has that of the capture that it repeats, if the archive has it."""
    if record.repeats is None:
        return record
    url, moment = record.repeats
    with database.read() as session:
        first = captures.at(session, without_port(url), moment)
    if first is None:
        return None
    try:
        body = settings.warcs().read(Location(first.warc, first.offset, first.length), digest=first.digest)
    except ArchiveError:
        return None
    return replace(body, url=record.url, fetched_at=record.fetched_at)


def _take(ingestion: _Ingestion, key: str, record: Record) -> bool:
    """Keep one document's capture and write it down in the ledger; False where the run has it already."""
    found = Found(key, record.url, moment=record.fetched_at, status=record.status)
    with ingestion.database.read() as session:
        if ledger.has(session, ingestion.run_id, found.page):
            return False
    capture_id = ingestion.keep(record)
    verdict = verdict_on_status(record.status)
    with ingestion.database.write() as session:
        ledger.discovered(session, ingestion.run_id, found)
        if verdict is not None:
            ledger.settle(session, ingestion.run_id, found.page, *verdict)
        else:
            ledger.fetched(session, ingestion.run_id, found.page, capture_id)
    return True


# --- texts ---------------------------------------------------------------------------------------


def name_of(path: Path) -> str:
    """What identifies a text within its source: its file's name, as a terminal and a database can hold it."""
    return clean(path.name)


def ingest_texts(paths: Sequence[Path], source: str, settings: Settings) -> SourceReport:
    """Take in texts that stand in the archive's own format, in one run.

    The file is a text's capture, and when it was last written the capture's moment.

    Args:
        paths: files with different names.
        source: the id that they are kept under.
        settings: where things are kept.

    Raises:
        storage.warc.ArchiveError: the archive can't be written.
        storage.database.DatabaseError: the database can't be opened.
        sqlalchemy.exc.DBAPIError: it failed on the way.
    """
    added: list[int] = []
    refused: list[str] = []
    told = ["texts as they were written"]
    with (
        Database(settings.database_url) as database,
        _ingestion(database, settings, source) as ingestion,
    ):
        for path in paths:
            key = name_of(path)
            found = Found(key, FILE + quote(key))
            with database.write() as session:
                ledger.discovered(session, ingestion.run_id, found)
            try:
                reading = _read(ingestion, found, path)
            except (FormatError, OSError) as problem:
                failed = isinstance(problem, OSError)
                reason = str(problem.strerror) if isinstance(problem, OSError) else str(problem)
                with database.write() as session:
                    ledger.settle(session, ingestion.run_id, key, "failed" if failed else "rejected", reason)
                refused.append(f"{key}: {reason}")
                continue
            loaded = load(database, ingestion.run_id, reading)
            if loaded.added is not None:
                added.append(loaded.added)
            if loaded.disposition == "revised" and loaded.reason:
                told.append(f"{key}: {loaded.reason}")
        return ingestion.close(added, refused, *told)


def _read(ingestion: _Ingestion, found: Found, path: Path) -> Reading:
    """Keep a text's file and read it.

    Raises:
        FormatError: it is not in the format, or larger than a capture can be.
        OSError: it can't be read.
    """
    facts = path.stat()
    if facts.st_size > LARGEST_BODY:
        raise FormatError(f"{facts.st_size:,} bytes; a capture has at most {LARGEST_BODY:,}")
    data = path.read_bytes()
    written = dt.datetime.fromtimestamp(min(facts.st_mtime, time.time()), dt.UTC)
    if written.year < FIRST_YEAR:  # as programs write a date that was not set
        written = dt.datetime.now(dt.UTC)
    kind = (("Content-Type", "text/plain; charset=utf-8"),)
    capture_id = ingestion.keep(Record(found.url, written, 200, kind, data))
    return Reading(read_text(data), ingestion.source, found.key, found.url, capture_id, AS_WRITTEN)
