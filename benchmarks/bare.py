"""A bare Scrapy spider, the baseline of `benchmarks.crawl`: it follows a listing to its documents, keeps nothing.

Run: ``python -m benchmarks.bare ADDRESS [ASKED]``. It has Podium's settings of a crawl, less Podium's own classes.
ASKED is a file of requests as the benchmark's site gives them: then it makes those and no others.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from scrapy.settings import Settings

from crawler import settings as polite


class Bare(Spider):
    """Follows the listing from page to page, and every link to a document on it."""

    name = "bare"

    def __init__(self, address: str, asked: dict[str, str | None] | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._address = address
        self._asked = asked

    async def start(self) -> AsyncIterator[Any]:
        """The first page of the listing."""
        yield self._request("/briefings/", self.listing)

    def listing(self, response: Response) -> Iterator[Request]:
        """The documents that it links, and the page that follows."""
        for path in response.css("ul.briefings a::attr(href)").getall():
            if self._asked is None or path in self._asked:
                yield self._request(path, self.document)
        for path in response.css("a[rel=next]::attr(href)").getall():
            yield self._request(path, self.listing)

    def document(self, response: Response) -> None:
        """Nothing is kept."""

    def _request(self, path: str, callback: Any) -> Request:
        etag = (self._asked or {}).get(path)
        return Request(self._address + path, callback, headers={"If-None-Match": etag} if etag else None)


def main() -> None:
    """Crawl."""
    ours = ("DOWNLOADER_MIDDLEWARES", "DOWNLOAD_HANDLERS", "TWISTED_DNS_RESOLVER")
    settings = Settings(
        {name: value for name, value in vars(polite).items() if name.isupper() and name not in ours}
    )
    settings.update(polite.for_job(hosts=[], contact=None, delay=0, loopback=True))
    asked = dict(json.loads(Path(sys.argv[2]).read_text())) if len(sys.argv) > 2 else None
    process = AsyncCrawlerProcess(settings)
    process.crawl(Bare, address=sys.argv[1], asked=asked)
    process.start()


if __name__ == "__main__":
    main()
