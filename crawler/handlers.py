"""The last gate before a request leaves: here it waits for its turn, after everything else has let it pass.

A turn that is taken any earlier would be over by the time that Scrapy's own queue sends the request.
"""

from __future__ import annotations

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.http import Response

from crawler.courtesy import courtesy_of


class InTurn(HTTP11DownloadHandler):
    """Scrapy's handler of http and https, in turn; for DOWNLOAD_HANDLERS."""

    async def download_request(self, request: Request) -> Response:
        """Wait, send, and return what is answered."""
        await courtesy_of(self.crawler).turn(request)
        return await super().download_request(request)
