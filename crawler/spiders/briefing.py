"""The spider: walks a source's listings, fetches the window's documents, writes the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response, TextResponse
from twisted.python.failure import Failure

from crawler.accept import GONE, verdict_on_status
from crawler.discovery import Missed, Sheet, Walk
from crawler.job import CrawlJob
from crawler.middlewares import CAPTURE, COPIED, Miss
from crawler.wayback import Wayback
from storage import ledger
from storage.database import Database
from storage.ledger import Found
from storage.models import Disposition


class BriefingSpider(Spider):
    """Fetches every document of one source in one window, once each."""

    name = "briefing"

    def __init__(self, job: CrawlJob, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.allowed_domains = list(job.source.hosts)
        window = (job.source, job.since, job.until, job.today, self._sheet)
        self.walk = Wayback(job.wayback, *window) if job.wayback else Walk(*window)
        self._database = Database(job.database_url)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Scrapy's way to make one; the job stands in the settings."""
        return super().from_crawler(crawler, *args, job=crawler.settings["PODIUM_JOB"], **kwargs)

    async def start(self) -> AsyncIterator[Any]:
        """A request for each document that the walk finds, as it finds it."""
        async for found in self.walk.found():
            with self._database.write() as session:
                fresh = ledger.discovered(session, self.job.run_id, found)
            if fresh:
                yield Request(
                    self.walk.address(found),
                    callback=self.document,
                    errback=self.lost,
                    cb_kwargs={"found": found},
                    # A redirect among captures leads to another one than the index named.
                    meta={COPIED: found, "dont_redirect": True} if found.moment else {},
                    dont_filter=True,
                )

    def document(self, response: Response, found: Found) -> None:
        """Note the capture; a response that can't be a document is settled here and now."""
        verdict = verdict_on_status(response.status)
        if verdict is not None:
            self._settle(found, *verdict)
        elif found.moment is None and self.job.source.key(response.url) is None:
            self._settle(found, "rejected", f"redirected to {response.url}, which is no document")
        else:
            with self._database.write() as session:
                ledger.fetched(session, self.job.run_id, found.page, response.meta[CAPTURE])

    def lost(self, failure: Failure) -> None:
        """A request without a response."""
        found = failure.request.cb_kwargs["found"]  # type: ignore[attr-defined]
        problem = failure.value
        reason = _reason(problem)
        blocked = isinstance(problem, IgnoreRequest) and "robots" in reason
        self._settle(found, "blocked" if blocked else "failed", reason)

    async def _sheet(self, url: str) -> Sheet:
        """A discovery page, through the same middlewares as any other."""
        assert self.crawler.engine is not None
        try:
            response = await self.crawler.engine.download_async(Request(url, dont_filter=True))
        except Exception as problem:
            raise Missed(_reason(problem), in_replay=isinstance(problem, Miss)) from problem
        if response.status != 200:
            raise Missed(f"HTTP {response.status}", absent=response.status in GONE)
        if not isinstance(response, TextResponse):
            raise Missed("not a text")
        return Sheet(response.url, response.text)

    def _settle(self, found: Found, disposition: Disposition, reason: str) -> None:
        with self._database.write() as session:
            ledger.settle(session, self.job.run_id, found.page, disposition, reason)


def _reason(problem: BaseException | None) -> str:
    """One line about a failed request."""
    text = " ".join(str(problem).split())
    name = type(problem).__name__
    if isinstance(problem, IgnoreRequest):
        return "forbidden by robots.txt" if "robots" in text.lower() else (text or "ignored")
    return f"{name}: {text}"[:300] if text else name
