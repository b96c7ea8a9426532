"""The spider: walks a source's listings, fetches the window's documents, writes the ledger."""

from __future__ import annotations

import datetime as dt
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import HtmlResponse, Response, TextResponse
from scrapy.utils.gz import gunzip, gzip_magic_number
from sqlalchemy.orm import Session
from twisted.python.failure import Failure

from crawler.accept import GONE, verdict_on_status
from crawler.ahead import ahead
from crawler.browser import RENDERED
from crawler.courtesy import FORBIDDEN, Astray, Courtesy, LeftAlone, courtesy_of, reason_of
from crawler.discovery import Walk
from crawler.job import CrawlJob
from crawler.markup import MOST_ATTRIBUTES, crowded, decode
from crawler.middlewares import (
    CAPTURE,
    COPIED,
    LISTED,
    NOT_MODIFIED,
    Archiving,
    Miss,
    ending_the_crawl,
)
from crawler.page import Page, wall_on
from crawler.sheets import Sheet
from crawler.source import Feed, SiteMap
from crawler.wayback import Wayback
from crawler.ways import Missed
from storage import earlier, visits
from storage.address import host_of
from storage.keeper import Keeper
from storage.ledger import NOT_ASKED, Found
from storage.models import Disposition

T = TypeVar("T")

AHEAD = 200
"""Documents that the walk may be ahead of the requests for them: some pages of a listing."""

ADDRESSES = 3
"""Addresses of one document in a crawl, from which it is likely that they are several documents'."""

LASTING = frozenset((301, 308))
"""HTTP's statuses of a move that lasts."""

LARGEST_SHEET = 50 * 1024 * 1024
"""Bytes of a packed discovery page, unpacked: what a site map may have by its protocol."""


