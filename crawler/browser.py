"""The browser of sources that say ``render = true``: whether it is there, and what it may do.

Nothing here imports Playwright, which is an extra; `crawler.render` does, once a crawl needs it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies

from crawler.source import Source, SourceError
from storage.address import host_of, is_on

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
"""Names under which a browser is looked for on PATH."""

NEEDED = frozenset({"document", "script", "xhr", "fetch"})
"""What a page's text may come from; images, styles and fonts are not asked for."""

RENDERED = "playwright"
"""The key in a request's meta that says that a browser is to fetch it."""


class _Wanted(Protocol):
    """A request of a page, as Playwright describes it."""

    url: str
    resource_type: str


def browser_for(source: Source, chromium: Path | None) -> Path:
    """The browser that renders a source's pages.

    Args:
        source: one with ``render = true``.
        chromium: the program; None for the first of `CHROMIUMS`.

    Raises:
        SourceError: something is not installed; one line that says what to install.
    """
    if find_spec("scrapy_playwright") is None:
        raise SourceError(f"{source.id}: its pages need a browser: install podium[render], and Chromium")
    if chromium is not None:
        if not os.access(chromium, os.X_OK):
            raise SourceError(f"{source.id}: its pages need a browser, and {chromium} is no program")
        return chromium
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        raise SourceError(
            f"{source.id}: its pages need a browser: install Chromium, or name one in PODIUM_CHROMIUM"
        )
    return Path(found)


def proxies() -> frozenset[str]:
    """The hosts of the proxies that whoever runs a crawl has named; they may well stand in their own network."""
    named = (url if "://" in url else f"//{url}" for url in getproxies().values())
    return frozenset(host for url in named if (host := urlsplit(url).hostname))


def for_browser(
    chromium: Path, hosts: Sequence[str], timeout: float, reachable: Callable[[str], bool]
) -> dict[str, Any]:
    """Scrapy's settings for a crawl that renders pages.

    Args:
        chromium: the program.
        hosts: those that a page may ask, and the hosts below them.
        timeout: seconds that one page may take.
        reachable: whether a crawl may connect to an IP address.
    """
    # Playwright's own look at a page's requests does not see where they are redirected to; this does.
    known = [*(pattern for host in hosts for pattern in (host, f"*.{host}")), *proxies()]
    rules = ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {pattern}" for pattern in known)])

    async def abort(request: _Wanted) -> bool:
        host = host_of(request.url)
        if request.resource_type not in NEEDED or not is_on(host, hosts):
            return True
        if proxies():  # which look names up themselves
            return False
        # A page's own scripts, frames and forms may ask a name below its host that leads inside.
        try:
            places = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError:
            return False  # the browser finds that out, and says so
        return not all(reachable(str(place[4][0]).partition("%")[0]) for place in places)

    return {
        "DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), "crawler.render.Rendered"),
        "PLAYWRIGHT_ABORT_REQUEST": abort,
        "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": timeout * 1000,
        "PLAYWRIGHT_LAUNCH_OPTIONS": {
            "executable_path": str(chromium),
            "headless": True,
            "chromium_sandbox": os.geteuid() != 0,  # Chromium's does not work for root
            # WebRTC heeds no rules for names: its packets would reach any address that a script names.
            "args": [
                f"--host-resolver-rules={rules}",
                "--webrtc-ip-handling-policy=disable_non_proxied_udp",
            ],
        },
    }
