"""The four steps of a collection: crawl, extract, load, compare.

Each is a plain function. A flow wraps them as Prefect tasks, so that they show in the UI; nothing here knows of
Prefect, of windows, or of how a run is judged.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from crawler.job import LINE_BREAK, CrawlJob, CrawlReport
from crawler.page import VERSION
from crawler.source import Source
from flows.readers import Item, Outcome, Readers, begin_batch, die_with_parent, item_of, read_capture
from storage import duplicates, ledger, lookup
from storage.archive import Archive
from storage.database import Database
from storage.load import Reading, load_all
from storage.models import Page
from storage.sameness import same_text, same_words
from storage.transcript import NO_LAYOUT, Transcript, Turn

log = logging.getLogger("podium")

BATCH = 100
"""Pages that are extracted and loaded together. The largest transcript known has 0.2 MB of text."""

STOP_SECONDS = 5
"""How long a crawl may take to end after it was told to, before it is killed: it waits for answers on the way."""


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
            preexec_fn=die_with_parent,
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


def fetched(database: Database, run_id: int, source: Source, besides: Collection[Item] = ()) -> list[Item]:
    """The next batch of the run's pages that were fetched and not yet settled, some left out."""
    names = [item.page for item in besides]
    with database.read() as session:
        return [
            item_of(page.key, _key_of(page, source), capture, source)
            for page, capture in ledger.to_extract(session, run_id, BATCH, names)
        ]


def _key_of(page: Page, source: Source) -> str:
    """The document's key: what the ledger calls its page, but where that is one of many captures of an address.

    Where a known page is asked for at the address that it leads to, that may be another document's.
    """
    return (source.key(page.url) or page.key) if page.key.startswith(f"{page.url} ") else page.key


def extract_batch(source: Source, reading: Iterator[Outcome]) -> list[Outcome]:  # noqa: ARG001 - a flow names it
    """Read every page of a batch of a source, or wait until a pool has."""
    return list(reading)