class BriefingSpider(Spider):
    """Fetches every document of one source in one window, once each."""

    name = "briefing"

    def __init__(self, job: CrawlJob, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        window = (job.source, job.since, job.until, job.today, self._sheet)
        self.walk = Wayback(job.wayback, *window) if job.wayback else Walk(*window, self._wall, job.bookmarks)
        self._seen: set[str] = set()
        self._paths: dict[str, set[str]] = {}  # of each document's addresses
        self._walls = Counter[str]()  # documents in a row that were challenges, by host

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Scrapy's way to make one; the job stands in the settings."""
        return super().from_crawler(crawler, *args, job=crawler.settings["PODIUM_JOB"], **kwargs)

    @property
    def courtesy(self) -> Courtesy:
        """What the crawl knows of the hosts it asks."""
        return courtesy_of(self.crawler)

    async def start(self) -> AsyncIterator[Any]:
        """A request for each document that the walk finds, as it finds it; then for those that are due besides."""
        async for found in ahead(self.walk.found(), AHEAD):
            for request in self._requests(found):
                yield request
        if self.job.revisit:
            with self._keeping():
                due = self._read(self._due)
            for request in self._requests(due):
                yield request
        self.walk.notes += self._taken_for_one()

    def _due(self, session: Session) -> list[Found]:
        """The pages that are due though nothing lists them: known ones, and those that no night could read.

        Not at an address that the source's file calls no document, as it may have when it had another pattern.
        """
        asked, key = (session, self.job.source.id, self.job.today), self.job.source.key
        due = visits.due(*asked) + earlier.due_again(*asked)
        return [each for each in due if key(each.url) is not None]

    def _requests(self, listed: Sequence[Found]) -> list[Request]:
        """Write documents down; requests for those that are due and not known to the run."""
        new = {found.page: found for found in listed if found.page not in self._seen}
        self._seen.update(new)
        for found in listed:
            if found.moment is None and len(paths := self._paths.setdefault(found.key, set())) < ADDRESSES:
                paths.add(urlsplit(found.url).path.rstrip("/"))
        out = []
        with self._keeping() as keeper:
            plan = self._plan(new.values())
            for found in new.values():
                keeper.discovered(found)
                if told := self._told.get(found.page):
                    keeper.settle(found.page, *told)
                    continue
                visit = plan.get(found.key, visits.Visit())
                if visit.is_due(found.date_hint):
                    out.append(self._request(found, visit))
                else:
                    when = f"before {visit.next_on}" if visit.next_on else "again: it is old"
                    keeper.settle(found.page, "unchanged", f"{NOT_ASKED} {when}")
        return out

    def _taken_for_one(self) -> list[str]:
        """A note where an id stands for many addresses, and all but one of them were not asked for."""
        crowded = [key for key, paths in self._paths.items() if len(paths) >= ADDRESSES]
        if not crowded:
            return []
        shown = f"{crowded[0]}: {', '.join(sorted(self._paths[crowded[0]]))}"
        return [
            f"{len(crowded)} of the ids stand for {ADDRESSES} addresses or more, of which one was asked for: "
            f"the id in the source's `document` may be too short ({shown})"
        ]

    def _request(self, found: Found, visit: visits.Visit) -> Request:
        return Request(
            self.walk.address(found),
            callback=self.document,
            errback=self.lost,
            cb_kwargs={"found": found, "published": visit.published},
            # A browser that is told of no change shows none of the page.
            headers={} if self.job.chromium else visit.headers,
            # A redirect among captures leads to another one than the index named.
            meta={COPIED: found, "dont_redirect": True} if found.moment else self._with_browser(),
            dont_filter=True,
        )

    def _plan(self, new: Collection[Found]) -> dict[str, visits.Visit]:
        """Whether and how to ask for the known ones. A capture costs its site nothing, so it is always read."""
        source, job = self.job.source.id, self.job
        if not new or job.again or job.replay or job.wayback:
            return {}
        keys = [found.key for found in new]
        return self._read(lambda session: visits.plan(session, source, keys, job.today))

    @cached_property
    def _told(self) -> dict[str, earlier.Told]:
        return self._read(lambda session: earlier.answers(session, self.job.asked)) if self.job.asked else {}

    def _read(self, what: Callable[[Session], T]) -> T:
        with self._archiving.database.read() as session:
            return what(session)

    def document(self, response: Response, found: Found, published: dt.date | None) -> None:
        """Note the capture; a response that can't be a document is settled here and now."""
        source = self.job.source
        verdict = verdict_on_status(response.status)
        if response.status == NOT_MODIFIED and found.moment is None and not _asked_whether(response):
            self._settle(found, "failed", "HTTP 304: not modified, though the whole page was asked for")
        elif response.status == NOT_MODIFIED:
            with self._keeping() as keeper:
                keeper.unmodified(found.key, published)
            self._settle(found, "unchanged", "HTTP 304: not modified")
        elif response.status in GONE and found.moment is None:
            with self._keeping() as keeper:
                keeper.missing(found, f"HTTP {response.status}")
        elif verdict is not None:
            self._settle(found, *verdict)
        elif found.moment is None and source.key(response.url) is None:
            # On another day a redirect that is no lasting one may lead to the document again.
            reasons = response.meta.get("redirect_reasons", ())
            how = "redirected for good" if reasons and LASTING.issuperset(reasons) else "redirected"
            self._settle(found, "rejected", f"{how} to {response.url}, which is no document")
        elif found.moment is None and (wall := wall_on(_page(response), source)):
            # A short page with somebody's captcha form may be its own; a wall stands before the next one too.
            self._walls[host_of(response.url)] += 1
            if self._walls[host_of(response.url)] > 1:
                self._wall(response.url, wall)
            self._settle(found, "blocked", f"challenge: {wall}")
        else:
            self._walls[host_of(response.url)] = 0
            with self._keeping() as keeper:
                keeper.fetched(found.page, response.meta[CAPTURE])

    def lost(self, failure: Failure) -> None:
        """A request without a response."""
        found = failure.request.cb_kwargs["found"]  # type: ignore[attr-defined]
        problem = failure.value
        if isinstance(problem, CloseSpider):
            raise problem
        self._settle(found, _disposition(problem), reason_of(problem))

    async def _sheet(self, url: str) -> Sheet:
        """A discovery page, through the same middlewares as any other."""
        assert self.crawler.engine is not None
        try:
            # A browser shows a feed or a site map as a page of its own.
            page = isinstance(self.walk, Walk) and not isinstance(self.walk.way, Feed | SiteMap)
            meta = {LISTED: True} | (self._with_browser() if page else {})
            request = Request(url, meta=meta, dont_filter=True)
            response = await self.crawler.engine.download_async(request)
        except CloseSpider:
            raise
        except Exception as problem:
            missed = Missed(
                reason_of(problem), in_replay=isinstance(problem, Miss), told=isinstance(problem, LeftAlone)
            )
            raise missed from problem
        if response.status != 200:
            raise Missed(f"HTTP {response.status}", absent=response.status in GONE)
        if gzip_magic_number(response):
            return Sheet(response.url, _unpacked(response))
        if not isinstance(response, TextResponse):
            raise Missed("not a text")
        if isinstance(response, HtmlResponse):
            text = decode(response.body, (response.headers.get("Content-Type") or b"").decode("latin-1"))
            if crowded(text):
                raise Missed(f"a tag has over {MOST_ATTRIBUTES:,} attributes")
            return Sheet(response.url, text)
        try:
            return Sheet(response.url, response.text)
        except ValueError as problem:  # an encoding of Python's that is none of texts
            raise Missed(f"not a text: {problem}") from problem

    def _with_browser(self) -> dict[str, Any]:
        """The meta of a request for a page, which a browser fetches where the source needs one."""
        return {RENDERED: True} if self.job.chromium else {}

    def _wall(self, url: str, wall: str) -> None:
        """A challenge in place of a page: every further request would only meet it again."""
        self.courtesy.leave(host_of(url), f"a challenge: {wall}")

    @property
    def _archiving(self) -> Archiving:
        found = self.crawler.get_downloader_middleware(Archiving)
        assert found is not None
        return found

    @contextmanager
    def _keeping(self) -> Iterator[Keeper]:
        """What writes the ledger; the crawl ends when the database fails."""
        with ending_the_crawl():
            yield self._archiving.keeper

    def _settle(self, found: Found, disposition: Disposition, reason: str) -> None:
        with self._keeping() as keeper:
            keeper.settle(found.page, disposition, reason)


def _disposition(problem: BaseException | None) -> Disposition:
    """What a request that came to nothing makes of its page."""
    if isinstance(problem, LeftAlone):
        return problem.disposition
    if isinstance(problem, Astray):
        return "rejected"
    return "blocked" if reason_of(problem) == FORBIDDEN else "failed"


def _asked_whether(response: Response) -> bool:
    """Whether it was only asked whether the page had changed."""
    asked = response.request.headers if response.request is not None else {}
    return "If-None-Match" in asked or "If-Modified-Since" in asked


def _page(response: Response) -> Page:
    return Page(response.url, response.body, (response.headers.get("Content-Type") or b"").decode("latin-1"))


def _unpacked(response: Response) -> str:
    """The text of a file that is gzip by itself, as site maps are, whatever the transfer did."""
    try:
        return gunzip(response.body, max_size=LARGEST_SHEET).decode("utf-8", "replace")
    except (ValueError, OSError, EOFError, zlib.error) as problem:
        raise Missed(f"a gzip file that can't be unpacked: {problem}") from problem
