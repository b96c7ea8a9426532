"""One page from the live web, as politely as a crawl: robots.txt, a named user agent, limits of size and time."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.python.failure import Failure

from crawler import settings as polite
from storage.archive import Record


class FetchError(Exception):
    """The page could not be had; one line."""


class _OnePage(Spider):
    name = "one-page"
    record: Record | None = None
    problem: str = "no answer"

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(**more)
        self.url = url

    async def start(self) -> AsyncIterator[Any]:
        yield Request(self.url, callback=self.keep, errback=self.fail)

    def keep(self, response: Response) -> None:
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in response.headers.items()
            for value in values
        )
        self.record = Record(response.url, dt.datetime.now(dt.UTC), response.status, headers, response.body)

    def fail(self, failure: Failure) -> None:
        text = " ".join(str(failure.value).split())
        self.problem = text or type(failure.value).__name__


def fetch(url: str, contact: str | None) -> Record:
    """The page at an address. Once a process, since Twisted's reactor can't be started twice.

    Args:
        url: http or https.
        contact: stands in the user agent.

    Raises:
        FetchError: robots.txt forbids it, the site does not answer, or not with status 200.
    """
    settings = Settings()
    settings.setmodule(polite, priority="project")
    settings.set("DOWNLOADER_MIDDLEWARES", {}, priority="cmdline")  # nothing is archived
    settings.set("LOG_ENABLED", False, priority="cmdline")
    for name, value in polite.for_job(contact=contact, delay=1.0, loopback=False, replay=False).items():
        settings.set(name, value, priority="cmdline")
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(_OnePage)
    process.crawl(crawler, url=url)
    process.start()
    spider = crawler.spider
    if not isinstance(spider, _OnePage) or spider.record is None:
        raise FetchError(f"{url}: {spider.problem if isinstance(spider, _OnePage) else 'not fetched'}")
    if spider.record.status != 200:
        raise FetchError(f"{url}: HTTP {spider.record.status}")
    return spider.record