def load_batch(
    database: Database,
    run_id: int,
    source: Source,
    outcomes: Sequence[Outcome],
    archive: Archive,
    visited_on: dt.date | None,
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
        keys = [item.key for item in read]
        known = lookup.last_read(session, source.id, keys)
        copies = lookup.copies(session, source.id, keys)
    readings: dict[str, Reading] = {}
    # Of several addresses of one document its own comes first: an edit of all of them is one revision.
    for outcome in sorted(outcomes, key=lambda outcome: outcome.item.key in copies):
        item = outcome.item
        if outcome.transcript is None:
            continue
        last, before = known.get(item.key), None
        if last is not None and not last.is_again(outcome.transcript, VERSION):
            earlier = item_of(item.page, item.key, last.capture, source)
            before = read_capture(earlier, archive, source).transcript
        readings[item.page] = Reading(
            outcome.transcript,
            source.id,
            item.key,
            item.url,
            item.capture_id,
            VERSION,
            before=before,
            before_of=last.digest if last is not None else None,
            answered=source.key(item.url),
            visited_on=visited_on,
        )
    wrong = dict.fromkeys(_alike(readings, known), ALIKE)
    if visited_on is not None:  # captures of others may have another layout, as they are older
        wrong |= {page: UNFIT for page, each in readings.items() if _fits_no_more(each)}
        wrong |= {page: CLOCK for page, each in readings.items() if _shows_a_clock(each, each.key in copies)}
    if wrong:
        with database.write() as session:
            ledger.settle_all(session, run_id, [(page, "rejected", why) for page, why in wrong.items()])
    readings = {page: each for page, each in readings.items() if page not in wrong}
    return [each.added for each in load_all(database, run_id, readings) if each.added is not None]


ALIKE = "the same text as other pages that came to it at once: an error in its place?"
"""Why a page is rejected that `ALIKE_PAGES` or more have the text of at once, who had others or are new."""

ALIKE_PAGES = 3

UNFIT = "no layout of its source fits it any more, and it says something else: a notice in its place?"
"""Why a known page is rejected that was read by a layout, and is read without one and otherwise now."""

CLOCK = "it is dated today, and else says what it did: a clock in place of its date?"
"""Why a known page is rejected that says nothing new but today's date, or tomorrow's, which it is in another zone
or after midnight: on another day it shows which it is."""


def _alike(readings: Mapping[str, Reading], known: Mapping[str, lookup.Last]) -> set[str]:
    """Of pages that were read otherwise those that have come to one and the same text; of new ones of a site those
    that have one, where most of the batch are such: a site may give several addresses to a text.
    """
    new: dict[tuple[Turn, ...], set[str]] = {}
    pages: dict[tuple[Turn, ...], set[str]] = {}
    had: dict[tuple[Turn, ...], set[object]] = {}
    # Of others' captures one document may have several, with one text or with each its own.
    texts: dict[str, set[tuple[Turn, ...]]] = {}
    for reading in readings.values():
        texts.setdefault(reading.key, set()).add(reading.transcript.turns)
    for page, reading in readings.items():
        last, said = known.get(reading.key), reading.transcript.turns
        if _leads_away(reading):
            continue
        if last is None:
            if others := texts[reading.key] - {said}:
                pages.setdefault(said, set()).add(page)
                had.setdefault(said, set()).add(frozenset(others))
            elif reading.visited_on is not None:  # copies are what a file of others may hold alone
                new.setdefault(said, set()).add(page)
            continue
        if reading.before is None and last.is_again(reading.transcript, VERSION):
            continue
        if reading.before is None or reading.before.turns != said:
            pages.setdefault(said, set()).add(page)
            had.setdefault(said, set()).add(last.digest)
    most = max(ALIKE_PAGES, len(readings) // 2 + 1)
    wrong = {page for said, some in pages.items() if len(had[said]) >= ALIKE_PAGES for page in some}
    return wrong.union(*(some for some in new.values() if len(some) >= most))


def _fits_no_more(reading: Reading) -> bool:
    was, now = reading.before, reading.transcript
    if was is None or _leads_away(reading):
        return False
    return _unfit(now) and not _unfit(was) and not same_words(was, now)


def _shows_a_clock(reading: Reading, is_copy: bool) -> bool:
    was, now, today = reading.before, reading.transcript, reading.visited_on
    if was is None or today is None or not 0 <= (now.date - today).days <= 1:
        return False
    if is_copy and same_text(was, now):  # there only a short text has its own date
        return False
    return was.date < now.date and not same_words(was, now) and same_words(replace(was, date=now.date), now)


def _leads_away(reading: Reading) -> bool:
    """Whether another document's address has answered: the load sees what that means."""
    return reading.answered not in (None, reading.key)


def _unfit(read: Transcript) -> bool:
    return any(NO_LAYOUT in doubt for doubt in read.doubts)


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
    extract: Callable[[Source, Iterator[Outcome]], list[Outcome]] = extract_batch
    load: Callable[[Database, int, Source, Sequence[Outcome], Archive, dt.date | None], list[int]] = (
        load_batch
    )
    compare: Callable[[Database, str], Counter[str]] = compare


PLAIN = Steps()
"""The steps without Prefect."""


def as_it_is(outcome: Outcome) -> Outcome:
    """Nothing is held against a page but what its reading says."""
    return outcome


@dataclass
class Intake:
    """Reads and loads a run's fetched pages, the oldest capture first; a pool reads one batch ahead.

    Args:
        database: where they are written down, and loaded to.
        run_id: the run.
        source: whose pages they are.
        archive: the WARC files.
        readers: the processes that read.
        visited_on: the day on which the site was asked for them; None for captures of others.
        steps: plain or as tasks of a flow.
        watch: told the step it is at.
        judge: may refuse a page that was read, before it is loaded.
    """

    database: Database
    run_id: int
    source: Source
    archive: Archive
    readers: Readers
    visited_on: dt.date | None = None
    steps: Steps = PLAIN
    watch: Callable[[str], None] = lambda _step: None
    judge: Callable[[Outcome], Outcome] = as_it_is
    added: list[int] = field(default_factory=list)
    """The ids of the revisions that are new."""
    _begun: tuple[list[Item], Iterator[Outcome]] | None = None

    def take_batch(self, least: int = 1) -> bool:
        """Take a batch in, and begin to read the next.

        Args:
            least: pages that it is worth to begin a batch for.

        Returns:
            Whether there was one.
        """
        begun = self._begun or self._begin(least)
        if begun is None:
            return False
        items, reading = begun
        self._begun = self._begin(least, items)
        self.watch("extract")
        outcomes = list(map(self.judge, self.steps.extract(self.source, reading)))
        self.watch("load")
        self.added += self.steps.load(
            self.database, self.run_id, self.source, outcomes, self.archive, self.visited_on
        )
        return True

    def take_all(self) -> list[int]:
        """Take in all that there is.

        Returns:
            The ids of the revisions that are new.
        """
        while self.take_batch():
            pass
        return self.added

    def _begin(
        self, least: int, besides: Collection[Item] = ()
    ) -> tuple[list[Item], Iterator[Outcome]] | None:
        items = fetched(self.database, self.run_id, self.source, besides)
        if len(items) < least:
            return None
        return items, begin_batch(items, self.archive, self.source, self.readers.pool_for(items))


def _relay(lines: IO[str]) -> None:
    """Log what a crawl logs, a record a line; and what else comes to its error output."""
    levels = logging.getLevelNamesMapping()
    spider = logging.getLogger("podium.crawl")
    for line in lines:
        level, mark, message = line.rstrip().partition("|")
        if mark and level in levels:
            spider.log(levels[level], "%s", message.replace(LINE_BREAK, "\n"))
        else:
            spider.info("%s", line.rstrip())


def _stop(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
