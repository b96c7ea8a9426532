"""The script that a user writes in an afternoon, a baseline of `benchmarks.night`: Scrapy, Trafilatura, an insert.

Run: ``python -m benchmarks.afternoon ADDRESS FILE``. It follows the listing to its documents, reads each with
Trafilatura's defaults where it is fetched, and inserts it into an SQLite file, committed at once. It archives
nothing, knows no speakers, and can't tell a wall from a page.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import trafilatura
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from trafilatura.settings import Document


class Afternoon(Spider):
    """Follows the listing from page to page, and keeps the text of every document."""

    name = "afternoon"

    def __init__(self, address: str, file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._address = address
        self._database = sqlite3.connect(file)
        self._database.execute(
            "CREATE TABLE briefings (url TEXT PRIMARY KEY, date TEXT, title TEXT, text TEXT)"
        )

    async def start(self) -> AsyncIterator[Any]:
        """The first page of the listing."""
        yield Request(f"{self._address}/briefings/", self.listing)

    def listing(self, response: Response) -> Iterator[Request]:
        """The documents that it links, and the page that follows."""
        for link in response.css("ul.briefings a::attr(href)").getall():
            yield response.follow(link, self.document)
        for link in response.css("a[rel=next]::attr(href)").getall():
            yield response.follow(link, self.listing)

    def document(self, response: Response) -> None:
        """Its date, title and text, by Trafilatura."""
        found = trafilatura.bare_extraction(response.text, url=response.url, with_metadata=True)
        if isinstance(found, Document):
            row = (response.url, found.date, found.title, found.text)
            self._database.execute("INSERT OR IGNORE INTO briefings VALUES (?, ?, ?, ?)", row)
            self._database.commit()


def main() -> None:
    """Crawl, with Scrapy's defaults less its manners: the site is on this machine."""
    process = AsyncCrawlerProcess(
        {
            "DOWNLOAD_DELAY": 0,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
            "ROBOTSTXT_OBEY": True,
            "LOG_LEVEL": "ERROR",
        }
    )
    process.crawl(Afternoon, address=sys.argv[1], file=sys.argv[2])
    process.start()


if __name__ == "__main__":
    main()
