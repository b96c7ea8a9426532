"""Real sites, replayed from captures: discovery to database without a network."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from parsel import Selector
from sqlalchemy import select

from crawler.discovery import Walk
from crawler.replay import Replay
from crawler.sheets import Sheet
from crawler.source_files import load_sources
from crawler.ways import Missed
from flows import plan
from flows.collect import SourceReport, collect
from flows.settings import Settings
from storage import ledger, lookup, models
from storage.database import Database
from storage.warc import read_warc


@pytest.fixture
def empty(tmp_path: Path, database_url: str) -> Settings:
    """Settings with nothing collected yet."""
    return Settings(database_url=database_url, archive=tmp_path / "archive")


def rows(settings: Settings) -> dict[str, int]:
    database = Database(settings.database_url)
    with database.read() as session:
        found = lookup.counts(session)
    database.close()
    return found


def keys(settings: Settings, run: SourceReport) -> set[str]:
    database = Database(settings.database_url)
    with database.read() as session:
        found = {page.key for page in ledger.pages_of(session, run.run_id)}
    database.close()
    return found


def listed(path: Path) -> dict[str, dt.date]:
    """Every document of a capture's feed, listing and by-date pages, with its date; read without Podium."""
    found: dict[str, str] = {}
    for record, _ in read_warc(path):
        page = Selector(record.body.decode("utf-8", "replace"))
        for item in page.css(".hentry_event"):
            found[item.attrib["data-id"]] = item.css("time.published::attr(datetime)").get("")
        if record.url.endswith("/feed"):
            page.remove_namespaces()
            for entry in page.xpath("//entry"):
                number = entry.xpath("id/text()").get("").rsplit("/", 1)[1]
                found[number] = entry.xpath("published/text()").get("")
    return {key: dt.date.fromisoformat(day[:10]) for key, day in found.items()}


@pytest.mark.slow  # hundreds of pages, twice
def test_a_backfill_from_a_capture_loads_every_document_of_its_window_once(
    corpus: Path, empty: Settings
) -> None:
    capture = corpus / "kremlin-en.warc.gz"
    since, until = dt.date(2020, 5, 10), dt.date(2020, 8, 27)
    days = listed(capture)
    wanted = {key for key, day in days.items() if since <= day <= until}
    (order,) = plan.backfill(empty, since, until, ["kremlin"], capture)
    found = collect(order, empty)
    assert keys(empty, found) == wanted and len(wanted) == 280
    assert (found.state, found.reasons) == ("completed", ())
    assert found.tally.counts == {"new": 280}
    assert found.misses == 1  # the listing's first page was not captured; the feed has what stood there
    before = rows(empty)
    again = collect(order, empty)
    assert again.tally.counts == {"unchanged": 280} and rows(empty) == before

    (tonight,) = plan.night(empty, ["kremlin"], capture)
    assert tonight.today == dt.date(2020, 8, 28)  # the day of the capture, in Moscow
    late = collect(tonight, empty)
    assert late.state == "completed" and set(late.tally.counts) == {"unchanged"}
    assert keys(empty, late) == {key for key in wanted if days[key] >= tonight.since}
    assert rows(empty) == before


def test_a_document_that_the_capture_lacks_is_a_counted_miss_and_no_page(
    corpus: Path, empty: Settings
) -> None:
    capture = corpus / "china-mfa-zh.warc.gz"
    (order,) = plan.backfill(empty, dt.date(2020, 11, 1), dt.date(2020, 11, 20), ["china-mfa"], capture)
    found = collect(order, empty)
    assert found.tally.counts == {"failed": found.tally.discovered} and found.tally.discovered > 10
    assert found.state == "degraded" and found.misses >= found.tally.discovered
    assert rows(empty)["transcripts"] == 0
    database = Database(empty.database_url)
    with database.read() as session:
        assert set(session.scalars(select(models.Page.reason))) == {"not in the replayed capture"}
    database.close()


def test_a_feed_that_was_captured_often_is_replayed_as_it_was_last(corpus: Path, empty: Settings) -> None:
    capture = corpus / "state-rss.warc.gz"
    (order,) = plan.night(empty, ["state-gov"], capture)
    found = collect(order, empty)
    assert order.today == dt.date(2021, 6, 10)
    assert found.tally.discovered == 10


@pytest.mark.slow
@pytest.mark.parametrize("window", [("2020-05-10", "2020-08-15"), ("2020-06-01", "2020-06-30")])
def test_by_calendar_alone_and_by_listing_alone_the_same_documents_are_found(
    corpus: Path, window: tuple[str, str]
) -> None:
    capture = corpus / "kremlin-en.warc.gz"
    since, until = map(dt.date.fromisoformat, window)
    tape, kremlin = Replay(capture), load_sources()["kremlin"]

    async def fetch(url: str) -> Sheet:
        record = tape.answer(url)
        if record is None:
            raise Missed("not captured", in_replay=True)
        return Sheet(record.url, record.body.decode("utf-8", "replace"))

    async def walk(kind: str) -> tuple[set[str], list[dt.date]]:
        only = tuple(entry for entry in kremlin.discover if entry.kind == kind)
        source = kremlin.model_copy(update={"discover": only})
        found = Walk(source, since, until, dt.date(2020, 8, 28), fetch)
        return {each.key async for each in found.found()}, found.gaps

    def is_captured(day: dt.date) -> bool:
        return tape.answer(f"http://en.kremlin.ru/events/president/news/by-date/{day:%d.%m.%Y}") is not None

    by_calendar, open_days = asyncio.run(walk("calendar"))
    by_listing, gaps = asyncio.run(walk("listing"))
    wanted = {key for key, day in listed(capture).items() if since <= day <= until}
    assert by_calendar == by_listing == wanted
    assert len(wanted) > 50
    assert gaps == []
    # A day stays open where its own page was not captured, or that of a day beside it, which may have its evening.
    assert all(not all(is_captured(day + dt.timedelta(beside)) for beside in (-1, 0, 1)) for day in open_days)
