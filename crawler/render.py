"""Pages through a real browser: what a crawl gets is the page as its scripts have built it, written as HTML.

Every page has a browser context of its own, so none finds another's cookies or storage. Needs the extra `render`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Any
from urllib.request import getproxies

from playwright.async_api import Error as PlaywrightError
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError, DownloadFailedError, DownloadTimeoutError
from scrapy.http import Response
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler
from scrapy_playwright.page import PageMethod

from crawler.browser import RENDERED
from crawler.courtesy import courtesy_of
from crawler.resolver import reachable

QUIET = 10_000
"""Milliseconds in which a page's scripts may come to rest; one that never does is taken as it is then."""

CLOSING = 5.0
"""Seconds in which a page has to close; its scripts may not let it."""

MARK = "X-Podium-Rendered"
"""The header of a response that a browser has built; its value is the browser. No server sends it."""


class Rendered(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]
    """Scrapy-playwright's handler, in turn like `crawler.handlers.InTurn`; for DOWNLOAD_HANDLERS."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._numbers = itertools.count(1)
        self._timeout = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        self._largest = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self._loopback = crawler.settings.getbool("PODIUM_LOOPBACK")
        self._agent = crawler.settings["USER_AGENT"]

    async def download_request(self, request: Request) -> Response:
        """Wait, and fetch the page: with the browser where the request asks for it."""
        await courtesy_of(self.crawler).turn(request)
        if not request.meta.get(RENDERED):
            plain: Response = await super().download_request(request)
            return plain
        context = f"page {next(self._numbers)}"
        request.meta["playwright_context"] = context
        request.meta["playwright_context_kwargs"] = {
            "accept_downloads": False,
            "service_workers": "block",
            "user_agent": self._agent,
        }
        request.meta["playwright_page_methods"] = [PageMethod(_come_to_rest)]
        try:
            async with asyncio.timeout(self._timeout):
                response: Response = await super().download_request(request)
        except TimeoutError as problem:
            late = f"Getting {request.url} took longer than {self._timeout} seconds."
            raise DownloadTimeoutError(late) from problem
        except PlaywrightError as problem:
            raise DownloadFailedError(str(problem).splitlines()[0]) from problem
        finally:
            await self._close_context(context)
        return self._accepted(response)

    def _accepted(self, response: Response) -> Response:
        """The response, marked as rendered.

        Raises:
            DownloadCancelledError: it is too large, or came from where no site of its kind is.
        """
        if len(response.body) > self._largest:
            raise DownloadCancelledError(
                f"the rendered page has more than DOWNLOAD_MAXSIZE {self._largest} bytes"
            )
        address = response.ip_address
        # With a proxy it is the proxy's, which may stand in one's own network.
        if address and not getproxies() and not reachable(str(address), loopback=self._loopback):
            raise DownloadCancelledError(f"it was served from {address}, which is not on the web")
        version = f"Chromium {self.browser.version}" if hasattr(self, "browser") else "Chromium"
        response.headers[MARK] = version
        return response

    async def _close_context(self, name: str) -> None:
        wrapper = self.context_wrappers.get(name)
        if wrapper is None:
            return
        try:
            async with asyncio.timeout(CLOSING):
                await wrapper.context.close()
        except (TimeoutError, PlaywrightError):
            # A page that can't be closed would go on for ever; the next one starts a new browser.
            await self.browser.close()


async def _come_to_rest(page: Any) -> None:
    with contextlib.suppress(PlaywrightError):
        await page.wait_for_load_state("networkidle", timeout=QUIET)
    content = page.content

    async def whole() -> str:
        """Half of an emoji, as a script leaves that cuts a text short, can't be written in any set."""
        text: str = await content()
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    page.content = whole
