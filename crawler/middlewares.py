"""What stands between the spider and the network: every response is archived before anything reads it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, IgnoreRequest, NotConfigured
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from sqlalchemy.exc import DBAPIError

from crawler.job import CrawlJob
from crawler.replay import Replay
from storage.database import Database, DatabaseError
from storage.desk import Apart
from storage.keeper import Keeper
from storage.ledger import Found
from storage.warc import ArchiveError, Record

CAPTURE = "podium_capture"
"""The key in a request's meta under which the spider finds the id of its response's capture."""

LISTED = "podium_listed"
"""The key in a request's meta for a page of discovery: the walk goes on when it is archived."""

MOMENT = "podium_moment"
"""The key in a request's meta for the moment of the capture that answered it in a replay."""

NOT_MODIFIED = 304

COPIED = "podium_copied"
"""The key in a request's meta for somebody else's capture that it asks for, as `storage.ledger.Found`."""


STORAGE_ERRORS = (ArchiveError, DBAPIError, DatabaseError)
"""What is raised when a capture or a row can't be kept."""


def storage_failed(problem: Exception) -> str:
    """The reason that a crawl closes with when it can keep nothing more; one line."""
    cause = str(getattr(problem, "orig", None) or problem).strip() or type(problem).__name__
    return f"storage failed: {cause.splitlines()[0]}"


@contextmanager
def ending_the_crawl() -> Iterator[None]:
    """Ends the crawl, with the reason, where a capture or a row can't be kept."""
    try:
        yield
    except STORAGE_ERRORS as problem:
        raise CloseSpider(storage_failed(problem)) from problem


def headers_of(response: Response) -> tuple[tuple[str, str], ...]:
    """A response's headers, as a record has them."""
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    )


class Miss(IgnoreRequest):
    """A replayed capture has no answer to the request."""


class Archiving:
    """Appends every response to the crawl's WARC file and records its capture; in a replay, answers as well.

    It stands where a response has just been decoded and nothing has looked at it: redirects, error pages and
    robots.txt are archived like all others. When that fails the crawl ends, for what it asks for can't be kept.
    """

    def __init__(self, crawler: Crawler, job: CrawlJob, desk: Apart) -> None:
        self._stats = crawler.stats
        self.database = Database(job.database_url)
        self._replay = Replay(job.replay) if job.replay else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[Future[int], asyncio.Future[None]] = {}
        self.keeper = Keeper(desk, self._answered)
        """What keeps the crawl's pages; the spider writes the ledger by it."""
        crawler.signals.connect(self._finish, signals.spider_idle)
        crawler.signals.connect(self._close, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Scrapy's way to make one; the job and what gives the desk stand in the settings."""
        job, desk = crawler.settings.get("PODIUM_JOB"), crawler.settings.get("PODIUM_DESK")
        if job is None:
            raise NotConfigured("a crawl needs a job; run it by `podium`, not by `scrapy crawl`")
        return cls(crawler, job, desk())

    def process_request(self, request: Request) -> Response | None:
        """In a replay the captured response, so that no request leaves."""
        if self.keeper.failure is not None:
            raise CloseSpider(storage_failed(self.keeper.failure))
        if self._replay is None:
            return None
        record = self._replay.answer(request.url)
        if record is None:
            if self._stats is not None:
                self._stats.inc_value("podium/misses")
            raise Miss("not in the replayed capture")
        headers = Headers(
            [(name, value) for name, value in record.headers if name.lower() != "content-length"]
        )
        kind = responsetypes.from_args(headers=headers, url=request.url, body=record.body)
        request.meta[MOMENT] = record.fetched_at
        return kind(url=request.url, status=record.status, headers=headers, body=record.body)

    async def process_response(self, request: Request, response: Response) -> Response:
        """Archive, record, and pass on when that is done. A copied capture is archived as what it is a copy of.

        What did not change since it was archived comes without a body, and there is nothing to keep.
        """
        if response.status == NOT_MODIFIED:
            return response
        record = Record(
            url=response.url,
            fetched_at=request.meta.get(MOMENT) or dt.datetime.now(dt.UTC),
            status=response.status,
            headers=headers_of(response),
            body=response.body,
        )
        copied: Found | None = request.meta.get(COPIED)
        if copied is not None and copied.moment is not None and response.status == 200:
            record = replace(record, url=copied.url, fetched_at=copied.moment, origin=response.url)
        with ending_the_crawl():
            request.meta[CAPTURE] = await self._kept(record, hurry=request.meta.get(LISTED, False))
        return response

    async def _kept(self, record: Record, *, hurry: bool) -> int:
        """The capture of a record, when it is kept."""
        self._loop = asyncio.get_running_loop()
        kept = self.keeper.keep(record, hurry=hurry)
        heard = self._waiting[kept] = self._loop.create_future()
        await heard
        return kept.result()

    def _answered(self) -> None:
        """Called by the keeper. A wake-up costs as much as a small page, so that many answers share one."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for kept in [each for each in self._waiting if each.done()]:
            heard = self._waiting.pop(kept)
            if not heard.done():
                heard.set_result(None)

    def _finish(self) -> None:
        """A crawl has not come to its end before its last row is written."""
        with ending_the_crawl():
            self.keeper.flush()

    def _close(self) -> None:
        self.keeper.close()
        self.database.close()
