"""One page from the live web, as politely and as carefully as a crawl: the same settings, and nothing archived."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler import settings as polite
from crawler.courtesy import reason_of
from crawler.middlewares import headers_of
from storage.address import LOCAL, host_of
from storage.warc import Record


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
        now = dt.datetime.now(dt.UTC)
        self.record = Record(response.url, now, response.status, headers_of(response), response.body)

    def fail(self, failure: Failure) -> None:
        self.problem = reason_of(failure.value)


def fetch(url: str, contact: str | None) -> Record:
    """The page at an address. Once a process, since Twisted's reactor can't be started twice.

    Args:
        url: http or https. It may lead elsewhere on its host, and below it.
        contact: stands in the user agent.

    Raises:
        FetchError: it is no web address, robots.txt forbids it, the site does not answer, or not with status 200.
    """
    host = host_of(url).removeprefix("www.")
    if not host:
        raise FetchError(f"{url}: not a web address that can be asked for")
    local = host in LOCAL
    changed = polite.for_job(
        hosts=[host], contact=contact, delay=0.0 if local else polite.DOWNLOAD_DELAY, loopback=local
    )
    changed |= {
        "DOWNLOADER_MIDDLEWARES": {**polite.DOWNLOADER_MIDDLEWARES, "crawler.middlewares.Archiving": None},
        "LOG_ENABLED": False,
    }
    process = AsyncCrawlerProcess(polite.with_these(changed))
    crawler = process.create_crawler(_OnePage)
    process.crawl(crawler, url=url)
    process.start()
    spider = crawler.spider
    if not isinstance(spider, _OnePage) or spider.record is None:
        raise FetchError(f"{url}: {spider.problem if isinstance(spider, _OnePage) else 'not fetched'}")
    if spider.record.status != 200:
        raise FetchError(f"{url}: HTTP {spider.record.status}")
    return spider.record
