"""What stands between the spider and the network: every response is archived before anything reads it."""

from __future__ import annotations

import datetime as dt
from typing import Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, IgnoreRequest, NotConfigured
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from crawler.job import CrawlJob
from crawler.replay import Replay
from storage.archive import Archive, ArchiveError, Record
from storage.database import Database
from storage.models import Capture

CAPTURE = "podium_capture"
"""The key in a request's meta under which the spider finds the id of its response's capture."""


STORAGE_ERRORS = (ArchiveError, DBAPIError)
"""What is raised when a capture or a row can't be kept."""


def storage_failed(problem: Exception) -> str:
    """The reason that a crawl closes with when it can keep nothing more; one line."""
    cause = str(getattr(problem, "orig", None) or problem).strip() or type(problem).__name__
    return f"storage failed: {cause.splitlines()[0]}"


class Miss(IgnoreRequest):
    """A replayed capture has no answer to the request."""


class Archiving:
    """Appends every response to the crawl's WARC file and records its capture; in a replay, answers as well.

    It stands where a response has just been decoded and nothing has looked at it: redirects, error pages and
    robots.txt are archived like all others. When that fails the crawl ends, for what it asks for can't be kept.
    """

    def __init__(self, crawler: Crawler, job: CrawlJob) -> None:
        self._job = job
        self._stats = crawler.stats
        self._database = Database(job.database_url)
        self._writer = Archive(job.archive).writer(job.source.id, job.run_id, dt.datetime.now(dt.UTC))
        self._replay = Replay(job.replay) if job.replay else None
        self._failure: str | None = None
        crawler.signals.connect(self._close, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Scrapy's way to make one; the job stands in the settings."""
        job = crawler.settings.get("PODIUM_JOB")
        if job is None:
            raise NotConfigured("a crawl needs a job; run it by `podium`, not by `scrapy crawl`")
        return cls(crawler, job)

    def process_request(self, request: Request) -> Response | None:
        """In a replay the captured response, so that no request leaves."""
        if self._failure is not None:
            raise CloseSpider(self._failure)
        if self._replay is None:
            return None
        record = self._replay.answer(request.url)
        if record is None:
            self._count("podium/misses")
            raise Miss("not in the replayed capture")
        headers = Headers(
            [(name, value) for name, value in record.headers if name.lower() != "content-length"]
        )
        kind = responsetypes.from_args(headers=headers, url=request.url, body=record.body)
        request.meta["podium_moment"] = record.fetched_at
        return kind(url=request.url, status=record.status, headers=headers, body=record.body)

    def process_response(self, request: Request, response: Response) -> Response:
        """Archive, record, and pass on."""
        record = Record(
            url=response.url,
            fetched_at=request.meta.get("podium_moment") or dt.datetime.now(dt.UTC),
            status=response.status,
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, values in response.headers.items()
                for value in values
            ),
            body=response.body,
        )
        try:
            request.meta[CAPTURE] = self._keep(record)
        except STORAGE_ERRORS as problem:
            self._failure = storage_failed(problem)
            raise CloseSpider(self._failure) from problem
        return response

    def _keep(self, record: Record) -> int:
        digest = record.digest
        same = (
            Capture.url == record.url,
            Capture.fetched_at == record.fetched_at,
            Capture.digest == digest,
        )
        if self._replay is not None:
            with self._database.read() as session:
                known = session.scalar(select(Capture.id).where(*same))
            if known is not None:
                return known
        location = self._writer.write(record)
        with self._database.write() as session:
            capture = Capture(
                source=self._job.source.id,
                url=record.url,
                fetched_at=record.fetched_at,
                status=record.status,
                content_type=record.header("content-type")[:200],
                digest=digest,
                size=len(record.body),
                warc=location.warc,
                offset=location.offset,
                length=location.length,
            )
            session.add(capture)
            session.flush()
            return capture.id

    def _count(self, name: str) -> None:
        if self._stats is not None:
            self._stats.inc_value(name)

    def _close(self) -> None:
        self._writer.close()
        self._database.close()
